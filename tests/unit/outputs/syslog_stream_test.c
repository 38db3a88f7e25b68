/* SPDX-License-Identifier: Apache-2.0 */
/* Output syslog over TCP and unix streams: what the far end has, and what comes again. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "syslog/instance.h"
#include "syslog_support.h"

static struct syslog_host host;
static struct na_syslog_options options;
static struct na_output_instance *instance;
static struct na_buffer in;
static char address[64];
static int listener = -1, peer = -1;

static int set_up(void **state)
{
	(void)state;
	syslog_host_init(&host);
	listener = syslog_listen(SOCK_STREAM, "tcp", address);
	options = syslog_options(address);
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int tear_down(void **state)
{
	(void)state;
	if (instance)
		na_output_syslog.close(instance);
	instance = NULL;
	close_fd(&peer);
	close_fd(&listener);
	na_buffer_done(&in);
	syslog_host_done(&host);
	return 0;
}

static void open_output(void)
{
	struct na_buffer why = {0};

	assert_int_equal(na_output_syslog.check(&options, &why), 0);
	assert_int_equal(na_output_syslog.open(&options, &host.host, &instance, &why), 0);
	na_buffer_done(&why);
}

static void put_all(uint64_t from, uint64_t to, size_t pad)
{
	size_t taken;

	assert_int_equal(syslog_put(&host, instance, from, to, pad, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(taken, to - from + 1);
}

/* How many a peer that reads nothing let us take. */
static uint64_t put_until_full(void)
{
	uint64_t all = 0;
	size_t taken;

	while (syslog_put(&host, instance, all + 1, all + 1000, 1000, &taken) == NA_OUTPUT_TAKEN)
		all += taken;
	assert_int_equal(taken, 0);
	return all;
}

static void accept_peer(void)
{
	close_fd(&peer);
	na_buffer_clear(&in);
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
}

static void reset_peer(void)
{
	struct linger none = {.l_onoff = 1};

	setsockopt(peer, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close_fd(&peer);
}

/* Reads until record `to`; each from `from` on is there once, in order. */
static void expect_octet(uint64_t from, uint64_t to)
{
	uint64_t deadline_ns = na_clock_awake_ns() + 30 * NA_NS_PER_SEC, next = from;
	struct na_text message;
	size_t at = 0;

	while (next <= to) {
		assert_true(na_clock_awake_ns() < deadline_ns);
		assert_true(syslog_read_some(peer, &in));
		while (syslog_next_octet(&in, &at, &message))
			assert_int_equal(syslog_number_of(message), next++);
		assert_int_equal(na_output_syslog.work(instance, 0), NA_OUTPUT_TAKEN);
	}
	assert_int_equal(at, in.length);
}

static void go_ahead(uint64_t ns)
{
	syslog_ahead_ns += ns;
	assert_int_equal(na_output_syslog.work(instance, 0), NA_OUTPUT_TAKEN);
}

/* ------------------------------------------------------------------------------------------- */

static void acknowledges_after_the_overlap(void **state)
{
	(void)state;
	open_output();
	put_all(1, 100, 10);
	accept_peer();
	expect_octet(1, 100);
	syslog_await_arrived(instance, 100);
	assert_int_equal(host.count, 0);
	go_ahead(9 * NA_NS_PER_SEC);
	assert_int_equal(host.count, 0);
	go_ahead(1 * NA_NS_PER_SEC);
	assert_int_equal(host.count, 100);
	assert_int_equal(host.failed, 0);
}

static void writes_in_pieces(void **state)
{
	(void)state;
	options.overlap = 0;
	syslog_send_piece = 7;
	open_output();
	put_all(1, 200, 40);
	accept_peer();
	expect_octet(1, 200);
	syslog_await_count(&host, instance, 200);
}

/* A reader that stops: only what its kernel has is acknowledged, and the rest when it goes on. */
static void acknowledges_what_the_peer_has(void **state)
{
	uint64_t taken_all, count;
	struct na_text message;
	size_t at = 0;
	int there;

	(void)state;
	options.overlap = 0;
	options.timeout = 3600 * NA_NS_PER_SEC;
	open_output();
	taken_all = put_until_full();
	assert_string_equal(host.why, "the far end does not keep up");
	accept_peer();
	for (int i = 0; i < 20; i++)
		assert_int_equal(na_output_syslog.work(instance, NA_NS_PER_MS), NA_OUTPUT_TAKEN);
	count = host.count;
	assert_int_equal(ioctl(peer, FIONREAD, &there), 0);
	na_buffer_reserve(&in, (size_t)there);
	assert_int_equal(recv(peer, in.data, (size_t)there, MSG_PEEK), there);
	in.length = (size_t)there;
	while (syslog_next_octet(&in, &at, &message))
		assert_true(syslog_number_of(message) <= taken_all);
	assert_true(count > 0);
	assert_true(syslog_number_of(message) >= count);
	assert_true(count < taken_all);
	na_buffer_clear(&in);
	expect_octet(1, taken_all);
	syslog_await_count(&host, instance, taken_all);
}

static void gives_up_a_black_hole(void **state)
{
	(void)state;
	open_output();
	put_until_full();
	assert_int_equal(host.failed, 0);
	/* A late confirmation is one more period of grace. */
	for (int i = 0; i < 10 && !host.failed; i++)
		go_ahead(31 * NA_NS_PER_SEC);
	assert_int_equal(host.failed, 1);
	assert_string_equal(host.why, "the far end confirmed nothing for 30 s");
}

/* What a reader that stands still has in its kernel dies with it, however long it stands. */
static void grows_no_older_in_a_stall(void **state)
{
	(void)state;
	options.timeout = 3600 * NA_NS_PER_SEC;
	open_output();
	put_until_full();
	accept_peer();
	for (int i = 0; i < 100; i++)
		go_ahead(5 * NA_NS_PER_SEC);
	assert_int_equal(host.count, 0);
	reset_peer();
	for (int i = 0; i < 1000 && !host.failed; i++)
		assert_int_equal(na_output_syslog.work(instance, NA_NS_PER_MS), NA_OUTPUT_TAKEN);
	assert_int_equal(host.failed, 1);
	assert_int_equal(host.count, 0);
}

/* Nor where room for a little is found now and then: whoever reads so slowly is not through. */
static void grows_hardly_older_when_trickled(void **state)
{
	const int size = 64 << 10;
	uint64_t before;

	(void)state;
	options.timeout = 3600 * NA_NS_PER_SEC;
	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	open_output();
	put_until_full();
	accept_peer();
	/* A second of each would be more than the overlap. */
	for (int i = 0; i < 15; i++) {
		syslog_ahead_ns += 5 * NA_NS_PER_SEC;
		for (before = instance->arrived; instance->arrived == before; go_ahead(0))
			assert_true(recv(peer, NULL, 16 << 10, MSG_TRUNC | MSG_DONTWAIT) > 0);
	}
	assert_int_equal(host.count, 0);
	assert_int_equal(host.failed, 0);
}

static void sends_again_what_a_reset_may_have_lost(void **state)
{
	(void)state;
	open_output();
	put_all(1, 10, 10);
	accept_peer();
	expect_octet(1, 10);
	syslog_await_arrived(instance, 10);
	go_ahead(10 * NA_NS_PER_SEC);
	assert_int_equal(host.count, 10);
	put_all(11, 20, 10);
	syslog_await_arrived(instance, 20);
	reset_peer();
	go_ahead(0);
	assert_int_equal(host.failed, 1);
	assert_string_equal(host.why, "Connection reset by peer");
	assert_int_equal(host.count, 10);
	/* The host offers them again, under numbers that go on. */
	put_all(21, 30, 10);
	accept_peer();
	expect_octet(21, 30);
}

static void notices_the_end_before_it_writes(void **state)
{
	size_t taken;

	(void)state;
	open_output();
	put_all(1, 3, 10);
	accept_peer();
	expect_octet(1, 3);
	close_fd(&peer);
	assert_int_equal(syslog_put(&host, instance, 4, 6, 10, &taken), NA_OUTPUT_BROKEN);
	assert_int_equal(taken, 0);
	assert_string_equal(host.why, "the far end closed the connection");
	assert_int_equal(host.count, 0);
}

/* Nothing is on its way: that is no failure. */
static void connects_again_after_an_idle_end(void **state)
{
	(void)state;
	options.overlap = 0;
	open_output();
	put_all(1, 3, 10);
	accept_peer();
	expect_octet(1, 3);
	syslog_await_count(&host, instance, 3);
	close_fd(&peer);
	while (instance->link)
		go_ahead(0);
	assert_int_equal(host.failed, 0);
	put_all(4, 6, 10);
	accept_peer();
	expect_octet(4, 6);
}

static void begins_with_a_whole_frame_again(void **state)
{
	(void)state;
	syslog_send_total = 250; /* in the middle of a frame */
	open_output();
	put_all(1, 3, 10);
	accept_peer();
	syslog_read_some(peer, &in);
	assert_int_equal(in.length, 250);
	close_fd(&peer);
	while (!host.failed)
		go_ahead(0);
	syslog_send_total = 0;
	put_all(4, 6, 10);
	accept_peer();
	expect_octet(4, 6);
}

static void says_who_is_not_there(void **state)
{
	size_t taken;

	(void)state;
	close_fd(&listener);
	open_output();
	assert_int_equal(syslog_put(&host, instance, 1, 3, 10, &taken), NA_OUTPUT_LATER);
	assert_int_equal(taken, 0);
	assert_non_null(strstr(host.why, "127.0.0.1 port "));
	assert_non_null(strstr(host.why, ": Connection refused"));
	options.address = na_text_of("tcp://name.invalid:514");
	na_output_syslog.close(instance);
	open_output();
	assert_int_equal(syslog_put(&host, instance, 1, 3, 10, &taken), NA_OUTPUT_LATER);
	assert_non_null(strstr(host.why, "name.invalid is not found: "));
}

static void rejects_what_never_fits(void **state)
{
	size_t taken;

	(void)state;
	options.max_size = 1024;
	open_output();
	put_all(1, 2, 10);
	assert_int_equal(syslog_put(&host, instance, 3, 5, 2000, &taken), NA_OUTPUT_REJECT);
	assert_int_equal(taken, 0);
	assert_non_null(strstr(host.why, "is larger than 1024 (max_size) even without the fields"));
	put_all(4, 5, 10);
	accept_peer();
	assert_true(syslog_read_some(peer, &in));
	syslog_await_arrived(instance, 4);
	go_ahead(10 * NA_NS_PER_SEC);
	/* 3 is not acknowledged with those around it. */
	assert_int_equal(host.count, 4);
	assert_true(host.under_way[3]);
}

/* What the far end sends is read and forgotten. */
static void ignores_what_the_peer_says(void **state)
{
	char noise[100000] = {0};

	(void)state;
	options.overlap = 0;
	open_output();
	put_all(1, 1, 10);
	accept_peer();
	assert_int_equal(write(peer, noise, sizeof(noise)), sizeof(noise));
	put_all(2, 3, 10);
	expect_octet(1, 3);
	syslog_await_count(&host, instance, 3);
}

static void *read_to_the_end(void *argument)
{
	(void)argument;
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (syslog_read_some(peer, &in))
		;
	close_fd(&peer);
	return NULL;
}

static void drains_to_an_orderly_end(void **state)
{
	pthread_t thread;
	struct na_text message;
	size_t at = 0;
	uint64_t next = 1;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, read_to_the_end, NULL), 0);
	open_output();
	put_all(1, 50, 10);
	na_output_syslog.drain(instance, na_clock_boot_ns() + 30 * NA_NS_PER_SEC);
	pthread_join(thread, NULL);
	assert_int_equal(host.count, 50);
	while (syslog_next_octet(&in, &at, &message))
		assert_int_equal(syslog_number_of(message), next++);
	assert_int_equal(next, 51);
}

/* Not confirmed by a close of the far end's own: the overlap comes again. */
static void drains_without_an_answer(void **state)
{
	(void)state;
	open_output();
	put_all(1, 50, 10);
	accept_peer();
	na_output_syslog.drain(instance, na_clock_boot_ns() + 100 * NA_NS_PER_MS);
	assert_int_equal(host.count, 0);
}

/* /dev/log that is a stream: lines as syslog(3) writes them; its reader is who has them. */
static void writes_lines_to_a_unix_stream(void **state)
{
	char path[] = "/tmp/syslog_stream_test.XXXXXX", unix_address[64];
	struct na_text message;
	size_t at = 0;
	uint64_t next = 1;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(unix_address, sizeof(unix_address), "unix://%s/log", path);
	close_fd(&listener);
	listener = syslog_listen_unix(SOCK_STREAM, unix_address + strlen("unix://"));
	options.address = na_text_of(unix_address);
	options.overlap = 0;
	open_output();
	put_all(1, 20, 10);
	accept_peer();
	go_ahead(0);
	assert_int_equal(host.count, 0);
	assert_true(syslog_read_some(peer, &in));
	while (syslog_next_line(&in, &at, &message)) {
		assert_memory_equal(message.data, "<134>", 5);
		assert_non_null(memmem(message.data, message.length, " netaudit[", 10));
		assert_int_equal(syslog_number_of(message), next++);
	}
	assert_int_equal(next, 21);
	syslog_await_count(&host, instance, 20);
	unlink(unix_address + strlen("unix://"));
	rmdir(path);
}

static void says_that_it_works_when_the_connection_stood(void **state)
{
	(void)state;
	host.state = NA_OUTPUT_HELD;
	open_output();
	put_all(1, 3, 10);
	go_ahead(1 * NA_NS_PER_SEC);
	assert_int_equal(host.state, NA_OUTPUT_HELD);
	go_ahead(1 * NA_NS_PER_SEC);
	assert_int_equal(host.state, NA_OUTPUT_WORKING);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(acknowledges_after_the_overlap),
		TEST(grows_no_older_in_a_stall),
		TEST(grows_hardly_older_when_trickled),
		TEST(writes_in_pieces),
		TEST(acknowledges_what_the_peer_has),
		TEST(gives_up_a_black_hole),
		TEST(sends_again_what_a_reset_may_have_lost),
		TEST(notices_the_end_before_it_writes),
		TEST(connects_again_after_an_idle_end),
		TEST(begins_with_a_whole_frame_again),
		TEST(says_who_is_not_there),
		TEST(rejects_what_never_fits),
		TEST(ignores_what_the_peer_says),
		TEST(drains_to_an_orderly_end),
		TEST(drains_without_an_answer),
		TEST(writes_lines_to_a_unix_stream),
		TEST(says_that_it_works_when_the_connection_stood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
