/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets that have no release program (unix, netlink, packet, vsock): their messages, and their
 * close, which is the free of their struct file, in the closer's context. The socket is gone from
 * the file by then: joined by inode.
 *
 * Before 6.7 a file is freed by RCU, later and in whose context comes along. There the free of its
 * dentry says the same: the last thing before, of files without a name at once (DCACHE_NORCU). By then
 * the inode has gone from it, so the inodes of dentries are kept.
 *
 * Which slab and which operations are a socket's file is learned from one file of the agent's own
 * (calibration, see agent/capture/calibrate.c); they stay in a map that only root can read.
 */
#ifndef NA_FILE_H
#define NA_FILE_H

#include "filter.h"

struct {
	const void *file; /* the calibrating file, or its dentry */
	const void *operations;
	const void *slab; /* 0: not calibrated yet */
	__s32 fd;         /* of the process that reads the iterator: the calibrating socket; -1: none */
	__u32 reader;     /* pid of that process, as the first namespace counts */
	__u32 by_dentry;  /* FILES_BY_RCU, for the agent */
} calibration SEC(".data.calibration") = {.fd = -1};

struct other {
	__u64 sent_bytes;
	__u64 received_bytes;
	__u32 sent_packets;
	__u32 received_packets;
	__u64 first_ns; /* of the first message */
	__u16 family;
	__u16 type;
	__u32 reserved;
};

/* By inode, what is reported of these families: an inet socket's file is freed too. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct other);
} others SEC(".maps");

#define FILES_BY_RCU                                                              \
	(bpf_core_field_exists(struct file___rcuhead, f_rcuhead) ||               \
	 bpf_core_field_exists(struct file___u, f_u))

/* By address of a dentry, the inode of its socket; forgotten when it is freed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} inodes_of_dentries SEC(".maps");

static __always_inline void dentry__remember(struct sock *sk, __u64 inode)
{
	__u64 dentry = (__u64)BPF_CORE_READ(sk, sk_socket, file, f_path.dentry);

	if (dentry)
		bpf_map_update_elem(&inodes_of_dentries, &dentry, &inode, BPF_ANY);
}

/* It was full once: from then on the close of every socket is reported, of unknown family. */
__u32 others_full SEC(".data.others");

/* `sk` has a file. */
static __always_inline struct other *other__add(struct sock *sk, __u64 inode, __u16 family, __u16 type)
{
	struct other other = {.family = family, .type = type};
	struct other *found = bpf_map_lookup_elem(&others, &inode);

	if (found || !inode)
		return found;
	if (bpf_map_update_elem(&others, &inode, &other, BPF_NOEXIST) == -7 /* E2BIG */)
		others_full = 1;
	if (FILES_BY_RCU)
		dentry__remember(sk, inode);
	return bpf_map_lookup_elem(&others, &inode);
}

static __always_inline void other__report_flow(const struct other *other, __u64 inode, __u8 program)
{
	struct na_record_flow *record = record_reserve(ring_count, sizeof(*record), program);

	if (!record)
		return;
	HEADER(record, FLOW, program, 0);
	record->cookie = 0;
	record->inode = inode;
	record->family = other->family;
	record->type = other->type;
	record->protocol = 0;
	record->flags = 0;
	record->netns = 0;
	record->local_port = record->remote_port = 0;
	address__fill_none(record->local);
	address__fill_none(record->remote);
	record->sent_bytes = other->sent_bytes;
	record->received_bytes = other->received_bytes;
	record->sent_packets = other->sent_packets;
	record->received_packets = other->received_packets;
	record->first_ns = other->first_ns;
	record->last_ns = record->header.time_ns; /* or before: a clock for each message costs too much */
	record_submit(record);
}

static __always_inline int other__message(struct sock *sk, int length, bool sent, __u8 program)
{
	__u64 inode = inode_of_socket(BPF_CORE_READ(sk, sk_socket));
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct other *other;

	if (excluded_task(family))
		return 0;
	other = other__add(sk, inode, family, BPF_CORE_READ(sk, sk_type));
	if (!other) {
		count_lost(program);
		return 0;
	}
	if (!other->first_ns)
		other->first_ns = bpf_ktime_get_boot_ns();
	if (sent) {
		__sync_fetch_and_add(&other->sent_bytes, length);
		__sync_fetch_and_add(&other->sent_packets, 1);
	} else {
		__sync_fetch_and_add(&other->received_bytes, length);
		__sync_fetch_and_add(&other->received_packets, 1);
	}
	return 0;
}

static __always_inline int file__released(__u64 inode, __u16 family, __u16 type, __u8 program)
{
	struct na_record_released *record = RESERVE(released, program);

	if (!record)
		return 0;
	HEADER(record, RELEASED, program, 0);
	record->cookie = 0;
	record->inode = inode;
	record->family = family;
	record->type = type;
	record->protocol = 0;
	record->flags = 0;
	record_submit(record);
	return 0;
}

/* A socket's file is gone, by its last user. */
static __always_inline int file__closed(__u64 inode, __u8 program)
{
	struct other *other = bpf_map_lookup_elem(&others, &inode);

	if (!other)
		return others_full ? file__released(inode, 0, 0, program) : 0;
	if (other->first_ns)
		other__report_flow(other, inode, program);
	file__released(inode, other->family, other->type, program);
	bpf_map_delete_elem(&others, &inode);
	return 0;
}

/* 0: not of a socket. */
static __always_inline __u64 inode_of_freed(void *object)
{
	__u64 dentry = (__u64)object, inode = 0, *found;
	struct file *file = object;

	if (!FILES_BY_RCU) {
		if (BPF_CORE_READ(file, f_op) == calibration.operations)
			inode = BPF_CORE_READ(file, f_inode, i_ino);
		return inode;
	}
	found = bpf_map_lookup_elem(&inodes_of_dentries, &dentry);
	if (!found)
		return 0;
	inode = *found;
	bpf_map_delete_elem(&inodes_of_dentries, &dentry);
	return inode;
}

static __always_inline int file__freed(void *object, const void *slab, __u8 program)
{
	__u64 inode;

	if (slab != calibration.slab) {
		if (!calibration.slab && object == calibration.file)
			calibration.slab = slab;
		return 0;
	}
	inode = inode_of_freed(object);
	return inode ? file__closed(inode, program) : 0;
}

#endif
