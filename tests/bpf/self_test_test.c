/* SPDX-License-Identifier: Apache-2.0 */
/* The self-test: every source must have fed it, and nobody hears of it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "capture/rules.h"
#include "fixture.h"

#define TIMEOUT_NS (5 * NA_NS_PER_SEC)

/* The silent programs are waited for as long. */
#define SHORT_NS (200 * NA_NS_PER_MS)

static struct na_capture_options all_options(void)
{
	struct na_capture_options options = fixture_options();

	options.families = ~UINT64_C(0);
	options.snapshot = true;
	return options;
}

static char *text_of(struct na_buffer *buffer)
{
	na_buffer_append_char(buffer, '\0');
	return buffer->data;
}

static bool stands_in(const struct na_program_state *program)
{
	return !strcmp(program->tier, "stand-in");
}

static void every_source_feeds_it(void **state)
{
	struct na_capture_options options = all_options();
	struct na_capture *capture = fixture_open(&options);
	const struct na_program_state *programs;
	struct collected collected = {0};
	struct na_buffer why = {0};

	(void)state;
	assert_int_equal(na_capture_self_test(capture, TIMEOUT_NS, collect, &collected, &why), 0);
	assert_string_equal(text_of(&why), "");
	programs = na_capture_programs(capture);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (programs[id].attached && !programs[id].fed_self_test &&
		    !stands_in(&programs[id]))
			fail_msg("%s", programs[id].source);
	na_capture_close(&capture);
	na_buffer_done(&why);
	collected_done(&collected);
}

/* Others' sockets may speak meanwhile: what must not come is a record of this process or its child.
 */
static void none_of_its_records_comes_out(void **state)
{
	struct na_capture_options options = all_options();
	struct na_capture *capture = fixture_open(&options);
	struct collected collected = {0};
	struct na_buffer why = {0};

	(void)state;
	for (int round = 0; round < 3; round++) {
		na_capture_self_test(capture, TIMEOUT_NS, collect, &collected, &why);
		na_capture_detach(capture);
		na_capture_drain(capture, collect, &collected);
		for (size_t i = 0; i < collected.count; i++) {
			const struct na_record_header *record = collected.records[i];

			if (record->pid == (uint32_t)getpid())
				fail_msg("record of type %u from program %u", record->type,
					 record->program);
		}
		collected_done(&collected);
		na_capture_attach(capture);
	}
	na_capture_close(&capture);
	na_buffer_done(&why);
}

static void each_missing_source_is_named(void **state)
{
	struct na_capture_options options = all_options();
	struct na_capture *capture = fixture_open(&options);
	struct na_program_state names[NA_PROGRAM_COUNT];

	(void)state;
	memcpy(names, na_capture_programs(capture), sizeof(names));
	na_capture_close(&capture);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		struct na_buffer why = {0};
		struct collected collected = {0};

		if (!names[id].wanted || stands_in(&names[id]))
			continue;
		options.disable = names[id].source;
		capture = fixture_open(&options);
		if (na_capture_self_test(capture, SHORT_NS, collect, &collected, &why) != -ETIME)
			fail_msg("passes without %s: %s", names[id].source, text_of(&why));
		if (!strstr(text_of(&why), names[id].source))
			fail_msg("%s is not in: %s", names[id].source, why.data);
		assert_false(na_capture_programs(capture)[id].fed_self_test);
		na_capture_close(&capture);
		na_buffer_done(&why);
		collected_done(&collected);
	}
}

static void it_passes_where_loopback_is_excluded(void **state)
{
	struct na_capture_options options = all_options();
	struct na_filter *filter;
	struct na_rules *rules;
	struct na_buffer why = {0};
	struct na_capture *capture;
	struct collected collected = {0};
	bool taken;

	(void)state;
	assert_int_equal(na_filter_parse("address=127.0.0.0/8,::1", &filter, &why), 0);
	assert_int_equal(na_rules_new(&filter, 1, &taken, &rules), 0);
	assert_true(taken);
	options.rules = rules;
	capture = fixture_open(&options);
	if (na_capture_self_test(capture, TIMEOUT_NS, collect, &collected, &why))
		fail_msg("%s", text_of(&why));
	na_capture_close(&capture);
	na_rules_free(rules);
	na_filter_free(filter);
	na_buffer_done(&why);
	collected_done(&collected);
}

/* In a child, because what it does to its network cannot be undone. Returns what the test says. */
static char *self_test_where(void (*prepare)(void), int *ret_result)
{
	static char text[4096];
	int fds[2], status;
	pid_t child;
	ssize_t length;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (!child) {
		struct na_capture_options options = all_options();
		struct collected collected = {0};
		struct na_buffer why = {0};
		struct na_capture *capture;
		int result;

		prepare();
		capture = fixture_open(&options);
		result = na_capture_self_test(capture, TIMEOUT_NS, collect, &collected, &why);
		na_capture_close(&capture);
		if (write(fds[1], why.data ? why.data : "", why.length) < 0)
			_exit(1);
		_exit(-result);
	}
	close(fds[1]);
	length = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	assert_true(length >= 0);
	text[length] = '\0';
	assert_int_equal(waitpid(child, &status, 0), child);
	*ret_result = WEXITSTATUS(status);
	return text;
}

static void new_network(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		_exit(errno);
}

static void new_network_without_ipv6(void)
{
	int fd;

	new_network();
	if (loopback_up() < 0)
		_exit(100);
	fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		_exit(101);
	close(fd);
}

static void a_loopback_that_is_down_is_no_failure(void **state)
{
	int result;
	const char *text = self_test_where(new_network, &result);

	(void)state;
	assert_int_equal(result, 0);
	assert_non_null(strstr(text, "not tested: "));
	assert_non_null(strstr(text, "tp_btf/sys_exit"));
	assert_non_null(strstr(text, "IPv4: connect over loopback: Network is unreachable"));
	assert_non_null(strstr(text, "IPv6: "));
}

static void ipv6_that_is_off_is_no_failure(void **state)
{
	int result;
	const char *text = self_test_where(new_network_without_ipv6, &result);

	(void)state;
	assert_int_equal(result, 0);
	assert_non_null(strstr(text, "not tested: cgroup/bind6, "));
	assert_null(strstr(text, "tp_btf/inet_sock_set_state"));
	assert_non_null(strstr(text, "IPv6: bind to loopback: Cannot assign requested address"));
	assert_null(strstr(text, "IPv4: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_source_feeds_it),
		cmocka_unit_test(none_of_its_records_comes_out),
		cmocka_unit_test(each_missing_source_is_named),
		cmocka_unit_test(it_passes_where_loopback_is_excluded),
		cmocka_unit_test(a_loopback_that_is_down_is_no_failure),
		cmocka_unit_test(ipv6_that_is_off_is_no_failure),
	};

	fixture_require_programs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
