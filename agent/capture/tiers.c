/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tier tells what: the first in the order of preference that can be had, which is known when
 * its programs are attached. One that turns out not to work is given up for the next; of one that
 * works, hooks whose program the kernel refuses are left to the next.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "capture/capture_internal.h"

static const enum na_tier preference[] = {NA_TIER_FEXIT, NA_TIER_LSM, NA_TIER_KPROBE};

#define TIERS (sizeof(preference) / sizeof(*preference))

/* The hooks' programs that tell what a function's exit would. */
static const struct {
	enum na_program function, hook;
} same[] = {
	{NA_PROGRAM_CALL_ACCEPT, NA_PROGRAM_FEXIT_SOCKET_ACCEPT},
	{NA_PROGRAM_CALL_CREATE, NA_PROGRAM_FEXIT_SOCKET_CREATE},
};

#define SAME (sizeof(same) / sizeof(*same))

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

static void leave_to_hooks(struct na_capture *capture)
{
	for (size_t i = 0; i < SAME; i++)
		if (!na_program_off(&capture->states[same[i].hook]))
			na_program_leave_out(capture, same[i].function,
					     "the hook's program tells it");
}

static void take_back_from_hooks(struct na_capture *capture)
{
	for (size_t i = 0; i < SAME; i++)
		if (!capture->states[same[i].function].wanted)
			na_program_want(capture, same[i].function);
}

/* False when the tier cannot be had; its programs then know why. */
static bool is_possible(struct na_capture *capture, enum na_tier tier)
{
	enum na_tier wanted = capture->options.attach;
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};

	if (wanted != NA_TIER_AUTO && wanted != tier)
		na_buffer_printf(&why, "capture.attach is %s", na_tier_name(wanted));
	else if (na_tier_probe(tier, &why) == 0)
		return true;
	na_buffer_append_char(&why, '\0');
	leave_out_tier(capture, tier, why.data ? why.data : "no memory");
	return false;
}

/*
 * The functions' exits are in the object of fexit, whichever of the two tiers wants them; lsm can
 * do without.
 */
static int load(struct na_capture *capture, enum na_tier tier)
{
	int error = 0;

	if (tier == NA_TIER_FEXIT)
		leave_to_hooks(capture);
	if (tier != NA_TIER_KPROBE) {
		na_stand_ins_want_behind_trampolines(capture);
		error = na_object_load_tier(capture, NA_TIER_FEXIT);
	}
	if (tier == NA_TIER_FEXIT)
		return error;
	if (error < 0)
		leave_out_trampolines(capture, strerrordesc_np(-error));
	return na_object_load_tier(capture, tier);
}

static bool is_loaded(const struct na_capture *capture, enum na_tier tier)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_is_of((enum na_program)id, tier) && capture->programs[id] &&
		    !na_program_off(&capture->states[id]))
			return true;
	return false;
}

static bool is_loaded_with(enum na_program id, enum na_tier tier)
{
	enum na_program first = na_stand_in_first(id);

	id = first ? first : id;
	return na_program_is_of(id, tier) || na_program_is_trampoline(id);
}

/* One of its programs with a reason of its own; NA_PROGRAM_NONE: none has. */
static enum na_program find_refused_program(const struct na_capture *capture, enum na_tier tier)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (na_program_is_of((enum na_program)id, tier) && capture->states[id].wanted &&
		    na_program_off(&capture->states[id]))
			return (enum na_program)id;
	return NA_PROGRAM_NONE;
}

static void explain(struct na_capture *capture, enum na_tier tier, int error)
{
	const struct na_program_state *state =
		&capture->states[find_refused_program(capture, tier)];
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};

	if (error)
		na_buffer_printf(&why, "its programs cannot be loaded: %s",
				 strerrordesc_np(-error));
	else
		na_buffer_printf(&why, "no program of it works here; the first, %s: %s",
				 state->source, state->reason);
	snprintf(capture->tier_reasons[tier], sizeof(capture->tier_reasons[tier]), "%.*s",
		 (int)why.length, why.data ? why.data : "");
}

static void give_up(struct na_capture *capture, enum na_tier tier, int error)
{
	explain(capture, tier, error);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		if (!is_loaded_with((enum na_program)id, tier))
			continue;
		bpf_link__destroy(NA_TAKE_POINTER(capture->links[id]));
		capture->states[id].attached = false;
	}
	na_object_close(capture, tier);
	na_object_close(capture, NA_TIER_FEXIT);
	leave_out_tier(capture, tier, capture->tier_reasons[tier]);
	if (tier == NA_TIER_FEXIT)
		take_back_from_hooks(capture);
}

/* From a place in the order of preference on. */
static void choose(struct na_capture *capture, size_t first)
{
	capture->tier = NA_TIER_AUTO;
	for (size_t i = first; i < TIERS && !capture->tier; i++) {
		enum na_tier tier = preference[i];
		int error;

		if (!is_possible(capture, tier))
			continue;
		error = load(capture, tier);
		if (!error && is_loaded(capture, tier))
			capture->tier = tier;
		else
			give_up(capture, tier, error);
	}
}

/* The place behind a tier; that of none is the first. */
static size_t place_behind(enum na_tier tier)
{
	for (size_t i = 0; i < TIERS; i++)
		if (preference[i] == tier)
			return i + 1;
	return 0;
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

/* ------------------------------------------------------------------------------------------- */

void na_tiers_load(struct na_capture *capture)
{
	na_hooks_apply(capture);
	leave_out_lengths(capture);
	choose(capture, 0);
}

void na_tiers_next(struct na_capture *capture)
{
	enum na_tier tier = capture->tier;

	give_up(capture, tier, 0);
	choose(capture, place_behind(tier));
}

void na_tiers_settle(struct na_capture *capture)
{
	bool fixed = capture->options.attach != NA_TIER_AUTO;
	char reason[64];

	snprintf(reason, sizeof(reason), fixed ? "capture.attach is %s" : "%s does the same better",
		 na_tier_name(capture->tier));
	for (size_t i = place_behind(capture->tier); capture->tier && i < TIERS; i++)
		if (!capture->tiers[preference[i]])
			leave_out_tier(capture, preference[i], reason);
	if (capture->tier != NA_TIER_FEXIT && capture->tier != NA_TIER_LSM)
		leave_out_trampolines(capture, "needs the tier fexit or lsm");
	for (size_t i = place_behind(capture->tier); capture->tier && !fixed && i < TIERS; i++)
		if (!capture->tiers[preference[i]])
			load_rest(capture, preference[i]);
}

int na_tiers_check(const struct na_capture *capture, struct na_buffer *why)
{
	enum na_tier wanted = capture->options.attach;

	if (wanted == NA_TIER_AUTO || wanted == NA_TIER_CGROUP || wanted == capture->tier)
		return 0;
	return na_tier_refuse(wanted, capture->tier_reasons[wanted], why);
}
