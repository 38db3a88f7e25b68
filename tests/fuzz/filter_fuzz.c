/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a filter, and what it makes of events. What is refused is explained. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "config/filter.h"

/* Fields that filters look at; `bytes` are some process's own. */
static void make_event(struct na_event *event, enum na_event_type type, struct na_text bytes)
{
	na_event_init(event, type, 0);
	NA_SET(event, PROCESS_PID, 4711);
	NA_SET(event, PROCESS_EXECUTABLE, bytes);
	NA_SET(event, PROCESS_NAME, bytes);
	NA_SET_TEXT(event, USER_ID, "1000");
	NA_SET(event, USER_NAME, bytes);
	NA_SET(event, CONTAINER_ID, bytes);
	NA_SET(event, NA_CGROUP_PATH, bytes);
	NA_SET_TEXT(event, NA_SOCKET_FAMILY, "inet6");
	NA_SET_TEXT(event, NETWORK_TRANSPORT, "tcp");
	NA_SET_TEXT(event, NETWORK_DIRECTION, "egress");
	NA_SET(event, SOURCE_IP, ((struct na_address){.bytes = {0x20, 1, 0xd, 0xb8}}));
	NA_SET(event, SOURCE_ADDRESS, bytes);
	NA_SET(event, SOURCE_PORT, 40000);
	NA_SET(event, DESTINATION_ADDRESS, bytes);
	NA_SET(event, DESTINATION_PORT, 443);
	na_event_set_error(event, -ECONNREFUSED);
}

static void match(const struct na_filter *filter, struct na_text bytes)
{
	static struct na_event event; /* large */
	size_t count;

	make_event(&event, NA_EVENT_CONNECT_FAILED, bytes);
	na_filter_match(filter, &event);
	na_event_init(&event, NA_EVENT_HEARTBEAT, 0);
	na_filter_match(filter, &event);
	if (!na_filter_terms(filter, &count) && count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	NA_FREE char *text = strndup((const char *)data, size);
	struct na_filter *filter = NULL;
	struct na_buffer why = {0};
	int error;

	if (!text)
		abort();
	error = na_filter_parse(text, &filter, &why);
	if (error == 0)
		match(filter, (struct na_text){(const char *)data, size < 256 ? size : 256});
	else if (error != -EINVAL || !why.length)
		abort();
	na_filter_free(filter);
	na_buffer_done(&why);
	return 0;
}
