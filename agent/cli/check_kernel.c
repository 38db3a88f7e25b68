/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `netaudit check --kernel`: the first thing in a bug report. One line for each thing that capture
 * needs; nothing stays attached.
 */
#include "cli/check_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "capture/cgroup_root.h"
#include "capture/kernel_btf.h"
#include "capture/pin.h"
#include "capture/preflight.h"
#include "capture/securityfs.h"
#include "capture/tier.h"
#include "cli/capture_options.h"
#include "cli/command.h"

#define UNPRIVILEGED_BPF "/proc/sys/kernel/unprivileged_bpf_disabled"
#define RINGS_MAX 16 /* agent/capture: of lifecycle records; one more for messages */
#define MIB (1024.0 * 1024.0)
#define WITHOUT_TYPES                                                                              \
	"; the kernel has none: no snapshot, no tier with trampolines, datagrams by system call"

/* What keeps capture from running at all: an enum na_exit, the first that was found, and what it
 * is. */
struct report {
	struct na_buffer out;
	int result;
	const char *cause;
};

static void begin(struct report *report, const char *subject)
{
	na_buffer_printf(&report->out, "%-13s", subject);
}

static void end(struct report *report)
{
	na_buffer_append_char(&report->out, '\n');
}

static void forbids(struct report *report, int result, const char *cause)
{
	if (report->result != NA_EXIT_DONE)
		return;
	report->result = result;
	report->cause = cause;
}

static void report_kernel(struct report *report)
{
	struct utsname system;
	int skips;

	uname(&system);
	begin(report, "kernel");
	na_buffer_printf(&report->out, "%s %s, %d CPUs, netaudit %s", system.release,
			 system.machine, get_nprocs_conf(), NA_VERSION);
	skips = na_tier_counts_skips();
	if (skips >= 0)
		na_buffer_printf(&report->out, "; programs that it skips are %s",
				 skips ? "counted" : "not counted: that is from 5.12");
	end(report);
}

static void report_btf(struct report *report, const char *given)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	char path[4096] = NA_KERNEL_BTF;
	struct stat status;
	int error = given ? na_kernel_btf_find(given, path, sizeof(path), &why) : 0;

	begin(report, "types (BTF)");
	if (!error)
		error = na_preflight_btf(given ? path : NULL, &why);
	if (!error && stat(path, &status) == 0)
		na_buffer_printf(&report->out, "%s, %.1f MiB%s", path, (double)status.st_size / MIB,
				 na_kernel_btf_exists() ? "" : WITHOUT_TYPES);
	else if (!error)
		na_buffer_append_string(&report->out, "yes, not in " NA_KERNEL_BTF);
	else
		na_buffer_printf(&report->out, "no: %.*s", (int)why.length, why.data);
	if (error)
		forbids(report, NA_EXIT_UNAVAILABLE, "no types");
	end(report);
}

static void report_security(struct report *report)
{
	char lockdown[128], list[512];
	int error = na_securityfs_read("lockdown", lockdown, sizeof(lockdown));

	begin(report, "lockdown");
	if (error == -ENOENT)
		na_buffer_append_string(&report->out, "not in this kernel");
	else if (error)
		na_buffer_printf(&report->out, "cannot be read: %s", strerrordesc_np(-error));
	else
		na_buffer_append_string(&report->out, lockdown);
	if (!error && strstr(lockdown, "[confidentiality]")) {
		na_buffer_append_string(&report->out, ": no program may read kernel memory");
		forbids(report, NA_EXIT_UNAVAILABLE, "lockdown");
	}
	if (na_securityfs_read("lsm", list, sizeof(list)) == 0)
		na_buffer_printf(&report->out, "; lsm %s", list);
	end(report);
}

static void report_capabilities(struct report *report)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};

	begin(report, "capabilities");
	if (na_preflight_capabilities(&why) == 0) {
		na_buffer_append_string(&report->out, "all that capture needs");
	} else {
		na_buffer_append(&report->out, why.data, why.length);
		forbids(report, NA_EXIT_NOT_PERMITTED, "capabilities");
	}
	end(report);
}

static const char *unprivileged_bpf(void)
{
	NA_FCLOSE FILE *file = fopen(UNPRIVILEGED_BPF, "re");
	int value;

	if (!file || fscanf(file, "%d", &value) != 1)
		return "unknown";
	return value ? "off, as it should be" : "on: any user may load some programs";
}

/* Before 5.11 programs and maps count as locked memory; libbpf raises the limit where it may. */
static void report_limits(struct report *report)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit limit = {0};
	bool raised;

	begin(report, "limits");
	getrlimit(RLIMIT_MEMLOCK, &limit);
	raised = setrlimit(RLIMIT_MEMLOCK, &none) == 0;
	if (limit.rlim_cur == RLIM_INFINITY)
		na_buffer_append_string(&report->out, "locked memory unlimited");
	else
		na_buffer_printf(&report->out, "locked memory %.1f MiB, %s",
				 (double)limit.rlim_cur / MIB,
				 raised ? "raised where that counts"
					: "which counts before 5.11: needs CAP_SYS_RESOURCE");
	na_buffer_printf(&report->out, "; bpf for unprivileged users %s", unprivileged_bpf());
	end(report);
}

static double available_mib(void)
{
	NA_FCLOSE FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %lu kB", &kib) == 1)
			break;
	return (double)kib / 1024;
}

static const char *over_a_restart(void)
{
	if (!na_pins_are_possible(NA_PIN_BPFFS))
		return "not kept over a restart: no bpffs at " NA_PIN_BPFFS;
	if (na_tier_kprobes_have_links() == 0)
		return "kept over a restart, with kprobes (before 5.15) where the service manager "
		       "keeps them: FileDescriptorStoreMax=";
	return "kept over a restart";
}

static void report_rings(struct report *report, const struct na_config *config)
{
	size_t rings = config->capture_rings ? config->capture_rings : (size_t)get_nprocs_conf();
	double size = (double)config->capture_ring_size / MIB;

	rings = (rings > RINGS_MAX ? RINGS_MAX : rings) + 1;
	begin(report, "rings");
	na_buffer_printf(&report->out, "%zu of %.1f MiB take %.0f MiB, %.0f MiB are available",
			 rings, size, size * (double)rings, available_mib());
	na_buffer_append_string(&report->out, "; ");
	na_buffer_append_string(&report->out, over_a_restart());
	end(report);
}

/* Where the root of cgroup2 is; a private mount is gone from the tree and has no name. */
static void append_cgroup_root(struct report *report)
{
	NA_CLOSE int fd = na_cgroup_root_open();
	char link[64], path[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	if (length > 1 && access(path, F_OK) == 0)
		na_buffer_printf(&report->out, ", cgroup2 at %s", path);
	else
		na_buffer_append_string(&report->out, ", cgroup2 is mounted privately");
}

/* What a tier costs calls that have nothing to do with sockets, and what it sees of seccomp. */
static const char *remark(enum na_tier tier)
{
	if (tier == NA_TIER_CGROUP || tier == NA_TIER_KPROBE)
		return "every system call pays a little, refusals by seccomp are seen";
	return "other system calls pay nothing, refusals by seccomp need capture.seccomp";
}

static void append_tier(struct report *report, enum na_tier tier)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error;

	if (report->result != NA_EXIT_DONE) {
		na_buffer_printf(&report->out, "no: see %s", report->cause);
		return;
	}
	error = na_tier_probe(tier, &why);
	if (error) {
		na_buffer_printf(&report->out, "no: %.*s", (int)why.length,
				 why.length ? why.data : "");
		if (tier == NA_TIER_CGROUP)
			forbids(report, (int)na_cli_capture_exit(error), "cgroup");
		return;
	}
	na_buffer_printf(&report->out, "yes: %s", remark(tier));
	if (tier == NA_TIER_CGROUP)
		append_cgroup_root(report);
}

static void report_tier(struct report *report, enum na_tier tier)
{
	begin(report, tier == NA_TIER_CGROUP ? "tiers" : "");
	na_buffer_printf(&report->out, "%-7s", na_tier_name(tier));
	append_tier(report, tier);
	end(report);
}

/* ------------------------------------------------------------------------------------------- */

int na_cli_check_kernel(const struct na_config *config, const char *btf)
{
	struct report report = {.result = NA_EXIT_DONE};
	int printed;

	libbpf_set_print(NULL); /* the lines say it */
	report_kernel(&report);
	report_btf(&report, btf);
	report_security(&report);
	report_capabilities(&report);
	report_limits(&report);
	report_rings(&report, config);
	for (int tier = NA_TIER_CGROUP; tier < NA_TIER_COUNT; tier++)
		report_tier(&report, (enum na_tier)tier);
	printed = na_buffer_error(&report.out) ? na_command_out_of_memory()
					       : na_command_print(&report.out);
	na_buffer_done(&report.out);
	return printed == NA_EXIT_DONE ? report.result : printed;
}
