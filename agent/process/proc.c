/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts from /proc. All files of a process are opened below a descriptor of its folder, which never
 * comes to mean another process. The start time is read first and last, so that what ended in
 * between is noticed. An exec in between leaves a mixture, which lasts until its record comes.
 */
#include "process/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define ARGUMENTS_MAX 8192 /* as the kernel program takes */
#define PATH_SIZE 4096
#define STATUS_SIZE 16384 /* Groups: may be long */
#define STAT_SIZE 1024
#define NUMBER_SIZE 32

#define FIELD_PARENT 4
#define FIELD_THREADS 20
#define FIELD_START 22

/* An empty text when there is nothing to read, or it may not be read. Ended by NUL. */
static struct na_text read_file(int folder, const char *name, char *bytes, size_t size)
{
	NA_CLOSE int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	size_t length = 0;

	while (fd >= 0 && length < size - 1) {
		ssize_t got = read(fd, bytes + length, size - 1 - length);

		if (got <= 0 && !(got < 0 && errno == EINTR))
			break;
		length += got > 0 ? (size_t)got : 0;
	}
	bytes[length] = '\0';
	return (struct na_text){bytes, length};
}

static struct na_text read_link(int folder, const char *name, char *bytes, size_t size)
{
	ssize_t length = readlinkat(folder, name, bytes, size - 1);

	if (length < 0)
		length = 0;
	bytes[length] = '\0';
	return (struct na_text){bytes, (size_t)length};
}

static char *arena_rest(struct na_arena *arena)
{
	return arena->bytes + arena->used;
}

static struct na_text keep(struct na_arena *arena, struct na_text text)
{
	arena->used += text.length + 1;
	return text;
}

/* "pid (comm) S parent …": comm may hold anything, so fields are counted from the last ')'. */
static bool stat_field(struct na_text stat, unsigned int index, uint64_t *ret_value)
{
	const char *at = memrchr(stat.data, ')', stat.length);

	for (unsigned int field = 2; at && field < index; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	*ret_value = strtoull(at + 1, NULL, 10);
	return true;
}

static bool is_zombie(struct na_text stat)
{
	const char *at = memrchr(stat.data, ')', stat.length);
	uint64_t threads;

	/* The first thread alone may have ended: then others are counted. */
	return at && at[1] == ' ' && (at[2] == 'Z' || at[2] == 'X') &&
	       stat_field(stat, FIELD_THREADS, &threads) && threads <= 1;
}

static struct na_text comm_of_stat(struct na_text stat, struct na_arena *arena)
{
	const char *open = memchr(stat.data, '(', stat.length);
	const char *close = memrchr(stat.data, ')', stat.length);
	char *copy = arena_rest(arena);

	if (!open || !close || close < open)
		return (struct na_text){0};
	memcpy(copy, open + 1, (size_t)(close - open - 1));
	return keep(arena, (struct na_text){copy, (size_t)(close - open - 1)});
}

static int read_start(int folder, struct na_arena *arena, struct na_facts *facts)
{
	char bytes[STAT_SIZE];
	struct na_text stat = read_file(folder, "stat", bytes, sizeof(bytes));
	uint64_t ticks, parent;

	if (!stat_field(stat, FIELD_START, &ticks) || !stat_field(stat, FIELD_PARENT, &parent) ||
	    is_zombie(stat))
		return -ESRCH;
	facts->start_ns = ticks * NA_TICK_NS;
	facts->parent_pid = (uint32_t)parent;
	facts->comm = comm_of_stat(stat, arena);
	return 0;
}

/* What is behind "\n<name>:\t"; a name in a process's own text cannot come here, \n is escaped. */
static const char *status_line(struct na_text status, const char *name)
{
	const char *line = strstr(status.data, name);

	return line ? line + strlen(name) : NULL;
}

static void read_status(int folder, struct na_arena *arena, struct na_facts *facts)
{
	char *bytes = arena_rest(arena); /* not kept */
	struct na_text status = read_file(folder, "status", bytes, STATUS_SIZE);
	const char *uid = status_line(status, "\nUid:\t");
	const char *gid = status_line(status, "\nGid:\t");
	const char *capabilities = status_line(status, "\nCapEff:\t");
	const char *pids = status_line(status, "\nNSpid:\t");

	facts->ids_known = uid && gid &&
			   sscanf(uid, "%" SCNu32 " %" SCNu32, &facts->uid, &facts->euid) == 2 &&
			   sscanf(gid, "%" SCNu32, &facts->gid) == 1;
	facts->capabilities_known =
		capabilities && sscanf(capabilities, "%" SCNx64, &facts->capabilities) == 1;
	if (!pids)
		return;
	/* One for each namespace from ours inwards; the last is the process's own. */
	for (const char *tab = pids - 1; tab && *tab == '\t'; tab = strpbrk(tab + 1, "\t\n"))
		facts->namespace_pid = (uint32_t)strtoul(tab + 1, NULL, 10);
}

/*
 * A title that a process wrote over its arguments leaves NULs behind it: those are no arguments.
 * But then it is not certain how many there are.
 */
static void read_arguments(int folder, struct na_arena *arena, struct na_facts *facts)
{
	struct na_text text = read_file(folder, "cmdline", arena_rest(arena), ARGUMENTS_MAX + 2);
	size_t length = text.length < ARGUMENTS_MAX ? text.length : ARGUMENTS_MAX;

	while (length && text.data[length - 1] == '\0')
		length--;
	if (!length)
		return;
	arena_rest(arena)[length++] = '\0';
	facts->arguments_known = true;
	facts->arguments_cut = text.length > ARGUMENTS_MAX || text.length > length;
	facts->arguments = keep(arena, (struct na_text){text.data, length});
}

/* The kernel's mark on what is no longer in its folder. */
static struct na_text without_deleted(struct na_text path)
{
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1;

	if (path.length > tail && memcmp(path.data + path.length - tail, deleted, tail) == 0)
		path.length -= tail;
	return path;
}

static struct na_text read_path(int folder, const char *name, struct na_arena *arena)
{
	return without_deleted(keep(arena, read_link(folder, name, arena_rest(arena), PATH_SIZE)));
}

/* "0::/path" is the cgroup of version 2, also on hosts that have both versions. */
static void read_cgroup(int folder, struct na_arena *arena, struct na_facts *facts)
{
	struct na_text text = read_file(folder, "cgroup", arena_rest(arena), PATH_SIZE);

	for (const char *line = text.data; *line; line = strchrnul(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "0::", 3) != 0)
			continue;
		facts->cgroup_path =
			without_deleted((struct na_text){line + 3, strcspn(line + 3, "\n")});
		keep(arena, text);
		return;
	}
}

static uint32_t read_id(int folder, const char *name)
{
	char bytes[NUMBER_SIZE], *end;
	struct na_text text = read_file(folder, name, bytes, sizeof(bytes));
	unsigned long value = strtoul(text.data, &end, 10);

	return end == text.data ? NA_ID_UNSET : (uint32_t)value;
}

/* "net:[4026531840]" */
static uint32_t read_namespace(int folder, const char *name)
{
	char bytes[NUMBER_SIZE * 2];
	struct na_text text = read_link(folder, name, bytes, sizeof(bytes));
	const char *bracket = strchr(text.data, '[');

	return bracket ? (uint32_t)strtoul(bracket + 1, NULL, 10) : 0;
}

static void read_ids(int folder, struct na_facts *facts)
{
	facts->login_uid = read_id(folder, "loginuid");
	facts->session = read_id(folder, "sessionid");
	facts->pid_namespace = read_namespace(folder, "ns/pid");
	facts->net_namespace = read_namespace(folder, "ns/net");
	facts->mount_namespace = read_namespace(folder, "ns/mnt");
	facts->user_namespace = read_namespace(folder, "ns/user");
}

_Static_assert(STAT_SIZE + STATUS_SIZE < NA_ARENA_SIZE, "the status does not fit");
_Static_assert(2 * STAT_SIZE + 3 * (PATH_SIZE + 1) + ARGUMENTS_MAX + 3 < NA_ARENA_SIZE,
	       "the texts of a process do not fit");

/* ------------------------------------------------------------------------------------------- */

int na_proc_open(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int na_proc_read(int proc, uint32_t pid, struct na_arena *arena, struct na_facts *ret_facts)
{
	NA_CLOSE int folder = -1;
	struct na_facts facts = {0}, again = {0};
	char name[NUMBER_SIZE];

	snprintf(name, sizeof(name), "%" PRIu32, pid);
	folder = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	na_arena_clear(arena);
	if (read_start(folder, arena, &facts) < 0)
		return -ESRCH;
	read_status(folder, arena, &facts);
	read_arguments(folder, arena, &facts);
	facts.executable = read_path(folder, "exe", arena);
	facts.directory = read_path(folder, "cwd", arena);
	read_cgroup(folder, arena, &facts);
	read_ids(folder, &facts);
	if (read_start(folder, arena, &again) < 0 || again.start_ns != facts.start_ns)
		return -ESRCH;
	*ret_facts = facts;
	return 0;
}
