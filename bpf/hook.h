/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The security hooks as events of their own: what each one's mode wants of a call. Stubs pass the
 * hook's arguments as the kernel's 64-bit slots.
 */
#ifndef NA_HOOK_H
#define NA_HOOK_H

#include "syscall.h"

#define SOCKADDR_IN_SIZE  16
#define SOCKADDR_IN6_SIZE 24 /* without a scope */

/* What a stub knows of a call. */
struct hook_call {
	struct sock *sk;     /* NULL: there is none yet, or the hook is not about one */
	const void *address; /* a struct sockaddr in the kernel's memory; NULL: none was given */
	__s32 address_length;
	__s32 verdict;
	__u64 first, second;
	__u16 family;
	__u16 flags;
	__u16 hook;      /* enum na_hook */
	__u16 operation; /* enum na_operation */
	bool task;       /* `current` did it */
	bool about_socket;
	__u8 program;
};

/* The part of sockaddr_in and sockaddr_in6 that is read. */
struct hook_address {
	__u16 family;
	__be16 port;
	__be32 v4; /* of IPv6 its flow */
	__u8 v6[16];
};

/* The address that was given, in place of the socket's peer. Behind its length lies old memory. */
static __always_inline void hook__fill_given(struct endpoints *ends, const struct hook_call *call)
{
	struct hook_address given = {};

	if (call->address_length < SOCKADDR_IN_SIZE)
		return;
	bpf_probe_read_kernel(&given, SOCKADDR_IN_SIZE, call->address);
	if (given.family == AF_INET) {
		address__fill_v4(ends->remote, given.v4);
		ends->remote_port = bpf_ntohs(given.port);
	} else if (given.family == AF_INET6 && call->address_length >= SOCKADDR_IN6_SIZE) {
		bpf_probe_read_kernel(&given, SOCKADDR_IN6_SIZE, call->address);
		__builtin_memcpy(ends->remote, given.v6, sizeof(ends->remote));
		ends->remote_port = bpf_ntohs(given.port);
	}
}

static __always_inline void hook__fill_ends(struct endpoints *ends, const struct hook_call *call)
{
	if (!call->sk || !family_is_inet(call->family))
		return;
	endpoints__fill(ends, call->sk);
	if (call->address)
		hook__fill_given(ends, call);
}

static __always_inline void hook__fill(struct na_record_hook *record, const struct hook_call *call,
				       const struct endpoints *ends, __u16 flags)
{
	struct sock *sk = call->sk;

	if (call->task)
		HEADER(record, HOOK, call->program, call->verdict);
	else
		HEADER_NO_TASK(record, HOOK, call->program, call->verdict);
	record->cookie = cookie_of(sk);
	record->inode = sk ? inode_of_socket(BPF_CORE_READ(sk, sk_socket)) : 0;
	record->netns = sk ? BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) : 0;
	__builtin_memcpy(record->local, ends->local, sizeof(record->local));
	__builtin_memcpy(record->remote, ends->remote, sizeof(record->remote));
	record->local_port = ends->local_port;
	record->remote_port = ends->remote_port;
	record->family = call->family;
	record->type = sk ? BPF_CORE_READ(sk, sk_type) : 0;
	record->protocol = sk ? BPF_CORE_READ(sk, sk_protocol) : 0;
	record->flags = flags | (sk ? kernel_flag(sk) : call->flags);
	record->hook = call->hook;
	record->reserved = 0;
	record->sample = call->hook < NA_HOOK_COUNT ? hooks.samples[call->hook] : 0;
	record->first = call->first;
	record->second = call->second;
	record_submit(record);
}

/*
 * The address that is given now decides, and not one that the socket had before. Of a refusal the agent has
 * to hear also where it is excluded: the result of the call, which knows no address, would be told.
 */
static __always_inline bool excluded_hook(const struct hook_call *call, const struct endpoints *ends,
					  __u16 *ret_flags)
{
	if (!call->address && excluded_socket(cookie_of(call->sk)))
		return true;
	if (!call->task || !excluded_message(call->family, ends))
		return false;
	if (!is_refusal(call->verdict) || excluded_task(call->family))
		return true;
	*ret_flags = NA_FLAG_EXCLUDED;
	return false;
}

/*
 * What was allowed, or answered with another error, comes as often as messages do, and must not take the
 * lifecycle's place.
 */
static __noinline int hook__report(const struct hook_call *call)
{
	__u32 ring = is_refusal(call->verdict) ? ring_of_cpu() : ring_count;
	struct endpoints ends = {};
	struct na_record_hook *record;
	__u16 flags = 0;

	if (call->task && is_refusal(call->verdict))
		refusal__note(call->operation, call->program);
	hook__fill_ends(&ends, call);
	if (call->about_socket && (!family_wanted(call->family) || excluded_hook(call, &ends, &flags)))
		return 0;
	record = record_reserve(ring, sizeof(*record), call->program);
	if (record)
		hook__fill(record, call, &ends, flags);
	return 0;
}

/*
 * One in so many calls; 0 and 1: each. Read apart from the addition, for kernels before 5.12 have no
 * other: with calls on several CPUs at once it is about that many.
 */
static __always_inline bool hook__is_sampled(__u16 hook)
{
	__u32 sample = hooks.samples[hook];
	volatile __u64 *calls = &hooks.calls[hook];

	return sample <= 1 || *calls % sample == 0;
}

/*
 * The most frequent way out, for every call of every hook: counted, and allowed. Errors other than a
 * refusal's are answers, as that there is no label to tell. A refusal is told in any mode.
 */
static __always_inline bool hook__wants(__u16 hook, __s32 verdict)
{
	__u8 mode = hooks.modes[hook];

	__sync_fetch_and_add(&hooks.calls[hook], 1);
	if (!is_refusal(verdict))
		return mode == NA_HOOK_MODE_EVENT && hook__is_sampled(hook);
	__sync_fetch_and_add(&hooks.refusals[hook], 1);
	return mode != NA_HOOK_MODE_OFF;
}

/* Functions, for else the slot would be taken for a field of the kernel's as well. */
static __always_inline struct sock *hook__sk(struct socket *socket)
{
	return BPF_CORE_READ(socket, sk);
}

static __always_inline const void *hook__message_address(struct msghdr *message)
{
	return BPF_CORE_READ(message, msg_name);
}

static __always_inline __s32 hook__message_length(struct msghdr *message)
{
	return BPF_CORE_READ(message, msg_namelen);
}

/* What the first argument is, by `about` of the rows. */
#define HOOK_SK_SOCKET(args)  hook__sk((struct socket *)(args)[0])
#define HOOK_SK_SOCK(args)    ((struct sock *)(args)[0])
#define HOOK_SK_FAMILY(args)  NULL
#define HOOK_SK_NOTHING(args) NULL

#define HOOK_FAMILY_SOCKET(args, sk)  ((sk) ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0)
#define HOOK_FAMILY_SOCK(args, sk)    BPF_CORE_READ(sk, __sk_common.skc_family)
#define HOOK_FAMILY_FAMILY(args, sk)  ((__u16)(args)[0])
#define HOOK_FAMILY_NOTHING(args, sk) 0

/*
 * socket_create, which has no socket yet, is told in its fourth whether the kernel wants it: an int, and
 * what the upper half of its slot holds is anything.
 */
#define HOOK_FLAGS_SOCKET(args)  0
#define HOOK_FLAGS_SOCK(args)    0
#define HOOK_FLAGS_FAMILY(args)  ((__u32)(args)[3] ? NA_FLAG_KERNEL : 0)
#define HOOK_FLAGS_NOTHING(args) 0

#define HOOK_ABOUT_SOCKET  true
#define HOOK_ABOUT_SOCK    true
#define HOOK_ABOUT_FAMILY  true
#define HOOK_ABOUT_NOTHING false

/* Where the address is, by `address`; its length is in the slot behind, or in the message. */
#define HOOK_ADDRESS_NOWHERE(args)    NULL
#define HOOK_ADDRESS_SOCKADDR_1(args) ((const void *)(args)[1])
#define HOOK_ADDRESS_SOCKADDR_2(args) ((const void *)(args)[2])
#define HOOK_ADDRESS_MESSAGE_1(args)  hook__message_address((struct msghdr *)(args)[1])

#define HOOK_LENGTH_NOWHERE(args)    0
#define HOOK_LENGTH_SOCKADDR_1(args) ((__s32)(args)[2])
#define HOOK_LENGTH_SOCKADDR_2(args) ((__s32)(args)[3])
#define HOOK_LENGTH_MESSAGE_1(args)  hook__message_length((struct msghdr *)(args)[1])

#define HOOK_TASK true
#define HOOK_ANY  false

#define HOOK_ARGUMENT(args, place) ((place) == 9 ? 0 : (__u64)(args)[(place) == 9 ? 0 : (place)])

/*
 * Behind the arguments, as many slots as this kernel's prototype takes. Each place is a load of its
 * own: the verifier wants a constant, and goes only where the knob says.
 */
static __always_inline __s32 hook__verdict(unsigned long long *ctx, __u16 hook)
{
	switch (hook_slots[hook]) {
	case 0:
		return CONTEXT_READ(ctx, 0);
	case 1:
		return CONTEXT_READ(ctx, 8);
	case 2:
		return CONTEXT_READ(ctx, 16);
	case 3:
		return CONTEXT_READ(ctx, 24);
	case 4:
		return CONTEXT_READ(ctx, 32);
	case 5:
		return CONTEXT_READ(ctx, 40);
	default:
		return CONTEXT_READ(ctx, 48);
	}
}

#define HOOK_RETURNS_VERDICT(ctx, id) hook__verdict(ctx, NA_HOOK_##id)
#define HOOK_RETURNS_NOTHING(ctx, id) 0

/* The body of a row: `args` are the arguments' slots. */
#define HOOK_BODY(args, id, about, address_, first_, second_, where, does, verdict_, program_) \
	do {                                                                                       \
		__s32 given_ = verdict_;                                                           \
                                                                                                   \
		if (hook__wants(NA_HOOK_##id, given_)) {                                           \
			struct sock *sk_ = HOOK_SK_##about(args);                                  \
			struct hook_call call_ = {                                                 \
				.sk = sk_,                                                         \
				.address = HOOK_ADDRESS_##address_(args),                          \
				.address_length = HOOK_LENGTH_##address_(args),                    \
				.verdict = given_,                                                 \
				.first = HOOK_ARGUMENT(args, first_),                              \
				.second = HOOK_ARGUMENT(args, second_),                            \
				.family = HOOK_FAMILY_##about(args, sk_),                          \
				.flags = HOOK_FLAGS_##about(args),                                 \
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
