/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether this kernel preempts itself, and with it programs of trampolines, which nothing else protects.
 * It may have been built so, or choose at boot. An object of its own, for only the tiers of trampolines
 * ask, and libbpf reads /proc/kallsyms for it.
 */
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__u32 known; /* 0: addresses are hidden (kernel.kptr_restrict), each reads as if it were not there */
	__u32 possible;
} preemption_mode SEC(".data.preemption");

extern const void schedule __ksym __weak;		 /* every kernel has it */
extern const void preempt_schedule __ksym __weak;	 /* CONFIG_PREEMPTION */
extern const void preempt_dynamic_mode __ksym __weak; /* CONFIG_PREEMPT_DYNAMIC: an int */

#define MODE_FULL 2 /* kernel/sched/core.c: none and voluntary are below, lazy is above (6.13) */

SEC("raw_tp/sys_exit")
int preemption__ask(void *ctx)
{
	int mode = MODE_FULL;

	if (&preempt_dynamic_mode)
		bpf_probe_read_kernel(&mode, sizeof(mode), &preempt_dynamic_mode);
	preemption_mode.known = !!&schedule;
	preemption_mode.possible = &preempt_schedule && mode >= MODE_FULL;
	return 0;
}
