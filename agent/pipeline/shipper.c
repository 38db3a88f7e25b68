/* SPDX-License-Identifier: Apache-2.0 */
/* The shipping process on its way to where it sends. */
#include "pipeline/shipper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static bool is_same(const struct na_address *a, const struct na_address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The one that it goes to, an address rather than a name; NULL: none. */
static const struct na_shipper_endpoint *find_endpoint(const struct na_shipper *shipper,
						       const struct na_event *event)
{
	const struct na_shipper_endpoint *name = NULL;

	if (!na_event_has(event, NA_FIELD_DESTINATION_IP) ||
	    !na_event_has(event, NA_FIELD_DESTINATION_PORT))
		return NULL;
	for (size_t i = 0; i < shipper->count; i++) {
		const struct na_shipper_endpoint *endpoint = &shipper->endpoints[i];

		if (event->f_DESTINATION_PORT != endpoint->port)
			continue;
		if (endpoint->is_name)
			name = endpoint;
		else if (is_same(&event->f_DESTINATION_IP, &endpoint->address))
			return endpoint;
	}
	return name;
}

/* To look a name up, a datagram socket is connected to each of its addresses first. */
static bool is_datagram(const struct na_event *event)
{
	return na_event_has(event, NA_FIELD_NETWORK_TRANSPORT) &&
	       event->f_NETWORK_TRANSPORT.length == strlen("udp") &&
	       memcmp(event->f_NETWORK_TRANSPORT.data, "udp", strlen("udp")) == 0;
}

/* What comes a number of times in each connection's life, however long it is and whatever it moves.
 */
static bool is_of_lifecycle(enum na_event_type type)
{
	return type == NA_EVENT_CONNECT_ATTEMPTED || type == NA_EVENT_ESTABLISHED ||
	       type == NA_EVENT_CONNECT_FAILED || type == NA_EVENT_SHUTDOWN ||
	       type == NA_EVENT_CLOSED;
}

/* Is it of the first socket that went to that address? */
static bool is_first(struct na_shipper *shipper, const struct na_event *event)
{
	bool datagram = is_datagram(event);
	uint64_t cookie =
		na_event_has(event, NA_FIELD_NA_SOCKET_COOKIE) ? event->f_NA_SOCKET_COOKIE : 0;

	for (size_t i = 0; i < NA_SHIPPER_PLACES; i++) {
		const struct na_shipper_place *place = &shipper->places[i];

		if (place->port && event->f_DESTINATION_PORT == place->port &&
		    place->datagram == datagram &&
		    is_same(&event->f_DESTINATION_IP, &place->address))
			return place->first == cookie;
	}
	shipper->places[shipper->next_place] = (struct na_shipper_place){
		event->f_DESTINATION_IP, (uint16_t)event->f_DESTINATION_PORT, datagram, cookie};
	shipper->next_place = (shipper->next_place + 1) % NA_SHIPPER_PLACES;
	return true;
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
		    is_same(&event->f_SOURCE_IP, &source->address))
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
	endpoint.is_name = !parse_address(host, &endpoint.address);
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
	const struct na_shipper_endpoint *endpoint;
	struct na_shipper_source *source;

	if (!shipper->helper_pid)
		return false;
	if (is_shipping(shipper, event) && event->type == NA_EVENT_SOCKET_CREATED)
		return !na_event_has(event, NA_FIELD_ERROR_CODE);
	endpoint = event->type == NA_EVENT_DENIED ? NULL : find_endpoint(shipper, event);
	if (!endpoint)
		return false;
	source = find_source(shipper, event);
	if (is_shipping(shipper, event)) {
		if (endpoint->is_name && is_of_lifecycle(event->type) && is_first(shipper, event))
			return false;
		if (!source)
			remember(shipper, event);
		return true;
	}
	/* Somebody else connects from there now. */
	if (source && event->type == NA_EVENT_ESTABLISHED)
		source->port = 0;
	return source && source->port;
}
