/* SPDX-License-Identifier: Apache-2.0 */
/* A far end that plays a script: connections, HTTP, and what it takes. */
#include "http_far_end.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>
#include <zlib.h>

#define HEAD_MAX 65536u
#define BODY_MAX (32u << 20)

struct connection {
	struct far_end *far;
	size_t slot;
	int fd;
	SSL *ssl;
	struct na_buffer in; /* behind the last request */
	struct na_buffer head, body;
};

struct event {
	uint64_t number;
	char id[64];
};

static ssize_t receive(struct connection *connection, void *data, size_t size)
{
	if (connection->ssl)
		return SSL_read(connection->ssl, data, (int)size);
	return recv(connection->fd, data, size, 0);
}

static void send_all(struct connection *connection, const char *data, size_t length)
{
	while (length) {
		ssize_t count = connection->ssl ? SSL_write(connection->ssl, data, (int)length)
						: send(connection->fd, data, length, MSG_NOSIGNAL);

		if (count <= 0)
			return;
		data += count;
		length -= (size_t)count;
	}
}

static bool fill(struct connection *connection)
{
	char data[65536];
	ssize_t count = receive(connection, data, sizeof(data));

	if (count <= 0)
		return false;
	na_buffer_append(&connection->in, data, (size_t)count);
	return true;
}

static void eat(struct na_buffer *buffer, size_t count)
{
	memmove(buffer->data, buffer->data + count, buffer->length - count);
	buffer->length -= count;
}

/* false: the connection is over. */
static bool read_head(struct connection *connection)
{
	char *end = NULL;

	while (!connection->in.length ||
	       !(end = memmem(connection->in.data, connection->in.length, "\r\n\r\n", 4)))
		if (connection->in.length > HEAD_MAX || !fill(connection))
			return false;
	na_buffer_clear(&connection->head);
	na_buffer_append(&connection->head, connection->in.data,
			 (size_t)(end - connection->in.data) + 2);
	na_buffer_append_char(&connection->head, '\0');
	eat(&connection->in, (size_t)(end - connection->in.data) + 4);
	return true;
}

/* The value of a header field, up to the line's end. */
static const char *header(const struct connection *connection, const char *name)
{
	const char *line = strcasestr(connection->head.data, name);

	return line ? line + strlen(name) : NULL;
}

static bool read_body(struct connection *connection)
{
	const char *length = header(connection, "\r\nContent-Length: ");
	size_t wanted = length ? strtoul(length, NULL, 10) : 0;

	assert(wanted <= BODY_MAX);
	while (connection->in.length < wanted)
		if (!fill(connection))
			return false;
	na_buffer_clear(&connection->body);
	na_buffer_append(&connection->body, connection->in.data, wanted);
	eat(&connection->in, wanted);
	return true;
}

static void unpack(struct connection *connection)
{
	struct na_buffer text = {0};
	z_stream stream = {0};
	int result = Z_OK;

	if (!header(connection, "\r\nContent-Encoding: gzip"))
		return;
	assert(inflateInit2(&stream, 15 + 16) == Z_OK);
	stream.next_in = (Bytef *)connection->body.data;
	stream.avail_in = (uInt)connection->body.length;
	while (result == Z_OK) {
		assert(na_buffer_reserve(&text, 65536) == 0);
		stream.next_out = (Bytef *)text.data + text.length;
		stream.avail_out = 65536;
		result = inflate(&stream, Z_NO_FLUSH);
		text.length += 65536 - stream.avail_out;
	}
	assert(result == Z_STREAM_END);
	inflateEnd(&stream);
	na_buffer_done(&connection->body);
	connection->body = text;
}

static void reset(struct connection *connection)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void answer(struct connection *connection, int status, const char *headers, const char *body,
		   size_t length)
{
	struct na_buffer out = {0};

	na_buffer_printf(&out, "HTTP/1.1 %d Words\r\n%sContent-Length: %zu\r\n\r\n", status,
			 headers ? headers : "", length);
	na_buffer_append(&out, body, length);
	send_all(connection, out.data, out.length);
	na_buffer_done(&out);
}

/* The events of a body, in order. How many. */
static size_t parse_events(struct connection *connection, enum far_dialect dialect,
			   struct event *events)
{
	const char *at = connection->body.data, *end = at + connection->body.length;
	size_t count = 0;

	while (at < end) {
		json_error_t error;
		json_t *json = json_loadb(at, (size_t)(end - at), JSON_DISABLE_EOF_CHECK, &error);
		json_t *create = json_object_get(json, "create"), *event;
		const char *id = json_string_value(json_object_get(create, "_id"));

		assert(json);
		at += error.position;
		if (create) {
			snprintf(events[count].id, sizeof(events[0].id), "%s", id ? id : "");
		} else {
			event = dialect == FAR_SPLUNK ? json_object_get(json, "event") : json;
			assert(json_is_integer(json_object_get(event, "n")));
			events[count++].number =
				(uint64_t)json_integer_value(json_object_get(event, "n"));
			assert(count < FAR_NUMBERS_MAX);
		}
		json_decref(json);
		while (at < end && (*at == '\n' || *at == ' '))
			at++;
	}
	return count;
}

static size_t parse_array(struct connection *connection, struct event *events)
{
	json_t *array = json_loadb(connection->body.data, connection->body.length, 0, NULL);
	size_t count = json_array_size(array);

	assert(json_is_array(array));
	for (size_t i = 0; i < count; i++)
		events[i].number = (uint64_t)json_integer_value(
			json_object_get(json_array_get(array, i), "n"));
	json_decref(array);
	return count;
}

/* Under the mutex. 0: nothing is wrong with it. */
static int refusal(struct far_end *far, uint64_t number)
{
	int status = far->item_status[number];

	if (status && far->item_times[number] && --far->item_times[number] == 0)
		far->item_status[number] = 0;
	return status;
}

/* Under the mutex. The item of an answer. */
static int take_document(struct far_end *far, const struct event *event)
{
	int status = refusal(far, event->number);

	if (status)
		return status;
	if (event->id[0] && (far->taken[event->number] || far->foreign[event->number]))
		return 409;
	far->taken[event->number]++;
	return 201;
}

static void elastic(struct connection *connection, const struct event *events, size_t count,
		    struct na_buffer *out)
{
	na_buffer_append_string(out, "{\"errors\":true,\"items\":[");
	for (size_t i = 0; i < count; i++) {
		int status = take_document(connection->far, &events[i]);

		na_buffer_printf(out, "%s{\"create\":{\"status\":%d", i ? "," : "", status);
		if (status > 299)
			na_buffer_printf(out,
					 ",\"error\":{\"type\":\"some_exception\",\"reason\":"
					 "\"field [x] of %llu\"}",
					 (unsigned long long)events[i].number);
		na_buffer_append_string(out, "}}");
	}
	na_buffer_append_string(out, "]}");
}

/* Under the mutex. */
static struct far_channel *channel_of(const struct connection *connection)
{
	struct far_end *far = connection->far;
	const char *name = header(connection, "\r\nX-Splunk-Request-Channel: ");
	struct far_channel *channel;

	assert(name);
	for (size_t i = 0; i < far->channel_count; i++)
		if (strncmp(far->channels[i].name, name, 36) == 0)
			return &far->channels[i];
	assert(far->channel_count < FAR_CHANNELS_MAX);
	channel = &far->channels[far->channel_count++];
	*channel = (struct far_channel){0};
	snprintf(channel->name, sizeof(channel->name), "%.36s", name);
	return channel;
}

/* All or nothing. The status. */
static int whole(struct connection *connection, const struct event *events, size_t count,
		 bool forgets, struct na_buffer *out)
{
	struct far_end *far = connection->far;

	for (size_t i = 0; i < count; i++) {
		int status = refusal(far, events[i].number);

		if (!status)
			continue;
		na_buffer_append_string(out, "{\"text\":\"Invalid data format\",\"code\":6");
		if (far->names_culprit)
			na_buffer_printf(out, ",\"invalid-event-number\":%zu", i);
		na_buffer_append_char(out, '}');
		return status;
	}
	for (size_t i = 0; i < count && !forgets; i++)
		far->taken[events[i].number]++;
	if (far->dialect == FAR_SPLUNK && far->acks != FAR_ACKS_NONE)
		na_buffer_printf(out, "{\"text\":\"Success\",\"code\":0,\"ackId\":%llu}",
				 (unsigned long long)channel_of(connection)->next_ack++);
	else if (far->dialect == FAR_SPLUNK)
		na_buffer_append_string(out, "{\"text\":\"Success\",\"code\":0}");
	return 200;
}

/* Under the mutex: takes it. The status. */
static int take(struct connection *connection, enum far_act act, struct na_buffer *out)
{
	struct far_end *far = connection->far;
	struct event *events = calloc(FAR_NUMBERS_MAX, sizeof(*events));
	size_t count = strstr(connection->head.data, "Content-Type: application/json") &&
				       far->dialect == FAR_WEBHOOK
			       ? parse_array(connection, events)
			       : parse_events(connection, far->dialect, events);
	int change = act == FAR_ONE_LESS ? -1 : act == FAR_ONE_MORE ? 1 : 0;
	int status = 200;

	if (count > far->largest)
		far->largest = count;
	if (far->dialect == FAR_ELASTIC)
		elastic(connection, events, count, out);
	else
		status = whole(connection, events, count, act == FAR_FORGET, out);
	if (change && far->dialect == FAR_ELASTIC) {
		/* An item less or more in what is said, not in what is done. */
		na_buffer_clear(out);
		na_buffer_append_string(out, "{\"errors\":false,\"items\":[");
		for (size_t i = 0; i < (size_t)((long)count + change); i++)
			na_buffer_printf(out, "%s{\"create\":{\"status\":201}}", i ? "," : "");
		na_buffer_append_string(out, "]}");
	}
	free(events);
	return status;
}

static void await_end(struct connection *connection)
{
	char data[4096];

	while (receive(connection, data, sizeof(data)) > 0)
		;
}

static void endless(struct connection *connection)
{
	static const char text[65536];
	struct na_buffer head = {0};

	na_buffer_append_string(&head, "HTTP/1.1 200 Words\r\n\r\n");
	send_all(connection, head.data, head.length);
	na_buffer_done(&head);
	for (int i = 0; i < 1000; i++)
		send_all(connection, text, sizeof(text));
}

static void await_release(struct far_end *far, const bool *flag)
{
	pthread_mutex_lock(&far->mutex);
	while (*flag && !far->stop)
		pthread_cond_wait(&far->changed, &far->mutex);
	pthread_mutex_unlock(&far->mutex);
}

/* false: the connection is over. */
static bool play(struct connection *connection, const struct far_step *step)
{
	struct far_end *far = connection->far;
	struct na_buffer out = {0};
	bool takes = step->act != FAR_STATUS && step->act != FAR_HANG;
	int status = 0;

	if (takes)
		FAR_LOCKED(far, status = take(connection, step->act, &out);
			   if (step->act == FAR_FORGET) far->channel_count = 0);
	await_release(far, &far->late);
	switch (step->act) {
	case FAR_STATUS:
		answer(connection, step->status, step->headers, step->body ? step->body : "",
		       step->body ? strlen(step->body) : 0);
		break;
	case FAR_LOSE:
		reset(connection);
		break;
	case FAR_HALF_CLOSE:
		shutdown(connection->fd, SHUT_WR);
		await_end(connection);
		break;
	case FAR_HANG:
	case FAR_TAKE_AND_HANG:
		await_end(connection);
		break;
	case FAR_GARBAGE:
		answer(connection, 200, NULL, "<html>", 6);
		break;
	case FAR_BODY:
		answer(connection, 200, NULL, step->body, strlen(step->body));
		break;
	case FAR_CUT:
		send_all(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", 41);
		break;
	case FAR_ENDLESS:
		endless(connection);
		break;
	default:
		answer(connection, status,
		       far->wants_cookie ? "Set-Cookie: way=1; Path=/\r\n" : NULL, out.data,
		       out.length);
		break;
	}
	na_buffer_done(&out);
	return step->act == FAR_ANSWER || step->act == FAR_STATUS || step->act == FAR_GARBAGE ||
	       step->act == FAR_ONE_LESS || step->act == FAR_ONE_MORE || step->act == FAR_BODY ||
	       step->act == FAR_FORGET;
}

/* Under the mutex. false: the answer is lost. */
static bool tell_acks(struct connection *connection, struct na_buffer *out)
{
	struct far_end *far = connection->far;
	json_t *json = json_loadb(connection->body.data, connection->body.length, 0, NULL);
	json_t *acks = json_object_get(json, "acks"), *id;
	struct far_channel *channel = channel_of(connection);
	bool lost = far->acks == FAR_ACKS_LOST;
	size_t i;

	assert(json_is_array(acks));
	na_buffer_append_string(out, "{\"acks\":{");
	json_array_foreach(acks, i, id)
	{
		size_t number = (size_t)json_integer_value(id);
		bool is_true = far->acks != FAR_ACKS_FALSE && number < channel->next_ack &&
			       !channel->acked[number];

		channel->acked[number] |= is_true;
		na_buffer_printf(out, "%s\"%zu\":%s", i ? "," : "", number,
				 is_true ? "true" : "false");
	}
	na_buffer_append_string(out, "}}");
	json_decref(json);
	if (lost)
		far->acks = FAR_ACKS_TRUE;
	return !lost;
}

static bool play_poll(struct connection *connection)
{
	struct far_end *far = connection->far;
	struct na_buffer out = {0};
	bool known, goes_on = true;

	FAR_LOCKED(far, far->polls++; known = far->acks != FAR_ACKS_NONE;
		   if (known) goes_on = tell_acks(connection, &out));
	if (!known)
		answer(connection, 400, NULL, "{\"text\":\"ACK is disabled\",\"code\":14}", 36);
	else if (goes_on)
		answer(connection, 200, NULL, out.data, out.length);
	else
		reset(connection);
	na_buffer_done(&out);
	return goes_on;
}

/* Under the mutex. */
static void look_at_cookie(struct connection *connection)
{
	struct far_end *far = connection->far;

	if (far->wants_cookie && far->requests && !header(connection, "\r\nCookie: way=1"))
		far->cookies_missing++;
}

static bool is_missing(const struct connection *connection, const char *wanted)
{
	return wanted && !strstr(connection->head.data, wanted);
}

/* 401 and the like, before anything else. true: answered. */
static bool refuse_access(struct connection *connection)
{
	const char *wants;

	FAR_LOCKED(connection->far, wants = connection->far->wants);
	if (!is_missing(connection, wants))
		return false;
	answer(connection, 401, NULL, "{\"text\":\"Invalid token\",\"code\":4}", 33);
	return true;
}

static struct far_step next_step(struct connection *connection)
{
	struct far_end *far = connection->far;
	struct far_step step = {.act = FAR_ANSWER};

	FAR_LOCKED(far, if (far->step < far->steps) step = far->script[far->step++];
		   if (step.act == FAR_ANSWER && far->bytes_max &&
		       connection->body.length > far->bytes_max) step =
			   (struct far_step){.act = FAR_STATUS, .status = 413});
	return step;
}

/* A request whose body is cut off in the middle: the script says so before the body is read. */
static bool resets_in_body(struct connection *connection)
{
	struct far_end *far = connection->far;
	bool resets = false;

	FAR_LOCKED(
		far, if (!strstr(connection->head.data, "/services/collector/ack") &&
			 far->step < far->steps && far->script[far->step].act == FAR_RESET) {
			resets = true;
			far->step++;
		});
	if (resets)
		reset(connection);
	return resets;
}

static bool serve_one(struct connection *connection)
{
	struct far_end *far = connection->far;
	struct far_step step;
	bool goes_on;

	if (!read_head(connection) || resets_in_body(connection) || !read_body(connection))
		return false;
	unpack(connection);
	FAR_LOCKED(
		far, look_at_cookie(connection); na_buffer_clear(&far->last_head);
		na_buffer_append_string(&far->last_head, connection->head.data);
		na_buffer_append_char(&far->last_head, '\0'); na_buffer_clear(&far->last_body);
		na_buffer_append(&far->last_body, connection->body.data, connection->body.length);
		na_buffer_append_char(&far->last_body, '\0'));
	if (refuse_access(connection))
		return true;
	if (strstr(connection->head.data, "/services/collector/ack"))
		return play_poll(connection);
	FAR_LOCKED(far, far->requests++;
		   if (++far->at_once > far->at_once_max) far->at_once_max = far->at_once);
	await_release(far, &far->hold);
	step = next_step(connection);
	goes_on = play(connection, &step);
	FAR_LOCKED(far, far->at_once--);
	return goes_on;
}

/* false: the connection is over. */
static bool pass_proxy(struct connection *connection)
{
	struct far_end *far = connection->far;

	if (!far->is_proxy || !far->tls)
		return true;
	if (!read_head(connection) || strncmp(connection->head.data, "CONNECT ", 8) != 0)
		return false;
	FAR_LOCKED(far, far->connects++);
	if (is_missing(connection, far->wants_proxy)) {
		answer(connection, 407, "Proxy-Authenticate: Basic realm=\"x\"\r\n", "", 0);
		return false;
	}
	send_all(connection, "HTTP/1.1 200 Go\r\n\r\n", 19);
	return true;
}

static bool accept_tls(struct connection *connection)
{
	SSL_set_fd(connection->ssl, connection->fd);
	return SSL_accept(connection->ssl) == 1;
}

/* Its side of the handshake, with the certificate, and the end of the connection behind it. */
static bool show_and_reset(struct connection *connection)
{
	struct pollfd ready = {.fd = connection->fd, .events = POLLIN};
	struct linger none = {.l_onoff = 1};
	BIO *out = BIO_new(BIO_s_mem());
	char *data;
	long length;

	poll(&ready, 1, -1);
	fcntl(connection->fd, F_SETFL, O_NONBLOCK);
	SSL_set_bio(connection->ssl, BIO_new_socket(connection->fd, BIO_NOCLOSE), out);
	assert(SSL_accept(connection->ssl) < 0);
	length = BIO_get_mem_data(out, &data);
	assert(send(connection->fd, data, (size_t)length, MSG_NOSIGNAL) == length);
	setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	return false;
}

static void close_connection(struct connection *connection)
{
	struct far_end *far = connection->far;

	SSL_free(connection->ssl);
	FAR_LOCKED(far, close(connection->fd); far->fds[connection->slot] = -1);
	na_buffer_done(&connection->in);
	na_buffer_done(&connection->head);
	na_buffer_done(&connection->body);
	free(connection);
}

static void *serve(void *argument)
{
	struct connection *connection = argument;
	bool goes_on = pass_proxy(connection);

	if (goes_on && connection->far->tls) {
		connection->ssl = SSL_new(connection->far->tls);
		goes_on = connection->far->hangs_up ? show_and_reset(connection)
						    : accept_tls(connection);
	}
	while (goes_on && serve_one(connection))
		;
	close_connection(connection);
	return NULL;
}

static void *accept_all(void *argument)
{
	struct far_end *far = argument;
	int fd;

	while ((fd = accept4(far->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct connection *connection = calloc(1, sizeof(*connection));

		assert(connection && far->connections < FAR_CONNECTIONS_MAX);
		connection->far = far;
		connection->fd = fd;
		FAR_LOCKED(far, connection->slot = far->connections;
			   far->fds[far->connections] = fd);
		assert(pthread_create(&far->threads[far->connections], NULL, serve, connection) ==
		       0);
		far->connections++;
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */

void far_end_start(struct far_end *far, enum far_dialect dialect, SSL_CTX *tls)
{
	far_end_prepare(far, dialect, tls);
	far_end_listen(far);
}

void far_end_prepare(struct far_end *far, enum far_dialect dialect, SSL_CTX *tls)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	memset(far, 0, sizeof(*far));
	signal(SIGPIPE, SIG_IGN); /* the threads of the host block it */
	pthread_mutex_init(&far->mutex, NULL);
	pthread_cond_init(&far->changed, NULL);
	far->dialect = dialect;
	far->tls = tls;
	far->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(far->listener >= 0);
	assert(bind(far->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	assert(getsockname(far->listener, (struct sockaddr *)&address, &length) == 0);
	far->port = ntohs(address.sin_port);
}

void far_end_listen(struct far_end *far)
{
	assert(listen(far->listener, 64) == 0);
	assert(pthread_create(&far->acceptor, NULL, accept_all, far) == 0);
}

void far_end_stop(struct far_end *far)
{
	shutdown(far->listener, SHUT_RDWR);
	pthread_join(far->acceptor, NULL);
	close(far->listener);
	FAR_LOCKED(far, far->stop = true;
		   for (size_t i = 0; i < far->connections; i++) if (far->fds[i] >= 0)
			   shutdown(far->fds[i], SHUT_RDWR));
	for (size_t i = 0; i < far->connections; i++)
		pthread_join(far->threads[i], NULL);
	na_buffer_done(&far->last_head);
	na_buffer_done(&far->last_body);
	pthread_cond_destroy(&far->changed);
	pthread_mutex_destroy(&far->mutex);
}

void far_end_script(struct far_end *far, struct far_step step)
{
	FAR_LOCKED(far, assert(far->steps < FAR_SCRIPT_MAX); far->script[far->steps++] = step);
}

unsigned int far_end_taken(struct far_end *far, uint64_t number)
{
	unsigned int taken;

	FAR_LOCKED(far, taken = far->taken[number]);
	return taken;
}
