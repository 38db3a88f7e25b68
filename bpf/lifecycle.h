/* SPDX-License-Identifier: GPL-2.0-only */
/* What security hooks tell of a socket's life, where the cgroup tier takes the exit of system calls. */
#ifndef NA_LIFECYCLE_H
#define NA_LIFECYCLE_H

#include "syscall.h"

#define CALL_URING_ENTER 426 /* on every architecture */

/* The kernel accepts in the call that submits, or in a worker of io_uring. Not known before 5.15. */
static __always_inline __u16 uring_flag(void)
{
	struct task_struct *task;
	struct pt_regs *regs;

	if (!CURRENT_IS_TRUSTED ||
	    !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return 0;
	task = (struct task_struct *)bpf_get_current_task_btf();
	if (task->flags & PF_IO_WORKER)
		return NA_FLAG_URING;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	return CALL_NUMBER(regs) == CALL_URING_ENTER ? NA_FLAG_URING : 0;
}

/*
 * sock_graft: the accepting process has the socket, and a file for it, which those that the kernel
 * accepts for itself have not. Subflows of an MPTCP connection are grafted to its struct socket too.
 * The name of an accepted unix socket is its listener's, and it has it by now. `trusted`: the verifier
 * knows both.
 */
static __always_inline int accepted__by_hook(struct sock *sk, struct socket *parent, __u8 program, bool trusted)
{
	if (!SOCK_READ(parent, file) || SOCK_READ(parent, sk) != sk)
		return 0;
	if (SOCK_READ(sk, __sk_common.skc_family) == AF_UNIX && BPF_CORE_READ((struct unix_sock *)sk, addr))
		call__bound_unix(sk, program);
	return accepted__report(sk, NULL, uring_flag(), program, trusted);
}

#endif
