/* SPDX-License-Identifier: Apache-2.0 */
/* The list `outputs`: values, mistakes and their places, several files, --set, --show, no memory.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/config.h"
#include "config/outputs.h"
#include "config/rows.h"
#include "config/value.h"
#include "failing_memory.h"
#include "fake_outputs.h"

static struct na_config *config;
static struct na_config_errors errors;

static int begin(void **state)
{
	(void)state;
	config = na_config_new(na_fake_outputs);
	return config ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	na_config_free(config);
	na_config_errors_done(&errors);
	return 0;
}

static const char *messages(void)
{
	na_buffer_append_char(&errors.text, '\0');
	errors.text.length--;
	return errors.text.data;
}

static int load(const char *name, const char *text)
{
	return na_config_load_text(config, na_text_of(text), name, &errors);
}

static void load_good(const char *name, const char *text)
{
	if (load(name, text))
		fail_msg("%s", messages());
}

static const char whole[] = "outputs:\n"
			    "- name: siem\n"
			    "  type: kafka\n"
			    "  format: flat\n"
			    "  view: connections\n"
			    "  interval: 5m\n"
			    "  select: [\"event=established,closed\", uid=0]\n"
			    "  dedup: 60s\n"
			    "  batch: 10\n"
			    "  retry_min: 100ms\n"
			    "  retry_max: 1m\n"
			    "  budget: 1GiB\n"
			    "  start: newest\n"
			    "  topic: netaudit\n"
			    "  key: none\n"
			    "  brokers: [\"a:9092\", \"b:9092\"]\n"
			    "  codecs: [lz4, zstd]\n"
			    "  verify: false\n"
			    "  memory: 64MiB\n"
			    "  first: [port=443]\n"
			    "  kafka: {socket.timeout.ms: 500, client.id: \"x\"}\n"
			    "- {type: file, path: /var/log/x.json, name: f-1_a}\n";

/* The rows are right: limits parse, defaults fit, and none is of a kind that items do not have. */
static void test_rows(void **state)
{
	struct na_config_output output;

	(void)state;
	for (size_t i = 0; i < NA_OUTPUT_OPTION_COUNT; i++) {
		const struct na_option *option = &na_output_options[i];
		bool length = option->type == NA_OPTION_TEXT || option->type == NA_OPTION_FILTERS;

		assert_true(option->type != NA_OPTION_OUTPUTS);
		assert_null(strchr(option->path, '.'));
		if (*option->min)
			assert_true(na_value_limit(length ? NA_OPTION_NUMBER : option->type,
						   option->min) <=
				    na_value_limit(length ? NA_OPTION_NUMBER : option->type,
						   option->max));
	}
	assert_int_equal(na_config_output_init(&output, NULL), 0);
	assert_int_equal(output.common.format, NA_OUTPUT_ECS);
	assert_int_equal(output.common.view, NA_OUTPUT_LIFECYCLE);
	assert_int_equal(output.common.start, NA_OUTPUT_OLDEST);
	assert_int_equal(output.common.batch, 1000);
	assert_int_equal(output.common.budget, 0);
	assert_int_equal(output.common.retry_max, 60 * NA_NS_PER_SEC);
	na_config_output_done(&output);
}

static void test_whole(void **state)
{
	const struct na_config_output *output;
	const struct na_fake_kafka *kafka;
	const struct na_fake_file *file;

	(void)state;
	load_good("a.yaml", whole);
	assert_int_equal(config->outputs.count, 2);
	output = &config->outputs.items[0];
	assert_ptr_equal(output->type, na_fake_outputs[2]);
	assert_string_equal(output->common.name.data, "siem");
	assert_int_equal(output->common.format, NA_OUTPUT_FLAT);
	assert_int_equal(output->common.view, NA_OUTPUT_CONNECTIONS);
	assert_int_equal(output->common.interval, 300 * NA_NS_PER_SEC);
	assert_int_equal(output->common.select.count, 2);
	assert_non_null(output->common.select.filters[1]);
	assert_int_equal(output->common.dedup, 60 * NA_NS_PER_SEC);
	assert_int_equal(output->common.batch, 10);
	assert_int_equal(output->common.budget, 1 << 30);
	assert_int_equal(output->common.start, NA_OUTPUT_NEWEST);
	assert_string_equal(output->origin.file, "a.yaml");
	assert_int_equal(output->origin.line, 2);
	kafka = output->options;
	assert_string_equal(kafka->topic.data, "netaudit");
	assert_int_equal(kafka->key, 2);
	assert_int_equal(kafka->brokers.count, 2);
	assert_string_equal(kafka->brokers.items[1].data, "b:9092");
	assert_int_equal(kafka->codecs, 6);
	assert_false(kafka->verify);
	assert_int_equal(kafka->memory.bytes, 64 << 20);
	assert_int_equal(kafka->first.count, 1);
	assert_int_equal(kafka->kafka.count, 2);
	assert_string_equal(kafka->kafka.pairs[0].name.data, "socket.timeout.ms");
	assert_string_equal(kafka->kafka.pairs[0].value.data, "500");
	file = config->outputs.items[1].options;
	assert_string_equal(config->outputs.items[1].common.name.data, "f-1_a");
	assert_string_equal(file->path.data, "/var/log/x.json");
	assert_int_equal(file->rotate_size, 100 << 20);
	assert_int_equal(file->keep, 7);
}

/* File text, and every message. */
static const struct {
	const char *text, *messages;
} mistakes[] = {
	{"outputs:\n", ""},
	{"outputs: ~\n", ""},
	{"outputs: [{name: a, type: stdout}]\n", ""},
	{"outputs: {name: a}\n",
	 "a.yaml:1:10: outputs: a list is needed here, as [{name: one, type: file}]\n"},
	{"outputs: [a, ~, [b]]\n",
	 "a.yaml:1:11: outputs: each output is a group of keys, with name and type\n"
	 "a.yaml:1:14: outputs: each output is a group of keys, with name and type\n"
	 "a.yaml:1:17: outputs: each output is a group of keys, with name and type\n"},
	{"outputs:\n- {}\n",
	 "a.yaml:2:3: outputs: name is missing\na.yaml:2:3: outputs: type is missing\n"},
	{"outputs:\n- name: a\n", "a.yaml:2:3: outputs.a: type is missing\n"},
	{"outputs:\n- name: a\n  typ: file\n  path: /x\n  bach: 1\n",
	 "a.yaml:3:3: outputs.a: unknown key \"typ\", did you mean \"type\"?\n"
	 "a.yaml:5:3: outputs.a: unknown key \"bach\", did you mean \"batch\"?\n"
	 "a.yaml:2:3: outputs.a: type is missing\n"},
	{"outputs:\n- name: a\n  type: stdout\n  x.y: 1\n",
	 "a.yaml:4:3: outputs.a: unknown key \"x.y\"\n"},
	{"outputs:\n- type: stdout\n", "a.yaml:2:3: outputs: name is missing\n"},
	{"outputs:\n- name:\n  type: \"\"\n",
	 "a.yaml:2:8: outputs.name: a value is missing; without the key the default holds\n"
	 "a.yaml:3:9: outputs.type: a text of at least 1 byte is needed\n"},
	{"outputs:\n- name: a\n  type: [stdout]\n",
	 "a.yaml:3:9: outputs.a.type: one value is needed here, not a list\n"},
	{"outputs:\n- name: a\n  type: fiel\n  pth: x\n  batch: many\n",
	 "a.yaml:3:9: outputs.a.type: \"fiel\" is none of stdout, file, kafka, did you mean "
	 "\"file\"?\n"
	 "a.yaml:5:10: outputs.a.batch: \"many\" is not a whole number\n"},
	{"outputs:\n- name: a\n  type: file\n", "a.yaml:2:3: outputs.a: path is missing\n"},
	{"outputs:\n- name: a\n  type: file\n  path: x\n  kep: 1\n  bath: 1\n  topic: x\n",
	 "a.yaml:4:9: outputs.a.path: \"x\" is not a path that begins with /\n"
	 "a.yaml:5:3: outputs.a: unknown key \"kep\", did you mean \"keep\"?\n"
	 "a.yaml:6:3: outputs.a: unknown key \"bath\", did you mean \"batch\"?\n"
	 "a.yaml:7:3: outputs.a: unknown key \"topic\"\n"},
	{"outputs:\n- name: a\n  type: stdout\n  selct: []\n",
	 "a.yaml:4:3: outputs.a: unknown key \"selct\", did you mean \"select\"?\n"},
	{"outputs:\n- name: a\n  type: stdout\n  capture: {rings: 1}\n",
	 "a.yaml:4:3: outputs.a: unknown key \"capture\"\n"},
	{"outputs:\n- name: a\n  type: stdout\n  name: b\n",
	 "a.yaml:4:3: outputs.a.name: given twice, first in line 2\n"},
	{"outputs:\n- name: Siem\n  type: stdout\n- name: -a\n  type: stdout\n",
	 "a.yaml:2:9: outputs.name: 1 to 64 of a-z 0-9 _ - are a name, a letter or digit first\n"
	 "a.yaml:4:9: outputs.name: 1 to 64 of a-z 0-9 _ - are a name, a letter or digit first\n"},
	{"outputs:\n- {name: ../x, type: stdout}\n",
	 "a.yaml:2:10: outputs.name: 1 to 64 of a-z 0-9 _ - are a name, a letter or digit "
	 "first\n"},
	{"outputs:\n- {name: a, type: stdout}\n- {name: b, type: stdout}\n- {name: a, type: "
	 "file}\n",
	 "a.yaml:4:3: outputs.a: path is missing\n"
	 "a.yaml:4:10: outputs.a.name: given twice, first in line 2 of a.yaml\n"},
	{"outputs:\n- {name: a, type: stdout, batch: x}\n- {name: a, type: stdout}\n",
	 "a.yaml:2:34: outputs.a.batch: \"x\" is not a whole number\n"
	 "a.yaml:3:10: outputs.a.name: given twice, first in line 2 of a.yaml\n"},
	{"outputs:\n- {name: a, type: none}\n- {name: a, type: stdout}\n",
	 "a.yaml:2:19: outputs.a.type: \"none\" is none of stdout, file, kafka\n"
	 "a.yaml:3:10: outputs.a.name: given twice, first in line 2 of a.yaml\n"},
	{"outputs:\n- name: a\n  type: stdout\n  retry_min: 2m\n",
	 "a.yaml:4:14: outputs.a.retry_min: 2m is more than retry_max, 1m\n"},
	{"outputs:\n- name: a\n  type: stdout\n  retry_max: 500ms\n",
	 "a.yaml:2:3: outputs.a.retry_min: 1s is more than retry_max, 500ms\n"},
	{"outputs:\n- name: a\n  type: stdout\n  retry_max: 5\n  view: conns\n  select: [prot=1]\n",
	 "a.yaml:4:14: outputs.a.retry_max: \"5\" has no unit: ns, us, ms, s, m, h or d\n"
	 "a.yaml:5:9: outputs.a.view: \"conns\" is none of lifecycle, connections\n"
	 "a.yaml:6:12: outputs.a.select: in this filter, column 1: unknown key \"prot\", did you "
	 "mean \"port\"?\n"},
	{"outputs:\n- name: k\n  type: kafka\n  brokers: []\n  topic: t\n",
	 "a.yaml:4:12: outputs.k.brokers: needs at least 1\n"},
	{"outputs:\n- name: k\n  type: kafka\n",
	 "a.yaml:2:3: outputs.k: topic is missing\na.yaml:2:3: outputs.k: brokers is missing\n"},
	{"outputs:\n- name: k\n  type: kafka\n  brokers: [a, b, c, d, e, f, g, h, i]\n  topic: t\n",
	 "a.yaml:4:12: outputs.k.brokers: 9 are more than 8\n"},
	{"outputs:\n- name: k\n  type: kafka\n  brokers: [a]\n  topic: t\n  kafka: {.x: 1, a: 1, "
	 "a: "
	 "2}\n",
	 "a.yaml:6:11: outputs.k.kafka: \".x\" is no name: 1 to 64 of a-z A-Z 0-9 _ - . are, not - "
	 "or . first\n"
	 "a.yaml:6:24: outputs.k.kafka: given twice, first in line 6\n"},
	{"outputs:\n- name: k\n  type: kafka\n  brokers: [a]\n  topic: a b\n",
	 "a.yaml:2:3: outputs.k: a topic has no spaces\n"},
	/* The type is asked only about what is right. */
	{"outputs:\n- name: k\n  type: kafka\n  brokers: [a]\n  topic: a b\n  batch: 0\n",
	 "a.yaml:6:10: outputs.k.batch: \"0\" is less than 1\n"},
	{"outputs:\n- &a {name: a, type: stdout}\n- *a\n",
	 "a.yaml:2:13: outputs.a.name: given twice, first in line 2 of a.yaml\n"},
};

static void test_mistakes(void **state)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		int result = load("a.yaml", mistakes[i].text);

		assert_string_equal(messages(), mistakes[i].messages);
		assert_int_equal(result, *mistakes[i].messages ? -EINVAL : 0);
		end(state);
		begin(state);
	}
}

/* One name in two files: both places are told. */
static void test_files(void **state)
{
	(void)state;
	load_good("10.yaml", "log:\n\noutputs: [{name: a, type: stdout}]\n");
	load_good("20.yaml", "outputs: [{name: b, type: stdout}]\n");
	assert_int_equal(config->outputs.count, 2);
	assert_string_equal(config->outputs.items[1].common.name.data, "b");
	assert_int_equal(load("30.yaml", "outputs:\n- type: stdout\n  name: a\n"), -EINVAL);
	assert_string_equal(
		messages(),
		"30.yaml:3:9: outputs.a.name: given twice, first in line 3 of 10.yaml\n");
}

/* As the shipping process has it from the one that captures. */
static void test_descriptor(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], whole, sizeof(whole) - 1), sizeof(whole) - 1);
	close(ends[1]);
	assert_int_equal(na_config_load_descriptor(config, ends[0], "capture", &errors), 0);
	close(ends[0]);
	assert_int_equal(config->outputs.count, 2);
	assert_string_equal(config->outputs.items[0].origin.file, "capture");
	assert_int_equal(na_config_load_descriptor(config, -1, "capture", &errors), -EINVAL);
	assert_string_equal(messages(), "capture: cannot be read: Bad file descriptor\n");
}

static void test_no_types(void **state)
{
	struct na_config *none = na_config_new(NULL);

	(void)state;
	assert_int_equal(na_config_load_text(none,
					     na_text_of("outputs: [{name: a, type: stdout}]\n"),
					     "a.yaml", &errors),
			 -EINVAL);
	assert_string_equal(messages(), "a.yaml:1:27: outputs.a.type: \"stdout\": there are no "
					"outputs to choose\n");
	na_config_free(none);
}

static void test_too_many(void **state)
{
	struct na_buffer text = {0};

	(void)state;
	na_buffer_append_string(&text, "outputs:\n");
	for (int i = 0; i < 1000; i++)
		na_buffer_printf(&text, "- {name: n%d, type: stdout}\n", i);
	assert_int_equal(na_config_load_text(config, (struct na_text){text.data, text.length},
					     "a.yaml", &errors),
			 -EINVAL);
	assert_int_equal(config->outputs.count, 64);
	assert_string_equal(messages(), "a.yaml:2:1: outputs: more than 64\n");
	na_buffer_done(&text);
}

/* --set takes the place of the files' outputs. */
static void test_set(void **state)
{
	(void)state;
	load_good("a.yaml", whole);
	assert_int_equal(
		na_config_set(config, "outputs=[{name: siem, type: stdout, batch: 3}]", &errors),
		0);
	assert_int_equal(config->outputs.count, 1);
	assert_int_equal(config->outputs.items[0].common.batch, 3);
	assert_string_equal(config->outputs.items[0].origin.file, "--set");
	assert_int_equal(na_config_set(config,
				       "outputs=[{name: a, type: stdout}, {name: a, type: kafk}]",
				       &errors),
			 -EINVAL);
	assert_string_equal(messages(),
			    "--set: outputs.a.type: \"kafk\" is none of stdout, file, kafka, did "
			    "you mean \"kafka\"?\n"
			    "--set: outputs.a.name: given twice\n");
	na_config_errors_done(&errors);
	assert_int_equal(na_config_set(config, "outputs=[]", &errors), 0);
	assert_int_equal(config->outputs.count, 0);
	load_good("b.yaml", whole);
	assert_int_equal(na_config_set(config, "outputs=", &errors), 0);
	assert_int_equal(config->outputs.count, 0);
}

static void test_text_is_a_list_of_one(void **state)
{
	const struct na_config_filters *select;

	(void)state;
	load_good("a.yaml", "outputs: [{name: k, type: stdout, select: event=accepted}]");
	select = &config->outputs.items[0].common.select;
	assert_int_equal(select->count, 1);
	assert_string_equal(select->texts[0].data, "event=accepted");
}

static void test_show_hides_secrets(void **state)
{
	struct na_buffer out = {0};

	(void)state;
	load_good("a.yaml",
		  "outputs: [{name: k, type: kafka, topic: t, brokers: [a], kafka: {sasl.password: "
		  "hush, ssl.key.pem: hush, sasl.username: audit}}]");
	assert_int_equal(na_config_show_masked(config, &out), 0);
	na_buffer_append_char(&out, '\0');
	assert_null(strstr(out.data, "hush"));
	assert_non_null(strstr(out.data, "sasl.password: '***'"));
	assert_non_null(strstr(out.data, "sasl.username: \"audit\""));
	na_buffer_clear(&out);
	assert_int_equal(na_config_show(config, &out), 0);
	na_buffer_append_char(&out, '\0');
	assert_non_null(strstr(out.data, "sasl.password: \"hush\""));
	na_buffer_done(&out);
}

static void test_show(void **state)
{
	struct na_buffer out = {0};

	(void)state;
	load_good("a\n.yaml", whole);
	assert_int_equal(na_config_show(config, &out), 0);
	na_buffer_append_char(&out, '\0');
	assert_non_null(strstr(out.data, "\noutputs:\n"
					 "  - name: \"siem\"                    # a?.yaml:2\n"
					 "    type: \"kafka\"                   # a?.yaml:3\n"
					 "    format: flat                    # a?.yaml:4\n"));
	assert_non_null(strstr(out.data, "    kafka:\n"
					 "      socket.timeout.ms: \"500\"      # a?.yaml:21\n"));
	assert_non_null(strstr(out.data, "    brokers:                        # a?.yaml:16\n"
					 "      - \"a:9092\"\n"));
	assert_non_null(strstr(out.data, "  - name: \"f-1_a\"                   # a?.yaml:22\n"));
	assert_non_null(strstr(out.data, "    keep: 7                         # default\n"));
	na_buffer_done(&out);
}

static void test_limits(void **state)
{
	static const struct {
		const char *text, *messages;
	} limits[] = {
		{"", ""},
		{"journal: {max_size: 128MiB}", ""},
		{"journal:\n  tail_size: 3GiB\n",
		 "a.yaml:2: journal.tail_size: 3GiB is more than journal.max_size, 2GiB\n"},
		{"journal:\n\n  max_size: 32MiB\n",
		 "a.yaml:3: journal.tail_size: 128MiB is more than journal.max_size, 32MiB\n"},
		{"journal: {path: /a}\nship: {path: /ab}\n", ""},
		{"journal: {path: /a/}\nship:\n  path: /a/b\n",
		 "a.yaml:3: ship.path: \"/a/b\" cannot be in journal.path, \"/a/\"\n"},
		{"journal: {path: /a/b}\nship:\n  path: /a\n",
		 "a.yaml:1: journal.path: \"/a/b\" cannot be in ship.path, \"/a\"\n"},
		{"ship:\n  path: /\n", "a.yaml:2: journal.path: \"/var/lib/netaudit/journal\" "
				       "cannot be in ship.path, \"/\"\n"},
		{"journal: {tail: /var/lib/netaudit/ship/tail}\n",
		 "a.yaml:1: journal.tail: \"/var/lib/netaudit/ship/tail\" cannot be in ship.path, "
		 "\"/var/lib/netaudit/ship\"\n"},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		load_good("a.yaml", limits[i].text);
		assert_int_equal(na_config_check(config, &errors),
				 *limits[i].messages ? -EINVAL : 0);
		assert_string_equal(messages(), limits[i].messages);
		end(state);
		begin(state);
	}
}

static int do_everything(const char *text)
{
	struct na_config_errors found = {0};
	struct na_buffer out = {0};
	struct na_config *fresh = na_config_new(na_fake_outputs);
	int error = fresh ? 0 : -ENOMEM;

	if (!error)
		error = na_config_load_text(fresh, na_text_of(text), "a.yaml", &found);
	if (!error)
		error = na_config_show(fresh, &out);
	if (!error)
		error = na_config_set(fresh, "outputs=[{name: a, type: stdout}]", &found);
	if (!error)
		error = na_config_check(fresh, &found);
	na_buffer_done(&out);
	na_config_errors_done(&found);
	na_config_free(fresh);
	return error;
}

static void fail_each(const char *text, int wanted)
{
	unsigned long n = 0;
	int error;

	do {
		na_memory_fail_at(++n);
		error = do_everything(text);
		assert_true(!na_memory_has_failed() || error == -ENOMEM || error == wanted);
	} while (na_memory_has_failed() && n < 5000);
	na_memory_fail_at(0);
	assert_int_equal(error, wanted);
	assert_true(n > 5 && n < 5000);
}

static void test_no_memory(void **state)
{
	(void)state;
	fail_each(whole, 0);
	fail_each("journal: {tail_size: 3GiB}", -EINVAL);
	fail_each("journal: {path: /a}\nship: {path: /a}", -EINVAL);
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++)
		if (*mistakes[i].messages)
			fail_each(mistakes[i].text, -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows),
		TEST(test_whole),
		TEST(test_mistakes),
		TEST(test_files),
		TEST(test_descriptor),
		TEST(test_no_types),
		TEST(test_set),
		TEST(test_show),
		TEST(test_show_hides_secrets),
		TEST(test_text_is_a_list_of_one),
		TEST(test_too_many),
		TEST(test_limits),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
