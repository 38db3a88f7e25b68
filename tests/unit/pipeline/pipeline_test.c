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
#include "pipeline/pipeline.h"

#define INSTANCE "6c1d5a2e-0000-4000-8000-000000000000"
#define OFFSET_NS (1000 * NA_NS_PER_SEC)

/* The events as lines: name, sequence, id behind the instance, @timestamp, uid; and the last
 * counters. */
struct catcher {
	struct na_sink sink; /* first */
	struct na_buffer lines;
	struct na_buffer counters;
	int error;
};

static int put(struct na_sink *sink, const struct na_event *event)
{
	struct catcher *catcher = (struct catcher *)sink;
	struct na_text id = event->f_EVENT_ID;

	if (catcher->error)
		return catcher->error;
	assert_true(na_event_has(event, NA_FIELD_EVENT_CREATED));
	assert_memory_equal(id.data, INSTANCE "-", strlen(INSTANCE) + 1);
	na_buffer_printf(&catcher->lines, "%s %lld %.*s %llu", na_event_name(event->type),
			 (long long)event->f_EVENT_SEQUENCE,
			 (int)(id.length - strlen(INSTANCE) - 1), id.data + strlen(INSTANCE) + 1,
			 (unsigned long long)event->f_TIMESTAMP);
	if (na_event_has(event, NA_FIELD_PROCESS_EXIT_CODE))
		na_buffer_printf(&catcher->lines, " exit=%lld",
				 (long long)event->f_PROCESS_EXIT_CODE);
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

static int create_socket(struct na_pipeline *pipeline, uint64_t time_ns, uint16_t type)
{
	struct na_record_created record = {
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_CREATED,
			   .program = NA_PROGRAM_SOCK_CREATE,
			   .time_ns = time_ns,
			   .pid = 7,
			   .tid = 7,
			   .start_ns = 5},
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
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_EXITED,
			   .program = NA_PROGRAM_EXIT,
			   .time_ns = time_ns,
			   .pid = 7,
			   .tid = 7,
			   .start_ns = 5},
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
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_BOUND,
			   .program = NA_PROGRAM_POST_BIND4,
			   .time_ns = time_ns,
			   .pid = 7,
			   .tid = 7,
			   .start_ns = 5},
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
		cmocka_unit_test(what_is_excluded_is_counted),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(the_heartbeat_comes_each_interval),
		cmocka_unit_test(processes_are_events_when_asked_for),
		cmocka_unit_test(a_snapshot_after_losses_tells_what_is_gone),
		cmocka_unit_test(the_sinks_error_comes_back),
		cmocka_unit_test(the_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
