/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities by role. What capture needs once its programs are attached was found by trying, on
 * 6.18 with unprivileged_bpf_disabled=2: looking up and updating maps, BPF_OBJ_GET_INFO_BY_FD,
 * iterators (link, create, read), attaching a loaded program to a cgroup again and detaching work
 * with none; making a map or loading a program does not, and need not.
 */
#include "guard/capabilities.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define GROUPS_MAX 256

/* A row's capability is kept for its role; the comment says what fails without it. */
static const struct {
	enum na_capabilities_role role;
	unsigned int capability;
} rows[] = {
	/* /proc/PID/{exe,cwd,environ,ns} of those that have more capabilities, or another user */
	{NA_CAPABILITIES_CAPTURE, CAP_SYS_PTRACE},
	/* files that only their owner may read: executables, and the configuration at a reload */
	{NA_CAPABILITIES_CAPTURE, CAP_DAC_READ_SEARCH},
	/* locking the journal's tail in memory, above RLIMIT_MEMLOCK */
	{NA_CAPABILITIES_CAPTURE, CAP_IPC_LOCK},
	{NA_CAPABILITIES_HELPER, CAP_SETUID},
	{NA_CAPABILITIES_HELPER, CAP_SETGID},
	{NA_CAPABILITIES_HELPER, CAP_KILL},
	/* emptying the child's bounding set */
	{NA_CAPABILITIES_HELPER, CAP_SETPCAP},
};

/*
 * Does it run code of ours? Workers of an io_uring that was closed (the self-test's) do not, and
 * end by themselves, perhaps right now.
 */
static bool is_ours(int tasks, const char *thread)
{
	char path[sizeof(((struct dirent *)NULL)->d_name) + 8], name[16] = "";
	NA_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "%s/comm", thread);
	fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, name, sizeof(name) - 1) < 0)
		return errno != ENOENT && errno != ESRCH;
	return strncmp(name, "iou-", 4) != 0;
}

static bool is_single_threaded(void)
{
	NA_CLOSEDIR DIR *tasks = opendir("/proc/self/task");
	struct dirent *thread;
	unsigned int count = 0;

	while (tasks && (thread = readdir(tasks)))
		count += thread->d_name[0] != '.' && is_ours(dirfd(tasks), thread->d_name);
	return count == 1; /* 0: there is no /proc to tell */
}

/*
 * Does bpf(2) with a descriptor need CAP_BPF? Before 5.19 it does where unprivileged_bpf_disabled
 * is set: the kernel looks at the right first, and at the (bad) descriptor then. libcap-ng of
 * Debian 12 knows CAP_BPF.
 */
static bool needs_bpf(void)
{
	union bpf_attr attributes = {.map_fd = (uint32_t)-1};

	return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attributes, sizeof(attributes)) < 0 &&
	       errno == EPERM;
}

static void append_name(struct na_buffer *kept, unsigned int capability)
{
	const char *name = capng_capability_to_name(capability);

	na_buffer_append_string(kept, kept->length ? ", CAP_" : "CAP_");
	for (; name && *name; name++)
		na_buffer_append_char(kept,
				      *name >= 'a' && *name <= 'z' ? (char)(*name - 32) : *name);
}

/* Applies the set of capabilities to the process: 0 or negative errno. */
static int apply(const bool *keep, capng_select_t which)
{
	capng_clear(CAPNG_SELECT_ALL);
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++)
		if (keep[i])
			capng_update(CAPNG_ADD,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, i);
	return capng_apply(which) < 0 ? -EPERM : 0;
}

static void choose(enum na_capabilities_role role, bool *keep)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].role == role &&
		    capng_have_capability(CAPNG_PERMITTED, rows[i].capability))
			keep[rows[i].capability] = true;
}

/* Tries without CAP_BPF in the effective set alone, which can be undone. */
static int choose_bpf(bool *keep)
{
	bool needed;

	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF))
		return 0;
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_BPF);
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_SYS_ADMIN); /* implies it */
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return -EPERM;
	needed = needs_bpf();
	keep[CAP_BPF] = needed;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_capabilities_keep(enum na_capabilities_role role, struct na_buffer *ret_kept)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer kept = {0};
	bool keep[CAP_LAST_CAP + 1] = {false}, can_bound;
	int error = 0;

	if (!is_single_threaded())
		return -EBUSY;
	if (capng_get_caps_process() < 0)
		return -EIO;
	can_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	choose(role, keep);
	if (role == NA_CAPABILITIES_CAPTURE)
		error = choose_bpf(keep);
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++)
		if (keep[i])
			append_name(&kept, i);
	if (!kept.length)
		na_buffer_append_string(&kept, "none");
	if (error || na_buffer_error(&kept))
		return error ? error : -ENOMEM;
	error = apply(keep, can_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
	if (!error && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		error = -errno;
	if (!error && ret_kept)
		na_buffer_append(ret_kept, kept.data, kept.length);
	return error;
}

int na_capabilities_join(uint32_t group)
{
	gid_t groups[GROUPS_MAX + 1];
	int count = getgroups(GROUPS_MAX, groups);

	if (count < 0)
		return -errno;
	groups[count] = group;
	return setgroups((size_t)count + 1, groups) < 0 ? -errno : 0;
}
