/* SPDX-License-Identifier: Apache-2.0 */
/* Pinning what is attached, and going on with what is pinned. */
#include "capture/takeover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/capture_internal.h"
#include "capture/held.h"

#define NAME_MAX_BYTES 96

static struct na_memory *map_memory(int fd)
{
	void *memory =
		mmap(NULL, sizeof(struct na_memory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* A bpffs allows no dots in names. */
static void name_map(const struct bpf_map *map, char name[NAME_MAX_BYTES])
{
	snprintf(name, NAME_MAX_BYTES, "map_%s", bpf_map__name(map));
	for (char *at = name; *at; at++)
		if (*at == '.')
			*at = '_';
}

static void name_link(enum na_program id, char name[NAME_MAX_BYTES])
{
	snprintf(name, NAME_MAX_BYTES, "link_%s", na_program_function(id));
}

static int link_fd(const struct na_capture *capture, enum na_program id)
{
	if (id == NA_PROGRAM_CONNECT_UNIX && !capture->links[id])
		return capture->connect_unix_link;
	return capture->links[id] ? bpf_link__fd(capture->links[id]) : -1;
}

/* What a start found, for one that does not try. */
static void remember(struct na_capture *capture)
{
	struct na_memory *memory = capture->memory;

	na_memory_note_losses(capture);
	memory->ring_bytes = capture->options.ring_bytes;
	memory->tier = capture->tier;
	memory->told_successes = capture->told_successes;
	memory->told_failures = capture->told_failures;
	memory->no_flow_iterator = capture->no_flow_iterator;
	memory->no_file_iterator = capture->no_file_iterator;
	memory->no_task_storage = capture->no_task_storage;
	memory->no_tracing_cookies = capture->no_tracing_cookies;
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		const struct na_program_state *state = &capture->states[id];

		memory->programs[id].wanted = state->wanted;
		memory->programs[id].attached = state->attached;
		memory->programs[id].unmarked = capture->skips[id].unmarked;
		memcpy(memory->programs[id].reason, state->reason, sizeof(state->reason));
	}
}

static void recall_program(struct na_capture *capture, enum na_program id)
{
	const struct na_memory *memory = capture->memory;
	struct na_program_state *state = &capture->states[id];

	capture->reported[id].lost = memory->programs[id].lost;
	capture->reported[id].skipped = memory->programs[id].skipped;
	capture->skips[id].unmarked = memory->programs[id].unmarked;
	if (id == NA_PROGRAM_SNAPSHOT) { /* nothing of the kernel: as the options say now */
		state->attached = !na_program_off(state) && !capture->no_file_iterator;
		return;
	}
	state->wanted = memory->programs[id].wanted;
	state->attached = memory->programs[id].attached;
	snprintf(state->reason, sizeof(state->reason), "%.*s", (int)sizeof(state->reason) - 1,
		 memory->programs[id].reason);
}

static void recall(struct na_capture *capture)
{
	const struct na_memory *memory = capture->memory;

	capture->losses_since_ns = memory->losses_since_ns;
	capture->tier = memory->tier < NA_TIER_COUNT ? (enum na_tier)memory->tier : NA_TIER_AUTO;
	capture->told_successes = memory->told_successes;
	capture->told_failures = memory->told_failures;
	capture->no_flow_iterator = memory->no_flow_iterator;
	capture->no_file_iterator = memory->no_file_iterator;
	capture->no_task_storage = memory->no_task_storage;
	capture->no_tracing_cookies = memory->no_tracing_cookies;
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		recall_program(capture, (enum na_program)id);
}

/* Iterators only, on the maps that are there. */
static int load_iterators(struct na_capture *capture)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int error = na_object_open(capture);

	if (error < 0)
		return error;
	bpf_object__for_each_program(program, capture->bpf->obj)
		bpf_program__set_autoload(program, false);
	bpf_program__set_autoload(capture->bpf->progs.iter__flows, !capture->no_flow_iterator);
	bpf_program__set_autoload(capture->bpf->progs.iter__task_file, !capture->no_file_iterator);
	bpf_object__for_each_map(map, capture->bpf->obj)
	{
		NA_CLOSE int fd = -1;
		char name[NAME_MAX_BYTES];

		if (!bpf_map__autocreate(map))
			continue;
		name_map(map, name);
		fd = na_pins_get(capture->options.pins, capture->layout, name);
		if (fd < 0)
			return fd;
		error = bpf_map__reuse_fd(map, fd);
		if (error < 0)
			return error;
	}
	return cgroup_bpf__load(capture->bpf);
}

static int take_rings(struct na_capture *capture)
{
	int rings_fd = bpf_map__fd(capture->bpf->maps.rings);

	for (uint32_t i = 0; i < capture->ring_count; i++) {
		uint32_t id;

		if (bpf_map_lookup_elem(rings_fd, &i, &id) < 0)
			return -errno;
		capture->ring_fds[i] = bpf_map_get_fd_by_id(id);
		if (capture->ring_fds[i] < 0)
			return -errno;
	}
	return na_rings_open(capture->ring_fds, capture->ring_count, capture->options.ring_bytes,
			     bpf_map__fd(capture->bpf->maps.data_doorbell), &capture->rings);
}

static int take_link(struct na_capture *capture, enum na_program id)
{
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);
	NA_FREE char *path = NULL;
	char name[NAME_MAX_BYTES];

	name_link(id, name);
	if (asprintf(&path, "%s/%s/%s", na_pins_path(capture->options.pins), capture->layout,
		     name) < 0)
		return -ENOMEM;
	capture->links[id] = bpf_link__open(path);
	if (!capture->links[id] ||
	    bpf_obj_get_info_by_fd(bpf_link__fd(capture->links[id]), &info, &size) < 0)
		return -errno;
	capture->program_fds[id] = bpf_prog_get_fd_by_id(info.prog_id);
	return capture->program_fds[id] < 0 ? -errno : 0;
}

static int take_links(struct na_capture *capture)
{
	int error = 0;

	for (int id = 0; id < NA_PROGRAM_COUNT && !error; id++) {
		if (!capture->states[id].attached || id == NA_PROGRAM_SNAPSHOT)
			continue;
		error = capture->memory->held[id] ? na_held_take(capture, (enum na_program)id)
						  : take_link(capture, (enum na_program)id);
	}
	return error;
}

/* As it was before, for a start that attaches anew. */
static void let_go(struct na_capture *capture)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		bpf_link__destroy(NA_TAKE_POINTER(capture->links[id]));
		na_cleanup_fd(&capture->program_fds[id]);
		capture->program_fds[id] = -1;
		capture->reported[id].lost = capture->reported[id].skipped = 0;
	}
	na_rings_close(&capture->rings);
	for (size_t i = 0; i < capture->ring_count; i++) {
		na_cleanup_fd(&capture->ring_fds[i]);
		capture->ring_fds[i] = -1;
	}
	na_memory_close(&capture->memory);
	na_cleanup_fd(&capture->memory_fd);
	capture->memory_fd = -1;
	capture->tier = NA_TIER_AUTO;
	capture->told_successes = capture->told_failures = 0;
	capture->no_flow_iterator = capture->no_file_iterator = false;
	capture->no_task_storage = capture->no_tracing_cookies = false;
	capture->losses_since_ns = na_clock_boot_ns();
	na_programs_init(capture);
}

static int put_maps(struct na_capture *capture)
{
	char name[NAME_MAX_BYTES];
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map(map, capture->bpf->obj)
	{
		if (error || bpf_map__fd(map) < 0)
			continue;
		name_map(map, name);
		error = na_pins_put(capture->options.pins, capture->layout, name, bpf_map__fd(map));
	}
	return error;
}

static int put_links(struct na_capture *capture, enum na_program *ret_id, struct na_buffer *why)
{
	char name[NAME_MAX_BYTES];
	int error = 0;

	for (int id = 0; id < NA_PROGRAM_COUNT && !error; id++) {
		int fd = link_fd(capture, (enum na_program)id);

		if (!capture->states[id].attached || id == NA_PROGRAM_SNAPSHOT)
			continue;
		*ret_id = (enum na_program)id;
		name_link((enum na_program)id, name);
		error = fd < 0 ? fd : na_pins_put(capture->options.pins, capture->layout, name, fd);
		if (error == -EINVAL && capture->options.store) /* no link, but a perf event */
			error = na_held_put(capture, (enum na_program)id, fd, why);
	}
	return error;
}

static void explain_pin(const struct na_capture *capture, enum na_program id, int error,
			struct na_buffer *why)
{
	na_buffer_printf(why, "%s cannot be pinned: ",
			 id ? na_program_source(id) : "a map of the kernel programs");
	if (id && error == -EINVAL && !capture->options.store)
		na_buffer_append_string(why, "kprobes have no links before Linux 5.15, and there "
					     "is no service manager that keeps them");
	else
		na_buffer_append_string(why, strerrordesc_np(-error));
}

/* ------------------------------------------------------------------------------------------- */

int na_memory_make(struct na_capture *capture)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);

	capture->memory_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "na_memory", sizeof(uint32_t),
					    sizeof(struct na_memory), 1, &options);
	if (capture->memory_fd < 0)
		return -errno;
	capture->memory = map_memory(capture->memory_fd);
	if (!capture->memory)
		return -errno;
	capture->memory->version = na_memory_version();
	return 0;
}

int na_memory_open(const struct na_pins *pins, const char *layout, int *ret_fd,
		   struct na_memory **ret_memory)
{
	NA_CLOSE int fd = na_pins_get(pins, layout, NA_PIN_MEMORY);
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	struct na_memory *memory;

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	if (info.value_size != sizeof(*memory))
		return -ESTALE;
	memory = map_memory(fd);
	if (!memory)
		return -errno;
	if (memory->version != na_memory_version()) {
		na_memory_close(&memory);
		return -ESTALE;
	}
	*ret_fd = NA_TAKE_FD(fd);
	*ret_memory = memory;
	return 0;
}

void na_memory_note_losses(struct na_capture *capture)
{
	struct na_memory *memory = capture->memory;

	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		memory->programs[id].lost = capture->reported[id].lost;
		memory->programs[id].skipped = capture->reported[id].skipped;
	}
	memory->losses_since_ns = capture->losses_since_ns;
	memory->alive_ns = capture->read_ns ? capture->read_ns : na_clock_boot_ns();
}

void na_memory_close(struct na_memory **pointer)
{
	struct na_memory *memory = NA_TAKE_POINTER(*pointer);

	if (memory)
		munmap(memory, sizeof(*memory));
}

int na_pins_get_link(const struct na_pins *pins, const char *layout, enum na_program id)
{
	char name[NAME_MAX_BYTES];

	name_link(id, name);
	return na_pins_get(pins, layout, name);
}

int na_take_over(struct na_capture *capture)
{
	int error = na_memory_open(capture->options.pins, capture->layout, &capture->memory_fd,
				   &capture->memory);

	if (error < 0)
		return error;
	recall(capture);
	error = load_iterators(capture);
	if (!error)
		error = take_rings(capture);
	if (!error)
		error = take_links(capture);
	if (error < 0) {
		let_go(capture);
		return error;
	}
	na_hooks_apply(capture); /* a reload may have changed them */
	na_hooks_tell(capture);
	capture->taken_over = capture->pinned = true;
	return 0;
}

int na_capture_pin(struct na_capture *capture, struct na_buffer *why)
{
	enum na_program id = NA_PROGRAM_NONE;
	int error;

	if (capture->pinned)
		return 0;
	remember(capture);
	error = put_maps(capture);
	if (!error)
		error = put_links(capture, &id, why);
	if (!error)
		error = na_held_settle(capture, why);
	if (!error)
		error = na_pins_put(capture->options.pins, capture->layout, NA_PIN_MEMORY,
				    capture->memory_fd);
	if (!error) {
		capture->pinned = true;
		return 0;
	}
	na_held_forget(capture);
	na_pins_remove(capture->options.pins, capture->layout);
	if (!why->length)
		explain_pin(capture, id, error, why);
	return error;
}

void na_capture_unpin(struct na_capture *capture)
{
	if (!capture->pinned)
		return;
	capture->pinned = false;
	na_held_forget(capture);
	na_pins_remove(capture->options.pins, capture->layout);
}
