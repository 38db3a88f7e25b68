/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the process cache share. */
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/clock.h"

#define PATH_SIZE 512

uint64_t test_now_ns = 1000 * NA_NS_PER_SEC;

uint64_t na_clock_boot_ns(void)
{
	return test_now_ns;
}

uint64_t na_clock_wall_ns(void)
{
	return test_now_ns + WALL_OFFSET;
}

uint64_t na_clock_wall_offset_ns(void)
{
	return WALL_OFFSET;
}

static uint16_t append(union test_record *record, struct na_text text)
{
	assert_true(record->header.size + text.length <= NA_RECORD_SIZE_MAX);
	if (text.length)
		memcpy(record->bytes + record->header.size, text.data, text.length);
	record->header.size = (uint16_t)(record->header.size + text.length);
	return (uint16_t)text.length;
}

void test_make_exec(union test_record *record, const struct test_exec *exec)
{
	struct na_record_exec *to = &record->exec;

	*to = (struct na_record_exec){
		.header = {.size = sizeof(*to),
			   .type = NA_RECORD_EXEC,
			   .tid = exec->pid,
			   .pid = exec->pid,
			   .start_ns = exec->start_ns,
			   .time_ns = exec->time_ns},
		.parent_start_ns = exec->parent_start_ns,
		.parent_pid = exec->parent_pid,
		.cgroup = 4711,
		.capabilities = 0x1fff,
		.namespace_pid = 7,
		.uid = exec->uid,
		.euid = exec->euid,
		.gid = exec->gid,
		.login_uid = exec->login_uid,
		.session = exec->session,
		.pid_namespace = 101,
		.net_namespace = 102,
		.mount_namespace = 103,
		.user_namespace = 104,
		.flags = exec->flags,
	};
	if (exec->comm)
		memcpy(to->comm, exec->comm, strnlen(exec->comm, sizeof(to->comm)));
	to->executable_length = append(record, exec->executable);
	to->directory_length = append(record, exec->directory);
	to->arguments_length = append(record, exec->arguments);
	to->cgroup_length = append(record, exec->cgroup);
	to->arguments_total = exec->arguments_total ? exec->arguments_total : to->arguments_length;
}

int test_exec(struct na_processes *processes, const struct test_exec *exec)
{
	static union test_record record;

	test_make_exec(&record, exec);
	return na_processes_record(processes, &record.header);
}

int test_exec_simple(struct na_processes *processes, uint32_t pid, uint64_t start_ns,
		     uint64_t time_ns, const char *name)
{
	char executable[64], arguments[64];
	int length;

	length = snprintf(executable, sizeof(executable), "%s%cbin%cusr", name, 0, 0);
	snprintf(arguments, sizeof(arguments), "%s", name);
	return test_exec(processes, &(struct test_exec){
					    .pid = pid,
					    .start_ns = start_ns,
					    .time_ns = time_ns,
					    .executable = {executable, (size_t)length + 1},
					    .arguments = {arguments, strlen(arguments) + 1},
					    .login_uid = UINT32_MAX,
					    .session = UINT32_MAX,
				    });
}

int test_fork(struct na_processes *processes, uint32_t pid, uint64_t start_ns, uint32_t child,
	      uint64_t child_start_ns, uint64_t time_ns)
{
	struct na_record_forked record = {
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_FORKED,
			   .tid = pid,
			   .pid = pid,
			   .start_ns = start_ns,
			   .time_ns = time_ns},
		.child_pid = child,
		.child_start_ns = child_start_ns,
	};

	return na_processes_record(processes, &record.header);
}

int test_exit(struct na_processes *processes, uint32_t pid, uint64_t start_ns, uint64_t time_ns)
{
	struct na_record_exited record = {
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_EXITED,
			   .tid = pid,
			   .pid = pid,
			   .start_ns = start_ns,
			   .time_ns = time_ns},
	};

	return na_processes_record(processes, &record.header);
}

struct na_processes_options test_options(size_t max)
{
	return (struct na_processes_options){
		.max = max, .boot_id = BOOT_ID, .wall_offset_ns = WALL_OFFSET};
}

struct na_event test_get_event(struct na_processes *processes, uint32_t pid, uint64_t start_ns,
			       uint64_t time_ns)
{
	struct na_event event;

	na_event_init(&event, NA_EVENT_ESTABLISHED, time_ns);
	na_process_fill(na_processes_get(processes, pid, start_ns, time_ns), &event);
	return event;
}

void test_assert_text(bool present, struct na_text text, const char *expected, const char *field)
{
	if (present != (expected != NULL))
		fail_msg("%s is %s", field, present ? "present" : "absent");
	if (!present)
		return;
	if (text.length != strlen(expected) || memcmp(text.data, expected, text.length) != 0)
		fail_msg("%s is \"%.*s\", not \"%s\"", field, (int)text.length, text.data,
			 expected);
}

char *test_folder_new(void)
{
	char *folder = strdup("/tmp/netaudit-process-XXXXXX");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	return folder;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

void test_folder_free(char *folder)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(folder);
}

static void path_of(const char *folder, const char *name, char ret_path[PATH_SIZE])
{
	int length = snprintf(ret_path, PATH_SIZE, "%s/%s", folder, name);

	assert_true(length > 0 && length < PATH_SIZE);
}

void test_write(const char *folder, const char *name, struct na_text content)
{
	char path[PATH_SIZE];
	int fd;

	path_of(folder, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content.data, content.length), content.length);
	close(fd);
}

void test_link(const char *folder, const char *name, const char *target)
{
	char path[PATH_SIZE];

	path_of(folder, name, path);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

void test_remove(const char *folder, const char *name)
{
	char path[PATH_SIZE];

	path_of(folder, name, path);
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_stat(const char *folder, const struct test_proc *process)
{
	char text[512];
	int length;

	length = snprintf(
		text, sizeof(text),
		"%u (%s) %c %u 1 1 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 %u 0 %llu 3133440 413 1\n",
		process->pid, process->comm, process->state ? process->state : 'S', process->parent,
		process->threads ? process->threads : 1, (unsigned long long)process->ticks);
	test_write(folder, "stat", (struct na_text){text, (size_t)length});
}

void test_proc_add(const char *folder, const struct test_proc *process)
{
	char name[32], path[PATH_SIZE], namespaces[PATH_SIZE];

	snprintf(name, sizeof(name), "%u", process->pid);
	path_of(folder, name, path);
	mkdir(path, 0755);
	path_of(path, "ns", namespaces);
	mkdir(namespaces, 0755);
	write_stat(path, process);
	test_write(path, "status",
		   TEXT("Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t100\t100\t100\t100\n"
			"Groups:\t1 2 3\nNSpid:\t77\t5\nCapEff:\t000001fffeffffff\n"));
	test_write(path, "cmdline", process->arguments);
	if (process->executable) {
		test_link(path, "exe", process->executable);
		test_link(path, "cwd", "/srv/data");
	}
	test_write(path, "loginuid", TEXT("1001"));
	test_write(path, "sessionid", TEXT("4294967295"));
	test_write(path, "cgroup",
		   TEXT("9:name=systemd:/other\n4:memory:/other\n0::/system.slice/a.service\n"));
	test_link(path, "ns/pid", "pid:[4026531836]");
	test_link(path, "ns/net", "net:[4026531833]");
	test_link(path, "ns/mnt", "mnt:[4026531832]");
	test_link(path, "ns/user", "user:[4026531837]");
}
