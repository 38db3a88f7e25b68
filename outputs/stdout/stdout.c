/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to stdout.
 *
 * A pipe whose reader is slow must not block the thread for ever: it could not be stopped. stdout
 * cannot be made non-blocking, since the file description is the shell's too. So a pipe or terminal
 * is written in pieces of PIPE_BUF, each after poll said that there is room: then write does not
 * block. What there was no room for stays in a buffer, the end of its record with it.
 */
#include "stdout/stdout.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define PUT_TIMEOUT_NS (200 * NA_NS_PER_MS)

struct na_output_instance {
	struct na_output_host *host;
	struct na_buffer out; /* lines that were taken; `written` bytes of them are out */
	size_t written;
	size_t *ends;          /* where each of the records in `out` ends */
	size_t size, count;    /* of ends */
	size_t acknowledged;   /* of ends */
	uint64_t first_number; /* of ends[0] */
	bool regular;          /* a file: never without room, short of a full disk */
};

static bool is_flushed(const struct na_output_instance *instance)
{
	return instance->written == instance->out.length;
}

/* Those whose last byte is out. */
static void acknowledge(struct na_output_instance *instance)
{
	size_t from = instance->acknowledged, to = from;

	while (to < instance->count && instance->ends[to] <= instance->written)
		to++;
	if (to == from)
		return;
	instance->acknowledged = to;
	instance->host->acknowledge(instance->host, instance->first_number + from,
				    instance->first_number + to - 1);
}

/* Is there room? 0; -EAGAIN: not within the time; another errno: never again. */
static int await_room(const struct na_output_instance *instance, uint64_t deadline_ns)
{
	struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
	int ready;

	if (instance->regular)
		return 0;
	do {
		uint64_t now_ns = na_clock_boot_ns();
		uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
		struct timespec timeout = {.tv_sec = (time_t)(left_ns / NA_NS_PER_SEC),
					   .tv_nsec = (long)(left_ns % NA_NS_PER_SEC)};

		ready = ppoll(&fd, 1, &timeout, NULL);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	if (ready == 0)
		return -EAGAIN;
	/* With POLLERR write says what it is. */
	return 0;
}

/* 0: all is out; -EAGAIN: no room until then. */
static int flush(struct na_output_instance *instance, uint64_t deadline_ns)
{
	while (!is_flushed(instance)) {
		size_t left = instance->out.length - instance->written;
		int error = await_room(instance, deadline_ns);
		ssize_t count;

		if (error < 0)
			return error;
		if (!instance->regular && left > PIPE_BUF)
			left = PIPE_BUF;
		count = write(STDOUT_FILENO, instance->out.data + instance->written, left);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		instance->written += (size_t)count;
	}
	return 0;
}

/* What came of a flush, as a verdict; acknowledges. */
static enum na_output_verdict judge(struct na_output_instance *instance, int error,
				    struct na_buffer *why)
{
	struct na_output_host *host = instance->host;

	acknowledge(instance);
	switch (error) {
	case 0:
		return NA_OUTPUT_TAKEN;
	case -EPIPE:
	case -EIO: /* the terminal is gone */
	case -EBADF:
		host->state(host, NA_OUTPUT_ENDED, "nobody reads the standard output any more");
		return NA_OUTPUT_BROKEN;
	case -EAGAIN:
		na_buffer_append_string(why, "the standard output's reader does not keep up");
		return NA_OUTPUT_LATER;
	default:
		na_buffer_printf(why, "the standard output cannot be written: %s",
				 strerrordesc_np(-error));
		return NA_OUTPUT_LATER;
	}
}

static int make_room(struct na_output_instance *instance, size_t count)
{
	size_t *ends;

	if (count <= instance->size)
		return 0;
	ends = realloc(instance->ends, count * sizeof(*ends));
	if (!ends)
		return -ENOMEM;
	instance->ends = ends;
	instance->size = count;
	return 0;
}

/* All of them into the empty buffer. */
static int take(struct na_output_instance *instance, const struct na_output_record *records,
		size_t count)
{
	struct na_buffer *out = &instance->out;

	na_buffer_clear(out);
	instance->written = instance->count = instance->acknowledged = 0;
	if (make_room(instance, count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		na_buffer_append(out, records[i].body.data, records[i].body.length);
		na_buffer_append_char(out, '\n');
		instance->ends[i] = out->length;
	}
	if (na_buffer_error(out)) {
		na_buffer_clear(out);
		return -ENOMEM;
	}
	instance->first_number = records[0].number;
	instance->count = count;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

static na_output_check stdout_check;
static na_output_fields stdout_fields;
static na_output_open stdout_open;
static na_output_put stdout_put;
static na_output_work stdout_work;
static na_output_drain stdout_drain;
static na_output_close stdout_close;

static int stdout_check(const void *options, struct na_buffer *why)
{
	(void)options;
	(void)why;
	return 0;
}

static int stdout_open(const void *options, struct na_output_host *host,
		       struct na_output_instance **ret_instance, struct na_buffer *why)
{
	struct na_output_instance *instance = calloc(1, sizeof(*instance));
	struct stat status;

	(void)options;
	(void)why;
	if (!instance)
		return -ENOMEM;
	instance->host = host;
	instance->regular = fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode);
	*ret_instance = instance;
	return 0;
}

static enum na_output_verdict stdout_put(struct na_output_instance *instance,
					 const struct na_output_record *records, size_t count,
					 size_t *ret_taken, struct na_buffer *why)
{
	uint64_t deadline_ns = na_clock_boot_ns() + PUT_TIMEOUT_NS;
	enum na_output_verdict verdict = judge(instance, flush(instance, deadline_ns), why);

	if (verdict != NA_OUTPUT_TAKEN)
		return verdict;
	if (take(instance, records, count) < 0) {
		na_buffer_append_string(why, "out of memory");
		return NA_OUTPUT_LATER;
	}
	/* From here on the lines are in our buffer, whether they are out or not. */
	*ret_taken = count;
	verdict = judge(instance, flush(instance, deadline_ns), why);
	return verdict == NA_OUTPUT_BROKEN ? verdict : NA_OUTPUT_TAKEN;
}

static enum na_output_verdict stdout_work(struct na_output_instance *instance, uint64_t timeout_ns)
{
	struct na_buffer why = {0};
	int error = flush(instance, na_clock_boot_ns() + timeout_ns);
	enum na_output_verdict verdict = judge(instance, error, &why);

	na_buffer_done(&why); /* the next put says it */
	return verdict == NA_OUTPUT_BROKEN ? verdict : NA_OUTPUT_TAKEN;
}

static void stdout_drain(struct na_output_instance *instance, uint64_t deadline_ns)
{
	flush(instance, deadline_ns);
	acknowledge(instance);
}

static void stdout_close(struct na_output_instance *instance)
{
	na_buffer_done(&instance->out);
	free(instance->ends);
	free(instance);
}

static void stdout_fields(const void *options, na_output_take_field *take_field, void *context)
{
	(void)options;
	(void)take_field; /* none: a line is the record's body */
	(void)context;
}

const struct na_output na_output_stdout = {
	.name = "stdout",
	.promise = "Delivered when the kernel took the line; what reads it then is not asked.",
	.copies = true,
	.check = stdout_check,
	.fields = stdout_fields,
	.open = stdout_open,
	.put = stdout_put,
	.work = stdout_work,
	.drain = stdout_drain,
	.close = stdout_close,
};
