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

#define CQE_F_BUFFER 1 /* IORING_CQE_F_BUFFER */
#define ECANCELED    125 /* it was not even tried */

/*
 * The tracepoint's arguments, of which the kernel's own type tells the order: (ring, request, cqe)
 * from 6.13; before, (ring, request, user_data, result, flags, …); before 5.19 without the request,
 * and then nothing tells which operation it was.
 */
typedef void (*btf_trace_io_uring_complete)(void *data, struct io_ring_ctx *ring, void *req,
					    struct io_uring_cqe *cqe);

struct trace_event_raw_io_uring_complete {
	void *req;
} NA_CORE;

/* Read by the self-test: completions come without their requests. */
__u32 uring_without_request SEC(".data.uring");

struct completion {
	struct io_kiocb *req; /* NULL: not known, as of multishot operations */
	int res;
	__u32 flags;
};

static __always_inline void completion__fill(struct completion *completion, unsigned long long *ctx)
{
	struct io_uring_cqe *cqe;

	if (!bpf_core_field_exists(struct trace_event_raw_io_uring_complete, req)) {
		uring_without_request = 1;
		completion->res = CONTEXT_READ(ctx, 16);
		return;
	}
	completion->req = (void *)CONTEXT_READ(ctx, 8);
	if (!bpf_core_type_exists(btf_trace_io_uring_complete)) {
		completion->res = CONTEXT_READ(ctx, 24);
		completion->flags = CONTEXT_READ(ctx, 32);
		return;
	}
	cqe = (void *)CONTEXT_READ(ctx, 16);
	completion->res = BPF_CORE_READ(cqe, res);
	completion->flags = BPF_CORE_READ(cqe, flags);
}

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
 * A completion without a request is one of a multishot operation. Those that receive took a buffer;
 * with a descriptor that is a connected socket it was most likely an accept: a poll may tell the
 * same number, so the agent ignores it for sockets that it knows to be accepted or connected. Who
 * listened is not known.
 */
static __always_inline int uring__multishot(int res, __u32 flags, __u8 program)
{
	struct sock *sk = flags & CQE_F_BUFFER ? NULL : sock_of_fd(res);

	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_ESTABLISHED ||
	    !BPF_CORE_READ(sk, __sk_common.skc_dport))
		return 0;
	return call__accepted(sk, NULL, NA_FLAG_URING | NA_FLAG_FD_RESOLVED, program);
}

/*
 * What failed has no socket: the request says what it was to be. One that was refused as it was read
 * (-EINVAL) may still say what another in the same memory was to be; it is not told.
 */
static __always_inline int uring__not_created(struct io_kiocb *req, int res, __u8 program)
{
	struct io_socket *wanted = (void *)req;
	struct call call = {.operation = NA_OPERATION_SOCKET, .ret = res};

	if (!bpf_core_type_exists(struct io_socket) || res == -ECANCELED || res == -EINVAL)
		return 0;
	call.args[0] = BPF_CORE_READ(wanted, domain);
	call.args[1] = BPF_CORE_READ(wanted, type);
	call.args[2] = BPF_CORE_READ(wanted, protocol);
	return call__created(NULL, &call, program);
}

/* Only of families that no cgroup program sees. */
static __always_inline int uring__created(int res, __u8 program)
{
	struct sock *sk = sock_of_fd(res);
	struct call call = {.ret = res};

	if (!sk)
		return 0;
	call.args[0] = BPF_CORE_READ(sk, __sk_common.skc_family);
	call.args[1] = BPF_CORE_READ(sk, sk_type);
	return family_is_inet(call.args[0]) ? 0 : call__created(sk, &call, program);
}

static __always_inline int uring__complete(const struct completion *completion, __u8 program)
{
	struct io_kiocb *req = completion->req;
	int res = completion->res;
	__u32 operation;
	__u8 opcode;
	struct socket *socket;
	struct sock *sk;

	if (!req)
		return is_told(NA_OPERATION_ACCEPT, false)
			       ? 0
			       : uring__multishot(res, completion->flags, program);
	opcode = BPF_CORE_READ(req, opcode);
	if (opcode == URING_SOCKET && res < 0)
		return uring__not_created(req, res, program);
	if (opcode == URING_SOCKET)
		return is_told(NA_OPERATION_SOCKET, false) ? 0 : uring__created(res, program);
	operation = operation_of_uring(opcode);
	if (operation == NA_OPERATION_NONE ||
	    (operation == NA_OPERATION_ACCEPT && is_told(operation, res < 0)))
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
	if (!res && success_is_told(sk, operation))
		return 0;
	return call__result(sk, &(struct outcome){operation, res, 0, NA_FLAG_URING, program});
}

#endif
