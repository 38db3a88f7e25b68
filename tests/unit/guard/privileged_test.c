/* SPDX-License-Identifier: Apache-2.0 */
/* What only root can show: another user, capabilities given up, and what is then refused. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "guard/capabilities.h"
#include "support.h"

#define LONG_NS (60 * NA_NS_PER_SEC)
#define STATUS_MAX 16384
#define SOME_GROUP 54321

static struct na_guard_run run;
static char folder[] = "/tmp/privileged_test.XXXXXX";
static char socket_path[64];
static const struct na_sandbox_identity nobody = {
	.uid = NA_SANDBOX_NOBODY,
	.gid = NA_SANDBOX_NOBODY,
	.groups = {NA_SANDBOX_NOBODY, SOME_GROUP},
	.group_count = 2,
};

/* What is behind "name:\t" in /proc/PID/status. */
static const char *status_line(pid_t pid, const char *name)
{
	static char text[STATUS_MAX];
	char path[64];
	const char *found;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	snprintf(path, sizeof(path), "\n%s:\t", name);
	found = strstr(text, path);
	if (!found)
		return "";
	found += strlen(path);
	text[strcspn(found, "\n") + (size_t)(found - text)] = '\0';
	return found;
}

static uint64_t mask_of(pid_t pid, const char *name)
{
	return strtoull(status_line(pid, name), NULL, 16);
}

static uint64_t bit(unsigned int capability)
{
	return UINT64_C(1) << capability;
}

/* Numbers of linux/capability.h, whose names libcap-ng's header has too. */
enum { CHOWN = 0, DAC_READ_SEARCH = 2, KILL = 5, SETGID = 6, SETUID = 7, SETPCAP = 8 };
enum { IPC_LOCK = 14, SYS_PTRACE = 19 };

static void test_child_is_nobody(void **state)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};

	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "wait", &nobody, LONG_NS);
	assert_int_equal(na_guard_event(&run).type, NA_SUPERVISOR_STARTED);
	na_guard_report(&run);
	assert_string_equal(na_guard_line(&run, "Uid"), "65534\t65534\t65534\t65534");
	assert_string_equal(na_guard_line(&run, "Gid"), "65534\t65534\t65534\t65534");
	assert_string_equal(na_guard_line(&run, "Groups"), "54321 65534 ");
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		assert_string_equal(na_guard_line(&run, sets[i]), "0000000000000000");
	assert_string_equal(na_guard_line(&run, "NoNewPrivs"), "1");
	assert_string_equal(na_guard_line(&run, "descriptors"), "0 1 2 3");
	na_guard_close(&run);
}

static void test_helper_keeps_four(void **state)
{
	uint64_t expected = bit(SETUID) | bit(SETGID) | bit(KILL) | bit(SETPCAP);
	pid_t helper;

	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "wait", &nobody, LONG_NS);
	na_guard_event(&run);
	na_guard_report(&run);
	helper = atoi(na_guard_line(&run, "parent"));
	assert_int_equal(mask_of(helper, "CapPrm"), expected);
	assert_int_equal(mask_of(helper, "CapEff"), expected);
	assert_int_equal(mask_of(helper, "CapBnd"), expected);
	assert_int_equal(mask_of(helper, "CapInh") | mask_of(helper, "CapAmb"), 0);
	assert_string_equal(status_line(helper, "NoNewPrivs"), "1");
	assert_string_equal(status_line(helper, "Threads"), "1");
	na_guard_close(&run);
}

/* A program in a folder that only root may enter, as in a checkout of root's, runs all the same. */
static void test_program_in_a_closed_folder(void **state)
{
	const char *none[] = {NULL}, *arguments[] = {NULL, NULL};
	struct na_supervisor_child child = {
		.arguments = arguments, .environment = none, .identity = nobody};
	char closed[80], program[96];
	struct na_supervisor_event event;
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC), to;

	(void)state;
	snprintf(closed, sizeof(closed), "%s/closed", folder);
	snprintf(program, sizeof(program), "%s/true", closed);
	assert_int_equal(mkdir(closed, 0700), 0);
	to = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	close(from);
	close(to);
	arguments[0] = program;
	na_guard_open(&run);
	assert_int_equal(na_supervisor_start(run.supervisor, &child, 0), 0);
	assert_int_equal(na_guard_event(&run).type, NA_SUPERVISOR_STARTED);
	event = na_guard_event(&run);
	na_guard_close(&run);
	unlink(program);
	rmdir(closed);
	assert_int_equal(event.signal, 0);
	assert_int_equal(event.status, 0);
}

/* The helper still reaches a child that is another user. */
static void test_signals_to_another_user(void **state)
{
	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "wait", &nobody, LONG_NS);
	na_guard_event(&run);
	na_guard_report(&run);
	assert_int_equal(na_supervisor_stop(run.supervisor, LONG_NS), 0);
	assert_int_equal(na_guard_event(&run).signal, SIGTERM);
	na_guard_close(&run);
}

/* PR_SET_PDEATHSIG is forgotten when the user changes: it must have been set behind that. */
static void test_death_of_capture(void **state)
{
	int ends[2], helper, child;
	pid_t capture;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	capture = fork();
	if (capture == 0) {
		run.write = ends[1];
		if (na_supervisor_open(&run.supervisor) < 0)
			_exit(1);
		na_guard_start(&run, "stubborn", &nobody, LONG_NS);
		for (;;)
			pause();
	}
	run.report = ends[0];
	na_guard_report(&run);
	helper = pidfd_open(atoi(na_guard_line(&run, "parent")), 0);
	child = pidfd_open(atoi(na_guard_line(&run, "self")), 0);
	/* The helper alone: it cannot send anything more. */
	assert_int_equal(pidfd_send_signal(helper, SIGKILL, NULL, 0), 0);
	na_guard_await_end(child);
	assert_int_equal(kill(capture, SIGKILL), 0);
	waitpid(capture, NULL, 0);
	close(helper);
	close(child);
	close(ends[0]);
	close(ends[1]);
}

static int make_socket(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	chmod(folder, 0755);
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	chmod(socket_path, 0600);
	return listen(fd, 1);
}

static int remove_socket(void **state)
{
	(void)state;
	unlink(socket_path);
	return rmdir(folder);
}

static int connect_control(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	result = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	close(fd);
	return result;
}

static int open_memory(pid_t pid, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? errno : 0;
}

static int load_bpf(void)
{
	static const uint64_t instructions[] = {0xb7, 0x95}; /* r0 = 0; exit */
	union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_CGROUP_SKB,
				     .insn_cnt = 2,
				     .insns = (uintptr_t)instructions,
				     .license = (uintptr_t) "GPL"};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)) < 0 ? errno : 0;
}

/* The first step alone already refuses these; the second kills for most of them (sandbox_test). */
static int attack(pid_t capture)
{
	struct na_buffer why = {0};

	if (na_sandbox_shed(&nobody, &why) < 0)
		return 1;
	if (connect_control() != EACCES)
		return 2;
	if (open_memory(capture, O_RDONLY) != EACCES || open_memory(capture, O_RDWR) != EACCES)
		return 3;
	if (load_bpf() != EPERM)
		return 4;
	if (kill(capture, 0) == 0 || errno != EPERM)
		return 5;
	if (ptrace(PTRACE_ATTACH, capture, NULL, NULL) == 0 || errno != EPERM)
		return 6;
	if (setuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0)
		return 7;
	return 0;
}

static void test_attacks(void **state)
{
	pid_t capture = getpid(), child;
	int status;

	(void)state;
	assert_int_equal(connect_control(), 0); /* as root all of them work */
	assert_int_equal(open_memory(capture, O_RDWR), 0);
	child = fork();
	if (child == 0)
		_exit(attack(capture));
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* In a process of its own, which `what` ends with its own number for each thing that is wrong. */
static int in_process(int (*what)(pid_t), pid_t argument)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(what(argument));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int open_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int be_capture(pid_t other)
{
	static const struct rlimit none;
	uint64_t expected = bit(SYS_PTRACE) | bit(DAC_READ_SEARCH) | bit(IPC_LOCK);
	const char *text = "CAP_DAC_READ_SEARCH, CAP_IPC_LOCK, CAP_SYS_PTRACE";
	struct na_buffer kept = {0};
	char path[96], name[256];
	int fd;

	if (na_capabilities_join(SOME_GROUP) < 0)
		return 1;
	if (na_capabilities_keep(NA_CAPABILITIES_CAPTURE, &kept) < 0)
		return 2;
	if (kept.length != strlen(text) || memcmp(kept.data, text, kept.length) != 0)
		return 3;
	if (mask_of(getpid(), "CapPrm") != expected || mask_of(getpid(), "CapEff") != expected ||
	    mask_of(getpid(), "CapBnd") != expected || mask_of(getpid(), "CapInh") ||
	    mask_of(getpid(), "CapAmb"))
		return 4;
	if (strcmp(status_line(getpid(), "NoNewPrivs"), "1") != 0)
		return 5;
	/* Still done: facts about others, a locked tail, files for the group. */
	snprintf(path, sizeof(path), "/proc/%d/exe", other);
	if (open_of(other, "environ") < 0 || readlink(path, name, sizeof(name)) < 0)
		return 6;
	setrlimit(RLIMIT_MEMLOCK, &none);
	if (mlock(&none, sizeof(none)) < 0)
		return 7;
	snprintf(path, sizeof(path), "%s/segment", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	unlink(path);
	if (fchown(fd, (uid_t)-1, SOME_GROUP) < 0)
		return 8;
	/* No more: */
	if (fchown(fd, 4242, (gid_t)-1) == 0 || load_bpf() != EPERM || setuid(4242) == 0)
		return 9;
	return na_capabilities_keep(NA_CAPABILITIES_CAPTURE, NULL) < 0 ? 10 : 0;
}

static void test_capture_keeps_three(void **state)
{
	pid_t other;

	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "wait", &nobody, LONG_NS);
	other = na_guard_event(&run).pid;
	na_guard_report(&run);
	assert_int_equal(in_process(be_capture, other), 0);
	na_guard_close(&run);
}

static void *wait_for_ever(void *argument)
{
	while (pause() < 0)
		;
	return argument;
}

static int keep_with_threads(pid_t unused)
{
	uint64_t before = mask_of(getpid(), "CapPrm");
	pthread_t thread;

	(void)unused;
	if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		return 1;
	if (na_capabilities_keep(NA_CAPABILITIES_NONE, NULL) != -EBUSY)
		return 2;
	return mask_of(getpid(), "CapPrm") == before ? 0 : 3;
}

/* Other threads would keep all rights. */
static void test_threads_are_refused(void **state)
{
	(void)state;
	assert_int_equal(in_process(keep_with_threads, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_child_is_nobody),
		cmocka_unit_test(test_helper_keeps_four),
		cmocka_unit_test(test_program_in_a_closed_folder),
		cmocka_unit_test(test_signals_to_another_user),
		cmocka_unit_test(test_death_of_capture),
		cmocka_unit_test(test_attacks),
		cmocka_unit_test(test_capture_keeps_three),
		cmocka_unit_test(test_threads_are_refused),
	};

	if (geteuid() != 0) {
		puts("skipped: only root can give up root's rights");
		return 77;
	}
	na_guard_clock_init();
	return cmocka_run_group_tests(tests, make_socket, remove_socket);
}
