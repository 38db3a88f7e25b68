/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines into a file.
 *
 * `sync` says when a record is delivered: `none`, when it is written; `interval` and `always`, when
 * fdatasync came back, some records later or at once. After an fdatasync that failed nobody knows
 * what is on disk: the descriptor is closed and everything since the last good one is written
 * again.
 */
#include "file/file.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "file/aside.h"
#include "file/options.h"
#include "file/target.h"

#define SYNC_NS (200 * NA_NS_PER_MS)
#define LOOK_NS NA_NS_PER_SEC
#define ROTATE_AGAIN_NS (60 * NA_NS_PER_SEC)

struct na_output_instance {
	const struct na_file_options *options;
	struct na_output_host *host;
	struct na_file_target target;
	struct na_file_aside *aside;
	struct na_buffer out;
	uint64_t first, last; /* numbers that are written and not acknowledged; 0: none */
	uint64_t synced_ns, looked_ns;
	uint64_t rotate_after_ns; /* it failed: not before */
};

static void acknowledge(struct na_output_instance *instance)
{
	if (instance->first)
		instance->host->acknowledge(instance->host, instance->first, instance->last);
	instance->first = instance->last = 0;
}

/* What was written is acknowledged, or, when nobody knows whether it is there, offered again. */
static void sync_written(struct na_output_instance *instance)
{
	int error;

	instance->synced_ns = na_clock_boot_ns();
	if (!instance->first)
		return;
	error = instance->options->sync == NA_FILE_SYNC_NONE
			? 0
			: na_file_target_sync(&instance->target);
	if (!error) {
		acknowledge(instance);
		return;
	}
	na_file_target_close(&instance->target);
	instance->first = instance->last = 0;
	na_buffer_clear(&instance->out);
	na_buffer_printf(&instance->out, "%s cannot be brought to disk: %s%c",
			 instance->options->path.data, strerrordesc_np(-error), '\0');
	instance->host->failed(instance->host, na_buffer_error(&instance->out)
						       ? "out of memory"
						       : instance->out.data);
}

static bool is_full(const struct na_output_instance *instance, size_t more)
{
	const struct na_file_options *options = instance->options;
	const struct na_file_target *target = &instance->target;
	uint64_t now_ns = na_clock_wall_ns();

	if (!target->size)
		return false;
	if (options->rotate_size && target->size + more > options->rotate_size)
		return true;
	return options->rotate_age && now_ns > target->begun_wall_ns &&
	       now_ns - target->begun_wall_ns >= options->rotate_age;
}

static void say_rotation(struct na_output_instance *instance, int error)
{
	struct na_buffer why = {0};

	if (!error && instance->rotate_after_ns)
		instance->host->state(instance->host, NA_OUTPUT_WORKING, NULL);
	instance->rotate_after_ns = error ? na_clock_boot_ns() + ROTATE_AGAIN_NS : 0;
	if (!error)
		return;
	na_buffer_printf(&why, "%s cannot be put aside and grows: %s%c",
			 instance->options->path.data, strerrordesc_np(-error), '\0');
	if (!na_buffer_error(&why))
		instance->host->state(instance->host, NA_OUTPUT_RETRYING, why.data);
	na_buffer_done(&why);
}

/* What cannot be put aside goes on growing: nothing is lost, and it is said. */
static void rotate(struct na_output_instance *instance, size_t more)
{
	int error;

	if (!is_full(instance, more) || na_clock_boot_ns() < instance->rotate_after_ns)
		return;
	sync_written(instance);
	if (instance->target.fd < 0)
		return;
	error = na_file_aside_put(instance->aside);
	say_rotation(instance, error);
	if (!error)
		na_file_target_close(&instance->target);
}

/* Has somebody put the file aside (logrotate)? */
static void look(struct na_output_instance *instance)
{
	uint64_t now_ns = na_clock_boot_ns();

	if (instance->target.fd < 0 || now_ns - instance->looked_ns < LOOK_NS)
		return;
	instance->looked_ns = now_ns;
	if (na_file_target_is_there(&instance->target))
		return;
	sync_written(instance);
	na_file_target_close(&instance->target);
}

static enum na_output_verdict later(struct na_output_instance *instance, int error,
				    const char *what, struct na_buffer *why)
{
	na_buffer_printf(why, "%s cannot be %s: %s", instance->options->path.data, what,
			 error == -EINVAL ? "it is no regular file" : strerrordesc_np(-error));
	return NA_OUTPUT_LATER;
}

static int ensure_open(struct na_output_instance *instance)
{
	if (instance->target.fd >= 0)
		return 0;
	instance->looked_ns = na_clock_boot_ns();
	return na_file_target_open(&instance->target);
}

/* As many lines as the file may still have, one at least. How many. */
static size_t make_lines(struct na_output_instance *instance,
			 const struct na_output_record *records, size_t count)
{
	uint64_t limit = instance->options->rotate_size, size = instance->target.size;
	struct na_buffer *out = &instance->out;
	size_t lines = 0;

	na_buffer_clear(out);
	while (lines < count) {
		const struct na_text *body = &records[lines].body;

		if (limit && lines && size + out->length + body->length + 1 > limit)
			break;
		na_buffer_append(out, body->data, body->length);
		na_buffer_append_char(out, '\n');
		lines++;
	}
	return lines;
}

/* How many of the lines are whole in the first `written` bytes, and how long these are. */
static size_t whole_lines(const struct na_output_record *records, size_t written,
			  size_t *ret_length)
{
	size_t lines = 0, length = 0;

	while (length + records[lines].body.length + 1 <= written) {
		length += records[lines].body.length + 1;
		lines++;
		if (length == written)
			break;
	}
	*ret_length = length;
	return lines;
}

static void note_written(struct na_output_instance *instance,
			 const struct na_output_record *records, size_t count)
{
	enum na_file_sync sync = (enum na_file_sync)instance->options->sync;

	if (!instance->first)
		instance->first = records[0].number;
	instance->last = records[count - 1].number;
	if (sync != NA_FILE_SYNC_INTERVAL || na_clock_boot_ns() - instance->synced_ns >= SYNC_NS)
		sync_written(instance);
}

static void aside_says(void *context, const char *why)
{
	struct na_output_host *host = context;

	host->state(host, why ? NA_OUTPUT_RETRYING : NA_OUTPUT_WORKING, why);
}

/* ------------------------------------------------------------------------------------------- */

static na_output_fields file_fields;
static na_output_open file_open;
static na_output_put file_put;
static na_output_work file_work;
static na_output_reopen file_reopen;
static na_output_drain file_drain;
static na_output_close file_close;

static int file_open(const void *values, struct na_output_host *host,
		     struct na_output_instance **ret_instance, struct na_buffer *why)
{
	const struct na_file_options *options = values;
	struct na_output_instance *instance = calloc(1, sizeof(*instance));
	struct na_file_aside_options aside = {
		.path = options->path.data,
		.keep = options->keep,
		.compress = options->compress == NA_FILE_GZIP,
		.says = aside_says,
		.context = host,
	};
	int error;

	if (!instance)
		return -ENOMEM;
	instance->options = options;
	instance->host = host;
	instance->target = (struct na_file_target){.path = options->path.data, .fd = -1};
	error = ensure_open(instance);
	if (error < 0)
		later(instance, error, "opened", why);
	else
		error = na_file_aside_new(&aside, &instance->aside);
	if (error < 0)
		file_close(instance);
	else
		*ret_instance = instance;
	return error;
}

static enum na_output_verdict file_put(struct na_output_instance *instance,
				       const struct na_output_record *records, size_t count,
				       size_t *ret_taken, struct na_buffer *why)
{
	size_t lines, written, whole;
	int error;

	look(instance);
	if (instance->target.fd >= 0)
		rotate(instance, records[0].body.length + 1);
	error = ensure_open(instance);
	if (error < 0)
		return later(instance, error, "opened", why);
	lines = make_lines(instance, records, count);
	if (na_buffer_error(&instance->out))
		return later(instance, -ENOMEM, "written", why);
	error = na_file_target_write(&instance->target, instance->out.data, instance->out.length,
				     &written);
	if (error < 0) {
		lines = whole_lines(records, written, &whole);
		na_file_target_mend(&instance->target, whole, written);
	}
	if (!lines)
		return later(instance, error, "written", why);
	*ret_taken = lines;
	note_written(instance, records, lines);
	return NA_OUTPUT_TAKEN;
}

static enum na_output_verdict file_work(struct na_output_instance *instance, uint64_t timeout_ns)
{
	(void)timeout_ns; /* there is nothing to wait for */
	if (na_clock_boot_ns() - instance->synced_ns >= SYNC_NS)
		sync_written(instance);
	look(instance);
	if (instance->target.fd >= 0)
		rotate(instance, 0);
	return NA_OUTPUT_TAKEN;
}

static void file_reopen(struct na_output_instance *instance)
{
	sync_written(instance);
	na_file_target_close(&instance->target);
	/* Whoever sent the signal looks for the new file; what fails here the next put says. */
	(void)ensure_open(instance);
}

static void file_drain(struct na_output_instance *instance, uint64_t deadline_ns)
{
	(void)deadline_ns; /* fdatasync cannot be told one */
	sync_written(instance);
}

static void file_close(struct na_output_instance *instance)
{
	na_file_aside_free(instance->aside);
	na_file_target_close(&instance->target);
	na_buffer_done(&instance->out);
	free(instance);
}

static void file_paths(const void *values, na_output_take_path *take, void *context)
{
	const struct na_file_options *options = values;

	take(context, options->path.data, NA_OUTPUT_WRITES);
}

static void file_fields(const void *options, na_output_take_field *take, void *context)
{
	(void)options;
	(void)take; /* none: a line is the record's body */
	(void)context;
}

const struct na_output na_output_file = {
	.name = "file",
	.promise = "Delivered when the line is on disk (`sync: interval`, `always`) or written "
		   "(`sync: none`).",
	.options = na_file_option_rows,
	.option_count = NA_FILE_OPTION_COUNT,
	.options_size = sizeof(struct na_file_options),
	.copies = true,
	.check = na_file_check,
	.paths = file_paths,
	.fields = file_fields,
	.open = file_open,
	.put = file_put,
	.work = file_work,
	.reopen = file_reopen,
	.drain = file_drain,
	.close = file_close,
};
