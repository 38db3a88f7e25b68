/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP with as little work as the answers need: heads are read, bodies are passed over. _bulk wants
 * an answer for each document; how many there are follows from the first id, the length, and what
 * was made.
 */
#include "deliver_http_end.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <zlib.h>

#include "base/buffer.h"

#define PIECE (1u << 18)
#define HEAD_MAX 16384u
#define FIRST 512u              /* of a body: as much as its first id is in, also by gzip */
#define KEPT (HEAD_MAX + FIRST) /* of the piece: what a request begins with */
#define ID_BEFORE "{\"create\":{\"_id\":\""
#define ID_BEHIND "\"}}\n"

/* ---- bytes that come ---- */

/* Some of them. 0 or less: the connection ends. */
static ssize_t take(const struct deliver_connection *connection, char *to, size_t size)
{
	return connection->ssl ? SSL_read(connection->ssl, to, (int)size)
			       : recv(connection->fd, to, size, 0);
}

static bool take_all(const struct deliver_connection *connection, char *to, size_t size)
{
	while (size) {
		ssize_t count = take(connection, to, size);

		if (count <= 0)
			return false;
		to += count;
		size -= (size_t)count;
	}
	return true;
}

/* Bytes that nobody looks at; without TLS they are not even copied. */
static bool pass_over(const struct deliver_connection *connection, size_t left)
{
	while (left) {
		size_t some = left < PIECE - KEPT ? left : PIECE - KEPT;
		ssize_t count = connection->ssl ? take(connection, connection->piece + KEPT, some)
						: recv(connection->fd, NULL, left, MSG_TRUNC);

		if (count <= 0)
			return false;
		left -= (size_t)count;
	}
	return true;
}

/* ---- HTTP ---- */

/* What is read of a request: its first bytes, and of one by gzip the last, which are how long it
 * is unpacked. */
struct request {
	size_t length; /* of the body */
	bool packed;
	char *first; /* of the body; in the connection's piece */
	size_t first_length;
	uint32_t unpacked;
};

/* The head, and as much of the body as came with it or is needed. */
static bool read_head(const struct deliver_connection *connection, struct request *request)
{
	char *piece = connection->piece, *end = NULL, *field;
	size_t length = 0, head, least;

	while (!end) {
		ssize_t count = take(connection, piece + length, HEAD_MAX - length);

		if (count <= 0)
			return false;
		length += (size_t)count;
		end = memmem(piece, length, "\r\n\r\n", 4);
		assert(end || length < HEAD_MAX);
	}
	head = (size_t)(end + 4 - piece);
	field = memmem(piece, head, "Content-Length: ", 16);
	assert(field);
	request->length = strtoul(field + 16, NULL, 10);
	request->packed = memmem(piece, head, "Content-Encoding: gzip", 22) != NULL;
	request->first = piece + head;
	least = request->length < FIRST ? request->length : FIRST;
	request->first_length = length - head;
	if (request->first_length >= least)
		return true;
	if (!take_all(connection, piece + length, least - request->first_length))
		return false;
	request->first_length = least;
	return true;
}

static bool read_rest(const struct deliver_connection *connection, struct request *request)
{
	size_t left = request->length - request->first_length;
	unsigned char last[4];
	size_t there = left < sizeof(last) ? sizeof(last) - left : 0; /* of them */

	if (!request->packed)
		return pass_over(connection, left);
	assert(request->length >= sizeof(last));
	memcpy(last, request->first + request->length - sizeof(last), there);
	if (!pass_over(connection, left - (sizeof(last) - there)) ||
	    !take_all(connection, (char *)last + there, sizeof(last) - there))
		return false;
	request->unpacked = (uint32_t)last[3] << 24 | (uint32_t)last[2] << 16 |
			    (uint32_t)last[1] << 8 | last[0];
	return true;
}

/* The number of the event whose id is the first in the text. */
static uint64_t number_in(const char *text, size_t length)
{
	const char *id = memmem(text, length, ID_BEFORE, strlen(ID_BEFORE)), *end;

	assert(id);
	id += strlen(ID_BEFORE);
	end = memchr(id, '"', length - (size_t)(id - text));
	assert(end);
	return strtoull((const char *)memrchr(id, '-', (size_t)(end - id)) + 1, NULL, 16);
}

static uint64_t first_number(const struct request *request)
{
	z_stream stream = {.next_in = (Bytef *)request->first,
			   .avail_in = (uInt)request->first_length};
	char text[FIRST];
	uint64_t number;

	if (!request->packed)
		return number_in(request->first, request->first_length);
	stream.next_out = (Bytef *)text;
	stream.avail_out = sizeof(text);
	assert(inflateInit2(&stream, 15 + 16) == Z_OK && inflate(&stream, Z_SYNC_FLUSH) == Z_OK);
	number = number_in(text, sizeof(text) - stream.avail_out);
	inflateEnd(&stream);
	return number;
}

/*
 * How many documents a request has, by where it begins and how long it is: so what is between need
 * not be looked at.
 */
static size_t count_documents(const struct deliver_server *server, const struct request *request)
{
	size_t first = first_number(request) - server->number, low = first, high = server->count;
	uint64_t end = (request->packed ? request->unpacked : request->length) +
		       (first ? server->sums[first - 1] : 0);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (server->sums[middle] < end)
			low = middle + 1;
		else
			high = middle;
	}
	assert(low < server->count && server->sums[low] == end);
	return low + 1 - first;
}

static size_t count_lines(const char *data, size_t length)
{
	const char *end = data + length;
	size_t lines = 0;

	while ((data = memchr(data, '\n', (size_t)(end - data))) && ++data)
		lines++;
	return lines;
}

/* The same without knowing them: two lines each. */
static bool read_documents(const struct deliver_connection *connection,
			   const struct request *request, size_t *ret_documents)
{
	size_t left = request->length - request->first_length;
	size_t lines = count_lines(request->first, request->first_length);

	assert(!request->packed);
	while (left) {
		ssize_t count = take(connection, connection->piece, left < PIECE ? left : PIECE);

		if (count <= 0)
			return false;
		lines += count_lines(connection->piece, (size_t)count);
		left -= (size_t)count;
	}
	*ret_documents = lines / 2;
	return true;
}

/* One request; *ret_documents is of _bulk only. */
static bool read_request(const struct deliver_connection *connection, size_t *ret_documents)
{
	const struct deliver_server *server = connection->server;
	struct request request;

	if (!read_head(connection, &request))
		return false;
	if (server->kind == DELIVER_BULK && !server->sums)
		return read_documents(connection, &request, ret_documents);
	if (server->kind == DELIVER_BULK && !request.packed)
		*ret_documents = count_documents(server, &request);
	if (!read_rest(connection, &request))
		return false;
	if (server->kind == DELIVER_BULK && request.packed)
		*ret_documents = count_documents(server, &request);
	return true;
}

/* To _bulk an item for each document. */
static void make_reply(enum deliver_kind kind, size_t documents, struct na_buffer *body,
		       struct na_buffer *out)
{
	na_buffer_clear(body);
	na_buffer_clear(out);
	if (kind == DELIVER_HEC) {
		na_buffer_append_string(body, "{\"text\":\"Success\",\"code\":0}");
	} else {
		na_buffer_append_string(body, "{\"errors\":false,\"items\":[");
		for (size_t i = 0; i < documents; i++)
			na_buffer_append_string(body, i ? ",{\"create\":{\"status\":201}}"
							: "{\"create\":{\"status\":201}}");
		na_buffer_append_string(body, "]}");
	}
	na_buffer_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body->length);
	na_buffer_append(out, body->data, body->length);
	assert(!na_buffer_error(body) && !na_buffer_error(out));
}

static void answer(const struct deliver_connection *connection, const struct na_buffer *out)
{
	ssize_t count = connection->ssl
				? SSL_write(connection->ssl, out->data, (int)out->length)
				: send(connection->fd, out->data, out->length, MSG_NOSIGNAL);

	assert(count == (ssize_t)out->length);
}

/* ------------------------------------------------------------------------------------------- */

void deliver_http_answer(struct deliver_connection *connection)
{
	struct na_buffer body = {0}, out = {0};
	size_t documents = 0;

	connection->piece = malloc(PIECE);
	assert(connection->piece);
	while (read_request(connection, &documents)) {
		make_reply(connection->server->kind, documents, &body, &out);
		answer(connection, &out);
	}
	na_buffer_done(&body);
	na_buffer_done(&out);
	free(connection->piece);
}

void deliver_http_know(struct deliver_server *server, const struct deliver_made *made)
{
	uint64_t sum = 0;

	server->sums = malloc(made->events * sizeof(*server->sums));
	assert(server->sums);
	for (size_t i = 0; i < made->events; i++) {
		sum += strlen(ID_BEFORE) + made->records[i].id.length + strlen(ID_BEHIND) +
		       made->records[i].body.length + 1;
		server->sums[i] = sum;
	}
	server->count = made->events;
	server->number = strtoull(strrchr(made->records[0].id.data, '-') + 1, NULL, 16);
}
