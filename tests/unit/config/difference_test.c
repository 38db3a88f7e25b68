/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload changes; and that what is shown, loaded again, is no difference: random ones too.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/difference.h"
#include "failing_memory.h"
#include "fake_outputs.h"
#include "random_config.h"

static struct na_config *load_buffer(const struct na_buffer *text)
{
	struct na_config *config = na_config_new(na_fake_outputs);
	struct na_config_errors errors = {0};

	assert_non_null(config);
	if (na_config_load_text(config, (struct na_text){text->data, text->length}, "t", &errors))
		fail_msg("%.*s of\n%.*s", (int)errors.text.length, errors.text.data,
			 (int)text->length, text->data);
	return config;
}

static struct na_config *load(const char *text)
{
	return load_buffer(&(struct na_buffer){.data = (char *)text, .length = strlen(text)});
}

/* Of outputs not their values, which are long. */
static void append(void *context, const struct na_config_change *change)
{
	bool output = strncmp(change->path, "outputs.", 8) == 0;

	if (output)
		na_buffer_printf(context, "%s: %s -> %s", change->path,
				 change->was ? "one" : "none", change->now ? "one" : "none");
	else
		na_buffer_printf(context, "%s: %s -> %s", change->path, change->was, change->now);
	na_buffer_append_string(context, change->restart ? ", restart\n" : "\n");
}

static void expect(const struct na_config *running, const struct na_config *fresh,
		   const char *wanted)
{
	struct na_buffer out = {0};

	assert_int_equal(na_config_difference(running, fresh, append, &out), 0);
	na_buffer_append_char(&out, '\0');
	assert_string_equal(out.data, wanted);
	na_buffer_done(&out);
}

static const char first[] =
	"capture: {attach: cgroup, families: [inet], rings: 2}\n"
	"process: {redact: [a, b]}\n"
	"labels: {site: fra1, n: 1}\n"
	"journal: {path: /a, min_free: 5%}\n"
	"outputs:\n"
	"- {name: gone, type: stdout}\n"
	"- {name: same, type: file, path: /x}\n"
	"- {name: other, type: stdout}\n"
	"- {name: kafka, type: kafka, topic: t, brokers: [a], first: [uid=0], kafka: {a.b: 1}}\n";
static const char second[] =
	"capture: {attach: lsm, families: [inet, unix], exclude: [port=1], rings: 2}\n"
	"process: {redact: [a, c]}\n"
	"labels: {site: fra1, n: 2}\n"
	"journal: {path: /b, min_free: 1GiB}\n"
	"log: {level: debug}\n"
	"outputs:\n"
	"- {name: new, type: stdout}\n"
	"- {name: other, type: file, path: /x}\n"
	"- {name: kafka, type: kafka, topic: t, brokers: [a], first: [uid=0], kafka: {a.b: 2}}\n"
	"- {name: same, type: file, path: /x, keep: 7}\n";

static void test_difference(void **state)
{
	struct na_config *running = load(first), *fresh = load(second);

	(void)state;
	expect(running, running, "");
	expect(running, fresh,
	       "capture.attach: cgroup -> lsm, restart\n"
	       "capture.families: [inet] -> [inet, unix], restart\n"
	       "capture.exclude: [] -> [\"port=1\"]\n"
	       "process.redact: [\"a\", \"b\"] -> [\"a\", \"c\"], restart\n"
	       "labels: {site: \"fra1\", n: \"1\"} -> {site: \"fra1\", n: \"2\"}\n"
	       "journal.path: \"/a\" -> \"/b\", restart\n"
	       "journal.min_free: 5% -> 1GiB, restart\n"
	       "log.level: info -> debug\n"
	       "outputs.gone: one -> none\n"
	       "outputs.other: one -> one\n"
	       "outputs.kafka: one -> one\n"
	       "outputs.new: none -> one\n");
	na_config_free(running);
	na_config_free(fresh);
}

static void copy_output(void *context, const struct na_config_change *change)
{
	na_buffer_append_string(context, change->now);
}

/* An output's text is one that --set takes. */
static void test_output_text(void **state)
{
	struct na_config *none = na_config_new(na_fake_outputs);
	struct na_config *one = load("outputs: [{name: k, type: kafka, topic: t, brokers: [a, b], "
				     "select: [port=1], kafka: {a.b: \"x: y\"}}]");
	struct na_buffer text = {0};
	struct na_config_errors errors = {0};

	(void)state;
	na_buffer_append_string(&text, "outputs=[");
	assert_int_equal(na_config_difference(none, one, copy_output, &text), 0);
	na_buffer_append(&text, "]", 2);
	assert_int_equal(na_config_set(none, text.data, &errors), 0);
	expect(none, one, "");
	na_buffer_done(&text);
	na_config_free(none);
	na_config_free(one);
}

/* What needs a restart stays, says why, and is told again by the next reload. */
static void test_keep(void **state)
{
	struct na_config *running = load(first), *fresh = load(second), *again = load(second);
	struct na_buffer out = {0};

	(void)state;
	na_config_keep(fresh, running);
	na_config_free(running);
	assert_int_equal(fresh->capture_attach, NA_CONFIG_ATTACH_CGROUP);
	assert_string_equal(fresh->journal_path.data, "/a");
	assert_int_equal(fresh->labels.pairs[1].value.data[0], '2');
	assert_int_equal(fresh->outputs.count, 4);
	assert_int_equal(na_config_show(fresh, &out), 0);
	na_buffer_append_char(&out, '\0');
	assert_non_null(
		strstr(out.data, "\n  attach: cgroup                    # as before the reload\n"));
	assert_non_null(strstr(out.data, "\n  rings: 2                          # t:1\n"));
	expect(fresh, again,
	       "capture.attach: cgroup -> lsm, restart\n"
	       "capture.families: [inet] -> [inet, unix], restart\n"
	       "process.redact: [\"a\", \"b\"] -> [\"a\", \"c\"], restart\n"
	       "journal.path: \"/a\" -> \"/b\", restart\n"
	       "journal.min_free: 5% -> 1GiB, restart\n");
	na_buffer_done(&out);
	na_config_free(fresh);
	na_config_free(again);
}

static void test_no_memory(void **state)
{
	struct na_config *running = load(first), *fresh = load(second);
	unsigned long n = 0;
	int error;

	(void)state;
	do {
		struct na_buffer out = {0};

		na_memory_fail_at(++n);
		error = na_config_difference(running, fresh, append, &out);
		assert_true(error == 0 || error == -ENOMEM);
		na_buffer_done(&out);
	} while (na_memory_has_failed() && n < 5000);
	na_memory_fail_at(0);
	assert_int_equal(error, 0);
	assert_true(n > 5 && n < 5000);
	na_config_free(running);
	na_config_free(fresh);
}

/* Shown and loaded again, a configuration is the same, and shows the same. */
static void test_round_trip(void **state)
{
	unsigned int seed = 4;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct na_buffer text = {0}, shown = {0}, again_shown = {0};
		struct na_config *config, *again, *third;

		na_random_config(&seed, &text);
		config = load_buffer(&text);
		assert_int_equal(na_config_show(config, &shown), 0);
		again = load_buffer(&shown);
		expect(config, again, "");
		assert_int_equal(na_config_show(again, &again_shown), 0);
		third = load_buffer(&again_shown);
		expect(again, third, "");
		na_buffer_done(&text);
		na_buffer_done(&shown);
		na_buffer_done(&again_shown);
		na_config_free(config);
		na_config_free(again);
		na_config_free(third);
	}
}

/* Two random ones differ, and what is kept is what waits. */
static void count_restarts(void *context, const struct na_config_change *change)
{
	*(size_t *)context += change->restart;
}

static void test_random_keep(void **state)
{
	unsigned int seed = 5;
	size_t some = 0;

	(void)state;
	for (int round = 0; round < 100; round++) {
		struct na_buffer one = {0}, other = {0};
		struct na_config *running, *fresh, *running_too;
		size_t waiting = 0;

		na_random_config(&seed, &one);
		na_random_config(&seed, &other);
		running = load_buffer(&one);
		running_too = load_buffer(&one);
		fresh = load_buffer(&other);
		assert_int_equal(na_config_difference(running, fresh, count_restarts, &some), 0);
		na_config_keep(fresh, running);
		na_config_free(running);
		assert_int_equal(na_config_difference(running_too, fresh, count_restarts, &waiting),
				 0);
		assert_int_equal(waiting, 0);
		na_config_free(fresh);
		na_config_free(running_too);
		na_buffer_done(&one);
		na_buffer_done(&other);
	}
	assert_true(some > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_difference), cmocka_unit_test(test_output_text),
		cmocka_unit_test(test_keep),       cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_random_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
