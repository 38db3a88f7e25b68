/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tier is taken when one that seemed possible is refused, and what is told of it. The kernel
 * is what each test says that it refuses.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "capture/capture_internal.h"

static struct {
	bool impossible[NA_TIER_COUNT];
	int load_errors[NA_TIER_COUNT];
	bool refuses_load[NA_PROGRAM_COUNT], refuses_attach[NA_PROGRAM_COUNT];
} kernel;

static struct na_capture *capture;
static char programs[NA_PROGRAM_COUNT]; /* their addresses stand for those of libbpf */
static size_t links;                    /* that are there */
static unsigned int calibrated;

int __wrap_na_tier_probe(enum na_tier tier, struct na_buffer *why);
int __wrap_na_object_load_tier(struct na_capture *of, enum na_tier tier);
void __wrap_na_object_close(struct na_capture *of, enum na_tier tier);
int __wrap_na_calibrate(struct na_capture *of);
void __wrap_na_stand_ins_settle(struct na_capture *of);
void __wrap_na_stand_ins_want_behind_trampolines(struct na_capture *of);
struct bpf_link *__wrap_bpf_program__attach(const struct bpf_program *program);
struct bpf_link *__wrap_bpf_program__attach_cgroup(const struct bpf_program *program, int fd);
int __wrap_bpf_link__destroy(struct bpf_link *link);

int __wrap_na_tier_probe(enum na_tier tier, struct na_buffer *why)
{
	if (!kernel.impossible[tier])
		return 0;
	na_buffer_append_string(why, "not with this kernel");
	return -EOPNOTSUPP;
}

static bool is_in_object(enum na_program id, enum na_tier tier)
{
	return na_program_is_of(id, tier) ||
	       (tier == NA_TIER_FEXIT && na_program_is_trampoline(id));
}

static void load_program(enum na_program id)
{
	struct na_program_state *state = &capture->states[id];

	if (na_program_off(state))
		return;
	if (kernel.refuses_load[id])
		snprintf(state->reason, sizeof(state->reason), "refused to load");
	else
		capture->programs[id] = (struct bpf_program *)&programs[id];
}

int __wrap_na_object_load_tier(struct na_capture *of, enum na_tier tier)
{
	assert_null(of->tiers[tier]);
	if (kernel.load_errors[tier])
		return kernel.load_errors[tier];
	of->tiers[tier] = (struct bpf_object *)&programs[0];
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (is_in_object((enum na_program)id, tier))
			load_program((enum na_program)id);
	return 0;
}

void __wrap_na_object_close(struct na_capture *of, enum na_tier tier)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		if (!of->tiers[tier] || !is_in_object((enum na_program)id, tier))
			continue;
		assert_null(of->links[id]);
		of->programs[id] = NULL;
	}
	of->tiers[tier] = NULL;
}

int __wrap_na_calibrate(struct na_capture *of)
{
	assert_true(of->states[NA_PROGRAM_FILE_FREE].attached);
	assert_false(of->states[NA_PROGRAM_SYS_EXIT].attached);
	calibrated++;
	return 0;
}

void __wrap_na_stand_ins_settle(struct na_capture *of)
{
	(void)of;
}

void __wrap_na_stand_ins_want_behind_trampolines(struct na_capture *of)
{
	(void)of;
}

struct bpf_link *__wrap_bpf_program__attach(const struct bpf_program *program)
{
	ptrdiff_t id = (const char *)program - programs;
	char *link;

	if (kernel.refuses_attach[id]) {
		errno = EBUSY;
		return NULL;
	}
	link = malloc(1);
	assert_non_null(link);
	links++;
	return (struct bpf_link *)link;
}

struct bpf_link *__wrap_bpf_program__attach_cgroup(const struct bpf_program *program, int fd)
{
	(void)fd;
	return __wrap_bpf_program__attach(program);
}

int __wrap_bpf_link__destroy(struct bpf_link *link)
{
	links -= link != NULL;
	free(link);
	return 0;
}

static int set_up(void **state)
{
	static struct cgroup_bpf__data_told told;
	static struct cgroup_bpf__data_hooks hooks;
	static struct cgroup_bpf__data_stand_ins stand_ins;
	static struct cgroup_bpf bpf = {
		.data_told = &told, .data_hooks = &hooks, .data_stand_ins = &stand_ins};

	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	memset(&told, 0, sizeof(told));
	calibrated = 0;
	capture = calloc(1, sizeof(*capture));
	assert_non_null(capture);
	capture->bpf = &bpf;
	capture->options.families = ~(UINT64_C(1) << AF_UNIX);
	capture->connect_unix_link = -1;
	na_hooks_init(capture);
	na_programs_init(capture);
	for (int id = 1; id < NA_PROGRAM_COUNT; id++) {
		const char *tier = capture->states[id].tier;

		if (!strcmp(tier, "cgroup") || !strcmp(tier, "process"))
			load_program((enum na_program)id);
	}
	load_program(NA_PROGRAM_AGAIN_SET_STATE);
	return 0;
}

static int tear_down(void **state)
{
	size_t attached = 0;

	(void)state;
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		attached += capture->states[id].attached;
		assert_int_equal(capture->states[id].attached, capture->links[id] != NULL);
		__wrap_bpf_link__destroy(capture->links[id]);
	}
	assert_int_equal(links, 0);
	assert_true(attached);
	free(capture);
	return 0;
}

static void start(void)
{
	na_tiers_load(capture);
	assert_int_equal(na_capture_attach(capture), 0);
}

static bool is_attached(enum na_program id)
{
	return capture->states[id].attached;
}

static void refuse_tier(bool refused[NA_PROGRAM_COUNT], enum na_tier tier)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		refused[id] |= na_program_is_of((enum na_program)id, tier);
}

static bool is_any_attached(enum na_tier tier)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_is_of((enum na_program)id, tier) && is_attached((enum na_program)id))
			return true;
	return false;
}

static void assert_reason(enum na_tier tier, const char *part)
{
	const char *reason = na_capture_tier_refused(capture, tier);

	if (!strstr(reason, part))
		fail_msg("no \"%s\" in: %s", part, reason);
}

static void the_best_is_taken(void **state)
{
	(void)state;
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_FEXIT);
	assert_string_equal(na_capture_tier_refused(capture, NA_TIER_FEXIT), "");
	assert_true(is_attached(NA_PROGRAM_FEXIT_ACCEPTED));
	assert_true(is_attached(NA_PROGRAM_CALL_BIND));
	assert_false(is_attached(NA_PROGRAM_CALL_ACCEPT));
	assert_false(is_attached(NA_PROGRAM_SYS_EXIT));
	assert_false(is_attached(NA_PROGRAM_FILE_FREE));
	assert_false(is_any_attached(NA_TIER_LSM) || is_any_attached(NA_TIER_KPROBE));
	assert_string_equal(capture->states[NA_PROGRAM_LSM_ACCEPTED].reason,
			    "fexit does the same better");
}

/* The functions' exits are of that object: the exit of calls does their part. */
static void an_object_that_cannot_be_loaded(void **state)
{
	(void)state;
	kernel.load_errors[NA_TIER_FEXIT] = -ENOMEM;
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_LSM);
	assert_reason(NA_TIER_FEXIT, "cannot be loaded: Cannot allocate memory");
	assert_true(is_attached(NA_PROGRAM_LSM_ACCEPTED));
	assert_true(is_attached(NA_PROGRAM_LSM_SOCKET_BIND));
	assert_true(is_attached(NA_PROGRAM_SYS_EXIT));
	assert_int_equal(capture->bpf->data_told->told.failures, 0);
	assert_true(is_attached(NA_PROGRAM_FILE_FREE));
	assert_false(is_any_attached(NA_TIER_FEXIT) || is_any_attached(NA_TIER_KPROBE));
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (capture->states[id].wanted && !is_attached((enum na_program)id))
			fail_msg("%s: %s", na_program_source((enum na_program)id),
				 capture->states[id].reason);
}

static void every_program_refused(void **state)
{
	(void)state;
	refuse_tier(kernel.refuses_load, NA_TIER_FEXIT);
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_LSM);
	assert_reason(NA_TIER_FEXIT, "no program of it works here; the first, fexit/security_");
	assert_reason(NA_TIER_FEXIT, ": refused to load");
	assert_true(is_attached(NA_PROGRAM_CALL_ACCEPT)); /* no hook of fexit tells it */
	assert_true(is_attached(NA_PROGRAM_CALL_BIND));
	assert_false(is_attached(NA_PROGRAM_SYS_EXIT));
	assert_false(is_attached(NA_PROGRAM_FILE_FREE));
	assert_string_equal(capture->states[NA_PROGRAM_KPROBE_ACCEPTED].reason,
			    "lsm does the same better");
}

static void what_loads_and_cannot_be_attached(void **state)
{
	(void)state;
	refuse_tier(kernel.refuses_attach, NA_TIER_FEXIT);
	kernel.impossible[NA_TIER_LSM] = true;
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_KPROBE);
	assert_reason(NA_TIER_FEXIT, "cannot be attached: Device or resource busy");
	assert_string_equal(na_capture_tier_refused(capture, NA_TIER_LSM), "");
	assert_string_equal(capture->states[NA_PROGRAM_LSM_ACCEPTED].reason,
			    "not with this kernel");
	assert_true(is_attached(NA_PROGRAM_KPROBE_ACCEPTED));
	assert_true(is_attached(NA_PROGRAM_KPROBE_CLOSE));
	assert_true(is_attached(NA_PROGRAM_SYS_EXIT));
	assert_false(
		is_attached(NA_PROGRAM_FEXIT_CLOSE)); /* it was, before the tier was given up */
	assert_false(is_attached(NA_PROGRAM_FILE_FREE));
	assert_false(is_attached(NA_PROGRAM_CALL_BIND));
	assert_int_equal(capture->bpf->data_told->told.successes, 1U << NA_OPERATION_ACCEPT);
	assert_int_equal(capture->bpf->data_told->told.failures, 0);
}

static void none_that_works(void **state)
{
	(void)state;
	kernel.load_errors[NA_TIER_FEXIT] = -ENOMEM;
	refuse_tier(kernel.refuses_load, NA_TIER_LSM);
	refuse_tier(kernel.refuses_attach, NA_TIER_KPROBE);
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_CGROUP);
	assert_reason(NA_TIER_FEXIT, "cannot be loaded");
	assert_reason(NA_TIER_LSM, "refused to load");
	assert_reason(NA_TIER_KPROBE, "cannot be attached");
	assert_true(is_attached(NA_PROGRAM_SYS_EXIT));
	assert_true(is_attached(NA_PROGRAM_FILE_FREE));
	assert_int_equal(calibrated, 1);
	assert_int_equal(capture->bpf->data_told->told.successes, 0);
	assert_int_equal(capture->bpf->data_told->told.lsm, 0);
	assert_int_equal(na_tiers_check(capture, &(struct na_buffer){0}), 0);
}

/* What somebody fixed is not replaced by another: it is refused, and told why. */
static void a_fixed_tier_that_does_not_work(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};

	(void)state;
	capture->options.attach = NA_TIER_FEXIT;
	refuse_tier(kernel.refuses_attach, NA_TIER_FEXIT);
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_CGROUP);
	assert_false(is_any_attached(NA_TIER_LSM) || is_any_attached(NA_TIER_KPROBE));
	assert_int_equal(na_tiers_check(capture, &why), -EOPNOTSUPP);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, "capture.attach is fexit, but no program of it works"));
	assert_non_null(strstr(why.data, ": cannot be attached: Device or resource busy; "
					 "capture.attach: auto takes what works"));
}

static void a_fixed_tier_that_works(void **state)
{
	(void)state;
	capture->options.attach = NA_TIER_LSM;
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_LSM);
	assert_int_equal(na_tiers_check(capture, &(struct na_buffer){0}), 0);
	assert_string_equal(capture->states[NA_PROGRAM_KPROBE_ACCEPTED].reason,
			    "capture.attach is lsm");
}

/* One refused at load, one at attach. */
static void a_hook_refused_is_taken_by_the_next(void **state)
{
	(void)state;
	kernel.refuses_load[NA_PROGRAM_FEXIT_SOCKET_BIND] = true;
	kernel.refuses_attach[NA_PROGRAM_FEXIT_SOCKET_LISTEN] = true;
	kernel.refuses_attach[NA_PROGRAM_LSM_SOCKET_LISTEN] = true;
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_FEXIT);
	assert_true(is_attached(NA_PROGRAM_LSM_SOCKET_BIND));
	assert_true(is_attached(NA_PROGRAM_FEXIT_SOCKET_CONNECT));
	assert_false(is_attached(NA_PROGRAM_LSM_SOCKET_CONNECT));
	assert_false(is_attached(NA_PROGRAM_LSM_ACCEPTED));
}

/* The exit of accept was left to a hook whose program is not there. */
static void refusals_of_accept_are_told(void **state)
{
	(void)state;
	kernel.refuses_load[NA_PROGRAM_FEXIT_SOCKET_ACCEPT] = true;
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_FEXIT);
	assert_false(is_attached(NA_PROGRAM_CALL_ACCEPT));
	assert_false(capture->bpf->data_told->told.failures >> NA_OPERATION_ACCEPT & 1);
	assert_true(is_attached(NA_PROGRAM_SYS_EXIT));
}

/* Files were to tell what is made: that falls to the exit of calls, with what sock_create keeps. */
static void sockets_made_are_told(void **state)
{
	(void)state;
	kernel.refuses_attach[NA_PROGRAM_CALL_FILE] = true;
	start();
	assert_int_equal(na_capture_tier(capture), NA_TIER_FEXIT);
	assert_true(is_attached(NA_PROGRAM_CALL_SOCKET));
	assert_false(capture->bpf->data_told->told.successes >> NA_OPERATION_SOCKET & 1);
	assert_true(capture->bpf->data_told->told.failures >> NA_OPERATION_SOCKET & 1);
	assert_true(is_attached(NA_PROGRAM_SYS_EXIT));
}

static void refusals_of_lsms_are_told_by_the_return(void **state)
{
	uint32_t bind = 1U << NA_OPERATION_BIND, listen = 1U << NA_OPERATION_LISTEN;

	(void)state;
	capture->options.attach = NA_TIER_KPROBE;
	kernel.refuses_attach[NA_PROGRAM_KRETPROBE_SOCKET_BIND] = true;
	start();
	assert_true(is_attached(NA_PROGRAM_KPROBE_SOCKET_BIND));
	assert_int_equal(capture->bpf->data_told->told.lsm & (bind | listen), listen);
}

/* Notes for the exit of calls, where there is none, would only fill their table. */
static void seccomp_is_told_by_the_exit_of_calls(void **state)
{
	(void)state;
	capture->options.seccomp = true;
	kernel.refuses_attach[NA_PROGRAM_SYS_EXIT] = true;
	start();
	assert_true(capture->bpf->data_told->told.failures);
	assert_false(capture->bpf->data_told->told.seccomp);
	kernel.refuses_attach[NA_PROGRAM_SYS_EXIT] = false;
	capture->states[NA_PROGRAM_SYS_EXIT].reason[0] = '\0';
	assert_int_equal(na_capture_attach(capture), 0);
	assert_true(capture->bpf->data_told->told.seccomp);
}

static void nobody_asks_for_seccomp(void **state)
{
	(void)state;
	kernel.refuses_load[NA_PROGRAM_CALL_BIND] = true;
	start();
	assert_true(is_attached(NA_PROGRAM_SYS_EXIT));
	assert_false(capture->bpf->data_told->told.seccomp);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_best_is_taken),
		TEST(an_object_that_cannot_be_loaded),
		TEST(every_program_refused),
		TEST(what_loads_and_cannot_be_attached),
		TEST(none_that_works),
		TEST(a_fixed_tier_that_does_not_work),
		TEST(a_fixed_tier_that_works),
		TEST(a_hook_refused_is_taken_by_the_next),
		TEST(refusals_of_accept_are_told),
		TEST(sockets_made_are_told),
		TEST(refusals_of_lsms_are_told_by_the_return),
		TEST(seccomp_is_told_by_the_exit_of_calls),
		TEST(nobody_asks_for_seccomp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
