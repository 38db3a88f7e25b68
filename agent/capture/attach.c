/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which programs are attached, and attaching them.
 *
 * A duty is something that the lifecycle needs to be told: the success or the failure of an
 * operation. The exit of every system call tells all of them, at its price on every call of the
 * host. Each tier that this kernel allows takes over what it can, the best first; what is left to
 * nobody else is asked of the exit of system calls, and the close of files of the free of memory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "capture/capture_internal.h"

#define CONNECT_UNIX_ATTACH_TYPE                                                                   \
	49 /* BPF_CGROUP_UNIX_CONNECT, from 6.7; libbpf 1.1 does not know it */

#define SOURCES_MAX 5

static const enum na_tier preference[] = {NA_TIER_FEXIT, NA_TIER_LSM, NA_TIER_KPROBE};

#define TIERS (sizeof(preference) / sizeof(*preference))

/* All of the programs together do it; none: nothing is to be told. */
struct duty {
	enum na_operation operation;
	bool failure;
	enum na_program programs[SOURCES_MAX];
};

static const struct duty of_functions[] = {
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
	{NA_OPERATION_SOCKET, false, {NA_PROGRAM_FEXIT_CREATED}},
	{NA_OPERATION_ACCEPT, false, {NA_PROGRAM_FEXIT_ACCEPTED}},
};

static const struct duty of_lsm[] = {
	{NA_OPERATION_SOCKET, false, {NA_PROGRAM_LSM_CREATED}},
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

/* One that the families do not need does its duty by not being there. */
static bool does_duty(const struct na_capture *capture, enum na_program id)
{
	const struct na_program_state *state = &capture->states[id];

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

/* Kernels before 6.3 have no tracepoints for it: there functions count messages. */
static void leave_out_lengths(struct na_capture *capture)
{
	static const struct {
		enum na_program tracepoint, functions[2];
	} lengths[] = {
		{NA_PROGRAM_SEND_LENGTH, {NA_PROGRAM_CALL_SENT, NA_PROGRAM_CALL_WRITTEN}},
		{NA_PROGRAM_RECV_LENGTH, {NA_PROGRAM_CALL_RECEIVED, NA_PROGRAM_CALL_RECEIVED_MORE}},
	};

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++)
			if (!na_program_off(&capture->states[lengths[i].tracepoint]))
				na_program_leave_out(capture, lengths[i].functions[j],
						     "not needed: a tracepoint tells the same");
}

static bool closes_are_told(const struct na_capture *capture)
{
	return capture->states[NA_PROGRAM_FEXIT_CLOSE].attached ||
	       capture->states[NA_PROGRAM_KPROBE_CLOSE].attached;
}

static void leave_out_tier(struct na_capture *capture, enum na_tier tier, const char *reason)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_is_of((enum na_program)id, tier))
			na_program_leave_out(capture, (enum na_program)id, reason);
}

static void leave_out_trampolines(struct na_capture *capture, const char *reason)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_is_trampoline((enum na_program)id))
			na_program_leave_out(capture, (enum na_program)id, reason);
}

static void attach_tier(struct na_capture *capture, enum na_tier tier)
{
	bool trampolines = tier != NA_TIER_KPROBE;

	attach(capture, NA_PROGRAM_FEXIT_CLOSE);
	attach(capture, NA_PROGRAM_KPROBE_CLOSE);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_is_of((enum na_program)id, tier) ||
		    (trampolines && na_program_is_trampoline((enum na_program)id)))
			attach(capture, (enum na_program)id);
	count_duties(capture, tier);
	if (trampolines)
		count_duties(capture, NA_TIER_AUTO);
}

/*
 * The functions' exits are in the object of fexit, whichever of the two tiers wants them. What
 * cannot be loaded at all is as if it could not be had: nothing is left to it.
 */
static void load_tier(struct na_capture *capture, enum na_tier tier)
{
	int error = 0;

	if (tier != NA_TIER_KPROBE) {
		na_stand_ins_want_behind_trampolines(capture);
		error = na_object_load_tier(capture, NA_TIER_FEXIT);
	}
	if (!error && tier != NA_TIER_FEXIT)
		error = na_object_load_tier(capture, tier);
	if (!error)
		return;
	leave_out_tier(capture, tier, strerrordesc_np(-error));
	leave_out_trampolines(capture, strerrordesc_np(-error));
	capture->tier = NA_TIER_AUTO;
}

static void leave_to_hook(struct na_capture *capture, enum na_program id, enum na_program of_hook)
{
	if (!na_program_off(&capture->states[of_hook]))
		na_program_leave_out(capture, id, "the hook's program tells it");
}

/* False when the tier cannot be had; its programs then know why. */
static bool try_tier(struct na_capture *capture, enum na_tier tier)
{
	enum na_tier wanted = capture->options.attach;
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};

	if (wanted != NA_TIER_AUTO && wanted != tier) {
		na_buffer_printf(&why, "capture.attach is %s", na_tier_name(wanted));
	} else if (capture->tier) {
		na_buffer_printf(&why, "%s does the same better", na_tier_name(capture->tier));
	} else if (na_tier_probe(tier, &why) == 0) {
		capture->tier = tier;
		return true;
	}
	na_buffer_append_char(&why, '\0');
	leave_out_tier(capture, tier, why.data ? why.data : "no memory");
	return false;
}

static bool has_program(const struct na_capture *capture, enum na_hook hook)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_hook((enum na_program)id) == hook && capture->programs[id] &&
		    !na_program_off(&capture->states[id]))
			return true;
	return false;
}

/* This kernel has the hook, and refused the program on it. */
static bool was_refused(const struct na_capture *capture, enum na_hook hook)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_hook((enum na_program)id) == hook && capture->states[id].wanted)
			return !has_program(capture, hook);
	return false;
}

/* Bits of enum na_hook that are wanted and that no tier before has. */
static uint64_t find_refused(const struct na_capture *capture)
{
	uint64_t refused = 0;

	for (int hook = 1; hook < NA_HOOK_COUNT; hook++)
		if (capture->hooks[hook].mode != NA_HOOK_MODE_OFF &&
		    was_refused(capture, (enum na_hook)hook))
			refused |= UINT64_C(1) << hook;
	return refused;
}

/* Hooks whose program was refused are taken by the next tier that is possible here. */
static void load_rest(struct na_capture *capture, enum na_tier tier)
{
	uint64_t refused = find_refused(capture);
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};

	if (!refused || na_tier_probe(tier, &why) < 0)
		return;
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_is_of((enum na_program)id, tier) &&
		    refused >> na_program_hook((enum na_program)id) & 1)
			na_program_want(capture, (enum na_program)id);
	na_object_load_tier(capture, tier);
}

static void attach_calls(struct na_capture *capture)
{
	bool seccomp = capture->options.seccomp;

	capture->bpf->data_told->told.successes = capture->told_successes;
	capture->bpf->data_told->told.failures = capture->told_failures;
	capture->bpf->data_told->told.seccomp = seccomp && capture->told_failures;
	na_hooks_tell(capture);
	if (is_all_told(capture) && !seccomp)
		na_program_leave_out(
			capture, NA_PROGRAM_SYS_EXIT,
			"not needed: other programs tell the same, but for refusals by "
			"seccomp (capture.seccomp)");
}

/* ------------------------------------------------------------------------------------------- */

void na_tiers_load(struct na_capture *capture)
{
	na_hooks_apply(capture);
	for (size_t i = 0; i < TIERS; i++)
		try_tier(capture, preference[i]);
	if (capture->tier != NA_TIER_FEXIT && capture->tier != NA_TIER_LSM)
		leave_out_trampolines(capture, "needs the tier fexit or lsm");
	if (capture->tier == NA_TIER_FEXIT) {
		leave_to_hook(capture, NA_PROGRAM_CALL_ACCEPT, NA_PROGRAM_FEXIT_SOCKET_ACCEPT);
		leave_to_hook(capture, NA_PROGRAM_CALL_CREATE, NA_PROGRAM_FEXIT_SOCKET_CREATE);
	}
	leave_out_lengths(capture);
	if (capture->tier)
		load_tier(capture, capture->tier);
	for (size_t i = 0; i < TIERS && capture->options.attach == NA_TIER_AUTO; i++)
		if (capture->tier && !capture->tiers[preference[i]])
			load_rest(capture, preference[i]);
}

/*
 * What needs a socket of our own first, so that nobody reports it; then processes: whoever opens a
 * socket is known.
 */
int na_capture_attach(struct na_capture *capture)
{
	static const enum na_program processes[] = {NA_PROGRAM_FORK, NA_PROGRAM_EXEC,
						    NA_PROGRAM_EXIT};
	int attached = 0;

	attach(capture, NA_PROGRAM_FEXIT_CLOSE);
	attach(capture, NA_PROGRAM_KPROBE_CLOSE);
	if (closes_are_told(capture))
		na_program_leave_out(capture, NA_PROGRAM_FILE_FREE,
				     "not needed: sock_close tells the same");
	attach(capture, NA_PROGRAM_FILE_FREE);
	calibrate(capture);
	for (size_t i = 0; i < sizeof(processes) / sizeof(*processes); i++)
		attach(capture, processes[i]);
	if (capture->tier)
		attach_tier(capture, capture->tier);
	attach_calls(capture);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (!na_stand_in_first((enum na_program)id))
			attach(capture, (enum na_program)id);
	na_stand_ins_settle(capture);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		attached += capture->states[id].attached && id != NA_PROGRAM_SNAPSHOT;
	return attached ? 0 : -EOPNOTSUPP;
}
