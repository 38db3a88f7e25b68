/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: the records of the rings with the snapshot's merged in by time, and without those of
 * the agent's own self-test.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/capture_internal.h"
#include "capture/merge.h"

#define READ_DUE 4096                   /* records at once */
#define READ_DUE_NS (2 * NA_NS_PER_SEC) /* the stop is bounded */

struct passing {
	struct na_capture *capture;
	na_record_take *take;
	void *context;
};

/* True when the record is the self-test's. What comes long after it is not. */
static bool swallow(struct na_capture *capture, const struct na_record_header *record)
{
	if (!capture->own)
		return false;
	if (record->time_ns > capture->own->until_ns) {
		free(NA_TAKE_POINTER(capture->own));
		return false;
	}
	return na_own_takes(capture->own, record);
}

static int pass_found(struct passing *passing, uint64_t until_ns)
{
	struct na_capture *capture = passing->capture;
	int result = 0;

	while (!result && capture->found_next < capture->found_count &&
	       capture->found[capture->found_next].header.time_ns <= until_ns) {
		const struct na_record_found *found = &capture->found[capture->found_next++];

		if (!swallow(capture, &found->header))
			result = passing->take(passing->context, &found->header);
	}
	if (capture->found && capture->found_next == capture->found_count) {
		free(NA_TAKE_POINTER(capture->found));
		capture->found_count = capture->found_next = 0;
	}
	return result;
}

static int pass(void *context, const struct na_record_header *record)
{
	struct passing *passing = context;
	int result = passing->capture->found ? pass_found(passing, record->time_ns) : 0;

	if (result)
		return result;
	if (swallow(passing->capture, record))
		return 0;
	return passing->take(passing->context, record);
}

static int by_time(const void *a, const void *b)
{
	const struct na_record_found *left = a, *right = b;

	return (left->header.time_ns > right->header.time_ns) -
	       (left->header.time_ns < right->header.time_ns);
}

/* Grows by doubling: the number of sockets is the host's, bounded by its memory for them. */
static int read_found(int fd, struct na_record_found **ret_found, size_t *ret_count)
{
	NA_FREE char *data = NULL;
	size_t length = 0, size = 0;
	ssize_t count;

	do {
		if (size - length < 65536) {
			char *more = realloc(data, size = size ? size * 2 : 131072);

			if (!more)
				return -ENOMEM;
			data = more;
		}
		count = read(fd, data + length, size - length);
		if (count > 0)
			length += (size_t)count;
	} while (count > 0 || (count < 0 && errno == EINTR));
	if (count < 0)
		return -errno;
	*ret_count = length / sizeof(**ret_found);
	*ret_found = (struct na_record_found *)NA_TAKE_POINTER(data);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_iterator_open(const struct bpf_program *program, const struct bpf_iter_attach_opts *options)
{
	struct bpf_link *link = bpf_program__attach_iter(program, options);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	int result = fd >= 0 ? fd : -errno;

	bpf_link__destroy(link);
	return result;
}

int na_found_read(const struct na_capture *capture, uint32_t pid,
		  struct na_record_found **ret_found, size_t *ret_count)
{
	union bpf_iter_link_info info = {.task = {.pid = pid}};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));
	NA_CLOSE int fd = -1;

	if (capture->no_file_iterator)
		return -EOPNOTSUPP;
	/* Kernels before 6.1 know no choice of a process: then all are looked at. */
	if (pid)
		fd = na_iterator_open(capture->bpf->progs.iter__task_file, &options);
	if (fd < 0)
		fd = na_iterator_open(capture->bpf->progs.iter__task_file, NULL);
	return fd < 0 ? fd : read_found(fd, ret_found, ret_count);
}

int na_capture_snapshot(struct na_capture *capture)
{
	struct na_record_found *found = NULL;
	size_t count = 0;
	int error;

	if (!capture->states[NA_PROGRAM_SNAPSHOT].attached)
		return -EOPNOTSUPP;
	error = na_found_read(capture, 0, &found, &count);
	if (error < 0)
		return error;
	qsort(found, count, sizeof(*found), by_time);
	free(capture->found);
	capture->found = found;
	capture->found_count = count;
	capture->found_next = 0;
	return 0;
}

bool na_capture_snapshot_pending(const struct na_capture *capture)
{
	return capture->found != NULL;
}

int na_flows_iterate(const struct na_capture *capture, int flows_fd)
{
	union bpf_iter_link_info info = {.map = {.map_fd = (uint32_t)flows_fd}};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));
	NA_CLOSE int fd = -1;
	char nothing[64];

	if (!bpf_program__autoload(capture->bpf->progs.iter__flows))
		return -EOPNOTSUPP;
	fd = na_iterator_open(capture->bpf->progs.iter__flows, &options);
	if (fd < 0)
		return fd;
	while (read(fd, nothing, sizeof(nothing)) > 0)
		;
	return 0;
}

int na_capture_flush_flows(struct na_capture *capture)
{
	return na_flows_iterate(capture, bpf_map__fd(capture->bpf->maps.flows));
}

int na_capture_read(struct na_capture *capture, size_t limit, na_record_take *take, void *context)
{
	struct passing passing = {capture, take, context};
	uint64_t until_ns = na_clock_boot_ns() - NA_MERGE_WINDOW_NS;
	int passed = na_rings_read(capture->rings, limit, pass, &passing);
	int result;

	if (passed >= 0 && passed < (int)limit)
		capture->read_ns = until_ns;
	/* A batch that was cut short may still hold older records: then the snapshot waits. */
	if (passed < 0 || passed >= (int)limit || !capture->found)
		return passed;
	result = pass_found(&passing, until_ns);
	return result ? result : passed;
}

/*
 * What was there when it began, once it is due: the counters of datagrams, which the caller had the
 * kernel report just now, too. New ones come while we read.
 */
static int read_due(struct na_capture *capture, na_record_take *take, void *context)
{
	uint64_t begin_ns = na_clock_boot_ns(), end_ns = begin_ns + READ_DUE_NS;
	int passed, total = 0;

	do {
		passed = na_capture_read(capture, READ_DUE, take, context);
		if (passed < 0)
			return passed;
		total += passed;
		if (capture->read_ns >= begin_ns)
			break;
		if (passed < READ_DUE)
			na_rings_wait(capture->rings, -1, NA_MERGE_WINDOW_NS);
	} while (na_clock_boot_ns() < end_ns);
	return total;
}

int na_capture_drain(struct na_capture *capture, na_record_take *take, void *context)
{
	struct passing passing = {capture, take, context};
	int passed, result;

	if (capture->pinned || capture->detacher)
		return read_due(capture, take, context);
	passed = na_rings_drain(capture->rings, pass, &passing);
	result = passed < 0 ? passed : pass_found(&passing, UINT64_MAX);

	return result ? result : passed;
}

int na_capture_wait(struct na_capture *capture, int wake_fd, uint64_t timeout_ns)
{
	if (capture->found && timeout_ns > NA_MERGE_WINDOW_NS)
		timeout_ns = NA_MERGE_WINDOW_NS;
	return na_rings_wait(capture->rings, wake_fd, timeout_ns);
}
