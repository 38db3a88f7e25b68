/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot against what /proc says: sockets of two network namespaces, with their owners. */
#include <arpa/inet.h>
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

#define SOCKETS_MAX 64

static const struct na_record_found *find_found(const struct collected *collected, uint32_t pid,
						int fd)
{
	for (size_t i = 0; i < collected->count; i++) {
		const struct na_record_found *found =
			(const struct na_record_found *)collected->records[i];

		if (found->header.type == NA_RECORD_FOUND && found->header.pid == pid &&
		    found->fd == (uint32_t)fd)
			return found;
	}
	return NULL;
}

/* The line of /proc/PID/net/FILE with the inode must have the record's ports and state. */
static bool line_agrees(pid_t pid, const char *file, const struct na_record_found *found)
{
	char path[64], line[512];
	bool agrees = false;
	FILE *table;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, file);
	table = fopen(path, "re");
	assert_non_null(table);
	while (!agrees && fgets(line, sizeof(line), table)) {
		unsigned int local_port, remote_port, tcp_state;
		unsigned long inode;

		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%x %x %*s %*s %*s %*u %*d %lu",
			   &local_port, &remote_port, &tcp_state, &inode) != 4 ||
		    inode != found->inode)
			continue;
		agrees = local_port == found->local_port && remote_port == found->remote_port &&
			 tcp_state == found->state;
	}
	fclose(table);
	return agrees;
}

static bool in_any_table(pid_t pid, const struct na_record_found *found)
{
	static const char *const tables[] = {"tcp", "tcp6", "udp", "udp6"};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (line_agrees(pid, tables[i], found))
			return true;
	return false;
}

/* Every socket descriptor of the process, as /proc names it, is in the snapshot with its inode. */
static size_t check_process(const struct collected *collected, pid_t pid)
{
	char path[64], target[64], link[320];
	const struct dirent *entry;
	unsigned long inode;
	size_t count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	folder = opendir(path);
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		const struct na_record_found *found;
		ssize_t length;

		snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
		length = readlink(link, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		found = find_found(collected, (uint32_t)pid, atoi(entry->d_name));
		assert_non_null(found);
		assert_int_equal(found->inode, inode);
		assert_true(found->cookie != 0);
		assert_true(in_any_table(pid, found));
		count++;
	}
	closedir(folder);
	return count;
}

static void open_sockets(void)
{
	int families[] = {AF_INET, AF_INET6};

	for (int i = 0; i < 2; i++) {
		struct sockaddr_storage address;
		socklen_t size = loopback_address(families[i], 0, &address);
		int datagram = socket(families[i], SOCK_DGRAM, 0), client, server;

		assert_int_equal(bind(datagram, (struct sockaddr *)&address, size), 0);
		pair_connect(listener_open(families[i]), families[i], &client, &server);
	}
}

#define OPENED 8 /* what open_sockets leaves */

/* A child in a network namespace of its own, with sockets open; lives until it is killed. */
static pid_t start_elsewhere(void)
{
	int fds[2];
	char ready;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (!child) {
		if (unshare(CLONE_NEWNET) < 0 || loopback_up() < 0)
			_exit(1);
		open_sockets();
		if (write(fds[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &ready, 1), 1);
	close(fds[0]);
	return child;
}

static void it_agrees_with_proc(void **state)
{
	pid_t elsewhere = start_elsewhere();
	struct na_capture_options options = fixture_options();
	struct collected collected = {0};
	const struct na_record_found *here, *there;
	struct na_capture *capture;

	(void)state;
	open_sockets();
	options.snapshot = true;
	capture = fixture_open(&options);
	assert_int_equal(na_capture_snapshot(capture), 0);
	assert_true(na_capture_drain(capture, collect, &collected) >= 0);
	assert_int_equal(check_process(&collected, getpid()), OPENED);
	assert_true(check_process(&collected, elsewhere) >= OPENED);
	here = collected_find(&collected, NA_RECORD_FOUND, 0);
	assert_non_null(here);
	for (int fd = 0; fd < SOCKETS_MAX; fd++) {
		here = find_found(&collected, (uint32_t)getpid(), fd);
		there = find_found(&collected, (uint32_t)elsewhere, fd);
		if (here && there)
			assert_int_not_equal(here->netns, there->netns);
	}
	kill(elsewhere, SIGKILL);
	waitpid(elsewhere, NULL, 0);
	collected_done(&collected);
	na_capture_close(&capture);
}

static void check_passed(const struct collected *collected, int fd, uint64_t sent,
			 uint64_t received)
{
	const struct na_record_found *found = find_found(collected, (uint32_t)getpid(), fd);

	assert_non_null(found);
	assert_int_equal(found->sent_bytes, sent);
	assert_int_equal(found->received_bytes, received);
	assert_true((found->sent_packets > 0) == (sent || received));
	assert_true((found->received_packets > 0) == (sent || received));
}

/* Payload only: the FIN of one end is in the other's count in the kernel. */
static void what_passed_so_far_is_told(void **state)
{
	struct na_capture_options options = fixture_options();
	struct collected collected = {0};
	struct na_capture *capture;
	int listener = listener_open(AF_INET), client, server;
	char text[5];

	(void)state;
	pair_connect(listener, AF_INET, &client, &server);
	assert_int_equal(send(client, "12345", 5, 0), 5);
	assert_int_equal(recv(server, text, 5, MSG_WAITALL), 5);
	assert_int_equal(send(server, "123", 3, 0), 3);
	assert_int_equal(recv(client, text, 3, MSG_WAITALL), 3);
	shutdown(client, SHUT_WR);
	assert_int_equal(recv(server, text, 1, 0), 0); /* its FIN came */
	options.snapshot = true;
	capture = fixture_open(&options);
	assert_int_equal(na_capture_snapshot(capture), 0);
	assert_true(na_capture_drain(capture, collect, &collected) >= 0);
	check_passed(&collected, client, 5, 3);
	check_passed(&collected, server, 3, 5);
	check_passed(&collected, listener, 0, 0);
	collected_done(&collected);
	na_capture_close(&capture);
	close(client);
	close(server);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_agrees_with_proc),
		cmocka_unit_test(what_passed_so_far_is_told),
	};

	fixture_require_programs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
