/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline of the agent, as `netaudit run` makes it, with a sink that encodes and forgets. */
#include "agent.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "config/config.h"
#include "format/ecs.h"
#include "pipeline/host.h"
#include "pipeline/pipeline.h"

#define WRITE_BYTES 65536 /* so many would be written at once */

struct bench_agent {
	struct na_sink sink; /* first, for the cast */
	struct na_host host;
	struct na_config *config;
	struct na_pipeline *pipeline;
	struct na_ecs *ecs;
	struct na_buffer out;
	uint64_t next_tick_ns;
};

static int encode(struct na_sink *sink, const struct na_event *event)
{
	struct bench_agent *agent = (struct bench_agent *)sink;
	int error = na_ecs_encode(agent->ecs, event, &agent->out);

	if (agent->out.length >= WRITE_BYTES)
		na_buffer_clear(&agent->out);
	return error;
}

static int open_parts(struct bench_agent *agent)
{
	const struct na_config *config = agent->config;
	struct na_pipeline_options options = {
		.max_processes = config->process_max,
		.max_sockets = config->capture_max_sockets,
		.max_flows = config->capture_max_flows,
		.flow_interval_ns = config->capture_flow_interval,
		.heartbeat_ns = config->heartbeat_interval,
		.proc = "/proc",
		.passwd = "/etc/passwd",
		.call_results = true,
		.skipped_known = true,
		.boot_number = na_host_boot_number(agent->host.boot_id),
		.wall_offset_ns = na_clock_wall_offset_ns(),
		.instance = agent->host.instance,
		.sink = &agent->sink,
	};

	agent->ecs = na_ecs_new(&agent->host.constants);
	agent->pipeline = na_pipeline_new(&options);
	return agent->ecs && agent->pipeline ? na_pipeline_scan(agent->pipeline) : -1;
}

/* ------------------------------------------------------------------------------------------- */

struct bench_agent *bench_agent_new(void)
{
	struct bench_agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return NULL;
	agent->sink.put = encode;
	agent->config = na_config_new(NULL);
	if (agent->config && na_host_init(&agent->host, &agent->config->labels) == 0 &&
	    open_parts(agent) == 0)
		return agent;
	bench_agent_free(agent);
	return NULL;
}

void bench_agent_free(struct bench_agent *agent)
{
	if (!agent)
		return;
	na_pipeline_free(agent->pipeline);
	na_ecs_free(agent->ecs);
	na_host_done(&agent->host);
	na_config_free(agent->config);
	na_buffer_done(&agent->out);
	free(agent);
}

int bench_agent_take(struct bench_agent *agent, const struct na_record_header *record)
{
	return na_pipeline_record(agent->pipeline, record);
}

int bench_agent_tick(struct bench_agent *agent)
{
	uint64_t now_ns = na_clock_boot_ns();

	if (now_ns < agent->next_tick_ns)
		return 0;
	agent->next_tick_ns = now_ns + NA_NS_PER_SEC;
	return na_pipeline_tick(agent->pipeline, now_ns, na_clock_wall_offset_ns());
}
