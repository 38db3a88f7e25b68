/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a layout that an agent before left attached, when this one is attached: its rings are
 * read until a moment at which both were, then it is detached.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/capture_internal.h"
#include "capture/held.h"
#include "capture/merge.h"
#include "capture/overlap.h"
#include "capture/takeover.h"

#define BATCH 4096

/* What is read of another layout. */
struct old {
	const struct na_pins *pins;
	const char *layout;
	struct na_memory *memory;
	int memory_fd;
	int ring_fds[RINGS_MAX + 1];
	size_t ring_count;
	struct na_rings *rings;
	struct na_overlap *overlap;
	const struct na_takeover *to;
};

static void old_done(struct old *old)
{
	na_overlap_free(old->overlap);
	na_rings_close(&old->rings);
	for (size_t i = 0; i < old->ring_count; i++)
		na_cleanup_fd(&old->ring_fds[i]);
	na_memory_close(&old->memory);
	na_cleanup_fd(&old->memory_fd);
}

static int open_rings(struct old *old, int doorbell_fd)
{
	NA_CLOSE int fd = na_pins_get(old->pins, old->layout, "map_rings");
	uint32_t id, index;

	if (fd < 0)
		return fd;
	for (index = 0; index <= RINGS_MAX && bpf_map_lookup_elem(fd, &index, &id) == 0; index++) {
		int ring_fd = bpf_map_get_fd_by_id(id);

		if (ring_fd < 0)
			return -errno;
		old->ring_fds[old->ring_count++] = ring_fd;
	}
	return na_rings_open(old->ring_fds, old->ring_count, old->memory->ring_bytes, doorbell_fd,
			     &old->rings);
}

/*
 * The doorbell is ours: nobody rings it for these rings, and they are read in a row. Where a
 * program was not held, what they hold is not all that happened.
 */
static int old_open(struct old *old, const struct na_capture *capture)
{
	int error = na_memory_open(old->pins, old->layout, &old->memory_fd, &old->memory);
	size_t attached;

	if (!error && na_held_count(old->memory, &attached) > attached)
		error = -ESTALE;
	if (!error)
		error = open_rings(old, bpf_map__fd(capture->bpf->maps.data_doorbell));
	if (error < 0)
		return error;
	old->overlap = na_overlap_new(na_clock_boot_ns());
	return old->overlap ? 0 : -ENOMEM;
}

static int take_old(void *context, const struct na_record_header *record)
{
	struct old *old = context;
	int part = na_overlap_add_old(old->overlap, record);

	return part == NA_OVERLAP_BEFORE ? old->to->take(old->to->context, record)
					 : (part < 0 ? part : 0);
}

static int take_new(void *context, const struct na_record_header *record)
{
	struct old *old = context;
	int part = na_overlap_add_new(old->overlap, record);

	return part < 0 ? part : 0;
}

/* All that it reported by the end of the overlap. */
static int read_old(struct old *old)
{
	uint64_t now_ns = na_clock_boot_ns();
	uint64_t end_ns = now_ns + NA_OVERLAP_NS + 2 * NA_MERGE_WINDOW_NS;
	int passed;

	do {
		uint64_t before_ns = now_ns;

		passed = na_rings_read(old->rings, BATCH, take_old, old);
		now_ns = na_clock_boot_ns();
		if (passed >= 0 && passed < BATCH && now_ns < end_ns)
			na_rings_wait(old->rings, -1, end_ns - now_ns);
		if (passed >= 0 && passed < BATCH && before_ns >= end_ns)
			return 0;
	} while (passed >= 0);
	return passed;
}

/* Counters of datagrams of the old set go into the rings of the new. */
static void flush_old_flows(const struct old *old, struct na_capture *capture)
{
	NA_CLOSE int fd = na_pins_get(old->pins, old->layout, "map_flows");
	struct bpf_map_info info = {0}, ours = {0};
	uint32_t size = sizeof(info), ours_size = sizeof(ours);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
	    !bpf_obj_get_info_by_fd(bpf_map__fd(capture->bpf->maps.flows), &ours, &ours_size) &&
	    info.value_size == ours.value_size)
		na_flows_iterate(capture, fd);
}

/* A descriptor of a program that is attached, which the caller closes; negative: there is none. */
static int program_of(const struct old *old, enum na_program id)
{
	NA_CLOSE int fd = -1;
	struct bpf_link_info link = {0};
	uint32_t size = sizeof(link);

	if (old->memory->held[id])
		return bpf_prog_get_fd_by_id(old->memory->held[id]);
	fd = na_pins_get_link(old->pins, old->layout, id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &link, &size) < 0)
		return -1;
	return bpf_prog_get_fd_by_id(link.prog_id);
}

static uint64_t skipped_of(const struct old *old, enum na_program id)
{
	NA_CLOSE int fd = program_of(old, id);
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || id == NA_PROGRAM_FILE_FREE)
		return 0;
	return info.recursion_misses;
}

/* What was lost of it and is not told yet. */
static int pass_losses(const struct old *old)
{
	NA_CLOSE int fd = na_pins_get(old->pins, old->layout, "map__data_lost");
	uint64_t lost[NA_PROGRAM_NUMBERS] = {0};
	uint64_t since_ns = old->memory->losses_since_ns;
	uint32_t zero = 0;
	int result = 0;

	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, lost) < 0)
		return 0;
	for (int id = 0; id < NA_PROGRAM_COUNT && !result; id++) {
		uint64_t skipped = skipped_of(old, (enum na_program)id);
		uint64_t told = old->memory->programs[id].skipped;

		result = na_loss_pass((enum na_program)id, NA_LOSS_RING_FULL,
				      lost[id] - old->memory->programs[id].lost, since_ns, old->to);
		if (!result && skipped > told)
			result = na_loss_pass((enum na_program)id, NA_LOSS_SKIPPED, skipped - told,
					      since_ns, old->to);
	}
	return result;
}

/* 0, or the taker's value; -ESTALE and the like: nothing was passed on. */
static int read_out(struct old *old, struct na_capture *capture)
{
	int result = na_rings_keep(old->rings, &old->memory->progress, old->to->kept, old->to->mark,
				   old->to->mark_context);
	int passed;

	if (result > 0)
		result = na_loss_pass(NA_PROGRAM_AGENT, NA_LOSS_INTERRUPTED, 1,
				      old->memory->alive_ns, old->to);
	if (!result)
		result = read_old(old);
	flush_old_flows(old, capture);
	while (!result) {
		passed = na_capture_read(capture, BATCH, take_new, old);
		result = passed < 0 ? passed : 0;
		if (passed < BATCH)
			break;
	}
	if (!result)
		result = na_overlap_pass(old->overlap, old->to->take, old->to->context);
	return result ? result : pass_losses(old);
}

/* When the agent of a layout whose rings cannot be read was last there; 0: not known. */
static uint64_t alive_ns(const struct na_pins *pins, const char *layout)
{
	NA_CLOSE int fd = na_pins_get(pins, layout, NA_PIN_MEMORY);
	const struct na_memory *memory =
		fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	uint64_t alive;

	if (memory == MAP_FAILED)
		return 0;
	alive = memory->alive_ns;
	munmap((void *)memory, 4096);
	return alive;
}

struct replacing {
	struct na_capture *capture;
	const struct na_takeover *to;
	struct na_capture_before *before;
};

static void note_lost(struct na_capture_before *before, uint64_t since_ns)
{
	before->removed++;
	if (since_ns && (!before->lost_since_ns || since_ns < before->lost_since_ns))
		before->lost_since_ns = since_ns;
}

/* Where this one was taken over, another is what a start that died before its end left. */
static int replace(void *context, const char *layout)
{
	struct replacing *replacing = context;
	struct na_capture *capture = replacing->capture;
	struct old old = {
		.pins = capture->options.pins,
		.layout = layout,
		.memory_fd = -1,
		.to = replacing->to,
	};
	int result = 0;

	if (capture->taken_over && !strcmp(layout, capture->layout))
		return 0;
	if (capture->taken_over) {
		replacing->before->removed++;
	} else if (old_open(&old, capture) == 0) {
		replacing->before->replaced++;
		result = read_out(&old, capture);
	} else {
		note_lost(replacing->before, alive_ns(old.pins, layout));
	}
	old_done(&old);
	if (!result)
		na_pins_remove(capture->options.pins, layout);
	return result;
}

/* ------------------------------------------------------------------------------------------- */

int na_replace_others(struct na_capture *capture, const struct na_takeover *to,
		      struct na_capture_before *before)
{
	struct replacing replacing = {capture, to, before};

	return na_pins_list(capture->options.pins, replace, &replacing);
}
