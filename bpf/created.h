/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets that a process made, told when the call that made them can fail no more. A socket that is
 * there, and that all hooks allowed, may still find no descriptor, no file or the veto of a later LSM.
 *
 * Trampolines are on the last step that can fail, sock_alloc_file. Elsewhere the exit of the system
 * call tells, by what was kept of its thread: a descriptor may be another socket's by then.
 *
 * io_uring has one step more, that nothing is on: the place of a direct descriptor. Where it finds none, the
 * socket is told, and then the failure.
 */
#ifndef NA_CREATED_H
#define NA_CREATED_H

#include "file.h"
#include "socket.h"

#define PF_IO_WORKER 0x10

#define MADE_MAX 16384 /* a power of two; 640 KiB */

/* What a record says of a socket that was made. */
struct made {
	__u64 cookie;
	__u64 inode;
	__u32 netns;
	struct kind kind;
	__u16 reserved[3]; /* no padding, which could not be copied */
};

struct made_slot {
	__u32 claims; /* of threads; who finds more than its own takes it back */
	__u32 thread; /* whose it is; 0: nobody's */
	struct made made;
};

/* By thread, what its call made that did not return yet. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MADE_MAX);
	__type(key, __u32);
	__type(value, struct made_slot);
} made_by_thread SEC(".maps");

/*
 * How far from the bottom of a thread's stack the registers of its system call are, as the exit of system
 * calls learned it. 0: that is not attached, nobody would tell what is kept.
 */
__u32 registers_of_calls SEC(".data.registers");

/*
 * socket(2) and socketpair(2), for 64-bit and 32-bit programs; socketcall(2) makes no other. A call has no
 * result before its exit: io_uring may make a socket behind that. x86 says so until then; arm64 has the first
 * argument there, so that a descriptor that is the family's number looks the same.
 */
#if defined(__TARGET_ARCH_x86)
#define CALL_NUMBER_PROBED(regs)  BPF_CORE_READ(regs, orig_ax)
#define CALL_MAKES_SOCKET(number) ((number) == 41 || (number) == 53 || (number) == 359 || (number) == 360 || (number) == 102)
#define CALL_HAS_NO_RESULT(regs)  (BPF_CORE_READ(regs, ax) == (unsigned long)-ENOSYS)
#elif defined(__TARGET_ARCH_arm64)
#define CALL_NUMBER_PROBED(regs)  BPF_CORE_READ(regs, syscallno)
#define CALL_MAKES_SOCKET(number) ((number) == 198 || (number) == 199 || (number) == 281 || (number) == 288)
#define CALL_HAS_NO_RESULT(regs)  (BPF_CORE_READ(regs, regs[0]) == BPF_CORE_READ(regs, orig_x0))
#endif

/* False for io_uring, and for other calls that make sockets, as SCTP's peeloff. */
static __always_inline bool is_in_socket_call(void)
{
	struct task_struct *task = current_task();
	struct pt_regs *regs;
	__u64 number;

	if (!registers_of_calls || CURRENT_READ(task, flags) & PF_IO_WORKER)
		return false;
	regs = CURRENT_READ(task, stack) + registers_of_calls;
	number = CALL_NUMBER_PROBED(regs);
	return CALL_MAKES_SOCKET(number) && CALL_HAS_NO_RESULT(regs);
}

static __always_inline struct made_slot *made__slot(__u32 thread)
{
	__u32 slot = thread & (MADE_MAX - 1);

	return bpf_map_lookup_elem(&made_by_thread, &slot);
}

/* Of two at once both may give up, never both have it. Adding that gives the sum is from 5.12. */
static __always_inline bool made__claim(struct made_slot *slot, __u32 thread)
{
	if (slot->thread == thread)
		return true;
	__sync_fetch_and_add(&slot->claims, 1);
	if (*(volatile __u32 *)&slot->claims == 1)
		return true;
	__sync_fetch_and_add(&slot->claims, -1);
	return false;
}

/* False when nobody would tell it later: another thread has the slot. */
static __always_inline bool made__keep(const struct made *made)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct made_slot *slot = made__slot(thread);

	if (!slot || !made__claim(slot, thread))
		return false;
	slot->made = *made;
	slot->thread = thread;
	return true;
}

/* At the end of the call, however it ended. */
static __always_inline bool made__take(struct made *made)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct made_slot *slot = made__slot(thread);

	if (!slot || slot->thread != thread)
		return false;
	*made = slot->made;
	slot->thread = 0;
	__sync_fetch_and_add(&slot->claims, -1);
	return true;
}

static __noinline int created__tell(const struct made *made, __s32 error, __u16 flags, __u8 program)
{
	struct na_record_created *record = RESERVE(created, program);

	if (!record)
		return 0;
	HEADER(record, CREATED, program, error);
	record->cookie = made->cookie;
	record->inode = made->inode;
	record->netns = made->netns;
	KIND_FILL(record, &made->kind);
	record->flags = flags;
	record->reserved[0] = record->reserved[1] = 0;
	record_submit(record);
	return 0;
}

/* cgroup/sock_create: there is a struct sock, and the call goes on. */
static __always_inline int created__report(struct sock *sk, const struct kind *kind, __u64 cookie, bool denied, __u8 program)
{
	struct made made = {.cookie = cookie, .kind = *kind};

	if (is_told(NA_OPERATION_SOCKET, false) && !denied)
		return 0;
	if (!family_wanted(kind->family) || excluded_created(cookie, kind->family))
		return 0;
	made.inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));
	made.netns = inum_of_netns(BPF_CORE_READ(sk, __sk_common.skc_net.net));
	if (!denied && is_in_socket_call() && made__keep(&made))
		return 0;
	return created__tell(&made, denied ? -EPERM : 0, 0, program);
}

#endif
