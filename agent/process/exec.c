/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from an EXEC record: checks every length, turns leaf-first components into paths. */
#include "process/exec.h"

#include <errno.h>
#include <string.h>

/*
 * A program stops a path when its next component may not fit (bpf/process.h: COMPONENT_MAX below
 * EXECUTABLE_MAX, DIRECTORY_MAX, CGROUP_MAX), and says for the whole record only that something was
 * cut. A text longer than this, in a record with the flag, may be the one.
 */
#define CUT_PATH_MIN (2048 - 256)
#define CUT_CGROUP_MIN (1024 - 256)

/* A path grows by one when its last component has no NUL; the arguments likewise. */
_Static_assert(NA_RECORD_SIZE_MAX + 4 <= NA_ARENA_SIZE, "a record's texts do not fit");

static const char *component_start(const char *texts, const char *end)
{
	const char *before = memrchr(texts, '\0', (size_t)(end - texts));

	return before ? before + 1 : texts;
}

/* "ls\0bin\0usr\0" becomes "/usr/bin/ls". Nothing at all is the root. */
static int decode_path(const char *texts, size_t length, bool cut, struct na_arena *arena,
		       struct na_text *ret_path)
{
	char *path = arena->bytes + arena->used, *at = path;
	const char *end = texts + length;

	if (length && end[-1] == '\0')
		end--;
	while (length) {
		const char *start = component_start(texts, end);

		if (start == end)
			return -EBADMSG;
		*at++ = '/';
		at = mempcpy(at, start, (size_t)(end - start));
		if (start == texts)
			break;
		end = start - 1;
	}
	if (at == path)
		*at++ = '/';
	arena->used += (size_t)(at - path);
	*ret_path = (struct na_text){path + cut, (size_t)(at - path) - cut};
	return 0;
}

static void decode_arguments(const struct na_record_exec *record, const char *texts,
			     struct na_arena *arena, struct na_facts *facts)
{
	char *copy = arena->bytes + arena->used;
	size_t length = record->arguments_length;

	memcpy(copy, texts, length);
	if (length && copy[length - 1] != '\0')
		copy[length++] = '\0';
	arena->used += length;
	facts->arguments = (struct na_text){copy, length};
	facts->arguments_known = true;
	facts->arguments_cut = record->arguments_total > record->arguments_length;
}

static int decode_texts(const struct na_record_exec *record, struct na_arena *arena,
			struct na_facts *facts)
{
	const char *executable = (const char *)(record + 1);
	const char *directory = executable + record->executable_length;
	const char *arguments = directory + record->directory_length;
	const char *cgroup = arguments + record->arguments_length;
	bool cut = record->flags & NA_FLAG_TRUNCATED;
	int error;

	/* No executable: the program could not read it (memfd); it is not the root. */
	if (record->executable_length) {
		error = decode_path(executable, record->executable_length,
				    cut && record->executable_length > CUT_PATH_MIN, arena,
				    &facts->executable);
		if (error < 0)
			return error;
	}
	error = decode_path(directory, record->directory_length,
			    cut && record->directory_length > CUT_PATH_MIN, arena,
			    &facts->directory);
	if (error < 0)
		return error;
	decode_arguments(record, arguments, arena, facts);
	return decode_path(cgroup, record->cgroup_length,
			   cut && record->cgroup_length > CUT_CGROUP_MIN, arena,
			   &facts->cgroup_path);
}

static void decode_numbers(const struct na_record_exec *record, struct na_facts *facts)
{
	facts->start_ns = record->header.start_ns;
	facts->parent_start_ns = record->parent_start_ns;
	facts->cgroup = record->cgroup;
	facts->capabilities = record->capabilities;
	facts->capabilities_known = true;
	facts->ids_known = true;
	facts->parent_pid = record->parent_pid;
	facts->namespace_pid = record->namespace_pid;
	facts->uid = record->uid;
	facts->euid = record->euid;
	facts->gid = record->gid;
	facts->login_uid = record->login_uid;
	facts->session = record->session;
	facts->pid_namespace = record->pid_namespace;
	facts->net_namespace = record->net_namespace;
	facts->mount_namespace = record->mount_namespace;
	facts->user_namespace = record->user_namespace;
}

static bool lengths_fit(const struct na_record_exec *record)
{
	size_t texts = (size_t)record->executable_length + record->directory_length +
		       record->arguments_length + record->cgroup_length;

	return record->header.size <= NA_RECORD_SIZE_MAX &&
	       sizeof(*record) + texts <= record->header.size;
}

/* ------------------------------------------------------------------------------------------- */

int na_exec_decode(const struct na_record_exec *record, struct na_arena *arena,
		   struct na_facts *ret_facts)
{
	struct na_facts facts = {0};
	int error;

	if (record->header.size < sizeof(*record) || !record->header.pid ||
	    !record->header.start_ns || !lengths_fit(record))
		return -EBADMSG;
	na_arena_clear(arena);
	error = decode_texts(record, arena, &facts);
	if (error < 0)
		return error;
	decode_numbers(record, &facts);
	facts.comm = (struct na_text){(const char *)record->comm,
				      strnlen((const char *)record->comm, sizeof(record->comm))};
	*ret_facts = facts;
	return 0;
}
