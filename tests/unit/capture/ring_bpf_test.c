/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings of the kernel itself, filled by small programs that are run by BPF_PROG_TEST_RUN. Needs
 * Linux 5.14 and CAP_BPF; skipped elsewhere.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

#include "base/clock.h"
#include "capture/merge.h"
#include "capture/ring.h"

#define SIZE 8192
#define RINGS 2

#define INSN(code_, dst, src, imm_)                                                                \
	((struct bpf_insn){.code = (code_), .dst_reg = (dst), .src_reg = (src), .imm = (imm_)})
#define MOVE(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0)
#define MOVE_IMM(dst, value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, value)
#define ADD_IMM(dst, value) INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, value)
#define LOAD_MAP(dst, fd)                                                                          \
	INSN(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_FD, fd), INSN(0, 0, 0, 0)
#define CALL(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, helper)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0)
#define RECORD_SIZE sizeof(struct na_record_exited)

/* From the context (r1) to the stack, through r0. */
#define COPY_WORD(at)                                                                              \
	((struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_DW, .src_reg = 1, .off = (at)}),        \
		((struct bpf_insn){.code = BPF_STX | BPF_MEM | BPF_DW,                             \
				   .dst_reg = 10,                                                  \
				   .off = (at) - (int)RECORD_SIZE})

_Static_assert(RECORD_SIZE == 56, "load_output copies seven words");

static int ring_fds[RINGS], doorbell_fd;
static int quiet_fds[RINGS], ringing_fd, discarding_fd;
static struct na_doorbell *doorbell;
static struct na_rings *rings;
static const char *reason; /* why all is skipped */

static int load(const struct bpf_insn *code, size_t length)
{
	return bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "na_ring_test", "GPL", code,
			     length / sizeof(*code),
			     &(struct bpf_prog_load_opts){.sz = sizeof(struct bpf_prog_load_opts),
							  .prog_flags = BPF_F_SLEEPABLE});
}

/* Copies its context, a record, into the ring: by way of the stack, as the helper wants it. */
static int load_output(int ring_fd, int32_t flags)
{
	const struct bpf_insn code[] = {
		COPY_WORD(0),
		COPY_WORD(8),
		COPY_WORD(16),
		COPY_WORD(24),
		COPY_WORD(32),
		COPY_WORD(40),
		COPY_WORD(48),
		MOVE(2, 10),
		ADD_IMM(2, -(int)RECORD_SIZE),
		LOAD_MAP(1, ring_fd),
		MOVE_IMM(3, (int)RECORD_SIZE),
		MOVE_IMM(4, flags),
		CALL(BPF_FUNC_ringbuf_output),
		EXIT,
	};

	return load(code, sizeof(code));
}

static int load_discard(int ring_fd)
{
	const struct bpf_insn code[] = {
		LOAD_MAP(1, ring_fd),
		MOVE_IMM(2, (int)RECORD_SIZE),
		MOVE_IMM(3, 0),
		CALL(BPF_FUNC_ringbuf_reserve),
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .imm = 0, .off = 3},
		MOVE(1, 0),
		MOVE_IMM(2, BPF_RB_NO_WAKEUP),
		CALL(BPF_FUNC_ringbuf_discard),
		MOVE_IMM(0, 0),
		EXIT,
	};

	return load(code, sizeof(code));
}

static int load_all(void)
{
	struct bpf_map_create_opts mapped = {.sz = sizeof(mapped), .map_flags = BPF_F_MMAPABLE};

	doorbell_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "na_doorbell", 4, 4, 1, &mapped);
	for (int i = 0; i < RINGS; i++) {
		ring_fds[i] = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "na_ring", 0, 0, SIZE, NULL);
		if (ring_fds[i] < 0)
			return -errno;
		quiet_fds[i] = load_output(ring_fds[i], BPF_RB_NO_WAKEUP);
		if (quiet_fds[i] < 0)
			return -errno;
	}
	ringing_fd = load_output(ring_fds[1], BPF_RB_FORCE_WAKEUP);
	discarding_fd = ringing_fd < 0 ? -1 : load_discard(ring_fds[0]);
	return doorbell_fd < 0 || discarding_fd < 0 ? -errno : 0;
}

/* What the program returned. */
static int run(int program_fd, uint64_t time_ns)
{
	struct na_record_exited record = {
		.header = {.size = RECORD_SIZE,
			   .type = NA_RECORD_EXITED,
			   .program = NA_PROGRAM_EXIT,
			   .time_ns = time_ns},
	};
	struct bpf_test_run_opts options = {
		.sz = sizeof(options), .ctx_in = &record, .ctx_size_in = sizeof(record)};

	assert_int_equal(bpf_prog_test_run_opts(program_fd, &options), 0);
	return (int)options.retval;
}

struct taken {
	uint64_t count, last_ns;
};

static int take(void *context, const struct na_record_header *record)
{
	struct taken *taken = context;

	assert_true(record->time_ns >= taken->last_ns);
	assert_int_equal(record->size, RECORD_SIZE);
	taken->last_ns = record->time_ns;
	taken->count++;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	if (reason)
		return 0;
	doorbell = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, doorbell_fd, 0);
	assert_ptr_not_equal(doorbell, MAP_FAILED);
	assert_int_equal(na_rings_open(ring_fds, RINGS, SIZE, doorbell_fd, &rings), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (reason)
		return 0;
	na_rings_close(&rings);
	return munmap(doorbell, 4096);
}

static void skip_without_programs(void)
{
	if (reason) {
		print_message("skipped: no BPF program can be loaded here: %s\n", reason);
		skip();
	}
}

static void records_pass_in_order_many_times_round(void **state)
{
	struct taken taken = {0};
	uint64_t time_ns = NA_NS_PER_SEC;

	(void)state;
	skip_without_programs();
	for (int i = 0; i < 2000; i++, time_ns += 2) {
		assert_int_equal(run(quiet_fds[i % RINGS], time_ns + i % 2 * 3), 0);
		if (i % 5 == 0)
			assert_int_equal(run(discarding_fd, 0), 0);
		if (i % 30 < 29)
			continue;
		assert_int_equal(na_rings_read(rings, 1000, take, &taken), 30);
		time_ns += 3;
	}
	assert_int_equal(na_rings_drain(rings, take, &taken), 2000 % 30);
	assert_int_equal(taken.count, 2000);
	assert_int_equal(na_rings_malformed(rings), 0);
}

static void a_full_ring_takes_again_what_was_given_back(void **state)
{
	const uint64_t fits = SIZE / (RECORD_SIZE + BPF_RINGBUF_HDR_SZ);
	struct taken taken = {0};

	(void)state;
	skip_without_programs();
	for (int round = 0; round < 10; round++) {
		uint64_t written = 0;

		while (run(quiet_fds[0], 1) == 0)
			written++;
		assert_in_range(written, fits - 1, fits);
		assert_int_equal(na_rings_read(rings, 1000, take, &taken), written);
	}
}

static void a_young_record_is_waited_for(void **state)
{
	struct taken taken = {0};
	uint64_t now_ns = na_clock_boot_ns();

	(void)state;
	skip_without_programs();
	assert_int_equal(run(quiet_fds[0], now_ns), 0);
	while (na_rings_read(rings, 10, take, &taken) == 0)
		assert_int_equal(na_rings_wait(rings, -1, UINT64_MAX), 0);
	assert_true(na_clock_boot_ns() >= now_ns + NA_MERGE_WINDOW_NS);
	assert_int_equal(taken.count, 1);
}

static void *ring_when_asleep(void *context)
{
	(void)context;
	while (!__atomic_load_n(&doorbell->sleeping, __ATOMIC_SEQ_CST))
		sched_yield();
	assert_int_equal(__atomic_exchange_n(&doorbell->sleeping, 0, __ATOMIC_SEQ_CST), 1);
	run(ringing_fd, 1);
	return NULL;
}

/* Several times, because the first sleep is short and may end before the bell. */
static void the_bell_wakes(void **state)
{
	struct taken taken = {0};

	(void)state;
	skip_without_programs();
	for (uint64_t i = 1; i <= 20; i++) {
		uint64_t start_ns = na_clock_boot_ns();
		pthread_t thread;

		pthread_create(&thread, NULL, ring_when_asleep, NULL);
		while (na_rings_read(rings, 10, take, &taken) == 0)
			assert_int_equal(na_rings_wait(rings, -1, UINT64_MAX), 0);
		pthread_join(thread, NULL);
		assert_int_equal(taken.count, i);
		assert_true(na_clock_boot_ns() - start_ns < NA_RINGS_SLEEP_MS * NA_NS_PER_MS);
	}
}

/* A ring with something not given back counts as readable for poll; that must not wake. */
static void what_is_not_given_back_does_not_wake(void **state)
{
	struct taken taken = {0};
	uint64_t start_ns;

	(void)state;
	skip_without_programs();
	assert_int_equal(run(ringing_fd, na_clock_boot_ns() + NA_NS_PER_SEC / 2), 0);
	assert_int_equal(na_rings_read(rings, 10, take, &taken), 0);
	start_ns = na_clock_boot_ns();
	assert_int_equal(na_rings_wait(rings, -1, UINT64_MAX), 0);
	assert_true(na_clock_boot_ns() - start_ns >= NA_MERGE_WINDOW_NS);
	assert_int_equal(na_rings_drain(rings, take, &taken), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_pass_in_order_many_times_round, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_full_ring_takes_again_what_was_given_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_young_record_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(the_bell_wakes, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_given_back_does_not_wake, setup,
						teardown),
	};
	int error = load_all();

	if (error < 0)
		reason = strerror(-error);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
