/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stand-ins: second programs that do what the kernel skips the first for (bpf/stand_in.h).
 *
 * Any kernel skips a change of state in a softirq that comes over another. The others are for
 * kernels that preempt programs, for they cost a run beside each of the first: from 7.0 on those of
 * tracepoints, and in the modes full and lazy of every kernel those of trampolines.
 */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "capture/capture_internal.h"
#include "preemption.skel.h"
#include "preemption_mode.skel.h"

static const struct {
	enum na_program first, stand_in;
} pairs[] = {
	{NA_PROGRAM_SET_STATE, NA_PROGRAM_AGAIN_SET_STATE},
	{NA_PROGRAM_SYS_EXIT, NA_PROGRAM_AGAIN_SYS_EXIT},
	{NA_PROGRAM_SEND_LENGTH, NA_PROGRAM_AGAIN_SEND_LENGTH},
	{NA_PROGRAM_RECV_LENGTH, NA_PROGRAM_AGAIN_RECV_LENGTH},
	{NA_PROGRAM_URING_COMPLETE, NA_PROGRAM_AGAIN_URING},
	{NA_PROGRAM_FILE_FREE, NA_PROGRAM_AGAIN_FILE_FREE},
	{NA_PROGRAM_FORK, NA_PROGRAM_AGAIN_FORK},
	{NA_PROGRAM_EXEC, NA_PROGRAM_AGAIN_EXEC},
	{NA_PROGRAM_EXIT, NA_PROGRAM_AGAIN_EXIT},
	{NA_PROGRAM_CALL_FILE, NA_PROGRAM_AGAIN_CALL_FILE},
	{NA_PROGRAM_FEXIT_ACCEPTED, NA_PROGRAM_AGAIN_FEXIT_ACCEPTED},
	{NA_PROGRAM_CALL_SOCKET, NA_PROGRAM_AGAIN_CALL_SOCKET},
	{NA_PROGRAM_CALL_SOCKETPAIR, NA_PROGRAM_AGAIN_CALL_SOCKETPAIR},
	{NA_PROGRAM_CALL_ACCEPT, NA_PROGRAM_AGAIN_CALL_ACCEPT},
	{NA_PROGRAM_CALL_CREATE, NA_PROGRAM_AGAIN_CALL_CREATE},
	{NA_PROGRAM_CALL_BIND, NA_PROGRAM_AGAIN_CALL_BIND},
	{NA_PROGRAM_CALL_LISTEN, NA_PROGRAM_AGAIN_CALL_LISTEN},
	{NA_PROGRAM_CALL_CONNECT, NA_PROGRAM_AGAIN_CALL_CONNECT},
	{NA_PROGRAM_CALL_SHUTDOWN, NA_PROGRAM_AGAIN_CALL_SHUTDOWN},
	{NA_PROGRAM_CALL_SENDTO, NA_PROGRAM_AGAIN_CALL_SENDTO},
	{NA_PROGRAM_CALL_SENDMSG, NA_PROGRAM_AGAIN_CALL_SENDMSG},
	{NA_PROGRAM_CALL_SENDMMSG, NA_PROGRAM_AGAIN_CALL_SENDMMSG},
	{NA_PROGRAM_FEXIT_CLOSE, NA_PROGRAM_AGAIN_FEXIT_CLOSE},
};

#define PAIRS (sizeof(pairs) / sizeof(*pairs))

/* Where it cannot be asked, kernels are too old to preempt. */
static bool are_tracepoints_preempted(const struct na_capture *capture)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = capture->options.btf);
	struct preemption_bpf *bpf = preemption_bpf__open_opts(&options);
	bool possible = false;

	if (bpf && preemption_bpf__load(bpf) == 0 && preemption_bpf__attach(bpf) == 0) {
		getppid(); /* its exit is told; that of attaching may be before the program */
		possible = bpf->data_preemption->preemption.possible;
	}
	preemption_bpf__destroy(bpf);
	return possible;
}

/* The kernel's version names it, as PREEMPT, PREEMPT_DYNAMIC or PREEMPT_RT. */
static bool is_built_to_preempt(void)
{
	struct utsname kernel = {.version = ""};

	uname(&kernel);
	return strstr(kernel.version, "PREEMPT");
}

/* Where the mode cannot be asked, what the kernel was built for is taken for it. */
static bool are_trampolines_preempted(const struct na_capture *capture)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = capture->options.btf);
	LIBBPF_OPTS(bpf_test_run_opts, run);
	struct preemption_mode_bpf *bpf = preemption_mode_bpf__open_opts(&options);
	bool possible = is_built_to_preempt();

	if (bpf && preemption_mode_bpf__load(bpf) == 0 &&
	    bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.preemption__ask), &run) == 0 &&
	    bpf->data_preemption->preemption_mode.known)
		possible = bpf->data_preemption->preemption_mode.possible;
	preemption_mode_bpf__destroy(bpf);
	return possible;
}

static bool is_of_trampoline(enum na_program id)
{
	return na_program_is_trampoline(id) || na_program_is_of(id, NA_TIER_FEXIT);
}

static uint64_t worked_for(const struct na_capture *capture, enum na_program first)
{
	return capture->bpf->data_stand_ins->stand_ins.worked[first];
}

static void take_away(struct na_capture *capture, size_t pair, const char *reason)
{
	enum na_program stand_in = pairs[pair].stand_in;

	bpf_link__destroy(NA_TAKE_POINTER(capture->links[stand_in]));
	capture->states[stand_in].attached = false;
	capture->bpf->data_stand_ins->stand_ins.attached[pairs[pair].first] = false;
	if (reason)
		na_program_leave_out(capture, stand_in, reason);
}

/* ------------------------------------------------------------------------------------------- */

enum na_program na_stand_in_first(enum na_program stand_in)
{
	for (size_t i = 0; i < PAIRS; i++)
		if (pairs[i].stand_in == stand_in)
			return pairs[i].first;
	return NA_PROGRAM_NONE;
}

enum na_program na_stand_in_of(enum na_program first)
{
	for (size_t i = 0; i < PAIRS; i++)
		if (pairs[i].first == first)
			return pairs[i].stand_in;
	return NA_PROGRAM_NONE;
}

void na_stand_ins_init(struct na_capture *capture)
{
	for (size_t i = 0; i < PAIRS; i++)
		if (pairs[i].first != NA_PROGRAM_SET_STATE)
			na_program_leave_out(
				capture, pairs[i].stand_in,
				"not needed: this kernel does not preempt such programs");
}

bool na_stand_ins_want(struct na_capture *capture)
{
	if (!are_tracepoints_preempted(capture))
		return false;
	for (size_t i = 0; i < PAIRS; i++)
		if (capture->states[pairs[i].first].wanted)
			na_program_want(capture, pairs[i].stand_in);
	return true;
}

void na_stand_ins_want_behind_trampolines(struct na_capture *capture)
{
	if (!are_trampolines_preempted(capture))
		return;
	for (size_t i = 0; i < PAIRS; i++)
		if (is_of_trampoline(pairs[i].first) && capture->states[pairs[i].first].wanted)
			na_program_want(capture, pairs[i].stand_in);
}

void na_stand_in_expect(struct na_capture *capture, enum na_program first)
{
	enum na_program stand_in = na_stand_in_of(first);

	capture->bpf->data_stand_ins->stand_ins.attached[first] =
		!na_program_off(&capture->states[stand_in]) && capture->programs[stand_in];
}

void na_stand_ins_settle(struct na_capture *capture)
{
	for (size_t i = 0; i < PAIRS; i++) {
		bool attached = capture->states[pairs[i].first].attached;

		if (!attached || !capture->states[pairs[i].stand_in].attached)
			take_away(capture, i, attached ? NULL : "there is none to stand in for");
	}
	na_capture_programs(capture);
	for (size_t i = 0; i < PAIRS; i++) {
		struct na_skips *skips = &capture->skips[pairs[i].first];
		uint64_t worked = worked_for(capture, pairs[i].first);

		skips->unmarked = worked > skips->runs ? worked - skips->runs : 0;
	}
}

int na_stand_ins_check(struct na_capture *capture, struct na_buffer *why)
{
	int result = 0;

	na_capture_programs(capture);
	for (size_t i = 0; i < PAIRS; i++) {
		enum na_program first = pairs[i].first;

		if (na_stand_in_worked(capture, first) <= capture->skips[first].runs)
			continue;
		take_away(capture, i, "this kernel runs it in front of its program");
		na_buffer_printf(why, "%s%s ran in front of its program and was detached",
				 why->length ? "; " : "", na_program_source(pairs[i].stand_in));
		result = -ENOTSUP;
	}
	return result;
}

uint64_t na_stand_in_worked(const struct na_capture *capture, enum na_program first)
{
	return worked_for(capture, first) - capture->skips[first].unmarked;
}
