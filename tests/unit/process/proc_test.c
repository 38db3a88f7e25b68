/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of a /proc of our own, of the real one, and when a process is gone. */
#include "process/proc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "support.h"

static struct na_arena arena;

static const struct test_proc example = {
	.pid = 77,
	.parent = 4,
	.ticks = 123,
	.comm = "a) S (b",
	.executable = "/usr/bin/prog",
	.arguments = BYTES("prog\0-x\0"),
};

static int setup(void **state)
{
	*state = test_folder_new();
	return 0;
}

static int teardown(void **state)
{
	test_folder_free(*state);
	return 0;
}

static int read_it(const char *folder, uint32_t pid, struct na_facts *ret_facts)
{
	int proc = na_proc_open(folder), error;

	assert_true(proc >= 0);
	error = na_proc_read(proc, pid, &arena, ret_facts);
	close(proc);
	return error;
}

/* Called for the first link that is read, in the middle of a process. */
static void (*in_the_middle)(void);

ssize_t __real_readlinkat(int folder, const char *name, char *bytes, size_t size);
ssize_t __wrap_readlinkat(int folder, const char *name, char *bytes, size_t size);

ssize_t __wrap_readlinkat(int folder, const char *name, char *bytes, size_t size)
{
	void (*call)(void) = in_the_middle;

	in_the_middle = NULL;
	if (call)
		call();
	return __real_readlinkat(folder, name, bytes, size);
}

#define assert_text(text, expected) test_assert_text((text).length > 0, text, expected, #text)

static void test_whole(void **state)
{
	struct na_facts facts;

	test_proc_add(*state, &example);
	assert_int_equal(read_it(*state, 77, &facts), 0);
	assert_text(facts.comm, "a) S (b");
	assert_int_equal(facts.start_ns, 1230000000);
	assert_int_equal(facts.parent_pid, 4);
	assert_text(facts.executable, "/usr/bin/prog");
	assert_text(facts.directory, "/srv/data");
	assert_text(facts.cgroup_path, "/system.slice/a.service");
	assert_memory_equal(facts.arguments.data, "prog\0-x\0", 8);
	assert_int_equal(facts.arguments.length, 8);
	assert_true(facts.arguments_known && !facts.arguments_cut);
	assert_true(facts.ids_known && facts.capabilities_known);
	assert_int_equal(facts.uid, 1000);
	assert_int_equal(facts.euid, 0);
	assert_int_equal(facts.gid, 100);
	assert_int_equal(facts.capabilities, 0x1fffeffffff);
	assert_int_equal(facts.namespace_pid, 5);
	assert_int_equal(facts.login_uid, 1001);
	assert_int_equal(facts.session, NA_ID_UNSET);
	assert_int_equal(facts.pid_namespace, 4026531836);
	assert_int_equal(facts.net_namespace, 4026531833);
	assert_int_equal(facts.mount_namespace, 4026531832);
	assert_int_equal(facts.user_namespace, 4026531837);
}

static void test_only_stat(void **state)
{
	static const char *const names[] = {"status",   "cmdline",   "exe",    "cwd",
					    "loginuid", "sessionid", "cgroup", "ns"};
	struct na_facts facts;
	char name[32];

	test_proc_add(*state, &example);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "77/%s", names[i]);
		test_remove(*state, name);
	}
	assert_int_equal(read_it(*state, 77, &facts), 0);
	assert_text(facts.executable, NULL);
	assert_text(facts.directory, NULL);
	assert_text(facts.cgroup_path, NULL);
	assert_false(facts.arguments_known || facts.ids_known || facts.capabilities_known);
	assert_int_equal(facts.login_uid, NA_ID_UNSET);
	assert_int_equal(facts.net_namespace, 0);
}

static void test_deleted_executable(void **state)
{
	struct na_facts facts;

	test_proc_add(*state, &example);
	test_link(*state, "77/exe", "/usr/bin/prog (deleted)");
	test_link(*state, "77/cwd", "/srv (deleted)");
	assert_int_equal(read_it(*state, 77, &facts), 0);
	assert_text(facts.executable, "/usr/bin/prog");
	assert_text(facts.directory, "/srv");
}

static void test_cgroup_of_version_1_only(void **state)
{
	struct na_facts facts;

	test_proc_add(*state, &example);
	test_write(*state, "77/cgroup", TEXT("9:name=systemd:/\n4:memory:/0::/x\n"));
	assert_int_equal(read_it(*state, 77, &facts), 0);
	assert_text(facts.cgroup_path, NULL);
	test_write(*state, "77/cgroup", TEXT("0::/only"));
	assert_int_equal(read_it(*state, 77, &facts), 0);
	assert_text(facts.cgroup_path, "/only");
}

/* A title over the arguments: what is behind it is not known. */
static void test_title(void **state)
{
	struct na_facts facts;

	test_proc_add(*state, &example);
	test_write(*state, "77/cmdline", TEXT("nginx: master\0\0\0\0\0"));
	assert_int_equal(read_it(*state, 77, &facts), 0);
	assert_int_equal(facts.arguments.length, sizeof("nginx: master"));
	assert_true(facts.arguments_cut);
	test_write(*state, "77/cmdline", TEXT("no end"));
	assert_int_equal(read_it(*state, 77, &facts), 0);
	assert_string_equal(facts.arguments.data, "no end");
	assert_int_equal(facts.arguments.length, sizeof("no end"));
	assert_false(facts.arguments_cut);
}

static void test_long_arguments(void **state)
{
	char *text = malloc(20000);
	struct na_facts facts;

	memset(text, 'x', 20000);
	test_proc_add(*state, &example);
	test_write(*state, "77/cmdline", (struct na_text){text, 8192});
	assert_int_equal(read_it(*state, 77, &facts), 0);
	assert_int_equal(facts.arguments.length, 8193);
	assert_false(facts.arguments_cut);
	test_write(*state, "77/cmdline", (struct na_text){text, 20000});
	assert_int_equal(read_it(*state, 77, &facts), 0);
	assert_int_equal(facts.arguments.length, 8193);
	assert_int_equal(facts.arguments.data[8192], 0);
	assert_true(facts.arguments_cut);
	free(text);
}

static void test_gone(void **state)
{
	struct test_proc zombie = example;
	struct na_facts facts;

	assert_int_equal(read_it(*state, 78, &facts), -ESRCH);
	zombie.state = 'Z';
	test_proc_add(*state, &zombie);
	assert_int_equal(read_it(*state, 77, &facts), -ESRCH);
	zombie.threads = 2; /* only its first thread ended */
	test_proc_add(*state, &zombie);
	assert_int_equal(read_it(*state, 77, &facts), 0);
	test_remove(*state, "77/stat");
	assert_int_equal(read_it(*state, 77, &facts), -ESRCH);
	assert_int_equal(na_proc_open("/tmp/there is no such folder"), -ENOENT);
}

static const char *middle_folder;

static void replace_process(void)
{
	struct test_proc other = example;

	other.ticks++;
	test_proc_add(middle_folder, &other);
}

static void end_process(void)
{
	test_remove(middle_folder, "77");
}

static void test_gone_in_the_middle(void **state)
{
	struct na_facts facts;

	middle_folder = *state;
	test_proc_add(*state, &example);
	in_the_middle = replace_process;
	assert_int_equal(read_it(*state, 77, &facts), -ESRCH);
	assert_int_equal(read_it(*state, 77, &facts), 0);
	in_the_middle = end_process;
	assert_int_equal(read_it(*state, 77, &facts), -ESRCH);
}

static void test_malformed_stat(void **state)
{
	static const struct na_text stats[] = {
		TEXT(""),
		TEXT("77"),
		TEXT("77 (x"),
		TEXT("77 (x)"),
		TEXT("77 (x) S 1 2 3"),
		TEXT("\0\0\0"),
		TEXT(")"),
		TEXT("77 x) S 4 1 1 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0"),
	};
	struct na_facts facts;

	test_proc_add(*state, &example);
	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++) {
		test_write(*state, "77/stat", stats[i]);
		assert_int_equal(read_it(*state, 77, &facts), -ESRCH);
	}
}

static void test_ourselves(void **state)
{
	char executable[4096] = "", directory[4096] = "";
	struct na_facts facts;

	(void)state;
	assert_true(readlink("/proc/self/exe", executable, sizeof(executable) - 1) > 0);
	assert_non_null(getcwd(directory, sizeof(directory)));
	assert_int_equal(read_it("/proc", (uint32_t)getpid(), &facts), 0);
	assert_text(facts.executable, executable);
	assert_text(facts.directory, directory);
	assert_int_equal(facts.parent_pid, getppid());
	assert_int_equal(facts.uid, getuid());
	assert_int_equal(facts.euid, geteuid());
	assert_int_equal(facts.gid, getgid());
	assert_int_equal(facts.namespace_pid, getpid());
	assert_text(facts.comm, "proc_test");
	assert_true(facts.arguments_known && facts.net_namespace && facts.cgroup_path.length);
}

static void test_ticks(void **state)
{
	(void)state;
	assert_true(na_same_tick(1230000000, 1239999999));
	assert_false(na_same_tick(1229999999, 1230000000));
	assert_true(na_same_tick(0, NA_TICK_NS - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_stat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deleted_executable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cgroup_of_version_1_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_title, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed_stat, setup, teardown),
		cmocka_unit_test(test_ourselves),
		cmocka_unit_test(test_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
