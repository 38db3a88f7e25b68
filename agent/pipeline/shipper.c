/* SPDX-License-Identifier: Apache-2.0 */
/* The shipping process on its way to where it sends. */
#include "pipeline/shipper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

/* An address, perhaps in brackets. False: a name. */
static bool parse_address(struct na_text host, struct na_address *ret_address)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char text[INET6_ADDRSTRLEN];
	struct na_address address;

	if (host.length > 2 && host.data[0] == '[' && host.data[host.length - 1] == ']')
		host = (struct na_text){host.data + 1, host.length - 2};
	if (host.length >= sizeof(text))
		return false;
	memcpy(text, host.data, host.length);
	text[host.length] = '\0';
	if (inet_pton(AF_INET6, text, address.bytes) != 1) {
		memcpy(address.bytes, mapped, sizeof(mapped));
		if (inet_pton(AF_INET, text, address.bytes + sizeof(mapped)) != 1)
			return false;
	}
	*ret_address = address;
	return true;
}

static bool goes_there(const struct na_shipper_endpoint *endpoint, const struct na_event *event)
{
	return event->f_DESTINATION_PORT == endpoint->port &&
	       (endpoint->any_address ||
		memcmp(event->f_DESTINATION_IP.bytes, endpoint->address.bytes,
		       sizeof(endpoint->address.bytes)) == 0);
}

static bool goes_to_endpoint(const struct na_shipper *shipper, const struct na_event *event)
{
	if (!na_event_has(event, NA_FIELD_DESTINATION_IP) ||
	    !na_event_has(event, NA_FIELD_DESTINATION_PORT))
		return false;
	for (size_t i = 0; i < shipper->count; i++)
		if (goes_there(&shipper->endpoints[i], event))
			return true;
	return false;
}

static bool is_shipping(const struct na_shipper *shipper, const struct na_event *event)
{
	return na_event_has(event, NA_FIELD_PROCESS_PARENT_PID) &&
	       event->f_PROCESS_PARENT_PID == shipper->helper_pid;
}

static struct na_shipper_source *find_source(struct na_shipper *shipper,
					     const struct na_event *event)
{
	if (!na_event_has(event, NA_FIELD_SOURCE_IP) || !na_event_has(event, NA_FIELD_SOURCE_PORT))
		return NULL;
	for (size_t i = 0; i < NA_SHIPPER_RECENT; i++) {
		struct na_shipper_source *source = &shipper->recent[i];

		if (source->port && event->f_SOURCE_PORT == source->port &&
		    memcmp(event->f_SOURCE_IP.bytes, source->address.bytes,
			   sizeof(source->address.bytes)) == 0)
			return source;
	}
	return NULL;
}

static void remember(struct na_shipper *shipper, const struct na_event *event)
{
	if (!na_event_has(event, NA_FIELD_SOURCE_IP) || !na_event_has(event, NA_FIELD_SOURCE_PORT))
		return;
	shipper->recent[shipper->next] =
		(struct na_shipper_source){event->f_SOURCE_IP, (uint16_t)event->f_SOURCE_PORT};
	shipper->next = (shipper->next + 1) % NA_SHIPPER_RECENT;
}

/* ------------------------------------------------------------------------------------------- */

int na_shipper_add(struct na_shipper *shipper, struct na_text host, uint16_t port)
{
	struct na_shipper_endpoint *endpoints =
		realloc(shipper->endpoints, (shipper->count + 1) * sizeof(*shipper->endpoints));
	struct na_shipper_endpoint endpoint = {.port = port};

	if (!endpoints)
		return -ENOMEM;
	endpoint.any_address = !parse_address(host, &endpoint.address);
	shipper->endpoints = endpoints;
	shipper->endpoints[shipper->count++] = endpoint;
	return 0;
}

void na_shipper_clear(struct na_shipper *shipper)
{
	free(shipper->endpoints);
	shipper->endpoints = NULL;
	shipper->count = 0;
}

bool na_shipper_owns(struct na_shipper *shipper, const struct na_event *event)
{
	struct na_shipper_source *source;

	if (!shipper->helper_pid)
		return false;
	if (is_shipping(shipper, event) && event->type == NA_EVENT_SOCKET_CREATED)
		return !na_event_has(event, NA_FIELD_ERROR_CODE);
	if (event->type == NA_EVENT_DENIED || !goes_to_endpoint(shipper, event))
		return false;
	source = find_source(shipper, event);
	if (is_shipping(shipper, event)) {
		if (!source)
			remember(shipper, event);
		return true;
	}
	/* Somebody else connects from there now. */
	if (source && event->type == NA_EVENT_ESTABLISHED)
		source->port = 0;
	return source && source->port;
}
