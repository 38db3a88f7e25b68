/* SPDX-License-Identifier: Apache-2.0 */
/* The shipping process's user, rights and limits. */
#include "guard/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard/capabilities.h"
#include "guard/sandbox_internal.h"

#define DESCRIPTORS_MAX 4096

/* The hard limit too, but never above what it was: raising it is not everybody's right. */
static int limit(int resource, rlim_t most)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
		return -errno;
	if (now.rlim_max > most)
		now.rlim_max = most;
	if (now.rlim_cur > now.rlim_max)
		now.rlim_cur = now.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &now) < 0 ? -errno : 0;
}

static bool is_self(const struct na_sandbox_identity *identity)
{
	uid_t real, effective, saved;
	gid_t group, effective_group, saved_group;

	getresuid(&real, &effective, &saved);
	getresgid(&group, &effective_group, &saved_group);
	return real == identity->uid && effective == identity->uid && saved == identity->uid &&
	       group == identity->gid && effective_group == identity->gid &&
	       saved_group == identity->gid;
}

/* The bounding set before the user: root's right to change it goes with root. */
static int change(const struct na_sandbox_identity *identity, struct na_buffer *why)
{
	if (setgroups(identity->group_count, identity->groups) < 0)
		return na_sandbox_refused(why, "setgroups", -errno);
	if (setresgid(identity->gid, identity->gid, identity->gid) < 0)
		return na_sandbox_refused(why, "setresgid", -errno);
	capng_clear(CAPNG_SELECT_BOUNDS);
	if (capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return na_sandbox_refused(why, "bounding set of capabilities", -EPERM);
	if (setresuid(identity->uid, identity->uid, identity->uid) < 0)
		return na_sandbox_refused(why, "setresuid", -errno);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_sandbox_refused(struct na_buffer *why, const char *step, int error)
{
	na_buffer_printf(why, "%s: %s", step, strerrordesc_np(-error));
	return error;
}

bool na_sandbox_find(const char *user, struct na_sandbox_identity *ret_identity)
{
	const struct passwd *entry = getpwnam(user);
	struct na_sandbox_identity found = {.uid = NA_SANDBOX_NOBODY, .gid = NA_SANDBOX_NOBODY};
	int count = NA_SANDBOX_GROUPS_MAX;

	_Static_assert(sizeof(gid_t) == sizeof(found.groups[0]), "groups are handed to libc");
	if (entry) {
		found.uid = entry->pw_uid;
		found.gid = entry->pw_gid;
		if (getgrouplist(user, entry->pw_gid, found.groups, &count) < 0)
			count = NA_SANDBOX_GROUPS_MAX; /* more than there is room for */
		found.group_count = (uint32_t)count;
	} else {
		found.groups[found.group_count++] = found.gid;
	}
	*ret_identity = found;
	return entry != NULL;
}

void na_sandbox_self(struct na_sandbox_identity *ret_identity)
{
	int count = getgroups(NA_SANDBOX_GROUPS_MAX, ret_identity->groups);

	ret_identity->uid = getuid();
	ret_identity->gid = getgid();
	ret_identity->group_count = count > 0 ? (uint32_t)count : 0;
}

int na_sandbox_shed(const struct na_sandbox_identity *identity, struct na_buffer *why)
{
	int error = 0;

	umask(S_IWGRP | S_IRWXO);
	if (limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_NOFILE, DESCRIPTORS_MAX) < 0)
		return na_sandbox_refused(why, "limits", -EPERM);
	if (capng_get_caps_process() < 0)
		return na_sandbox_refused(why, "capabilities", -EIO);
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID))
		error = change(identity, why);
	else if (!is_self(identity))
		error = na_sandbox_refused(why, "another user without CAP_SETUID", -EPERM);
	if (error)
		return error;
	error = na_capabilities_keep(NA_CAPABILITIES_NONE, NULL);
	return error ? na_sandbox_refused(why, "capabilities", error) : 0;
}

int na_sandbox_enter(const struct na_sandbox_path *paths, size_t count, int *ret_landlock,
		     struct na_buffer *why)
{
	int version, error;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return na_sandbox_refused(why, "PR_SET_DUMPABLE", -errno);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return na_sandbox_refused(why, "PR_SET_NO_NEW_PRIVS", -errno);
	error = na_landlock_enter(paths, count, &version, why);
	if (!error)
		error = na_seccomp_enter(why);
	if (!error)
		*ret_landlock = version;
	return error;
}
