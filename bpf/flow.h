/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Datagram flows. Counters per (peer, process) live in socket storage, made at the first message,
 * so that a message costs no record: FLOW records carry what was counted since the last one, when
 * a slot is needed for another peer, when the interval is over, and when the socket goes.
 *
 * A slot is changed under a lock that is only tried: who finds it taken (another CPU, a softirq over
 * the holder) reports his message as a record of its own. So nothing waits and nothing is lost.
 */
#ifndef NA_FLOW_H
#define NA_FLOW_H

#include "filter.h"

#define NA_FLOW_SLOTS 4

struct flow_slot {
	__u8 remote[16];
	__u64 first_ns;
	__u64 last_ns;
	__u64 start_ns;
	__u64 sent_bytes;
	__u64 received_bytes;
	__u32 sent_packets;
	__u32 received_packets;
	__u32 pid;
	__u32 tid;
	struct na_credentials credentials;
	__u16 remote_port;
	__u16 used;
	__u32 program;
};

struct flow_storage {
	__u32 users; /* flow__lock */
	__u32 reserved;
	struct flow_slot slots[NA_FLOW_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct flow_storage);
} flows SEC(".maps");

/* The peer of the message that this task is sending or receiving: sendmsg and recvmsg programs know it, the length comes after. */
struct flow_peer {
	__u8 address[16];
	__u64 socket; /* to compare, never followed */
	__u16 port;
	__u16 known;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct flow_peer);
} flow_peers SEC(".maps");

/*
 * The same by thread, where programs of cgroups may not use task storage (6.12 refuses it, 6.18 does
 * not): dearer by a lookup and two changes for each message.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct flow_peer);
} flow_peers_by_thread SEC(".maps");

/* The agent loads with it set, and again without where that is refused. */
const volatile bool peers_in_task_storage = true;

/*
 * A lock that is tried, by counting who is in: kernels before 5.12 refuse a program that holds an
 * atomic operation with a result. Of two that meet at most one gets it, and who does not leaves too.
 */
static __always_inline bool flow__lock(struct flow_storage *storage)
{
#if defined(__TARGET_ARCH_x86) /* orders what comes after it, unlike arm64 */
	__sync_fetch_and_add(&storage->users, 1);
	if (*(volatile __u32 *)&storage->users == 1)
		return true;
#else
	if (__sync_fetch_and_add(&storage->users, 1) == 0)
		return true;
#endif
	__sync_fetch_and_add(&storage->users, -1);
	return false;
}

/* arm64: an atomic operation orders what came before it only when its result is asked for. */
static __always_inline void flow__unlock(struct flow_storage *storage)
{
#if defined(__TARGET_ARCH_x86)
	__sync_fetch_and_add(&storage->users, -1);
#else
	__u32 users = __sync_fetch_and_add(&storage->users, -1);

	asm volatile("" : : "r"(users));
#endif
}

static __always_inline __u32 current_thread(void)
{
	return (__u32)bpf_get_current_pid_tgid();
}

/* Of the message of this task, or NULL. */
static __always_inline struct flow_peer *flow_peer(void)
{
	__u32 thread = current_thread();

	if (peers_in_task_storage)
		return bpf_task_storage_get(&flow_peers, bpf_get_current_task_btf(), 0, 0);
	return bpf_map_lookup_elem(&flow_peers_by_thread, &thread);
}

static __always_inline void flow_peer__forget(struct flow_peer *peer)
{
	__u32 thread = current_thread();

	peer->known = 0;
	if (!peers_in_task_storage)
		bpf_map_delete_elem(&flow_peers_by_thread, &thread);
}

static __noinline int flow__emit(struct sock *sk, const struct flow_slot *slot)
{
	struct na_record_flow *record = record_reserve(ring_count, sizeof(*record), slot->program);

	if (!record)
		return -1;
	record->header.size = sizeof(*record);
	record->header.type = NA_RECORD_FLOW;
	record->header.program = slot->program;
	record->header.tid = slot->tid;
	record->header.time_ns = bpf_ktime_get_boot_ns();
	record->header.start_ns = slot->start_ns;
	record->header.pid = slot->pid;
	record->header.error = 0;
	record->header.credentials = slot->credentials;
	record->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	record->type = BPF_CORE_READ(sk, sk_type);
	SOCKET_FILL_PROBED(record, sk);
	__builtin_memcpy(record->remote, slot->remote, sizeof(record->remote));
	record->remote_port = slot->remote_port;
	record->sent_bytes = slot->sent_bytes;
	record->received_bytes = slot->received_bytes;
	record->sent_packets = slot->sent_packets;
	record->received_packets = slot->received_packets;
	record->first_ns = slot->first_ns;
	record->last_ns = slot->last_ns;
	record_submit(record);
	return 0;
}

static __always_inline bool slot_is(const struct flow_slot *slot, const struct flow_slot *message)
{
	return slot->used && slot->pid == message->pid && slot->remote_port == message->remote_port &&
	       ((const __u64 *)slot->remote)[0] == ((const __u64 *)message->remote)[0] &&
	       ((const __u64 *)slot->remote)[1] == ((const __u64 *)message->remote)[1];
}

/* The slot for the message: its own, a free one, or the oldest, which is reported first. */
static __always_inline struct flow_slot *slot_for(struct flow_storage *storage, struct sock *sk,
						  const struct flow_slot *message)
{
	struct flow_slot *victim = &storage->slots[0];

	for (int i = 0; i < NA_FLOW_SLOTS; i++) {
		struct flow_slot *slot = &storage->slots[i];

		if (slot_is(slot, message))
			return slot;
		if (victim->used && (!slot->used || slot->first_ns < victim->first_ns))
			victim = slot;
	}
	if (victim->used)
		flow__emit(sk, victim);
	*victim = *message;
	victim->sent_bytes = victim->received_bytes = 0;
	victim->sent_packets = victim->received_packets = 0;
	return victim;
}

/* `message` is one message as a slot: its counters are added to the right one. */
static __noinline int flow__add(struct sock *sk, struct flow_storage *storage,
				const struct flow_slot *message)
{
	struct flow_slot *slot = slot_for(storage, sk, message);

	slot->sent_bytes += message->sent_bytes;
	slot->received_bytes += message->received_bytes;
	slot->sent_packets += message->sent_packets;
	slot->received_packets += message->received_packets;
	slot->last_ns = message->last_ns;
	if (message->first_ns - slot->first_ns > flow_interval_ns) {
		flow__emit(sk, slot);
		slot->used = 0;
	}
	return 0;
}

/* All slots, when the socket goes or the agent asks. */
static __always_inline void flow__flush(struct sock *sk, struct flow_storage *storage)
{
	if (!flow__lock(storage))
		return; /* in use: its user reports by the interval, or the socket's release does */
	for (int i = 0; i < NA_FLOW_SLOTS; i++) {
		struct flow_slot *slot = &storage->slots[i];

		if (slot->used)
			flow__emit(sk, slot); /* what finds no room is counted as lost, so it is not kept */
		slot->used = 0;
	}
	flow__unlock(storage);
}

static __always_inline void flow_peer__fill(struct flow_peer *peer, const void *sk,
					    const __u8 *address, __u16 port)
{
	__builtin_memcpy(peer->address, address, sizeof(peer->address));
	peer->socket = (__u64)sk;
	peer->port = port;
	peer->known = 1;
}

/* From sendmsg4/6 and recvmsg4/6, before and after the message; `sk` is only compared. */
static __always_inline void flow__remember_peer(const void *sk, const __u8 *address, __u16 port)
{
	__u32 thread = current_thread();
	struct flow_peer *peer, fresh = {};

	if (!peers_in_task_storage) {
		flow_peer__fill(&fresh, sk, address, port);
		bpf_map_update_elem(&flow_peers_by_thread, &thread, &fresh, BPF_ANY);
		return;
	}
	peer = bpf_task_storage_get(&flow_peers, bpf_get_current_task_btf(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (peer)
		flow_peer__fill(peer, sk, address, port);
}

/* The message that the peer was for failed. */
static __always_inline void flow__forget_peer(void)
{
	struct flow_peer *peer = flow_peer();

	if (peer)
		flow_peer__forget(peer);
}

static __always_inline void flow__fill_peer(struct flow_slot *message, struct sock *sk)
{
	struct flow_peer *peer = flow_peer();

	if (peer && peer->known && peer->socket == (__u64)sk) {
		__builtin_memcpy(message->remote, peer->address, sizeof(message->remote));
		message->remote_port = peer->port;
		flow_peer__forget(peer);
		return;
	}
	/* Connected, or received without asking from whom: then port 0 says not known. */
	message->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (sk->__sk_common.skc_family == AF_INET6)
		BPF_CORE_READ_INTO(&message->remote, sk, __sk_common.skc_v6_daddr);
	else if (message->remote_port || sk->__sk_common.skc_daddr)
		address__fill_v4(message->remote, sk->__sk_common.skc_daddr);
}

static __always_inline bool excluded_flow(struct sock *sk, const struct flow_slot *message)
{
	struct endpoints ends;

	if (!rule_count)
		return false;
	endpoints__fill(&ends, sk);
	__builtin_memcpy(ends.remote, message->remote, sizeof(ends.remote));
	ends.remote_port = message->remote_port;
	return excluded_message(sk->__sk_common.skc_family, &ends);
}

/* One message of an inet datagram or raw socket. `length` is what was really moved. */
static __always_inline int flow__message(struct sock *sk, int length, bool sent, __u8 program)
{
	struct flow_slot message = {.used = 1, .program = program};
	struct flow_storage *storage;

	flow__fill_peer(&message, sk);
	if (excluded_flow(sk, &message))
		return 0;
	cookie_of_trusted(sk); /* makes it */
	message.first_ns = message.last_ns = bpf_ktime_get_boot_ns();
	CURRENT_FILL(&message);
	message.sent_bytes = sent ? length : 0;
	message.sent_packets = sent;
	message.received_bytes = sent ? 0 : length;
	message.received_packets = !sent;
	storage = bpf_sk_storage_get(&flows, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!storage || !flow__lock(storage))
		return flow__emit(sk, &message);
	flow__add(sk, storage, &message);
	flow__unlock(storage);
	return 0;
}

#endif
