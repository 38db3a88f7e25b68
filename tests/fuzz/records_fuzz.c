/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as they may come from a replay file: any bytes that pass the check of a record go through
 * the whole agent to ECS JSON. The input is cut into records by their own sizes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "capture/record_check.h"
#include "format/ecs.h"
#include "pipeline/pipeline.h"

/* Small tables, so that they are full at times. */
#define PROCESSES_MAX 16
#define SOCKETS_MAX 16
#define FLOWS_MAX 4
#define INTERVAL_NS 1000
#define INPUT_MAX 65536

struct sink {
	struct na_sink sink; /* first, for the cast */
	struct na_ecs *ecs;
	struct na_buffer out;
};

static int put(struct na_sink *sink, const struct na_event *event)
{
	struct sink *to = (struct sink *)sink;

	na_buffer_clear(&to->out);
	return na_ecs_encode(to->ecs, event, &to->out);
}

/* Time goes forward, as behind the merge; the rest of the record is as it came. */
static void run(struct na_pipeline *pipeline, uint8_t *bytes, size_t size)
{
	uint64_t now_ns = 1;

	for (size_t at = 0; at + sizeof(struct na_record_header) <= size;) {
		struct na_record_header *header = (struct na_record_header *)(bytes + at);

		now_ns += header->time_ns % (4 * INTERVAL_NS);
		header->time_ns = now_ns;
		if (!na_record_valid(header, size - at)) {
			at += 8;
			continue;
		}
		na_pipeline_record(pipeline, header);
		na_pipeline_tick(pipeline, now_ns, 0);
		at += ((size_t)header->size + 7) & ~(size_t)7;
	}
	na_pipeline_flush(pipeline, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sink sink = {.sink.put = put, .ecs = na_ecs_new(NULL)};
	struct na_pipeline_options options = {
		.max_processes = PROCESSES_MAX,
		.max_sockets = SOCKETS_MAX,
		.max_flows = FLOWS_MAX,
		.flow_interval_ns = INTERVAL_NS,
		.connection_interval_ns = INTERVAL_NS,
		.heartbeat_ns = INTERVAL_NS,
		.process_events = true,
		.call_results = size % 2,
		.instance = "fuzz",
		.sink = &sink.sink,
	};
	struct na_pipeline *pipeline = na_pipeline_new(&options);
	uint8_t *bytes = size <= INPUT_MAX ? malloc(size + 8) : NULL; /* aligned */

	if (bytes && pipeline && sink.ecs) {
		memcpy(bytes, data, size);
		run(pipeline, bytes, size);
	}
	free(bytes);
	na_pipeline_free(pipeline);
	na_ecs_free(sink.ecs);
	na_buffer_done(&sink.out);
	return 0;
}
