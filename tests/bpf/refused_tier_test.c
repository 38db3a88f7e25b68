/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tier that can be had as far as can be asked, and is refused to whoever loads it: by a program
 * of the BPF LSM, which allows those that do nothing. In a guest (tests/vm), for few hosts have it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

#include "fixture.h"

#define EXIT_SKIPPED 77
#define NOTHING 2 /* instructions */
#define COPY 80   /* of union bpf_attr: its beginning */
#define AT(member) (-COPY + (int)offsetof(union bpf_attr, member))
#define MOVE(register, from)                                                                       \
	{                                                                                          \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (register), .src_reg = (from)      \
	}
#define ADD(register, number)                                                                      \
	{                                                                                          \
		.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (register), .imm = (number)        \
	}
#define SET(register, number)                                                                      \
	{                                                                                          \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (register), .imm = (number)        \
	}
#define LOAD(size, register, from, offset)                                                         \
	{                                                                                          \
		.code = BPF_LDX | BPF_MEM | (size), .dst_reg = (register), .src_reg = (from),      \
		.off = (offset)                                                                    \
	}
/* Over `count` instructions, when the comparison with a number is true. */
#define SKIP(comparison, register, number, count)                                                  \
	{                                                                                          \
		.code = BPF_JMP32 | (comparison) | BPF_K, .dst_reg = (register), .imm = (number),  \
		.off = (count)                                                                     \
	}

/* lsm/bpf: loads of programs of that type are refused. A descriptor of the link, or negative. */
static int refuse(enum bpf_attach_type type)
{
	const struct bpf_insn code[] = {
		LOAD(BPF_DW, BPF_REG_2, BPF_REG_1, 0), /* the command */
		SKIP(BPF_JNE, BPF_REG_2, BPF_PROG_LOAD, 11),
		LOAD(BPF_DW, BPF_REG_3, BPF_REG_1, 8), /* union bpf_attr */
		MOVE(BPF_REG_1, BPF_REG_10),
		ADD(BPF_REG_1, -COPY),
		SET(BPF_REG_2, COPY),
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
		LOAD(BPF_W, BPF_REG_1, BPF_REG_10, AT(expected_attach_type)),
		SKIP(BPF_JNE, BPF_REG_1, type, 4),
		LOAD(BPF_W, BPF_REG_1, BPF_REG_10, AT(insn_cnt)),
		SKIP(BPF_JLE, BPF_REG_1, NOTHING, 2),
		SET(BPF_REG_0, -1),
		{.code = BPF_JMP | BPF_EXIT},
		SET(BPF_REG_0, 0),
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_LSM_MAC,
		    .attach_btf_id = (__u32)libbpf_find_vmlinux_btf_id("bpf", BPF_LSM_MAC));
	int program = bpf_prog_load(BPF_PROG_TYPE_LSM, "na_refuse", "GPL", code,
				    sizeof(code) / sizeof(*code), &options);
	int link = program < 0 ? program : bpf_raw_tracepoint_open(NULL, program);

	if (program >= 0)
		close(program);
	return link;
}

static void check_events(struct na_capture *capture)
{
	struct collected collected = {0};
	struct na_buffer why = {0};

	if (na_capture_self_test(capture, 20000000000, collect, &collected, &why) < 0)
		fail_msg("%.*s", (int)why.length, why.data);
	na_buffer_done(&why);
	collected_done(&collected);
}

/* Exits of the hooks and of functions are refused, and entries are not. */
static void the_next_one_is_taken(void **state)
{
	struct na_capture_options options = fixture_options();
	struct na_buffer why = {0};
	struct na_capture *capture;
	int refusal = refuse(BPF_TRACE_FEXIT);

	(void)state;
	assert_true(refusal >= 0);
	assert_int_equal(na_tier_probe(NA_TIER_FEXIT, &why), 0);
	capture = fixture_open(&options);
	close(refusal);
	assert_int_equal(na_capture_tier(capture), NA_TIER_LSM);
	assert_non_null(strstr(na_capture_tier_refused(capture, NA_TIER_FEXIT),
			       "the kernel refuses to load it: Operation not permitted"));
	assert_true(na_capture_programs(capture)[NA_PROGRAM_LSM_SOCKET_BIND].attached);
	check_events(capture);
	na_capture_close(&capture);
}

static void a_fixed_one_is_not_replaced(void **state)
{
	struct na_capture_options options = fixture_options();
	struct na_buffer why = {0};
	struct na_capture *capture;
	int refusal = refuse(BPF_LSM_MAC);

	(void)state;
	assert_true(refusal >= 0);
	options.attach = NA_TIER_LSM;
	assert_true(na_capture_open(&options, &capture, &why) < 0);
	close(refusal);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, "capture.attach is lsm, but no program of it works here"));
	assert_non_null(strstr(why.data, "Operation not permitted; capture.attach: auto takes"));
	na_buffer_done(&why);
}

static int run_refused(const char *command)
{
	int refusal = refuse(BPF_TRACE_FEXIT), status = 0;
	pid_t child = refusal < 0 ? -1 : fork();

	if (!child) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return 1;
	close(refusal);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_one_is_taken),
		cmocka_unit_test(a_fixed_one_is_not_replaced),
	};

	for (int tier = NA_TIER_FEXIT; tier <= NA_TIER_LSM; tier++) {
		struct na_buffer why = {0};

		if (na_tier_probe((enum na_tier)tier, &why) == 0)
			continue;
		printf("skipped: no %s here: %.*s\n", na_tier_name((enum na_tier)tier),
		       (int)why.length, why.data);
		return EXIT_SKIPPED;
	}
	if (argc > 1)
		return run_refused(argv[1]);
	fixture_require_programs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
