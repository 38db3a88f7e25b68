/* SPDX-License-Identifier: GPL-2.0-only */
/* What security hooks tell of a socket's life, where the cgroup tier takes the exit of system calls. */
#ifndef NA_LIFECYCLE_H
#define NA_LIFECYCLE_H

#include "syscall.h"

#define MAX_ERRNO 4095

/*
 * The first of a pair to have a file tells nothing: the other may find none, and the call fails. The other tells
 * both. True: wait for it.
 */
static __always_inline bool pair__is_half(struct sock *sk, const struct made *made, __u8 program)
{
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	struct call call = {.args = {AF_UNIX, made->kind.type}};

	if (!peer)
		return false;
	if (!BPF_CORE_READ(peer, sk_socket, file))
		return true;
	call__created(peer, &call, program);
	return false;
}

/*
 * The exit of sock_alloc_file, which takes the socket away where it fails. accept(2) has a file made before
 * there is a connection for it; some sockets of the kernel's own have one.
 */
static __always_inline int created__by_file(struct socket *socket, const struct file *file, __u8 program)
{
	struct made made = {};
	struct sock *sk;
	__u16 family;

	if ((unsigned long)file >= (unsigned long)-MAX_ERRNO)
		return 0;
	sk = socket->sk;
	if (!sk || kernel_flag_of_trusted(sk))
		return 0;
	family = sk->__sk_common.skc_family;
	made.cookie = sk->__sk_common.skc_cookie.counter;
	if (!made.cookie && family_is_inet(family)) /* no sock_create has made it */
		made.cookie = cookie_of_trusted(sk);
	made.kind = (struct kind){family, sk->sk_type, sk->sk_protocol};
	if (!family_wanted(family) || (family == AF_UNIX && pair__is_half(sk, &made, program)) ||
	    excluded_created(made.cookie, family))
		return 0;
	made.inode = inode_of_trusted(sk);
	made.netns = sk->__sk_common.skc_net.net->ns.inum;
	if (!family_is_inet(family))
		other__add(sk, made.inode, family, made.kind.type);
	return created__tell(&made, 0, 0, program);
}

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
