/* SPDX-License-Identifier: GPL-2.0-only */
/* Fillers: what records have in common is read here, field by field, and not by helpers. */
#ifndef NA_FILL_H
#define NA_FILL_H

#include "maps.h"

/*
 * How a field is read. TRUSTED: the verifier knows the pointer (arguments of typed tracepoints): plain
 * loads. PROBED: any other pointer; BPF_CORE_READ passes everywhere, at the price of a helper.
 */
#define PROBED(from, field) BPF_CORE_READ(from, field)
#ifdef NA_UNTYPED
#define TRUSTED(from, field) PROBED(from, field)
#else
#define TRUSTED(from, field) ((from)->field)
#endif

/*
 * COPIED: what stands in sock_common is read from a copy of it on the stack, made by one probe where
 * PROBED takes one for each field; a probe costs 25 ns.
 */
#define SOCK_COMMON_MAX 160
#define COPY_SOCK_COMMON(copy, sk)                            \
	__u64 copy[SOCK_COMMON_MAX / 8];                      \
	bpf_probe_read_kernel(copy, bpf_core_type_size(struct sock_common), sk)
#define COPIED(copy, field) (((const struct sock *)(copy))->field)

/* ::ffff:0:0/96, the form in which records carry IPv4. */
static __always_inline void address__fill_v4(__u8 *to, __be32 address)
{
	((__u64 *)to)[0] = 0;
	((__u32 *)to)[2] = bpf_htonl(0xffff);
	((__u32 *)to)[3] = address;
}

static __always_inline void address__fill_none(__u8 *to)
{
	((__u64 *)to)[0] = 0;
	((__u64 *)to)[1] = 0;
}

/* Whether a program of cgroups sees that another one refused: the helper is from 5.18. */
#define VERDICTS_ARE_KNOWN bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_retval)

static __always_inline bool address_is_mapped(const __u8 *address)
{
	return ((const __u64 *)address)[0] == 0 && ((const __u32 *)address)[2] == bpf_htonl(0xffff);
}

static __always_inline void header__fill_no_task(struct na_record_header *header, __u16 size, __u8 type,
						 __u8 program, __s32 error)
{
	header->size = size;
	header->type = type;
	header->program = program;
	header->tid = 0;
	header->time_ns = bpf_ktime_get_boot_ns();
	header->start_ns = 0;
	header->pid = 0;
	header->error = error;
	header->credentials.uid = header->credentials.gid = 0;
	header->credentials.euid = header->credentials.egid = 0;
}

static __always_inline void credentials__fill(struct na_credentials *credentials, const struct cred *cred)
{
	credentials->uid = cred->uid.val;
	credentials->gid = cred->gid.val;
	credentials->euid = cred->euid.val;
	credentials->egid = cred->egid.val;
}

/*
 * The helper whose task can be read directly is from 5.11: before, what hangs on the current task
 * takes a probe for each field. The verifier removes the way that is not taken.
 */
#ifdef NA_UNTYPED
#define CURRENT_IS_TRUSTED false
#else
#define CURRENT_IS_TRUSTED \
	bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)
#endif
#define CURRENT_READ(from, field) (CURRENT_IS_TRUSTED ? (from)->field : BPF_CORE_READ(from, field))

static __always_inline struct task_struct *current_task(void)
{
	if (CURRENT_IS_TRUSTED)
		return (struct task_struct *)bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline void credentials__fill_probed(struct na_credentials *credentials,
						     const struct cred *cred)
{
	credentials->uid = BPF_CORE_READ(cred, uid.val);
	credentials->gid = BPF_CORE_READ(cred, gid.val);
	credentials->euid = BPF_CORE_READ(cred, euid.val);
	credentials->egid = BPF_CORE_READ(cred, egid.val);
}

/* The members of `to` that name the current task: a header's, a flow's. */
#define CURRENT_FILL(to)                                                                           \
	do {                                                                                       \
		struct task_struct *task_ = current_task();                                        \
                                                                                                   \
		if (CURRENT_IS_TRUSTED) {                                                          \
			(to)->tid = task_->pid;                                                    \
			(to)->start_ns = task_->group_leader->start_boottime;                      \
			(to)->pid = task_->tgid;                                                   \
			credentials__fill(&(to)->credentials, task_->cred);                        \
		} else {                                                                           \
			(to)->tid = BPF_CORE_READ(task_, pid);                                     \
			(to)->start_ns = BPF_CORE_READ(task_, group_leader, start_boottime);       \
			(to)->pid = BPF_CORE_READ(task_, tgid);                                    \
			credentials__fill_probed(&(to)->credentials, BPF_CORE_READ(task_, cred));  \
		}                                                                                  \
	} while (0)

/* In process context only: `current` did it. */
static __always_inline void header__fill(struct na_record_header *header, __u16 size, __u8 type,
					 __u8 program, __s32 error)
{
	header->size = size;
	header->type = type;
	header->program = program;
	header->time_ns = bpf_ktime_get_boot_ns();
	header->error = error;
	CURRENT_FILL(header);
}

#define HEADER(record, id, program, error) \
	header__fill(&(record)->header, sizeof(*(record)), NA_RECORD_##id, program, error)
#define HEADER_NO_TASK(record, id, program, error) \
	header__fill_no_task(&(record)->header, sizeof(*(record)), NA_RECORD_##id, program, error)

/* The number in /proc/PID/fd and ss; 0 while no struct socket is there (children, orphans). */
static __always_inline __u64 inode_of_socket(struct socket *socket)
{
	if (!socket)
		return 0;
	return BPF_CORE_READ(
		(struct inode *)((void *)socket + bpf_core_field_offset(struct socket_alloc, vfs_inode)),
		i_ino);
}

/* The same where the verifier knows the sock: an open socket has a file, and needs no probe. */
static __always_inline __u64 inode_of_trusted(const struct sock *sk)
{
	struct socket *socket = sk->sk_socket;

	if (!socket)
		return 0;
	return socket->file ? socket->file->f_inode->i_ino : inode_of_socket(socket);
}

/*
 * Programs of tracepoints make a socket's cookie where they may (from 5.12); the agent loads with it
 * set, and again without where that is refused: then programs of cgroups make them all.
 */
const volatile bool cookies_in_tracing = true;

/* Of a socket that the verifier knows. */
static __always_inline __u64 cookie_of_trusted(const struct sock *sk)
{
	if (cookies_in_tracing)
		return bpf_get_socket_cookie((void *)sk);
	return TRUSTED(sk, __sk_common.skc_cookie.counter);
}

/* A socket that the kernel made for itself (NFS, WireGuard): no process is behind it. */
static __always_inline __u16 kernel_flag(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock) ? NA_FLAG_KERNEL : 0;
}

static __always_inline __u16 kernel_flag_of_trusted(const struct sock *sk)
{
#ifdef NA_UNTYPED
	return kernel_flag(sk);
#endif
	return BPF_CORE_READ_BITFIELD(sk, sk_kern_sock) ? NA_FLAG_KERNEL : 0;
}

/* Nearly always that of the current task, which takes no probe. */
static __always_inline __u32 inum_of_netns(struct net *net)
{
	if (CURRENT_IS_TRUSTED) {
		struct net *current_net = current_task()->nsproxy->net_ns;
		__u32 inum = current_net->ns.inum;

		/* Read before they are compared: of two that are equal the compiler takes either. */
		asm volatile("" : "+r"(inum));
		if (current_net == net)
			return inum;
	}
	return BPF_CORE_READ(net, ns.inum);
}

/* Local and remote address and port, family, from sock_common as READ(from, field) finds it. */
#define TUPLE_FILL(record, from, sk, READ)                                                         \
	do {                                                                                       \
		(record)->family = READ(from, __sk_common.skc_family);                             \
		(record)->remote_port = bpf_ntohs(READ(from, __sk_common.skc_dport));              \
		(record)->local_port = READ(from, __sk_common.skc_num);                            \
		if (!(record)->local_port) /* skc_num is 0 at CLOSE, inet_sport is not */          \
			(record)->local_port =                                                     \
				bpf_ntohs(BPF_CORE_READ((struct inet_sock *)(sk), inet_sport));    \
		if ((record)->family == AF_INET6) {                                                \
			BPF_CORE_READ_INTO(&(record)->local, sk, __sk_common.skc_v6_rcv_saddr);    \
			BPF_CORE_READ_INTO(&(record)->remote, sk, __sk_common.skc_v6_daddr);       \
		} else {                                                                           \
			address__fill_v4((record)->local, READ(from, __sk_common.skc_rcv_saddr));  \
			address__fill_v4((record)->remote, READ(from, __sk_common.skc_daddr));     \
		}                                                                                  \
		(record)->flags = (record)->family == AF_INET6 &&                                  \
					  (address_is_mapped((record)->remote) ||                  \
					   address_is_mapped((record)->local))                     \
				  ? NA_FLAG_MAPPED                                                 \
				  : 0;                                                             \
	} while (0)

/* The tuple, protocol, netns and inode of a sock that the verifier knows. */
#ifdef NA_UNTYPED
#define SOCKET_FILL SOCKET_FILL_PROBED
#else
#define SOCKET_FILL(record, sk)                                                       \
	do {                                                                          \
		TUPLE_FILL(record, sk, sk, TRUSTED);                                  \
		(record)->protocol = (sk)->sk_protocol;                               \
		(record)->inode = inode_of_trusted(sk);                               \
		(record)->netns = (sk)->__sk_common.skc_net.net->ns.inum;             \
	} while (0)
#endif

/* The same of any other. */
#define SOCKET_FILL_PROBED(record, sk)                                                \
	do {                                                                          \
		COPY_SOCK_COMMON(common, sk);                                         \
		TUPLE_FILL(record, common, sk, COPIED);                               \
		(record)->protocol = BPF_CORE_READ(sk, sk_protocol);                  \
		(record)->inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));      \
		(record)->netns = inum_of_netns(COPIED(common, __sk_common.skc_net.net)); \
	} while (0)

/* For families without addresses of ours: unix, netlink, packet, vsock. */
#define SOCKET_FILL_OTHER(record, sk)                                                              \
	do {                                                                                       \
		(record)->family = BPF_CORE_READ(sk, __sk_common.skc_family);                      \
		(record)->protocol = BPF_CORE_READ(sk, sk_protocol);                               \
		(record)->inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));                   \
		(record)->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);             \
		(record)->remote_port = 0;                                                         \
		(record)->local_port = 0;                                                          \
		address__fill_none((record)->local);                                               \
		address__fill_none((record)->remote);                                              \
		(record)->flags = 0;                                                               \
	} while (0)

static __always_inline bool family_is_inet(__u16 family)
{
	return family == AF_INET || family == AF_INET6;
}

#endif
