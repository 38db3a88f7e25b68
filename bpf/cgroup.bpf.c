/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cgroup tier: stubs of cgroup programs at the cgroup2 root and of tracepoints. They hold the
 * section and the arguments; what they do is in the headers, shared with the other tiers.
 *
 * Cgroup programs always return 1: we observe, we never decide.
 */
#include "file.h"
#include "flow.h"
#include "message.h"
#include "process.h"
#include "socket.h"
#include "stand_in.h"
#include "tcp.h"
#include "uring.h"

char LICENSE[] SEC("license") = "GPL";

#define ALLOW 1

static __always_inline bool was_denied(void)
{
	return VERDICTS_ARE_KNOWN && bpf_get_retval() < 0;
}

SEC("cgroup/sock_create")
int cgroup__sock_create(struct bpf_sock *ctx)
{
	created__report((struct sock *)ctx, KIND(ctx), bpf_get_socket_cookie(ctx), was_denied(),
			NA_PROGRAM_SOCK_CREATE);
	return ALLOW;
}

#define ADDRESS_V4(ctx, address) address__fill_v4(address, (ctx)->user_ip4)

#define ADDRESS_V6(ctx, address)                       \
	do {                                           \
		((__u32 *)(address))[0] = (ctx)->user_ip6[0]; \
		((__u32 *)(address))[1] = (ctx)->user_ip6[1]; \
		((__u32 *)(address))[2] = (ctx)->user_ip6[2]; \
		((__u32 *)(address))[3] = (ctx)->user_ip6[3]; \
	} while (0)

#define ADDRESS_PORT(ctx) bpf_ntohs((__u16)(ctx)->user_port)

/*
 * Programs of the root run after those of the process's own cgroup: when one of them refused, the
 * return value says so, and the address is the one it left.
 */
#define BIND_PROGRAM(version, id)                                                            \
	SEC("cgroup/bind" #version)                                                          \
	int cgroup__bind##version(struct bpf_sock_addr *ctx)                                 \
	{                                                                                    \
		__u8 address[16] __attribute__((aligned(8)));                                \
                                                                                             \
		ADDRESS_V##version(ctx, address);                                            \
		bind__report(sock_of_address(ctx), KIND(ctx), bpf_get_socket_cookie(ctx),    \
			     address,                                                        \
			     ADDRESS_PORT(ctx), was_denied(), NA_PROGRAM_BIND##id);          \
		return ALLOW;                                                                \
	}

#define CONNECT_PROGRAM(version, id)                                                         \
	SEC("cgroup/connect" #version)                                                       \
	int cgroup__connect##version(struct bpf_sock_addr *ctx)                              \
	{                                                                                    \
		__u8 address[16] __attribute__((aligned(8)));                                \
                                                                                             \
		ADDRESS_V##version(ctx, address);                                            \
		connect__report(ctx, KIND(ctx), bpf_get_socket_cookie(ctx), address,         \
				ADDRESS_PORT(ctx), was_denied(), NA_PROGRAM_CONNECT##id);    \
		return ALLOW;                                                                \
	}

#define POST_BIND_PROGRAM(version, id)                                                       \
	SEC("cgroup/post_bind" #version)                                                     \
	int cgroup__post_bind##version(struct bpf_sock *ctx)                                 \
	{                                                                                    \
		if (!was_denied())                                                           \
			bound__report((struct sock *)ctx, KIND(ctx),                         \
				      bpf_get_socket_cookie(ctx),                            \
				      NA_PROGRAM_POST_BIND##id);                             \
		return ALLOW;                                                                \
	}

#define PEER_PROGRAM(call, version)                                                          \
	SEC("cgroup/" #call #version)                                                        \
	int cgroup__##call##version(struct bpf_sock_addr *ctx)                               \
	{                                                                                    \
		__u8 address[16] __attribute__((aligned(8)));                                \
                                                                                             \
		ADDRESS_V##version(ctx, address);                                            \
		flow__remember_peer(sock_of_address(ctx), address, ADDRESS_PORT(ctx));       \
		return ALLOW;                                                                \
	}

BIND_PROGRAM(4, 4)
BIND_PROGRAM(6, 6)
POST_BIND_PROGRAM(4, 4)
POST_BIND_PROGRAM(6, 6)
CONNECT_PROGRAM(4, 4)
CONNECT_PROGRAM(6, 6)
PEER_PROGRAM(sendmsg, 4)
PEER_PROGRAM(sendmsg, 6)
PEER_PROGRAM(recvmsg, 4)
PEER_PROGRAM(recvmsg, 6)

static __always_inline void unix__fill(struct na_record_unix *record, struct sock *sk,
				       struct bpf_sock_addr_kern *kern)
{
	int length = BPF_CORE_READ(kern, uaddrlen) - (int)sizeof(unsigned short);

	record->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	record->inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));
	record->operation = NA_OPERATION_CONNECT;
	record->type = BPF_CORE_READ(sk, sk_type);
	unix__fill_path(record, BPF_CORE_READ(kern, uaddr), length);
}

/* libbpf 1.1 does not know this section: the agent sets type and attach type (49). */
SEC("cgroup_unix/connect_unix")
int cgroup__connect_unix(struct bpf_sock_addr *ctx)
{
	struct bpf_sock_addr_kern *kern = (struct bpf_sock_addr_kern *)ctx;
	struct sock *sk = BPF_CORE_READ(kern, sk);
	struct na_record_unix *record;

	if (!family_wanted(AF_UNIX) || excluded_task(AF_UNIX))
		return ALLOW;
	bpf_get_socket_cookie(ctx); /* makes it */
	record = RESERVE(unix, NA_PROGRAM_CONNECT_UNIX);
	if (!record)
		return ALLOW;
	HEADER(record, UNIX, NA_PROGRAM_CONNECT_UNIX, 0);
	unix__fill(record, sk, kern);
	record_submit(record);
	return ALLOW;
}

SEC("cgroup/sock_release")
int cgroup__sock_release(struct bpf_sock *ctx)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct flow_storage *storage = NULL;

	if (ctx->type != SOCK_STREAM)
		storage = bpf_sk_storage_get(&flows, ctx, 0, 0);
	if (storage)
		flow__flush((struct sock *)ctx, storage);
	released__report((struct sock *)ctx, KIND(ctx), cookie, NA_PROGRAM_SOCK_RELEASE);
	return ALLOW;
}

/*
 * Where programs of tracepoints make no cookies: that of a child, before anything is told of it. Of a
 * process it knows nothing, it runs in softirq. What it returns is for operations that ask for a value.
 */
SEC("sockops")
int cgroup__sock_ops(struct bpf_sock_ops *ctx)
{
	if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		bpf_get_socket_cookie(ctx);
	return 1;
}

TRACEPOINT(inet_sock_set_state)
int BPF_PROG(tp__inet_sock_set_state, const struct sock *sk, int before, int now)
{
	if (!state_matters(before, now))
		return 0;
	stand_in__mark(NA_PROGRAM_SET_STATE, stand_in__key(sk));
	return state__report(sk, before, now, NA_PROGRAM_SET_STATE);
}

TRACEPOINT(inet_sock_set_state)
int BPF_PROG(stand_in__set_state, const struct sock *sk, int before, int now)
{
	if (!state_matters(before, now) ||
	    stand_in__is_idle(NA_PROGRAM_SET_STATE, stand_in__key(sk)))
		return 0;
	return state__report(sk, before, now, NA_PROGRAM_SET_STATE);
}

static __always_inline void registers__learn(struct pt_regs *regs)
{
	struct task_struct *task = current_task();

	if (!registers_of_calls)
		registers_of_calls = (__u32)stand_in__key(regs) - (__u32)(__u64)CURRENT_READ(task, stack);
}

static __always_inline int exit__of_call(struct pt_regs *regs, long ret)
{
	struct call call = {};

	if (CALLS_COUNT && !FUNCTIONS_COUNT)
		message__of_call(regs, ret, NA_PROGRAM_SYS_EXIT);
	if (!call_is_ours(CALL_NUMBER(regs)))
		return 0;
	registers__learn(regs);
	call__fill(&call, regs, ret);
	if (is_told(call.operation, call.ret < 0) && !refused_by_seccomp(&call))
		return 0;
	if (is_refusal(call.ret))
		call.flags = refusal_flags(call.operation, CALL_NUMBER(regs));
	return call__report(&call, NA_PROGRAM_SYS_EXIT);
}

TRACEPOINT(sys_exit)
int BPF_PROG(tp__sys_exit, struct pt_regs *regs, long ret)
{
	stand_in__mark_task(NA_PROGRAM_SYS_EXIT);
	return exit__of_call(regs, ret);
}

TRACEPOINT(sys_exit)
int BPF_PROG(stand_in__sys_exit, struct pt_regs *regs, long ret)
{
	return stand_in__is_idle_of_task(NA_PROGRAM_SYS_EXIT) ? 0 : exit__of_call(regs, ret);
}

static __always_inline int length__report(struct sock *sk, int length, bool sent, __u8 program)
{
	__u16 family = sk->__sk_common.skc_family, protocol = sk->sk_protocol;

	if (!family_wanted(family))
		return 0;
	if (!family_is_inet(family))
		return length < 0 ? 0 : other__message(sk, length, sent, program);
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)
		return 0; /* TCP counts for itself */
	if (length >= 0)
		return flow__message(sk, length, sent, program);
	flow__forget_peer();
	return 0;
}

TRACEPOINT(sock_send_length)
int BPF_PROG(tp__sock_send_length, struct sock *sk, int length, int flags)
{
	stand_in__mark_task(NA_PROGRAM_SEND_LENGTH);
	return length__report(sk, length, true, NA_PROGRAM_SEND_LENGTH);
}

TRACEPOINT(sock_send_length)
int BPF_PROG(stand_in__send_length, struct sock *sk, int length, int flags)
{
	if (stand_in__is_idle_of_task(NA_PROGRAM_SEND_LENGTH))
		return 0;
	return length__report(sk, length, true, NA_PROGRAM_SEND_LENGTH);
}

static __always_inline int received__report(struct sock *sk, int length, int flags)
{
	return flags & MSG_PEEK ? 0 : length__report(sk, length, false, NA_PROGRAM_RECV_LENGTH);
}

TRACEPOINT(sock_recv_length)
int BPF_PROG(tp__sock_recv_length, struct sock *sk, int length, int flags)
{
	stand_in__mark_task(NA_PROGRAM_RECV_LENGTH);
	return received__report(sk, length, flags);
}

TRACEPOINT(sock_recv_length)
int BPF_PROG(stand_in__recv_length, struct sock *sk, int length, int flags)
{
	if (stand_in__is_idle_of_task(NA_PROGRAM_RECV_LENGTH))
		return 0;
	return received__report(sk, length, flags);
}

static __always_inline int completion__report(unsigned long long *ctx)
{
	struct completion completion = {};

	completion__fill(&completion, ctx);
	return uring__complete(&completion, NA_PROGRAM_URING_COMPLETE);
}

TRACEPOINT(io_uring_complete)
int tp__io_uring_complete(unsigned long long *ctx)
{
	stand_in__mark_task(NA_PROGRAM_URING_COMPLETE);
	return completion__report(ctx);
}

TRACEPOINT(io_uring_complete)
int stand_in__uring_complete(unsigned long long *ctx)
{
	return stand_in__is_idle_of_task(NA_PROGRAM_URING_COMPLETE) ? 0 : completion__report(ctx);
}

/* Has the slab, or its name, from 5.11; before, the two of kmem_free. */
struct trace_event_raw_kmem_cache_free {
	const void *ptr;
} NA_CORE;

/*
 * Not tp_btf, whose verifier refuses a pointer to const void before 6.14. Where the slab is not
 * told, the place that frees stands for it.
 */
static __always_inline int freed__report(unsigned long long *ctx, void *object)
{
	void *slab;

	if (bpf_core_type_exists(struct trace_event_raw_kmem_cache_free))
		slab = (void *)CONTEXT_READ(ctx, 16);
	else
		slab = (void *)CONTEXT_READ(ctx, 0);
	return file__freed(object, slab, NA_PROGRAM_FILE_FREE);
}

SEC("raw_tp/kmem_cache_free")
int tp__kmem_cache_free(unsigned long long *ctx)
{
	__u64 object = CONTEXT_READ(ctx, 8);

	stand_in__mark(NA_PROGRAM_FILE_FREE, object);
	return freed__report(ctx, (void *)object);
}

SEC("raw_tp/kmem_cache_free")
int stand_in__file_free(unsigned long long *ctx)
{
	__u64 object = CONTEXT_READ(ctx, 8);

	if (stand_in__is_idle(NA_PROGRAM_FILE_FREE, object))
		return 0;
	return freed__report(ctx, (void *)object);
}

TRACEPOINT(sched_process_fork)
int BPF_PROG(tp__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	stand_in__mark_task(NA_PROGRAM_FORK);
	return fork__report(child, NA_PROGRAM_FORK);
}

TRACEPOINT(sched_process_fork)
int BPF_PROG(stand_in__fork, struct task_struct *parent, struct task_struct *child)
{
	return stand_in__is_idle_of_task(NA_PROGRAM_FORK) ? 0 : fork__report(child, NA_PROGRAM_FORK);
}

TRACEPOINT(sched_process_exec)
int BPF_PROG(tp__sched_process_exec, struct task_struct *task)
{
	stand_in__mark_task(NA_PROGRAM_EXEC);
	return exec__report(task, NA_PROGRAM_EXEC);
}

TRACEPOINT(sched_process_exec)
int BPF_PROG(stand_in__exec, struct task_struct *task)
{
	return stand_in__is_idle_of_task(NA_PROGRAM_EXEC) ? 0 : exec__report(task, NA_PROGRAM_EXEC);
}

TRACEPOINT(sched_process_exit)
int BPF_PROG(tp__sched_process_exit, struct task_struct *task)
{
	stand_in__mark_task(NA_PROGRAM_EXIT);
	return exit__report(task, NA_PROGRAM_EXIT);
}

TRACEPOINT(sched_process_exit)
int BPF_PROG(stand_in__exit, struct task_struct *task)
{
	return stand_in__is_idle_of_task(NA_PROGRAM_EXIT) ? 0 : exit__report(task, NA_PROGRAM_EXIT);
}

/* An iterator runs in the process that reads it, whatever namespace gave it its pid. */
static __always_inline bool is_reader(const struct task_struct *task)
{
	calibration.reader = bpf_get_current_pid_tgid() >> 32;
	return (__u32)task->tgid == calibration.reader;
}

/* Of inet what the kernel counts; a listener's counters are of no connection. */
static __always_inline void found__fill_totals(struct na_record_found *record, struct sock *sk)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	const struct mptcp_sock *msk = (const struct mptcp_sock *)sk;

	if (record->type == SOCK_STREAM && record->state != TCP_LISTEN && record->protocol == IPPROTO_TCP)
		TOTALS_FILL_TCP(record, sk, tp, PROBED);
	else if (record->type == SOCK_STREAM && record->protocol == IPPROTO_MPTCP)
		TOTALS_FILL_MPTCP(record, msk);
	else
		TOTALS_FILL_NONE(record);
}

/* Of the others what the programs count. */
static __always_inline void found__fill_other(struct na_record_found *record, struct sock *sk)
{
	const struct other *other = other__add(sk, record->inode, record->family, record->type);

	TOTALS_FILL_NONE(record);
	if (!other)
		return;
	record->sent_bytes = other->sent_bytes;
	record->received_bytes = other->received_bytes;
	record->sent_packets = other->sent_packets;
	record->received_packets = other->received_packets;
}

/* The helper is from 5.11: before, the socket of a file is followed by probes. */
#define FOUND_IS_TRUSTED bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_sock_from_file)

static __always_inline void found__fill(struct na_record_found *record, struct task_struct *task,
					__u32 fd, struct sock *sk)
{
	HEADER_NO_TASK(record, FOUND, NA_PROGRAM_SNAPSHOT, 0);
	record->header.pid = task->tgid;
	record->header.tid = task->pid;
	record->header.start_ns = task->group_leader->start_boottime;
	credentials__fill(&record->header.credentials, task->cred);
	record->cookie = FOUND_IS_TRUSTED ? cookie_of_trusted(sk) : cookie_of(sk);
	record->type = BPF_CORE_READ(sk, sk_type);
	record->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	record->fd = fd;
	if (family_is_inet(BPF_CORE_READ(sk, __sk_common.skc_family))) {
		SOCKET_FILL_PROBED(record, sk);
		found__fill_totals(record, sk);
	} else {
		SOCKET_FILL_OTHER(record, sk);
		found__fill_other(record, sk);
	}
}

static __always_inline struct sock *sock_of_found(struct file *file)
{
	struct socket *socket;

	if (FOUND_IS_TRUSTED) {
		socket = (struct socket *)bpf_sock_from_file(file);
		return socket ? socket->sk : NULL;
	}
	socket = socket_of_file(file);
	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

/*
 * Sockets that are there, through every process's descriptors: all network namespaces, with owners.
 * Records go to the reader of the iterator, not to the rings: however many there are, all fit.
 */
SEC("iter/task_file")
int iter__task_file(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct task_struct *task = ctx->task;
	struct na_record_found record;
	struct sock *sk;

	if (!file || !task)
		return 0;
	sk = sock_of_found(file);
	if (!sk)
		return 0;
	if (is_reader(task) && (__s32)ctx->fd == calibration.fd) {
		calibration.by_dentry = FILES_BY_RCU;
		calibration.file = FILES_BY_RCU ? (void *)BPF_CORE_READ(file, f_path.dentry) : file;
		calibration.operations = BPF_CORE_READ(file, f_op);
		return 0;
	}
	if (!family_wanted(BPF_CORE_READ(sk, __sk_common.skc_family)))
		return 0;
	found__fill(&record, task, ctx->fd, sk);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/* Counters of sockets that are idle for long: the agent runs this at each interval. */
SEC("iter/bpf_sk_storage_map")
int iter__flows(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct flow_storage *storage = ctx->value;
	struct sock *sk = ctx->sk;

	if (sk && storage)
		flow__flush(sk, storage);
	return 0;
}
