/* SPDX-License-Identifier: Apache-2.0 */
/* The host of outputs: each event at least once, with the same id, or told; each rule. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/filter.h"
#include "fake_journal.h"
#include "fake_output.h"
#include "ship/allowance.h"
#include "ship/dead.h"
#include "ship/ship.h"

#define UUID_TEXT "77777777-7777-7777-7777-777777777777"
#define FAR_NS (60 * NA_NS_PER_SEC)

static char folder[] = "/tmp/ship_test.XXXXXX";

/* A host with up to two outputs; the common options may be changed before the start. */
static struct {
	struct na_output_common common[2];
	struct fake_output *fakes[2];
	struct na_ship_output outputs[2];
	struct na_ship_options options;
	struct na_ship *ship;
} host;

static void path_of(const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", folder, name);
}

static void empty_folder(void)
{
	static const char *const names[] = {"a.mark",          "b.mark",     "a.dead",
					    "a.dead.1",        "b.dead",     "status.json",
					    "status.json.tmp", "a.dead.lost"};
	char path[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		path_of(names[i], path);
		if (unlink(path) < 0)
			rmdir(path);
	}
}

static void prepare(size_t outputs, const struct fake_script *script)
{
	static const char *const names[] = {"a", "b"};

	memset(&host, 0, sizeof(host));
	for (size_t i = 0; i < outputs; i++) {
		host.common[i] = (struct na_output_common){
			.name = na_text_of(names[i]),
			.type = na_text_of("fake"),
			.batch = 100,
			.interval = 3600 * NA_NS_PER_SEC,
			.retry_min = NA_NS_PER_MS,
			.retry_max = 4 * NA_NS_PER_MS,
		};
		host.fakes[i] = fake_output_new(script);
		host.outputs[i] = (struct na_ship_output){
			.type = &na_fake_output,
			.options = &host.fakes[i],
			.common = &host.common[i],
		};
	}
	host.options = (struct na_ship_options){
		.journal = "journal",
		.folder = folder,
		.outputs = host.outputs,
		.count = outputs,
	};
}

static void start(void)
{
	struct na_buffer why = {0};

	assert_int_equal(na_ship_new(&host.options, &host.ship, &why), 0);
	assert_int_equal(na_ship_start(host.ship), 0);
	na_buffer_done(&why);
}

static struct na_ship_status status_of(size_t output)
{
	struct na_ship_status status;

	assert_true(na_ship_status(host.ship, output, &status));
	return status;
}

/* As if killed: what is on its way is not awaited. */
static void stop_at_once(void)
{
	na_ship_stop(host.ship, 0);
	na_ship_free(&host.ship);
}

static void stop(void)
{
	na_ship_stop(host.ship, na_clock_boot_ns() + FAR_NS);
	na_ship_free(&host.ship);
}

static void finish(void)
{
	for (size_t i = 0; i < host.options.count; i++)
		fake_output_free(host.fakes[i]);
}

static void await_end(void)
{
	struct pollfd fd = {.fd = na_ship_fd(host.ship), .events = POLLIN};

	assert_int_equal(poll(&fd, 1, 60000), 1);
}

static const char *id_of(uint64_t sequence)
{
	static char ids[8][64];
	static unsigned int next;
	char *id = ids[next++ % 8];

	snprintf(id, sizeof(ids[0]), "j77-1-%llu", (unsigned long long)sequence);
	return id;
}

static void append(enum na_event_type type, uint8_t peer)
{
	struct na_event event = fake_event(type, peer);

	fake_journal_append(&event);
}

static void append_many(size_t count)
{
	for (size_t i = 0; i < count; i++)
		append(NA_EVENT_ESTABLISHED, (uint8_t)i);
}

static void append_at(enum na_event_type type, uint8_t peer, uint64_t second)
{
	struct na_event event = fake_event(type, peer);

	NA_SET(&event, TIMESTAMP, FAKE_START_NS + second * NA_NS_PER_SEC);
	fake_journal_append(&event);
}

/* The last record of this id. */
static struct fake_record record_of(size_t output, const char *id)
{
	struct fake_output *fake = host.fakes[output];

	for (size_t i = fake_output_count(fake); i-- > 0;) {
		struct fake_record record = fake_output_record(fake, i);

		if (strcmp(record.id, id) == 0)
			return record;
	}
	fail_msg("no record has the id %s", id);
	return (struct fake_record){0};
}

/* A member of a record's body, by its path. */
static json_int_t number_in(const char *body, const char *path)
{
	json_t *root = json_loads(body, 0, NULL), *at = root;
	char copy[128], *rest = copy, *name;
	json_int_t value;

	assert_non_null(root);
	snprintf(copy, sizeof(copy), "%s", path);
	while (at && (name = strsep(&rest, ".")))
		at = json_object_get(at, name);
	value = json_is_integer(at) ? json_integer_value(at) : -1;
	json_decref(root);
	return value;
}

static bool has_text(const char *body, const char *text)
{
	return strstr(body, text) != NULL;
}

/* Runs the host over what is there, to its end. */
static void run_once(void)
{
	host.options.once = true;
	start();
	await_end();
	stop();
}

static size_t undelivered(size_t events)
{
	size_t missing = 0;

	for (size_t i = 1; i <= events; i++)
		missing += !fake_output_find_delivered(host.fakes[0], id_of(i));
	return missing;
}

/* ------------------------------------------------------------------------------------------- */

static void delivers_in_order(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){0});
	append_many(250);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 250);
	for (size_t i = 0; i < 250; i++) {
		struct fake_record record = fake_output_record(host.fakes[0], i);

		assert_int_equal(record.number, i + 1);
		assert_string_equal(record.id, id_of(i + 1));
		assert_int_equal(number_in(record.body, "event.sequence"), i + 1);
		assert_null(strchr(record.body, '\n'));
	}
	finish();
}

static void follows_the_journal(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){0});
	start();
	append_many(1);
	assert_true(fake_output_await(host.fakes[0], 1));
	append_many(10);
	assert_true(fake_output_await(host.fakes[0], 11));
	fake_journal_set_host("two");
	append_many(1);
	assert_true(fake_output_await(host.fakes[0], 12));
	assert_true(has_text(fake_output_record(host.fakes[0], 10).body, "\"name\":\"one\""));
	assert_true(has_text(fake_output_record(host.fakes[0], 11).body, "\"name\":\"two\""));
	/* What comes just before the stop is sent too. */
	append_many(300);
	stop();
	assert_int_equal(undelivered(312), 0);
	finish();
}

static void starts_with_the_newest(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){0});
	host.common[0].start = NA_OUTPUT_NEWEST;
	append_many(5);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 0);
	append_many(2);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 2);
	assert_string_equal(fake_output_record(host.fakes[0], 0).id, id_of(6));
	finish();
}

/* Killed and started again; what was taken and not acknowledged comes again, with its id. */
static void survives_restarts(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 20; round++) {
		fake_journal_reset(0x77);
		empty_folder();
		prepare(1, &(struct fake_script){.acknowledge = FAKE_SHUFFLED, .takes = 7});
		append_many(300);
		for (unsigned int life = 1; life < 5; life++) {
			start();
			assert_true(fake_output_await(host.fakes[0], life * (10 + round)));
			stop_at_once();
		}
		host.options.once = true;
		start();
		await_end();
		stop_at_once();
		assert_int_equal(undelivered(300), 0);
		finish();
	}
}

/* What is acknowledged is what moves the cursor: see goes_red_with_early_acknowledgement. */
static size_t lost_with_taken_only(void)
{
	size_t missing;

	prepare(1, &(struct fake_script){.acknowledge = FAKE_NEVER});
	append_many(100);
	start();
	assert_true(fake_output_await(host.fakes[0], 100));
	stop_at_once();
	fake_output_set(host.fakes[0], &(struct fake_script){0});
	run_once();
	missing = undelivered(100);
	finish();
	return missing;
}

static void taken_is_not_delivered(void **state)
{
	(void)state;
	assert_int_equal(lost_with_taken_only(), 0);
}

static void goes_red_with_early_acknowledgement(void **state)
{
	(void)state;
	setenv("NETAUDIT_TEST_ACK", "early", 1);
	assert_int_not_equal(lost_with_taken_only(), 0);
	unsetenv("NETAUDIT_TEST_ACK");
}

static void says_what_may_have_been_sent(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){0});
	append_many(1);
	start();
	/* It was there at the start: a process before this one may have sent it. */
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(1)));
	assert_true(record_of(0, id_of(1)).resent);
	fake_output_set(host.fakes[0], &(struct fake_script){.fails = 1});
	append_many(1);
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(2)));
	assert_int_equal(fake_output_count(host.fakes[0]), 3);
	assert_false(fake_output_record(host.fakes[0], 1).resent);
	assert_true(fake_output_record(host.fakes[0], 2).resent);
	append_many(1);
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(3)));
	assert_false(record_of(0, id_of(3)).resent);
	stop();
	finish();
}

static void goes_on_after_later_and_broken(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){.refuses = 3, .later = 4, .broken = 2, .takes = 30});
	append_many(100);
	run_once();
	assert_int_equal(undelivered(100), 0);
	assert_int_equal(fake_output_opened(host.fakes[0]), 3);
	assert_int_equal(fake_output_record(host.fakes[0], 0).number, 1);
	/* A new instance counts from 1, and gets all that was not acknowledged. */
	assert_int_equal(fake_output_record(host.fakes[0], 30).number, 1);
	assert_string_equal(fake_output_record(host.fakes[0], 30).id, id_of(1));
	assert_int_equal(fake_output_record(host.fakes[0], 60).instance, 3);
	finish();
}

static void failed_offers_again(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){.fails = 3, .takes = 40, .acknowledge = FAKE_SHUFFLED});
	append_many(200);
	run_once();
	assert_int_equal(undelivered(200), 0);
	assert_int_equal(fake_output_opened(host.fakes[0]), 1);
	/* The same instance: its numbers go on and are never used twice. */
	for (size_t i = 0; i < fake_output_count(host.fakes[0]); i++)
		assert_int_equal(fake_output_record(host.fakes[0], i).number >= i + 1, true);
	finish();
}

static void counts_and_says_its_state(void **state)
{
	struct na_ship_status status;

	(void)state;
	prepare(1, &(struct fake_script){.later = UINT32_MAX});
	append_many(3);
	start();
	do
		status = status_of(0);
	while (status.retries < 2);
	assert_int_equal(status.state, NA_OUTPUT_RETRYING);
	assert_string_equal(status.last_error, "the far end is slow");
	assert_int_equal(status.acknowledged, 0);
	fake_output_set(host.fakes[0], &(struct fake_script){0});
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(3)));
	na_ship_stop(host.ship, na_clock_boot_ns() + FAR_NS);
	status = status_of(0);
	assert_int_equal(status.state, NA_OUTPUT_WORKING);
	assert_int_equal(status.sent, 3);
	assert_int_equal(status.acknowledged, 3);
	assert_int_equal(status.lag_events, 0);
	assert_true(status.bytes > 0);
	na_ship_free(&host.ship);
	finish();
}

static void a_failing_output_holds_no_other(void **state)
{
	(void)state;
	prepare(2, &(struct fake_script){.later = UINT32_MAX});
	fake_output_set(host.fakes[1], &(struct fake_script){0});
	append_many(500);
	start();
	assert_true(fake_output_await_delivered(host.fakes[1], id_of(500)));
	assert_int_equal(fake_output_count(host.fakes[0]), 0);
	/* Who backs off does not hold up a stop, whatever its deadline. */
	stop();
	finish();
}

/* Of what was taken and not acknowledged: bodies and what each record costs beside. */
static size_t outstanding(size_t acknowledged, size_t *ret_count)
{
	struct na_allowance allowance = na_allowance_of(2, false);
	size_t bytes = 0;

	*ret_count = fake_output_count(host.fakes[1]);
	for (size_t i = acknowledged; i < *ret_count; i++)
		bytes += strlen(fake_output_record(host.fakes[1], i).body) + allowance.record_bytes;
	return bytes;
}

/* One that is down fills its share and no more; then it catches up. */
static void keeps_to_its_allowance(void **state)
{
	const size_t events = FAKE_EVENTS_MAX - 1;
	size_t count = 0, acknowledged = 0, rounds = 0;

	(void)state;
	prepare(2, &(struct fake_script){0});
	fake_output_set(host.fakes[1], &(struct fake_script){.acknowledge = FAKE_NEVER});
	append_many(events);
	start();
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(events)));
	while (acknowledged < events) {
		assert_true(fake_output_await(host.fakes[1], acknowledged + 1));
		/* Above it by what the last event brought. */
		assert_true(outstanding(acknowledged, &count) <
			    na_allowance_of(2, false).bytes + 4096);
		acknowledged = count;
		fake_output_acknowledge(host.fakes[1]);
		rounds++;
	}
	assert_true(rounds > 1);
	stop();
	finish();
}

static void ends_when_nobody_reads(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){.ends = true});
	append_many(1);
	start();
	await_end();
	assert_int_equal(status_of(0).state, NA_OUTPUT_ENDED);
	assert_string_equal(status_of(0).last_error, "nobody reads");
	stop();
	finish();
}

static void reopens(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){0});
	append_many(1);
	start();
	assert_true(fake_output_await(host.fakes[0], 1));
	na_ship_reopen(host.ship);
	while (!fake_output_reopened(host.fakes[0]))
		append_many(1);
	stop();
	finish();
}

static json_t *read_dead_letter(void)
{
	char path[256];
	json_t *letter;

	path_of("a.dead", path);
	letter = json_load_file(path, 0, NULL);
	assert_non_null(letter);
	return letter;
}

/* The fake as an output that copies what it takes. */
static void prepare_copying(const struct fake_script *script)
{
	static struct na_output copying;

	prepare(1, script);
	copying = na_fake_output;
	copying.copies = true;
	host.outputs[0].type = &copying;
}

static void rejected(bool later, bool copies)
{
	json_t *letter, *body;
	struct fake_script script = {.rejects = id_of(3), .rejects_later = later};

	if (copies)
		prepare_copying(&script);
	else
		prepare(1, &script);
	append_many(5);
	host.options.once = true;
	start();
	await_end();
	assert_int_equal(status_of(0).rejected, 1);
	assert_true(has_text(status_of(0).dead_letters, "/a.dead"));
	stop();
	assert_int_equal(undelivered(5), 1);
	letter = read_dead_letter();
	assert_string_equal(json_string_value(json_object_get(letter, "reason")),
			    later ? "bad field" : "mapping \"conflict\"");
	assert_string_equal(json_string_value(json_object_get(letter, "id")), id_of(3));
	body = json_loads(json_string_value(json_object_get(letter, "body")), 0, NULL);
	assert_non_null(body);
	json_decref(body);
	json_decref(letter);
	/* It is done: it does not come again. */
	run_once();
	assert_int_equal(fake_output_find(host.fakes[0], id_of(3)), later ? 1 : 0);
	finish();
}

static void rejected_go_to_dead_letters(void **state)
{
	(void)state;
	rejected(false, false);
	fake_journal_reset(0x77);
	empty_folder();
	rejected(true, false);
	fake_journal_reset(0x77);
	empty_folder();
	rejected(false, true);
}

/* It says what it promised never to say; the record's body is gone, and not the record. */
static void rejected_after_it_was_copied_comes_again(void **state)
{
	(void)state;
	prepare_copying(&(struct fake_script){.rejects = id_of(3), .rejects_later = true});
	append_many(5);
	start();
	assert_true(fake_output_await(host.fakes[0], 8));
	fake_output_set(host.fakes[0], &(struct fake_script){0});
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(3)));
	stop();
	assert_int_equal(undelivered(5), 0);
	finish();
}

static void holds_when_dead_letters_cannot_be_written(void **state)
{
	char path[256];
	struct na_cursor cursor;

	(void)state;
	path_of("a.dead", path);
	assert_int_equal(mkdir(path, 0700), 0);
	prepare(1, &(struct fake_script){.rejects = id_of(2)});
	append_many(3);
	start();
	while (status_of(0).state != NA_OUTPUT_HELD)
		;
	assert_true(has_text(status_of(0).last_error, "a.dead cannot be written"));
	assert_int_equal(rmdir(path), 0);
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(3)));
	stop();
	json_decref(read_dead_letter());
	assert_true(fake_cursor(&cursor));
	assert_int_equal(cursor.sequence, 3);
	finish();
}

/* As of a long life: a file that is full, and an older one with some letters. */
static void make_full(unsigned int letters)
{
	char path[256];
	FILE *file;

	path_of("a.dead.1", path);
	file = fopen(path, "we");
	for (unsigned int i = 0; i < letters; i++)
		fputs("{}\n", file);
	assert_int_equal(fclose(file), 0);
	path_of("a.dead", path);
	file = fopen(path, "we");
	assert_int_equal(fclose(file), 0);
	assert_int_equal(truncate(path, NA_DEAD_BYTES_MAX), 0);
}

static void tells_of_dead_letters_without_room(void **state)
{
	struct fake_record record;

	(void)state;
	prepare(1, &(struct fake_script){.rejects = id_of(3)});
	make_full(7);
	append_many(5);
	host.options.once = true;
	start();
	await_end();
	assert_int_equal(status_of(0).rejected, 1);
	assert_int_equal(status_of(0).lost, 7);
	stop();
	assert_int_equal(fake_output_find_delivered(host.fakes[0], UUID_TEXT ".a.1.7-0"), 1);
	record = record_of(0, UUID_TEXT ".a.1.7-0");
	assert_int_equal(record.type, NA_EVENT_EVENTS_LOST);
	assert_int_equal(number_in(record.body, "netaudit.lost.count"), 7);
	assert_true(has_text(record.body, "\"reason\":\"dead_letters\""));
	/* It is told once, by whoever comes next too. */
	append_many(1);
	run_once();
	assert_int_equal(fake_output_find(host.fakes[0], UUID_TEXT ".a.1.7-0"), 1);
	assert_int_equal(fake_output_count(host.fakes[0]), 6);
	finish();
}

/* The process ends between the count and what tells it. */
static void dead_letters_are_told_after_a_restart(void **state)
{
	char path[256];
	FILE *file;

	(void)state;
	prepare(1, &(struct fake_script){0});
	append_many(2);
	run_once();
	path_of("a.dead.lost", path);
	file = fopen(path, "we");
	fputs("12\n", file);
	assert_int_equal(fclose(file), 0);
	run_once();
	assert_int_equal(fake_output_find_delivered(host.fakes[0], UUID_TEXT ".a.1.c-0"), 1);
	/* A count that is gone begins anew: it neither repeats nor withholds. */
	assert_int_equal(unlink(path), 0);
	fake_output_set(host.fakes[0], &(struct fake_script){.rejects = id_of(3)});
	make_full(2);
	append_many(1);
	run_once();
	assert_int_equal(fake_output_find_delivered(host.fakes[0], UUID_TEXT ".a.2.e-0"), 1);
	finish();
}

static void tells_of_gaps(void **state)
{
	struct fake_record record;

	(void)state;
	prepare(1, &(struct fake_script){0});
	append_many(5);
	run_once();
	append_many(20);
	fake_journal_drop(15);
	run_once();
	record = fake_output_record(host.fakes[0], 5);
	assert_int_equal(record.type, NA_EVENT_EVENTS_LOST);
	assert_string_equal(record.id, UUID_TEXT ".a.1.6-f");
	assert_int_equal(number_in(record.body, "netaudit.lost.count"), 10);
	assert_int_equal(number_in(record.body, "netaudit.lost.first_sequence"), 6);
	assert_int_equal(number_in(record.body, "netaudit.lost.last_sequence"), 15);
	assert_true(has_text(record.body, "\"reason\":\"unreadable\""));
	assert_true(has_text(record.body, "segments were deleted"));
	assert_string_equal(fake_output_record(host.fakes[0], 6).id, id_of(16));
	assert_int_equal(fake_output_count(host.fakes[0]), 16);
	/* The next one has another id, also after a restart. */
	append_many(5);
	fake_journal_drop(26);
	run_once();
	assert_string_equal(fake_output_record(host.fakes[0], 16).id, UUID_TEXT ".a.2.1a-1a");
	finish();
}

static void the_same_gap_has_the_same_id(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){.broken = 1});
	append_many(5);
	run_once();
	append_many(5);
	fake_journal_drop(7);
	fake_output_set(host.fakes[0], &(struct fake_script){.broken = 1});
	run_once();
	assert_int_equal(fake_output_find(host.fakes[0], UUID_TEXT ".a.1.6-7"), 2);
	assert_string_equal(record_of(0, UUID_TEXT ".a.1.6-7").body,
			    fake_output_record(host.fakes[0], 10).body);
	finish();
}

static void reads_again_after_errors(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){0});
	append_many(20);
	start();
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(20)));
	fake_journal_fail(-EIO, 5);
	append_many(5);
	while (status_of(0).state != NA_OUTPUT_RETRYING)
		;
	assert_string_equal(status_of(0).last_error, "Input/output error");
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(25)));
	while (status_of(0).state != NA_OUTPUT_WORKING)
		;
	stop();
	assert_int_equal(fake_output_count(host.fakes[0]), 25);
	finish();
}

static void bad_cursors_repeat(void **state)
{
	(void)state;
	prepare(1, &(struct fake_script){0});
	host.common[0].start = NA_OUTPUT_NEWEST; /* which is for new outputs only */
	append_many(1);
	run_once();
	append_many(9);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 9);
	fake_cursor_damage(-EBADMSG);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 19);
	/* Another journal. */
	fake_journal_replace(0x78);
	append_many(4);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 23);
	assert_string_equal(fake_output_record(host.fakes[0], 19).id, "j78-1-1");
	/* Without a place for the cursor it delivers all the same, and again. */
	fake_cursor_fail(-ENOSPC);
	append_many(1);
	run_once();
	fake_cursor_fail(0);
	run_once();
	assert_int_equal(fake_output_find(host.fakes[0], "j78-1-5"), 2);
	finish();
}

/* Of the lanes' allocations each `every`th fails; those of the fakes are exempt. */
static atomic_uint every, allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool fails_now(void)
{
	return every && !fake_exempt && ++allocations % every == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails_now() ? NULL : __real_realloc(memory, size);
}

/* Is the closed connection with this number delivered, or one of its key that came within 10 ms
 * behind it and says that it stands for others? Events are a millisecond apart. */
static void check_told(uint64_t number)
{
	char id[64];

	snprintf(id, sizeof(id), "%s.connection", id_of(number));
	if (fake_output_find_delivered(host.fakes[0], id))
		return;
	for (uint64_t later = number; later <= number + 10; later += 7) {
		snprintf(id, sizeof(id), "%s.connection.dedup", id_of(later));
		if (fake_output_find_delivered(host.fakes[0], id))
			return;
	}
	fail_msg("event %llu was lost", (unsigned long long)number);
}

static void loses_nothing_without_memory(void **state)
{
	(void)state;
	for (unsigned int n = 2; n < 40; n++) {
		fake_journal_reset(0x77);
		empty_folder();
		prepare(1, &(struct fake_script){.takes = 9});
		host.common[0].batch = 10;
		host.common[0].view = NA_OUTPUT_CONNECTIONS;
		host.common[0].dedup = NA_NS_PER_MS * 10;
		for (uint8_t i = 0; i < 60; i++)
			append(NA_EVENT_CLOSED, i % 7);
		start();
		every = n;
		while (status_of(0).retries < 3 &&
		       (status_of(0).lag_events || !status_of(0).acknowledged))
			;
		every = 0;
		stop();
		run_once();
		/* Each as itself, or in one that stands for it. */
		for (uint64_t i = 1; i <= 60; i++)
			check_told(i);
		finish();
	}
}

static void makes_all_or_nothing(void **state)
{
	struct na_ship *ship = NULL;
	struct na_buffer why = {0};
	int error;

	(void)state;
	prepare(2, &(struct fake_script){0});
	host.common[1].dedup = NA_NS_PER_SEC;
	for (every = 1;; every++) {
		allocations = 0;
		error = na_ship_new(&host.options, &ship, &why);
		if (!error)
			break;
		assert_int_equal(error, -ENOMEM);
		assert_null(ship);
	}
	assert_true(every > 8);
	every = 0;
	na_ship_free(&ship);
	na_buffer_done(&why);
	finish();
}

/* Rules. */

static void view_connections(void **state)
{
	struct na_event event = fake_event(NA_EVENT_CLOSED, 1);
	struct fake_record record;

	(void)state;
	prepare(1, &(struct fake_script){0});
	host.common[0].view = NA_OUTPUT_CONNECTIONS;
	append(NA_EVENT_ESTABLISHED, 1);
	append(NA_EVENT_CLOSED, 1);
	event = fake_event(NA_EVENT_CONNECT_FAILED, 1);
	na_event_set_error(&event, -ECONNREFUSED);
	fake_journal_append(&event);
	append(NA_EVENT_AGENT_STARTED, 1);
	event = fake_event(NA_EVENT_CLOSED, 1); /* of a listener */
	NA_CLEAR(&event, NA_CONNECTION_ID);
	fake_journal_append(&event);
	append(NA_EVENT_HEARTBEAT, 1);
	append(NA_EVENT_SHUTDOWN, 1);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 4);
	record = record_of(0, "j77-1-2.connection");
	assert_int_equal(record.type, NA_EVENT_CONNECTION);
	assert_true(record.has_outcome);
	assert_true(has_text(record.body, "\"action\":\"network_flow\""));
	assert_true(has_text(record.body, "\"event\":\"connection\""));
	assert_true(has_text(record.body, "\"type\":[\"connection\",\"end\"]"));
	assert_true(has_text(record.body, "\"outcome\":\"success\""));
	record = record_of(0, "j77-1-3.connection");
	assert_true(has_text(record.body, "\"outcome\":\"failure\""));
	assert_true(has_text(record.body, "ECONNREFUSED"));
	record = record_of(0, id_of(6));
	assert_int_equal(number_in(record.body, "netaudit.read.first_sequence"), 1);
	assert_int_equal(number_in(record.body, "netaudit.read.last_sequence"), 6);
	assert_int_equal(number_in(record.body, "netaudit.left_out.view"), 2);
	assert_int_equal(number_in(record.body, "netaudit.left_out.select"), 0);
	/* Nothing of what was left out is read again. */
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 4);
	finish();
}

static void view_thins_open_connections(void **state)
{
	size_t hours = 5, minutes = hours * 60;

	(void)state;
	prepare(1, &(struct fake_script){0});
	host.common[0].view = NA_OUTPUT_CONNECTIONS;
	for (uint64_t minute = 1; minute < minutes; minute++) {
		struct na_event event = fake_event(NA_EVENT_CONNECTION, 1);
		/* Capture is up to ten seconds late. */
		uint64_t age_ns = minute * 60 * NA_NS_PER_SEC + minute * 7919 % 10 * NA_NS_PER_SEC;

		NA_SET(&event, EVENT_DURATION, (int64_t)age_ns);
		fake_journal_append(&event);
	}
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), hours - 1);
	finish();
}

static void select_leaves_out(void **state)
{
	struct na_filter *filters[2] = {NULL};
	struct na_buffer why = {0};
	struct fake_record record;

	(void)state;
	assert_int_equal(na_filter_parse("destination=192.0.2.1", &filters[0], &why), 0);
	assert_int_equal(na_filter_parse("destination=192.0.2.2", &filters[1], &why), 0);
	prepare(1, &(struct fake_script){0});
	host.common[0].select = (struct na_config_filters){.filters = filters, .count = 2};
	append_many(5); /* 192.0.2.0 to .4 */
	append(NA_EVENT_HEARTBEAT, 0);
	append_many(3);
	append(NA_EVENT_HEARTBEAT, 0);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 6);
	record = record_of(0, id_of(6));
	assert_int_equal(number_in(record.body, "netaudit.read.first_sequence"), 1);
	assert_int_equal(number_in(record.body, "netaudit.left_out.select"), 3);
	record = record_of(0, id_of(10));
	assert_int_equal(number_in(record.body, "netaudit.read.first_sequence"), 7);
	assert_int_equal(number_in(record.body, "netaudit.read.last_sequence"), 10);
	assert_int_equal(number_in(record.body, "netaudit.left_out.select"), 1);
	na_filter_free(filters[0]);
	na_filter_free(filters[1]);
	finish();
}

/* What was left out before a restart is in the next heartbeat. */
static void heartbeat_counts_over_restarts(void **state)
{
	struct na_filter *filter = NULL;
	struct na_buffer why = {0};

	(void)state;
	assert_int_equal(na_filter_parse("destination=192.0.2.1", &filter, &why), 0);
	prepare(1, &(struct fake_script){0});
	host.common[0].select = (struct na_config_filters){.filters = &filter, .count = 1};
	append_many(5);
	run_once();
	append_many(4);
	run_once();
	append(NA_EVENT_HEARTBEAT, 0);
	run_once();
	assert_int_equal(number_in(record_of(0, id_of(10)).body, "netaudit.read.first_sequence"),
			 1);
	assert_int_equal(number_in(record_of(0, id_of(10)).body, "netaudit.left_out.select"), 7);
	na_filter_free(filter);
	finish();
}

static void dedup_withholds_repeats(void **state)
{
	struct fake_record record;

	(void)state;
	prepare(1, &(struct fake_script){0});
	host.common[0].dedup = 60 * NA_NS_PER_SEC;
	append_at(NA_EVENT_ESTABLISHED, 1, 0);
	append_at(NA_EVENT_ESTABLISHED, 1, 10);
	append_at(NA_EVENT_ESTABLISHED, 2, 15); /* another peer */
	append_at(NA_EVENT_CLOSED, 1, 20);      /* another event */
	append_at(NA_EVENT_ESTABLISHED, 1, 59);
	append_at(NA_EVENT_HEARTBEAT, 0, 60); /* ends the first window */
	append_at(NA_EVENT_ESTABLISHED, 1, 61);
	append_at(NA_EVENT_ESTABLISHED, 1, 62);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 7);
	record = fake_output_record(host.fakes[0], 3);
	assert_string_equal(record.id, "j77-1-5.dedup");
	assert_int_equal(number_in(record.body, "netaudit.dedup.count"), 2);
	assert_int_equal(number_in(record.body, "destination.port"), 443);
	assert_int_equal(
		number_in(fake_output_record(host.fakes[0], 4).body, "netaudit.left_out.dedup"), 2);
	assert_string_equal(fake_output_record(host.fakes[0], 5).id, id_of(7));
	/* At the end what is in hand is told. */
	record = fake_output_record(host.fakes[0], 6);
	assert_string_equal(record.id, "j77-1-8.dedup");
	assert_int_equal(number_in(record.body, "netaudit.dedup.count"), 1);
	finish();
}

/* Killed with repeats in hand: they come again, none is withheld for ever. */
static void dedup_forgets_nothing(void **state)
{
	struct na_cursor cursor;
	uint64_t now_s = (na_clock_wall_ns() - FAKE_START_NS) / NA_NS_PER_SEC;

	(void)state;
	prepare(1, &(struct fake_script){0});
	host.common[0].dedup = 3600 * NA_NS_PER_SEC;
	append_at(NA_EVENT_ESTABLISHED, 1, now_s);
	append_at(NA_EVENT_ESTABLISHED, 1, now_s);
	append_at(NA_EVENT_ESTABLISHED, 1, now_s);
	append_at(NA_EVENT_ESTABLISHED, 2, now_s);
	start();
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(4)));
	stop_at_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 2);
	assert_true(fake_cursor(&cursor));
	assert_int_equal(cursor.sequence, 1);
	run_once();
	assert_int_equal(fake_output_find_delivered(host.fakes[0], id_of(2)), 1);
	assert_int_equal(fake_output_find_delivered(host.fakes[0], "j77-1-3.dedup"), 1);
	finish();
}

/* A record that stands for others is not delivered either until it is acknowledged. */
static void dedup_holds_the_cursor(void **state)
{
	struct na_cursor cursor;
	uint64_t now_s = (na_clock_wall_ns() - FAKE_START_NS) / NA_NS_PER_SEC;

	(void)state;
	prepare(1, &(struct fake_script){.acknowledge = FAKE_NEVER});
	host.common[0].dedup = 3600 * NA_NS_PER_SEC;
	append_at(NA_EVENT_ESTABLISHED, 1, now_s);
	append_at(NA_EVENT_ESTABLISHED, 1, now_s);
	append_at(NA_EVENT_ESTABLISHED, 2, now_s);
	start();
	assert_true(fake_output_await(host.fakes[0], 2));
	fake_output_acknowledge(host.fakes[0]);
	append_at(NA_EVENT_HEARTBEAT, 0, now_s + 3601);
	assert_true(fake_output_await(host.fakes[0], 4));
	stop_at_once();
	assert_true(fake_cursor(&cursor));
	assert_int_equal(cursor.sequence, 1);
	finish();
}

static void budget_leaves_out_and_tells(void **state)
{
	struct fake_record record;
	size_t size;

	(void)state;
	prepare(1, &(struct fake_script){0});
	append_many(1);
	run_once();
	size = strlen(fake_output_record(host.fakes[0], 0).body) + 1;
	finish();
	fake_journal_reset(0x77);
	empty_folder();
	prepare(1, &(struct fake_script){0});
	host.common[0].budget = size * 4 + size / 2;
	append_many(9); /* of one moment: four are sent */
	append(NA_EVENT_HEARTBEAT, 0);
	append_at(NA_EVENT_ESTABLISHED, 1, 3600); /* an hour later the bucket is full again */
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 7);
	record = fake_output_record(host.fakes[0], 4);
	assert_string_equal(record.id, UUID_TEXT ".a.1.5-9");
	assert_int_equal(number_in(record.body, "netaudit.lost.count"), 5);
	assert_true(has_text(record.body, "\"reason\":\"budget\""));
	record = fake_output_record(host.fakes[0], 5);
	assert_string_equal(record.id, id_of(10));
	assert_int_equal(number_in(record.body, "netaudit.left_out.budget"), 5);
	assert_string_equal(fake_output_record(host.fakes[0], 6).id, id_of(11));
	finish();
}

/* Left out, then killed: told by the next one. */
static void budget_is_told_after_a_restart(void **state)
{
	struct na_ship_status status;

	(void)state;
	prepare(1, &(struct fake_script){0});
	host.common[0].budget = 100;
	append_many(3);
	start();
	do
		status = status_of(0);
	while (status.left_out < 3);
	stop_at_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 0);
	run_once();
	assert_int_equal(fake_output_count(host.fakes[0]), 1);
	assert_int_equal(
		number_in(fake_output_record(host.fakes[0], 0).body, "netaudit.lost.count"), 3);
	finish();
}

static void writes_status(void **state)
{
	char path[256];
	json_t *root, *output;

	(void)state;
	prepare(2, &(struct fake_script){0});
	fake_output_set(host.fakes[1], &(struct fake_script){.later = UINT32_MAX});
	append_many(3);
	start();
	assert_true(fake_output_await_delivered(host.fakes[0], id_of(3)));
	while (status_of(1).retries < 1)
		;
	stop();
	path_of("status.json", path);
	root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	output = json_array_get(json_object_get(root, "outputs"), 0);
	assert_string_equal(json_string_value(json_object_get(output, "name")), "a");
	assert_string_equal(json_string_value(json_object_get(output, "type")), "fake");
	assert_string_equal(json_string_value(json_object_get(output, "state")), "working");
	assert_int_equal(json_integer_value(json_object_get(output, "events_acknowledged")), 3);
	assert_null(json_object_get(output, "error"));
	assert_null(json_object_get(output, "dead_letters"));
	assert_non_null(json_object_get(output, "lag_seconds"));
	output = json_array_get(json_object_get(root, "outputs"), 1);
	assert_string_equal(json_string_value(json_object_get(output, "state")), "retrying");
	assert_string_equal(json_string_value(json_object_get(output, "error")),
			    "the far end is slow");
	assert_int_equal(json_integer_value(json_object_get(output, "lag_events")), 3);
	assert_null(json_object_get(output, "lag_seconds")); /* nothing was delivered */
	json_decref(root);
	finish();
}

static void refuses_bad_names(void **state)
{
	struct na_buffer why = {0};
	struct na_ship *ship = NULL;

	(void)state;
	prepare(2, &(struct fake_script){0});
	host.common[1].name = na_text_of("a");
	assert_int_equal(na_ship_new(&host.options, &ship, &why), -EEXIST);
	host.common[1].name = na_text_of("../a");
	assert_int_equal(na_ship_new(&host.options, &ship, &why), -EINVAL);
	assert_null(ship);
	na_buffer_done(&why);
	finish();
}

static int set_up(void **state)
{
	(void)state;
	fake_journal_reset(0x77);
	empty_folder();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(delivers_in_order, set_up),
		cmocka_unit_test_setup(follows_the_journal, set_up),
		cmocka_unit_test_setup(starts_with_the_newest, set_up),
		cmocka_unit_test_setup(survives_restarts, set_up),
		cmocka_unit_test_setup(taken_is_not_delivered, set_up),
		cmocka_unit_test_setup(goes_red_with_early_acknowledgement, set_up),
		cmocka_unit_test_setup(says_what_may_have_been_sent, set_up),
		cmocka_unit_test_setup(goes_on_after_later_and_broken, set_up),
		cmocka_unit_test_setup(failed_offers_again, set_up),
		cmocka_unit_test_setup(counts_and_says_its_state, set_up),
		cmocka_unit_test_setup(a_failing_output_holds_no_other, set_up),
		cmocka_unit_test_setup(keeps_to_its_allowance, set_up),
		cmocka_unit_test_setup(ends_when_nobody_reads, set_up),
		cmocka_unit_test_setup(reopens, set_up),
		cmocka_unit_test_setup(rejected_go_to_dead_letters, set_up),
		cmocka_unit_test_setup(rejected_after_it_was_copied_comes_again, set_up),
		cmocka_unit_test_setup(holds_when_dead_letters_cannot_be_written, set_up),
		cmocka_unit_test_setup(tells_of_dead_letters_without_room, set_up),
		cmocka_unit_test_setup(dead_letters_are_told_after_a_restart, set_up),
		cmocka_unit_test_setup(tells_of_gaps, set_up),
		cmocka_unit_test_setup(the_same_gap_has_the_same_id, set_up),
		cmocka_unit_test_setup(reads_again_after_errors, set_up),
		cmocka_unit_test_setup(bad_cursors_repeat, set_up),
		cmocka_unit_test_setup(loses_nothing_without_memory, set_up),
		cmocka_unit_test_setup(makes_all_or_nothing, set_up),
		cmocka_unit_test_setup(view_connections, set_up),
		cmocka_unit_test_setup(view_thins_open_connections, set_up),
		cmocka_unit_test_setup(select_leaves_out, set_up),
		cmocka_unit_test_setup(heartbeat_counts_over_restarts, set_up),
		cmocka_unit_test_setup(dedup_withholds_repeats, set_up),
		cmocka_unit_test_setup(dedup_forgets_nothing, set_up),
		cmocka_unit_test_setup(dedup_holds_the_cursor, set_up),
		cmocka_unit_test_setup(budget_leaves_out_and_tells, set_up),
		cmocka_unit_test_setup(budget_is_told_after_a_restart, set_up),
		cmocka_unit_test_setup(writes_status, set_up),
		cmocka_unit_test_setup(refuses_bad_names, set_up),
	};
	int failures;

	na_log_set_level(NA_LOG_ERROR);
	if (!mkdtemp(folder))
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	empty_folder();
	rmdir(folder);
	return failures;
}
