/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kprobe tier, where there are no trampolines: entries of functions, and returns of the security
 * hooks alone, which do not wait. What came of a call is told by the exit of system calls, since probes
 * of returns run out of instances in calls that wait.
 */
#include "hook.h"
#include "lifecycle.h"

char LICENSE[] SEC("license") = "GPL";

#define EEXIST 17
#define NO_THREAD 0x80000000U

/* A call of a hook that has not returned. Idle tasks have no number of their own: their CPU's is. */
struct asked_key {
	__u32 thread;
	__u32 hook;
};

struct asked {
	__u64 arguments[4];
};

/* The oldest goes where there is no room: one whose return was missed is never asked for. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct asked_key);
	__type(value, struct asked);
} asked SEC(".maps");

static __always_inline struct asked_key asked_key(__u16 hook)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();

	return (struct asked_key){thread ? thread : NO_THREAD | bpf_get_smp_processor_id(), hook};
}

static __always_inline void asked__fill(struct asked *call, struct pt_regs *ctx)
{
	call->arguments[0] = PT_REGS_PARM1(ctx);
	call->arguments[1] = PT_REGS_PARM2(ctx);
	call->arguments[2] = PT_REGS_PARM3(ctx);
	call->arguments[3] = PT_REGS_PARM4(ctx);
}

/* A call of this thread that is still there never returned: its return was missed. */
static __noinline int hook__asked(struct pt_regs *ctx, __u16 hook)
{
	struct asked_key key = asked_key(hook);
	struct asked call;

	asked__fill(&call, ctx);
	if (bpf_map_update_elem(&asked, &key, &call, BPF_NOEXIST) != -EEXIST)
		return 0;
	if (hook < NA_HOOK_COUNT)
		__sync_fetch_and_add(&hooks.missed[hook], 1);
	bpf_map_update_elem(&asked, &key, &call, BPF_ANY);
	return 0;
}

#define PROGRAMS_VERDICT(id, name, function, about, address, first, second, where, operation)             \
	SEC("kprobe/" #function)                                                                   \
	int kprobe__##name(struct pt_regs *ctx)                                                    \
	{                                                                                          \
		return hook__asked(ctx, NA_HOOK_##id);                                             \
	}                                                                                          \
                                                                                                   \
	SEC("kretprobe/" #function)                                                                \
	int kretprobe__##name(struct pt_regs *ctx)                                                 \
	{                                                                                          \
		struct asked_key key = asked_key(NA_HOOK_##id);                                    \
		struct asked *call = bpf_map_lookup_elem(&asked, &key);                            \
                                                                                                   \
		if (!call)                                                                         \
			return 0;                                                                  \
		HOOK_BODY(call->arguments, id, about, address, first, second, where, operation,    \
			  (__s32)PT_REGS_RC(ctx), NA_PROGRAM_KRETPROBE_##id);                      \
		bpf_map_delete_elem(&asked, &key);                                                 \
		return 0;                                                                          \
	}

#define PROGRAMS_NOTHING(id, name, function, about, address, first, second, where, operation)             \
	SEC("kprobe/" #function)                                                                   \
	int kprobe__##name(struct pt_regs *ctx)                                                    \
	{                                                                                          \
		struct asked call;                                                                 \
                                                                                                   \
		asked__fill(&call, ctx);                                                           \
		HOOK_BODY(call.arguments, id, about, address, first, second, where, operation, 0,  \
			  NA_PROGRAM_KPROBE_##id);                                                 \
		return 0;                                                                          \
	}

#define NA_HOOK(id, name, function, slots, about, address, first, first_is, second, second_is, returns,  \
		where, operation, mode)                                                            \
	PROGRAMS_##returns(id, name, function, about, address, first, second, where, operation)
#include "hooks.def"

SEC("kprobe/security_sock_graft")
int BPF_KPROBE(kprobe__accepted, struct sock *sk, struct socket *parent)
{
	return accepted__by_hook(sk, parent, NA_PROGRAM_KPROBE_ACCEPTED, false);
}

SEC("kprobe/sock_close")
int BPF_KPROBE(kprobe__sock_close, struct inode *inode)
{
	return file__closed(BPF_CORE_READ(inode, i_ino), NA_PROGRAM_KPROBE_CLOSE);
}
