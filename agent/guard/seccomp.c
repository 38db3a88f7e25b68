/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of the shipping process: what threads that read files and talk TLS, HTTP and
 * Kafka need. Whatever is not here kills it, so that a mistake in the list shows at once, and an
 * intruder's attempt too. The kernel's audit log has the number of the call.
 */
#include <asm/ioctls.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard/sandbox_internal.h"

static const int allowed[] = {
	/* descriptors */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwritev),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(fcntl),
	SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
	SCMP_SYS(sendfile),
	SCMP_SYS(eventfd2),
	SCMP_SYS(signalfd4),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(epoll_create),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(inotify_init1),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch),
	/* files */
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(getdents64),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rmdir),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fadvise64),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(sync_file_range),
	SCMP_SYS(flock),
	SCMP_SYS(fchmod),
	SCMP_SYS(umask),
	/* memory; mmap and mprotect are below */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(msync),
	SCMP_SYS(mincore),
	SCMP_SYS(mlock),
	SCMP_SYS(mlock2),
	SCMP_SYS(munlock),
	SCMP_SYS(membarrier),
	/* sockets; socket and socketpair are below */
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmmsg),
	/* threads and signals; clone, tgkill and prctl are below */
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(get_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(set_tid_address),
	SCMP_SYS(gettid),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler),
	SCMP_SYS(getcpu),
	SCMP_SYS(arch_prctl),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(pause),
	/* time, and who am I */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(times),
	SCMP_SYS(alarm),
	SCMP_SYS(setitimer),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getresuid),
	SCMP_SYS(getresgid),
	SCMP_SYS(getgroups),
	SCMP_SYS(capget),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getrusage),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	SCMP_SYS(getrandom),
};

/* Allowed when (argument & mask) == value; of int arguments the kernel sees the low half only. */
struct condition {
	int call;
	unsigned int argument;
	uint64_t mask, value;
};

#define INT UINT64_C(0xffffffff)
#define WRITE_EXEC (PROT_WRITE | PROT_EXEC)

static const struct condition conditions[] = {
	{SCMP_SYS(socket), 0, INT, AF_UNIX},
	{SCMP_SYS(socket), 0, INT, AF_INET},
	{SCMP_SYS(socket), 0, INT, AF_INET6},
	{SCMP_SYS(socketpair), 0, INT, AF_UNIX},
	/* A thread, never a process. */
	{SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD},
	/* Memory is written or executed, never both, nor one after the other. */
	{SCMP_SYS(mmap), 2, WRITE_EXEC, 0},
	{SCMP_SYS(mmap), 2, WRITE_EXEC, PROT_WRITE},
	{SCMP_SYS(mmap), 2, WRITE_EXEC, PROT_EXEC},
	{SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
	/* To be sealed, executable or not: journald's messages above the limit of datagrams. It
	 * gives nothing that a file in the process's own folder would not. */
	{SCMP_SYS(memfd_create), 1, INT & ~UINT64_C(8) /* MFD_NOEXEC_SEAL */,
	 MFD_CLOEXEC | MFD_ALLOW_SEALING},
	{SCMP_SYS(prlimit64), 0, INT, 0},
	{SCMP_SYS(prctl), 0, INT, PR_SET_NAME},
	{SCMP_SYS(prctl), 0, INT, PR_GET_NAME},
	{SCMP_SYS(prctl), 0, INT, PR_GET_DUMPABLE},
	{SCMP_SYS(prctl), 0, INT, 0x53564d41 /* PR_SET_VMA: names of memory */},
	{SCMP_SYS(ioctl), 1, INT, TCGETS},
	{SCMP_SYS(ioctl), 1, INT, TIOCGWINSZ},
	{SCMP_SYS(ioctl), 1, INT, FIONREAD},
	{SCMP_SYS(ioctl), 1, INT, FIONBIO},
	{SCMP_SYS(ioctl), 1, INT, FIOCLEX},
	{SCMP_SYS(ioctl), 1, INT, SIOCOUTQ},
};

static int add_condition(scmp_filter_ctx filter, const struct condition *condition)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, condition->call, 1,
				(struct scmp_arg_cmp){condition->argument, SCMP_CMP_MASKED_EQ,
						      condition->mask, condition->value});
}

static int add_lists(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions) && !error; i++)
		error = add_condition(filter, &conditions[i]);
	return error;
}

static int add_special(scmp_filter_ctx filter)
{
	/* abort, and signals among own threads */
	struct condition own = {SCMP_SYS(tgkill), 0, INT, (uint64_t)getpid()};
	int error = add_condition(filter, &own);

	/* getaddrinfo asks which addresses this host has. */
	if (!error)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
			(struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, INT, AF_NETLINK},
			(struct scmp_arg_cmp){2, SCMP_CMP_MASKED_EQ, INT, NETLINK_ROUTE});
	/* Its flags lie in memory, where a filter cannot look: glibc then uses clone. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_seccomp_enter(struct na_buffer *why)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error;

	if (!filter)
		return na_sandbox_refused(why, "seccomp", -ENOMEM);
	error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!error) /* a tree of comparisons instead of one after the other */
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!error)
		error = add_lists(filter);
	if (!error)
		error = add_special(filter);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error ? na_sandbox_refused(why, "seccomp", error) : 0;
}
