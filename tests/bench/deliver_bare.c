/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka, libcurl and send(2) alone. */
#include "deliver_bare.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "http/dialect.h"
#include "http/gzip.h"
#include "http/request.h"
#include "kafka/conf.h"

#define BATCH 1000
#define IN_FLIGHT_MAX 16
#define SYSLOG_PIECE (1u << 20) /* as output syslog */
#define TLS_PIECE 16384         /* the same */

/* ---- bodies ---- */

static struct na_buffer *add_body(struct deliver_bodies *bodies)
{
	bodies->items = reallocarray(bodies->items, bodies->count + 1, sizeof(*bodies->items));
	assert(bodies->items);
	bodies->items[bodies->count] = (struct na_buffer){0};
	return &bodies->items[bodies->count++];
}

static void end_request(struct deliver_bodies *bodies, const struct na_http_options *options,
			struct na_http_request **request)
{
	struct utsname names;

	assert(uname(&names) == 0);
	na_http_dialect_get(options)->encode(options, names.nodename, *request, add_body(bodies));
	na_http_request_free(*request);
	*request = na_http_request_new();
	assert(*request);
}

/* ------------------------------------------------------------------------------------------- */

void deliver_bodies_http(struct deliver_bodies *bodies, const struct deliver_made *made,
			 const struct na_http_options *options, size_t batch)
{
	struct na_http_request *request = na_http_request_new();

	assert(request);
	for (uint64_t i = 0; i < made->events; i++) {
		const struct deliver_record *from = &made->records[i];
		struct na_output_record record = {.id = from->id, .body = from->body};
		struct na_http_record added = {
			.id = from->id, .body = from->body, .wall_ns = from->wall_ns};

		if (request->count >= batch ||
		    (request->count &&
		     request->bytes + na_http_record_bytes(&record) > options->batch_bytes))
			end_request(bodies, options, &request);
		assert(na_http_request_add(request, &added) == 0);
	}
	end_request(bodies, options, &request);
	na_http_request_free(request);
}

void deliver_bodies_syslog(struct deliver_bodies *bodies, const struct deliver_made *made)
{
	struct na_buffer *all = add_body(bodies);

	for (uint64_t i = 0; i < made->events; i++)
		na_buffer_append(all, made->records[i].frame.data, made->records[i].frame.length);
	assert(!na_buffer_error(all));
}

void deliver_bodies_done(struct deliver_bodies *bodies)
{
	for (size_t i = 0; i < bodies->count; i++)
		na_buffer_done(&bodies->items[i]);
	free(bodies->items);
	*bodies = (struct deliver_bodies){0};
}

/* ---- librdkafka ---- */

static void count_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
	(void)client;
	assert(!message->err);
	++*(uint64_t *)opaque;
}

static rd_kafka_resp_err_t produce(rd_kafka_t *client, rd_kafka_topic_t *topic,
				   const struct deliver_record *record, const char *host)
{
	return rd_kafka_producev(
		client, RD_KAFKA_V_RKT(topic),
		RD_KAFKA_V_VALUE((void *)(uintptr_t)record->body.data, record->body.length),
		RD_KAFKA_V_KEY(host, strlen(host)), RD_KAFKA_V_HEADER("schema", "ecs", 3),
		RD_KAFKA_V_HEADER("version", NA_VERSION, sizeof(NA_VERSION) - 1),
		RD_KAFKA_V_HEADER("host", host, (ssize_t)strlen(host)),
		RD_KAFKA_V_HEADER("event.id", record->id.data, (ssize_t)record->id.length),
		RD_KAFKA_V_END);
}

/* ------------------------------------------------------------------------------------------- */

void deliver_bare_kafka(const struct deliver_made *made, const struct na_kafka_options *options)
{
	struct na_buffer why = {0};
	rd_kafka_conf_t *conf;
	rd_kafka_topic_t *topic;
	rd_kafka_t *client;
	struct utsname names;
	uint64_t done = 0;

	assert(uname(&names) == 0);
	assert(na_kafka_conf_new(options, &conf, &why) == 0);
	rd_kafka_conf_set_opaque(conf, &done);
	rd_kafka_conf_set_dr_msg_cb(conf, count_report);
	client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
	assert(client);
	topic = rd_kafka_topic_new(client, DELIVER_TOPIC, NULL);
	for (uint64_t i = 0; i < made->events; i++) {
		while (produce(client, topic, &made->records[i], names.nodename) ==
		       RD_KAFKA_RESP_ERR__QUEUE_FULL)
			rd_kafka_poll(client, 10);
		if (i % BATCH == BATCH - 1)
			rd_kafka_poll(client, 0);
	}
	while (done < made->events)
		rd_kafka_poll(client, 10);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(client);
}

/* ---- libcurl ---- */

struct sender {
	CURL *easy;
	struct na_buffer packed;
};

struct loop {
	CURLM *multi;
	struct sender senders[IN_FLIGHT_MAX];
	const struct deliver_bodies *bodies;
	size_t next, in_flight;
	struct curl_slist *headers;
	z_stream deflate;
	bool gzip;
};

static size_t ignore_reply(char *data, size_t size, size_t count, void *context)
{
	(void)data;
	(void)context;
	return size * count;
}

static void send_next(struct loop *loop, struct sender *sender)
{
	const struct na_buffer *body;

	if (loop->next == loop->bodies->count)
		return;
	body = &loop->bodies->items[loop->next++];
	if (loop->gzip) {
		na_buffer_clear(&sender->packed);
		assert(na_http_gzip(&loop->deflate, body, &sender->packed) == 0);
		body = &sender->packed;
	}
	curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->length);
	curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDS, body->data);
	assert(curl_multi_add_handle(loop->multi, sender->easy) == CURLM_OK);
	loop->in_flight++;
}

static void open_sender(struct loop *loop, struct sender *sender,
			const struct na_http_options *options, const char *url, long upload_bytes)
{
	sender->easy = curl_easy_init();
	curl_easy_setopt(sender->easy, CURLOPT_URL, url);
	curl_easy_setopt(sender->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(sender->easy, CURLOPT_HTTPHEADER, loop->headers);
	curl_easy_setopt(sender->easy, CURLOPT_WRITEFUNCTION, ignore_reply);
	curl_easy_setopt(sender->easy, CURLOPT_PRIVATE, sender);
	curl_easy_setopt(sender->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(sender->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(sender->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(sender->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	if (upload_bytes)
		curl_easy_setopt(sender->easy, CURLOPT_UPLOAD_BUFFERSIZE, upload_bytes);
	if (options->ca_file.length)
		curl_easy_setopt(sender->easy, CURLOPT_CAINFO, options->ca_file.data);
}

static void take_replies(struct loop *loop)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left))) {
		struct sender *sender;

		assert(message->data.result == CURLE_OK);
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &sender);
		curl_multi_remove_handle(loop->multi, sender->easy);
		loop->in_flight--;
		send_next(loop, sender);
	}
}

static void close_loop(struct loop *loop, size_t senders)
{
	for (size_t i = 0; i < senders; i++) {
		curl_easy_cleanup(loop->senders[i].easy);
		na_buffer_done(&loop->senders[i].packed);
	}
	curl_multi_cleanup(loop->multi);
	curl_slist_free_all(loop->headers);
	if (loop->gzip)
		deflateEnd(&loop->deflate);
}

/* ---- send ---- */

static int connect_to(const struct deliver_end *end)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	name.sin_port = htons((uint16_t)atoi(strchr(end->address, ':') + 1));
	assert(connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static SSL_CTX *make_context(const struct na_syslog_options *options)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	assert(context && SSL_CTX_load_verify_file(context, options->ca_file.data) == 1);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return context;
}

static SSL *shake_hands(SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);

	assert(ssl && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1);
	return ssl;
}

static ssize_t write_some(int fd, SSL *ssl, const char *data, size_t length)
{
	return ssl ? SSL_write(ssl, data, (int)length) : send(fd, data, length, MSG_NOSIGNAL);
}

/* ------------------------------------------------------------------------------------------- */

void deliver_bare_http(const struct deliver_bodies *bodies, const struct na_http_options *options,
		       const char *url, long upload_bytes)
{
	struct loop loop = {.bodies = bodies, .gzip = options->compression == NA_HTTP_GZIP};
	size_t senders = (size_t)options->requests;
	int running;

	assert(senders <= IN_FLIGHT_MAX);
	loop.multi = curl_multi_init();
	loop.headers = curl_slist_append(NULL, "Expect:");
	loop.headers = curl_slist_append(loop.headers, "Content-Type: application/json");
	if (loop.gzip) {
		loop.headers = curl_slist_append(loop.headers, "Content-Encoding: gzip");
		assert(na_http_gzip_init(&loop.deflate) == 0);
	}
	for (size_t i = 0; i < senders; i++) {
		open_sender(&loop, &loop.senders[i], options, url, upload_bytes);
		send_next(&loop, &loop.senders[i]);
	}
	while (loop.in_flight) {
		curl_multi_perform(loop.multi, &running);
		take_replies(&loop);
		if (loop.in_flight)
			curl_multi_poll(loop.multi, NULL, 0, 10, NULL);
	}
	close_loop(&loop, senders);
}

void deliver_bare_syslog(const struct deliver_bodies *bodies, const struct deliver_end *end,
			 const struct na_syslog_options *options, uint64_t ends)
{
	int fd = connect_to(end);
	SSL_CTX *context = options->ca_file.length ? make_context(options) : NULL;
	SSL *ssl = context ? shake_hands(context, fd) : NULL;
	const struct na_buffer *all = &bodies->items[0];
	size_t most = ssl ? TLS_PIECE : SYSLOG_PIECE;

	for (size_t sent = 0; sent < all->length;) {
		size_t left = all->length - sent;
		ssize_t count = write_some(fd, ssl, all->data + sent, left < most ? left : most);

		assert(count > 0);
		sent += (size_t)count;
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	deliver_end_await(end, ends);
}
