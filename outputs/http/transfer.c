/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange with a far end. The time-out is ours, by clock.h, for all of it; libcurl's own is
 * only for connections that do not come about.
 */
#include "http/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509_vfy.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "http/instance.h"

#define CONNECT_TIMEOUT_MS 10000L

static size_t take_reply(char *data, size_t size, size_t count, void *context)
{
	struct na_http_transfer *transfer = context;

	if (size * count > NA_HTTP_REPLY_MAX - transfer->reply.length) {
		transfer->reply_too_large = true;
		return 0;
	}
	na_buffer_append(&transfer->reply, data, size * count);
	return na_buffer_error(&transfer->reply) ? 0 : size * count;
}

/* The request goes out now, perhaps not for the first time. */
static int count_post(void *context, char *server_ip, char *own_ip, int server_port, int own_port)
{
	struct na_http_transfer *transfer = context;

	(void)server_ip;
	(void)own_ip;
	(void)server_port;
	(void)own_port;
	transfer->posts++;
	return CURL_PREREQFUNC_OK;
}

static int add_header(struct na_http_transfer *transfer, const char *name, const char *value)
{
	NA_CLEANUP(na_secret_done) struct na_buffer line = {0};
	struct curl_slist *more;

	na_buffer_printf(&line, "%s: %s%c", name, value, '\0');
	more = na_buffer_error(&line) ? NULL : curl_slist_append(transfer->headers, line.data);
	if (!more)
		return -ENOMEM;
	transfer->headers = more;
	return 0;
}

static int add_token(const struct na_output_instance *instance, struct na_http_transfer *transfer)
{
	static const char *const schemes[] = {
		[NA_HTTP_TOKEN_BEARER] = "Bearer",
		[NA_HTTP_TOKEN_APIKEY] = "ApiKey",
		[NA_HTTP_TOKEN_SPLUNK] = "Splunk",
	};
	const char *scheme = schemes[instance->options->token_scheme];
	NA_CLEANUP(na_secret_done) struct na_buffer value = {0};

	if (!instance->secrets.now.token.length)
		return 0;
	na_buffer_printf(&value, "%s %s%c", scheme ? scheme : instance->dialect->token_scheme,
			 instance->secrets.now.token.data, '\0');
	return na_buffer_error(&value) ? -ENOMEM
				       : add_header(transfer, "Authorization", value.data);
}

static int add_headers(const struct na_output_instance *instance, struct na_http_transfer *transfer)
{
	const struct na_http_options *options = instance->options;
	const struct na_http_dialect *dialect = instance->dialect;
	int error = add_token(instance, transfer);

	/* Without it libcurl asks first for what is above 1 MiB, and waits for a second. */
	transfer->headers =
		error ? transfer->headers : curl_slist_append(transfer->headers, "Expect:");
	if (error || !transfer->headers)
		return -ENOMEM;
	error = add_header(transfer, "Content-Type",
			   transfer->request ? dialect->content_type(options) : "application/json");
	if (!error && transfer->request && options->compression == NA_HTTP_GZIP)
		error = add_header(transfer, "Content-Encoding", "gzip");
	if (!error && dialect->ack_path)
		error = add_header(transfer, "X-Splunk-Request-Channel", transfer->channel);
	for (size_t i = 0; i < options->headers.count && !error; i++)
		error = add_header(transfer, options->headers.pairs[i].name.data,
				   options->headers.pairs[i].value.data);
	return error;
}

/* NULL where nothing is configured: libcurl then knows better, or nothing is set. */
static const char *text_or_null(const struct na_text *text)
{
	return text->length ? text->data : NULL;
}

/* Failures are added up: each of them means that there is no memory. */
#define SET(option, value) (failures += curl_easy_setopt(easy, (option), (value)) != CURLE_OK)

static unsigned int set_tls(CURL *easy, const struct na_http_options *options)
{
	unsigned int failures = 0;

	SET(CURLOPT_SSL_VERIFYPEER, options->verify ? 1L : 0L);
	SET(CURLOPT_SSL_VERIFYHOST, options->verify ? 2L : 0L);
	if (options->ca_file.length) {
		SET(CURLOPT_CAINFO, options->ca_file.data);
		SET(CURLOPT_CAPATH, NULL); /* else the system's are good enough, too */
	}
	if (options->cert_file.length)
		SET(CURLOPT_SSLCERT, options->cert_file.data);
	if (options->key_file.length)
		SET(CURLOPT_SSLKEY, options->key_file.data);
	return failures;
}

static unsigned int set_access(CURL *easy, const struct na_output_instance *instance)
{
	const struct na_http_options *options = instance->options;
	unsigned int failures = 0;

	/* Set though empty: the environment is not asked. */
	SET(CURLOPT_PROXY, options->proxy.data);
	SET(CURLOPT_NOPROXY, "");
	if (options->proxy_user.length) {
		SET(CURLOPT_PROXYUSERNAME, options->proxy_user.data);
		SET(CURLOPT_PROXYPASSWORD, instance->secrets.now.proxy_password.data);
	}
	if (options->user.length) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(CURLOPT_USERNAME, text_or_null(&options->user));
		SET(CURLOPT_PASSWORD, instance->secrets.now.password.data);
	}
	return failures;
}

static unsigned int set_exchange(CURL *easy, struct na_http_transfer *transfer)
{
	struct na_http_server *server = transfer->server;
	unsigned int failures = 0;

	SET(CURLOPT_URL, transfer->request ? server->send_url.data : server->ack_url.data);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.length);
	SET(CURLOPT_POSTFIELDS, transfer->body.data); /* not copied */
	SET(CURLOPT_HTTPHEADER, transfer->headers);
	SET(CURLOPT_WRITEFUNCTION, take_reply);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_PREREQFUNCTION, count_post);
	SET(CURLOPT_PREREQDATA, transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->error);
	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_SHARE, server->cookies);
	SET(CURLOPT_COOKIEFILE, "");
	return failures;
}

static unsigned int set_manners(CURL *easy)
{
	unsigned int failures = 0;

	SET(CURLOPT_UPLOAD_BUFFERSIZE, NA_HTTP_UPLOAD_BYTES);
	SET(CURLOPT_NOSIGNAL, 1L); /* the host blocks SIGPIPE with all the others */
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_USERAGENT, "netaudit/" NA_VERSION);
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* a name that is being resolved holds nobody up */
	return failures;
}

static int make_easy(struct na_output_instance *instance, struct na_http_transfer *transfer)
{
	CURL *easy = transfer->easy = curl_easy_init();

	if (!easy || add_headers(instance, transfer) < 0)
		return -ENOMEM;
	if (set_exchange(easy, transfer) || set_manners(easy) || set_tls(easy, instance->options) ||
	    set_access(easy, instance))
		return -ENOMEM;
	return 0;
}

static void take_off(struct na_output_instance *instance, struct na_http_transfer *transfer)
{
	struct na_http_server *server = transfer->server;

	curl_multi_remove_handle(instance->multi, transfer->easy);
	TAILQ_REMOVE(&instance->flying, transfer, entry);
	if (transfer->request)
		server->in_flight--;
	else
		server->is_asked = false;
}

/* Without a reply: must a person act? */
static bool needs_somebody(CURLcode code, long proxy_status)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CLIENTCERT:
		return true;
	default:
		return proxy_status >= 400 && proxy_status < 500;
	}
}

static uint64_t retry_after(CURL *easy)
{
	const uint64_t most = NA_HTTP_RETRY_AFTER_MAX_NS / NA_NS_PER_SEC;
	curl_off_t seconds = 0;

	if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0)
		return 0;
	return ((uint64_t)seconds < most ? (uint64_t)seconds : most) * NA_NS_PER_SEC;
}

/*
 * In words. libcurl keeps the first it says: where the far end is gone already, that is that our
 * word on its certificate could not be sent, and not what the word was.
 */
static const char *words_of(struct na_http_transfer *transfer, CURLcode code)
{
	char first[CURL_ERROR_SIZE];
	long verified = X509_V_OK;

	if (!transfer->error[0])
		return curl_easy_strerror(code);
	if (code != CURLE_PEER_FAILED_VERIFICATION)
		return transfer->error;
	curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &verified);
	memcpy(first, transfer->error, sizeof(first));
	snprintf(transfer->error, sizeof(transfer->error),
		 "the far end's certificate is not accepted: %.200s",
		 verified == X509_V_OK ? first : X509_verify_cert_error_string(verified));
	return transfer->error;
}

/* A status that refuses is believed even when the rest of the exchange failed: a far end may hang
 * up on a body that it does not want. */
static struct na_http_result result_of(struct na_http_transfer *transfer, CURLcode code)
{
	struct na_http_result result = {.error = transfer->error};
	long status = 0, proxy_status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	result.after_ns = retry_after(transfer->easy);
	result.held = needs_somebody(code, proxy_status);
	result.body = (struct na_text){transfer->reply.data, transfer->reply.length};
	if (code == CURLE_OK || status >= 300)
		result.status = (int)status;
	else if (transfer->reply_too_large)
		result.error = "the reply is too large";
	else
		result.error = words_of(transfer, code);
	return result;
}

static void end(struct na_output_instance *instance, struct na_http_transfer *transfer,
		const struct na_http_result *result)
{
	take_off(instance, transfer);
	if (transfer->request)
		na_http_settle(instance, transfer, result);
	else
		na_http_ack_settle(instance, transfer, result);
	na_http_transfer_put(instance, transfer);
}

static void end_overdue(struct na_output_instance *instance)
{
	struct na_http_result result = {.error = "no reply in time", .overdue = true};
	struct na_http_transfer *transfer = TAILQ_FIRST(&instance->flying), *next;
	uint64_t now_ns = na_clock_boot_ns();

	for (; transfer; transfer = next) {
		next = TAILQ_NEXT(transfer, entry);
		if (now_ns >= transfer->deadline_ns)
			end(instance, transfer, &result);
	}
}

/* ------------------------------------------------------------------------------------------- */

struct na_http_transfer *na_http_transfer_get(struct na_output_instance *instance)
{
	struct na_http_transfer *transfer = TAILQ_FIRST(&instance->idle);

	if (!transfer)
		return calloc(1, sizeof(*transfer));
	TAILQ_REMOVE(&instance->idle, transfer, entry);
	return transfer;
}

void na_http_transfer_put(struct na_output_instance *instance, struct na_http_transfer *transfer)
{
	struct na_buffer body = transfer->body, reply = transfer->reply;

	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	na_buffer_clear(&body);
	na_buffer_clear(&reply);
	*transfer = (struct na_http_transfer){.body = body, .reply = reply};
	TAILQ_INSERT_HEAD(&instance->idle, transfer, entry);
}

int na_http_transfer_start(struct na_output_instance *instance, struct na_http_server *server,
			   struct na_http_request *request, struct na_http_transfer *transfer)
{
	transfer->server = server;
	transfer->request = request;
	transfer->secrets = instance->secrets.version;
	transfer->deadline_ns = na_clock_boot_ns() + instance->options->timeout;
	if (make_easy(instance, transfer) < 0 ||
	    curl_multi_add_handle(instance->multi, transfer->easy) != CURLM_OK) {
		na_http_transfer_put(instance, transfer);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&instance->flying, transfer, entry);
	if (request)
		server->in_flight++;
	else
		server->is_asked = true;
	return 0;
}

int na_http_transfers_go_on(struct na_output_instance *instance)
{
	CURLMsg *message;
	int running, left;

	if (curl_multi_perform(instance->multi, &running) != CURLM_OK)
		return -EIO;
	while ((message = curl_multi_info_read(instance->multi, &left))) {
		struct na_http_transfer *transfer;
		struct na_http_result result;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		result = result_of(transfer, message->data.result);
		result.outdated = transfer->secrets != instance->secrets.version;
		end(instance, transfer, &result);
	}
	end_overdue(instance);
	return 0;
}

void na_http_transfers_free(struct na_output_instance *instance)
{
	struct na_http_transfer *transfer;

	while ((transfer = TAILQ_FIRST(&instance->flying))) {
		take_off(instance, transfer);
		na_http_request_free(transfer->request);
		na_http_transfer_put(instance, transfer);
	}
	while ((transfer = TAILQ_FIRST(&instance->idle))) {
		TAILQ_REMOVE(&instance->idle, transfer, entry);
		na_buffer_done(&transfer->body);
		na_buffer_done(&transfer->reply);
		free(transfer);
	}
}
