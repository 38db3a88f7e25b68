/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel programs that the service manager holds for the next agent. */
#include "capture/held.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/fd_store.h"
#include "capture/capture_internal.h"

#define PREFIX "netaudit."

static void name_held(const struct na_capture *capture, enum na_program id,
		      char name[NA_FD_STORE_NAME_MAX + 1])
{
	snprintf(name, NA_FD_STORE_NAME_MAX + 1, PREFIX "%s.%s.%u", capture->layout,
		 na_program_function(id), capture->memory->held[id]);
}

static int number_of(const struct bpf_program *program, uint32_t *ret_number)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0)
		return -errno;
	*ret_number = info.id;
	return 0;
}

static void explain(int error, struct na_buffer *why)
{
	na_buffer_append_string(why, "kprobes cannot be pinned before Linux 5.15, and the service "
				     "manager does not keep them: ");
	if (error == -ENOSPC)
		na_buffer_append_string(why, "FileDescriptorStoreMax= of the unit is too low");
	else
		na_buffer_append_string(why, strerrordesc_np(-error));
}

struct counting {
	const struct na_pins *pins;
	size_t attached;
};

static int count_attached(void *context, const char *layout)
{
	struct counting *counting = context;
	struct na_memory *memory;
	NA_CLOSE int fd = -1;
	size_t attached;

	if (na_memory_open(counting->pins, layout, &fd, &memory) < 0)
		return 0;
	na_held_count(memory, &attached);
	counting->attached += attached;
	na_memory_close(&memory);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_held_put(struct na_capture *capture, enum na_program id, int fd, struct na_buffer *why)
{
	char name[NA_FD_STORE_NAME_MAX + 1];
	int error = number_of(capture->programs[id], &capture->memory->held[id]);

	name_held(capture, id, name);
	if (!error)
		error = na_fd_store_put(capture->options.store, name, fd);
	if (error < 0)
		explain(error, why);
	return error;
}

int na_held_settle(const struct na_capture *capture, struct na_buffer *why)
{
	int error = na_held_count(capture->memory, NULL)
			    ? na_fd_store_settle(capture->options.store)
			    : 0;

	if (error < 0)
		explain(error, why);
	return error;
}

void na_held_forget(const struct na_capture *capture)
{
	char name[NA_FD_STORE_NAME_MAX + 1];

	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		if (!capture->memory->held[id])
			continue;
		name_held(capture, (enum na_program)id, name);
		na_fd_store_remove(capture->options.store, name);
		capture->memory->held[id] = 0;
	}
}

int na_held_take(struct na_capture *capture, enum na_program id)
{
	char name[NA_FD_STORE_NAME_MAX + 1];
	int fd;

	name_held(capture, id, name);
	fd = capture->options.store ? na_fd_store_get(capture->options.store, name) : -ENOENT;
	if (fd < 0)
		return fd;
	capture->program_fds[id] = bpf_prog_get_fd_by_id(capture->memory->held[id]);
	return capture->program_fds[id] < 0 ? -errno : 0;
}

void na_held_drop_others(const struct na_capture *capture)
{
	char prefix[NA_FD_STORE_NAME_MAX + 1];

	if (!capture->options.store)
		return;
	snprintf(prefix, sizeof(prefix), PREFIX "%s.", capture->layout);
	na_fd_store_drop(capture->options.store, capture->taken_over ? prefix : NULL);
}

/* The kernel forgets a number with the last that holds its program. */
size_t na_held_count(const struct na_memory *memory, size_t *ret_attached)
{
	size_t held = 0, attached = 0;

	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		NA_CLOSE int fd = -1;

		if (!memory->held[id])
			continue;
		held++;
		if (ret_attached)
			fd = bpf_prog_get_fd_by_id(memory->held[id]);
		attached += fd >= 0;
	}
	if (ret_attached)
		*ret_attached = attached;
	return held;
}

size_t na_capture_held(const struct na_capture *capture)
{
	return capture->pinned ? na_held_count(capture->memory, NULL) : 0;
}

size_t na_pins_held(const struct na_pins *pins)
{
	struct counting counting = {.pins = pins};

	na_pins_list(pins, count_attached, &counting);
	return counting.attached;
}
