/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of `stimulus`: each does one thing with sockets and prints the events it expects. */
#ifndef STIMULUS_H
#define STIMULUS_H

/*
 * A case runs in a process of its own. It prints expectations (facts.h) and returns; a failed
 * precondition ends it through case_skip, anything unforeseen through case_die.
 */
typedef void case_run(void);

/* connect.c */
case_run case_connect_ok, case_server_closes_first, case_one_cpu, case_refused, case_refused_bound,
	case_nonblocking_connect, case_nonblocking_refused, case_connect_again_after_refusal,
	case_unreachable, case_prohibited, case_timed_out, case_threads, case_marker;
/* accept.c */
case_run case_accept_null, case_accept_fault, case_accept_blocked_before, case_accept_thread,
	case_never_accepted;
/* ending.c */
case_run case_reset_by_client, case_reset_by_server, case_reset_unread, case_established_timeout,
	case_shutdown_wr, case_shutdown_not_connected;
/* owners.c */
case_run case_fork_after_accept, case_created_by_parent, case_scm_pass, case_dup2_over,
	case_exec_cloexec, case_kill9, case_process_gone, case_dropped_privileges, case_idle;
/* addresses.c */
case_run case_ipv6, case_mapped, case_dual_stack, case_mptcp, case_mptcp_plain_client,
	case_fastopen, case_fastopen_connect;
/* bytes.c */
case_run case_partial_writes, case_sendfile, case_big_transfer;
/* datagram.c */
case_run case_udp_connected, case_udp_unconnected, case_udp_shared_two_senders, case_udp_refused,
	case_udp_ipv6, case_udp_written, case_udp_uring, case_udp_many;
/* uring.c */
case_run case_uring, case_uring_sqpoll, case_uring_failed, case_uring_behind_call;
/* bind.c */
case_run case_bind_fail_in_use, case_bind_denied, case_listen_fail, case_listen_port_zero,
	case_raw_socket, case_create_fail, case_create_no_descriptor, case_unix_no_descriptor,
	case_inet_pair;
/* policy.c */
case_run case_landlock_denied, case_landlock_filtered_denied, case_apparmor_denied,
	case_apparmor_unix_denied, case_apparmor_setsockopt_denied, case_landlock_unix_denied,
	case_landlock_unix_dgram_denied, case_seccomp_denied, case_cgroup_denied, case_raw_denied,
	case_post_create_denied;
/* local.c */
case_run case_unix_stream, case_unix_refused, case_unix_forbidden, case_unix_dgram,
	case_unix_abstract, case_unix_socketpair, case_netlink;

/* Prints {"skip": why} and ends the program: for a missing feature of the kernel only. */
_Noreturn void case_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The stimulus itself did not work: message with errno on stderr, exit status 1. */
_Noreturn void case_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* MUST(socket(…)): the value, or the end of the program when it is negative. */
#define MUST(expression)                                                                           \
	({                                                                                         \
		__auto_type value_ = (expression);                                                 \
		if (value_ < 0)                                                                    \
			case_die("%s:%d: %s", __FILE__, __LINE__, #expression);                    \
		value_;                                                                            \
	})

#endif
