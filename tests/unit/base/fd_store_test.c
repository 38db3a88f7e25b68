/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager's store, with a manager of the test's own on the other end. */
#include "base/fd_store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define FIRST 3
#define FAR 100 /* where descriptors are that are not handed over */
#define MESSAGES_MAX 16
#define END "X_END=1"

/* Its thread has all of it between start and join. */
static struct {
	int socket;
	pthread_t thread;
	size_t room, kept, messages;
	int fds[MESSAGES_MAX];
	char texts[MESSAGES_MAX][512];
} manager;

static char address[64];
static struct na_fd_store *store;
static int ends[2]; /* of pipes whose other ends are handed over */

static int move_far(int fd)
{
	int far = fcntl(fd, F_DUPFD_CLOEXEC, FAR);

	assert_true(far >= FAR);
	close(fd);
	return far;
}

static int receive(char *text, size_t size)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = {text, size - 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(manager.socket, &message, MSG_CMSG_CLOEXEC);
	int fd = -1;

	text[length > 0 ? length : 0] = '\0';
	if (length > 0 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void *serve(void *unused)
{
	char text[512];

	for (;;) {
		int fd = receive(text, sizeof(text));

		if (!strcmp(text, END) || !*text || manager.messages == MESSAGES_MAX)
			return unused;
		strcpy(manager.texts[manager.messages++], text);
		if (!strncmp(text, "FDSTORE=1\n", 10) && manager.kept < manager.room)
			manager.fds[manager.kept++] = fd;
		else if (fd >= 0)
			close(fd);
	}
}

static void start_manager(size_t room)
{
	manager.room = room;
	assert_int_equal(pthread_create(&manager.thread, NULL, serve, NULL), 0);
}

/* What it has got is there to be looked at. */
static void join_manager(void)
{
	struct sockaddr_un to;
	socklen_t size = sizeof(to);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_int_equal(getsockname(manager.socket, (struct sockaddr *)&to, &size), 0);
	assert_int_equal(sendto(fd, END, strlen(END), 0, (struct sockaddr *)&to, size),
			 strlen(END));
	close(fd);
	assert_int_equal(pthread_join(manager.thread, NULL), 0);
}

/* A path or, from an @ on, an abstract name. */
static void listen_on(const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t length = strlen(name);

	memcpy(to.sun_path, name, length);
	if (*name == '@')
		to.sun_path[0] = '\0';
	manager.socket = move_far(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	assert_int_equal(bind(manager.socket, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static void hand_over(const char *pid, const char *count, const char *names)
{
	for (int i = 0; i < 2; i++) {
		int pair[2], far;

		assert_int_equal(pipe(pair), 0);
		ends[i] = move_far(pair[0]);
		far = move_far(pair[1]);
		assert_int_equal(dup2(far, FIRST + i), FIRST + i);
		close(far);
	}
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static void hand_over_to_us(const char *count, const char *names)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	hand_over(pid, count, names);
}

static bool is_open(int number)
{
	struct pollfd end = {.fd = ends[number], .events = POLLIN};

	return poll(&end, 1, 0) == 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&manager, 0, sizeof(manager));
	snprintf(address, sizeof(address), "/tmp/fd_store_test.%d", getpid());
	unlink(address);
	listen_on(address);
	ends[0] = ends[1] = -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	na_fd_store_close(&store);
	for (size_t i = 0; i < manager.kept; i++)
		close(manager.fds[i]);
	close(manager.socket);
	unlink(address);
	close_range(FIRST, FIRST + 1, 0);
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	return 0;
}

static void assert_no_variables(void)
{
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
}

static void test_takes_what_is_handed_over(void **state)
{
	(void)state;
	hand_over_to_us("2", "one:the other");
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_no_variables();
	assert_int_equal(na_fd_store_get(store, "one"), FIRST);
	assert_int_equal(na_fd_store_get(store, "the other"), FIRST + 1);
	assert_int_equal(na_fd_store_get(store, "on"), -ENOENT);
	assert_int_equal(fcntl(FIRST + 1, F_GETFD), FD_CLOEXEC);
	na_fd_store_close(&store);
	assert_false(is_open(0) || is_open(1));
}

static void test_not_for_this_process(void **state)
{
	(void)state;
	hand_over("1", "2", "one:other");
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_no_variables();
	assert_int_equal(na_fd_store_get(store, "one"), -ENOENT);
	assert_true(is_open(0) && is_open(1));
}

static void test_without_a_manager(void **state)
{
	static const char *const none[] = {"",  "relative", "vsock:2:1234",
					   "/", "@",        "/tmp/nothing"};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		hand_over_to_us("2", "one:other");
		setenv("NOTIFY_SOCKET", none[i], 1);
		assert_int_equal(na_fd_store_open(&store), -ENOENT);
		assert_no_variables();
		assert_false(is_open(0) || is_open(1));
		close(ends[0]);
		close(ends[1]);
	}
	ends[0] = ends[1] = -1;
	assert_int_equal(na_fd_store_open(&store), -ENOENT);
	assert_null(store);
}

static void test_numbers_that_do_not_fit(void **state)
{
	(void)state;
	hand_over_to_us("2", "one");
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_int_equal(na_fd_store_get(store, "one"), FIRST);
	assert_int_equal(na_fd_store_get(store, "other"), -ENOENT);
	na_fd_store_close(&store);
	setenv("NOTIFY_SOCKET", address, 1);
	hand_over_to_us("-1", "one");
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_int_equal(na_fd_store_get(store, "one"), -ENOENT);
	na_fd_store_close(&store);
	close(FIRST + 1);
	setenv("NOTIFY_SOCKET", address, 1);
	hand_over_to_us("3", "one:other:third");
	assert_int_equal(na_fd_store_open(&store), -EBADF);
	assert_null(store);
	assert_false(is_open(0) || is_open(1));
}

static void test_puts_and_removes(void **state)
{
	int pair[2];
	char byte = 0;

	(void)state;
	start_manager(1);
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(na_fd_store_put(store, "netaudit.a.b", pair[1]), 0);
	assert_int_equal(na_fd_store_remove(store, "netaudit.a.b"), 0);
	join_manager();
	close(pair[1]);
	assert_int_equal(manager.messages, 2);
	assert_string_equal(manager.texts[0], "FDSTORE=1\nFDPOLL=0\nFDNAME=netaudit.a.b\n");
	assert_string_equal(manager.texts[1], "FDSTOREREMOVE=1\nFDNAME=netaudit.a.b\n");
	assert_int_equal(manager.kept, 1);
	assert_int_equal(write(manager.fds[0], "x", 1), 1);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	close(pair[0]);
}

static void test_name_too_long(void **state)
{
	char name[NA_FD_STORE_NAME_MAX + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_int_equal(na_fd_store_put(store, name, STDOUT_FILENO), -ENAMETOOLONG);
	assert_int_equal(na_fd_store_put(store, name + 1, STDOUT_FILENO), 0);
}

static void test_abstract_name(void **state)
{
	char name[64];

	(void)state;
	close(manager.socket);
	snprintf(name, sizeof(name), "@fd_store_test.%d", getpid());
	listen_on(name);
	start_manager(1);
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_int_equal(na_fd_store_settle(store), 0);
	join_manager();
	assert_int_equal(manager.kept, 1);
}

static void test_settles(void **state)
{
	(void)state;
	start_manager(2);
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_int_equal(na_fd_store_put(store, "a", STDOUT_FILENO), 0);
	assert_int_equal(na_fd_store_settle(store), 0);
	join_manager();
	assert_int_equal(manager.messages, 4);
	assert_string_equal(manager.texts[1], "FDSTORE=1\nFDPOLL=0\nFDNAME=netaudit.probe\n");
	assert_string_equal(manager.texts[2], "BARRIER=1");
	assert_string_equal(manager.texts[3], "FDSTOREREMOVE=1\nFDNAME=netaudit.probe\n");
}

static void test_no_room(void **state)
{
	(void)state;
	start_manager(1);
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_int_equal(na_fd_store_put(store, "a", STDOUT_FILENO), 0);
	assert_int_equal(na_fd_store_settle(store), -ENOSPC);
	join_manager();
	assert_int_equal(manager.kept, 1);
}

static void test_manager_is_gone(void **state)
{
	(void)state;
	assert_int_equal(na_fd_store_open(&store), 0);
	close(manager.socket);
	assert_int_equal(na_fd_store_put(store, "a", STDOUT_FILENO), -ECONNREFUSED);
	assert_int_equal(na_fd_store_settle(store), -ENOTCONN);
}

static void test_drops_others(void **state)
{
	(void)state;
	start_manager(0);
	hand_over_to_us("2", "netaudit.old.x:netaudit.new.x");
	assert_int_equal(na_fd_store_open(&store), 0);
	assert_int_equal(na_fd_store_drop(store, "netaudit.new."), 1);
	assert_false(is_open(0));
	assert_true(is_open(1));
	assert_int_equal(na_fd_store_get(store, "netaudit.old.x"), -ENOENT);
	assert_int_equal(na_fd_store_get(store, "netaudit.new.x"), FIRST + 1);
	assert_int_equal(na_fd_store_drop(store, NULL), 1);
	assert_false(is_open(1));
	assert_int_equal(na_fd_store_drop(store, NULL), 0);
	join_manager();
	assert_int_equal(manager.messages, 2);
	assert_string_equal(manager.texts[0], "FDSTOREREMOVE=1\nFDNAME=netaudit.old.x\n");
	assert_string_equal(manager.texts[1], "FDSTOREREMOVE=1\nFDNAME=netaudit.new.x\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_what_is_handed_over),
		TEST(not_for_this_process),
		TEST(without_a_manager),
		TEST(numbers_that_do_not_fit),
		TEST(puts_and_removes),
		TEST(name_too_long),
		TEST(abstract_name),
		TEST(settles),
		TEST(no_room),
		TEST(manager_is_gone),
		TEST(drops_others),
	};

	/* ctest's own descriptors are not these. */
	close_range(FIRST, ~0U, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
