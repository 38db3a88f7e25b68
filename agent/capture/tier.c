/* SPDX-License-Identifier: Apache-2.0 */
/* Found by trying: a program that returns 0 is loaded and attached the way the tier's would be. */
#include "capture/tier.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>

#include "base/cleanup.h"
#include "capture/cgroup_root.h"
#include "capture/securityfs.h"

#define HOOK "socket_connect"
#define FUNCTION "security_" HOOK
#define NO_CGROUP_ROOT "there is no cgroup2 hierarchy and none can be mounted: "
#define KPROBE_TYPE "/sys/bus/event_source/devices/kprobe/type"

static const char *const names[NA_TIER_COUNT] = {"auto", "cgroup", "fexit", "lsm", "kprobe"};

static int load(enum bpf_prog_type type, enum bpf_attach_type attach, int btf_id)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach,
		    .attach_btf_id = (uint32_t)btf_id);
	int fd = bpf_prog_load(type, "na_probe", "GPL", code, sizeof(code) / sizeof(*code),
			       &options);

	return fd < 0 ? -errno : fd;
}

static int probe_btf(enum bpf_prog_type type, enum bpf_attach_type attach, const char *function)
{
	int btf_id = libbpf_find_vmlinux_btf_id(function, attach);
	NA_CLOSE int program = -1;
	NA_CLOSE int link = -1;

	if (btf_id < 0)
		return btf_id;
	program = load(type, attach, btf_id);
	if (program < 0)
		return program;
	link = bpf_raw_tracepoint_open(NULL, program);
	return link < 0 ? -errno : 0;
}

/* Attaching works without it, but nothing would ever call the program. */
static int check_lsm_list(struct na_buffer *why)
{
	char text[512], padded[sizeof(text) + 2];

	if (na_securityfs_read("lsm", text, sizeof(text)) < 0)
		return 0;
	snprintf(padded, sizeof(padded), ",%s,", text);
	if (strstr(padded, ",bpf,"))
		return 0;
	na_buffer_printf(why, "bpf is not among the active LSMs (%s): add it to lsm= at boot",
			 text);
	return -EOPNOTSUPP;
}

static int probe_kprobe(void)
{
	NA_FCLOSE FILE *file = fopen(KPROBE_TYPE, "re");
	struct perf_event_attr attribute = {
		.size = sizeof(attribute),
		.kprobe_func = (uint64_t)(uintptr_t)FUNCTION,
	};
	NA_CLOSE int fd = -1;

	if (!file || fscanf(file, "%u", &attribute.type) != 1)
		return -ENOENT;
	fd = (int)syscall(SYS_perf_event_open, &attribute, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

static int probe_cgroup(void)
{
	NA_CLOSE int root = na_cgroup_root_open();

	return root < 0 ? root : 0;
}

/* The kernel's own, for what it was built without; it is not meant to leave it, and has no text. */
#define ENOTSUPP 524

static void explain(enum na_tier tier, int error, struct na_buffer *why)
{
	char lockdown[128];
	bool locked = na_securityfs_read("lockdown", lockdown, sizeof(lockdown)) == 0 &&
		      !strstr(lockdown, "[none]");

	if (tier == NA_TIER_CGROUP)
		na_buffer_printf(why, NO_CGROUP_ROOT "%s", strerrordesc_np(-error));
	else if (tier == NA_TIER_KPROBE && error == -ENOENT)
		na_buffer_append_string(why, "the kernel was built without kprobes");
	else if (tier != NA_TIER_KPROBE && (error == -ESRCH || error == -ENOENT))
		na_buffer_append_string(why, "the kernel has no BTF of " FUNCTION);
	else if (error == -EPERM && locked)
		na_buffer_printf(why, "the kernel is locked down and refuses it (lockdown: %s)",
				 lockdown);
	else if (error == -ENOTSUPP)
		na_buffer_append_string(why, "the kernel has no trampolines for programs on this "
					     "architecture (arm64: before 6.4)");
	else
		na_buffer_printf(why, "the kernel refuses it: %s", strerrordesc_np(-error));
}

/* ------------------------------------------------------------------------------------------- */

const char *na_tier_name(enum na_tier tier)
{
	return names[tier];
}

int na_tier_probe(enum na_tier tier, struct na_buffer *why)
{
	int error = 0;

	switch (tier) {
	case NA_TIER_CGROUP:
		error = probe_cgroup();
		break;
	case NA_TIER_FEXIT:
		error = probe_btf(BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, FUNCTION);
		break;
	case NA_TIER_LSM:
		error = probe_btf(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, HOOK);
		if (!error)
			return check_lsm_list(why);
		break;
	case NA_TIER_KPROBE:
		error = probe_kprobe();
		break;
	default:
		assert(!"a tier to probe");
	}
	if (error < 0)
		explain(tier, error, why);
	return error;
}

int na_tier_refuse(enum na_tier tier, const char *reason, struct na_buffer *why)
{
	na_buffer_printf(why, "capture.attach is %s, but %s; capture.attach: auto takes what works",
			 names[tier], reason);
	return -EOPNOTSUPP;
}

int na_tier_check(enum na_tier tier, struct na_buffer *why)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer reason = {0};

	if (tier == NA_TIER_AUTO || tier == NA_TIER_CGROUP || na_tier_probe(tier, &reason) == 0)
		return 0;
	na_buffer_append_char(&reason, '\0');
	return na_tier_refuse(tier, reason.data ? reason.data : "no memory", why);
}

int na_tier_counts_skips(void)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	NA_CLOSE int program = load(BPF_PROG_TYPE_SOCKET_FILTER, 0, 0);

	if (program < 0)
		return program;
	if (bpf_obj_get_info_by_fd(program, &info, &size) < 0)
		return -errno;
	return size > offsetof(struct bpf_prog_info, recursion_misses);
}

/* A kernel that has them looks at the perf event first, of which there is none. */
int na_tier_kprobes_have_links(void)
{
	NA_CLOSE int program = load(BPF_PROG_TYPE_KPROBE, 0, 0);
	NA_CLOSE int link = -1;

	if (program < 0)
		return program;
	link = bpf_link_create(program, -1, BPF_PERF_EVENT, NULL);
	return link < 0 && errno == EBADF;
}
