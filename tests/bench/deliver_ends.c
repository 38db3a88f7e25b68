/* SPDX-License-Identifier: Apache-2.0 */
/* Receivers. */
#include "deliver_ends.h"

#include <arpa/inet.h>
#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"

#define PIECE (1u << 18)
#define HEAD_MAX 16384u
#define PARTITIONS 3

struct server {
	enum deliver_kind kind;
	_Atomic uint64_t *ends;
	int listener;
};

struct connection {
	struct server *server;
	int fd;
};

/* ---- HTTP ---- */

static size_t count_lines(const char *data, size_t length)
{
	const char *end = data + length;
	size_t lines = 0;

	while ((data = memchr(data, '\n', (size_t)(end - data))) && ++data)
		lines++;
	return lines;
}

/* One request: how many lines its body has; -1: the connection ends. */
static ssize_t read_request(int fd, char *piece)
{
	size_t length = 0, left, lines;
	char *end = NULL, *field;

	while (!end) {
		ssize_t count = recv(fd, piece + length, PIECE - length, 0);

		if (count <= 0)
			return -1;
		length += (size_t)count;
		end = memmem(piece, length, "\r\n\r\n", 4);
		assert(end || length < HEAD_MAX);
	}
	field = memmem(piece, length, "Content-Length: ", 16);
	assert(field && field < end);
	length -= (size_t)(end + 4 - piece);
	left = strtoul(field + 16, NULL, 10) - length;
	lines = count_lines(end + 4, length);
	while (left) {
		ssize_t count = recv(fd, piece, left < PIECE ? left : PIECE, 0);

		if (count <= 0)
			return -1;
		lines += count_lines(piece, (size_t)count);
		left -= (size_t)count;
	}
	return (ssize_t)lines;
}

/* To _bulk an item for each document: an action and a document are two lines. */
static void make_reply(enum deliver_kind kind, size_t lines, struct na_buffer *body,
		       struct na_buffer *out)
{
	na_buffer_clear(body);
	na_buffer_clear(out);
	if (kind == DELIVER_HEC) {
		na_buffer_append_string(body, "{\"text\":\"Success\",\"code\":0}");
	} else {
		na_buffer_append_string(body, "{\"errors\":false,\"items\":[");
		for (size_t i = 0; i < lines / 2; i++)
			na_buffer_printf(body, "%s{\"create\":{\"status\":201}}", i ? "," : "");
		na_buffer_append_string(body, "]}");
	}
	na_buffer_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body->length);
	na_buffer_append(out, body->data, body->length);
	assert(!na_buffer_error(body) && !na_buffer_error(out));
}

static void answer_all(const struct connection *connection, char *piece)
{
	struct na_buffer body = {0}, out = {0};
	ssize_t lines;

	while ((lines = read_request(connection->fd, piece)) >= 0) {
		make_reply(connection->server->kind, (size_t)lines, &body, &out);
		assert(send(connection->fd, out.data, out.length, MSG_NOSIGNAL) ==
		       (ssize_t)out.length);
	}
	na_buffer_done(&body);
	na_buffer_done(&out);
}

/* ---- TCP ---- */

static void read_all(const struct connection *connection, char *piece)
{
	_Atomic uint64_t *ends = connection->server->ends;

	while (recv(connection->fd, piece, PIECE, 0) > 0)
		;
	atomic_fetch_add(ends, 1);
	syscall(SYS_futex, ends, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void *serve(void *argument)
{
	struct connection *connection = argument;
	char *piece = malloc(PIECE);

	assert(piece);
	if (connection->server->kind == DELIVER_SYSLOG)
		read_all(connection, piece);
	else
		answer_all(connection, piece);
	close(connection->fd);
	free(piece);
	free(connection);
	return NULL;
}

static void listen_on_loopback(struct server *server, char *address, size_t size)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(name);

	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(bind(server->listener, (struct sockaddr *)&name, length) == 0);
	assert(listen(server->listener, 64) == 0);
	assert(getsockname(server->listener, (struct sockaddr *)&name, &length) == 0);
	snprintf(address, size, "127.0.0.1:%u", ntohs(name.sin_port));
}

static void accept_all(struct server *server)
{
	for (;;) {
		struct connection *connection = malloc(sizeof(*connection));
		pthread_t thread;

		assert(connection);
		*connection = (struct connection){server, accept(server->listener, NULL, NULL)};
		assert(connection->fd >= 0);
		assert(pthread_create(&thread, NULL, serve, connection) == 0);
		pthread_detach(thread);
	}
}

/* ---- Kafka ---- */

static void silence(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	(void)client;
	(void)level;
	(void)facility;
	(void)text;
}

static void start_cluster(char *address, size_t size)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_mock_cluster_t *mock;
	rd_kafka_t *client;

	rd_kafka_conf_set_log_cb(conf, silence);
	client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
	mock = client ? rd_kafka_mock_cluster_new(client, 1) : NULL;
	assert(mock && rd_kafka_mock_topic_create(mock, DELIVER_TOPIC, PARTITIONS, 1) == 0);
	snprintf(address, size, "%s", rd_kafka_mock_cluster_bootstraps(mock));
}

/* ------------------------------------------------------------------------------------------- */

void deliver_end_start(struct deliver_end *end, enum deliver_kind kind)
{
	struct server server = {.kind = kind};
	int ready[2];

	end->ends = mmap(NULL, sizeof(*end->ends), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(end->ends != MAP_FAILED && pipe(ready) == 0);
	fflush(stdout);
	end->pid = fork();
	assert(end->pid >= 0);
	if (end->pid) {
		close(ready[1]);
		assert(read(ready[0], end->address, sizeof(end->address)) == sizeof(end->address));
		close(ready[0]);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	server.ends = end->ends;
	if (kind == DELIVER_KAFKA)
		start_cluster(end->address, sizeof(end->address));
	else
		listen_on_loopback(&server, end->address, sizeof(end->address));
	assert(write(ready[1], end->address, sizeof(end->address)) == sizeof(end->address));
	if (kind == DELIVER_KAFKA)
		for (;;)
			pause();
	accept_all(&server);
}

void deliver_end_stop(struct deliver_end *end)
{
	kill(end->pid, SIGKILL);
	waitpid(end->pid, NULL, 0);
	munmap(end->ends, sizeof(*end->ends));
}

void deliver_end_await(const struct deliver_end *end, uint64_t ends)
{
	uint64_t now;

	while ((now = atomic_load(end->ends)) < ends)
		syscall(SYS_futex, end->ends, FUTEX_WAIT, (uint32_t)now, NULL, NULL, 0);
}
