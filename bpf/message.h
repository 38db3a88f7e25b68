/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Datagrams for kernels whose tracepoints tell no lengths (before 6.3): from the exits of the functions
 * that move a message, where trampolines are, else from the exit of system calls. 5.10 has no storage of
 * sockets in either: each message is a record of its own, and the agent adds them up. The exit of system
 * calls does not see what read(2) and write(2) move: they would cost every file.
 */
#ifndef NA_MESSAGE_H
#define NA_MESSAGE_H

#include "flow.h"
#include "syscall.h"

/* The class of sock_send_length and sock_recv_length. */
struct trace_event_raw_sock_msg_length {
	int ret;
} NA_CORE;

#ifdef NA_UNTYPED /* what they count is in storage that takes a typed pointer */
#define CALLS_COUNT true
#else
#define CALLS_COUNT (!bpf_core_type_exists(struct trace_event_raw_sock_msg_length))
#endif

#define MESSAGES_MAX 64 /* of one sendmmsg or recvmmsg; more of them are counted without their bytes */

/* struct mmsghdr of 64-bit programs, part of the user interface. */
struct user_message {
	__u8 header[56];
	__u32 length;
	__u32 reserved;
};

struct message_call {
	bool known, sent, many;
	int fd;
	__u32 flags;
	unsigned long messages; /* of many: their array */
};

#if defined(__TARGET_ARCH_x86)
#define CALL_SENDTO   44
#define CALL_RECVFROM 45
#define CALL_SENDMSG  46
#define CALL_RECVMSG  47
#define CALL_RECVMMSG 299
#define CALL_SENDMMSG 307
#define ARGUMENT_1(regs) TRUSTED(regs, di)
#define ARGUMENT_2(regs) TRUSTED(regs, si)
#define ARGUMENT_3(regs) TRUSTED(regs, dx)
#define ARGUMENT_4(regs) TRUSTED(regs, r10)
#elif defined(__TARGET_ARCH_arm64)
#define CALL_SENDTO   206
#define CALL_RECVFROM 207
#define CALL_SENDMSG  211
#define CALL_RECVMSG  212
#define CALL_RECVMMSG 243
#define CALL_SENDMMSG 269
#define ARGUMENT_1(regs) TRUSTED(regs, orig_x0)
#define ARGUMENT_2(regs) TRUSTED(regs, regs[1])
#define ARGUMENT_3(regs) TRUSTED(regs, regs[2])
#define ARGUMENT_4(regs) TRUSTED(regs, regs[3])
#endif

static __always_inline void message_call__fill(struct message_call *call, struct pt_regs *regs)
{
	unsigned long nr = CALL_NUMBER(regs);

	call->sent = nr == CALL_SENDTO || nr == CALL_SENDMSG || nr == CALL_SENDMMSG;
	call->many = nr == CALL_SENDMMSG || nr == CALL_RECVMMSG;
	call->known = call->sent || call->many || nr == CALL_RECVFROM || nr == CALL_RECVMSG;
	if (!call->known)
		return;
	call->fd = ARGUMENT_1(regs);
	call->messages = ARGUMENT_2(regs);
	call->flags = nr == CALL_RECVMSG ? ARGUMENT_3(regs) : ARGUMENT_4(regs);
}

static __always_inline __u64 bytes_of_many(const struct message_call *call, long count)
{
	const struct user_message *messages = (const void *)call->messages;
	__u64 bytes = 0;

	for (int i = 0; i < MESSAGES_MAX && i < count; i++) {
		__u32 length = 0;

		bpf_probe_read_user(&length, sizeof(length), &messages[i].length);
		bytes += length;
	}
	return bytes;
}

/* Where it went or came from: the address that the call named, or the one connected to; else port 0. */
static __always_inline void message__fill_ends(struct endpoints *ends, struct sock *sk)
{
	struct flow_peer *peer = flow_peer();

	endpoints__fill(ends, sk);
	if (!peer || !peer->known || peer->socket != (__u64)sk)
		return;
	__builtin_memcpy(ends->remote, peer->address, sizeof(ends->remote));
	ends->remote_port = peer->port;
	flow_peer__forget(peer);
}

static __noinline int message__report(struct sock *sk, const struct message_call *call, long ret,
				      __u8 program)
{
	__u64 bytes = call->many ? bytes_of_many(call, ret) : (__u64)ret;
	__u32 packets = call->many ? ret : 1;
	struct na_record_flow *record;
	struct endpoints ends;

	message__fill_ends(&ends, sk);
	if (excluded_message(BPF_CORE_READ(sk, __sk_common.skc_family), &ends))
		return 0;
	record = record_reserve(ring_count, sizeof(*record), program);
	if (!record)
		return 0;
	HEADER(record, FLOW, program, 0);
	record->cookie = cookie_of(sk);
	record->type = BPF_CORE_READ(sk, sk_type);
	SOCKET_FILL_PROBED(record, sk);
	__builtin_memcpy(record->remote, ends.remote, sizeof(record->remote));
	if (!ends.remote_port && record->family == AF_INET)
		address__fill_none(record->remote);
	record->remote_port = ends.remote_port;
	record->sent_bytes = call->sent ? bytes : 0;
	record->sent_packets = call->sent ? packets : 0;
	record->received_bytes = call->sent ? 0 : bytes;
	record->received_packets = call->sent ? 0 : packets;
	record->first_ns = record->last_ns = record->header.time_ns;
	record_submit(record);
	return 0;
}

static __always_inline int message__of_socket(struct sock *sk, const struct message_call *call,
					      long ret, __u8 program)
{
	__u16 family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;

	if (!sk || !family_wanted(family))
		return 0;
	if (!family_is_inet(family))
		return other__message(sk, ret, call->sent, program);
	if (BPF_CORE_READ(sk, sk_type) == SOCK_STREAM)
		return 0; /* TCP counts for itself */
	return message__report(sk, call, ret, program);
}

/* Either these functions count or the exit of system calls, as the agent knows what attached. */
#define FUNCTIONS_COUNT (CALLS_COUNT && is_told(NA_OPERATION_SEND, false))

/* At the exit of a function that moved one message. */
static __always_inline int message__moved(struct sock *sk, long ret, bool sent, __u8 program)
{
	struct message_call call = {.sent = sent};

	if (ret < 0)
		return flow__forget_peer(), 0;
	return message__of_socket(sk, &call, ret, program);
}

/* At the exit of every system call where CALLS_COUNT: nearly all leave at the first look. */
static __always_inline int message__of_call(struct pt_regs *regs, long ret, __u8 program)
{
	struct message_call call = {};

	message_call__fill(&call, regs);
	if (!call.known || call_is_compat()) /* the numbers mean other calls there */
		return 0;
	if (ret < 0)
		return flow__forget_peer(), 0;
	if (!call.sent && call.flags & MSG_PEEK)
		return 0;
	return message__of_socket(sock_of_fd(call.fd), &call, ret, program);
}

#endif
