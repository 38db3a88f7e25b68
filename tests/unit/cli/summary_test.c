/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries: sums that are right, lines that fit, names that may be anything. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "../capture/failing_alloc.h"
#include "base/utf8.h"
#include "cli/summary.h"
#include "cli/tally.h"

static struct na_event make(enum na_event_type type, uint64_t wall_ns, const char *program)
{
	struct na_event event = {0};

	na_event_init(&event, type, 0);
	NA_SET(&event, TIMESTAMP, wall_ns);
	NA_SET_TEXT(&event, PROCESS_EXECUTABLE, program);
	NA_SET_TEXT(&event, NETWORK_TRANSPORT, "tcp");
	NA_SET(&event, DESTINATION_PORT, 443);
	NA_SET(&event, DESTINATION_IP,
	       ((struct na_address){{[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7}}));
	NA_SET(&event, SOURCE_BYTES, 10);
	NA_SET(&event, DESTINATION_BYTES, 100);
	return event;
}

static int fill(struct na_summary *summary)
{
	struct na_event event = make(NA_EVENT_ESTABLISHED, 2000000000, "/usr/bin/curl");
	int error = na_summary_add(summary, &event);

	event = make(NA_EVENT_CLOSED, 5000000000, "/usr/bin/curl");
	if (!error)
		error = na_summary_add(summary, &event);
	event = make(NA_EVENT_CONNECT_FAILED, 1000000000, "/usr/bin/\x1b[2J\xff");
	na_event_set_error(&event, -111);
	if (!error)
		error = na_summary_add(summary, &event);
	event = make(NA_EVENT_LISTENING, 4000000000, "/usr/sbin/sshd");
	if (!error)
		error = na_summary_add(summary, &event);
	na_summary_add_missing(summary, 7);
	return error;
}

static long long number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void sums_are_right(void **state)
{
	struct na_summary *summary = na_summary_new();
	struct na_buffer out = {0};
	json_t *root, *row;

	(void)state;
	assert_int_equal(fill(summary), 0);
	assert_int_equal(na_summary_json(summary, &out), 0);
	root = json_loadb(out.data, out.length, 0, NULL);
	assert_non_null(root);
	assert_int_equal(number(root, "events"), 4);
	assert_int_equal(number(root, "failed"), 1);
	assert_int_equal(number(root, "missing"), 7);
	assert_int_equal(number(root, "source_bytes"), 10); /* of `closed` alone */
	assert_int_equal(number(root, "destination_bytes"), 100);
	assert_string_equal(json_string_value(json_object_get(root, "first")),
			    "1970-01-01T00:00:01.000000000Z");
	assert_int_equal(number(json_object_get(root, "by_event"), "closed"), 1);
	row = json_array_get(json_object_get(root, "processes"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "/usr/bin/curl");
	assert_int_equal(number(row, "events"), 2);
	assert_int_equal(number(row, "bytes"), 110);
	assert_int_equal(json_array_size(json_object_get(root, "destinations")), 1);
	row = json_array_get(json_object_get(root, "destinations"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "192.0.2.7:443 tcp");
	assert_int_equal(number(row, "events"), 3); /* nobody connects to a listener's address */
	row = json_array_get(json_object_get(root, "errors"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "ECONNREFUSED");
	json_decref(root);
	na_buffer_done(&out);
	na_summary_free(summary);
}

/* No line has more than 80 columns, and nothing that a terminal would obey. */
static void lines_fit(void **state)
{
	struct na_summary *summary = na_summary_new();
	struct na_buffer out = {0};
	char program[200];
	size_t column = 0;

	(void)state;
	for (int i = 0; i < 30; i++) {
		struct na_event event;

		snprintf(program, sizeof(program), "/opt/%0150d/\x1b[2J\xe4\xb8\xad", i);
		event = make(NA_EVENT_CLOSED, (uint64_t)i << 50, program);
		event.f_SOURCE_BYTES = INT64_MAX / 64;
		assert_int_equal(na_summary_add(summary, &event), 0);
	}
	assert_int_equal(fill(summary), 0);
	assert_int_equal(na_summary_print(summary, &out), 0);
	for (size_t i = 0; i < out.length;) {
		struct na_utf8 next = na_utf8_read(out.data + i, out.length - i);

		assert_true(next.valid && (next.code >= ' ' || next.code == '\n'));
		column = next.code == '\n' ? 0 : column + 1;
		if (column > 80)
			fail_msg("%.*s", (int)out.length, out.data);
		i += next.length;
	}
	na_buffer_append_char(&out, '\0');
	assert_non_null(strstr(out.data, "(23 others)"));
	assert_non_null(strstr(out.data, "7 more could not be read"));
	na_buffer_done(&out);
	na_summary_free(summary);
}

static void nothing_has_a_summary_too(void **state)
{
	struct na_summary *summary = na_summary_new();
	struct na_buffer out = {0};
	json_t *root;

	(void)state;
	assert_int_equal(na_summary_print(summary, &out), 0);
	assert_memory_equal(out.data, "0 events\n", 9);
	na_buffer_clear(&out);
	assert_int_equal(na_summary_json(summary, &out), 0);
	root = json_loadb(out.data, out.length, 0, NULL);
	assert_non_null(root);
	json_decref(root);
	na_buffer_done(&out);
	na_summary_free(summary);
	na_summary_free(NULL);
}

static void names_are_bounded(void **state)
{
	struct na_tally tally = {0};
	uint64_t total = 0;
	char name[16];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 70000; i++) {
			snprintf(name, sizeof(name), "%d", i);
			na_tally_get(&tally, na_text_of(name))->events++;
		}
	na_tally_get(&tally, na_text_of("17"))->events++;
	na_tally_sort(&tally);
	assert_int_equal(tally.count, NA_TALLY_MAX);
	assert_int_equal(tally.rows[0].name.length, 2);
	assert_memory_equal(tally.rows[0].name.data, "17", 2);
	assert_int_equal(tally.rows[0].events, 3);
	for (size_t i = 0; i < tally.count; i++)
		total += tally.rows[i].events;
	assert_int_equal(total + tally.others.events, 140001);
	na_tally_done(&tally);
}

static void without_memory_nothing_breaks(void **state)
{
	bool failed = true;

	(void)state;
	for (size_t n = 1; failed; n++) {
		struct na_buffer out = {0};
		struct na_summary *summary;
		int error = -ENOMEM;

		na_failing_alloc_arm(n);
		summary = na_summary_new();
		if (summary)
			error = fill(summary);
		if (!error)
			error = na_summary_print(summary, &out);
		failed = na_failing_alloc_disarm();
		if (!failed)
			assert_int_equal(error, 0);
		na_buffer_done(&out);
		na_summary_free(summary);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_right),
		cmocka_unit_test(lines_fit),
		cmocka_unit_test(nothing_has_a_summary_too),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(without_memory_nothing_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
