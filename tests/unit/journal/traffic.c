/* SPDX-License-Identifier: Apache-2.0 */
/* Events of connections as the agent makes them. */
#include "traffic.h"

#include <stdio.h>

#define TEXT_OF(array) ((struct na_text){array, strlen(array)})
#define MORNING_NS UINT64_C(1795510000000000000)
#define APART_NS UINT64_C(213456)
#define BOOT_NS UINT64_C(98765432109876)

static void set_texts(struct na_traffic *traffic, unsigned int process)
{
	snprintf(traffic->executable, sizeof(traffic->executable), "/opt/shop/bin/worker-%u",
		 process % 20);
	snprintf(traffic->line, sizeof(traffic->line),
		 "%s --listen 10.20.0.%u:8443 --config=/etc/shop/worker-%u.yaml --threads 8",
		 traffic->executable, process % 250, process);
	snprintf(traffic->parent_line, sizeof(traffic->parent_line),
		 "/usr/bin/containerd-shim -id %x", process * 2654435761u);
	snprintf(traffic->directory, sizeof(traffic->directory), "/srv/shop/%u", process);
	snprintf(traffic->cgroup, sizeof(traffic->cgroup),
		 "/system.slice/"
		 "docker-%08x3f1c2b9e5d7a48c6b0e1f2a3d4c5b6a79880716253443526170f9e8d.scope",
		 process * 2654435761u);
	snprintf(traffic->entity, sizeof(traffic->entity), "Nc8PboyVW5KwRZ%04x", process);
	snprintf(traffic->parent_entity, sizeof(traffic->parent_entity), "Nc8PboyVW5KwRY%04x",
		 process);
}

/* The line cut at its first blanks, as the process table does it. */
static void set_arguments(struct na_traffic *traffic)
{
	const char *at = traffic->line;

	for (int i = 0; i < 4; i++) {
		size_t length = strcspn(at, " ");

		traffic->arguments[i] = (struct na_text){at, length};
		at += length + 1;
	}
	NA_SET(&traffic->event, PROCESS_ARGS, ((struct na_texts){traffic->arguments, 4}));
	NA_SET(&traffic->event, PROCESS_ARGS_COUNT, 6);
}

static void set_process(struct na_traffic *traffic, unsigned int process)
{
	struct na_event *event = &traffic->event;
	struct na_text path;

	set_texts(traffic, process);
	path = TEXT_OF(traffic->executable);
	NA_SET(event, PROCESS_PID, 100000 + (int)process);
	NA_SET(event, PROCESS_THREAD_ID, 100000 + (int)process + (int)(traffic->sequence % 8));
	NA_SET(event, PROCESS_START, MORNING_NS - process * UINT64_C(1234567890));
	NA_SET(event, PROCESS_ENTITY_ID, TEXT_OF(traffic->entity));
	NA_SET(event, PROCESS_PARENT_PID, 4000 + (int)process);
	NA_SET(event, PROCESS_PARENT_ENTITY_ID, TEXT_OF(traffic->parent_entity));
	NA_SET_TEXT(event, PROCESS_PARENT_EXECUTABLE, "/usr/bin/containerd-shim");
	NA_SET_TEXT(event, PROCESS_PARENT_NAME, "containerd-shim");
	NA_SET(event, PROCESS_PARENT_COMMAND_LINE, TEXT_OF(traffic->parent_line));
	NA_SET(event, PROCESS_EXECUTABLE, path);
	NA_SET(event, PROCESS_NAME, ((struct na_text){path.data + 14, path.length - 14}));
	NA_SET(event, PROCESS_COMMAND_LINE, TEXT_OF(traffic->line));
	NA_SET(event, PROCESS_WORKING_DIRECTORY, TEXT_OF(traffic->directory));
	set_arguments(traffic);
	NA_SET_TEXT(event, NA_PROCESS_CAPABILITIES, "a80425fb");
	NA_SET_TEXT(event, NA_PROCESS_LOGIN_UID, "1000");
	NA_SET(event, NA_PROCESS_SESSION, 3);
	NA_SET(event, NA_CGROUP_PATH, TEXT_OF(traffic->cgroup));
	NA_SET(event, NA_CGROUP_ID, 31337 + process);
	NA_SET(event, CONTAINER_ID, ((struct na_text){traffic->cgroup + 21, 64}));
	NA_SET(event, NA_PROCESS_PID_NAMESPACE, 4026532700 + process);
	NA_SET(event, NA_PROCESS_NET_NAMESPACE, 4026532800 + process);
	NA_SET(event, NA_PROCESS_MOUNT_NAMESPACE, 4026532900 + process);
	NA_SET(event, NA_PROCESS_USER_NAMESPACE, INT64_C(4026531837));
}

static void set_user(struct na_traffic *traffic)
{
	struct na_event *event = &traffic->event;

	NA_SET_TEXT(event, USER_ID, "1000");
	NA_SET_TEXT(event, USER_NAME, "shop");
	NA_SET_TEXT(event, GROUP_ID, "1000");
	traffic->user = event->f_USER_NAME;
	NA_SET(event, RELATED_USER, ((struct na_texts){&traffic->user, 1}));
}

static void set_socket(struct na_traffic *traffic, unsigned int process)
{
	struct na_event *event = &traffic->event;
	uint64_t cookie = 0x12d000 + traffic->sequence;

	NA_SET_TEXT(event, NA_SOURCE, "tp_btf/inet_sock_set_state");
	NA_SET_TEXT(event, EVENT_PROVIDER, "tp_btf/inet_sock_set_state");
	NA_SET(event, NA_SOCKET_COOKIE, cookie);
	NA_SET(event, NA_SOCKET_INODE, 48000000 + traffic->sequence * 3);
	NA_SET(event, NA_SOCKET_NETNS, 4026532800 + process);
	NA_SET_TEXT(event, NA_SOCKET_FAMILY, "inet");
	NA_SET_TEXT(event, NA_SOCKET_TYPE, "stream");
	NA_SET(event, NA_SOCKET_PROTOCOL, 6);
	NA_SET_TEXT(event, NETWORK_TRANSPORT, "tcp");
	NA_SET_TEXT(event, NETWORK_IANA_NUMBER, "6");
	NA_SET_TEXT(event, NETWORK_TYPE, "ipv4");
	NA_SET_TEXT(event, NETWORK_DIRECTION, "egress");
	snprintf(traffic->connection, sizeof(traffic->connection), "0c1f0f6e7d5b4d0a-%llx-1",
		 (unsigned long long)cookie);
	NA_SET(event, NA_CONNECTION_ID, TEXT_OF(traffic->connection));
}

static struct na_text format(const struct na_address *address, char *text)
{
	return (struct na_text){text, na_address_format(address, text)};
}

static void set_ends(struct na_traffic *traffic, unsigned int process)
{
	struct na_event *event = &traffic->event;
	uint8_t peer = (uint8_t)(traffic->sequence * 7);
	struct na_address source = {{[10] = 0xff, [11] = 0xff, 10, 20, 0, (uint8_t)process}};
	struct na_address destination = {{[10] = 0xff, [11] = 0xff, 203, 0, 113, peer}};

	NA_SET(event, SOURCE_IP, source);
	NA_SET(event, SOURCE_ADDRESS, format(&source, traffic->addresses[0]));
	NA_SET(event, SOURCE_PORT, 32768 + (int64_t)(traffic->sequence % 28000));
	NA_SET(event, DESTINATION_IP, destination);
	NA_SET(event, DESTINATION_ADDRESS, format(&destination, traffic->addresses[1]));
	NA_SET(event, DESTINATION_PORT, 443);
	traffic->related[0] = event->f_SOURCE_ADDRESS;
	traffic->related[1] = event->f_DESTINATION_ADDRESS;
	NA_SET(event, RELATED_IP, ((struct na_texts){traffic->related, 2}));
	snprintf(traffic->community, sizeof(traffic->community), "1:LQU9qZlK+B5F3KDm%012llx",
		 (unsigned long long)traffic->sequence);
	NA_SET(event, NETWORK_COMMUNITY_ID, TEXT_OF(traffic->community));
}

static void set_end(struct na_event *event, uint64_t sequence)
{
	NA_SET_TEXT(event, EVENT_REASON, "orderly");
	NA_SET_TEXT(event, NA_CLOSED_BY, "local");
	NA_SET(event, SOURCE_BYTES, 700 + (int64_t)(sequence % 900));
	NA_SET(event, DESTINATION_BYTES, (int64_t)(sequence % 97 * 1460));
	NA_SET(event, NETWORK_BYTES, event->f_SOURCE_BYTES + event->f_DESTINATION_BYTES);
	NA_SET(event, SOURCE_PACKETS, 9);
	NA_SET(event, DESTINATION_PACKETS, 4 + (int64_t)(sequence % 97));
	NA_SET(event, NETWORK_PACKETS, 13 + (int64_t)(sequence % 97));
	NA_SET(event, EVENT_DURATION, 187654321);
	NA_SET(event, EVENT_START, event->f_TIMESTAMP - 187654321);
	NA_SET(event, EVENT_END, event->f_TIMESTAMP);
	NA_SET(event, NA_TCP_RTT_US, 12345);
	NA_SET(event, NA_TCP_RETRANSMITS, 0);
	NA_SET_TEXT(event, NA_TCP_STATE_AT_CLOSE, "fin_wait2");
}

/* ------------------------------------------------------------------------------------------- */

const struct na_event *na_traffic_next(struct na_traffic *traffic, enum na_event_type type)
{
	unsigned int process = (unsigned int)(traffic->sequence * 31 % NA_TRAFFIC_PROCESSES);
	struct na_event *event = &traffic->event;

	traffic->sequence++;
	na_event_init(event, type, BOOT_NS + traffic->sequence * APART_NS);
	NA_SET(event, TIMESTAMP, MORNING_NS + traffic->sequence * APART_NS);
	NA_SET(event, EVENT_CREATED, event->f_TIMESTAMP + 2345678);
	NA_SET(event, EVENT_SEQUENCE, (int64_t)traffic->sequence);
	set_process(traffic, process);
	set_user(traffic);
	set_socket(traffic, process);
	set_ends(traffic, process);
	if (type == NA_EVENT_CLOSED)
		set_end(event, traffic->sequence);
	return event;
}
