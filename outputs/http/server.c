/* SPDX-License-Identifier: Apache-2.0 */
/* One url. What several of them have to say is told as the worst of it. */
#include "http/server.h"

#include <errno.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "http/instance.h"

#define RETRY_MIN_NS NA_NS_PER_SEC /* where the host says nothing */
#define RETRY_MAX_NS (60 * NA_NS_PER_SEC)
#define HOLD_NS (60 * NA_NS_PER_SEC)
#define QUIET_NS (5 * NA_NS_PER_SEC) /* a longer wait is told in any case */

static uint64_t random_number(void)
{
	uint64_t number = 0;

	/* For 8 bytes it does not fail; if it did, only the jitter would suffer. */
	return getrandom(&number, sizeof(number), 0) == sizeof(number) ? number : 0;
}

/* `url` may have the path of the collector already, as people copy it. */
static void make_url(const struct na_http_url *url, const char *path, const char *index,
		     struct na_buffer *out)
{
	static const char *const known[] = {"/services/collector/event", "/services/collector"};
	size_t length = strlen(url->whole);

	for (size_t i = 0; path && i < sizeof(known) / sizeof(*known); i++) {
		size_t end = strlen(known[i]);

		if (length >= end && memcmp(url->whole + length - end, known[i], end) == 0)
			length -= end;
	}
	na_buffer_append(out, url->whole, length);
	if (path)
		na_buffer_printf(out, path, index);
	na_buffer_append_char(out, '\0');
}

/* A wait of its own: between half and all of retry_min, twice that, up to retry_max. */
static uint64_t next_wait(const struct na_output_host *host, struct na_http_server *server)
{
	uint64_t min_ns = host->retry_min_ns ? host->retry_min_ns : RETRY_MIN_NS;
	uint64_t max_ns = host->retry_max_ns ? host->retry_max_ns : RETRY_MAX_NS;
	uint64_t wait_ns = server->next_wait_ns ? server->next_wait_ns : min_ns;

	server->next_wait_ns = wait_ns < max_ns / 2 ? wait_ns * 2 : max_ns;
	return wait_ns - random_number() % (wait_ns / 2 + 1);
}

/* The worst of all is told, by whom it concerns. */
static void tell(struct na_output_instance *instance)
{
	const struct na_http_server *worst = &instance->servers[0];

	for (size_t i = 1; i < instance->server_count; i++)
		if (instance->servers[i].state > worst->state)
			worst = &instance->servers[i];
	instance->host->state(instance->host, worst->state,
			      worst->state == NA_OUTPUT_WORKING ? NULL
			      : worst->why.length               ? worst->why.data
								: "out of memory");
}

static void set_state(struct na_output_instance *instance, struct na_http_server *server,
		      enum na_output_state state, const char *why)
{
	server->state = state;
	na_buffer_clear(&server->why);
	if (why)
		na_buffer_append(&server->why, why, strlen(why) + 1);
	tell(instance);
}

static void go_slower(struct na_http_server *server, unsigned int limit)
{
	server->limit = limit ? limit : 1;
	server->good = 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_http_server_init(struct na_output_instance *instance, struct na_http_server *server,
			struct na_text url, struct na_buffer *why)
{
	const struct na_http_dialect *dialect = instance->dialect;
	const char *index = instance->options->index.data;
	int error = na_http_url_parse(url, &server->url, why);

	if (error)
		return error;
	server->limit = 1;
	server->cookies = curl_share_init();
	if (!server->cookies)
		return -ENOMEM;
	if (curl_share_setopt(server->cookies, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE) !=
	    CURLSHE_OK)
		return -ENOMEM;
	make_url(&server->url, dialect->send_path, index, &server->send_url);
	if (dialect->ack_path)
		make_url(&server->url, dialect->ack_path, index, &server->ack_url);
	return na_buffer_error(&server->send_url) || na_buffer_error(&server->ack_url) ? -ENOMEM
										       : 0;
}

void na_http_server_done(struct na_http_server *server)
{
	na_http_url_done(&server->url);
	na_buffer_done(&server->send_url);
	na_buffer_done(&server->ack_url);
	na_buffer_done(&server->why);
	na_http_channels_forget(server);
	curl_share_cleanup(server->cookies);
	server->cookies = NULL;
}

struct na_http_server *na_http_server_pick(struct na_output_instance *instance)
{
	uint64_t now_ns = na_clock_boot_ns();

	for (size_t i = 0; i < instance->server_count; i++) {
		size_t at = (instance->next_server + i) % instance->server_count;
		struct na_http_server *server = &instance->servers[at];

		if (server->wait_until_ns > now_ns || server->in_flight >= server->limit ||
		    !na_http_ack_permits(instance, server))
			continue;
		instance->next_server = at + 1;
		return server;
	}
	return NULL;
}

void na_http_server_works(struct na_output_instance *instance, struct na_http_server *server)
{
	server->next_wait_ns = 0;
	if (++server->good >= server->limit && server->limit < instance->options->requests) {
		server->limit++;
		server->good = 0;
	}
	if (server->state != NA_OUTPUT_WORKING)
		set_state(instance, server, NA_OUTPUT_WORKING, NULL);
}

void na_http_server_failed(struct na_output_instance *instance, struct na_http_server *server,
			   uint64_t after_ns, bool busy, const char *why)
{
	uint64_t now_ns = na_clock_boot_ns(), wait_ns = after_ns;
	bool first = !server->next_wait_ns;

	/* Several that were on their way fail together: that counts as one. */
	if (server->wait_until_ns <= now_ns) {
		uint64_t own_ns = next_wait(instance->host, server);

		wait_ns = own_ns > after_ns ? own_ns : after_ns;
		go_slower(server, server->limit / 2);
	}
	if (now_ns + wait_ns > server->wait_until_ns)
		server->wait_until_ns = now_ns + wait_ns;
	if (!busy || !first || wait_ns > QUIET_NS)
		set_state(instance, server, NA_OUTPUT_RETRYING, why);
}

void na_http_server_held(struct na_output_instance *instance, struct na_http_server *server,
			 const char *why)
{
	go_slower(server, 1);
	server->wait_until_ns = na_clock_boot_ns() + HOLD_NS;
	set_state(instance, server, NA_OUTPUT_HELD, why);
}
