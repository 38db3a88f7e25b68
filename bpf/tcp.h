/* SPDX-License-Identifier: GPL-2.0-only */
/* The truth about TCP and MPTCP: state changes, with totals at the end. */
#ifndef NA_TCP_H
#define NA_TCP_H

#include "filter.h"

/*
 * `bytes_received` counts the peer's FIN and `bytes_sent` what was sent again: taken off here, so
 * that both are payload. READ is TRUSTED or PROBED (fill.h).
 */
#define TOTALS_FILL_TCP(record, sk, tp, READ)                                                       \
	do {                                                                                       \
		__u64 received_ = READ(tp, bytes_received);                                        \
		bool fin_ = READ(sk, __sk_common.skc_flags) >> SOCK_DONE & 1;                      \
                                                                                                   \
		if (fin_)                                                                          \
			(record)->flags |= NA_FLAG_FIN;                                            \
		(record)->received_bytes = received_ - (fin_ && received_);                        \
		(record)->sent_bytes = READ(tp, bytes_sent) - READ(tp, bytes_retrans);             \
		(record)->sent_packets = READ(tp, segs_out);                                       \
		(record)->received_packets = READ(tp, segs_in);                                    \
		(record)->rtt_us = READ(tp, srtt_us) >> 3;                                         \
		(record)->retransmits = READ(tp, total_retrans);                                   \
	} while (0)

#define TOTALS_FILL_NONE(record)                                          \
	do {                                                              \
		(record)->received_bytes = (record)->sent_bytes = 0;      \
		(record)->sent_packets = (record)->received_packets = 0;  \
		(record)->rtt_us = (record)->retransmits = 0;             \
	} while (0)

/* The counters of mptcp_sock are from 6.5; before, the connection's totals are not known. */
#define TOTALS_FILL_MPTCP(record, msk)                                                             \
	do {                                                                                       \
		TOTALS_FILL_NONE(record);                                                          \
		if (!bpf_core_field_exists((msk)->bytes_sent)) {                                   \
			(record)->flags |= NA_FLAG_NO_TOTALS;                                      \
			break;                                                                     \
		}                                                                                  \
		(record)->received_bytes = BPF_CORE_READ(msk, bytes_received);                     \
		(record)->sent_bytes =                                                             \
			BPF_CORE_READ(msk, bytes_sent) - BPF_CORE_READ(msk, bytes_retrans);        \
	} while (0)

/* The TCP sockets of an MPTCP connection share its struct socket, which points to the connection. */
static __always_inline __u16 subflow_flag(const struct sock *sk)
{
	struct socket *socket = TRUSTED(sk, sk_socket);

	return socket && TRUSTED(socket, sk) != sk ? NA_FLAG_SUBFLOW : 0;
}

static __always_inline void ended__fill(struct na_record_ended *record, __u64 cookie, int before)
{
	record->cookie = cookie;
	record->before = before;
	record->now = TCP_CLOSE;
	if (!record->inode)
		record->flags |= NA_FLAG_ORPHAN;
}

/* NULL for MPTCP. */
static __always_inline const struct tcp_sock *tcp_of(const struct sock *sk)
{
#ifdef NA_UNTYPED
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP ? (const struct tcp_sock *)sk : NULL;
#else
	return bpf_skc_to_tcp_sock((void *)sk);
#endif
}

static __always_inline int state__ended(const struct sock *sk, __u64 cookie, int before, __u8 program)
{
	struct na_record_ended *record = RESERVE(ended, program);
	const struct tcp_sock *tp;

	if (!record)
		return 0;
	HEADER_NO_TASK(record, ENDED, program, -TRUSTED(sk, sk_err));
	SOCKET_FILL(record, sk);
	record->flags |= subflow_flag(sk);
	ended__fill(record, cookie, before);
	tp = tcp_of(sk);
	if (tp)
		TOTALS_FILL_TCP(record, sk, tp, TRUSTED);
	else
		TOTALS_FILL_MPTCP(record, (const struct mptcp_sock *)sk);
	record_submit(record);
	return 0;
}

/* Of a socket that is closed already, from which state is not known. */
static __always_inline int state__ended_before(struct sock *sk, __u64 cookie, __u8 program)
{
	struct na_record_ended *record = RESERVE(ended, program);
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;

	if (!record)
		return 0;
	HEADER_NO_TASK(record, ENDED, program, -BPF_CORE_READ(sk, sk_err));
	SOCKET_FILL_PROBED(record, sk);
	ended__fill(record, cookie, 0);
	TOTALS_FILL_TCP(record, sk, tp, PROBED);
	record_submit(record);
	return 0;
}

static __always_inline int state__changed(const struct sock *sk, __u64 cookie, int before, int now,
					  __u8 program)
{
	struct na_record_state *record = RESERVE(state, program);

	if (!record)
		return 0;
	/* listen(2) is the only change here that `current` is known to have made. */
	if (now == TCP_LISTEN)
		HEADER(record, STATE, program, 0);
	else
		HEADER_NO_TASK(record, STATE, program, -TRUSTED(sk, sk_err));
	record->cookie = cookie;
	SOCKET_FILL(record, sk);
	record->flags |= subflow_flag(sk) | kernel_flag_of_trusted(sk);
	record->before = before;
	record->now = now;
	record_submit(record);
	return 0;
}

static __always_inline bool excluded_state(const struct sock *sk, __u64 cookie, __u16 family, int now)
{
	struct endpoints ends;
	__u8 how;

	if (!rule_count)
		return false;
	how = excluded_socket(cookie);
	if (how & EXCLUDED_RELEASED && now == TCP_CLOSE)
		excluded_forget(cookie);
	if (how)
		return true;
	if (TRUSTED(sk, sk_socket))
		return false;
	endpoints__fill(&ends, sk);
	return excluded_orphan(family, &ends);
}

/* Of the ten changes in a connection's life four matter; the rest leaves before any work. */
static __always_inline bool state_matters(int before, int now)
{
	if (now != TCP_ESTABLISHED && now != TCP_LISTEN && now != TCP_CLOSE &&
	    (VERDICTS_ARE_KNOWN || now != TCP_SYN_SENT)) /* it says that connect was not refused */
		return false;
	return now != before && !(before == TCP_LISTEN && now == TCP_CLOSE);
}

static __always_inline int state__report(const struct sock *sk, int before, int now, __u8 program)
{
	__u16 family = TRUSTED(sk, __sk_common.skc_family);
	bool child = before == TCP_SYN_RECV;
	__u64 cookie;

	if (!family_wanted(family))
		return 0;
	/* Made here for children: accept finds it, by then on a pointer that no helper takes. */
	cookie = cookie_of_trusted(sk);
	/* A child that no process has yet: accept reports it. Fast Open accepts earlier. */
	if (child && !TRUSTED(sk, sk_socket))
		return 0;
	if (excluded_state(sk, cookie, family, now))
		return 0;
	if (now == TCP_CLOSE && before != TCP_SYN_SENT)
		return state__ended(sk, cookie, before, program);
	return state__changed(sk, cookie, before, now, program);
}

#endif
