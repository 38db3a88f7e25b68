/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detaching by a process of its own: what it holds, in which order it lets go, and that the agent
 * waits for nothing. Links are pipes; each close of that process is a step that the test allows.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/capture_internal.h"

#define LINKS 7

struct bpf_link {
	int fd;
};

/* By number, and not as they are to be let go of. */
static const enum na_program programs[LINKS] = {
	NA_PROGRAM_SET_STATE,         NA_PROGRAM_CALL_BIND,       NA_PROGRAM_FEXIT_ACCEPTED,
	NA_PROGRAM_FEXIT_SOCKET_BIND, NA_PROGRAM_AGAIN_CALL_BIND, NA_PROGRAM_KRETPROBE_SOCKET_BIND,
	NA_PROGRAM_KPROBE_SOCKET_BIND};
static const int order[LINKS] = {6, 3, 5, 1, 2, 4, 0};

static struct na_capture *capture;
static int ends[LINKS]; /* readable when nobody has the link any more */
static int allowed[2];
static pid_t test_pid;
static int settled;

int bpf_link__fd(const struct bpf_link *link)
{
	return link->fd;
}

int bpf_link__destroy(struct bpf_link *link)
{
	if (link)
		close(link->fd);
	free(link);
	return 0;
}

void bpf_link__disconnect(struct bpf_link *link)
{
	link->fd = -1;
}

enum na_hook na_program_hook(enum na_program id)
{
	return id == NA_PROGRAM_FEXIT_SOCKET_BIND || id == NA_PROGRAM_KRETPROBE_SOCKET_BIND ||
			       id == NA_PROGRAM_KPROBE_SOCKET_BIND
		       ? NA_HOOK_SOCKET_BIND
		       : NA_HOOK_NONE;
}

const char *na_program_source(enum na_program id)
{
	return id == NA_PROGRAM_KPROBE_SOCKET_BIND ? "kprobe/security_socket_bind" : "other";
}

bool na_program_is_trampoline(enum na_program id)
{
	return id == NA_PROGRAM_CALL_BIND;
}

bool na_program_is_of(enum na_program id, enum na_tier tier)
{
	return tier == NA_TIER_FEXIT &&
	       (id == NA_PROGRAM_FEXIT_ACCEPTED || id == NA_PROGRAM_FEXIT_SOCKET_BIND);
}

enum na_program na_stand_in_first(enum na_program stand_in)
{
	return stand_in == NA_PROGRAM_AGAIN_CALL_BIND ? NA_PROGRAM_CALL_BIND : NA_PROGRAM_NONE;
}

void na_stand_ins_settle(struct na_capture *of)
{
	assert_ptr_equal(of, capture);
	settled++;
}

int __real_close(int fd);
int __wrap_close(int fd);

static int index_of_link(int fd)
{
	for (int i = 0; i < LINKS; i++)
		if (capture->links[programs[i]] && bpf_link__fd(capture->links[programs[i]]) == fd)
			return i;
	return -1;
}

/* The other process has the links of the time when it began, and none of the other descriptors. */
int __wrap_close(int fd)
{
	char step;

	if (getpid() != test_pid && fd == allowed[0])
		return 0;
	if (getpid() != test_pid && index_of_link(fd) >= 0 && read(allowed[0], &step, 1) != 1)
		_exit(1);
	return __real_close(fd);
}

int __real_close_range(unsigned int first, unsigned int last, int flags);
int __wrap_close_range(unsigned int first, unsigned int last, int flags);

/* The one that allows steps stays; no other is behind it. */
int __wrap_close_range(unsigned int first, unsigned int last, int flags)
{
	if (allowed[0] >= (int)first)
		return __real_close_range((unsigned int)allowed[0] + 1, last, flags);
	return __real_close_range(first, last, flags);
}

static bool is_let_go(int link)
{
	struct pollfd poller = {.fd = ends[link], .events = POLLIN};

	return poll(&poller, 1, 0) == 1;
}

static void await(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&poller, 1, -1), 1);
}

static void allow(void)
{
	assert_int_equal(write(allowed[1], "s", 1), 1);
}

static int set_up(void **state)
{
	static struct cgroup_bpf__data_told told;
	static struct cgroup_bpf bpf = {.data_told = &told};

	(void)state;
	told.told.lsm = told.told.seccomp = 1;
	test_pid = getpid();
	settled = 0;
	capture = calloc(1, sizeof(*capture));
	assert_non_null(capture);
	capture->bpf = &bpf;
	capture->connect_unix_link = capture->detacher_fd = -1;
	for (int i = 0; i < LINKS; i++) {
		struct bpf_link *link = malloc(sizeof(*link));
		int pair[2];

		assert_non_null(link);
		assert_int_equal(pipe(pair), 0);
		ends[i] = pair[0];
		link->fd = pair[1];
		capture->links[programs[i]] = link;
		capture->states[programs[i]].attached = true;
	}
	assert_int_equal(pipe(allowed), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < LINKS; i++)
		close(ends[i]);
	close(allowed[0]);
	close(allowed[1]);
	free(capture);
	return 0;
}

static void test_order(void **state)
{
	int fd = na_capture_detach_begin(capture);

	(void)state;
	assert_true(fd >= 0);
	assert_false(capture->bpf->data_told->told.lsm);
	assert_false(capture->bpf->data_told->told.seccomp);
	for (int i = 0; i < LINKS; i++) {
		for (int later = i; later < LINKS; later++)
			assert_false(is_let_go(order[later]));
		assert_true(na_capture_is_detaching(capture));
		assert_true(capture->states[programs[order[i]]].attached);
		allow();
		await(ends[order[i]]);
	}
	await(fd);
	assert_false(na_capture_is_detaching(capture));
	na_capture_detach(capture);
	assert_int_equal(settled, 1);
	for (int i = 0; i < LINKS; i++)
		assert_false(capture->states[programs[i]].attached);
}

/* What others wait for must not stay open with the links. */
static void test_holds_nothing_else(void **state)
{
	int low[2], high[2], fd;

	(void)state;
	close(ends[0]);
	assert_int_equal(pipe(low), 0); /* in its place, before the links */
	ends[0] = low[0];
	assert_int_equal(pipe(high), 0);
	assert_int_equal(fcntl(high[1], F_DUPFD, 200), 200);
	fd = na_capture_detach_begin(capture);
	assert_true(fd >= 0);
	close(low[1]);
	close(high[1]);
	close(200);
	await(low[0]);
	await(high[0]);
	close(high[0]);
	assert_true(na_capture_is_detaching(capture));
	for (int i = 0; i < LINKS; i++)
		allow();
	await(fd);
	na_capture_detach(capture);
}

/* Stand-ins are left as they are while their programs may run. */
static void test_does_not_wait(void **state)
{
	int fd = na_capture_detach_begin(capture);

	(void)state;
	na_capture_detach(capture);
	assert_true(na_capture_is_detaching(capture));
	assert_int_equal(settled, 0);
	assert_false(is_let_go(order[0]));
	for (int i = 0; i < LINKS; i++)
		allow();
	await(fd);
	na_capture_detach(capture);
	assert_int_equal(settled, 1);
}

static void test_without_the_process(void **state)
{
	(void)state;
	na_capture_detach(capture);
	for (int i = 0; i < LINKS; i++)
		assert_true(is_let_go(i));
	assert_int_equal(settled, 1);
}

/* The next agent's stand-ins must find marks, too. */
static void test_pinned(void **state)
{
	(void)state;
	capture->pinned = true;
	na_capture_detach(capture);
	assert_int_equal(settled, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_holds_nothing_else, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_does_not_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_the_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pinned, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
