/* SPDX-License-Identifier: Apache-2.0 */
/* Pipeline and journal of the agent, as `netaudit run` makes them without a configuration. */
#include "agent.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "config/config.h"
#include "journal/append.h"
#include "journal/journal.h"
#include "pipeline/host.h"
#include "pipeline/pipeline.h"

#define FOLDER "/dev/shm/load_bench.XXXXXX"

struct bench_agent {
	struct na_sink sink; /* first, for the cast */
	struct na_host host;
	struct na_config *config;
	struct na_pipeline *pipeline;
	struct na_journal *journal;
	char folder[sizeof(FOLDER)]; /* empty: none was made */
	uint64_t next_tick_ns;
};

static int append(struct na_sink *sink, const struct na_event *event)
{
	na_journal_append(((struct bench_agent *)sink)->journal, event);
	return 0;
}

static int open_journal(struct bench_agent *agent)
{
	char tail[sizeof(FOLDER) + 5];
	struct na_journal_options options = {
		.path = agent->folder,
		.tail = tail,
		.group = -1,
		.max_size = 48u << 20,
		.tail_size = 16u << 20,
		.segment_size = 4u << 20,
		.constants = &agent->host.constants,
	};
	struct na_buffer why = {0};
	int error;

	memcpy(agent->folder, FOLDER, sizeof(FOLDER));
	if (!mkdtemp(agent->folder)) {
		*agent->folder = '\0';
		return -1;
	}
	snprintf(tail, sizeof(tail), "%s/tail", agent->folder);
	memcpy(options.boot, agent->host.boot_id, sizeof(options.boot));
	memcpy(options.machine, agent->host.machine_id, sizeof(options.machine));
	error = na_journal_open(&options, &agent->journal, &why);
	if (error)
		fprintf(stderr, "load_bench: %.*s\n", (int)why.length, why.data);
	na_buffer_done(&why);
	return error;
}

static void close_journal(struct bench_agent *agent)
{
	struct na_journal_status status;

	if (!agent->journal)
		return;
	na_journal_status(agent->journal, &status);
	if (status.events_lost)
		fprintf(stderr, "load_bench: the journal lost %" PRIu64 " events\n",
			status.events_lost);
	na_journal_close(&agent->journal, na_clock_boot_ns() + NA_NS_PER_SEC);
}

static void remove_folder(const char *folder)
{
	DIR *stream = opendir(folder);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	rmdir(folder);
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
		.instance = na_journal_instance(agent->journal),
		.sink = &agent->sink,
	};

	agent->pipeline = na_pipeline_new(&options);
	return agent->pipeline ? na_pipeline_scan(agent->pipeline) : -1;
}

/* ------------------------------------------------------------------------------------------- */

struct bench_agent *bench_agent_new(void)
{
	struct bench_agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return NULL;
	agent->sink.put = append;
	agent->config = na_config_new(NULL);
	if (agent->config && na_host_init(&agent->host, &agent->config->labels) == 0 &&
	    open_journal(agent) == 0 && open_parts(agent) == 0)
		return agent;
	bench_agent_free(agent);
	return NULL;
}

void bench_agent_free(struct bench_agent *agent)
{
	if (!agent)
		return;
	na_pipeline_free(agent->pipeline);
	close_journal(agent);
	if (*agent->folder)
		remove_folder(agent->folder);
	na_host_done(&agent->host);
	na_config_free(agent->config);
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
