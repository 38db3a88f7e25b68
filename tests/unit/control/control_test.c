/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: server and client, good ones and bad ones. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "control/control.h"

#define PATIENCE_MS 30000
#define ASKERS 6
#define QUESTIONS 50

static char folder[] = "/tmp/control_test.XXXXXX";
static char path[64];
static struct na_control *control;

/* The server's clock; its lock is that it only grows, and is read by chance. */
static uint64_t ahead_ns;
static sem_t accepted;
static int peer_uid = -1; /* what SO_PEERCRED says, -1: the truth */

uint64_t __real_na_clock_boot_ns(void);
uint64_t __wrap_na_clock_boot_ns(void);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size);

uint64_t __wrap_na_clock_boot_ns(void)
{
	return __real_na_clock_boot_ns() + __atomic_load_n(&ahead_ns, __ATOMIC_SEQ_CST);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	int result = __real_getsockopt(fd, level, name, value, size);
	int uid = __atomic_load_n(&peer_uid, __ATOMIC_SEQ_CST);

	if (name == SO_PEERCRED && uid >= 0)
		((struct ucred *)value)->uid = (uid_t)uid;
	if (name == SO_PEERCRED)
		sem_post(&accepted);
	return result;
}

static json_t *answer_count(void *context, const json_t *request)
{
	unsigned int *count = context;

	assert_true(json_is_object(request));
	return json_pack("{s:i}", "count", (int)++*count);
}

static json_t *answer_nothing(void *context, const json_t *request)
{
	(void)context;
	(void)request;
	return NULL;
}

static json_t *answer_refused(void *context, const json_t *request)
{
	(void)context;
	(void)request;
	return json_pack("{s:s}", "error", "the configuration has a mistake");
}

static json_t *answer_large(void *context, const json_t *request)
{
	size_t length = *(const size_t *)context;
	NA_FREE char *text = malloc(length);

	(void)request;
	memset(text, 'x', length);
	return json_pack("{s:s%}", "text", text, length);
}

static unsigned int count;
static size_t too_large = NA_CONTROL_ANSWER_MAX, large = NA_CONTROL_ANSWER_MAX - 100;

static const struct na_control_handler handlers[] = {
	{"count", answer_count, &count},         {"nothing", answer_nothing, NULL},
	{"refused", answer_refused, NULL},       {"large", answer_large, &large},
	{"too_large", answer_large, &too_large},
};

static int start_at(const char *at, struct na_control **ret_control)
{
	struct na_control_options options = {
		.path = at,
		.handlers = handlers,
		.handler_count = sizeof(handlers) / sizeof(*handlers),
	};
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_control_start(&options, ret_control, &why);

	assert_true(!error || why.length);
	return error;
}

static int start(void **state)
{
	(void)state;
	count = 0;
	sem_init(&accepted, 0, 0);
	return start_at(path, &control);
}

static int stop(void **state)
{
	(void)state;
	na_control_stop(&control);
	assert_null(control);
	assert_int_equal(access(path, F_OK), -1);
	return 0;
}

/* The error, and what was said about it is `expected`. */
static int ask(const char *request, json_t **ret_answer, const char *expected)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_control_ask(path, request, ret_answer, &why);

	na_buffer_append_char(&why, '\0');
	if (!strstr(why.data, expected))
		assert_string_equal(why.data, expected);
	return error;
}

static void assert_counts(unsigned int expected)
{
	json_t *answer = NULL;

	assert_int_equal(ask("count", &answer, ""), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "count")), expected);
	json_decref(answer);
}

static void test_answers(void **state)
{
	json_t *answer = NULL;
	struct stat status;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_counts(1);
	assert_counts(2);
	assert_int_equal(ask("refused", &answer, "the configuration has a mistake"), -EREMOTEIO);
	assert_int_equal(ask("other", &answer, "does not know this request"), -EREMOTEIO);
	assert_int_equal(ask("nothing", &answer, "out of memory"), -EREMOTEIO);
	assert_int_equal(ask("too_large", &answer, "the answer is too large"), -EREMOTEIO);
	assert_null(answer);
	assert_int_equal(ask("large", &answer, ""), 0);
	assert_int_equal(json_string_length(json_object_get(answer, "text")), large);
	json_decref(answer);
}

static int connect_to_server(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* What the server says until it closes. */
static size_t read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;

	do {
		struct pollfd wait = {fd, POLLIN, 0};

		assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
		got = read(fd, text + length, size - 1 - length);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	text[length] = '\0';
	return length;
}

static void send_and_expect(const char *bytes, size_t length, const char *expected)
{
	NA_CLOSE int fd = connect_to_server();
	char text[1024];

	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
	read_all(fd, text, sizeof(text));
	if (!strstr(text, expected))
		assert_string_equal(text, expected);
}

static void test_bad_requests(void **state)
{
	static const char *const requests[] = {
		"\n",
		"{\n",
		"[]\n",
		"{\"request\":1}\n",
		"\"status\"\n",
		"\xff\xfe\n",
		"{\"request\":\"count\",\"request\":\"count\"}\n",
		"{}\n",
	};
	static char endless[NA_CONTROL_REQUEST_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		send_and_expect(requests[i], strlen(requests[i]), "a request is");
	send_and_expect("{\"request\":\"count\\u0000\"}\n", 26, "error");
	memset(endless, ' ', sizeof(endless));
	send_and_expect(endless, sizeof(endless), "the request is too long");
	assert_counts(1);
}

/* One byte at a time, and its end later. */
static void test_in_pieces(void **state)
{
	static const char request[] = "{\"request\":\"count\"}\n";
	NA_CLOSE int fd = connect_to_server();
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(request) - 1; i++)
		assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
	read_all(fd, text, sizeof(text));
	assert_string_equal(text, "{\"count\":1}\n");
}

/* All places taken by clients that say nothing: another one waits, until their time is up. */
static void test_silent_clients(void **state)
{
	int silent[NA_CONTROL_CLIENTS_MAX], late;
	char text[64];

	(void)state;
	for (size_t i = 0; i < NA_CONTROL_CLIENTS_MAX; i++)
		silent[i] = connect_to_server();
	for (size_t i = 0; i < NA_CONTROL_CLIENTS_MAX; i++)
		assert_int_equal(sem_wait(&accepted), 0);
	late = connect_to_server();
	assert_true(send(late, "{\"request\":\"count\"}\n", 20, MSG_NOSIGNAL) > 0);
	__atomic_add_fetch(&ahead_ns, NA_CONTROL_TIMEOUT_NS, __ATOMIC_SEQ_CST);
	/* The server looks at the clock when something happens: here an end. */
	close(silent[0]);
	read_all(late, text, sizeof(text));
	assert_string_equal(text, "{\"count\":1}\n");
	for (size_t i = 1; i < NA_CONTROL_CLIENTS_MAX; i++) {
		assert_int_equal(read_all(silent[i], text, sizeof(text)), 0);
		close(silent[i]);
	}
	close(late);
}

/* A client that asks for much and reads nothing holds nobody up. */
static void test_client_that_does_not_read(void **state)
{
	NA_CLOSE int fd = connect_to_server();

	(void)state;
	assert_true(send(fd, "{\"request\":\"large\"}\n", 20, MSG_NOSIGNAL) > 0);
	for (unsigned int i = 1; i <= 20; i++)
		assert_counts(i);
}

static void *ask_often(void *argument)
{
	for (int i = 0; i < QUESTIONS; i++) {
		NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
		json_t *answer = NULL;

		if (na_control_ask(path, "count", &answer, &why) < 0)
			++*(unsigned int *)argument;
		json_decref(answer);
	}
	return NULL;
}

static void test_many_at_once(void **state)
{
	unsigned int failed[ASKERS] = {0};
	pthread_t threads[ASKERS];

	(void)state;
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &failed[i]), 0);
	for (int i = 0; i < ASKERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(failed[i], 0);
	}
	assert_counts(ASKERS * QUESTIONS + 1);
}

/* The n-th allocation of jansson's fails, on the main thread or on the server's. */
static struct {
	pthread_t main;
	bool fails_main;
	size_t left; /* 0: none fails */
} memory;

static void *failing_malloc(size_t size)
{
	bool is_main = pthread_equal(pthread_self(), memory.main);

	if (is_main == __atomic_load_n(&memory.fails_main, __ATOMIC_SEQ_CST) &&
	    __atomic_load_n(&memory.left, __ATOMIC_SEQ_CST) &&
	    __atomic_sub_fetch(&memory.left, 1, __ATOMIC_SEQ_CST) == 0)
		return NULL;
	return malloc(size);
}

/* True when an allocation failed, and this was told; else the answer was right. */
static bool ask_without_memory(size_t n)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	json_t *answer = NULL;
	bool failed;
	int error;

	__atomic_store_n(&memory.left, n, __ATOMIC_SEQ_CST);
	error = na_control_ask(path, "count", &answer, &why);
	failed = __atomic_exchange_n(&memory.left, 0, __ATOMIC_SEQ_CST) == 0;
	assert_true(error == 0 || error == -ENOMEM || error == -EBADMSG || error == -EREMOTEIO);
	assert_true(error != 0 || json_is_integer(json_object_get(answer, "count")));
	assert_true(error == 0 || (why.length && !answer));
	json_decref(answer);
	return failed;
}

static void test_no_memory(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		size_t n = 1;

		__atomic_store_n(&memory.fails_main, who == 0, __ATOMIC_SEQ_CST);
		while (ask_without_memory(n))
			n++;
		assert_true(n > 3);
	}
}

static void test_strangers(void **state)
{
	json_t *answer = NULL;

	(void)state;
	__atomic_store_n(&peer_uid, 4242, __ATOMIC_SEQ_CST);
	assert_int_equal(ask("count", &answer, "is no answer"), -EBADMSG);
	__atomic_store_n(&peer_uid, 0, __ATOMIC_SEQ_CST);
	assert_counts(1);
	__atomic_store_n(&peer_uid, -1, __ATOMIC_SEQ_CST);
	assert_counts(2);
}

static void test_two_agents(void **state)
{
	struct na_control *second = NULL;

	(void)state;
	assert_int_equal(start_at(path, &second), -EADDRINUSE);
	assert_null(second);
	assert_counts(1);
}

/* Another agent took the place, by force: its socket is not ours to remove. */
static void test_socket_of_another(void **state)
{
	struct na_control *second = NULL;

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(start_at(path, &second), 0);
	na_control_stop(&control);
	assert_counts(1);
	control = second;
}

/* No server of ours: what a client makes of that. */
static void test_nobody(void **state)
{
	json_t *answer = NULL;

	(void)state;
	assert_int_equal(ask("status", &answer, "no agent runs"), -ECONNREFUSED);
	assert_null(answer);
}

static int make_stale(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void test_stale_socket(void **state)
{
	(void)state;
	close(make_stale());
	test_nobody(state);
	start(state);
	assert_counts(1);
	stop(state);
}

static void test_no_socket(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct na_control *none = NULL;

	(void)state;
	close(fd);
	assert_int_equal(start_at(path, &none), -EEXIST);
	assert_int_equal(unlink(path), 0); /* it is still there */
	assert_int_equal(start_at("/nowhere/control.sock", &none), -ENOENT);
	assert_null(none);
	na_control_stop(&none);
}

/* An agent that says what is no answer, or nothing for too long. */
static void answer_with(const char *bytes, int expected)
{
	NA_CLOSE int listener = make_stale();
	json_t *answer = NULL;
	pid_t pid;

	assert_int_equal(listen(listener, 1), 0);
	pid = fork();
	if (pid == 0) {
		int fd = accept(listener, NULL, NULL);
		char request[256];

		if (read(fd, request, sizeof(request)) <= 0)
			_exit(1);
		if (send(fd, bytes, strlen(bytes), MSG_NOSIGNAL) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(ask("status", &answer, ""), expected);
	assert_null(answer);
	waitpid(pid, NULL, 0);
	unlink(path);
}

static void test_bad_answers(void **state)
{
	(void)state;
	answer_with("", -EBADMSG);
	answer_with("{", -EBADMSG);
	answer_with("{}", -EBADMSG); /* no end of line: cut off */
	answer_with("[]\n", -EBADMSG);
	answer_with("{\"a\":1} x\n", -EBADMSG);
	answer_with("{\"error\":\"no\"}\n", -EREMOTEIO);
}

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder); /* fails when a file was left behind */
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_answers),
		WITH_SERVER(test_bad_requests),
		WITH_SERVER(test_in_pieces),
		WITH_SERVER(test_silent_clients),
		WITH_SERVER(test_client_that_does_not_read),
		WITH_SERVER(test_many_at_once),
		WITH_SERVER(test_no_memory),
		WITH_SERVER(test_strangers),
		WITH_SERVER(test_two_agents),
		WITH_SERVER(test_socket_of_another),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_stale_socket),
		cmocka_unit_test(test_no_socket),
		cmocka_unit_test(test_bad_answers),
	};

	memory.main = pthread_self();
	json_set_alloc_funcs(failing_malloc, free);
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
