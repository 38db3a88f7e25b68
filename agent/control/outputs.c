/* SPDX-License-Identifier: Apache-2.0 */
/* What the shipping process says of its outputs, which the agent trusts in nothing. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "control/status_json.h"

#define FILE_MAX (256 * 1024)
#define OUTPUTS_MAX 64
#define TEXT_MAX 256 /* bytes */

static const struct {
	const char *name;
	json_type type; /* INTEGER: not negative; REAL: or INTEGER */
} members[] = {
	{"name", JSON_STRING},
	{"type", JSON_STRING},
	{"state", JSON_STRING},
	{"error", JSON_STRING},
	{"dead_letters", JSON_STRING},
	{"events_sent", JSON_INTEGER},
	{"events_acknowledged", JSON_INTEGER},
	{"events_rejected", JSON_INTEGER},
	{"events_left_out", JSON_INTEGER},
	{"events_lost", JSON_INTEGER},
	{"bytes", JSON_INTEGER},
	{"lag_events", JSON_INTEGER},
	{"lag_seconds", JSON_REAL},
	{"retries", JSON_INTEGER},
};

/* At most `TEXT_MAX` bytes, whole characters. The text is UTF-8: jansson took it. */
static json_t *cut(const json_t *text)
{
	const char *bytes = json_string_value(text);
	size_t length = json_string_length(text);

	if (length > TEXT_MAX)
		for (length = TEXT_MAX; ((unsigned char)bytes[length] & 0xc0) == 0x80;)
			length--;
	return json_stringn(bytes, length);
}

/* A new reference, or NULL: the value is not what it should be. */
static json_t *take_value(json_t *value, json_type type)
{
	if (type == JSON_STRING && json_is_string(value))
		return cut(value);
	if (type == JSON_REAL && json_is_number(value) && json_number_value(value) >= 0)
		return json_incref(value);
	if (type == JSON_INTEGER && json_is_integer(value) && json_integer_value(value) >= 0)
		return json_incref(value);
	return NULL;
}

/* NULL: no memory, or without a name it is none. */
static json_t *take_output(const json_t *given)
{
	json_t *output = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		json_t *value = json_object_get(given, members[i].name);

		value = value ? take_value(value, members[i].type) : NULL;
		if (value)
			json_object_set_new(output, members[i].name, value);
	}
	if (json_object_get(output, "name"))
		return output;
	json_decref(output);
	return NULL;
}

/* Bytes read into `data`, of FILE_MAX + 1; or negative errno. A regular file, and not by a link:
 * its folder is the shipping process's. */
static ssize_t read_file(const char *path, char *data)
{
	NA_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	ssize_t length = 0, count;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	do {
		count = read(fd, data + length, (size_t)(FILE_MAX + 1 - length));
		if (count < 0 && errno != EINTR)
			return -errno;
		length += count > 0 ? count : 0;
	} while (count != 0 && length <= FILE_MAX);
	return length <= FILE_MAX ? length : -EFBIG;
}

static json_t *load(const char *path, const char **ret_wrong)
{
	NA_FREE char *data = malloc(FILE_MAX + 1);
	ssize_t length = data ? read_file(path, data) : -ENOMEM;
	json_t *loaded;

	if (length < 0) {
		*ret_wrong = strerrordesc_np((int)-length);
		return NULL;
	}
	loaded = json_loadb(data, (size_t)length, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(json_object_get(loaded, "outputs"))) {
		*ret_wrong = "not what a shipping process writes";
		json_decref(loaded);
		return NULL;
	}
	return loaded;
}

/* ------------------------------------------------------------------------------------------- */

int na_status_add_outputs(json_t *document, const char *path)
{
	const char *wrong = NULL;
	json_t *loaded = load(path, &wrong), *outputs = json_array(), *given;
	int error = outputs ? 0 : -ENOMEM;
	size_t i;

	json_array_foreach(json_object_get(loaded, "outputs"), i, given)
	{
		json_t *output = take_output(given);

		if (output && json_array_size(outputs) < OUTPUTS_MAX)
			json_array_append_new(outputs, output);
		else
			json_decref(output);
	}
	json_decref(loaded);
	if (json_object_set_new(document, "outputs", outputs) < 0)
		error = -ENOMEM;
	if (wrong &&
	    json_object_set_new(document, "outputs_error", json_sprintf("%s: %s", path, wrong)) < 0)
		error = -ENOMEM;
	return error;
}
