/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel programs from open to close: what they need around them, and what they lost. */
#include "capture/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/capture_internal.h"
#include "capture/cgroup_root.h"
#include "capture/held.h"
#include "capture/kernel_btf.h"
#include "capture/preflight.h"
#include "capture/takeover.h"

#define BACKLOG 4096 /* records at once */
#define COUNT_IDLE_NS                                                                              \
	(10 * NA_NS_PER_SEC) /* how often counts are looked at where nothing happens */

static int make_rings(struct na_capture *capture, struct na_buffer *why)
{
	int rings_fd = bpf_map__fd(capture->bpf->maps.rings);

	for (uint32_t i = 0; i < capture->ring_count; i++) {
		int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "na_ring", 0, 0,
					(uint32_t)capture->options.ring_bytes, NULL);

		if (fd < 0 || bpf_map_update_elem(rings_fd, &i, &fd, BPF_ANY) < 0) {
			int error = -errno;

			na_buffer_printf(why, "cannot make a ring of %zu bytes: %s",
					 capture->options.ring_bytes, strerrordesc_np(-error));
			if (fd >= 0)
				close(fd);
			return error;
		}
		capture->ring_fds[i] = fd;
	}
	return na_rings_open(capture->ring_fds, capture->ring_count, capture->options.ring_bytes,
			     bpf_map__fd(capture->bpf->maps.data_doorbell), &capture->rings);
}

static int explain_none(const struct na_capture *capture, struct na_buffer *why)
{
	const char *reason = "none is wanted";

	for (int id = NA_PROGRAM_COUNT - 1; id >= 0; id--)
		if (capture->states[id].wanted)
			reason = capture->states[id].reason;
	na_buffer_printf(why, "no kernel program could be attached; the first reason: %s", reason);
	return -EOPNOTSUPP;
}

static size_t choose_rings(uint32_t wanted)
{
	size_t rings = wanted ? wanted : (size_t)get_nprocs_conf();

	return (rings > RINGS_MAX ? RINGS_MAX : rings) + 1;
}

static int attach_anew(struct na_capture *capture, struct na_buffer *why)
{
	int error = na_object_load(capture, why);

	if (error == -EPERM)
		na_preflight_explain_limit(why);
	if (!error)
		error = make_rings(capture, why);
	if (!error && capture->options.rules)
		error = na_rules_fill_maps(capture->options.rules, capture->bpf);
	if (!error)
		na_tiers_load(capture);
	if (!error && na_capture_attach(capture) < 0)
		error = explain_none(capture, why);
	if (!error)
		error = na_tiers_check(capture, why);
	if (!error && capture->options.rules)
		error = na_rules_mark_processes(capture->options.rules, capture->bpf);
	return !error && capture->options.pins ? na_memory_make(capture) : error;
}

static int open_parts(struct na_capture *capture, struct na_buffer *why)
{
	int error = na_preflight(capture->options.btf, why);

	if (!error)
		error = na_tier_check(capture->options.attach, why);
	if (error < 0)
		return error;
	capture->cgroup_fd = na_cgroup_root_open();
	if (capture->cgroup_fd < 0) {
		na_buffer_printf(why, "there is no cgroup2 hierarchy and none can be mounted: %s",
				 strerrordesc_np(-capture->cgroup_fd));
		return capture->cgroup_fd;
	}
	capture->untyped = !na_kernel_btf_exists();
	if (capture->options.statistics)
		na_capture_set_statistics(capture, true); /* without them the times read 0 */
	na_hooks_init(capture);
	na_programs_init(capture);
	if (capture->options.pins && (na_layout_name(capture) < 0 || na_take_over(capture) == 0))
		return capture->taken_over ? 0 : -ENOMEM;
	return attach_anew(capture, why);
}

/* ------------------------------------------------------------------------------------------- */

int na_capture_open(const struct na_capture_options *options, struct na_capture **ret_capture,
		    struct na_buffer *why)
{
	struct na_capture *capture = calloc(1, sizeof(*capture));
	int error;

	if (!capture)
		return -ENOMEM;
	na_objects_init();
	capture->options = *options;
	capture->ring_count = choose_rings(options->rings);
	capture->cgroup_fd = capture->statistics_fd = capture->connect_unix_link = -1;
	capture->memory_fd = capture->detacher_fd = -1;
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		capture->program_fds[id] = -1;
	for (size_t i = 0; i < capture->ring_count; i++)
		capture->ring_fds[i] = -1;
	capture->losses_since_ns = na_clock_boot_ns();
	error = open_parts(capture, why);
	if (error < 0) {
		if (!why->length)
			na_buffer_printf(why, "cannot capture: %s", strerrordesc_np(-error));
		na_capture_close(&capture);
		return error;
	}
	*ret_capture = capture;
	return 0;
}

void na_capture_close(struct na_capture **pointer)
{
	struct na_capture *capture = NA_TAKE_POINTER(*pointer);

	if (!capture)
		return;
	na_capture_detach(capture);
	na_rings_close(&capture->rings);
	for (size_t i = 0; i < capture->ring_count; i++)
		na_cleanup_fd(&capture->ring_fds[i]);
	for (int tier = 0; tier < NA_TIER_COUNT; tier++)
		na_object_close(capture, (enum na_tier)tier);
	cgroup_bpf__destroy(capture->bpf);
	na_cleanup_fd(&capture->cgroup_fd);
	na_cleanup_fd(&capture->detacher_fd);
	na_cleanup_fd(&capture->statistics_fd);
	na_memory_close(&capture->memory);
	na_cleanup_fd(&capture->memory_fd);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		na_cleanup_fd(&capture->program_fds[id]);
	free(capture->own);
	free(capture->found);
	free(capture);
}

/* What a stand-in did is not lost, and a stand-in that is skipped is missed only if both were. */
static uint64_t skipped_for_good(const struct na_capture *capture, enum na_program id)
{
	uint64_t worked = na_stand_in_worked(capture, id), skipped = capture->skips[id].runs;

	if (na_stand_in_first(id) || worked > skipped)
		return 0;
	return skipped - worked;
}

static int program_fd(const struct na_capture *capture, enum na_program id)
{
	if (capture->program_fds[id] >= 0)
		return capture->program_fds[id];
	return capture->programs[id] ? bpf_program__fd(capture->programs[id]) : -1;
}

const struct na_program_state *na_capture_programs(struct na_capture *capture)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		struct na_program_state *state = &capture->states[id];
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		int fd = program_fd(capture, (enum na_program)id);

		state->lost = capture->bpf->data_lost->lost[id];
		state->skipped_known = size >= offsetof(struct bpf_prog_info, recursion_misses);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
			continue;
		state->runs = info.run_cnt;
		state->run_ns = info.run_time_ns;
		capture->skips[id].runs = info.recursion_misses;
		state->skipped = skipped_for_good(capture, (enum na_program)id) +
				 na_hooks_missed(capture, (enum na_program)id);
		/* Where nothing preempts it, it is skipped in interrupts only, which free no file.
		 */
		if (id == NA_PROGRAM_FILE_FREE &&
		    !capture->states[NA_PROGRAM_AGAIN_FILE_FREE].attached)
			state->skipped = 0;
		state->verified = info.verified_insns;
		/* Cgroup programs are never skipped; before 5.12 the kernel does not return the
		 * field. */
		state->skipped_known = size > offsetof(struct bpf_prog_info, recursion_misses);
	}
	return capture->states;
}

static int pass_loss(enum na_program id, enum na_loss reason, uint64_t count, uint64_t since_ns,
		     uint64_t now_ns, na_record_take *take, void *context)
{
	struct na_record_lost record = {
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_LOST,
			   .program = (uint8_t)id,
			   .time_ns = now_ns},
		.count = count,
		.since_ns = since_ns,
		.reason = reason,
	};

	return count ? take(context, &record.header) : 0;
}

/*
 * What was skipped since the last report. A run that is skipped counts until its stand-in has
 * worked: only what counted at the last look already is lost.
 */
static uint64_t skipped_since(struct na_capture *capture, enum na_program id)
{
	uint64_t now = capture->states[id].skipped, before = capture->reported[id].seen;
	uint64_t lost = now;

	if (capture->bpf->data_stand_ins->stand_ins.attached[id] && before < now)
		lost = before;
	capture->reported[id].seen = now;
	return lost > capture->reported[id].skipped ? lost - capture->reported[id].skipped : 0;
}

/*
 * To ask for each program is most of what an idle agent would do. Twice after the last record, for
 * what is skipped counts at the second look (skipped_since).
 */
static bool is_count_due(struct na_capture *capture, uint64_t now_ns)
{
	struct na_counting *counting = &capture->counting;
	uint64_t positions = na_rings_positions(capture->rings);
	bool moved = positions != counting->positions;
	bool due = moved || counting->moved || now_ns >= counting->next_ns;

	counting->positions = positions;
	counting->moved = moved;
	counting->looked = due;
	if (due)
		counting->next_ns = now_ns + COUNT_IDLE_NS;
	return due;
}

static int pass_losses(struct na_capture *capture, uint64_t now_ns, na_record_take *take,
		       void *context)
{
	const struct na_program_state *states = na_capture_programs(capture);
	uint64_t since_ns = capture->losses_since_ns;
	int result = 0;

	for (int id = 0; id < NA_PROGRAM_COUNT && !result; id++) {
		uint64_t lost = states[id].lost - capture->reported[id].lost;
		uint64_t skipped = skipped_since(capture, (enum na_program)id);

		result = pass_loss((enum na_program)id, NA_LOSS_RING_FULL, lost, since_ns, now_ns,
				   take, context);
		if (!result)
			result = pass_loss((enum na_program)id, NA_LOSS_SKIPPED, skipped, since_ns,
					   now_ns, take, context);
		capture->reported[id].lost += lost;
		capture->reported[id].skipped += skipped;
	}
	capture->losses_since_ns = now_ns;
	return result;
}

int na_capture_losses(struct na_capture *capture, uint64_t now_ns, na_record_take *take,
		      void *context)
{
	int result =
		is_count_due(capture, now_ns) ? pass_losses(capture, now_ns, take, context) : 0;

	if (capture->memory)
		na_memory_note_losses(capture);
	return result;
}

bool na_capture_has_counted(const struct na_capture *capture)
{
	return capture->counting.looked;
}

int na_loss_pass(enum na_program id, enum na_loss reason, uint64_t count, uint64_t since_ns,
		 const struct na_takeover *to)
{
	return pass_loss(id, reason, count, since_ns, na_clock_boot_ns(), to->take, to->context);
}

int na_capture_begin(struct na_capture *capture, const struct na_takeover *to,
		     struct na_capture_before *ret_before)
{
	struct na_capture_before before = {.taken_over = capture->taken_over};
	int result = 0, passed = BACKLOG;

	if (capture->memory) {
		uint64_t since_ns = capture->memory->alive_ns;

		result = na_rings_keep(capture->rings, &capture->memory->progress, to->kept,
				       to->mark, to->mark_context);
		if (result > 0) /* a kill came in the middle of it */
			result = na_loss_pass(NA_PROGRAM_AGENT, NA_LOSS_INTERRUPTED, 1, since_ns,
					      to);
		if (!result)
			result = na_replace_others(capture, to, &before);
	}
	if (!result)
		na_held_drop_others(capture);
	while (capture->taken_over && !result && passed == BACKLOG) {
		passed = na_capture_read(capture, BACKLOG, to->take, to->context);
		result = passed < 0 ? passed : 0;
	}
	if (!result)
		*ret_before = before;
	return result;
}

bool na_capture_is_pinned(const struct na_capture *capture)
{
	return capture->pinned;
}

bool na_capture_call_results(const struct na_capture *capture)
{
	return capture->states[NA_PROGRAM_SYS_EXIT].attached ||
	       capture->states[NA_PROGRAM_CALL_LISTEN].attached;
}

enum na_tier na_capture_tier(const struct na_capture *capture)
{
	return capture->tier ? capture->tier : NA_TIER_CGROUP;
}

const char *na_capture_tier_refused(const struct na_capture *capture, enum na_tier tier)
{
	return capture->tier_reasons[tier];
}

uint64_t na_capture_positions(const struct na_capture *capture)
{
	return na_rings_positions(capture->rings);
}

int na_capture_set_statistics(struct na_capture *capture, bool on)
{
	na_cleanup_fd(&capture->statistics_fd);
	capture->statistics_fd = on ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;
	return on && capture->statistics_fd < 0 ? -errno : 0;
}
