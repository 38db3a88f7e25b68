/* SPDX-License-Identifier: GPL-2.0-only */
/* Results of io_uring's socket operations: they pass no system call of their own. */
#ifndef NA_URING_H
#define NA_URING_H

#include "syscall.h"

/* enum io_uring_op, part of the user interface: fixed. */
#define URING_ACCEPT   13
#define URING_CONNECT  16
#define URING_SHUTDOWN 34
#define URING_SOCKET   45
#define URING_BIND     56
#define URING_LISTEN   57

static __always_inline __u32 operation_of_uring(__u8 opcode)
{
	switch (opcode) {
	case URING_ACCEPT:
		return NA_OPERATION_ACCEPT;
	case URING_CONNECT:
		return NA_OPERATION_CONNECT;
	case URING_SHUTDOWN:
		return NA_OPERATION_SHUTDOWN;
	case URING_BIND:
		return NA_OPERATION_BIND;
	case URING_LISTEN:
		return NA_OPERATION_LISTEN;
	}
	return NA_OPERATION_NONE;
}

/*
 * A completion without a request is one of a multishot operation: with a descriptor that is a
 * connected socket of ours it was an accept, and who listened is not known.
 */
static __always_inline int uring__multishot(int res, __u8 program)
{
	struct sock *sk = res > 2 ? sock_of_fd(res) : NULL;

	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_ESTABLISHED ||
	    !BPF_CORE_READ(sk, __sk_common.skc_dport))
		return 0;
	return call__accepted(sk, NULL, NA_FLAG_URING | NA_FLAG_FD_RESOLVED, program);
}

static __always_inline int uring__complete(struct io_kiocb *req, int res, __u8 program)
{
	__u32 operation;
	struct socket *socket;
	struct sock *sk;

	if (!req)
		return uring__multishot(res, program);
	operation = operation_of_uring(BPF_CORE_READ(req, opcode));
	if (operation == NA_OPERATION_NONE)
		return 0;
	/* The request holds its file: no race here, unlike with a descriptor. */
	socket = socket_of_file(BPF_CORE_READ(req, file));
	sk = socket ? BPF_CORE_READ(socket, sk) : NULL;
	if (!sk)
		return 0;
	if (operation == NA_OPERATION_ACCEPT) {
		struct sock *child = res >= 0 ? sock_of_fd(res) : NULL;

		return child ? call__accepted(child, sk, NA_FLAG_URING, program) : 0;
	}
	if (!result_is_final(res) || res > 0)
		return 0;
	if (!res && operation == NA_OPERATION_CONNECT && BPF_CORE_READ(sk, sk_type) == SOCK_STREAM &&
	    family_is_inet(BPF_CORE_READ(sk, __sk_common.skc_family)))
		return 0;
	return call__result(sk, &(struct outcome){operation, res, 0, NA_FLAG_URING, program});
}

#endif
