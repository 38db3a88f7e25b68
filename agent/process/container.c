/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container that a cgroup's path names. Docker, containerd, CRI-O, Podman and Kubernetes all
 * name a cgroup by the 64 hexadecimal digits of the id, alone or as <runtime>-<id>.scope, or
 * <slice>:<runtime>:<id>. Containers nest: the innermost is what the process runs in.
 */
#include "process/container.h"

#include <ctype.h>
#include <stdbool.h>

#define ID_LENGTH 64

static bool ends_with(struct na_text text, const char *suffix)
{
	size_t length = strlen(suffix);

	return text.length >= length &&
	       memcmp(text.data + text.length - length, suffix, length) == 0;
}

static bool is_id(const char *digits)
{
	for (size_t i = 0; i < ID_LENGTH; i++)
		if (!isdigit((unsigned char)digits[i]) && (digits[i] < 'a' || digits[i] > 'f'))
			return false;
	return true;
}

static struct na_text id_of_component(struct na_text component)
{
	struct na_text prefix;

	if (ends_with(component, ".scope"))
		component.length -= strlen(".scope");
	if (component.length < ID_LENGTH)
		return (struct na_text){0};
	prefix = (struct na_text){component.data, component.length - ID_LENGTH};
	if (prefix.length && !ends_with(prefix, "-") && !ends_with(prefix, ":"))
		return (struct na_text){0};
	/* libpod-conmon-, crio-conmon-: the monitor, which runs outside of its container */
	if (ends_with(prefix, "conmon-") || !is_id(component.data + prefix.length))
		return (struct na_text){0};
	return (struct na_text){component.data + prefix.length, ID_LENGTH};
}

/* ------------------------------------------------------------------------------------------- */

struct na_text na_container_id(struct na_text cgroup_path)
{
	while (cgroup_path.length >= ID_LENGTH) {
		const char *slash = memrchr(cgroup_path.data, '/', cgroup_path.length);
		size_t before = slash ? (size_t)(slash - cgroup_path.data) : 0;
		size_t start = slash ? before + 1 : 0;
		struct na_text id = id_of_component(
			(struct na_text){cgroup_path.data + start, cgroup_path.length - start});

		if (id.length)
			return id;
		cgroup_path.length = before;
	}
	return (struct na_text){0};
}
