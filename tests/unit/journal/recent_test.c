/* SPDX-License-Identifier: Apache-2.0 */
/* What is the same is found, what is not is not, wherever its bytes lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "journal/recent.h"

#define PIECES 3

static char name[100], pieces[PIECES][8], longer[70000];
static struct na_text arguments[PIECES];
static struct na_recent *recent;
static struct na_recent_group group;
static struct na_event event;

/* An event whose process group has every kind of value. */
static int setup(void **state)
{
	(void)state;
	recent = na_recent_new();
	na_event_init(&event, NA_EVENT_ESTABLISHED, 0);
	NA_SET(&event, PROCESS_PID, 7);
	NA_SET(&event, SOURCE_IP, ((struct na_address){{1}}));
	NA_SET(&event, NA_SOCKET_MAPPED, true);
	strcpy(name, "a name of many words, the last of which ends in no multiple of eight");
	NA_SET(&event, PROCESS_NAME, ((struct na_text){name, strlen(name)}));
	NA_SET_TEXT(&event, PROCESS_EXECUTABLE, "constant");
	for (int i = 0; i < PIECES; i++) {
		strcpy(pieces[i], "piece");
		arguments[i] = (struct na_text){pieces[i], 5};
	}
	NA_SET(&event, PROCESS_ARGS, ((struct na_texts){arguments, PIECES}));
	group = (struct na_recent_group){.group = NA_GROUP_PROCESS, .more = {{"more", 4}}};
	memcpy(group.fields, event.present, sizeof(group.fields));
	return recent ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	na_recent_free(recent);
	return 0;
}

static bool is_known(void)
{
	uint32_t number = 0;
	bool found = na_recent_find(recent, &event, &group, &number);

	assert_int_equal(number, found ? 5 : 0);
	return found;
}

static void same_values_are_found(void **state)
{
	(void)state;
	assert_false(is_known());
	na_recent_keep(recent, &event, &group, 5);
	assert_true(is_known());
	event.f_PROCESS_EXECUTABLE.data = strdup("constant"); /* elsewhere */
	assert_true(is_known());
	free((char *)event.f_PROCESS_EXECUTABLE.data);
	event.f_PROCESS_EXECUTABLE.data = "constanT";
	assert_false(is_known());
}

/* Also where only the memory changed that a text points to. */
static void a_change_is_seen(void **state)
{
	(void)state;
	na_recent_keep(recent, &event, &group, 5);
	for (size_t i = 0; i < strlen(name); i++) {
		name[i] ^= 1;
		assert_false(is_known());
		name[i] ^= 1;
	}
	pieces[PIECES - 1][4]++;
	assert_false(is_known());
	pieces[PIECES - 1][4]--;
	event.f_PROCESS_ARGS.count--;
	assert_false(is_known());
	event.f_PROCESS_ARGS.count++;
	event.f_SOURCE_IP.bytes[15]++;
	assert_false(is_known());
	event.f_SOURCE_IP.bytes[15]--;
	event.f_NA_SOCKET_MAPPED = false;
	assert_false(is_known());
	event.f_NA_SOCKET_MAPPED = true;
	group.more[1] = (struct na_text){"x", 1};
	assert_false(is_known());
	group.more[1].length = 0;
	group.fields[0] ^= UINT64_C(1) << NA_FIELD_MESSAGE;
	assert_false(is_known());
	group.fields[0] ^= UINT64_C(1) << NA_FIELD_MESSAGE;
	assert_true(is_known());
}

/* Then the values are not looked at; without one, or with another, nothing is found. */
static void an_origin_stands_for_values(void **state)
{
	(void)state;
	event.origin = (struct na_process_origin){.process = 1, .description = 2};
	na_recent_keep(recent, &event, &group, 5);
	name[0]++;
	assert_true(is_known());
	event.origin.parent = 3;
	assert_false(is_known());
	event.origin = (struct na_process_origin){0};
	assert_false(is_known());
}

static void old_numbers_are_forgotten(void **state)
{
	(void)state;
	na_recent_keep(recent, &event, &group, 5);
	na_recent_forget(recent);
	assert_false(is_known());
}

static void what_is_too_long_is_not_kept(void **state)
{
	size_t before = na_recent_memory(recent);

	(void)state;
	event.f_PROCESS_NAME = (struct na_text){longer, sizeof(longer)};
	na_recent_keep(recent, &event, &group, 5);
	assert_false(is_known());
	assert_int_equal(na_recent_memory(recent), before);
}

static void without_memory_nothing_is_kept(void **state)
{
	(void)state;
	na_failing_alloc_arm(1);
	na_recent_keep(recent, &event, &group, 5);
	assert_true(na_failing_alloc_disarm());
	assert_false(is_known());
	na_recent_keep(recent, &event, &group, 5);
	assert_true(is_known());
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(same_values_are_found),        test(a_change_is_seen),
		test(an_origin_stands_for_values),  test(old_numbers_are_forgotten),
		test(what_is_too_long_is_not_kept), test(without_memory_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
