/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels of HEC, and whom a number of an acknowledgement belongs to.
 *
 * Numbers are unique for one channel at one indexer only: they begin anew where a collector was
 * restarted, or where a balancer sends the next request to another. So a channel has one request at
 * a time: whatever is acknowledged there is that request. When its one number is acknowledged, the
 * channel serves another one, which must get a higher number. A channel for each request would be
 * simpler, but far ends keep channels for minutes (Splunk 600 s) or for ever, and a million at
 * most. One thread.
 */
#ifndef NA_HTTP_CHANNEL_H
#define NA_HTTP_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct na_http_server;

#define NA_HTTP_CHANNEL_SIZE 37u /* a UUID with its NUL */

struct na_http_channel {
	LIST_ENTRY(na_http_channel) entry;
	char name[NA_HTTP_CHANNEL_SIZE];
	bool has_number, sent_twice;
	uint64_t number; /* the last that its requests got */
	uint64_t free_since_ns;
};

LIST_HEAD(na_http_channels, na_http_channel);

/* For one request; free() when its fate is not known. NULL: out of memory. */
struct na_http_channel *na_http_channel_take(struct na_http_server *server);

/* Its request is done with, and all numbers it got are known. NULL: none. */
void na_http_channel_put(struct na_http_server *server, struct na_http_channel *channel);

/* false: an earlier request on it may be meant. */
bool na_http_channel_note(struct na_http_channel *channel, uint64_t number);

/* None that was used is used again: the far end may be another. */
void na_http_channels_forget(struct na_http_server *server);

/* For an hour none is used twice. Whether that is new. */
bool na_http_channels_distrust(struct na_http_server *server);

#endif
