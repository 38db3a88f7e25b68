/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: length, key, version, correlation id, … Replies: length, correlation id, … All numbers
 * are big-endian. ApiVersions of a version that is too new is answered in version 0, as the
 * protocol wants it.
 */
#include "kafka_sasl.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"

#define HANDSHAKE 17
#define API_VERSIONS 18
#define AUTHENTICATE 36
#define UNSUPPORTED_VERSION 35
#define AUTHENTICATION_FAILED 58
#define REQUEST_MAX 4096

struct kafka_sasl {
	int listener;
	pthread_t thread;
	char address[32];
};

static void add_16(struct na_buffer *out, uint16_t value)
{
	uint16_t be = htons(value);

	na_buffer_append(out, &be, sizeof(be));
}

static void add_32(struct na_buffer *out, uint32_t value)
{
	uint32_t be = htonl(value);

	na_buffer_append(out, &be, sizeof(be));
}

static void add_text(struct na_buffer *out, const char *text)
{
	add_16(out, (uint16_t)strlen(text));
	na_buffer_append_string(out, text);
}

static void add_versions(struct na_buffer *out, uint16_t version)
{
	/* Key, from version, to version: Produce, Metadata, and those below. */
	static const uint16_t rows[][3] = {
		{0, 0, 7},           {3, 0, 2}, {22, 0, 1}, {HANDSHAKE, 0, 1}, {API_VERSIONS, 0, 0},
		{AUTHENTICATE, 0, 0}};
	size_t count = sizeof(rows) / sizeof(*rows);

	add_16(out, version ? UNSUPPORTED_VERSION : 0);
	add_32(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		for (int column = 0; column < 3; column++)
			add_16(out, rows[i][column]);
}

/* false: nothing that it knows. */
static bool answer(const unsigned char *request, struct na_buffer *out)
{
	uint16_t key = (uint16_t)(request[0] << 8 | request[1]);
	uint16_t version = (uint16_t)(request[2] << 8 | request[3]);

	na_buffer_append(out, request + 4, 4);
	switch (key) {
	case API_VERSIONS:
		add_versions(out, version);
		return true;
	case HANDSHAKE:
		add_16(out, 0);
		add_32(out, 1);
		add_text(out, "PLAIN");
		return true;
	case AUTHENTICATE:
		add_16(out, AUTHENTICATION_FAILED);
		add_text(out, "no such user");
		add_32(out, 0);
		return true;
	default:
		return false;
	}
}

static bool read_all(int fd, void *data, size_t length)
{
	return recv(fd, data, length, MSG_WAITALL) == (ssize_t)length;
}

static bool serve_one(int fd)
{
	unsigned char request[REQUEST_MAX];
	struct na_buffer body = {0}, reply = {0};
	uint32_t length;
	bool good = read_all(fd, &length, sizeof(length));

	length = ntohl(length);
	good = good && length >= 8 && length <= sizeof(request) && read_all(fd, request, length) &&
	       answer(request, &body);
	if (good) {
		add_32(&reply, (uint32_t)body.length);
		na_buffer_append(&reply, body.data, body.length);
		good = send(fd, reply.data, reply.length, MSG_NOSIGNAL) == (ssize_t)reply.length;
	}
	na_buffer_done(&body);
	na_buffer_done(&reply);
	return good;
}

static void *run(void *argument)
{
	struct kafka_sasl *broker = argument;
	int fd;

	while ((fd = accept(broker->listener, NULL, NULL)) >= 0) {
		while (serve_one(fd))
			;
		close(fd);
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */

struct kafka_sasl *kafka_sasl_start(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct kafka_sasl *broker = calloc(1, sizeof(*broker));
	socklen_t length = sizeof(address);

	assert_non_null(broker);
	broker->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(broker->listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(broker->listener, 8), 0);
	getsockname(broker->listener, (struct sockaddr *)&address, &length);
	snprintf(broker->address, sizeof(broker->address), "127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(pthread_create(&broker->thread, NULL, run, broker), 0);
	return broker;
}

const char *kafka_sasl_address(const struct kafka_sasl *broker)
{
	return broker->address;
}

void kafka_sasl_stop(struct kafka_sasl *broker)
{
	shutdown(broker->listener, SHUT_RDWR);
	pthread_join(broker->thread, NULL);
	close(broker->listener);
	free(broker);
}
