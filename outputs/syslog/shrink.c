/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes one field after the other until the rest fits. Formats differ in how they write a path: ECS
 * has objects, flat has dotted names.
 */
#include "syslog/shrink.h"

#include <errno.h>

#include <jansson.h>

#include "base/cleanup.h"

/* ASCII: jansson would let through DEL and C1 characters, which terminals obey. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

/*
 * What goes first can be had elsewhere in the record, or of the process's start. All that a process
 * can make long is here, so that none can keep its records from being sent.
 */
static const char *const order[] = {
	"process.args",
	"process.parent.command_line",
	"process.command_line",
	"process.working_directory",
	"related.ip",
	"related.user",
	"host.ip",
	"netaudit.cgroup.path",
	"netaudit.counters",
	"labels",
	"process.parent.executable",
	"netaudit.creator.executable",
	"netaudit.closer.executable",
	"process.executable",
	"process.parent.name",
	"netaudit.creator.name",
	"netaudit.closer.name",
	"message",
	"process.name",
};

static void json_cleanup(json_t **json)
{
	json_decref(*json);
}

/* {"process":{"args":…}} */
static bool remove_nested(json_t *object, const char *path)
{
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		object = json_object_getn(object, path, (size_t)(dot - path));
		path = dot + 1;
	}
	return json_object_del(object, path) == 0;
}

/* {"process.args":…}, and of an object each member: {"labels.site":…} */
static bool remove_dotted(json_t *root, const char *path)
{
	size_t length = strlen(path);
	bool removed = json_object_del(root, path) == 0;
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(root, next, key, value)
	{
		if (strncmp(key, path, length) == 0 && key[length] == '.')
			removed |= json_object_del(root, key) == 0;
	}
	return removed;
}

static bool remove_field(json_t *root, const char *path)
{
	return strchr(path, '.') && remove_nested(root, path) ? true : remove_dotted(root, path);
}

/* Where the names of removed fields are kept. */
static int add_list(json_t *root, json_t *list)
{
	json_t *netaudit = json_object_get(root, "netaudit");

	if (json_is_object(netaudit))
		return json_object_set(netaudit, "shrunk", list);
	return json_object_set(root, "netaudit.shrunk", list);
}

static int append(const json_t *root, size_t size, struct na_buffer *out)
{
	if (na_buffer_reserve(out, size) < 0)
		return -ENOMEM;
	if (json_dumpb(root, out->data + out->length, size, DUMP_FLAGS) != size)
		return -ENOMEM;
	out->length += size;
	return 0;
}

static int remove_until(json_t *root, json_t *list, size_t most, struct na_buffer *out)
{
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		size_t size;

		if (!remove_field(root, order[i]))
			continue;
		if (json_array_append_new(list, json_string(order[i])) < 0)
			return -ENOMEM;
		size = json_dumpb(root, NULL, 0, DUMP_FLAGS);
		if (!size)
			return -ENOMEM;
		if (size <= most)
			return append(root, size, out);
	}
	return -EMSGSIZE;
}

/* ------------------------------------------------------------------------------------------- */

int na_syslog_shrink(struct na_text body, size_t most, struct na_buffer *out)
{
	NA_CLEANUP(json_cleanup)
	json_t *root = json_loadb(body.data, body.length, JSON_ALLOW_NUL, NULL);
	NA_CLEANUP(json_cleanup) json_t *list = json_array();

	if (!json_is_object(root))
		return -EINVAL;
	if (!list || add_list(root, list) < 0)
		return -ENOMEM;
	return remove_until(root, list, most, out);
}
