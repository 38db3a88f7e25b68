/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of agent/pipeline share. Capture thread only. */
#ifndef NA_PIPELINE_INTERNAL_H
#define NA_PIPELINE_INTERNAL_H

#include "base/buffer.h"
#include "pipeline/counters.h"
#include "pipeline/pipeline.h"
#include "process/process.h"
#include "socket/sockets.h"

struct na_pipeline {
	struct na_sink finish; /* takes the socket table's events; first, for the cast */
	struct na_pipeline_options options;
	struct na_processes *processes;
	struct na_sockets *sockets;
	struct na_counters counters;
	uint64_t sequence;
	uint64_t restored_ns;      /* newest event of a process that an earlier agent told */
	uint64_t first_sequence;   /* since the last heartbeat */
	uint64_t heartbeat_ns;     /* when the next one is due; 0: at the first tick */
	struct na_buffer event_id; /* begins with the instance */
	size_t instance_length;
	struct na_text related_user;
	struct na_event own;      /* of the agent and of processes */
	struct na_buffer counted; /* the heartbeat's JSON */
	struct na_buffer message; /* of `own` */
};

/* Time, number, id; and on to the sink. */
int na_pipeline_put(struct na_pipeline *pipeline, struct na_event *event);

#endif
