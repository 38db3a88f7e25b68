/* SPDX-License-Identifier: Apache-2.0 */
/* What is wanted of the security hooks, and what became of it. */
#include <string.h>

#include "capture/capture_internal.h"

_Static_assert(NA_HOOK_COUNT <= 64, "hooks are bits");

static bool tells_refusals(uint8_t mode)
{
	return mode != NA_HOOK_MODE_OFF;
}

/* Hooks that an LSM refuses an operation on; of the operations that are not here it is not known.
 */
static const struct {
	enum na_operation operation;
	enum na_hook hooks[3];
} asked[] = {
	{NA_OPERATION_SOCKET, {NA_HOOK_SOCKET_CREATE, NA_HOOK_SOCKET_POST_CREATE}},
	{NA_OPERATION_BIND, {NA_HOOK_SOCKET_BIND}},
	{NA_OPERATION_LISTEN, {NA_HOOK_SOCKET_LISTEN}},
	{NA_OPERATION_CONNECT,
	 {NA_HOOK_SOCKET_CONNECT, NA_HOOK_UNIX_STREAM_CONNECT, NA_HOOK_UNIX_MAY_SEND}},
	{NA_OPERATION_ACCEPT, {NA_HOOK_SOCKET_ACCEPT}},
	{NA_OPERATION_SHUTDOWN, {NA_HOOK_SOCKET_SHUTDOWN}},
};

static enum na_program program_of(const struct na_capture *capture, enum na_hook hook)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_hook((enum na_program)id) == hook && capture->states[id].attached)
			return (enum na_program)id;
	return NA_PROGRAM_NONE;
}

/* The nearest to being attached: one that is wanted, else the first. */
static const char *reason_of(const struct na_capture *capture, enum na_hook hook)
{
	const char *reason = "";

	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		const struct na_program_state *state = &capture->states[id];

		if (na_program_hook((enum na_program)id) != hook)
			continue;
		if (state->wanted)
			return state->reason;
		if (!*reason)
			reason = state->reason;
	}
	return reason;
}

static bool is_attached(const struct na_capture *capture, enum na_hook hook, const char *kind)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_hook((enum na_program)id) == hook && capture->states[id].attached &&
		    !strncmp(na_program_source((enum na_program)id), kind, strlen(kind)))
			return true;
	return false;
}

/*
 * A program of the BPF LSM does not see what the LSMs before it refused; the return of a probe
 * tells the verdict, by what the entry kept.
 */
static bool tells_all(const struct na_capture *capture, enum na_hook hook)
{
	return hook == NA_HOOK_NONE || (tells_refusals(capture->hooks[hook].mode) &&
					(is_attached(capture, hook, "fexit/") ||
					 (is_attached(capture, hook, "kprobe/") &&
					  is_attached(capture, hook, "kretprobe/"))));
}

/*
 * Without a program it can tell nothing. Refusals of accept are nobody else's to tell where the
 * hook's program was there to do it at start.
 */
static bool is_stuck(const struct na_capture *capture, enum na_hook hook,
		     const struct na_hook_setting *wanted)
{
	uint8_t mode = capture->hooks[hook].mode;

	if (!program_of(capture, hook))
		return wanted->mode != mode;
	return hook == NA_HOOK_SOCKET_ACCEPT && tells_refusals(mode) &&
	       !tells_refusals(wanted->mode) && !capture->states[NA_PROGRAM_CALL_ACCEPT].attached;
}

/* ------------------------------------------------------------------------------------------- */

void na_hooks_init(struct na_capture *capture)
{
	for (int hook = 0; hook < NA_HOOK_COUNT; hook++)
		capture->hooks[hook] = capture->options.hooks[hook].sample
					       ? capture->options.hooks[hook]
					       : na_hook_default((enum na_hook)hook);
}

void na_hooks_apply(struct na_capture *capture)
{
	for (int hook = 1; hook < NA_HOOK_COUNT; hook++) {
		capture->bpf->data_hooks->hooks.samples[hook] = capture->hooks[hook].sample;
		capture->bpf->data_hooks->hooks.modes[hook] = capture->hooks[hook].mode;
	}
}

void na_hooks_tell(struct na_capture *capture)
{
	uint32_t operations = 0;

	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++)
		if (tells_all(capture, asked[i].hooks[0]) &&
		    tells_all(capture, asked[i].hooks[1]) && tells_all(capture, asked[i].hooks[2]))
			operations |= 1U << asked[i].operation;
	capture->bpf->data_told->told.lsm = operations;
}

uint64_t na_hooks_missed(const struct na_capture *capture, enum na_program id)
{
	enum na_hook hook = na_program_hook(id);

	if (!hook || strncmp(na_program_source(id), "kretprobe/", strlen("kretprobe/")) != 0)
		return 0;
	return capture->bpf->data_hooks->hooks.missed[hook];
}

void na_capture_hooks(const struct na_capture *capture,
		      struct na_hook_state ret_states[NA_HOOK_COUNT])
{
	for (int hook = 0; hook < NA_HOOK_COUNT; hook++) {
		struct na_hook_state *state = &ret_states[hook];

		*state = (struct na_hook_state){.setting = capture->hooks[hook], .reason = ""};
		if (hook == NA_HOOK_NONE)
			continue;
		state->program = program_of(capture, (enum na_hook)hook);
		if (!state->program)
			state->reason = reason_of(capture, (enum na_hook)hook);
		state->calls = capture->bpf->data_hooks->hooks.calls[hook];
		state->refusals = capture->bpf->data_hooks->hooks.refusals[hook];
	}
}

void na_capture_set_hooks(struct na_capture *capture, const struct na_hook_setting *settings,
			  uint64_t *ret_stuck)
{
	*ret_stuck = 0;
	for (int hook = 1; hook < NA_HOOK_COUNT; hook++)
		if (is_stuck(capture, (enum na_hook)hook, &settings[hook]))
			*ret_stuck |= UINT64_C(1) << hook;
		else
			capture->hooks[hook] = settings[hook];
	na_hooks_apply(capture);
	na_hooks_tell(capture);
}
