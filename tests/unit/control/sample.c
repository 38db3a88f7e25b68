/* SPDX-License-Identifier: Apache-2.0 */
/* An agent that has known better days. */
#include "sample.h"

#include <errno.h>

#include "base/clock.h"

static const struct na_program_state programs[] = {
	{.source = "cgroup/connect4",
	 .feeds = "connect_attempted",
	 .wanted = true,
	 .attached = true,
	 .lost = 12,
	 .skipped_known = true},
	{.source = "tp_btf/sys_exit",
	 .feeds = "accepted shutdown denied",
	 .wanted = true,
	 .reason = "the verifier refused it: invalid access to memory, and that is a long story"},
	{.source = "tp_btf/sched_process_exec",
	 .feeds = "process_started",
	 .wanted = true,
	 .attached = true,
	 .skipped = 3,
	 .skipped_known = true},
	{.source = "tp_btf/sched_process_exit",
	 .feeds = "process_ended",
	 .wanted = true,
	 .attached = true},
	{.source = "raw_tp/kmem_cache_free", .feeds = ""},
};

/* ------------------------------------------------------------------------------------------- */

void na_status_sample(struct na_status *ret_status, const char *outputs)
{
	*ret_status = (struct na_status){
		.pid = 812,
		.started_wall_ns = UINT64_C(1795824000) * NA_NS_PER_SEC,
		.uptime_ns = 7384 * NA_NS_PER_SEC,
		.tier = "cgroup",
		.programs = programs,
		.program_count = sizeof(programs) / sizeof(*programs),
		.capabilities = "CAP_DAC_READ_SEARCH, CAP_IPC_LOCK, CAP_SYS_PTRACE",
		.events_per_second = 123.25,
		.has_journal = true,
		.journal_path = "/var/lib/netaudit/journal",
		.tail_path = "/run/netaudit/tail",
		.sync = NA_JOURNAL_SYNC_INTERVAL,
		.journal = {.first_sequence = 1,
			    .last_sequence = 987654,
			    .segments = 5,
			    .segment_bytes = 5 << 24,
			    .tail_size = 64 << 20,
			    .tail_used = 3 << 20,
			    .tail_most = 20 << 20,
			    .events = 987654,
			    .events_lost = 7,
			    .bytes = 90000000,
			    .syncs = 1000,
			    .write_errors = 1,
			    .last_error = -ENOSPC,
			    .tail_locked = true},
		.journal_first_wall_ns = UINT64_C(1795824001) * NA_NS_PER_SEC,
		.journal_last_wall_ns = UINT64_C(1795831000) * NA_NS_PER_SEC,
		.ship = NA_STATUS_SHIP_RUNNING,
		.ship_pid = 814,
		.ship_user = "netaudit",
		.ship_starts = 3,
		.ship_last_end = "netaudit ship was killed by SIGKILL after 2m10s",
		.ship_last_end_wall_ns = UINT64_C(1795830000) * NA_NS_PER_SEC,
		.ship_status_path = outputs,
	};
	ret_status->counters.values[NA_STAT_EVENTS] = 987654;
	ret_status->counters.values[NA_STAT_SOCKETS] = 42;
	ret_status->counters.values[NA_STAT_PROCESSES] = 310;
}
