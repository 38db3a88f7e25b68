/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether programs of tracepoints can be preempted on this kernel, which they say themselves: the agent
 * attaches this for a moment. At the exit of a call nothing else disables preemption.
 *
 * An object of its own, because it may be refused: of a variable that the kernel has not, libbpf looks
 * into the types of its modules too, which takes more rights than anything else here.
 */
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__u32 possible;
} preemption SEC(".data.preemption");

#if defined(__TARGET_ARCH_x86)

extern const int __preempt_count __ksym; /* from 6.15: older kernels do not preempt here */

#define NO_NEED_TO_RESCHEDULE 0x80000000

static __always_inline __u32 preempt_count(void)
{
	return *(int *)bpf_this_cpu_ptr(&__preempt_count) & ~NO_NEED_TO_RESCHEDULE;
}

#elif defined(__TARGET_ARCH_arm64)

static __always_inline __u32 preempt_count(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, thread_info.preempt_count); /* its other half: whether to reschedule */
}

#endif

SEC("tp_btf/sys_exit")
int tp__preemption(void *ctx)
{
	preemption.possible = !preempt_count();
	return 0;
}
