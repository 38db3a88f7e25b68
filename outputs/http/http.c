/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests with records.
 *
 * All that is offered is taken; the host bounds how much that is. What fails is sent again by this
 * instance, which knows best what may have arrived, for as long as it lives: so nothing is ever
 * `failed`, and what a far end is asked to wait for is waited for.
 */
#include "http/http.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "http/instance.h"
#include "http/options.h"

#define STEP_NS (10 * NA_NS_PER_MS) /* timers are looked at this often */
#define STEP_MS ((int)(STEP_NS / NA_NS_PER_MS))
#define PUT_NS (100 * NA_NS_PER_MS) /* put waits no longer */

static void init_libcurl(void)
{
	/* What it cannot have it asks for again with each handle. */
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int no_memory(struct na_buffer *why)
{
	na_buffer_append_string(why, "out of memory");
	return -ENOMEM;
}

static int open_servers(struct na_output_instance *instance, struct na_buffer *why)
{
	const struct na_texts *urls = &instance->options->url;
	int error = 0;

	instance->servers = calloc(urls->count, sizeof(*instance->servers));
	if (!instance->servers)
		return -ENOMEM;
	for (; instance->server_count < urls->count && !error; instance->server_count++)
		error = na_http_server_init(instance, &instance->servers[instance->server_count],
					    urls->items[instance->server_count], why);
	return error;
}

static int open_all(struct na_output_instance *instance, struct na_buffer *why)
{
	bool changed;
	int error = na_http_secrets_read(instance->options, &instance->secrets, &changed, why);

	/* The host says RETRYING of what cannot be opened. This a person must put right. */
	if (error && error != -ENOMEM) {
		na_buffer_append_char(why, '\0');
		instance->host->state(instance->host, NA_OUTPUT_HELD,
				      na_buffer_error(why) ? "a secret cannot be read" : why->data);
		if (!na_buffer_error(why))
			why->length--;
	}
	if (!error)
		error = open_servers(instance, why);
	if (!error && instance->options->compression == NA_HTTP_GZIP)
		error = na_http_gzip_init(&instance->deflate);
	if (error)
		return error;
	instance->deflates = instance->options->compression == NA_HTTP_GZIP;
	instance->multi = curl_multi_init();
	return instance->multi ? 0 : -ENOMEM;
}

static void free_requests(struct na_http_requests *requests)
{
	struct na_http_request *request;

	while ((request = TAILQ_FIRST(requests))) {
		TAILQ_REMOVE(requests, request, entry);
		na_http_request_free(request);
	}
}

/* For HEC, as host.name of the events; a name that would have to be quoted is left to the far end.
 */
static void note_host_name(struct na_output_instance *instance)
{
	struct na_buffer *name = &instance->host_name;
	struct utsname names;

	if (uname(&names) < 0)
		return;
	for (const char *at = names.nodename; *at; at++)
		if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\')
			return;
	na_buffer_printf(name, "%s%c", names.nodename, '\0');
	if (na_buffer_error(name))
		na_buffer_clear(name);
}

/* A request with room for the record. NULL: out of memory. */
static struct na_http_request *make_room(struct na_output_instance *instance,
					 const struct na_output_record *record)
{
	struct na_http_request *filling = instance->filling;

	if (filling && (filling->count >= instance->count_max ||
			filling->bytes + na_http_record_bytes(record) > instance->bytes_max)) {
		TAILQ_INSERT_TAIL(&instance->ready, filling, entry);
		instance->filling = NULL;
	}
	if (!instance->filling) {
		instance->filling = na_http_request_new();
		if (instance->filling)
			instance->filling->begun_ns = na_clock_boot_ns();
	}
	return instance->filling;
}

static int take(struct na_output_instance *instance, const struct na_output_record *record)
{
	struct na_http_record taken = {
		.number = record->number,
		.id = record->id,
		.body = record->body,
		.wall_ns = record->wall_ns,
		.maybe_sent = record->resent,
	};
	struct na_http_request *request = make_room(instance, record);
	int error = request ? na_http_request_add(request, &taken) : -ENOMEM;

	if (request && !request->count) {
		instance->filling = NULL;
		na_http_request_free(request);
	}
	return error;
}

static bool is_idle(const struct na_output_instance *instance)
{
	return !instance->filling && TAILQ_EMPTY(&instance->ready) &&
	       TAILQ_EMPTY(&instance->flying) && TAILQ_EMPTY(&instance->awaiting);
}

/* With nothing on its way, is everybody waited for longer than that? */
static bool is_hopeless(const struct na_output_instance *instance, uint64_t deadline_ns)
{
	if (!TAILQ_EMPTY(&instance->flying))
		return false;
	for (size_t i = 0; i < instance->server_count; i++)
		if (instance->servers[i].wait_until_ns < deadline_ns)
			return false;
	return true;
}

static enum na_output_verdict go_on(struct na_output_instance *instance)
{
	na_http_ack_go_on(instance);
	na_http_send(instance);
	if (na_http_transfers_go_on(instance) < 0)
		return NA_OUTPUT_BROKEN;
	/* What came back made room. */
	na_http_send(instance);
	return NA_OUTPUT_TAKEN;
}

/*
 * What is ready goes out first, if it can: put behind it, it would leave the cache, and this thread
 * would hold a pile of it while the next batch, for which there is no room then, is not made.
 */
static void send_ready(struct na_output_instance *instance)
{
	uint64_t deadline_ns = na_clock_boot_ns() + PUT_NS;
	const struct na_http_request *first;

	while ((first = TAILQ_FIRST(&instance->ready)) && !first->refused &&
	       !TAILQ_EMPTY(&instance->flying) && na_clock_boot_ns() < deadline_ns)
		/* Of what breaks, work tells. */
		if (curl_multi_poll(instance->multi, NULL, 0, STEP_MS, NULL) != CURLM_OK ||
		    go_on(instance) != NA_OUTPUT_TAKEN)
			return;
}

/* ------------------------------------------------------------------------------------------- */

static na_output_open http_open;
static na_output_put http_put;
static na_output_work http_work;
static na_output_drain http_drain;
static na_output_close http_close;

static const char *http_doubt(const void *values)
{
	const struct na_http_options *options = values;

	return options->dialect == NA_HTTP_SPLUNK && options->ack == NA_HTTP_ACK_OFF
		       ? "the collector took it; with ack: off nobody asks whether it is indexed"
		       : NULL;
}

static int http_open(const void *values, struct na_output_host *host,
		     struct na_output_instance **ret_instance, struct na_buffer *why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct na_http_options *options = values;
	const char *ack = getenv("NETAUDIT_TEST_ACK");
	struct na_output_instance *instance = calloc(1, sizeof(*instance));
	int error;

	pthread_once(&once, init_libcurl);
	if (!instance)
		return no_memory(why);
	instance->options = options;
	instance->host = host;
	instance->dialect = na_http_dialect_get(options);
	note_host_name(instance);
	instance->bytes_max = options->batch_bytes;
	TAILQ_INIT(&instance->flying);
	TAILQ_INIT(&instance->idle);
	TAILQ_INIT(&instance->ready);
	TAILQ_INIT(&instance->awaiting);
	instance->believes_taken = ack && strcmp(ack, "taken") == 0;
	error = open_all(instance, why);
	if (error) {
		http_close(instance);
		return error == -ENOMEM ? no_memory(why) : error;
	}
	host->state(host, NA_OUTPUT_WORKING, NULL);
	*ret_instance = instance;
	return 0;
}

static enum na_output_verdict http_put(struct na_output_instance *instance,
				       const struct na_output_record *records, size_t count,
				       size_t *ret_taken, struct na_buffer *why)
{
	size_t taken = 0;

	if (instance->dialect->wants_json &&
	    (!records[0].body.length || records[0].body.data[0] != '{')) {
		na_buffer_append_string(why, "this dialect takes JSON: format ecs or flat");
		instance->host->state(instance->host, NA_OUTPUT_HELD,
				      "this dialect takes JSON: format ecs or flat is needed");
		return NA_OUTPUT_LATER;
	}
	if (count > instance->count_max)
		instance->count_max = count;
	while (taken < count && take(instance, &records[taken]) == 0)
		taken++;
	na_http_send(instance);
	send_ready(instance);
	if (taken) {
		*ret_taken = taken;
		return NA_OUTPUT_TAKEN;
	}
	(void)no_memory(why);
	return NA_OUTPUT_LATER;
}

static enum na_output_verdict http_work(struct na_output_instance *instance, uint64_t timeout_ns)
{
	uint64_t deadline_ns = na_clock_boot_ns() + timeout_ns, now_ns;
	enum na_output_verdict verdict;

	instance->progress = false;
	while ((verdict = go_on(instance)) == NA_OUTPUT_TAKEN && !instance->progress &&
	       (now_ns = na_clock_boot_ns()) < deadline_ns) {
		uint64_t left_ns = deadline_ns - now_ns;
		int wait_ms = (int)((left_ns < STEP_NS ? left_ns : STEP_NS) / NA_NS_PER_MS);

		/* At least one: a rest below it would be spun away. */
		if (curl_multi_poll(instance->multi, NULL, 0, wait_ms ? wait_ms : 1, NULL) !=
		    CURLM_OK)
			return NA_OUTPUT_BROKEN;
	}
	return verdict;
}

static void http_drain(struct na_output_instance *instance, uint64_t deadline_ns)
{
	instance->drains = true;
	while (!is_idle(instance) && na_clock_boot_ns() < deadline_ns &&
	       !is_hopeless(instance, deadline_ns))
		if (http_work(instance, STEP_NS) != NA_OUTPUT_TAKEN)
			break;
	instance->drains = false;
}

static void http_close(struct na_output_instance *instance)
{
	na_http_transfers_free(instance);
	free_requests(&instance->ready);
	free_requests(&instance->awaiting);
	na_http_request_free(instance->filling);
	curl_multi_cleanup(instance->multi);
	for (size_t i = 0; i < instance->server_count; i++)
		na_http_server_done(&instance->servers[i]);
	free(instance->servers);
	na_http_secrets_done(&instance->secrets);
	if (instance->deflates)
		deflateEnd(&instance->deflate);
	na_buffer_done(&instance->raw);
	na_buffer_done(&instance->why);
	na_buffer_done(&instance->host_name);
	free(instance);
}

const struct na_output na_output_http = {
	.name = "http",
	.promise = "Delivered when the far end said so: for each document (`elastic`), when it is "
		   "indexed or, without acknowledgements, taken (`splunk`), or by a 2xx "
		   "(`webhook`).",
	.options = na_http_option_rows,
	.option_count = NA_HTTP_OPTION_COUNT,
	.options_size = sizeof(struct na_http_options),
	.check = na_http_check,
	.paths = na_http_paths,
	.endpoints = na_http_endpoints,
	.fields = na_http_fields,
	.doubt = http_doubt,
	.open = http_open,
	.put = http_put,
	.work = http_work,
	.drain = http_drain,
	.close = http_close,
};
