/* SPDX-License-Identifier: Apache-2.0 */
/* Channels of HEC. */
#include "http/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "http/server.h"

/* Far ends forget those that are idle; they would begin with 0 again. */
#define IDLE_NS (60 * NA_NS_PER_SEC)
#define DISTRUST_NS (3600 * NA_NS_PER_SEC)

/* A UUID of version 4. 0 or -ENOMEM. */
static int make_name(char name[NA_HTTP_CHANNEL_SIZE])
{
	NA_CLEANUP(na_buffer_done) struct na_buffer text = {0};
	uint64_t random[2];

	/* For 16 bytes it does not fail; if it did, two of us could have the same. */
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -ENOMEM;
	na_buffer_printf(&text, "%08x-%04x-4%03x-%04x-%04x%08x", (unsigned int)(random[0] >> 32),
			 (unsigned int)(random[0] >> 16 & 0xffff),
			 (unsigned int)(random[0] & 0xfff),
			 (unsigned int)(0x8000 | (random[1] >> 48 & 0x3fff)),
			 (unsigned int)(random[1] >> 32 & 0xffff), (unsigned int)random[1]);
	if (na_buffer_error(&text))
		return -ENOMEM;
	memcpy(name, text.data, NA_HTTP_CHANNEL_SIZE - 1);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

struct na_http_channel *na_http_channel_take(struct na_http_server *server)
{
	struct na_http_channel *channel = LIST_FIRST(&server->channels);

	/* The first was used last: when that is long ago, so it is with all. */
	if (channel && na_clock_boot_ns() - channel->free_since_ns > IDLE_NS) {
		na_http_channels_forget(server);
		channel = NULL;
	}
	if (channel) {
		LIST_REMOVE(channel, entry);
		return channel;
	}
	channel = calloc(1, sizeof(*channel));
	if (channel && make_name(channel->name) < 0) {
		free(channel);
		return NULL;
	}
	return channel;
}

void na_http_channel_put(struct na_http_server *server, struct na_http_channel *channel)
{
	uint64_t now_ns = na_clock_boot_ns();

	if (!channel)
		return;
	if (channel->sent_twice || now_ns < server->distrust_until_ns) {
		free(channel);
		return;
	}
	channel->free_since_ns = now_ns;
	LIST_INSERT_HEAD(&server->channels, channel, entry);
}

bool na_http_channel_note(struct na_http_channel *channel, uint64_t number)
{
	if (channel->has_number && number <= channel->number)
		return false;
	channel->has_number = true;
	channel->number = number;
	return true;
}

void na_http_channels_forget(struct na_http_server *server)
{
	struct na_http_channel *channel;

	while ((channel = LIST_FIRST(&server->channels))) {
		LIST_REMOVE(channel, entry);
		free(channel);
	}
}

bool na_http_channels_distrust(struct na_http_server *server)
{
	bool is_new = na_clock_boot_ns() >= server->distrust_until_ns;

	na_http_channels_forget(server);
	server->distrust_until_ns = na_clock_boot_ns() + DISTRUST_NS;
	return is_new;
}
