/* SPDX-License-Identifier: Apache-2.0 */
/* The programs by name, and which are wanted of them at all. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "capture/capture_internal.h"

#define FAMILY(number) (UINT64_C(1) << (number))
#define FAMILIES_INET (FAMILY(AF_INET) | FAMILY(AF_INET6))

#define TIER_FEXIT "fexit"
#define TIER_LSM "lsm"
#define TIER_KPROBE "kprobe"
#define TIER_TRAMPOLINE "trampoline"
#define TIER_CGROUP "cgroup"
#define TIER_PROCESS "process"
#define TIER_SNAPSHOT "snapshot"
#define TIER_AGENT "agent"
#define TIER_STAND_IN "stand-in"

/* By name: rows and members do not shadow each other. */
#define NA_PROGRAM_STATE(tier_, source_, feeds_, doc_)                                             \
	{                                                                                          \
		.tier = tier_, .source = source_, .feeds = feeds_, .doc = doc_                     \
	}

static const struct {
	const char *function;
	struct na_program_state state;
} rows[NA_PROGRAM_COUNT] = {
	[NA_PROGRAM_NONE] = {"", {.tier = "", .source = "", .feeds = "", .doc = ""}},
#define NA_PROGRAM(id, tier, function, source, feeds, doc)                                         \
	[NA_PROGRAM_##id] = {#function, NA_PROGRAM_STATE(TIER_##tier, source, feeds, doc)},
#include "programs.def"
};

/* The hook that each program is on for its own sake. */
static const uint8_t hook_of[NA_PROGRAM_COUNT] = {
#define NA_HOOK(id, ...) [NA_PROGRAM_FEXIT_##id] = NA_HOOK_##id,
#include "hooks.def"
#define NA_HOOK(id, ...) [NA_PROGRAM_LSM_##id] = NA_HOOK_##id,
#include "hooks.def"
#define NA_HOOK(id, ...) [NA_PROGRAM_KPROBE_##id] = NA_HOOK_##id,
#include "hooks.def"
#define RETURN_OF_VERDICT(id) [NA_PROGRAM_KRETPROBE_##id] = NA_HOOK_##id,
#define RETURN_OF_NOTHING(id)
#define NA_HOOK(id, name, function, slots, about, address, first, first_is, second, second_is,     \
		returns, ...)                                                                      \
	RETURN_OF_##returns(id)
#include "hooks.def"
};

static bool name_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (list && *list) {
		if (strncmp(list, name, length) == 0 &&
		    (list[length] == ',' || list[length] == '\0'))
			return true;
		list = strchr(list, ',');
		list += list ? 1 : 0;
	}
	return false;
}

/* Programs that only some families need cost nothing when those are off. */
static bool program_wanted(enum na_program id, const struct na_capture_options *options)
{
	enum na_program first = na_stand_in_first(id);
	uint64_t families = options->families;

	if (first)
		id = first;
	switch (id) {
	case NA_PROGRAM_NONE:
	case NA_PROGRAM_AGENT:
	case NA_PROGRAM_SOCK_OPS: /* as the first load decides: objects.c */
		return false;
	case NA_PROGRAM_BIND4:
	case NA_PROGRAM_POST_BIND4:
	case NA_PROGRAM_CONNECT4:
		return families & FAMILY(AF_INET);
	case NA_PROGRAM_BIND6:
	case NA_PROGRAM_POST_BIND6:
	case NA_PROGRAM_CONNECT6:
	case NA_PROGRAM_SENDMSG6:
	case NA_PROGRAM_RECVMSG6:
		return families & FAMILY(AF_INET6);
	case NA_PROGRAM_SENDMSG4: /* of an IPv6 socket too, when the address is a mapped one */
	case NA_PROGRAM_RECVMSG4:
	case NA_PROGRAM_SOCK_CREATE:
	case NA_PROGRAM_SOCK_RELEASE:
	case NA_PROGRAM_SET_STATE:
		return families & FAMILIES_INET;
	case NA_PROGRAM_CONNECT_UNIX:
		return families & FAMILY(AF_UNIX);
	case NA_PROGRAM_FILE_FREE:
	case NA_PROGRAM_FEXIT_CLOSE:
	case NA_PROGRAM_KPROBE_CLOSE:
		return families & ~FAMILIES_INET;
	case NA_PROGRAM_SNAPSHOT:
		return options->snapshot;
	default:
		return true;
	}
}

static const char *reason_unwanted(enum na_program id)
{
	if (id == NA_PROGRAM_SNAPSHOT)
		return "not asked for";
	return id == NA_PROGRAM_SOCK_OPS ? "not needed on this kernel"
					 : "not needed for these families";
}

static void leave_out(struct na_program_state *state, const char *reason)
{
	snprintf(state->reason, sizeof(state->reason), "%s", reason);
}

static void init_state(struct na_capture *capture, enum na_program id)
{
	struct na_program_state *state = &capture->states[id];
	enum na_hook hook = na_program_hook(id);

	*state = rows[id].state;
	state->hook = hook;
	state->wanted = program_wanted(id, &capture->options);
	if (hook && capture->hooks[hook].mode == NA_HOOK_MODE_OFF) {
		state->wanted = false;
		leave_out(state, na_hook_rows[hook].has_verdict ? "mode off"
								: "mode off: it refuses nothing");
	} else if (!state->wanted) {
		leave_out(state, reason_unwanted(id));
	} else if (name_listed(capture->options.disable, state->source)) {
		leave_out(state, "disabled by request");
	}
}

/* ------------------------------------------------------------------------------------------- */

const char *na_program_function(enum na_program id)
{
	return rows[id].function;
}

const char *na_program_source(enum na_program id)
{
	return rows[id].state.source;
}

enum na_hook na_program_hook(enum na_program id)
{
	return (enum na_hook)hook_of[id];
}

bool na_program_is_of(enum na_program id, enum na_tier tier)
{
	return !strcmp(rows[id].state.tier, na_tier_name(tier));
}

bool na_program_is_trampoline(enum na_program id)
{
	return !strcmp(rows[id].state.tier, TIER_TRAMPOLINE);
}

bool na_program_off(const struct na_program_state *state)
{
	return state->reason[0] != '\0';
}

void na_program_leave_out(struct na_capture *capture, enum na_program id, const char *reason)
{
	capture->states[id].wanted = false;
	if (!na_program_off(&capture->states[id]))
		leave_out(&capture->states[id], reason);
}

void na_program_want(struct na_capture *capture, enum na_program id)
{
	struct na_program_state *state = &capture->states[id];

	state->wanted = true;
	if (!name_listed(capture->options.disable, state->source))
		state->reason[0] = '\0';
}

void na_programs_init(struct na_capture *capture)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		init_state(capture, (enum na_program)id);
	na_stand_ins_init(capture);
}
