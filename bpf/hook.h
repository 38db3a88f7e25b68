/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The security hooks as events of their own: what each one's mode wants of a call. Stubs pass the
 * hook's arguments as the kernel's 64-bit slots.
 */
#ifndef NA_HOOK_H
#define NA_HOOK_H

#include "syscall.h"

/* What a stub knows of a call. */
struct hook_call {
	struct sock *sk; /* NULL: there is none yet, or the hook is not about one */
	__u64 first, second;
	__s32 verdict;
	__u16 family;
	__u16 hook;      /* enum na_hook */
	__u16 operation; /* enum na_operation */
	bool task;  /* `current` did it */
	bool about_socket;
	__u8 program;
};

static __always_inline void hook__fill(struct na_record_hook *record, const struct hook_call *call)
{
	struct sock *sk = call->sk;

	if (call->task)
		HEADER(record, HOOK, call->program, call->verdict);
	else
		HEADER_NO_TASK(record, HOOK, call->program, call->verdict);
	record->cookie = cookie_of(sk);
	record->inode = sk ? inode_of_socket(BPF_CORE_READ(sk, sk_socket)) : 0;
	record->netns = sk ? BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) : 0;
	record->family = call->family;
	record->type = sk ? BPF_CORE_READ(sk, sk_type) : 0;
	record->protocol = sk ? BPF_CORE_READ(sk, sk_protocol) : 0;
	record->flags = sk ? kernel_flag(sk) : 0;
	record->hook = call->hook;
	record->reserved = 0;
	record->first = call->first;
	record->second = call->second;
	record_submit(record);
}

static __always_inline bool excluded_hook(const struct hook_call *call)
{
	if (call->task)
		return excluded_call(cookie_of(call->sk), call->family);
	return excluded_socket(cookie_of(call->sk));
}

static __noinline int hook__report(const struct hook_call *call)
{
	struct na_record_hook *record;

	if (call->task && call->verdict < 0)
		refusal__note(call->operation);
	if (call->about_socket && (!family_wanted(call->family) || excluded_hook(call)))
		return 0;
	record = RESERVE(hook, call->program);
	if (record)
		hook__fill(record, call);
	return 0;
}

/* The most frequent way out, for every call of every hook: counted, and allowed. */
static __always_inline bool hook__wants(__u16 hook, __s32 verdict)
{
	__sync_fetch_and_add(&hooks.calls[hook], 1);
	if (verdict >= 0)
		return hooks.modes[hook] == NA_HOOK_MODE_EVENT;
	__sync_fetch_and_add(&hooks.refusals[hook], 1);
	return hooks.modes[hook] == NA_HOOK_MODE_EVENT || hooks.modes[hook] == NA_HOOK_MODE_DENIED;
}

/* What the first argument is, by `about` of the rows. */
#define HOOK_SK_SOCKET(ctx)  BPF_CORE_READ((struct socket *)(ctx)[0], sk)
#define HOOK_SK_SOCK(ctx)    ((struct sock *)(ctx)[0])
#define HOOK_SK_FAMILY(ctx)  NULL
#define HOOK_SK_NOTHING(ctx) NULL

#define HOOK_FAMILY_SOCKET(ctx, sk)  ((sk) ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0)
#define HOOK_FAMILY_SOCK(ctx, sk)    BPF_CORE_READ(sk, __sk_common.skc_family)
#define HOOK_FAMILY_FAMILY(ctx, sk)  ((__u16)(ctx)[0])
#define HOOK_FAMILY_NOTHING(ctx, sk) 0

#define HOOK_ABOUT_SOCKET  true
#define HOOK_ABOUT_SOCK    true
#define HOOK_ABOUT_FAMILY  true
#define HOOK_ABOUT_NOTHING false

#define HOOK_TASK true
#define HOOK_ANY  false

#define HOOK_RETURNS_VERDICT(ctx, arguments) ((__s32)(ctx)[arguments])
#define HOOK_RETURNS_NOTHING(ctx, arguments) 0

#define HOOK_ARGUMENT(ctx, place) ((place) == 9 ? 0 : (__u64)(ctx)[(place) == 9 ? 0 : (place)])

/* The body of a row, for a context of 64-bit slots with the verdict behind the arguments. */
#define HOOK_BODY(ctx, id, arguments, about, first_, second_, returns, where, does, program_)           \
	do {                                                                                       \
		__s32 verdict_ = HOOK_RETURNS_##returns(ctx, arguments);                           \
                                                                                                   \
		if (hook__wants(NA_HOOK_##id, verdict_)) {                                         \
			struct sock *sk_ = HOOK_SK_##about(ctx);                                   \
			struct hook_call call_ = {                                                 \
				.sk = sk_,                                                         \
				.first = HOOK_ARGUMENT(ctx, first_),                               \
				.second = HOOK_ARGUMENT(ctx, second_),                             \
				.verdict = verdict_,                                               \
				.family = HOOK_FAMILY_##about(ctx, sk_),                           \
				.hook = NA_HOOK_##id,                                              \
				.operation = NA_OPERATION_##does,                                  \
				.task = HOOK_##where,                                              \
				.about_socket = HOOK_ABOUT_##about,                                \
				.program = program_,                                               \
			};                                                                         \
                                                                                                   \
			hook__report(&call_);                                                      \
		}                                                                                  \
	} while (0)

#endif
