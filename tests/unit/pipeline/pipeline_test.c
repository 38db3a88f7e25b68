/* SPDX-License-Identifier: Apache-2.0 */
/* From record to finished event: numbers, times, exclusion, and the agent's own events. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include <jansson.h>

#include "../capture/failing_alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "config/filter.h"
#include "pipeline/clock_watch.h"
#include "pipeline/pipeline.h"

#define INSTANCE "6c1d5a2e-0000-4000-8000-000000000000"
#define OFFSET_NS (1000 * NA_NS_PER_SEC)

/* The events as lines: name, sequence, id behind the instance, @timestamp, and what the tests ask
 * for; and the last counters. */
struct catcher {
	struct na_sink sink; /* first */
	struct na_buffer lines;
	struct na_buffer counters;
	int error;
};

static void append_number(struct catcher *catcher, const struct na_event *event,
			  enum na_field field, const char *name, int64_t number)
{
	if (na_event_has(event, field))
		na_buffer_printf(&catcher->lines, " %s=%lld", name, (long long)number);
}

static int put(struct na_sink *sink, const struct na_event *event)
{
	struct catcher *catcher = (struct catcher *)sink;
	struct na_text id = event->f_EVENT_ID;
	char number[16 + 1] = "";

	if (catcher->error)
		return catcher->error;
	assert_true(na_event_has(event, NA_FIELD_EVENT_CREATED));
	assert_memory_equal(id.data, INSTANCE "-", strlen(INSTANCE) + 1);
	assert_int_equal(id.length, sizeof(number) - 1 + strlen(INSTANCE "-"));
	memcpy(number, id.data + strlen(INSTANCE "-"), sizeof(number) - 1);
	na_buffer_printf(&catcher->lines, "%s %lld %llx %llu", na_event_name(event->type),
			 (long long)event->f_EVENT_SEQUENCE, strtoull(number, NULL, 16),
			 (unsigned long long)event->f_TIMESTAMP);
	append_number(catcher, event, NA_FIELD_PROCESS_EXIT_CODE, "exit",
		      event->f_PROCESS_EXIT_CODE);
	if (na_event_has(event, NA_FIELD_NA_LOST_COUNT))
		na_buffer_printf(&catcher->lines, " lost=%lld %.*s",
				 (long long)event->f_NA_LOST_COUNT,
				 (int)event->f_NA_LOST_REASON.length, event->f_NA_LOST_REASON.data);
	append_number(catcher, event, NA_FIELD_NA_LOST_FIRST_SEQUENCE, "first",
		      event->f_NA_LOST_FIRST_SEQUENCE);
	append_number(catcher, event, NA_FIELD_NA_LOST_LAST_SEQUENCE, "last",
		      event->f_NA_LOST_LAST_SEQUENCE);
	append_number(catcher, event, NA_FIELD_NA_CLOCK_STEP_NS, "step", event->f_NA_CLOCK_STEP_NS);
	append_number(catcher, event, NA_FIELD_NA_CLOCK_SUSPENDED_NS, "slept",
		      event->f_NA_CLOCK_SUSPENDED_NS);
	if (na_event_has(event, NA_FIELD_MESSAGE))
		na_buffer_printf(&catcher->lines, " %.*s", (int)event->f_MESSAGE.length,
				 event->f_MESSAGE.data);
	na_buffer_append_char(&catcher->lines, '\n');
	na_buffer_clear(&catcher->counters);
	if (na_event_has(event, NA_FIELD_NA_AGENT_COUNTERS))
		na_buffer_append(&catcher->counters, event->f_NA_AGENT_COUNTERS.data,
				 event->f_NA_AGENT_COUNTERS.length);
	return 0;
}

static struct na_pipeline_options options_for(struct catcher *catcher)
{
	*catcher = (struct catcher){.sink.put = put};
	return (struct na_pipeline_options){
		.max_processes = 10,
		.max_sockets = 10,
		.max_flows = 10,
		.flow_interval_ns = 60 * NA_NS_PER_SEC,
		.heartbeat_ns = 60 * NA_NS_PER_SEC,
		.call_results = true,
		.skipped_known = true,
		.boot_number = 1,
		.wall_offset_ns = OFFSET_NS,
		.instance = INSTANCE,
		.sink = &catcher->sink,
	};
}

static void done(struct catcher *catcher, struct na_pipeline *pipeline)
{
	na_pipeline_free(pipeline);
	na_buffer_done(&catcher->lines);
	na_buffer_done(&catcher->counters);
}

static void expect(struct catcher *catcher, const char *lines)
{
	na_buffer_append_char(&catcher->lines, '\0');
	assert_string_equal(catcher->lines.data, lines);
	na_buffer_clear(&catcher->lines);
}

/* A record's header, of process 7. */
static struct na_record_header header_of(size_t size, enum na_record_type type,
					 enum na_program program, uint64_t time_ns)
{
	return (struct na_record_header){.size = (uint16_t)size,
					 .type = (uint8_t)type,
					 .program = (uint8_t)program,
					 .time_ns = time_ns,
					 .pid = 7,
					 .tid = 7,
					 .start_ns = 5};
}

static int create_socket(struct na_pipeline *pipeline, uint64_t time_ns, uint16_t type)
{
	struct na_record_created record = {
		.header = header_of(sizeof(record), NA_RECORD_CREATED, NA_PROGRAM_SOCK_CREATE,
				    time_ns),
		.cookie = time_ns,
		.inode = time_ns,
		.family = AF_INET,
		.type = type,
		.protocol = type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP,
	};

	return na_pipeline_record(pipeline, &record.header);
}

static void events_are_numbered_and_dated(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	(void)unused;
	for (uint64_t i = 1; i <= 17; i++)
		assert_int_equal(create_socket(pipeline, i, SOCK_STREAM), 0);
	catcher.lines.length = 0;
	assert_int_equal(create_socket(pipeline, 18, SOCK_STREAM), 0);
	expect(&catcher, "socket_created 18 12 1000000000018\n"); /* 0x12 */
	assert_int_equal(na_pipeline_tick(pipeline, 19, 5 * NA_NS_PER_SEC),
			 0); /* the clock was set */
	assert_int_equal(create_socket(pipeline, 20, SOCK_STREAM), 0);
	expect(&catcher, "socket_created 19 13 5000000020\n");
	done(&catcher, pipeline);
}

static int64_t counter(const struct catcher *catcher, const char *name)
{
	json_t *counters = json_loadb(catcher->counters.data, catcher->counters.length, 0, NULL);
	int64_t value;

	assert_non_null(counters);
	assert_true(json_is_integer(json_object_get(counters, name)));
	value = json_integer_value(json_object_get(counters, name));
	json_decref(counters);
	return value;
}

/* The journal was there before: its numbers go on, and the heartbeat tells those of this run. */
static void numbers_go_on_where_the_journal_is(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline;

	(void)unused;
	options.first_sequence = 0x1000001;
	pipeline = na_pipeline_new(&options);
	assert_int_equal(na_pipeline_next_sequence(pipeline), 0x1000001);
	na_pipeline_agent_event(pipeline, NA_EVENT_HEARTBEAT, 1, NULL);
	assert_int_equal(counter(&catcher, "first_sequence"), 0x1000001);
	assert_int_equal(counter(&catcher, "last_sequence"), 0x1000000); /* none yet */
	create_socket(pipeline, 2, SOCK_STREAM);
	na_pipeline_agent_event(pipeline, NA_EVENT_HEARTBEAT, 3, NULL);
	assert_int_equal(counter(&catcher, "first_sequence"), 0x1000001);
	assert_int_equal(counter(&catcher, "last_sequence"), 0x1000002);
	assert_int_equal(na_pipeline_next_sequence(pipeline), 0x1000004);
	expect(&catcher, "heartbeat 16777217 1000001 1000000000001\n"
			 "socket_created 16777218 1000002 1000000000002\n"
			 "heartbeat 16777219 1000003 1000000000003\n");
	done(&catcher, pipeline);
}

static void what_the_journal_lost_is_told_and_counted(void **unused)
{
	static const struct na_pipeline_loss losses[] = {
		{"tail_full", 1374, 12, 1385}, {"crash", 90, 2000, 2089}, {"dropped", 5, 3, 7},
		{"damaged", 2, 0, 0},          {"too_large", 1, 9, 9},    {"else", 1, 11, 11},
	};
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	(void)unused;
	for (size_t i = 0; i < sizeof(losses) / sizeof(*losses); i++)
		assert_int_equal(na_pipeline_lost(pipeline, i, &losses[i]), 0);
	expect(&catcher,
	       "events_lost 1 1 1000000000000 lost=1374 tail_full first=12 last=1385 1374 events "
	       "are missing, from number 12 to 1385: the disk did not keep up, and the "
	       "journal's tail was full\n"
	       "events_lost 2 2 1000000000001 lost=90 crash first=2000 last=2089 at most 90 events "
	       "are missing, from number 2000 to 2089: the machine stopped before they "
	       "were on disk\n"
	       "events_lost 3 3 1000000000002 lost=5 dropped first=3 last=7 5 events are missing, "
	       "from number 3 to 7: the journal was at its limit, and not every output "
	       "had read them\n"
	       "events_lost 4 4 1000000000003 lost=2 damaged 2 events are missing: a segment of "
	       "the journal is missing or cannot be read\n"
	       "events_lost 5 5 1000000000004 lost=1 too_large first=9 last=9 1 event is missing, "
	       "from number 9 to 9: larger than the journal takes\n"
	       "events_lost 6 6 1000000000005 lost=1 else first=11 last=11 1 event is missing, "
	       "from number 11 to 11: else\n");
	na_pipeline_agent_event(pipeline, NA_EVENT_HEARTBEAT, 7, NULL);
	assert_int_equal(counter(&catcher, "events_lost"), 1374 + 90 + 5 + 2 + 1 + 1);
	assert_int_equal(counter(&catcher, "records_lost"), 0);
	done(&catcher, pipeline);
}

static void a_change_of_the_clock_is_an_event(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	(void)unused;
	assert_int_equal(na_pipeline_tick(pipeline, 1, 5 * NA_NS_PER_SEC), 0);
	na_pipeline_clock_changed(pipeline, 2, &(struct na_clock_change){-1500000000, 0});
	na_pipeline_clock_changed(pipeline, 3, &(struct na_clock_change){2001000000, 0});
	na_pipeline_clock_changed(pipeline, 4, &(struct na_clock_change){0, 7200000000000});
	na_pipeline_clock_changed(pipeline, 5, &(struct na_clock_change){200000000, 61002003004});
	expect(&catcher,
	       "clock_changed 1 1 5000000002 step=-1500000000 the wall clock was set back by "
	       "1.500 s\n"
	       "clock_changed 2 2 5000000003 step=2001000000 the wall clock was set forward by "
	       "2.001 s\n"
	       "clock_changed 3 3 5000000004 slept=7200000000000 the machine slept for 7200.000 s\n"
	       "clock_changed 4 4 5000000005 step=200000000 slept=61002003004 the machine slept "
	       "for 61.002 s, and the wall clock was set forward by 0.200 s\n");
	done(&catcher, pipeline);
}

/* What must be told is told, if need be without the sentence for a person. */
static void without_memory_the_loss_is_told_all_the_same(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	(void)unused;
	na_buffer_reserve(&catcher.lines, 1000);
	na_failing_alloc_arm(1);
	assert_int_equal(
		na_pipeline_lost(pipeline, 1, &(struct na_pipeline_loss){"crash", 3, 4, 6}), 0);
	na_failing_alloc_disarm();
	expect(&catcher, "events_lost 1 1 1000000000001 lost=3 crash first=4 last=6\n");
	done(&catcher, pipeline);
}

static void what_is_excluded_is_counted(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_filter *filter = NULL;
	struct na_buffer why = {0};
	struct na_pipeline *pipeline;
	json_t *counters;

	(void)unused;
	assert_int_equal(na_filter_parse("transport=udp", &filter, &why), 0);
	options.excluded = &filter;
	options.excluded_count = 1;
	pipeline = na_pipeline_new(&options);
	create_socket(pipeline, 1, SOCK_DGRAM);
	create_socket(pipeline, 2, SOCK_STREAM);
	na_pipeline_agent_event(pipeline, NA_EVENT_HEARTBEAT, 3, NULL);
	counters = json_loadb(catcher.counters.data, catcher.counters.length, 0, NULL);
	assert_non_null(counters);
	assert_int_equal(json_integer_value(json_object_get(counters, "events_excluded")), 1);
	assert_int_equal(json_integer_value(json_object_get(counters, "events")), 1);
	assert_int_equal(json_integer_value(json_object_get(counters, "records")), 2);
	assert_int_equal(json_integer_value(json_object_get(counters, "sockets")), 2);
	assert_int_equal(json_integer_value(json_object_get(counters, "first_sequence")), 1);
	assert_int_equal(json_integer_value(json_object_get(counters, "last_sequence")), 1);
	expect(&catcher, "socket_created 1 1 1000000000002\nheartbeat 2 2 1000000000003\n");
	json_decref(counters);
	na_filter_free(filter);
	done(&catcher, pipeline);
}

/* A kernel that does not count skipped runs: never 0. */
static void what_is_not_known_is_null(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline;
	json_t *counters;

	(void)unused;
	options.skipped_known = false;
	pipeline = na_pipeline_new(&options);
	na_pipeline_agent_event(pipeline, NA_EVENT_AGENT_STOPPING, 3, NULL);
	counters = json_loadb(catcher.counters.data, catcher.counters.length, 0, NULL);
	assert_true(json_is_null(json_object_get(counters, "runs_skipped")));
	json_decref(counters);
	done(&catcher, pipeline);
}

static void the_heartbeat_comes_each_interval(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	(void)unused;
	for (uint64_t second = 1; second <= 125; second++)
		na_pipeline_tick(pipeline, second * NA_NS_PER_SEC, OFFSET_NS);
	expect(&catcher, "heartbeat 1 1 1061000000000\nheartbeat 2 2 1121000000000\n");
	done(&catcher, pipeline);
}

static void end_process(struct na_pipeline *pipeline, uint64_t time_ns, uint32_t exit_code)
{
	struct na_record_exited record = {
		.header = header_of(sizeof(record), NA_RECORD_EXITED, NA_PROGRAM_EXIT, time_ns),
		.exit_code = exit_code,
	};

	na_pipeline_record(pipeline, &record.header);
}

static void processes_are_events_when_asked_for(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	(void)unused;
	end_process(pipeline, 10, 0);
	assert_int_equal(catcher.lines.length, 0);
	na_pipeline_free(pipeline);
	options.process_events = true;
	pipeline = na_pipeline_new(&options);
	end_process(pipeline, 10, 3 << 8);
	end_process(pipeline, 11, 9); /* killed */
	expect(&catcher, "process_ended 1 1 1000000000010 exit=3\n"
			 "process_ended 2 2 1000000000011 exit=137\n");
	done(&catcher, pipeline);
}

static void bind_socket(struct na_pipeline *pipeline, uint64_t time_ns, uint64_t cookie)
{
	struct na_record_bound record = {
		.header =
			header_of(sizeof(record), NA_RECORD_BOUND, NA_PROGRAM_POST_BIND4, time_ns),
		.cookie = cookie,
		.inode = cookie,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.port = 80,
	};

	na_pipeline_record(pipeline, &record.header);
}

static void find_all(struct na_pipeline *pipeline, uint64_t time_ns, uint64_t began_ns)
{
	struct na_record_found_all record = {
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_FOUND_ALL,
			   .program = NA_PROGRAM_SNAPSHOT,
			   .time_ns = time_ns},
		.began_ns = began_ns,
	};

	assert_int_equal(na_pipeline_record(pipeline, &record.header), 0);
}

/* Its end was among the losses: the snapshot after them does not find it. */
static void a_snapshot_after_losses_tells_what_is_gone(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	(void)unused;
	bind_socket(pipeline, 10, 1);
	bind_socket(pipeline, 30, 2); /* younger than the snapshot */
	catcher.lines.length = 0;
	find_all(pipeline, 40, 0);
	assert_int_equal(catcher.lines.length, 0);
	find_all(pipeline, 50, 20);
	expect(&catcher, "closed 3 3 1000000000050\n");
	done(&catcher, pipeline);
}

static void restore(struct na_pipeline *pipeline, enum na_event_type type, uint64_t time_ns)
{
	struct na_event event;

	na_event_init(&event, type, time_ns);
	NA_SET(&event, NA_SOCKET_COOKIE, 1);
	assert_true(na_pipeline_restores(pipeline, type));
	na_pipeline_restore(pipeline, &event);
}

static void what_an_earlier_agent_told_is_not_told_again(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	(void)unused;
	assert_false(na_pipeline_restores(pipeline, NA_EVENT_PROCESS_ENDED));
	assert_false(na_pipeline_restores(pipeline, NA_EVENT_HEARTBEAT));
	na_pipeline_free(pipeline);
	options.process_events = true;
	pipeline = na_pipeline_new(&options);
	restore(pipeline, NA_EVENT_BOUND, 10);
	restore(pipeline, NA_EVENT_PROCESS_ENDED, 11);
	na_pipeline_restored(pipeline, false);
	bind_socket(pipeline, 10, 1);
	end_process(pipeline, 11, 0);
	assert_int_equal(catcher.lines.length, 0);
	end_process(pipeline, 12, 0);
	bind_socket(pipeline, 13, 1);
	expect(&catcher, "process_ended 1 1 1000000000012 exit=0\nbound 2 2 1000000000013\n");
	done(&catcher, pipeline);
}

static void accept_connection(struct na_pipeline *pipeline, uint64_t time_ns, uint64_t cookie)
{
	struct na_record_accepted record = {
		.header =
			header_of(sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT, time_ns),
		.cookie = cookie,
		.inode = cookie,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	na_pipeline_record(pipeline, &record.header);
}

static void find_socket(struct na_pipeline *pipeline, uint64_t time_ns, uint64_t cookie)
{
	struct na_record_found record = {
		.header = header_of(sizeof(record), NA_RECORD_FOUND, NA_PROGRAM_SNAPSHOT, time_ns),
		.cookie = cookie,
		.inode = cookie,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
		.state = 1,
	};

	na_pipeline_record(pipeline, &record.header);
}

/* A look at what is open: nothing follows from what it does not find. */
static void open_connections_are_events_at_intervals(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline;

	(void)unused;
	options.connection_interval_ns = 100;
	pipeline = na_pipeline_new(&options);
	find_all(pipeline, 1, 0);
	accept_connection(pipeline, 10, 1);
	accept_connection(pipeline, 11, 2); /* held by a ring of io_uring: not found */
	catcher.lines.length = 0;
	find_socket(pipeline, 109, 1);
	find_all(pipeline, 109, 0);
	assert_int_equal(catcher.lines.length, 0);
	find_socket(pipeline, 210, 1);
	find_all(pipeline, 211, 0);
	expect(&catcher, "connection 3 3 1000000000210\n");
	done(&catcher, pipeline);
}

static void the_sinks_error_comes_back(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	(void)unused;
	catcher.error = -EPIPE;
	assert_int_equal(create_socket(pipeline, 1, SOCK_STREAM), -EPIPE);
	assert_int_equal(na_pipeline_agent_event(pipeline, NA_EVENT_AGENT_STARTED, 1, "x"), -EPIPE);
	done(&catcher, pipeline);
}

static void the_nth_allocation_fails(void **unused)
{
	struct catcher catcher;
	struct na_pipeline_options options = options_for(&catcher);
	struct na_pipeline *pipeline = NULL;

	(void)unused;
	for (size_t n = 1; !pipeline; n++) {
		na_failing_alloc_arm(n);
		pipeline = na_pipeline_new(&options);
		na_failing_alloc_disarm();
	}
	done(&catcher, pipeline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_numbered_and_dated),
		cmocka_unit_test(numbers_go_on_where_the_journal_is),
		cmocka_unit_test(what_the_journal_lost_is_told_and_counted),
		cmocka_unit_test(a_change_of_the_clock_is_an_event),
		cmocka_unit_test(without_memory_the_loss_is_told_all_the_same),
		cmocka_unit_test(what_is_excluded_is_counted),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(the_heartbeat_comes_each_interval),
		cmocka_unit_test(processes_are_events_when_asked_for),
		cmocka_unit_test(a_snapshot_after_losses_tells_what_is_gone),
		cmocka_unit_test(what_an_earlier_agent_told_is_not_told_again),
		cmocka_unit_test(open_connections_are_events_at_intervals),
		cmocka_unit_test(the_sinks_error_comes_back),
		cmocka_unit_test(the_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
