/* SPDX-License-Identifier: Apache-2.0 */
/* An afternoon of a host. */
#include "samples.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/clock.h"

/* 2026-11-24 13:05:07.123456789 UTC */
#define AFTERNOON_NS UINT64_C(1795525507123456789)

#define TEXT(string)                                                                               \
	{                                                                                          \
		string, sizeof(string) - 1                                                         \
	}

#define CONNECTION_ID "0c1f0f6e-7d5b-4d0a-9f4e-2b6a2f0d9a11-5d21-1"

static struct na_address address(const char *text)
{
	struct na_address result = {{[10] = 0xff, [11] = 0xff}};

	if (strchr(text, ':'))
		inet_pton(AF_INET6, text, result.bytes);
	else
		inet_pton(AF_INET, text, result.bytes + 12);
	return result;
}

static void set_process(struct na_event *event, const char *name, const char *executable, int pid)
{
	NA_SET_TEXT(event, PROCESS_NAME, name);
	NA_SET_TEXT(event, PROCESS_EXECUTABLE, executable);
	NA_SET(event, PROCESS_PID, pid);
	NA_SET(event, PROCESS_THREAD_ID, pid);
	NA_SET_TEXT(event, PROCESS_ENTITY_ID, "Nc8PboyVW5KwRZ1h");
	NA_SET(event, PROCESS_START, AFTERNOON_NS - 3 * NA_NS_PER_SEC);
	NA_SET_TEXT(event, PROCESS_PARENT_NAME, "bash");
	NA_SET(event, PROCESS_PARENT_PID, 2101);
}

static void set_user(struct na_event *event, const char *name, const char *id)
{
	NA_SET_TEXT(event, USER_NAME, name);
	NA_SET_TEXT(event, USER_ID, id);
	NA_SET_TEXT(event, GROUP_ID, id);
}

static void set_curl(struct na_event *event)
{
	static const struct na_text args[] = {TEXT("curl"), TEXT("-sS"),
					      TEXT("https://example.org/")};

	set_process(event, "curl", "/usr/bin/curl", 4711);
	set_user(event, "alice", "1000");
	NA_SET_TEXT(event, PROCESS_COMMAND_LINE, "curl -sS https://example.org/");
	NA_SET(event, PROCESS_ARGS, ((struct na_texts){args, 3}));
	NA_SET(event, PROCESS_ARGS_COUNT, 3);
	NA_SET_TEXT(event, PROCESS_WORKING_DIRECTORY, "/home/alice");
}

static void set_nginx(struct na_event *event)
{
	set_process(event, "nginx", "/usr/sbin/nginx", 812);
	set_user(event, "www-data", "33");
	NA_SET_TEXT(event, PROCESS_PARENT_NAME, "systemd");
	NA_SET(event, PROCESS_PARENT_PID, 1);
	NA_SET_TEXT(event, CONTAINER_ID,
		    "3f1c2b9e5d7a48c6b0e1f2a3d4c5b6a79880716253443526170f9e8d7c6b5a49");
}

static void set_source(struct na_event *event, const char *text, int port)
{
	NA_SET(event, SOURCE_IP, address(text));
	NA_SET_TEXT(event, SOURCE_ADDRESS, text);
	NA_SET(event, SOURCE_PORT, port);
}

static void set_destination(struct na_event *event, const char *text, int port)
{
	NA_SET(event, DESTINATION_IP, address(text));
	NA_SET_TEXT(event, DESTINATION_ADDRESS, text);
	NA_SET(event, DESTINATION_PORT, port);
}

static void set_socket(struct na_event *event, const char *transport, const char *family,
		       const char *type)
{
	NA_SET_TEXT(event, NETWORK_TRANSPORT, transport);
	NA_SET_TEXT(event, NA_SOCKET_FAMILY, family);
	NA_SET_TEXT(event, NA_SOCKET_TYPE, type);
	NA_SET(event, NA_SOCKET_COOKIE, 23841);
	NA_SET(event, NA_SOCKET_INODE, UINT64_C(18446744073709551615));
	NA_SET(event, NA_SOCKET_NETNS, 4026531840);
}

static void set_tcp(struct na_event *event, const char *direction)
{
	set_socket(event, "tcp", "inet", "stream");
	NA_SET_TEXT(event, NETWORK_TYPE, "ipv4");
	NA_SET_TEXT(event, NETWORK_IANA_NUMBER, "6");
	NA_SET_TEXT(event, NETWORK_DIRECTION, direction);
	NA_SET_TEXT(event, NETWORK_COMMUNITY_ID, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
	NA_SET_TEXT(event, NA_CONNECTION_ID, CONNECTION_ID);
}

static void set_traffic(struct na_event *event, int64_t forth, int64_t back, uint64_t duration_ns)
{
	NA_SET(event, SOURCE_BYTES, forth);
	NA_SET(event, DESTINATION_BYTES, back);
	NA_SET(event, NETWORK_BYTES, forth + back);
	NA_SET(event, SOURCE_PACKETS, forth / 1000 + 3);
	NA_SET(event, DESTINATION_PACKETS, back / 1000 + 2);
	NA_SET(event, NETWORK_PACKETS, forth / 1000 + back / 1000 + 5);
	NA_SET(event, EVENT_START, AFTERNOON_NS - duration_ns);
	NA_SET(event, EVENT_END, AFTERNOON_NS);
	NA_SET(event, EVENT_DURATION, (int64_t)duration_ns);
}

static void fill_agent_started(struct na_event *event)
{
	NA_SET_TEXT(event, MESSAGE, "netaudit 0.1.0 captures with the cgroup tier, 19 programs");
}

static void fill_existing_listener(struct na_event *event)
{
	set_process(event, "sshd", "/usr/sbin/sshd", 644);
	set_user(event, "root", "0");
	set_socket(event, "tcp", "inet6", "stream");
	set_destination(event, "::", 22);
	NA_SET_TEXT(event, NA_SOCKET_STATE, "listen");
	NA_SET_TEXT(event, NA_SOURCE, "iter/task_file");
}

static void fill_existing(struct na_event *event)
{
	static const struct na_text ips[] = {TEXT("203.0.113.9"), TEXT("10.0.0.5")};
	static const struct na_text users[] = {TEXT("root")};

	set_process(event, "sshd", "/usr/sbin/sshd", 3987);
	set_user(event, "root", "0");
	set_tcp(event, "ingress");
	set_source(event, "203.0.113.9", 51034);
	set_destination(event, "10.0.0.5", 22);
	NA_SET_TEXT(event, NA_SOCKET_STATE, "established");
	NA_SET(event, RELATED_IP, ((struct na_texts){ips, 2}));
	NA_SET(event, RELATED_USER, ((struct na_texts){users, 1}));
}

static void fill_socket_created(struct na_event *event)
{
	set_curl(event);
	set_socket(event, "tcp", "inet", "stream");
	NA_SET(event, NA_SOCKET_PROTOCOL, 6);
	NA_SET_TEXT(event, NA_SOURCE, "cgroup/sock_create");
}

static void fill_connect_attempted(struct na_event *event)
{
	set_curl(event);
	set_tcp(event, "egress");
	set_destination(event, "93.184.215.14", 443);
}

static void fill_established(struct na_event *event)
{
	fill_connect_attempted(event);
	set_source(event, "10.0.0.5", 43210);
	NA_SET_TEXT(event, NA_SOURCE, "tp_btf/inet_sock_set_state");
	NA_SET_TEXT(event, EVENT_ID, "3f0f9c3e-52d1-4a35-9a3e-dc6f8e5a7b10-7-81");
	NA_SET(event, EVENT_SEQUENCE, 81);
	NA_SET(event, EVENT_CREATED, AFTERNOON_NS + NA_NS_PER_MS);
}

static void fill_closed(struct na_event *event)
{
	fill_established(event);
	set_traffic(event, 1234, 46311, UINT64_C(187654321));
	NA_SET_TEXT(event, EVENT_REASON, "orderly");
	NA_SET_TEXT(event, NA_CLOSED_BY, "local");
	NA_SET(event, NA_TCP_RTT_US, 12345);
	NA_SET(event, NA_TCP_RETRANSMITS, 0);
	NA_SET_TEXT(event, NA_TCP_STATE_AT_CLOSE, "fin_wait2");
}

static void fill_closed_reset(struct na_event *event)
{
	set_nginx(event);
	set_tcp(event, "ingress");
	set_source(event, "198.51.100.23", 60122);
	set_destination(event, "10.0.0.5", 443);
	set_traffic(event, 812, INT64_C(73400320), UINT64_C(192000000000));
	NA_SET_TEXT(event, EVENT_REASON, "reset");
	NA_SET_TEXT(event, NA_CLOSED_BY, "remote");
	NA_SET_TEXT(event, NA_CLOSER_NAME, "nginx");
	NA_SET(event, NA_CLOSER_PID, 815);
	NA_SET(event, NA_TCP_RETRANSMITS, 4);
}

static void fill_connect_failed(struct na_event *event)
{
	fill_connect_attempted(event);
	set_destination(event, "2001:db8:5f3a::17", 8443);
	NA_SET_TEXT(event, NETWORK_TYPE, "ipv6");
	na_event_set_error(event, -ECONNREFUSED);
	NA_SET(event, EVENT_DURATION, INT64_C(1240000));
}

static void fill_bound(struct na_event *event)
{
	set_nginx(event);
	set_socket(event, "tcp", "inet", "stream");
	set_destination(event, "0.0.0.0", 443);
}

static void fill_bound_failed(struct na_event *event)
{
	fill_bound(event);
	na_event_set_error(event, -EADDRINUSE);
}

static void fill_listening(struct na_event *event)
{
	fill_bound(event);
	NA_SET(event, NA_BACKLOG, 511);
	NA_SET(event, NA_URING, false);
}

static void fill_accepted(struct na_event *event)
{
	set_nginx(event);
	set_tcp(event, "ingress");
	set_source(event, "198.51.100.23", 60122);
	set_destination(event, "10.0.0.5", 443);
}

static void fill_shutdown(struct na_event *event)
{
	fill_accepted(event);
	NA_SET_TEXT(event, NA_SHUTDOWN_HOW, "write");
}

static void fill_flow(struct na_event *event)
{
	set_process(event, "systemd-resolved", "/usr/lib/systemd/systemd-resolved", 590);
	set_user(event, "systemd-resolve", "102");
	set_socket(event, "udp", "inet", "dgram");
	NA_SET_TEXT(event, NETWORK_DIRECTION, "egress");
	set_source(event, "10.0.0.5", 40962);
	set_destination(event, "9.9.9.9", 53);
	set_traffic(event, 71, 314, UINT64_C(9800000));
}

static void fill_denied(struct na_event *event)
{
	set_curl(event);
	set_socket(event, "tcp", "inet", "stream");
	set_destination(event, "169.254.169.254", 80);
	NA_SET_TEXT(event, EVENT_ACTION, "connect_denied");
	NA_SET_TEXT(event, NA_OPERATION, "connect");
	na_event_set_error(event, -EPERM);
	NA_SET_TEXT(event, NA_HOOK, "socket_connect");
	NA_SET_TEXT(event, NA_POLICY, "lsm");
}

static void fill_hook(struct na_event *event)
{
	set_curl(event);
	set_socket(event, "tcp", "inet", "stream");
	set_destination(event, "10.0.0.5", 443);
	NA_SET_TEXT(event, NA_HOOK, "socket_setsockopt");
	NA_SET(event, NA_SOCKOPT_LEVEL, 1);
	NA_SET(event, NA_SOCKOPT_NAME, 9);
	NA_SET(event, NA_SAMPLE, 10);
}

static void fill_process_started(struct na_event *event)
{
	set_curl(event);
	NA_SET_TEXT(event, NA_PROCESS_CAPABILITIES, "1ffffffffff");
	NA_SET(event, NA_PROCESS_SESSION, 3);
}

static void fill_process_ended(struct na_event *event)
{
	set_curl(event);
	NA_SET(event, PROCESS_END, AFTERNOON_NS);
	NA_SET(event, PROCESS_EXIT_CODE, 137);
}

static void fill_unix(struct na_event *event)
{
	set_process(event, "dbus-daemon", "/usr/bin/dbus-daemon", 601);
	set_user(event, "alice", "1000");
	set_socket(event, "unix", "unix", "stream");
	NA_SET_TEXT(event, NETWORK_DIRECTION, "ingress");
	NA_SET_TEXT(event, SOURCE_ADDRESS, "");
	NA_SET_TEXT(event, DESTINATION_ADDRESS,
		    "/run/user/1000/containers/netns/some-very-long-name/dbus-1/session.socket");
}

/* A name that clears the screen, text from right to left, bytes that are nothing. */
static void fill_hostile(struct na_event *event)
{
	static const struct na_text args[] = {TEXT("\033[2J\033]0;owned\a"), TEXT("\xff\xfe\0x"),
					      TEXT("\"\\\n")};

	fill_established(event);
	NA_SET(event, PROCESS_NAME, ((struct na_text)TEXT("\033[2Jx\xe2\x80\xae\xc2\x9b\xff\0")));
	NA_SET_TEXT(event, USER_NAME, "名無し権兵衛");
	NA_SET(event, PROCESS_ARGS, ((struct na_texts){args, 3}));
}

static void fill_unattributed(struct na_event *event)
{
	set_tcp(event, "egress");
	set_source(event, "10.0.0.5", 790);
	set_destination(event, "10.0.0.2", 2049);
	NA_SET_TEXT(event, NA_UNATTRIBUTED, "kernel");
	NA_SET_TEXT(event, NA_UNCERTAIN, "no record of connect");
}

static void fill_events_lost(struct na_event *event)
{
	NA_SET(event, NA_LOST_COUNT, 1374);
	NA_SET_TEXT(event, NA_LOST_PROGRAM, "cgroup/connect4");
	NA_SET_TEXT(event, NA_LOST_REASON, "ring_full");
}

static void fill_events_lost_journal(struct na_event *event)
{
	NA_SET(event, NA_LOST_COUNT, 1374);
	NA_SET(event, NA_LOST_FIRST_SEQUENCE, 48211);
	NA_SET(event, NA_LOST_LAST_SEQUENCE, 49584);
	NA_SET_TEXT(event, NA_LOST_REASON, "tail_full");
	NA_SET_TEXT(event, MESSAGE,
		    "1374 events are missing, from number 48211 to 49584: the disk did not keep "
		    "up, and the journal's tail was full");
}

/* Still open: no end, and its type says so. */
static void fill_connection(struct na_event *event)
{
	static const struct na_text types[] = {TEXT("connection"), TEXT("info")};

	set_nginx(event);
	set_tcp(event, "ingress");
	set_source(event, "198.51.100.23", 60122);
	set_destination(event, "10.0.0.5", 443);
	set_traffic(event, 812, INT64_C(73400320), UINT64_C(7200000000000));
	NA_CLEAR(event, EVENT_END);
	NA_SET(event, EVENT_TYPE, ((struct na_texts){types, 2}));
	NA_SET_TEXT(event, NA_SOURCE, "iter/task_file");
	NA_SET_TEXT(event, NA_SOCKET_STATE, "established");
	NA_SET(event, NA_TCP_RTT_US, 12345);
	NA_SET(event, NA_TCP_RETRANSMITS, 4);
}

static void fill_clock_changed(struct na_event *event)
{
	NA_SET(event, NA_CLOCK_STEP_NS, INT64_C(-2500000000));
	NA_SET(event, NA_CLOCK_SUSPENDED_NS, INT64_C(3600000000000));
	NA_SET_TEXT(event, MESSAGE,
		    "the machine slept for 3600.000 s, and the wall clock was set back by 2.500 s");
}

static void fill_connection_closed(struct na_event *event)
{
	fill_closed(event);
	NA_SET_TEXT(event, EVENT_ID, "3f0f9c3e-52d1-4a35-9a3e-dc6f8e5a7b10-7-81.connection");
}

static void fill_established_dedup(struct na_event *event)
{
	fill_established(event);
	NA_SET_TEXT(event, EVENT_ID, "3f0f9c3e-52d1-4a35-9a3e-dc6f8e5a7b10-7-81.dedup");
	NA_SET(event, NA_DEDUP_COUNT, 17);
}

static void fill_events_lost_output(struct na_event *event)
{
	NA_SET_TEXT(event, EVENT_ID, "3f0f9c3e-52d1-4a35-9a3e-dc6f8e5a7b10.siem.1.51-6f");
	NA_SET(event, NA_LOST_COUNT, 12);
	NA_SET(event, NA_LOST_FIRST_SEQUENCE, 81);
	NA_SET(event, NA_LOST_LAST_SEQUENCE, 111);
	NA_SET_TEXT(event, NA_LOST_REASON, "budget");
	NA_SET_TEXT(event, NA_OUTPUT, "siem");
	NA_SET_TEXT(event, NA_SOURCE, "ship");
	NA_SET_TEXT(event, MESSAGE, "The output's budget of 1048576 bytes per hour left them out.");
}

static void fill_agent_degraded(struct na_event *event)
{
	NA_SET_TEXT(event, MESSAGE,
		    "tp_btf/sys_exit cannot be attached: accepted, shutdown and "
		    "denied are not captured");
	na_event_set_error(event, -EPERM);
}

static void fill_agent_stopping(struct na_event *event)
{
	NA_SET_TEXT(event, MESSAGE, "SIGTERM");
}

static void fill_output_tested(struct na_event *event)
{
	NA_SET_TEXT(event, MESSAGE, "netaudit check --connect");
	NA_SET_TEXT(event, NA_OUTPUT, "siem");
}

static void fill_heartbeat(struct na_event *event)
{
	NA_SET_TEXT(event, NA_AGENT_COUNTERS,
		    "{\"records\":48211,\"events\":9713,\"records_lost\":0,\"sockets\":214}");
}

static void fill_heartbeat_output(struct na_event *event)
{
	fill_heartbeat(event);
	NA_SET_TEXT(event, NA_OUTPUT, "siem");
	NA_SET(event, NA_READ_FIRST_SEQUENCE, 24);
	NA_SET(event, NA_READ_LAST_SEQUENCE, 111);
	NA_SET(event, NA_LEFT_OUT_BUDGET, 12);
	NA_SET(event, NA_LEFT_OUT_DEDUP, 17);
	NA_SET(event, NA_LEFT_OUT_SELECT, 30);
	NA_SET(event, NA_LEFT_OUT_VIEW, 0);
}

const struct na_sample na_samples[] = {
	{"agent_started", fill_agent_started, NA_EVENT_AGENT_STARTED},
	{"existing-listener", fill_existing_listener, NA_EVENT_EXISTING},
	{"existing", fill_existing, NA_EVENT_EXISTING},
	{"process_started", fill_process_started, NA_EVENT_PROCESS_STARTED},
	{"socket_created", fill_socket_created, NA_EVENT_SOCKET_CREATED},
	{"connect_attempted", fill_connect_attempted, NA_EVENT_CONNECT_ATTEMPTED},
	{"established", fill_established, NA_EVENT_ESTABLISHED},
	{"closed", fill_closed, NA_EVENT_CLOSED},
	{"process_ended", fill_process_ended, NA_EVENT_PROCESS_ENDED},
	{"connect_failed", fill_connect_failed, NA_EVENT_CONNECT_FAILED},
	{"bound", fill_bound, NA_EVENT_BOUND},
	{"bound-failed", fill_bound_failed, NA_EVENT_BOUND},
	{"listening", fill_listening, NA_EVENT_LISTENING},
	{"accepted", fill_accepted, NA_EVENT_ACCEPTED},
	{"accepted-unix", fill_unix, NA_EVENT_ACCEPTED},
	{"shutdown", fill_shutdown, NA_EVENT_SHUTDOWN},
	{"closed-reset", fill_closed_reset, NA_EVENT_CLOSED},
	{"flow", fill_flow, NA_EVENT_FLOW},
	{"denied", fill_denied, NA_EVENT_DENIED},
	{"established-hostile", fill_hostile, NA_EVENT_ESTABLISHED},
	{"established-unattributed", fill_unattributed, NA_EVENT_ESTABLISHED},
	{"events_lost", fill_events_lost, NA_EVENT_EVENTS_LOST},
	{"agent_degraded", fill_agent_degraded, NA_EVENT_AGENT_DEGRADED},
	{"heartbeat", fill_heartbeat, NA_EVENT_HEARTBEAT},
	{"agent_stopping", fill_agent_stopping, NA_EVENT_AGENT_STOPPING},
	{"events_lost-journal", fill_events_lost_journal, NA_EVENT_EVENTS_LOST},
	{"connection", fill_connection, NA_EVENT_CONNECTION},
	{"clock_changed", fill_clock_changed, NA_EVENT_CLOCK_CHANGED},
	{"connection-closed", fill_connection_closed, NA_EVENT_CONNECTION},
	{"established-dedup", fill_established_dedup, NA_EVENT_ESTABLISHED},
	{"events_lost-output", fill_events_lost_output, NA_EVENT_EVENTS_LOST},
	{"heartbeat-output", fill_heartbeat_output, NA_EVENT_HEARTBEAT},
	{"output_tested", fill_output_tested, NA_EVENT_OUTPUT_TESTED},
	{"hook.socket_setsockopt", fill_hook, NA_EVENT_HOOK_SOCKET_SETSOCKOPT},
};

const size_t na_sample_count = sizeof(na_samples) / sizeof(*na_samples);

struct na_event na_sample_event(size_t i)
{
	struct na_event event;

	na_event_init(&event, na_samples[i].type, 0);
	NA_SET(&event, TIMESTAMP, AFTERNOON_NS + i * 41 * NA_NS_PER_MS);
	na_samples[i].fill(&event);
	return event;
}

struct na_event na_sample_constants(void)
{
	static const struct na_text ips[] = {TEXT("10.0.0.5"), TEXT("2001:db8::5")};
	struct na_event event = {0};

	NA_SET_TEXT(&event, AGENT_EPHEMERAL_ID, "b8f1d3a2-0e57-4c19-8a5b-6d3c1f2e4a90");
	NA_SET_TEXT(&event, AGENT_ID, "c0ffee00-1234-4abc-8def-0123456789ab");
	NA_SET_TEXT(&event, AGENT_NAME, "web-1");
	NA_SET_TEXT(&event, AGENT_TYPE, "netaudit");
	NA_SET_TEXT(&event, AGENT_VERSION, "0.1.0");
	NA_SET_TEXT(&event, ECS_VERSION, "9.4.0");
	NA_SET_TEXT(&event, HOST_ARCHITECTURE, "x86_64");
	NA_SET_TEXT(&event, HOST_HOSTNAME, "web-1");
	NA_SET_TEXT(&event, HOST_NAME, "web-1");
	NA_SET_TEXT(&event, HOST_OS_KERNEL, "6.12.57");
	NA_SET_TEXT(&event, HOST_OS_TYPE, "linux");
	NA_SET(&event, HOST_IP, ((struct na_texts){ips, 2}));
	NA_SET_TEXT(&event, LABELS, "{\"environment\":\"production\",\"site\":\"fra1\"}");
	return event;
}
