/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stimulus CASE: does one thing with sockets and prints the events it expects (facts.h).
 * stimulus --list: the cases, one JSON object a line, for check.py.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "facts.h"
#include "sandbox.h"
#include "stimulus.h"

#define INET "inet,inet6"
#define LOCAL "inet,inet6,unix,netlink"

enum stimulus_flags {
	FRESH = 1,    /* begins before its agent starts, goes on at a line on stdin */
	NOBODY = 2,   /* runs as an unprivileged user */
	INTERNAL = 4, /* not a test */
};

struct stimulus {
	const char *name;
	const char *group; /* the file it stands in */
	case_run *run;
	const char *families;
	unsigned int flags;
};

static const struct stimulus stimuli[] = {
	{"connect_ok", "connect", case_connect_ok, INET, 0},
	{"server_closes_first", "connect", case_server_closes_first, INET, 0},
	{"one_cpu", "connect", case_one_cpu, INET, 0},
	{"refused", "connect", case_refused, INET, 0},
	{"refused_bound", "connect", case_refused_bound, INET, 0},
	{"unreachable", "connect", case_unreachable, INET, 0},
	{"prohibited", "connect", case_prohibited, INET, 0},
	{"timed_out", "connect", case_timed_out, INET, 0},
	{"nonblocking_connect", "connect", case_nonblocking_connect, INET, 0},
	{"nonblocking_refused", "connect", case_nonblocking_refused, INET, 0},
	{"connect_again_after_refusal", "connect", case_connect_again_after_refusal, INET, 0},
	{"threads", "connect", case_threads, INET, 0},
	{"accept_null", "accept", case_accept_null, INET, 0},
	{"accept_fault", "accept", case_accept_fault, INET, 0},
	{"accept_thread", "accept", case_accept_thread, INET, 0},
	{"never_accepted", "accept", case_never_accepted, INET, 0},
	{"accept_blocked_before", "accept", case_accept_blocked_before, INET, FRESH},
	{"reset_by_client", "ending", case_reset_by_client, INET, 0},
	{"reset_by_server", "ending", case_reset_by_server, INET, 0},
	{"reset_unread", "ending", case_reset_unread, INET, 0},
	{"established_timeout", "ending", case_established_timeout, INET, 0},
	{"shutdown_wr", "ending", case_shutdown_wr, INET, 0},
	{"shutdown_not_connected", "ending", case_shutdown_not_connected, INET, 0},
	{"fork_after_accept", "owners", case_fork_after_accept, INET, 0},
	{"created_by_parent", "owners", case_created_by_parent, INET, 0},
	{"scm_pass", "owners", case_scm_pass, INET, 0},
	{"dup2_over", "owners", case_dup2_over, INET, 0},
	{"exec_cloexec", "owners", case_exec_cloexec, INET, 0},
	{"kill9", "owners", case_kill9, INET, 0},
	{"process_gone", "owners", case_process_gone, INET, 0},
	{"dropped_privileges", "owners", case_dropped_privileges, INET, 0},
	{"ipv6", "addresses", case_ipv6, INET, 0},
	{"mapped", "addresses", case_mapped, INET, 0},
	{"dual_stack", "addresses", case_dual_stack, INET, 0},
	{"mptcp", "addresses", case_mptcp, INET, 0},
	{"mptcp_plain_client", "addresses", case_mptcp_plain_client, INET, 0},
	{"fastopen", "addresses", case_fastopen, INET, 0},
	{"fastopen_connect", "addresses", case_fastopen_connect, INET, 0},
	{"partial_writes", "bytes", case_partial_writes, INET, 0},
	{"sendfile", "bytes", case_sendfile, INET, 0},
	{"big_transfer", "bytes", case_big_transfer, INET, 0},
	{"udp_connected", "datagram", case_udp_connected, INET, 0},
	{"udp_written", "datagram", case_udp_written, INET, 0},
	{"udp_uring", "datagram", case_udp_uring, INET, 0},
	{"udp_many", "datagram", case_udp_many, INET, 0},
	{"udp_unconnected", "datagram", case_udp_unconnected, INET, 0},
	{"udp_ipv6", "datagram", case_udp_ipv6, INET, 0},
	{"udp_shared_two_senders", "datagram", case_udp_shared_two_senders, INET, 0},
	{"udp_refused", "datagram", case_udp_refused, INET, 0},
	{"uring", "uring", case_uring, INET, 0},
	{"uring_sqpoll", "uring", case_uring_sqpoll, INET, 0},
	{"uring_failed", "uring", case_uring_failed, INET, 0},
	{"uring_behind_call", "uring", case_uring_behind_call, INET, 0},
	{"bind_fail_in_use", "bind", case_bind_fail_in_use, INET, 0},
	{"bind_denied", "bind", case_bind_denied, INET, NOBODY},
	{"listen_fail", "bind", case_listen_fail, INET, 0},
	{"listen_port_zero", "bind", case_listen_port_zero, INET, 0},
	{"raw_socket", "bind", case_raw_socket, INET, 0},
	{"raw_denied", "policy", case_raw_denied, INET, NOBODY},
	{"create_fail", "bind", case_create_fail, INET, 0},
	{"create_no_descriptor", "bind", case_create_no_descriptor, INET, 0},
	{"inet_pair", "bind", case_inet_pair, INET, 0},
	{"landlock_denied", "policy", case_landlock_denied, INET, 0},
	{"landlock_filtered_denied", "policy", case_landlock_filtered_denied, INET, 0},
	{"apparmor_denied", "policy", case_apparmor_denied, INET, 0},
	{"post_create_denied", "policy", case_post_create_denied, INET, 0},
	{"apparmor_setsockopt_denied", "policy", case_apparmor_setsockopt_denied, INET, 0},
	{"seccomp_denied", "policy", case_seccomp_denied, INET, 0},
	{"cgroup_denied", "policy", case_cgroup_denied, INET, 0},
	{"unix_stream", "local", case_unix_stream, LOCAL, 0},
	{"unix_refused", "local", case_unix_refused, LOCAL, 0},
	{"unix_forbidden", "local", case_unix_forbidden, LOCAL, NOBODY},
	{"unix_dgram", "local", case_unix_dgram, LOCAL, 0},
	{"unix_abstract", "local", case_unix_abstract, LOCAL, 0},
	{"unix_socketpair", "local", case_unix_socketpair, LOCAL, 0},
	{"unix_no_descriptor", "local", case_unix_no_descriptor, LOCAL, 0},
	{"apparmor_unix_denied", "local", case_apparmor_unix_denied, LOCAL, 0},
	{"landlock_unix_denied", "local", case_landlock_unix_denied, LOCAL, 0},
	{"landlock_unix_dgram_denied", "local", case_landlock_unix_dgram_denied, LOCAL, 0},
	{"netlink", "local", case_netlink, LOCAL, 0},
	{"marker", "connect", case_marker, INET, INTERNAL},
	{"idle", "owners", case_idle, INET, INTERNAL},
};

#define STIMULI (sizeof(stimuli) / sizeof(stimuli[0]))

void case_skip(const char *format, ...)
{
	char why[256];
	va_list arguments;
	json_t *line;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	line = json_pack("{s:s}", "skip", why);
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	_exit(0);
}

void case_die(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	fprintf(stderr, "stimulus: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ": %s\n", strerror(error));
	_exit(1);
}

static int list(void)
{
	for (size_t i = 0; i < STIMULI; i++)
		if (!(stimuli[i].flags & INTERNAL))
			printf("{\"case\":\"%s\",\"group\":\"%s\",\"families\":\"%s\",\"fresh\":%s}"
			       "\n",
			       stimuli[i].name, stimuli[i].group, stimuli[i].families,
			       stimuli[i].flags & FRESH ? "true" : "false");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	for (size_t i = 0; argc == 2 && i < STIMULI; i++) {
		if (strcmp(argv[1], stimuli[i].name))
			continue;
		if (stimuli[i].flags & NOBODY)
			become_nobody(argv);
		facts_init(argc, argv);
		own_pid(getpid());
		stimuli[i].run();
		return 0;
	}
	fprintf(stderr, "usage: stimulus CASE | --list\n");
	return 64;
}
