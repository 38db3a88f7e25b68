/* SPDX-License-Identifier: Apache-2.0 */
/* The document of `netaudit status`, what it takes from a foreign file, and the command. */
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "control/control.h"
#include "control/rate.h"
#include "control/status_text.h"
#include "sample.h"

static char folder[] = "/tmp/status_test.XXXXXX";
static char file[64], link_path[64], socket_path[64];

static const char good[] =
	"{\"outputs\":[{\"name\":\"siem\",\"type\":\"kafka\",\"state\":\"retrying\","
	"\"error\":\"broker 192.0.2.7:9092: connection refused\","
	"\"dead_letters\":\"/var/lib/netaudit/ship/siem.dead\",\"events_sent\":100,"
	"\"events_acknowledged\":90,\"events_rejected\":2,\"events_left_out\":5,"
	"\"events_lost\":3,\"bytes\":12345,"
	"\"lag_events\":987,\"lag_seconds\":12.25,\"retries\":4},"
	"{\"name\":\"file\",\"type\":\"file\",\"state\":\"working\",\"events_acknowledged\":7,"
	"\"lag_events\":0,\"lag_seconds\":0}]}";

static void write_file(const char *bytes, size_t length)
{
	FILE *out = fopen(file, "we");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, length, out), length);
	fclose(out);
}

static json_t *document_with(const char *bytes, size_t length)
{
	struct na_status status;
	json_t *document;

	write_file(bytes, length);
	na_status_sample(&status, file);
	document = na_status_json(&status);
	assert_non_null(document);
	return document;
}

static json_t *outputs_of(const char *bytes)
{
	json_t *document = document_with(bytes, strlen(bytes));
	json_t *outputs = json_incref(json_object_get(document, "outputs"));

	assert_true(json_is_array(outputs));
	json_decref(document);
	return outputs;
}

/* All of the document, member by member. */
static const char expected[] =
	"{\"version\":\"" NA_VERSION "\",\"pid\":812,\"started\":\"2026-11-28T00:00:00Z\","
	"\"uptime_seconds\":7384,\"capture\":{\"tier\":\"cgroup\",\"programs_attached\":3,"
	"\"programs_wanted\":4,\"missing\":[{\"source\":\"tp_btf/"
	"sys_exit\",\"feeds\":[\"accepted\","
	"\"shutdown\",\"denied\"],\"reason\":\"the verifier refused it: invalid access to memory, "
	"and "
	"that is a long story\"}],\"capabilities\":\"CAP_DAC_READ_SEARCH, CAP_IPC_LOCK, "
	"CAP_SYS_PTRACE\"},\"losses\":{\"since_start\":[{\"source\":\"cgroup/connect4\",\"reason\":"
	"\"ring_full\",\"count\":12},{\"source\":\"tp_btf/"
	"sched_process_exec\",\"reason\":\"skipped\","
	"\"count\":3},{\"source\":\"journal\",\"reason\":\"not_kept\",\"count\":7}],"
	"\"skipped_unknown\":[\"tp_btf/sched_process_exit\"]},\"journal\":{\"path\":"
	"\"/var/lib/netaudit/"
	"journal\",\"sync\":\"interval\",\"first_sequence\":1,\"last_sequence\":"
	"987654,\"first_time\":\"2026-11-28T00:00:01Z\",\"last_time\":\"2026-11-28T01:56:40Z\","
	"\"segments\":5,\"segment_bytes\":83886080,\"tail_path\":\"/run/netaudit/"
	"tail\",\"tail_size\":"
	"67108864,\"tail_used\":3145728,\"tail_most\":20971520,\"tail_locked\":true,\"events\":"
	"987654,"
	"\"events_lost\":7,\"bytes\":90000000,\"syncs\":1000,\"sync_errors\":0,\"write_errors\":1,"
	"\"last_error\":\"No space left on device\"},\"ship\":{\"state\":\"running\",\"pid\":814,"
	"\"user\":\"netaudit\",\"restarts\":2,\"last_end\":\"netaudit ship was killed by SIGKILL "
	"after "
	"2m10s\",\"last_end_time\":\"2026-11-28T01:40:00Z\"}}";

static void test_document(void **state)
{
	json_t *document = document_with(good, strlen(good));
	json_t *wanted = json_loads(expected, 0, NULL), *outputs = json_loads(good, 0, NULL);
	json_t *events = json_object_get(document, "events");

	(void)state;
	assert_non_null(wanted);
	assert_true(json_equal(json_object_get(document, "outputs"),
			       json_object_get(outputs, "outputs")));
	assert_int_equal(json_object_size(events), NA_STAT_COUNT + 1);
	assert_true(json_real_value(json_object_get(events, "per_second")) == 123.25);
	assert_int_equal(json_integer_value(json_object_get(events, "events")), 987654);
	json_object_del(document, "outputs");
	json_object_del(document, "events");
	if (!json_equal(document, wanted)) {
		char *text = json_dumps(document, JSON_COMPACT);

		assert_string_equal(text, expected);
	}
	json_decref(document);
	json_decref(wanted);
	json_decref(outputs);
}

static void test_little(void **state)
{
	struct na_status status = {.journal_path = "\xff", .has_journal = true};
	json_t *document;

	(void)state;
	status.journal.first_sequence = 5; /* last < first: empty */
	document = na_status_json(&status);
	assert_null(json_object_get(document, "outputs"));
	assert_null(json_object_get(document, "started"));
	assert_null(json_object_get(json_object_get(document, "journal"), "path"));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(document, "journal"),
							    "first_sequence")),
			 0);
	assert_int_equal(json_object_size(json_object_get(document, "ship")), 1);
	json_decref(document);
}

/* The n-th allocation of jansson's fails: all of the document, or none. */
static size_t left;

static void *failing_malloc(size_t size)
{
	return left && --left == 0 ? NULL : malloc(size);
}

static void test_no_memory(void **state)
{
	json_t *whole = document_with(good, strlen(good)), *document = NULL;
	struct na_status status;
	size_t n = 0;

	(void)state;
	na_status_sample(&status, NULL);
	json_object_del(whole, "outputs");
	json_set_alloc_funcs(failing_malloc, free);
	do {
		json_decref(document);
		left = ++n;
		document = na_status_json(&status);
		assert_true(!document || json_equal(document, whole));
	} while (left == 0);
	left = 0;
	json_set_alloc_funcs(malloc, free);
	assert_non_null(document);
	assert_true(n > 100);
	json_decref(document);
	json_decref(whole);
}

static void test_foreign_outputs(void **state)
{
	json_t *outputs = outputs_of(
		"{\"outputs\":[1,null,[],{},{\"type\":\"nameless\"},{\"name\":7},"
		"{\"name\":\"a\",\"type\":[],\"state\":{},\"error\":null,\"events_sent\":-1,"
		"\"bytes\":1.5,\"lag_events\":\"9\",\"lag_seconds\":-0.5,\"retries\":true,"
		"\"secret\":\"x\"},{\"name\":\"b\",\"retries\":9223372036854775807}]}");
	json_t *wanted = json_loads(
		"[{\"name\":\"a\"},{\"name\":\"b\",\"retries\":9223372036854775807}]", 0, NULL);

	(void)state;
	assert_true(json_equal(outputs, wanted));
	json_decref(outputs);
	json_decref(wanted);
}

/* Texts are cut between characters. */
static void test_long_texts(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer text = {0};
	json_t *outputs;

	(void)state;
	na_buffer_append_string(&text, "{\"outputs\":[{\"name\":\"x");
	for (int i = 0; i < 300; i++)
		na_buffer_append_string(&text, "\xc3\xa4");
	na_buffer_append_string(&text, "\"}]}");
	na_buffer_append_char(&text, '\0');
	outputs = outputs_of(text.data);
	assert_int_equal(json_string_length(json_object_get(json_array_get(outputs, 0), "name")),
			 255);
	json_decref(outputs);
}

static void test_many_outputs(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer text = {0};
	json_t *outputs;

	(void)state;
	na_buffer_append_string(&text, "{\"outputs\":[{\"name\":\"x\"}");
	for (int i = 0; i < 100; i++)
		na_buffer_append_string(&text, ",{\"name\":\"x\"}");
	na_buffer_append_string(&text, "]}");
	na_buffer_append_char(&text, '\0');
	outputs = outputs_of(text.data);
	assert_int_equal(json_array_size(outputs), 64);
	json_decref(outputs);
}

static void assert_refused(json_t *document, const char *why)
{
	const char *said = json_string_value(json_object_get(document, "outputs_error"));

	assert_non_null(said);
	if (!strstr(said, why))
		assert_string_equal(said, why);
	assert_int_equal(json_array_size(json_object_get(document, "outputs")), 0);
	json_decref(document);
}

static void test_files_that_are_none(void **state)
{
	static char large[256 * 1024 + 1];
	struct na_status status;

	(void)state;
	memset(large, ' ', sizeof(large));
	assert_refused(document_with("", 0), "not what");
	assert_refused(document_with("{", 1), "not what");
	assert_refused(document_with("[]", 2), "not what");
	assert_refused(document_with("{\"outputs\":{}}", 14), "not what");
	assert_refused(document_with("{\"outputs\":[],\"outputs\":[]}", 27), "not what");
	assert_refused(document_with("\xff", 1), "not what");
	assert_refused(document_with(large, sizeof(large)), "File too large");
	na_status_sample(&status, "/nowhere/status.json");
	assert_refused(na_status_json(&status), "No such file");
	na_status_sample(&status, folder);
	assert_refused(na_status_json(&status), "Invalid argument");
	/* A link to what only root may read, or a pipe that would never end. */
	assert_int_equal(symlink(file, link_path), 0);
	na_status_sample(&status, link_path);
	assert_refused(na_status_json(&status), "symbolic links");
	unlink(link_path);
	assert_int_equal(mkfifo(link_path, 0600), 0);
	assert_refused(na_status_json(&status), "Invalid argument");
	unlink(link_path);
}

/* At most 80 columns, no bytes that a terminal obeys. */
static void check_lines(const struct na_buffer *out)
{
	size_t column = 0;

	for (size_t i = 0; i < out->length; i++) {
		unsigned char byte = (unsigned char)out->data[i];

		assert_true(byte == '\n' || (byte >= ' ' && byte != 0x7f));
		column = byte == '\n' ? 0 : column + ((byte & 0xc0) != 0x80);
		assert_true(column <= 80);
	}
	assert_int_equal(out->data[out->length - 1], '\n');
}

static const char text[] =
	"netaudit  " NA_VERSION ", process 812, up 2h03m since 2026-11-28T00:00:00Z\n"
	"capture   cgroup tier, 3 of 4 kernel programs attached\n"
	"          MISSING tp_btf/sys_exit, the source of accepted, shutdown, denied: the\n"
	"          verifier refused it: invalid access to memory, and that is a long\n"
	"          story\n"
	"          keeps CAP_DAC_READ_SEARCH, CAP_IPC_LOCK, CAP_SYS_PTRACE\n"
	"events    123.2 a second in the last minute, 987654 since the start\n"
	"          42 sockets, 0 flows, 310 processes known now\n"
	"losses    12 by cgroup/connect4: ring_full\n"
	"          3 by tp_btf/sched_process_exec: skipped\n"
	"          7 by journal: not_kept\n"
	"          skipped: unknown, this kernel does not count it for 1 program\n"
	"journal   /var/lib/netaudit/journal\n"
	"          80M in 5 segments, events 1 to 987654\n"
	"          from 2026-11-28T00:00:01Z to 2026-11-28T01:56:40Z\n"
	"          tail 3.0M of 64M used, 20M at most; locked in memory; sync interval\n"
	"          ERROR No space left on device\n"
	"shipping  running, process 814, user netaudit, 2 restarts\n"
	"          2026-11-28T01:40:00Z: netaudit ship was killed by SIGKILL after 2m10s\n"
	"\n"
	"OUTPUT         TYPE   STATE           SENT  DELIVERED REJECTED       LAG  BEHIND\n"
	"siem           kafka  retrying         100         90        2       987  12s\n"
	"          broker 192.0.2.7:9092: connection refused\n"
	"          refused for good: /var/lib/netaudit/ship/siem.dead\n"
	"          3 lost to it: see events_lost\n"
	"file           file   working            0          7        0         0  0ns\n";

static void test_text(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer out = {0};
	json_t *document = document_with(good, strlen(good));

	(void)state;
	na_status_print(document, false, &out);
	check_lines(&out);
	na_buffer_append_char(&out, '\0');
	assert_string_equal(out.data, text);
	json_decref(document);
}

static void test_colour(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer out = {0};
	json_t *document = document_with(good, strlen(good));

	(void)state;
	na_status_print(document, true, &out);
	na_buffer_append_char(&out, '\0');
	assert_non_null(strstr(out.data, "\x1b[31mMISSING tp_btf/sys_exit"));
	assert_non_null(strstr(out.data, "\x1b[31mretrying"));
	assert_null(strstr(out.data, "\x1b[31mworking"));
	json_decref(document);
}

/* What a shipping process in foreign hands may put there, and what is no document at all. */
static void test_hostile_text(void **state)
{
	static const char hostile[] =
		"{\"outputs\":[{\"name\":\"\\u001b[2J\\r\\nroot\",\"type\":\"\\u202e\\u0085\","
		"\"state\":\"working\\u0007and much longer than any "
		"state\",\"error\":\"a\\u001b]0;x\\u0007 "
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
		"bbbb\","
		"\"lag_seconds\":1e300,\"lag_events\":9223372036854775807}]}";
	NA_CLEANUP(na_buffer_done) struct na_buffer out = {0};
	json_t *document = document_with(hostile, strlen(hostile));
	json_t *odd = json_loads("{\"capture\":[],\"losses\":{\"since_start\":[1]},\"ship\":7,"
				 "\"journal\":{},\"outputs\":[[]]}",
				 0, NULL);

	(void)state;
	na_status_print(document, false, &out);
	for (size_t i = 0; i < out.length; i++)
		assert_true(out.data[i] == '\n' || (unsigned char)out.data[i] >= ' ');
	na_buffer_clear(&out);
	na_status_print(odd, false, &out);
	na_buffer_append_char(&out, '\0');
	assert_non_null(strstr(out.data, "0  -\n")); /* nobody says how far behind it is */
	json_decref(document);
	json_decref(odd);
}

static void test_rate(void **state)
{
	struct na_rate rate = {0};

	(void)state;
	assert_true(na_rate_per_second(&rate) == 0);
	na_rate_add(&rate, NA_NS_PER_SEC, 100);
	assert_true(na_rate_per_second(&rate) == 0);
	na_rate_add(&rate, NA_NS_PER_SEC + 1, 1000000); /* too close */
	na_rate_add(&rate, 3 * NA_NS_PER_SEC, 120);
	assert_true(na_rate_per_second(&rate) == 10);
	/* A minute and more of 50 a second: the beginning is forgotten. */
	for (uint64_t second = 4; second <= 200; second++)
		na_rate_add(&rate, second * NA_NS_PER_SEC, 120 + (second - 3) * 50);
	assert_true(na_rate_per_second(&rate) == 50);
	na_rate_add(&rate, 201 * NA_NS_PER_SEC, 120 + 197 * 50);
	assert_true(na_rate_per_second(&rate) < 50);
	assert_true(na_rate_per_second(&rate) > 49);
}

static json_t *answer(void *context, const json_t *request)
{
	(void)request;
	return json_incref(context);
}

/* Runs the command; its exit status, and what it said in `said`. */
static int run(const char *option, char *said, size_t size)
{
	char setting[PATH_MAX];
	int ends[2], status;
	size_t length = 0;
	ssize_t got;
	pid_t pid;

	snprintf(setting, sizeof(setting), "control.socket=%s", socket_path);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execl(NA_NETAUDIT, "netaudit", "status", "--set", setting, option, NULL);
		_exit(1);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + length, size - 1 - length)) > 0)
		length += (size_t)got;
	said[length] = '\0';
	close(ends[0]);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void test_command(void **state)
{
	json_t *document = document_with(good, strlen(good)), *printed;
	struct na_control_handler handler = {"status", answer, document};
	struct na_control_options options = {socket_path, &handler, 1};
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_control *control;
	char said[16384];

	(void)state;
	assert_int_equal(run(NULL, said, sizeof(said)), 75);
	assert_non_null(strstr(said, "no agent runs"));
	assert_int_equal(na_control_start(&options, &control, &why), 0);
	assert_int_equal(run(NULL, said, sizeof(said)), 0);
	assert_string_equal(said, text);
	assert_int_equal(run("--json", said, sizeof(said)), 0);
	printed = json_loads(said, 0, NULL);
	assert_true(json_equal(printed, document));
	json_decref(printed);
	handler.request = "other";
	na_control_stop(&control);
	assert_int_equal(na_control_start(&options, &control, &why), 0);
	assert_int_equal(run(NULL, said, sizeof(said)), 65);
	na_control_stop(&control);
	json_decref(document);
}

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/status.json", folder);
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_foreign_outputs),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_many_outputs),
		cmocka_unit_test(test_files_that_are_none),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
