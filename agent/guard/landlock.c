/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths by Landlock. glibc has no functions for it, and its headers may be older than the kernel:
 * what version 3 and later add is spelled out here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "guard/sandbox_internal.h"

#define ACCESS_TRUNCATE (UINT64_C(1) << 14)  /* version 3 */
#define ACCESS_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */

#define ACCESS_FILE                                                                                \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                              \
	 LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)
#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_WRITE                                                                               \
	(ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |               \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                            \
	 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REFER | ACCESS_TRUNCATE)

/* TLS, name services and their libraries; some of them exist on some systems only. */
static const struct na_sandbox_path system_paths[] = {
	{"/etc", NA_SANDBOX_READ},
	{"/usr", NA_SANDBOX_READ},
	{"/lib", NA_SANDBOX_READ},
	{"/lib64", NA_SANDBOX_READ},
	{"/run/systemd/resolve", NA_SANDBOX_READ}, /* where resolv.conf leads */
	{"/run/NetworkManager", NA_SANDBOX_READ},
	{"/run/resolvconf", NA_SANDBOX_READ},
	{"/var/lib/ca-certificates", NA_SANDBOX_READ},
	{"/sys/devices/system/cpu", NA_SANDBOX_READ},
	{"/proc/sys/crypto", NA_SANDBOX_READ},
	{"/dev/urandom", NA_SANDBOX_READ},
	{"/dev/random", NA_SANDBOX_READ},
	{"/dev/null", NA_SANDBOX_WRITE},
};

static uint64_t handled_by(long version)
{
	uint64_t handled = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (version >= 2)
		handled |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		handled |= ACCESS_TRUNCATE;
	if (version >= 5)
		handled |= ACCESS_IOCTL_DEV;
	return handled;
}

/* 0, -ENOENT, or another negative errno. */
static int add_path(int ruleset, const char *path, uint64_t access)
{
	NA_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
	struct stat status;

	if (fd < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.st_mode))
		rule.allowed_access &= ACCESS_FILE;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
		       ? -errno
		       : 0;
}

/* The path, or the nearest folder above it that is there. */
static int add_nearest(int ruleset, const char *path, uint64_t access)
{
	char above[PATH_MAX];
	size_t length = strlen(path);
	int error = -ENOENT;

	if (*path != '/' || length >= sizeof(above))
		return -EINVAL;
	memcpy(above, path, length + 1);
	while ((error = add_path(ruleset, above, access)) == -ENOENT && above[1]) {
		char *slash = strrchr(above, '/');

		slash[slash == above] = '\0';
	}
	return error;
}

static int add_all(int ruleset, uint64_t handled, const struct na_sandbox_path *paths, size_t count,
		   struct na_buffer *why)
{
	static const uint64_t access[] = {
		[NA_SANDBOX_READ] = ACCESS_READ, [NA_SANDBOX_WRITE] = ACCESS_WRITE};
	int error;

	for (size_t i = 0; i < sizeof(system_paths) / sizeof(*system_paths); i++) {
		const struct na_sandbox_path *path = &system_paths[i];

		error = add_path(ruleset, path->path, access[path->access] & handled);
		if (error && error != -ENOENT && error != -EACCES)
			return na_sandbox_refused(why, path->path, error);
	}
	for (size_t i = 0; i < count; i++) {
		error = add_nearest(ruleset, paths[i].path, access[paths[i].access] & handled);
		if (error)
			return na_sandbox_refused(why, paths[i].path, error);
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_landlock_enter(const struct na_sandbox_path *paths, size_t count, int *ret_version,
		      struct na_buffer *why)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	uint64_t handled = handled_by(version);
	struct landlock_ruleset_attr attributes = {.handled_access_fs = handled};
	NA_CLOSE int ruleset = -1;
	int error;

	if (version < 1) { /* ENOSYS, or switched off at boot */
		*ret_version = 0;
		return 0;
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes,
			       sizeof(attributes.handled_access_fs), 0);
	if (ruleset < 0)
		return na_sandbox_refused(why, "landlock", -errno);
	error = add_all(ruleset, handled, paths, count, why);
	if (error)
		return error;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return na_sandbox_refused(why, "landlock", -errno);
	*ret_version = (int)version;
	return 0;
}
