/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bodies for what a process does with a socket: bind, connect, release. Stubs of every tier
 * call them with a sock whose cookie exists or is given.
 */
#ifndef NA_SOCKET_H
#define NA_SOCKET_H

#include "filter.h"

/* `address` is a struct sockaddr_un of which `length` bytes of path are there. */
#define UNIX_FILL_PATH(record, address, length, READ)                                               \
	do {                                                                                        \
		int length_ = (length);                                                             \
		__u32 bytes = length_ < 0 ? 0 : length_;                                            \
                                                                                                    \
		for (int i = 0; i < (int)sizeof((record)->path) / 8; i++)                           \
			((__u64 *)(record)->path)[i] = 0;                                           \
		asm volatile("" : "+r"(bytes)); /* keeps the bound below in the program */          \
		if (bytes > UNIX_PATH_MAX)                                                          \
			bytes = UNIX_PATH_MAX;                                                      \
		(record)->length = bytes;                                                           \
		READ((record)->path, bytes, (address) + sizeof(unsigned short));                    \
	} while (0)

static __always_inline void unix__fill_path(struct na_record_unix *record, const void *address, int length)
{
	UNIX_FILL_PATH(record, address, length, bpf_probe_read_kernel);
}

/* The same of an address in the memory of the current task. */
static __always_inline void unix__fill_path_user(struct na_record_unix *record, const void *address,
						 int length)
{
	UNIX_FILL_PATH(record, address, length, bpf_probe_read_user);
}

/* What a context of a cgroup program tells without a probe. */
struct kind {
	__u16 family, type, protocol;
};

#define KIND(ctx) (&(struct kind){(ctx)->family, (ctx)->type, (ctx)->protocol})

#define KIND_FILL(record, kind)                       \
	do {                                          \
		(record)->family = (kind)->family;    \
		(record)->type = (kind)->type;        \
		(record)->protocol = (kind)->protocol; \
	} while (0)

/* Address arithmetic on ctx->sk is refused: the kernel's own view of the context gives its address. */
static __always_inline struct sock *sock_of_address(struct bpf_sock_addr *ctx)
{
	return BPF_CORE_READ((struct bpf_sock_addr_kern *)ctx, sk);
}

static __always_inline bool excluded_bind(__u64 cookie, __u16 family, const __u8 *address, __u16 port)
{
	struct endpoints ends = {};

	if (!rule_count)
		return false;
	__builtin_memcpy(ends.local, address, sizeof(ends.local));
	ends.local_port = port;
	return excluded_decide(cookie, family, &ends, EXCLUDED_LATER);
}

static __always_inline bool excluded_connect(struct bpf_sock_addr *ctx, __u64 cookie, __u16 family,
					     const __u8 *address, __u16 port)
{
	struct endpoints ends;

	if (!rule_count)
		return false;
	endpoints__fill(&ends, sock_of_address(ctx));
	__builtin_memcpy(ends.remote, address, sizeof(ends.remote));
	ends.remote_port = port;
	return excluded_decide(cookie, family, &ends, EXCLUDED_LATER);
}

/* `address` is in record form, `port` in host order. */
static __always_inline int bind__report(struct sock *sk, const struct kind *kind, __u64 cookie, const __u8 *address, __u16 port,
					bool denied, __u8 program)
{
	struct na_record_bind *record;
	__u16 family = kind->family;

	if (!family_wanted(family) || excluded_bind(cookie, family, address, port))
		return 0;
	record = RESERVE(bind, program);
	if (!record)
		return 0;
	HEADER(record, BIND, program, denied ? -EPERM : 0);
	record->cookie = cookie;
	__builtin_memcpy(record->address, address, sizeof(record->address));
	record->port = port;
	KIND_FILL(record, kind);
	record_submit(record);
	return 0;
}

static __always_inline bool excluded_bound(struct sock *sk, __u64 cookie, __u16 family)
{
	struct endpoints ends;

	if (!rule_count)
		return false;
	endpoints__fill(&ends, sk);
	return excluded_decide(cookie, family, &ends, EXCLUDED_LATER);
}

static __always_inline int bound__report(struct sock *sk, const struct kind *kind, __u64 cookie, __u8 program)
{
	struct na_record_bound *record;
	__u16 family = kind->family;

	if (!family_wanted(family) || excluded_bound(sk, cookie, family))
		return 0;
	record = RESERVE(bound, program);
	if (!record)
		return 0;
	HEADER(record, BOUND, program, 0);
	record->cookie = cookie;
	record->inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));
	record->netns = inum_of_netns(BPF_CORE_READ(sk, __sk_common.skc_net.net));
	if (family == AF_INET6)
		BPF_CORE_READ_INTO(&record->address, sk, __sk_common.skc_v6_rcv_saddr);
	else
		address__fill_v4(record->address, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	record->port = BPF_CORE_READ(sk, __sk_common.skc_num); /* inet_sport is not set yet */
	KIND_FILL(record, kind);
	record->reserved[0] = record->reserved[1] = 0;
	record_submit(record);
	return 0;
}

/* A socket of TCP is one that the verifier knows. */
static __always_inline void connect__fill_socket(struct na_record_connect *record, struct bpf_sock_addr *ctx)
{
#ifdef NA_UNTYPED
	const struct sock *tcp = NULL;
#else
	const struct sock *tcp = (const struct sock *)bpf_skc_to_tcp_sock(ctx->sk);
#endif
	struct sock *sk;

	if (tcp) {
		record->inode = inode_of_trusted(tcp);
		record->netns = tcp->__sk_common.skc_net.net->ns.inum;
		record->flags = kernel_flag_of_trusted(tcp);
		return;
	}
	sk = sock_of_address(ctx);
	record->inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));
	record->netns = inum_of_netns(BPF_CORE_READ(sk, __sk_common.skc_net.net));
	record->flags = kernel_flag(sk);
}

static __always_inline int connect__report(struct bpf_sock_addr *ctx, const struct kind *kind, __u64 cookie,
					   const __u8 *address, __u16 port, bool denied, __u8 program)
{
	struct na_record_connect *record;
	__u16 family = kind->family;

	if (!family_wanted(family) || excluded_connect(ctx, cookie, family, address, port))
		return 0;
	record = RESERVE(connect, program);
	if (!record)
		return 0;
	HEADER(record, CONNECT, program, denied ? -EPERM : 0);
	record->cookie = cookie;
	__builtin_memcpy(record->address, address, sizeof(record->address));
	record->port = port;
	KIND_FILL(record, kind);
	connect__fill_socket(record, ctx);
	if (!VERDICTS_ARE_KNOWN)
		record->flags |= NA_FLAG_UNSURE;
	record->reserved = 0;
	record_submit(record);
	return 0;
}

static __always_inline int released__report(struct sock *sk, const struct kind *kind, __u64 cookie, __u8 program)
{
	struct na_record_released *record;
	__u16 family = kind->family;

	if (!family_wanted(family))
		return 0;
	if (rule_count && excluded_released(cookie, BPF_CORE_READ(sk, __sk_common.skc_state)))
		return 0;
	record = RESERVE(released, program);
	if (!record)
		return 0;
	HEADER(record, RELEASED, program, 0);
	record->cookie = cookie;
	record->inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));
	KIND_FILL(record, kind);
	record->flags = 0;
	record_submit(record);
	return 0;
}

#endif
