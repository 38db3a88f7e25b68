/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Close of sockets that have no release program (unix, netlink, packet, vsock): the free of their
 * struct file, which happens in the closer's context. The socket is gone from the file by then:
 * joined by inode.
 *
 * Which slab and which operations are a socket's file is learned from one file of the agent's own
 * (calibration, see agent/capture/calibrate.c); they stay in a map that only root can read.
 */
#ifndef NA_FILE_H
#define NA_FILE_H

#include "filter.h"

struct {
	const void *file; /* the calibrating file */
	const void *operations;
	const void *slab; /* 0: not calibrated yet */
	__s32 fd;         /* of the process that reads the iterator: the calibrating socket; -1: none */
	__u32 reader;     /* pid of that process, as the first namespace counts */
} calibration SEC(".data.calibration") = {.fd = -1};

/* Messages of the other families: by inode, since their storage is gone before the close is seen. */
struct traffic {
	__u64 sent_bytes;
	__u64 received_bytes;
	__u32 sent_packets;
	__u32 received_packets;
	__u64 first_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct traffic);
} traffic SEC(".maps");

static __always_inline void traffic__fill(struct na_record_flow *record, const struct traffic *counted)
{
	record->netns = 0;
	record->local_port = record->remote_port = 0;
	address__fill_none(record->local);
	address__fill_none(record->remote);
	record->sent_bytes = counted->sent_bytes;
	record->received_bytes = counted->received_bytes;
	record->sent_packets = counted->sent_packets;
	record->received_packets = counted->received_packets;
	record->first_ns = counted->first_ns;
	record->last_ns = record->header.time_ns; /* or before: a clock for each message costs too much */
}

static __always_inline int traffic__report(const struct traffic *counted, __u64 inode, __u64 cookie,
					   __u16 family, __u16 type, __u8 program)
{
	struct na_record_flow *record = record_reserve(ring_count, sizeof(*record), program);

	if (!record)
		return 0;
	HEADER(record, FLOW, program, 0);
	record->cookie = cookie;
	record->inode = inode;
	record->family = family;
	record->type = type;
	record->protocol = 0;
	record->flags = 0;
	traffic__fill(record, counted);
	record_submit(record);
	return 0;
}

static __always_inline int traffic__message(struct sock *sk, int length, bool sent, __u8 program)
{
	struct traffic first = {}, *counted;
	__u64 inode = inode_of_socket(sk->sk_socket);

	if (excluded_task(0, sk->__sk_common.skc_family))
		return 0;
	counted = bpf_map_lookup_elem(&traffic, &inode);
	if (!counted) {
		first.first_ns = bpf_ktime_get_boot_ns();
		bpf_map_update_elem(&traffic, &inode, &first, BPF_NOEXIST);
		counted = bpf_map_lookup_elem(&traffic, &inode);
	}
	if (!counted) {
		count_lost(program);
		return 0;
	}
	if (sent) {
		__sync_fetch_and_add(&counted->sent_bytes, length);
		__sync_fetch_and_add(&counted->sent_packets, 1);
	} else {
		__sync_fetch_and_add(&counted->received_bytes, length);
		__sync_fetch_and_add(&counted->received_packets, 1);
	}
	return 0;
}

static __always_inline int file__released(struct file *file, __u8 program)
{
	struct na_record_released *record;
	__u64 inode = BPF_CORE_READ(file, f_inode, i_ino);
	struct traffic *counted = bpf_map_lookup_elem(&traffic, &inode);
	struct socket *socket = BPF_CORE_READ(file, private_data);
	__u16 type = BPF_CORE_READ(socket, type);

	if (counted) {
		traffic__report(counted, inode, 0, 0, type, program);
		bpf_map_delete_elem(&traffic, &inode);
	}
	if (excluded_task(0, 0))
		return 0;
	record = RESERVE(released, program);
	if (!record)
		return 0;
	HEADER(record, RELEASED, program, 0);
	record->cookie = 0;
	record->inode = inode;
	record->family = 0;
	record->type = type;
	record->protocol = 0;
	record->flags = 0;
	record_submit(record);
	return 0;
}

static __always_inline int file__freed(void *object, const void *slab, __u8 program)
{
	struct file *file = object;

	if (slab != calibration.slab) {
		if (!calibration.slab && object == calibration.file)
			calibration.slab = slab;
		return 0;
	}
	if (BPF_CORE_READ(file, f_op) != calibration.operations)
		return 0;
	return file__released(file, program);
}

#endif
