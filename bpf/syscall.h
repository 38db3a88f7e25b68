/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results of the socket calls, from the exit of every system call: what no program nearer to the
 * operation tells. A descriptor gives only an untrusted pointer, and under a race with dup2 it may
 * be another socket's: records say NA_FLAG_FD_RESOLVED, and the agent prefers the socket of the
 * same thread's last BIND or CONNECT.
 */
#ifndef NA_SYSCALL_H
#define NA_SYSCALL_H

#include "created.h"
#include "tcp.h"

#define SECCOMP_MODE_FILTER 2

/* True where a program nearer to the operation told its success: cgroup/post_bind, a state. */
static __always_inline bool success_is_told(struct sock *sk, __u32 operation)
{
	__u16 type = BPF_CORE_READ(sk, sk_type);

	if (!family_is_inet(BPF_CORE_READ(sk, __sk_common.skc_family)))
		return false;
	if (operation == NA_OPERATION_BIND) /* without a port there was no post_bind */
		return type != SOCK_RAW && BPF_CORE_READ(sk, __sk_common.skc_num);
	/* A listen that succeeds as a state may still fail: the port's conflicts come after. */
	return type == SOCK_STREAM && operation == NA_OPERATION_CONNECT;
}

/* The call as its caller made it, whatever the ABI. */
struct call {
	__u32 operation; /* enum na_operation; NONE: not ours */
	__u16 pair;      /* socketpair */
	__u16 flags;     /* NA_FLAG_…: who may have refused it */
	long ret;
	long args[4];
};

static __always_inline bool is_refusal(long ret)
{
	return ret == -EPERM || ret == -EACCES;
}

/* -512…-516 are restarts that user space never sees; the others say that nothing was decided yet. */
static __always_inline bool result_is_final(long ret)
{
	if (ret <= -512 && ret >= -516)
		return false;
	return ret != -EINPROGRESS && ret != -4 /* EINTR */ && ret != -114 /* EALREADY */ &&
	       ret != -106 /* EISCONN */;
}

static __always_inline struct file *file_of(int fd)
{
	struct task_struct *task = current_task();
	struct files_struct *files = CURRENT_READ(task, files);
	struct fdtable *table = files ? CURRENT_READ(files, fdt) : NULL;
	struct file *file = NULL;

	if (!table || fd < 0 || (__u32)fd >= CURRENT_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), CURRENT_READ(table, fd) + fd);
	return file;
}

/* The socket behind a file, NULL when it is none: the inode says so, and the socket points back. */
static __always_inline struct socket *socket_of_file(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return socket && BPF_CORE_READ(socket, file) == file ? socket : NULL;
}

static __always_inline struct sock *sock_of_fd(int fd)
{
	struct socket *socket = socket_of_file(file_of(fd));

	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

static __always_inline __u64 cookie_of(struct sock *sk)
{
	return sk ? BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) : 0;
}

static __always_inline __u16 lsm_flag(__u32 operation)
{
	return told.lsm >> operation & 1 ? NA_FLAG_NO_LSM : 0;
}

static __always_inline bool is_filtered(void)
{
	struct task_struct *task = current_task();

	return BPF_CORE_READ(task, seccomp.mode) == SECCOMP_MODE_FILTER;
}

/* A socket of a family that no cgroup program sees, or one that could not be made. */
static __noinline int call__created(struct sock *sk, const struct call *call, __u8 program)
{
	struct made made = {.cookie = cookie_of(sk)};
	__u32 family = call->args[0];

	if (!family_wanted(family) || excluded_created(made.cookie, family))
		return 0;
	/* The type without SOCK_CLOEXEC, SOCK_NONBLOCK. */
	made.kind = (struct kind){family, call->args[1] & 15, call->args[2]};
	if (sk) {
		made.inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));
		made.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		made.kind.protocol = BPF_CORE_READ(sk, sk_protocol);
	}
	if (made.inode)
		other__add(sk, made.inode, family, made.kind.type);
	if (call->ret < 0)
		return created__tell(&made, call->ret, call->flags | lsm_flag(NA_OPERATION_SOCKET), program);
	return created__tell(&made, 0, 0, program);
}

/* A plain load where the caller says that the verifier knows the pointer. */
#define SOCK_READ(from, field) (trusted ? (from)->field : BPF_CORE_READ(from, field))

static __always_inline bool excluded_accept(struct sock *sk, __u64 cookie, __u16 family)
{
	struct endpoints ends = {};

	if (!rule_count)
		return false;
	if (family_is_inet(family))
		endpoints__fill(&ends, sk);
	return excluded_decide(cookie, family, &ends, EXCLUDED_WHOLE);
}

static __always_inline void accepted__fill(struct na_record_accepted *record, struct sock *sk, __u16 family,
					   bool trusted)
{
	record->type = SOCK_READ(sk, sk_type);
	if (!family_is_inet(family))
		SOCKET_FILL_OTHER(record, sk);
	else if (trusted)
		SOCKET_FILL(record, sk);
	else
		SOCKET_FILL_PROBED(record, sk);
	if (!family_is_inet(family))
		other__add(sk, record->inode, family, record->type);
}

static __always_inline int accepted__report(struct sock *sk, struct sock *listener, __u16 flags, __u8 program,
					    bool trusted)
{
	struct na_record_accepted *record;
	__u16 family = SOCK_READ(sk, __sk_common.skc_family);
	__u64 cookie = SOCK_READ(sk, __sk_common.skc_cookie.counter);

	if (!family_wanted(family) || excluded_accept(sk, cookie, family))
		return 0;
	record = RESERVE(accepted, program);
	if (!record)
		return 0;
	HEADER(record, ACCEPTED, program, 0);
	record->cookie = cookie;
	record->listener = cookie_of(listener);
	record->listener_inode = listener ? inode_of_socket(BPF_CORE_READ(listener, sk_socket)) : 0;
	accepted__fill(record, sk, family, trusted);
	record->flags |= flags;
	record_submit(record);
	/* Reset while it waited to be accepted: its end came when nobody knew it. */
	if (SOCK_READ(sk, __sk_common.skc_state) == TCP_CLOSE &&
	    SOCK_READ(sk, sk_protocol) == IPPROTO_TCP && family_is_inet(family))
		state__ended_before(sk, cookie, program);
	return 0;
}

static __noinline int call__accepted(struct sock *sk, struct sock *listener, __u16 flags, __u8 program)
{
	return accepted__report(sk, listener, flags, program, false);
}

/* What a RESULT says; a struct, because a BPF function takes five arguments at most. */
struct outcome {
	__u32 operation;
	__s32 error;
	__s32 value;
	__u16 flags;
	__u8 program;
};

static __noinline int call__result(struct sock *sk, const struct outcome *outcome)
{
	struct na_record_result *record;
	__u16 family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	__u64 cookie = cookie_of(sk);

	if (!family_wanted(family) || excluded_call(cookie, family))
		return 0;
	record = RESERVE(result, outcome->program);
	if (!record)
		return 0;
	HEADER(record, RESULT, outcome->program, outcome->error);
	record->cookie = cookie;
	record->type = BPF_CORE_READ(sk, sk_type);
	if (family_is_inet(family))
		SOCKET_FILL_PROBED(record, sk);
	else
		SOCKET_FILL_OTHER(record, sk);
	record->operation = outcome->operation;
	record->value = outcome->value;
	record->flags |= outcome->flags | (outcome->error ? lsm_flag(outcome->operation) : 0);
	record_submit(record);
	return 0;
}

/* socketpair: the two descriptors are in the caller's memory by now. */
static __always_inline int call__pair(const struct call *call, __u8 program)
{
	int fds[2] = {-1, -1};

	if (call->ret)
		return call__created(NULL, call, program);
	bpf_probe_read_user(fds, sizeof(fds), (void *)call->args[3]);
	for (int i = 0; i < 2; i++) {
		struct sock *sk = sock_of_fd(fds[i]);

		if (sk)
			call__created(sk, call, program);
	}
	return 0;
}

static __always_inline int call__socket(const struct call *call, __u8 program)
{
	struct made made;
	struct sock *sk;
	bool kept;

	kept = made__take(&made);
	if (call->pair) /* of inet both are made, and then always refused */
		return call__pair(call, program);
	if (call->ret < 0)
		return call__created(NULL, call, program);
	if (family_is_inet(call->args[0])) /* what cgroup/sock_create saw */
		return kept ? created__tell(&made, 0, 0, NA_PROGRAM_SOCK_CREATE) : 0;
	sk = sock_of_fd(call->ret);
	if (!sk) /* a filter of seccomp that kills leaves the call's number here */
		return 0;
	return call__created(sk, call, program);
}

/* The listener is of use only where its name is the accepted socket's: unix. */
static __always_inline int call__accept(const struct call *call, __u16 flags, __u8 program)
{
	struct sock *sk, *listener = NULL;

	if (call->ret < 0) {
		if (!is_refusal(call->ret))
			return 0;
		return call__result(sock_of_fd(call->args[0]),
				    &(struct outcome){NA_OPERATION_ACCEPT, call->ret, 0,
						      NA_FLAG_FD_RESOLVED | flags | call->flags, program});
	}
	sk = sock_of_fd(call->ret);
	if (!sk)
		return 0;
	if (!family_is_inet(BPF_CORE_READ(sk, __sk_common.skc_family)))
		listener = sock_of_fd(call->args[0]);
	return call__accepted(sk, listener, flags, program);
}

/* The name that a unix socket was bound to; the address of bind(2) is no longer asked for it. */
static __noinline int call__bound_unix(struct sock *sk, __u8 program)
{
	struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, addr);
	struct na_record_unix *record;

	if (!family_wanted(AF_UNIX) || excluded_call(cookie_of(sk), AF_UNIX))
		return 0;
	record = RESERVE(unix, program);
	if (!record)
		return 0;
	HEADER(record, UNIX, program, 0);
	record->cookie = cookie_of(sk);
	record->inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));
	record->operation = NA_OPERATION_BIND;
	record->type = BPF_CORE_READ(sk, sk_type);
	unix__fill_path(record, (void *)address + bpf_core_field_offset(struct unix_address, name),
			BPF_CORE_READ(address, len) - (int)sizeof(unsigned short));
	record_submit(record);
	return 0;
}

/* Its program of cgroups is from 6.7. */
enum bpf_attach_type___unix {
	BPF_CGROUP_UNIX_CONNECT = 49,
};
#define CONNECT_UNIX_EXISTS bpf_core_enum_value_exists(enum bpf_attach_type___unix, BPF_CGROUP_UNIX_CONNECT)

/*
 * Where a unix socket was connected to: the name of what it reached, or, when it reached nothing, what
 * the caller's memory says by now.
 */
static __noinline int call__connected_unix(struct sock *sk, const struct call *call, __u8 program)
{
	struct unix_sock *peer = (struct unix_sock *)BPF_CORE_READ((struct unix_sock *)sk, peer);
	struct unix_address *address = BPF_CORE_READ(peer, addr);
	struct na_record_unix *record;

	if (!family_wanted(AF_UNIX) || excluded_call(cookie_of(sk), AF_UNIX))
		return 0;
	record = RESERVE(unix, program);
	if (!record)
		return 0;
	HEADER(record, UNIX, program, is_refusal(call->ret) ? call->ret : 0);
	record->cookie = cookie_of(sk);
	record->inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));
	record->operation = NA_OPERATION_CONNECT;
	record->type = BPF_CORE_READ(sk, sk_type);
	if (!call->ret && address)
		unix__fill_path(record, (void *)address + bpf_core_field_offset(struct unix_address, name),
				BPF_CORE_READ(address, len) - (int)sizeof(unsigned short));
	else
		unix__fill_path_user(record, (void *)call->args[1],
				     (int)call->args[2] - (int)sizeof(unsigned short));
	record_submit(record);
	return 0;
}

/* bind, listen, connect, shutdown, and refused sends. */
static __always_inline int call__other(const struct call *call, __u8 program)
{
	bool send = call->operation == NA_OPERATION_SEND;
	struct sock *sk;

	if (!result_is_final(call->ret) || (call->ret > 0 && !send))
		return 0;
	if (send && !is_refusal(call->ret))
		return 0;
	sk = sock_of_fd(call->args[0]);
	if (!sk)
		return 0;
	if (!call->ret && success_is_told(sk, call->operation))
		return 0;
	if (!call->ret && call->operation == NA_OPERATION_BIND &&
	    BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		call__bound_unix(sk, program);
	if (call->operation == NA_OPERATION_CONNECT && !CONNECT_UNIX_EXISTS &&
	    BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		call__connected_unix(sk, call, program);
	return call__result(sk, &(struct outcome){call->operation, call->ret, call->args[1],
						  NA_FLAG_FD_RESOLVED | call->flags, program});
}

static __always_inline int call__report(const struct call *call, __u8 program)
{
	switch (call->operation) {
	case NA_OPERATION_NONE:
		return 0;
	case NA_OPERATION_SOCKET:
		return call__socket(call, program);
	case NA_OPERATION_ACCEPT:
		return call__accept(call, 0, program);
	default:
		return call__other(call, program);
	}
}

/* By thread, the operation of its call that a policy behind seccomp refused. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* some notes nobody takes away, as of threads that ended */
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} refusals SEC(".maps");

/*
 * Somebody saw the call, so seccomp let it pass: for its exit, which takes the note away. Other calls
 * and workers of io_uring have none.
 */
static __always_inline void refusal__note(__u32 operation, __u8 program)
{
	struct task_struct *task = current_task();
	__u32 thread = (__u32)bpf_get_current_pid_tgid();

	if (!told.seccomp || !is_told(operation, true) || !is_filtered() ||
	    CURRENT_READ(task, flags) & PF_IO_WORKER)
		return;
	if (bpf_map_update_elem(&refusals, &thread, &operation, BPF_ANY))
		count_lost(program);
}

static __always_inline bool refused_by_seccomp(const struct call *call)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid(), *operation;
	bool seen;

	if (!told.seccomp || !is_filtered())
		return false;
	operation = bpf_map_lookup_elem(&refusals, &thread);
	seen = operation && *operation == call->operation;
	if (operation)
		bpf_map_delete_elem(&refusals, &thread);
	return is_refusal(call->ret) && !seen;
}

/* Numbers of socketcall(2), which name the calls for 32-bit programs of old. */
static __always_inline __u32 operation_of_socketcall(long number, __u16 *pair)
{
	*pair = number == 8;
	switch (number) {
	case 1:
	case 8:
		return NA_OPERATION_SOCKET;
	case 2:
		return NA_OPERATION_BIND;
	case 3:
		return NA_OPERATION_CONNECT;
	case 4:
		return NA_OPERATION_LISTEN;
	case 5:
	case 18:
		return NA_OPERATION_ACCEPT;
	case 9:
	case 11:
	case 16:
	case 20:
		return NA_OPERATION_SEND;
	case 13:
		return NA_OPERATION_SHUTDOWN;
	}
	return NA_OPERATION_NONE;
}

#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT 2

/* A call by the numbers of 32-bit programs. */
static __always_inline bool call_is_compat(void)
{
	struct task_struct *task = current_task();

	return CURRENT_READ(task, thread_info.status) & TS_COMPAT;
}

#define BIT(n) (1ULL << ((n) & 63))

/* 41 socket, 42 connect, 43 accept, 44 sendto, 46 sendmsg, 48 shutdown, 49 bind, 50 listen, 53 socketpair */
#define NATIVE_CALLS (BIT(41) | BIT(42) | BIT(43) | BIT(44) | BIT(46) | BIT(48) | BIT(49) | BIT(50) | BIT(53))
#define NATIVE_ACCEPT4  288
#define NATIVE_SENDMMSG 307
/* 32-bit: 359 socket, 360 socketpair, 361 bind … 373 shutdown; 102 socketcall. No native call has these, but 102. */
#define COMPAT_FIRST      359
#define COMPAT_LAST       373
#define COMPAT_SOCKETCALL 102

/* Runs at the exit of every system call of the host: nearly all must leave here. */
static __always_inline bool call_is_ours(unsigned long nr)
{
	if (nr < 64)
		return NATIVE_CALLS >> nr & 1;
	return nr == NATIVE_ACCEPT4 || nr == COMPAT_SOCKETCALL || nr == NATIVE_SENDMMSG ||
	       (nr >= COMPAT_FIRST && nr <= COMPAT_LAST);
}

static __always_inline __u32 operation_of_native(unsigned long nr, __u16 *pair)
{
	*pair = nr == 53;
	switch (nr) {
	case 41:
	case 53:
		return NA_OPERATION_SOCKET;
	case 42:
		return NA_OPERATION_CONNECT;
	case 43:
	case NATIVE_ACCEPT4:
		return NA_OPERATION_ACCEPT;
	case 48:
		return NA_OPERATION_SHUTDOWN;
	case 49:
		return NA_OPERATION_BIND;
	case 50:
		return NA_OPERATION_LISTEN;
	case 44:
	case 46:
	case NATIVE_SENDMMSG:
		return NA_OPERATION_SEND;
	}
	return NA_OPERATION_NONE;
}

static __always_inline __u32 operation_of_compat(unsigned long nr, __u16 *pair)
{
	*pair = nr == 360;
	switch (nr) {
	case 359:
	case 360:
		return NA_OPERATION_SOCKET;
	case 361:
		return NA_OPERATION_BIND;
	case 362:
		return NA_OPERATION_CONNECT;
	case 363:
		return NA_OPERATION_LISTEN;
	case 364:
		return NA_OPERATION_ACCEPT;
	case 369:
	case 370:
		return NA_OPERATION_SEND;
	case 373:
		return NA_OPERATION_SHUTDOWN;
	}
	return NA_OPERATION_NONE;
}

static __always_inline void call__fill_compat(struct call *call, struct pt_regs *regs, unsigned long nr)
{
	__u32 args[4] = {};

	if (nr == COMPAT_SOCKETCALL) {
		call->operation = operation_of_socketcall(TRUSTED(regs, bx), &call->pair);
		bpf_probe_read_user(args, sizeof(args), (void *)(__u64)(__u32)TRUSTED(regs, cx));
		call->args[0] = args[0];
		call->args[1] = args[1];
		call->args[2] = args[2];
		call->args[3] = args[3];
		return;
	}
	call->operation = operation_of_compat(nr, &call->pair);
	call->args[0] = (__u32)TRUSTED(regs, bx);
	call->args[1] = (__u32)TRUSTED(regs, cx);
	call->args[2] = (__u32)TRUSTED(regs, dx);
	call->args[3] = (__u32)TRUSTED(regs, si);
}

static __always_inline void call__fill(struct call *call, struct pt_regs *regs, long ret)
{
	unsigned long nr = TRUSTED(regs, orig_ax);

	call->ret = ret;
	if (call_is_compat()) {
		call->ret = (int)ret;
		call__fill_compat(call, regs, nr);
		return;
	}
	call->operation = operation_of_native(nr, &call->pair);
	call->args[0] = TRUSTED(regs, di);
	call->args[1] = TRUSTED(regs, si);
	call->args[2] = TRUSTED(regs, dx);
	call->args[3] = TRUSTED(regs, r10);
}

#define CALL_NUMBER(regs) TRUSTED(regs, orig_ax)

#elif defined(__TARGET_ARCH_arm64)

/* 198 socket, 199 socketpair, 200 bind, 201 listen, 202 accept, 203 connect, 206 sendto, 210 shutdown, 211 sendmsg */
#define CALL_NUMBER(regs) ((unsigned long)TRUSTED(regs, syscallno))

#define TIF_32BIT (1UL << 22)

/* 32-bit: 281 socket … 296 sendmsg, 366 accept4, 374 sendmmsg. 64-bit programs know them as other calls. */
#define COMPAT_FIRST    281
#define COMPAT_LAST     296
#define COMPAT_ACCEPT4  366
#define COMPAT_SENDMMSG 374

/* A call by the numbers of 32-bit programs. */
static __always_inline bool call_is_compat(void)
{
	struct task_struct *task = current_task();

	return CURRENT_READ(task, thread_info.flags) & TIF_32BIT;
}

static __always_inline bool call_is_ours(unsigned long nr)
{
	return (nr >= 198 && nr <= 211) || nr == 242 || nr == 269 ||
	       (nr >= COMPAT_FIRST && nr <= COMPAT_LAST) || nr == COMPAT_ACCEPT4 ||
	       nr == COMPAT_SENDMMSG;
}

static __always_inline __u32 operation_of_compat(unsigned long nr)
{
	switch (nr) {
	case 281:
	case 288:
		return NA_OPERATION_SOCKET;
	case 282:
		return NA_OPERATION_BIND;
	case 283:
		return NA_OPERATION_CONNECT;
	case 284:
		return NA_OPERATION_LISTEN;
	case 285:
	case COMPAT_ACCEPT4:
		return NA_OPERATION_ACCEPT;
	case 289:
	case 290:
	case 296:
	case COMPAT_SENDMMSG:
		return NA_OPERATION_SEND;
	case 293:
		return NA_OPERATION_SHUTDOWN;
	}
	return NA_OPERATION_NONE;
}

static __always_inline void call__fill_compat(struct call *call, struct pt_regs *regs, long ret)
{
	unsigned long nr = CALL_NUMBER(regs);

	call->ret = (int)ret;
	call->operation = operation_of_compat(nr);
	call->pair = nr == 288;
	call->args[0] = (__u32)TRUSTED(regs, orig_x0);
	call->args[1] = (__u32)TRUSTED(regs, regs[1]);
	call->args[2] = (__u32)TRUSTED(regs, regs[2]);
	call->args[3] = (__u32)TRUSTED(regs, regs[3]);
}

static __always_inline void call__fill(struct call *call, struct pt_regs *regs, long ret)
{
	static const __u8 operations[] = {
		NA_OPERATION_SOCKET, NA_OPERATION_SOCKET, NA_OPERATION_BIND, NA_OPERATION_LISTEN,
		NA_OPERATION_ACCEPT, NA_OPERATION_CONNECT, 0, 0, NA_OPERATION_SEND, 0, 0, 0,
		NA_OPERATION_SHUTDOWN, NA_OPERATION_SEND,
	};
	unsigned long nr = CALL_NUMBER(regs);

	if (call_is_compat()) {
		call__fill_compat(call, regs, ret);
		return;
	}
	call->ret = ret;
	call->operation = NA_OPERATION_NONE;
	call->pair = nr == 199;
	if (nr == 242)
		call->operation = NA_OPERATION_ACCEPT;
	else if (nr == 269)
		call->operation = NA_OPERATION_SEND;
	else if (nr - 198 < sizeof(operations))
		call->operation = operations[nr - 198];
	call->args[0] = TRUSTED(regs, orig_x0);
	call->args[1] = TRUSTED(regs, regs[1]);
	call->args[2] = TRUSTED(regs, regs[2]);
	call->args[3] = TRUSTED(regs, regs[3]);
}

#endif

/* Whether the task's filter lets every call of this number pass; false where that is not known. */
static __always_inline bool filter_allows(unsigned long nr)
{
	struct task_struct *task = current_task();
	unsigned long word = 0;
	void *filter;

	if (!bpf_core_field_exists(struct seccomp_filter, cache))
		return false;
	asm volatile("" ::: "memory"); /* else the offset is taken before it is asked for */
	if (call_is_compat() || nr >= 8 * sizeof(struct action_cache))
		return false;
	filter = BPF_CORE_READ(task, seccomp.filter);
	bpf_probe_read_kernel(&word, sizeof(word),
			      filter + bpf_core_field_offset(struct seccomp_filter, cache.allow_native) +
				      nr / 64 * sizeof(word));
	return word >> (nr & 63) & 1;
}

/* Of a call that was refused, at its exit. What others tell is seen there when seccomp refused it. */
static __always_inline __u16 refusal_flags(__u32 operation, unsigned long nr)
{
	__u16 flags = is_told(operation, true) ? NA_FLAG_NO_LSM : 0;

	return is_filtered() && !filter_allows(nr) ? flags | NA_FLAG_SECCOMP : flags;
}

#endif
