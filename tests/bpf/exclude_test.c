/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.exclude in the kernel: for excluded traffic the rings do not move. Others may speak
 * meanwhile, so each case looks for one quiet repetition; without the rule none is.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
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

#include "capture/cgroup_root.h"
#include "capture/rules.h"
#include "fixture.h"

#define REPETITIONS 300

struct parts {
	struct na_filter *filter;
	struct na_rules *rules;
	struct na_capture *capture;
};

static void open_with(const char *text, const char *disable, struct parts *parts)
{
	struct na_capture_options options = fixture_options();
	struct na_buffer why = {0};
	bool taken;

	memset(parts, 0, sizeof(*parts));
	options.disable = disable;
	if (text) {
		assert_int_equal(na_filter_parse(text, &parts->filter, &why), 0);
		assert_int_equal(na_rules_new(&parts->filter, 1, &taken, &parts->rules), 0);
		assert_true(taken);
		options.rules = parts->rules;
	}
	parts->capture = fixture_open(&options);
	na_buffer_done(&why);
}

static void close_parts(struct parts *parts)
{
	na_capture_close(&parts->capture);
	na_rules_free(parts->rules);
	na_filter_free(parts->filter);
}

/* From connect on: the sockets are there, since an address is not known before. */
struct sockets {
	int listener, client, server, datagram;
};

static void make_sockets(int family, struct sockets *sockets)
{
	sockets->listener = listener_open(family);
	sockets->client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sockets->datagram = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void speak_to(struct sockets *sockets, const struct sockaddr *address, socklen_t size)
{
	char byte = 0;

	assert_int_equal(connect(sockets->client, address, size), 0);
	sockets->server = accept4(sockets->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(sockets->server >= 0);
	assert_int_equal(write(sockets->client, &byte, 1), 1);
	assert_int_equal(read(sockets->server, &byte, 1), 1);
	assert_int_equal(shutdown(sockets->client, SHUT_WR), 0);
	/* A flow is a record when its socket goes or the agent asks. */
	assert_int_equal(sendto(sockets->datagram, &byte, 1, 0, address, size), 1);
}

static void speak(int family, struct sockets *sockets)
{
	struct sockaddr_storage address;
	socklen_t size = loopback_address(family, socket_port(sockets->listener), &address);

	speak_to(sockets, (struct sockaddr *)&address, size);
}

static void close_sockets(const struct sockets *sockets)
{
	close(sockets->client);
	close(sockets->server);
	close(sockets->datagram);
	close(sockets->listener);
}

static void drop_records(struct na_capture *capture)
{
	struct collected collected = {0};

	na_capture_drain(capture, collect, &collected);
	collected_done(&collected);
}

/* The least that a repetition of the whole life moved the rings by. */
static uint64_t least_moved_by_all(struct na_capture *capture, int family)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < REPETITIONS && least; i++) {
		uint64_t before = na_capture_positions(capture), moved;
		struct sockets sockets;

		make_sockets(family, &sockets);
		speak(family, &sockets);
		close_sockets(&sockets);
		moved = na_capture_positions(capture) - before;
		least = moved < least ? moved : least;
		drop_records(capture);
	}
	return least;
}

/* As above of what comes once the address is known, up to the ask for flows. */
static uint64_t least_moved_by_speech(struct na_capture *capture, int family, bool mapped)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < REPETITIONS && least; i++) {
		struct sockaddr_in6 address = {.sin6_family = AF_INET6};
		struct sockets sockets;
		uint64_t before, moved;

		make_sockets(family, &sockets);
		address.sin6_port = htons(socket_port(sockets.listener));
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr);
		if (mapped) {
			close(sockets.client);
			sockets.client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
			close(sockets.datagram);
			sockets.datagram = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		}
		before = na_capture_positions(capture);
		if (mapped)
			speak_to(&sockets, (struct sockaddr *)&address, sizeof(address));
		else
			speak(family, &sockets);
		assert_int_equal(na_capture_flush_flows(capture), 0);
		moved = na_capture_positions(capture) - before;
		least = moved < least ? moved : least;
		close_sockets(&sockets);
		drop_records(capture);
	}
	return least;
}

#define NO_PROCESSES "tp_btf/sched_process_fork,tp_btf/sched_process_exec,tp_btf/sched_process_exit"

static void without_a_rule_the_rings_move(void **state)
{
	struct parts parts;

	(void)state;
	open_with(NULL, NO_PROCESSES, &parts);
	assert_true(least_moved_by_all(parts.capture, AF_INET) > 0);
	assert_true(least_moved_by_speech(parts.capture, AF_INET, false) > 0);
	assert_true(least_moved_by_speech(parts.capture, AF_INET, true) > 0);
	close_parts(&parts);
	/* A rule that does not hold is none. */
	open_with("address=192.0.2.0/24 port=1 uid=4711 family=inet6", NO_PROCESSES, &parts);
	assert_true(least_moved_by_speech(parts.capture, AF_INET, false) > 0);
	close_parts(&parts);
}

static void a_family_is_excluded(void **state)
{
	struct parts parts;

	(void)state;
	open_with("family=inet6", NO_PROCESSES, &parts);
	assert_int_equal(least_moved_by_all(parts.capture, AF_INET6), 0);
	assert_true(least_moved_by_all(parts.capture, AF_INET) > 0);
	close_parts(&parts);
}

static void a_uid_is_excluded(void **state)
{
	struct parts parts;

	(void)state;
	open_with("uid=4711", NO_PROCESSES, &parts);
	assert_true(least_moved_by_all(parts.capture, AF_INET) > 0);
	assert_int_equal(setresuid(4711, 0, 0), 0);
	assert_int_equal(least_moved_by_all(parts.capture, AF_INET), 0);
	assert_int_equal(setresuid(0, 0, 0), 0);
	close_parts(&parts);
}

static void write_pid(int folder)
{
	int fd = openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "0", 1), 1);
	close(fd);
}

static void a_cgroup_is_excluded(void **state)
{
	int root = na_cgroup_root_open(), folder;
	struct parts parts;
	char name[64], text[80];

	(void)state;
	assert_true(root >= 0);
	snprintf(name, sizeof(name), "netaudit-test-%d", getpid());
	snprintf(text, sizeof(text), "cgroup=/%s", name);
	assert_int_equal(mkdirat(root, name, 0755), 0);
	folder = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	open_with(text, NO_PROCESSES, &parts);
	assert_true(least_moved_by_all(parts.capture, AF_INET) > 0);
	write_pid(folder);
	assert_int_equal(least_moved_by_all(parts.capture, AF_INET), 0);
	write_pid(root);
	close_parts(&parts);
	close(folder);
	assert_int_equal(unlinkat(root, name, AT_REMOVEDIR), 0);
	close(root);
}

static void own_path(char *text, size_t size)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(length > 0);
	path[length] = '\0';
	assert_true((size_t)snprintf(text, size, "exe=\"%s\"", path) < size);
}

static void an_executable_that_runs_already_is_excluded(void **state)
{
	char text[PATH_MAX + 8];
	struct parts parts;

	(void)state;
	own_path(text, sizeof(text));
	open_with(text, NO_PROCESSES, &parts);
	assert_int_equal(least_moved_by_all(parts.capture, AF_INET), 0);
	close_parts(&parts);
}

/* The child executes this program again, and it speaks. */
static uint64_t records_of_child(struct na_capture *capture)
{
	struct collected collected = {0};
	uint64_t count = 0;
	pid_t child = fork();

	if (!child)
		execl("/proc/self/exe", "exclude_test", "speak", NULL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	na_capture_drain(capture, collect, &collected);
	for (size_t i = 0; i < collected.count; i++)
		count += collected.records[i]->pid == (uint32_t)child &&
			 collected.records[i]->type < NA_RECORD_FORKED;
	collected_done(&collected);
	return count;
}

static void an_executable_is_excluded_from_exec_on(void **state)
{
	char text[PATH_MAX + 8];
	struct parts parts;

	(void)state;
	own_path(text, sizeof(text));
	open_with("exe=/nowhere/else", NULL, &parts);
	assert_true(records_of_child(parts.capture) >= 8);
	close_parts(&parts);
	open_with(text, NULL, &parts);
	assert_int_equal(records_of_child(parts.capture), 0);
	close_parts(&parts);
}

static void an_address_is_excluded_also_when_it_is_mapped(void **state)
{
	struct parts parts;

	(void)state;
	open_with("address=127.0.0.0/8", NO_PROCESSES, &parts);
	assert_int_equal(least_moved_by_speech(parts.capture, AF_INET, false), 0);
	assert_int_equal(least_moved_by_speech(parts.capture, AF_INET, true), 0);
	assert_true(least_moved_by_speech(parts.capture, AF_INET6, false) > 0);
	close_parts(&parts);
}

static void a_port_is_excluded(void **state)
{
	struct sockets sockets;
	struct parts parts;
	uint64_t least = UINT64_MAX;
	char text[32];

	(void)state;
	sockets.listener = listener_open(AF_INET);
	snprintf(text, sizeof(text), "port=%u", socket_port(sockets.listener));
	open_with(text, NO_PROCESSES, &parts);
	for (int i = 0; i < REPETITIONS && least; i++) {
		uint64_t before, moved;

		sockets.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		sockets.datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		before = na_capture_positions(parts.capture);
		speak(AF_INET, &sockets);
		moved = na_capture_positions(parts.capture) - before;
		least = moved < least ? moved : least;
		close(sockets.client);
		close(sockets.server);
		close(sockets.datagram);
	}
	assert_int_equal(least, 0);
	close(sockets.listener);
	close_parts(&parts);
}

/* Nobody hides behind an excluded address that his socket had before. */
static void a_second_connect_is_decided_anew(void **state)
{
	int listener = listener_open(AF_INET), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in refused = {.sin_family = AF_INET, .sin_port = htons(1)};
	struct sockaddr_storage address;
	socklen_t size = loopback_address(AF_INET, socket_port(listener), &address);
	struct collected collected = {0};
	struct parts parts;
	uint64_t cookie;

	(void)state;
	inet_pton(AF_INET, "127.0.0.2", &refused.sin_addr);
	open_with("address=127.0.0.2", NULL, &parts);
	cookie = socket_cookie(fd);
	assert_int_equal(connect(fd, (struct sockaddr *)&refused, sizeof(refused)), -1);
	na_capture_drain(parts.capture, collect, &collected);
	assert_null(collected_find(&collected, NA_RECORD_CONNECT, cookie));
	assert_null(collected_find(&collected, NA_RECORD_RESULT, cookie));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
	close(fd);
	na_capture_drain(parts.capture, collect, &collected);
	assert_non_null(collected_find(&collected, NA_RECORD_CONNECT, cookie));
	assert_non_null(collected_find(&collected, NA_RECORD_STATE, cookie));
	assert_non_null(collected_find(&collected, NA_RECORD_RELEASED, cookie));
	collected_done(&collected);
	close(listener);
	close_parts(&parts);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rule_the_rings_move),
		cmocka_unit_test(a_family_is_excluded),
		cmocka_unit_test(a_uid_is_excluded),
		cmocka_unit_test(a_cgroup_is_excluded),
		cmocka_unit_test(an_executable_that_runs_already_is_excluded),
		cmocka_unit_test(an_executable_is_excluded_from_exec_on),
		cmocka_unit_test(an_address_is_excluded_also_when_it_is_mapped),
		cmocka_unit_test(a_port_is_excluded),
		cmocka_unit_test(a_second_connect_is_decided_anew),
	};

	if (argc > 1 && strcmp(argv[1], "speak") == 0) {
		struct sockets sockets;

		make_sockets(AF_INET, &sockets);
		speak(AF_INET, &sockets);
		close_sockets(&sockets);
		return 0;
	}
	fixture_require_programs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
