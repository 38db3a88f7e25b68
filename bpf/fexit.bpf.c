/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fexit tier: exits of the functions that call the security hooks, with the verdict that all of
 * them together gave; and exits of the functions behind the socket calls, which tell what came of
 * them without a program on every system call. The latter serve the lsm tier too.
 */
#include "hook.h"
#include "lifecycle.h"
#include "message.h"
#include "stand_in.h"

char LICENSE[] SEC("license") = "GPL";

#define NA_HOOK(id, name, function, slots, about, address, first, first_is, second, second_is, returns,  \
		where, operation, mode)                                                            \
	SEC("fexit/" #function)                                                                    \
	int fexit__##name(unsigned long long *ctx)                                                 \
	{                                                                                          \
		HOOK_BODY(ctx, id, about, address, first, second, where, operation,                \
			  HOOK_RETURNS_##returns(ctx, id), NA_PROGRAM_FEXIT_##id);                 \
		return 0;                                                                          \
	}
#include "hooks.def"

#define EXPAND(...) __VA_ARGS__
#define PROGRAM(...) BPF_PROG(__VA_ARGS__)

/* A program and its stand-in: `report` is what both do, with the arguments that are named. */
#define WITH_STAND_IN(section, prefix, name, id, arguments, report)                                  \
	SEC(section)                                                                               \
	int PROGRAM(prefix##__##name, EXPAND arguments)                                            \
	{                                                                                          \
		stand_in__mark_task(NA_PROGRAM_##id);                                              \
		return report;                                                                     \
	}                                                                                          \
                                                                                                   \
	SEC(section)                                                                               \
	int PROGRAM(stand_in__##name, EXPAND arguments)                                            \
	{                                                                                          \
		return stand_in__is_idle_of_task(NA_PROGRAM_##id) ? 0 : report;                    \
	}

/* Once for both. */
static __noinline int hook__accepted(struct sock *sk, struct socket *parent)
{
	return accepted__by_hook(sk, parent, NA_PROGRAM_FEXIT_ACCEPTED, true);
}

WITH_STAND_IN("fexit/security_sock_graft", fexit, accepted, FEXIT_ACCEPTED,
	      (struct sock *sk, struct socket *parent), hook__accepted(sk, parent))

/* The exit of the function behind a call, as the exit of the call itself. */
static __noinline int function__returned(const struct call *call, __u8 program)
{
	if (is_refusal(call->ret))
		refusal__note(call->operation, program);
	return call__report(call, program);
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

/* Once for both. */
static __noinline int file__made(struct socket *socket, const struct file *file)
{
	return created__by_file(socket, file, NA_PROGRAM_CALL_FILE);
}

WITH_STAND_IN("fexit/sock_alloc_file", fexit, sock_alloc_file, CALL_FILE,
	      (struct socket *socket, int flags, const char *name, struct file *file),
	      file__made(socket, file))

/* What was made is told by sock_alloc_file. */
WITH_STAND_IN("fexit/__sys_socket", fexit, sys_socket, CALL_SOCKET,
	      (int family, int type, int protocol, int ret),
	      ret < 0 ? CALL_EXIT(SOCKET, SOCKET, family, type, protocol) : 0)

static __always_inline int pair__returned(int family, int type, int protocol, int ret)
{
	return function__returned(&(struct call){.operation = NA_OPERATION_SOCKET,
						 .pair = 1,
						 .ret = ret,
						 .args = {family, type, protocol}},
				  NA_PROGRAM_CALL_SOCKETPAIR);
}

WITH_STAND_IN("fexit/__sys_socketpair", fexit, sys_socketpair, CALL_SOCKETPAIR,
	      (int family, int type, int protocol, int *fds, int ret),
	      ret < 0 ? pair__returned(family, type, protocol, ret) : 0)

/* For the lsm tier, whose program on this hook does not see what an earlier LSM refused. */
static __always_inline int accept__refused(struct socket *socket, int ret)
{
	struct outcome outcome = {.operation = NA_OPERATION_ACCEPT, .error = ret, .program = NA_PROGRAM_CALL_ACCEPT};

	if (ret >= 0)
		return 0;
	refusal__note(NA_OPERATION_ACCEPT, NA_PROGRAM_CALL_ACCEPT);
	return call__result(BPF_CORE_READ(socket, sk), &outcome);
}

WITH_STAND_IN("fexit/security_socket_accept", fexit, accept_refused, CALL_ACCEPT,
	      (struct socket *socket, struct socket *child, int ret), accept__refused(socket, ret))

/* The same of socket_create. */
static __always_inline int create__refused(int family, int type, int protocol, int kern, int ret)
{
	struct call call = {.ret = ret, .args = {family, type, protocol}};

	if (kern || !is_refusal(ret))
		return 0;
	refusal__note(NA_OPERATION_SOCKET, NA_PROGRAM_CALL_CREATE);
	return call__created(NULL, &call, NA_PROGRAM_CALL_CREATE);
}

WITH_STAND_IN("fexit/security_socket_create", fexit, create_refused, CALL_CREATE,
	      (int family, int type, int protocol, int kern, int ret),
	      create__refused(family, type, protocol, kern, ret))

WITH_STAND_IN("fexit/__sys_bind", fexit, sys_bind, CALL_BIND,
	      (int fd, void *address, int length, int ret),
	      CALL_EXIT(BIND, BIND, fd, number_of(address), length))

WITH_STAND_IN("fexit/__sys_listen", fexit, sys_listen, CALL_LISTEN, (int fd, int backlog, int ret),
	      CALL_EXIT(LISTEN, LISTEN, fd, backlog))

WITH_STAND_IN("fexit/__sys_connect", fexit, sys_connect, CALL_CONNECT,
	      (int fd, void *address, int length, int ret),
	      CALL_EXIT(CONNECT, CONNECT, fd, number_of(address), length))

WITH_STAND_IN("fexit/__sys_shutdown", fexit, sys_shutdown, CALL_SHUTDOWN, (int fd, int how, int ret),
	      CALL_EXIT(SHUTDOWN, SHUTDOWN, fd, how))

/* Its messages too, where no tracepoint tells their lengths. */
static __always_inline int sendto__returned(int fd, int ret)
{
	if (FUNCTIONS_COUNT)
		message__moved(sock_of_fd(fd), ret, true, NA_PROGRAM_CALL_SENDTO);
	return ret < 0 ? CALL_EXIT(SENDTO, SEND, fd) : 0;
}

WITH_STAND_IN("fexit/__sys_sendto", fexit, sys_sendto, CALL_SENDTO,
	      (int fd, void *data, unsigned long size, unsigned int flags, void *address, int length,
	       int ret),
	      sendto__returned(fd, ret))

WITH_STAND_IN("fexit/__sys_sendmsg", fexit, sys_sendmsg, CALL_SENDMSG,
	      (int fd, void *message, unsigned int flags, bool forbid_compat, long ret),
	      ret < 0 ? CALL_EXIT(SENDMSG, SEND, fd) : 0)

WITH_STAND_IN("fexit/__sys_sendmmsg", fexit, sys_sendmmsg, CALL_SENDMMSG,
	      (int fd, void *messages, unsigned int count, unsigned int flags, bool forbid_compat, int ret),
	      ret < 0 ? CALL_EXIT(SENDMMSG, SEND, fd) : 0)

WITH_STAND_IN("fentry/sock_close", fentry, sock_close, FEXIT_CLOSE,
	      (struct inode *inode, struct file *file),
	      file__closed(BPF_CORE_READ(inode, i_ino), NA_PROGRAM_FEXIT_CLOSE))

/*
 * The other messages. sock_sendmsg is inlined into what calls it, sock_recvmsg is not; what read and
 * write move comes here too.
 */
#define MESSAGE(socket, sent, id)                                                                  \
	(FUNCTIONS_COUNT ? message__moved(BPF_CORE_READ(socket, sk), ret, sent, NA_PROGRAM_CALL_##id) : 0)

SEC("fexit/____sys_sendmsg")
int BPF_PROG(fexit__sent, struct socket *socket, struct msghdr *message, unsigned int flags,
	     void *used, unsigned int allowed, int ret)
{
	return MESSAGE(socket, true, SENT);
}

SEC("fexit/sock_write_iter")
int BPF_PROG(fexit__written, struct kiocb *iocb, void *from, long ret)
{
	struct socket *socket = socket_of_file(BPF_CORE_READ(iocb, ki_filp));

	return socket ? MESSAGE(socket, true, WRITTEN) : 0;
}

SEC("fexit/sock_recvmsg")
int BPF_PROG(fexit__received, struct socket *socket, struct msghdr *message, int flags, int ret)
{
	return flags & MSG_PEEK ? 0 : MESSAGE(socket, false, RECEIVED);
}

/* Messages of recvmmsg but the first pass sock_recvmsg by, for the hook is asked only once. */
SEC("fexit/____sys_recvmsg")
int BPF_PROG(fexit__received_more, struct socket *socket, struct msghdr *message, void *user,
	     void *address, unsigned int flags, int no_hook, int ret)
{
	return !no_hook || flags & MSG_PEEK ? 0 : MESSAGE(socket, false, RECEIVED_MORE);
}
