/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox of the second step, in processes of its own: what is allowed works, all else kills.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "guard/sandbox.h"

/* The status of a process that did `what` in the sandbox. */
static int in_sandbox(int (*what)(const void *), const void *argument,
		      const struct na_sandbox_path *paths, size_t count)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct na_buffer why = {0};
		int version;

		alarm(60);
		if (na_sandbox_enter(paths, count, &version, &why) < 0) {
			fprintf(stderr, "%.*s\n", (int)why.length, why.data);
			_exit(99);
		}
		_exit(what(argument));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

struct call {
	const char *name;
	long number;
	long arguments[6];
};

static const struct call forbidden[] = {
	{"execve", SYS_execve, {0}},
	{"execveat", SYS_execveat, {0}},
	{"fork", SYS_clone, {SIGCHLD}},
#ifdef SYS_vfork
	{"vfork", SYS_vfork, {0}},
#endif
	{"ptrace", SYS_ptrace, {0}},
	{"process_vm_readv", SYS_process_vm_readv, {0}},
	{"process_vm_writev", SYS_process_vm_writev, {0}},
	{"process_madvise", SYS_process_madvise, {0}},
	{"bpf", SYS_bpf, {0}},
	{"perf_event_open", SYS_perf_event_open, {0}},
	{"mount", SYS_mount, {0}},
	{"umount2", SYS_umount2, {0}},
	{"pivot_root", SYS_pivot_root, {0}},
	{"chroot", SYS_chroot, {0}},
	{"fsopen", SYS_fsopen, {0}},
	{"setns", SYS_setns, {-1, 0}},
	{"unshare", SYS_unshare, {0}},
	{"keyctl", SYS_keyctl, {0}},
	{"add_key", SYS_add_key, {0}},
	{"kexec_load", SYS_kexec_load, {0}},
	{"init_module", SYS_init_module, {0}},
	{"finit_module", SYS_finit_module, {-1}},
	{"delete_module", SYS_delete_module, {0}},
	{"open_by_handle_at", SYS_open_by_handle_at, {-1}},
	{"name_to_handle_at", SYS_name_to_handle_at, {-1}},
	{"io_uring_setup", SYS_io_uring_setup, {0}},
	{"io_uring_enter", SYS_io_uring_enter, {-1}},
	{"userfaultfd", SYS_userfaultfd, {0}},
	{"pidfd_open", SYS_pidfd_open, {0}},
	{"pidfd_getfd", SYS_pidfd_getfd, {-1}},
	{"pidfd_send_signal", SYS_pidfd_send_signal, {-1}},
	{"kill", SYS_kill, {0, 0}},
	{"tkill", SYS_tkill, {0, 0}},
	{"tgkill of another", SYS_tgkill, {1, 1, 0}},
	{"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {0}},
	{"setuid", SYS_setuid, {0}},
	{"setgroups", SYS_setgroups, {0}},
	{"capset", SYS_capset, {0}},
	{"seccomp", SYS_seccomp, {0}},
	{"memfd_create", SYS_memfd_create, {0}},
	{"personality", SYS_personality, {0xffffffff}},
	{"prctl of dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}},
	{"prlimit64 of another", SYS_prlimit64, {1}},
	{"packet socket", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
	{"netlink socket for audit", SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_AUDIT}},
	{"netlink socket for netfilter", SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER}},
	{"vsock socket", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
	{"socket for ciphers", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}},
	{"socket above 32 bits", SYS_socket, {(INT64_C(1) << 32) + AF_PACKET, SOCK_RAW, 0}},
	{"ioctl that types", SYS_ioctl, {0, TIOCSTI, 0}},
	{"writable code",
	 SYS_mmap,
	 {0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{"code from data", SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}},
	{"no call at all", 100000, {0}},
};

static int make(const void *argument)
{
	const struct call *call = argument;
	const long *arguments = call->arguments;

	syscall(call->number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		arguments[5]);
	return 0;
}

static void test_forbidden_calls_kill(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++) {
		int status = in_sandbox(make, &forbidden[i], NULL, 0);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: status %x", forbidden[i].name, status);
	}
}

/* Each step of what an output does returns its own number when it fails. */
static void *thread(void *argument)
{
	pthread_setname_np(pthread_self(), "output");
	*(int *)argument = 1;
	return NULL;
}

static int use_threads(void)
{
	pthread_t threads[4];
	int ran[4] = {0};

	errno = 0;
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		return 1;
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, thread, &ran[i]) != 0)
			return 2;
	for (int i = 0; i < 4; i++)
		if (pthread_join(threads[i], NULL) != 0 || !ran[i])
			return 3;
	return 0;
}

static int resolve(void)
{
	struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;

	if (getaddrinfo("localhost", "443", &hints, &found) != 0)
		return 4;
	freeaddrinfo(found);
	return syscall(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) < 0 ? 5 : 0;
}

/* A connection over loopback, both ends, with what sockets are asked. */
static int converse(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server, on = 1, queued;
	char byte;

	setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
	    connect(client, (struct sockaddr *)&address, size) < 0)
		return 6;
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (send(client, "x", 1, MSG_NOSIGNAL) != 1 || recv(server, &byte, 1, 0) != 1 ||
	    ioctl(client, TIOCOUTQ, &queued) < 0 || ioctl(server, FIONREAD, &queued) < 0 ||
	    shutdown(client, SHUT_RDWR) < 0)
		return 7;
	return socket(AF_INET6, SOCK_DGRAM, 0) < 0 && errno != EAFNOSUPPORT ? 8 : 0;
}

static int wait_in_ways(void)
{
	struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
	int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	int event = eventfd(0, EFD_CLOEXEC), pair[2], ends[2];
	struct epoll_event wanted = {.events = EPOLLIN};

	if (epoll < 0 || event < 0 || timerfd_settime(timer, 0, &soon, NULL) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &wanted) < 0 ||
	    epoll_wait(epoll, &wanted, 1, 10000) != 1)
		return 9;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || pipe2(ends, O_CLOEXEC) < 0 ? 10 : 0;
}

/* Writes, renames, reads and removes in the folder; 0 or an errno. */
static int work_in(const char *folder)
{
	char from[256], to[256];
	int fd;

	snprintf(from, sizeof(from), "%s/a", folder);
	snprintf(to, sizeof(to), "%s/b", folder);
	fd = open(from, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (pwrite(fd, "cursor", 6, 0) != 6 || fdatasync(fd) < 0 || ftruncate(fd, 3) < 0 ||
	    rename(from, to) < 0 || unlink(to) < 0)
		return errno;
	close(fd);
	return 0;
}

static int encrypt(void)
{
	unsigned char digest[EVP_MAX_MD_SIZE], key[32];
	unsigned int length;

	return RAND_bytes(key, sizeof(key)) != 1 ||
	       EVP_Digest("x", 1, digest, &length, EVP_sha256(), NULL) != 1;
}

static int do_what_outputs_do(const void *folder)
{
	int result = use_threads();

	if (!result)
		result = resolve();
	if (!result)
		result = converse();
	if (!result)
		result = wait_in_ways();
	if (!result && work_in(folder))
		result = 11;
	if (!result && encrypt())
		result = 12;
	return result;
}

static char top[] = "/tmp/sandbox_test.XXXXXX";
static char own[64], others[64], journal[64], file[80];

static void write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static int make_folders(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(own, sizeof(own), "%s/own", top);
	snprintf(others, sizeof(others), "%s/others", top);
	snprintf(journal, sizeof(journal), "%s/journal", top);
	snprintf(file, sizeof(file), "%s/segment", journal);
	assert_int_equal(mkdir(own, 0700), 0);
	assert_int_equal(mkdir(others, 0700), 0);
	assert_int_equal(mkdir(journal, 0700), 0);
	write_file(file);
	return 0;
}

static int remove_folders(void **state)
{
	(void)state;
	unlink(file);
	rmdir(own);
	rmdir(others);
	rmdir(journal);
	return rmdir(top);
}

static void test_outputs_work(void **state)
{
	struct na_sandbox_path paths[] = {{own, NA_SANDBOX_WRITE}};
	int status;

	(void)state;
	status = in_sandbox(do_what_outputs_do, own, paths, 1);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int abort_now(const void *argument)
{
	(void)argument;
	abort();
}

/* abort says SIGABRT, not SIGSYS: assertions stay what they are. */
static void test_abort(void **state)
{
	(void)state;
	assert_int_equal(WTERMSIG(in_sandbox(abort_now, NULL, NULL, 0)), SIGABRT);
}

static int read_status(const void *argument)
{
	char status[8192];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, status, sizeof(status) - 1);

	(void)argument;
	status[length > 0 ? length : 0] = '\0';
	if (!strstr(status, "\nSeccomp:\t2\n") || !strstr(status, "\nNoNewPrivs:\t1\n"))
		return 1;
	return prctl(PR_GET_DUMPABLE) == 0 ? 0 : 2;
}

static void test_state(void **state)
{
	struct na_sandbox_path paths[] = {{"/proc", NA_SANDBOX_READ}};

	(void)state;
	assert_int_equal(in_sandbox(read_status, NULL, paths, 1), 0);
}

static int errno_of_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

static int visit(const void *argument)
{
	char fresh[96];

	(void)argument;
	snprintf(fresh, sizeof(fresh), "%s/fresh", journal);
	if (work_in(own) || work_in(others) != EACCES)
		return 1;
	if (errno_of_open(file, O_RDONLY) || errno_of_open(file, O_RDWR) != EACCES)
		return 2;
	if (errno_of_open(file, O_RDONLY | O_TRUNC) != EACCES)
		return 3;
	if (unlink(file) == 0 || errno != EACCES || mkdir(fresh, 0700) == 0 || errno != EACCES)
		return 4;
	if (errno_of_open("/proc/self/mem", O_RDONLY) != EACCES ||
	    errno_of_open("/root", O_RDONLY | O_DIRECTORY) != EACCES)
		return 5;
	if (errno_of_open("/etc/passwd", O_RDONLY) || errno_of_open("/dev/null", O_RDWR) ||
	    errno_of_open("/dev/urandom", O_RDONLY))
		return 6;
	return 0;
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static void test_paths(void **state)
{
	struct na_sandbox_path paths[] = {{own, NA_SANDBOX_WRITE}, {journal, NA_SANDBOX_READ}};

	(void)state;
	if (!has_landlock()) {
		print_message("not shown: this kernel has no Landlock\n");
		return;
	}
	assert_int_equal(in_sandbox(visit, NULL, paths, 2), 0);
}

static int make_missing(const void *folder)
{
	return mkdir(folder, 0700) == 0 && work_in(folder) == 0 && rmdir(folder) == 0 ? 0 : 1;
}

/* A folder that is made later, by the child itself. */
static void test_path_that_is_not_there(void **state)
{
	char later[96], deeper[128];
	struct na_sandbox_path paths[] = {{deeper, NA_SANDBOX_WRITE}};

	(void)state;
	snprintf(later, sizeof(later), "%s/later", own);
	snprintf(deeper, sizeof(deeper), "%s/deep", later);
	assert_int_equal(in_sandbox(make_missing, later, paths, 1), 0);
}

static void test_path_that_is_none(void **state)
{
	struct na_sandbox_path path = {"relative", NA_SANDBOX_READ};
	struct na_buffer why = {0};
	int version = -1;
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(na_sandbox_enter(&path, 1, &version, &why) == -EINVAL && why.length &&
				      version == -1
			      ? 0
			      : 1);
	waitpid(pid, &status, 0);
	assert_true(!has_landlock() || status == 0);
}

static void test_users(void **state)
{
	struct na_sandbox_identity identity;

	(void)state;
	assert_true(na_sandbox_find("root", &identity));
	assert_int_equal(identity.uid, 0);
	assert_true(identity.group_count >= 1);
	assert_false(na_sandbox_find("no-such-user-here", &identity));
	assert_int_equal(identity.uid, NA_SANDBOX_NOBODY);
	assert_int_equal(identity.gid, NA_SANDBOX_NOBODY);
	assert_int_equal(identity.group_count, 1);
	assert_int_equal(identity.groups[0], NA_SANDBOX_NOBODY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden_calls_kill),
		cmocka_unit_test(test_outputs_work),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_path_that_is_not_there),
		cmocka_unit_test(test_path_that_is_none),
		cmocka_unit_test(test_users),
	};

	return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
