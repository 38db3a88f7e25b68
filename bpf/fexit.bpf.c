/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fexit tier: exits of the functions that call the security hooks, with the verdict that all of
 * them together gave; and exits of the functions behind the socket calls, which tell what came of
 * them without a program on every system call. The latter serve the lsm tier too.
 */
#include "hook.h"
#include "lifecycle.h"

char LICENSE[] SEC("license") = "GPL";

#define NA_HOOK(id, name, function, arguments, about, first, second, returns, where, operation, mode) \
	SEC("fexit/" #function)                                                                    \
	int fexit__##name(unsigned long long *ctx)                                                 \
	{                                                                                          \
		HOOK_BODY(ctx, id, arguments, about, first, second, returns, where, operation,     \
			  NA_PROGRAM_FEXIT_##id);                                                  \
		return 0;                                                                          \
	}
#include "hooks.def"

SEC("fexit/security_socket_post_create")
int BPF_PROG(fexit__created, struct socket *socket, int family, int type, int protocol, int kern, int ret)
{
	return created__by_hook(socket, family, type, kern, ret, NA_PROGRAM_FEXIT_CREATED);
}

SEC("fexit/security_sock_graft")
int BPF_PROG(fexit__accepted, struct sock *sk, struct socket *parent)
{
	return accepted__by_hook(sk, parent, NA_PROGRAM_FEXIT_ACCEPTED);
}

/* The exit of the function behind a call, as the exit of the call itself. */
static __noinline int function__returned(const struct call *call, __u8 program)
{
	if (is_refusal(call->ret))
		refusal__note(call->operation);
	return call__report(call, program);
}

/* What was made is told by socket_post_create and cgroup/sock_create. */
SEC("fexit/__sys_socket")
int BPF_PROG(fexit__sys_socket, int family, int type, int protocol, int ret)
{
	return ret < 0 ? function__returned(&(struct call){.operation = NA_OPERATION_SOCKET,
							   .ret = ret,
							   .args = {family, type, protocol}},
					    NA_PROGRAM_CALL_SOCKET)
		       : 0;
}

SEC("fexit/__sys_socketpair")
int BPF_PROG(fexit__sys_socketpair, int family, int type, int protocol, int *fds, int ret)
{
	return ret < 0 ? function__returned(&(struct call){.operation = NA_OPERATION_SOCKET,
							   .pair = 1,
							   .ret = ret,
							   .args = {family, type, protocol}},
					    NA_PROGRAM_CALL_SOCKETPAIR)
		       : 0;
}

/*
 * The verifier knows the caller's address as a pointer to a sockaddr, and refuses to take it for the
 * number that the exit of a system call has there: read back from memory it is one.
 */
static __always_inline long number_of(const void *pointer)
{
	long number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

/* The functions whose first argument is a descriptor: it and the two behind it. */
#define CALL_EXIT(id, operation_, ...)                                                             \
	function__returned(&(struct call){.operation = NA_OPERATION_##operation_,                  \
					  .ret = ret,                                              \
					  .args = {__VA_ARGS__}},                                  \
			   NA_PROGRAM_CALL_##id)

/* For the lsm tier, whose program on this hook does not see what an earlier LSM refused. */
SEC("fexit/security_socket_accept")
int BPF_PROG(fexit__accept_refused, struct socket *socket, struct socket *child, int ret)
{
	struct outcome outcome = {.operation = NA_OPERATION_ACCEPT, .error = ret, .program = NA_PROGRAM_CALL_ACCEPT};

	if (ret >= 0)
		return 0;
	refusal__note(NA_OPERATION_ACCEPT);
	return call__result(BPF_CORE_READ(socket, sk), &outcome);
}

SEC("fexit/__sys_bind")
int BPF_PROG(fexit__sys_bind, int fd, void *address, int length, int ret)
{
	return CALL_EXIT(BIND, BIND, fd, number_of(address), length);
}

SEC("fexit/__sys_listen")
int BPF_PROG(fexit__sys_listen, int fd, int backlog, int ret)
{
	return CALL_EXIT(LISTEN, LISTEN, fd, backlog);
}

SEC("fexit/__sys_connect")
int BPF_PROG(fexit__sys_connect, int fd, void *address, int length, int ret)
{
	return CALL_EXIT(CONNECT, CONNECT, fd, number_of(address), length);
}

SEC("fexit/__sys_shutdown")
int BPF_PROG(fexit__sys_shutdown, int fd, int how, int ret)
{
	return CALL_EXIT(SHUTDOWN, SHUTDOWN, fd, how);
}

SEC("fexit/__sys_sendto")
int BPF_PROG(fexit__sys_sendto, int fd, void *data, unsigned long size, unsigned int flags, void *address,
	     int length, int ret)
{
	return ret < 0 ? CALL_EXIT(SENDTO, SEND, fd) : 0;
}

SEC("fexit/__sys_sendmsg")
int BPF_PROG(fexit__sys_sendmsg, int fd, void *message, unsigned int flags, bool forbid_compat, long ret)
{
	return ret < 0 ? CALL_EXIT(SENDMSG, SEND, fd) : 0;
}

SEC("fexit/__sys_sendmmsg")
int BPF_PROG(fexit__sys_sendmmsg, int fd, void *messages, unsigned int count, unsigned int flags,
	     bool forbid_compat, int ret)
{
	return ret < 0 ? CALL_EXIT(SENDMMSG, SEND, fd) : 0;
}

SEC("fentry/sock_close")
int BPF_PROG(fentry__sock_close, struct inode *inode, struct file *file)
{
	return file__closed(BPF_CORE_READ(inode, i_ino), NA_PROGRAM_FEXIT_CLOSE);
}
