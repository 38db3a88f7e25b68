/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time to write an event as ECS JSON, next to memcpy of the same bytes. "make bench", or alone:
 * ecs_bench. The event has 34 fields of its own, constants come on top; `parts`: its process and
 * what its type fixes are said to be as in the event before, as a journal's reader says it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "format/ecs.h"

#define EVENTS 200000
#define ROUNDS 11

#define TEXT(string)                                                                               \
	{                                                                                          \
		string, sizeof(string) - 1                                                         \
	}

static void set_process(struct na_event *event)
{
	static const struct na_text args[] = {TEXT("/usr/bin/curl"), TEXT("-sS"), TEXT("--retry"),
					      TEXT("3"), TEXT("https://example.org/index.html")};

	NA_SET(event, PROCESS_ARGS, ((struct na_texts){args, 5}));
	NA_SET(event, PROCESS_ARGS_COUNT, 5);
	NA_SET_TEXT(event, PROCESS_COMMAND_LINE,
		    "/usr/bin/curl -sS --retry 3 https://example.org/index.html");
	NA_SET_TEXT(event, PROCESS_ENTITY_ID, "Nc8PboyVW5KwRZ1hQ0r2");
	NA_SET_TEXT(event, PROCESS_EXECUTABLE, "/usr/bin/curl");
	NA_SET_TEXT(event, PROCESS_NAME, "curl");
	NA_SET(event, PROCESS_PID, 1234567);
	NA_SET(event, PROCESS_START, UINT64_C(1795525504123456789));
	NA_SET_TEXT(event, USER_ID, "1000");
	NA_SET_TEXT(event, USER_NAME, "alice");
}

static struct na_event closed_event(void)
{
	struct na_event event;

	na_event_init(&event, NA_EVENT_CLOSED, 0); /* 8 fields */
	set_process(&event);                       /* 10 */
	NA_SET(&event, TIMESTAMP, UINT64_C(1795525507123456789));
	NA_SET(&event, EVENT_DURATION, 187654321);
	NA_SET_TEXT(&event, EVENT_ID, "3f0f9c3e-52d1-4a35-9a3e-dc6f8e5a7b10-7-81123");
	NA_SET(&event, EVENT_SEQUENCE, 81123);
	NA_SET_TEXT(&event, NETWORK_COMMUNITY_ID, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
	NA_SET_TEXT(&event, NETWORK_TRANSPORT, "tcp");
	NA_SET(&event, SOURCE_IP,
	       ((struct na_address){{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 5}}));
	NA_SET(&event, SOURCE_PORT, 43210);
	NA_SET(&event, SOURCE_BYTES, 1234);
	NA_SET(&event, DESTINATION_IP,
	       ((struct na_address){{0x20, 0x01, 0x0d, 0xb8, [7] = 0x3f, [15] = 0x17}}));
	NA_SET(&event, DESTINATION_PORT, 443);
	NA_SET(&event, DESTINATION_BYTES, 46311);
	NA_SET_TEXT(&event, NA_CONNECTION_ID, "0c1f0f6e-7d5b-4d0a-9f4e-2b6a2f0d9a11-5d21-1");
	NA_SET(&event, NA_SOCKET_COOKIE, 23841);
	NA_SET(&event, NA_SOCKET_INODE, 1234567);
	NA_SET_TEXT(&event, NA_SOURCE, "tp_btf/inet_sock_set_state");
	return event;
}

static struct na_event constant_fields(void)
{
	struct na_event event = {0};

	NA_SET_TEXT(&event, AGENT_ID, "c0ffee00-1234-4abc-8def-0123456789ab");
	NA_SET_TEXT(&event, AGENT_NAME, "web-1.example.org");
	NA_SET_TEXT(&event, AGENT_TYPE, "netaudit");
	NA_SET_TEXT(&event, AGENT_VERSION, NA_VERSION);
	NA_SET_TEXT(&event, ECS_VERSION, "9.4.0");
	NA_SET_TEXT(&event, HOST_HOSTNAME, "web-1.example.org");
	NA_SET_TEXT(&event, HOST_ID, "0123456789abcdef0123456789abcdef");
	NA_SET_TEXT(&event, HOST_OS_KERNEL, "6.12.57");
	NA_SET_TEXT(&event, LABELS, "{\"environment\":\"production\",\"site\":\"fra1\"}");
	return event;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void add_part(struct na_event_parts *parts, void (*set)(struct na_event *event))
{
	struct na_event_part *part = &parts->items[parts->count++];
	struct na_event event = {0};

	set(&event);
	part->number = parts->count;
	memcpy(part->fields, event.present, sizeof(part->fields));
}

static void set_fixed(struct na_event *event)
{
	na_event_init(event, NA_EVENT_CLOSED, 0);
}

static double encode_round(struct na_ecs *ecs, const struct na_event *event,
			   const struct na_event_parts *parts, struct na_buffer *out)
{
	uint64_t start = na_clock_boot_ns();

	for (int i = 0; i < EVENTS; i++) {
		na_buffer_clear(out);
		if (na_ecs_encode_parts(ecs, event, parts, out) < 0)
			exit(EXIT_FAILURE);
	}
	return (double)(na_clock_boot_ns() - start) / EVENTS;
}

static double copy_round(const struct na_buffer *from, char *to)
{
	uint64_t start = na_clock_boot_ns();

	for (int i = 0; i < EVENTS; i++) {
		memcpy(to, from->data, from->length);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
	return (double)(na_clock_boot_ns() - start) / EVENTS;
}

static void print_row(const char *name, const struct na_event *event,
		      const struct na_event *constants, const struct na_event_parts *parts)
{
	struct na_ecs *ecs = na_ecs_new(constants);
	double encode[ROUNDS], copy[ROUNDS];
	struct na_buffer out = {0};
	unsigned int fields = 0;
	char *to;

	if (!ecs || na_ecs_encode(ecs, event, &out) < 0 || !(to = malloc(out.length)))
		exit(EXIT_FAILURE);
	for (size_t i = 0; i < sizeof(event->present) / sizeof(*event->present); i++)
		fields += (unsigned int)__builtin_popcountll(
			event->present[i] | (constants ? constants->present[i] : 0));
	for (int i = 0; i < ROUNDS; i++) {
		encode[i] = encode_round(ecs, event, parts, &out);
		copy[i] = copy_round(&out, to);
	}
	qsort(encode, ROUNDS, sizeof(*encode), compare);
	qsort(copy, ROUNDS, sizeof(*copy), compare);
	printf("%-24s %2u fields %4zu bytes  %6.0f ns/event  memcpy %4.0f ns\n", name, fields,
	       out.length, encode[ROUNDS / 2], copy[ROUNDS / 2]);
	free(to);
	na_buffer_done(&out);
	na_ecs_free(ecs);
}

int main(void)
{
	struct na_event event = closed_event(), constants = constant_fields();
	struct na_event_parts parts = {0};

	add_part(&parts, set_process);
	add_part(&parts, set_fixed);
	print_row("closed", &event, NULL, NULL);
	print_row("closed, with constants", &event, &constants, NULL);
	print_row("the same, with parts", &event, &constants, &parts);
	return EXIT_SUCCESS;
}
