/* SPDX-License-Identifier: Apache-2.0 */
/* Written beside its place and renamed, so that a reader sees the one or the other. */
#include "ship/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct na_status_file {
	struct na_buffer path, temporary;
	struct na_ship_status *outputs; /* that are in the file */
	size_t count;
};

static const char *const state_names[] = {
	[NA_OUTPUT_WORKING] = "working",
	[NA_OUTPUT_RETRYING] = "retrying",
	[NA_OUTPUT_HELD] = "held",
	[NA_OUTPUT_ENDED] = "ended",
};

static json_t *make_output(const struct na_ship_status *status)
{
	/* An error may hold what a server said: bytes that are no UTF-8 are left away. */
	json_t *error = status->last_error[0] ? json_string(status->last_error) : NULL;
	json_t *lag = status->lag_ns == UINT64_MAX
			      ? NULL
			      : json_real((double)status->lag_ns / (double)NA_NS_PER_SEC);

	return json_pack(
		"{s:s, s:s, s:s, s:o*, s:s*, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o*}", "name",
		status->name, "type", status->type, "state", state_names[status->state], "error",
		error, "dead_letters", status->dead_letters, "events_sent",
		(json_int_t)status->sent, "events_acknowledged", (json_int_t)status->acknowledged,
		"events_rejected", (json_int_t)status->rejected, "events_left_out",
		(json_int_t)status->left_out, "events_lost", (json_int_t)status->lost, "bytes",
		(json_int_t)status->bytes, "retries", (json_int_t)status->retries, "lag_events",
		(json_int_t)status->lag_events, "lag_seconds", lag);
}

static char *make_text(const struct na_ship_status *outputs, size_t count)
{
	json_t *array = json_array();
	json_t *root = json_pack("{s:o}", "outputs", array);
	char *text;

	for (size_t i = 0; root && i < count; i++)
		if (json_array_append_new(array, make_output(&outputs[i])) < 0) {
			json_decref(root);
			return NULL;
		}
	text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
	json_decref(root);
	return text;
}

static int replace(const struct na_status_file *file, const char *text)
{
	NA_CLOSE int fd =
		open(file->temporary.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	size_t length = strlen(text);
	ssize_t count;

	if (fd < 0)
		return -errno;
	count = write(fd, text, length);
	if (count < 0)
		return -errno;
	if ((size_t)count != length)
		return -ENOSPC;
	return rename(file->temporary.data, file->path.data) < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------------------------------- */

struct na_status_file *na_status_file_new(const char *folder)
{
	struct na_status_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	na_buffer_printf(&file->path, "%s/status.json%c", folder, '\0');
	na_buffer_printf(&file->temporary, "%s/status.json.tmp%c", folder, '\0');
	if (!na_buffer_error(&file->path) && !na_buffer_error(&file->temporary))
		return file;
	na_status_file_free(file);
	return NULL;
}

void na_status_file_free(struct na_status_file *file)
{
	if (!file)
		return;
	na_buffer_done(&file->path);
	na_buffer_done(&file->temporary);
	free(file->outputs);
	free(file);
}

int na_status_file_write(struct na_status_file *file, const struct na_ship_status *outputs,
			 size_t count)
{
	size_t size = count * sizeof(*outputs);
	NA_FREE struct na_ship_status *written = NULL;
	NA_FREE char *text = NULL;
	int error;

	if (file->outputs && count == file->count && memcmp(file->outputs, outputs, size) == 0)
		return 0;
	written = malloc(size + 1);
	text = make_text(outputs, count);
	if (!written || !text)
		return -ENOMEM;
	error = replace(file, text);
	if (error < 0)
		return error;
	memcpy(written, outputs, size);
	free(file->outputs);
	file->outputs = NA_TAKE_POINTER(written);
	file->count = count;
	return 0;
}
