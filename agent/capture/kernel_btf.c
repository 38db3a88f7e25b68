/* SPDX-License-Identifier: Apache-2.0 */
/* BTF of the kernel, of a file or of a tree of them. */
#include "capture/kernel_btf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "base/cleanup.h"

#define OS_RELEASE "/etc/os-release"

/* Structs that programs read, and that grow and shrink from one kernel to the next. */
static const char *const structs[] = {"task_struct", "sock", "socket", "file", "tcp_sock", "cred"};

/* KEY=value or KEY="value" of os-release; "" when it is not there. */
static void read_os_release(const char *key, char *value, size_t size)
{
	NA_FCLOSE FILE *file = fopen(OS_RELEASE, "re");
	size_t length = strlen(key);
	char line[512];

	value[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		const char *text = line + length + 1;

		if (strncmp(line, key, length) != 0 || line[length] != '=')
			continue;
		text += *text == '"';
		snprintf(value, size, "%.*s", (int)strcspn(text, "\"\n"), text);
		return;
	}
}

/* BTFHub says x86_64 and arm64. */
static const char *machine_name(const struct utsname *system)
{
	return strcmp(system->machine, "aarch64") == 0 ? "arm64" : system->machine;
}

static struct btf *parse(const char *path, struct na_buffer *why)
{
	struct btf *btf = btf__parse(path, NULL);

	if (!btf)
		na_buffer_printf(why, "%s holds no BTF", path);
	return btf;
}

static int compare(const struct btf *theirs, const struct btf *ours, const char *path,
		   struct na_buffer *why)
{
	for (size_t i = 0; i < sizeof(structs) / sizeof(*structs); i++) {
		int id = btf__find_by_name_kind(theirs, structs[i], BTF_KIND_STRUCT);
		int own = btf__find_by_name_kind(ours, structs[i], BTF_KIND_STRUCT);
		long long size = id < 0 ? -1 : btf__resolve_size(theirs, (__u32)id);
		long long own_size = own < 0 ? -1 : btf__resolve_size(ours, (__u32)own);

		if (size == own_size)
			continue;
		na_buffer_printf(why,
				 "%s is of another kernel: struct %s has %lld bytes there, and "
				 "%lld in the kernel that runs",
				 path, structs[i], size, own_size);
		return -EINVAL;
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

/* Where it is not in its usual place libbpf looks in others. */
bool na_kernel_btf_exists(void)
{
	struct btf *btf;

	if (access(NA_KERNEL_BTF, R_OK) == 0)
		return true;
	btf = btf__load_vmlinux_btf();
	btf__free(btf);
	return btf;
}

int na_kernel_btf_find(const char *given, char *ret_path, size_t size, struct na_buffer *why)
{
	char distribution[64], version[64], path[4096];
	struct utsname system;
	struct stat status;

	if (stat(given, &status) < 0) {
		na_buffer_printf(why, "%s: %s", given, strerrordesc_np(errno));
		return -errno;
	}
	if (!S_ISDIR(status.st_mode)) {
		snprintf(ret_path, size, "%s", given);
		return 0;
	}
	uname(&system);
	read_os_release("ID", distribution, sizeof(distribution));
	read_os_release("VERSION_ID", version, sizeof(version));
	snprintf(path, sizeof(path), "%s/%s/%s/%s/%s.btf", given, distribution, version,
		 machine_name(&system), system.release);
	if (access(path, R_OK) < 0) {
		na_buffer_printf(why, "no BTF for this kernel in %s: %s: %s", given, path,
				 strerrordesc_np(errno));
		return -ENOENT;
	}
	snprintf(ret_path, size, "%s", path);
	return 0;
}

int na_kernel_btf_check(const char *path, struct na_buffer *why)
{
	struct btf *theirs = parse(path, why), *ours;
	int result = 0;

	if (!theirs)
		return -EINVAL;
	ours = access(NA_KERNEL_BTF, R_OK) == 0 ? btf__parse(NA_KERNEL_BTF, NULL) : NULL;
	if (btf__find_by_name_kind(theirs, structs[0], BTF_KIND_STRUCT) < 0) {
		na_buffer_printf(why, "%s is BTF, but not of a kernel: it has no struct %s", path,
				 structs[0]);
		result = -EINVAL;
	} else if (ours) {
		result = compare(theirs, ours, path, why);
	}
	btf__free(ours);
	btf__free(theirs);
	return result;
}
