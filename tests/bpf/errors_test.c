/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator is told where nothing can work, or not all. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

#include "capture/cgroup_root.h"
#include "fixture.h"

/* In a child with mounts of its own: its result and what it was told. */
struct told {
	int error;
	char why[4096];
};

static enum na_tier attach;

static void open_told(struct told *told)
{
	struct na_capture_options options = fixture_options();
	struct na_capture *capture;
	struct na_buffer why = {0};

	options.attach = attach;
	told->error = na_capture_open(&options, &capture, &why);
	if (!told->error)
		na_capture_close(&capture);
	snprintf(told->why, sizeof(told->why), "%.*s", (int)why.length, why.data ? why.data : "");
	na_buffer_done(&why);
}

static struct told tell_where(void (*prepare)(void))
{
	struct told told = {0};
	int fds[2];
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (!child) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(1);
		prepare();
		open_told(&told);
		_exit(write(fds[1], &told, sizeof(told)) != sizeof(told));
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &told, sizeof(told)), sizeof(told));
	close(fds[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return told;
}

static void cover(const char *path)
{
	if (mount("none", path, "tmpfs", 0, NULL) < 0)
		_exit(2);
}

static void without_btf(void)
{
	cover("/sys/kernel/btf");
}

static void a_kernel_without_btf(void **state)
{
	struct told told = tell_where(without_btf);

	(void)state;
	assert_int_equal(told.error, -EOPNOTSUPP);
	assert_non_null(strstr(told.why, "/sys/kernel/btf/vmlinux is missing"));
}

/* The file is looked at where it is mounted: a tmpfs with what such a kernel says. */
static void with_confidentiality(void)
{
	FILE *file;

	cover("/sys/kernel/security");
	file = fopen("/sys/kernel/security/lockdown", "we");
	if (!file || fputs("none integrity [confidentiality]\n", file) < 0 || fclose(file))
		_exit(3);
}

static void a_kernel_locked_down_for_confidentiality(void **state)
{
	struct told told = tell_where(with_confidentiality);

	(void)state;
	assert_int_equal(told.error, -EOPNOTSUPP);
	assert_non_null(strstr(told.why, "locked down for confidentiality"));
	assert_non_null(strstr(told.why, "lockdown=integrity or none"));
}

static void without_cgroup2(void)
{
	cover("/sys/fs/cgroup");
	for (int i = 0; i < 8 && umount2("/sys/fs/cgroup/unified", MNT_DETACH) == 0; i++)
		;
}

static bool mounts_name_cgroup2(void)
{
	FILE *file = fopen("/proc/self/mounts", "re");
	char line[4096];
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, " cgroup2 ") != NULL;
	if (file)
		fclose(file);
	return found;
}

/* Also: the mount under the cover still stands in the list, and names another folder now. */
static void unmount_cgroup2(void)
{
	umount2("/sys/fs/cgroup/unified", MNT_DETACH);
	umount2("/sys/fs/cgroup", MNT_DETACH);
	if (mounts_name_cgroup2())
		_exit(4);
}

static void a_private_cgroup2_where_none_is_mounted(void **state)
{
	struct told told = tell_where(unmount_cgroup2);

	(void)state;
	assert_string_equal(told.why, "");
	assert_int_equal(told.error, 0);
}

static void a_cgroup2_that_something_covers(void **state)
{
	struct told told = tell_where(without_cgroup2);

	(void)state;
	assert_string_equal(told.why, "");
	assert_int_equal(told.error, 0);
}

static void a_tier_that_cannot_be_had(void **state)
{
	(void)state;
	for (attach = NA_TIER_FEXIT; attach < NA_TIER_COUNT; attach++) {
		struct na_buffer why = {0};
		struct told told;
		int error = na_tier_probe(attach, &why);

		if (!error)
			continue; /* this one can be had here */
		open_told(&told);
		assert_true(told.error < 0);
		assert_non_null(strstr(told.why, "capture.attach is "));
		assert_non_null(strstr(told.why, na_tier_name(attach)));
		na_buffer_append_char(&why, '\0');
		assert_non_null(strstr(told.why, why.data));
		na_buffer_done(&why);
	}
	attach = NA_TIER_AUTO;
}

static int load_allowing(void)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);

	return bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "na_exclusive", "GPL", code,
			     sizeof(code) / sizeof(*code), &options);
}

/* The rest works; the row says why. Skipped where somebody else is attached there. */
static void an_exclusive_program_at_the_root(void **state)
{
	struct na_capture_options options = fixture_options();
	const struct na_program_state *programs;
	int root = na_cgroup_root_open(), program = load_allowing();
	struct na_capture *capture;

	(void)state;
	assert_true(root >= 0 && program >= 0);
	if (bpf_prog_attach(program, root, BPF_CGROUP_INET4_CONNECT, 0) < 0) {
		print_message("skipped: another program is at the root: %s\n", strerror(errno));
		close(program);
		close(root);
		skip();
	}
	capture = fixture_open(&options);
	programs = na_capture_programs(capture);
	assert_int_equal(bpf_prog_detach2(program, root, BPF_CGROUP_INET4_CONNECT), 0);
	assert_false(programs[NA_PROGRAM_CONNECT4].attached);
	assert_non_null(strstr(programs[NA_PROGRAM_CONNECT4].reason, "exclusively"));
	assert_true(programs[NA_PROGRAM_CONNECT6].attached);
	na_capture_close(&capture);
	close(program);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_without_btf),
		cmocka_unit_test(a_kernel_locked_down_for_confidentiality),
		cmocka_unit_test(a_private_cgroup2_where_none_is_mounted),
		cmocka_unit_test(a_cgroup2_that_something_covers),
		cmocka_unit_test(a_tier_that_cannot_be_had),
		cmocka_unit_test(an_exclusive_program_at_the_root),
	};

	fixture_require_programs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
