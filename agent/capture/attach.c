/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which programs are attached, and attaching them.
 *
 * A duty is something that the lifecycle needs to be told: the success or the failure of an
 * operation. The exit of every system call tells all of them, at its price on every call of the
 * host. The tier that tiers.c chose takes over what it can; what is left to nobody else is asked of
 * the exit of system calls, and the close of files of the free of memory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "capture/capture_internal.h"

#define CONNECT_UNIX_ATTACH_TYPE                                                                   \
	49 /* BPF_CGROUP_UNIX_CONNECT, from 6.7; libbpf 1.1 does not know it */

#define SOURCES_MAX 5

/* All of the programs together do it; none: nothing is to be told. */
struct duty {
	enum na_operation operation;
	bool failure;
	enum na_program programs[SOURCES_MAX];
};

static const struct duty of_functions[] = {
	{NA_OPERATION_SOCKET, false, {NA_PROGRAM_CALL_FILE}},
	{NA_OPERATION_SOCKET, true, {NA_PROGRAM_CALL_SOCKET, NA_PROGRAM_CALL_SOCKETPAIR}},
	{NA_OPERATION_BIND, false, {NA_PROGRAM_CALL_BIND}},
	{NA_OPERATION_BIND, true, {NA_PROGRAM_CALL_BIND}},
	{NA_OPERATION_LISTEN, false, {NA_PROGRAM_CALL_LISTEN}},
	{NA_OPERATION_LISTEN, true, {NA_PROGRAM_CALL_LISTEN}},
	{NA_OPERATION_CONNECT, false, {NA_PROGRAM_CALL_CONNECT}},
	{NA_OPERATION_CONNECT, true, {NA_PROGRAM_CALL_CONNECT}},
	{NA_OPERATION_ACCEPT, true, {NA_PROGRAM_CALL_ACCEPT}},
	{NA_OPERATION_SHUTDOWN, false, {NA_PROGRAM_CALL_SHUTDOWN}},
	{NA_OPERATION_SHUTDOWN, true, {NA_PROGRAM_CALL_SHUTDOWN}},
	/* Lengths of messages; where tracepoints tell them, only sendto's is wanted, for its
	   failures. */
	{NA_OPERATION_SEND,
	 false,
	 {NA_PROGRAM_CALL_SENDTO, NA_PROGRAM_CALL_SENT, NA_PROGRAM_CALL_WRITTEN,
	  NA_PROGRAM_CALL_RECEIVED, NA_PROGRAM_CALL_RECEIVED_MORE}},
	{NA_OPERATION_SEND,
	 true,
	 {NA_PROGRAM_CALL_SENDTO, NA_PROGRAM_CALL_SENDMSG, NA_PROGRAM_CALL_SENDMMSG}},
};

static const struct duty of_fexit[] = {
	{NA_OPERATION_ACCEPT, false, {NA_PROGRAM_FEXIT_ACCEPTED}},
};

static const struct duty of_lsm[] = {
	{NA_OPERATION_ACCEPT, false, {NA_PROGRAM_LSM_ACCEPTED}},
};

static const struct duty of_kprobe[] = {
	{NA_OPERATION_ACCEPT, false, {NA_PROGRAM_KPROBE_ACCEPTED}},
};

static const struct {
	const struct duty *duties;
	size_t count;
} duties[NA_TIER_COUNT] = {
	[NA_TIER_AUTO] = {of_functions, sizeof(of_functions) / sizeof(*of_functions)},
	[NA_TIER_FEXIT] = {of_fexit, sizeof(of_fexit) / sizeof(*of_fexit)},
	[NA_TIER_LSM] = {of_lsm, sizeof(of_lsm) / sizeof(*of_lsm)},
	[NA_TIER_KPROBE] = {of_kprobe, sizeof(of_kprobe) / sizeof(*of_kprobe)},
};

#define ALL_OPERATIONS                                                                             \
	(1U << NA_OPERATION_SOCKET | 1U << NA_OPERATION_BIND | 1U << NA_OPERATION_LISTEN |         \
	 1U << NA_OPERATION_CONNECT | 1U << NA_OPERATION_ACCEPT | 1U << NA_OPERATION_SHUTDOWN |    \
	 1U << NA_OPERATION_SEND)

static bool is_cgroup_program(enum na_program id)
{
	return strncmp(na_program_source(id), "cgroup/", 7) == 0;
}

/* libbpf 1.1 cannot make a link object of this attach type: the bare descriptor is kept. */
static bool attach_connect_unix(struct na_capture *capture)
{
	int fd = bpf_link_create(bpf_program__fd(capture->programs[NA_PROGRAM_CONNECT_UNIX]),
				 capture->cgroup_fd, (enum bpf_attach_type)CONNECT_UNIX_ATTACH_TYPE,
				 NULL);

	if (fd >= 0)
		capture->connect_unix_link = fd;
	return fd >= 0;
}

static bool attach_program(struct na_capture *capture, enum na_program id)
{
	struct bpf_program *program = capture->programs[id];

	if (id == NA_PROGRAM_SNAPSHOT) /* attached for each run */
		return true;
	if (id == NA_PROGRAM_CONNECT_UNIX)
		return attach_connect_unix(capture);
	capture->links[id] = is_cgroup_program(id)
				     ? bpf_program__attach_cgroup(program, capture->cgroup_fd)
				     : bpf_program__attach(program);
	return capture->links[id] != NULL;
}

static void explain_attach(struct na_program_state *state, enum na_program id, int error)
{
	if (error == EPERM && is_cgroup_program(id))
		snprintf(state->reason, sizeof(state->reason),
			 "another program is attached exclusively at the cgroup root (not "
			 "BPF_F_ALLOW_MULTI): %s",
			 strerrordesc_np(error));
	else
		snprintf(state->reason, sizeof(state->reason), "cannot be attached: %s",
			 strerrordesc_np(error));
}

static void attach_one(struct na_capture *capture, enum na_program id)
{
	struct na_program_state *state = &capture->states[id];

	if (state->attached || na_program_off(state) || !capture->programs[id])
		return;
	state->attached = attach_program(capture, id);
	if (!state->attached)
		explain_attach(state, id, errno);
}

/*
 * A stand-in has to run behind its program. Of a tracepoint those run in the order in which they
 * were attached, of a trampoline the last one first. And from the moment that it is attached on,
 * runs of its program have to leave their marks.
 */
static void attach(struct na_capture *capture, enum na_program id)
{
	enum na_program stand_in = na_stand_in_of(id);
	bool last_first = na_program_is_trampoline(id) || na_program_is_of(id, NA_TIER_FEXIT);

	if (stand_in && last_first)
		attach_one(capture, stand_in);
	if (stand_in)
		na_stand_in_expect(capture, id);
	attach_one(capture, id);
	if (stand_in && !last_first && capture->states[id].attached)
		attach_one(capture, stand_in);
}

/* What it cannot recognise would cost every free of the host and report nothing. */
static void calibrate(struct na_capture *capture)
{
	struct na_program_state *state = &capture->states[NA_PROGRAM_FILE_FREE];
	int error = state->attached ? na_calibrate(capture) : 0;

	if (!error)
		return;
	bpf_link__destroy(NA_TAKE_POINTER(capture->links[NA_PROGRAM_FILE_FREE]));
	state->attached = false;
	snprintf(state->reason, sizeof(state->reason), "cannot learn where files are freed: %s",
		 strerrordesc_np(-error));
}

/* One that the families do not need does its duty by not being there; accept's is left to the hook.
 */
static bool does_duty(const struct na_capture *capture, enum na_program id)
{
	const struct na_program_state *state = &capture->states[id];

	if (id == NA_PROGRAM_CALL_ACCEPT && !state->wanted)
		return capture->states[NA_PROGRAM_FEXIT_SOCKET_ACCEPT].attached;
	return id == NA_PROGRAM_NONE || state->attached || !state->wanted;
}

static void count_duties(struct na_capture *capture, enum na_tier tier)
{
	for (size_t i = 0; i < duties[tier].count; i++) {
		const struct duty *duty = &duties[tier].duties[i];
		bool done = true;

		for (size_t j = 0; j < SOURCES_MAX; j++)
			done = done && does_duty(capture, duty->programs[j]);
		if (done && duty->failure)
			capture->told_failures |= 1U << duty->operation;
		else if (done)
			capture->told_successes |= 1U << duty->operation;
	}
}

static bool is_all_told(const struct na_capture *capture)
{
	return (capture->told_successes & capture->told_failures & ALL_OPERATIONS) ==
	       ALL_OPERATIONS;
}

static bool closes_are_told(const struct na_capture *capture)
{
	return capture->states[NA_PROGRAM_FEXIT_CLOSE].attached ||
	       capture->states[NA_PROGRAM_KPROBE_CLOSE].attached;
}

/* The close of what is accepted comes first. False: no program of the tier itself could be
 * attached. */
static bool attach_tier(struct na_capture *capture, enum na_tier tier)
{
	bool trampolines = capture->tiers[NA_TIER_FEXIT], any = false;

	attach(capture, NA_PROGRAM_FEXIT_CLOSE);
	attach(capture, NA_PROGRAM_KPROBE_CLOSE);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		if (!na_program_is_of((enum na_program)id, tier))
			continue;
		attach(capture, (enum na_program)id);
		any = any || capture->states[id].attached;
	}
	if (!any)
		return false;
	for (int id = 0; id < NA_PROGRAM_COUNT && trampolines; id++)
		if (na_program_is_trampoline((enum na_program)id))
			attach(capture, (enum na_program)id);
	count_duties(capture, tier);
	if (trampolines)
		count_duties(capture, NA_TIER_AUTO);
	return true;
}

static void attach_tiers(struct na_capture *capture)
{
	while (capture->tier && !attach_tier(capture, capture->tier))
		na_tiers_next(capture);
	na_tiers_settle(capture);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_hook((enum na_program)id))
			attach(capture, (enum na_program)id);
}

/* The free of memory learns by a socket of our own, which the exit of calls is not to report. */
static void attach_frees(struct na_capture *capture)
{
	if (closes_are_told(capture))
		na_program_leave_out(capture, NA_PROGRAM_FILE_FREE,
				     "not needed: sock_close tells the same");
	attach(capture, NA_PROGRAM_FILE_FREE);
	calibrate(capture);
}

/* Before the exit of calls, which leaves alone what others tell. */
static void tell_duties(struct na_capture *capture)
{
	capture->bpf->data_told->told.successes = capture->told_successes;
	capture->bpf->data_told->told.failures = capture->told_failures;
	na_hooks_tell(capture);
	if (is_all_told(capture) && !capture->options.seccomp)
		na_program_leave_out(
			capture, NA_PROGRAM_SYS_EXIT,
			"not needed: other programs tell the same, but for refusals by "
			"seccomp (capture.seccomp)");
}

/* What programs note for the exit of calls, they note where there is one that takes it. */
static void tell_seccomp(struct na_capture *capture)
{
	capture->bpf->data_told->told.seccomp = capture->options.seccomp &&
						capture->told_failures &&
						capture->states[NA_PROGRAM_SYS_EXIT].attached;
}

/* ------------------------------------------------------------------------------------------- */

/* Processes first: whoever opens a socket is known. */
int na_capture_attach(struct na_capture *capture)
{
	static const enum na_program processes[] = {NA_PROGRAM_FORK, NA_PROGRAM_EXEC,
						    NA_PROGRAM_EXIT};
	int attached = 0;

	for (size_t i = 0; i < sizeof(processes) / sizeof(*processes); i++)
		attach(capture, processes[i]);
	attach_tiers(capture);
	attach_frees(capture);
	tell_duties(capture);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (!na_stand_in_first((enum na_program)id))
			attach(capture, (enum na_program)id);
	tell_seccomp(capture);
	na_stand_ins_settle(capture);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		attached += capture->states[id].attached && id != NA_PROGRAM_SNAPSHOT;
	return attached ? 0 : -EOPNOTSUPP;
}
