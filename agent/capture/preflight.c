/* SPDX-License-Identifier: Apache-2.0 */
/* Why the kernel would refuse everything. */
#include "capture/preflight.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "capture/kernel_btf.h"
#include "capture/securityfs.h"

static const struct {
	int number;
	const char *name, *use;
} needed[] = {
	{CAP_BPF, "CAP_BPF", "load programs"},
	{CAP_PERFMON, "CAP_PERFMON", "read kernel memory in them"},
	{CAP_NET_ADMIN, "CAP_NET_ADMIN", "attach them to cgroups"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "see which process has which socket"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "read /proc of other users"},
};

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static int check_capabilities(struct na_buffer *why)
{
	uint64_t have = effective_capabilities();
	int missing = 0;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (have >> needed[i].number & 1)
			continue;
		na_buffer_printf(why, "%s%s (to %s)", missing++ ? ", " : "missing ", needed[i].name,
				 needed[i].use);
	}
	if (missing)
		na_buffer_append_string(why, ": run as root, or give these capabilities");
	return missing ? -EPERM : 0;
}

static int check_lockdown(struct na_buffer *why)
{
	char text[128];

	if (na_securityfs_read("lockdown", text, sizeof(text)) < 0 ||
	    !strstr(text, "[confidentiality]"))
		return 0;
	na_buffer_append_string(
		why,
		"the kernel is locked down for confidentiality (/sys/kernel/security/lockdown): "
		"no program may read kernel memory, so no connection can be seen; boot with "
		"lockdown=integrity or none");
	return -EOPNOTSUPP;
}

/* ------------------------------------------------------------------------------------------- */

int na_preflight_capabilities(struct na_buffer *why)
{
	return check_capabilities(why);
}

int na_preflight_btf(const char *btf, struct na_buffer *why)
{
	int error = btf ? na_kernel_btf_check(btf, why) : 0;

	if (btf && !error)
		error = na_kernel_btf_try(btf, why);
	if (error || btf || na_kernel_btf_exists())
		return error;
	na_buffer_append_string(
		why, NA_KERNEL_BTF
		" is missing: this kernel was built without BTF (CONFIG_DEBUG_INFO_BTF), or /sys "
		"is not mounted; with its types in a file (--btf, from BTFHub) the tiers kprobe "
		"and cgroup work");
	return -EOPNOTSUPP;
}

void na_preflight_explain_limit(struct na_buffer *why)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return;
	na_buffer_printf(why,
			 "; before 5.11 programs count as locked memory, whose limit is %llu KiB: "
			 "raise it (ulimit -l), or give CAP_SYS_RESOURCE",
			 (unsigned long long)limit.rlim_cur / 1024);
}

int na_preflight(const char *btf, struct na_buffer *why)
{
	int result = check_capabilities(why);

	if (!result)
		result = check_lockdown(why);
	if (!result)
		result = na_preflight_btf(btf, why);
	return result;
}
