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
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "deliver_http_end.h"

#define PARTITIONS 3

/* ---- TCP ---- */

/* Nothing is said to who sends syslog: with TLS the bytes need not even be decrypted. */
static void read_all(const struct deliver_connection *connection)
{
	_Atomic uint64_t *ends = connection->server->ends;

	while (recv(connection->fd, NULL, INT32_MAX, MSG_TRUNC) > 0)
		;
	atomic_fetch_add(ends, 1);
	syscall(SYS_futex, ends, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static SSL *shake_hands(const struct deliver_connection *connection)
{
	SSL *ssl = SSL_new(connection->server->context);

	assert(ssl && SSL_set_fd(ssl, connection->fd) == 1 && SSL_accept(ssl) == 1);
	return ssl;
}

static void *serve(void *argument)
{
	struct deliver_connection *connection = argument;

	if (connection->server->context)
		connection->ssl = shake_hands(connection);
	if (connection->server->kind == DELIVER_SYSLOG)
		read_all(connection);
	else
		deliver_http_answer(connection);
	SSL_free(connection->ssl);
	close(connection->fd);
	free(connection);
	return NULL;
}

static void listen_on_loopback(struct deliver_server *server, char *address, size_t size)
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

static void accept_all(struct deliver_server *server)
{
	for (;;) {
		struct deliver_connection *connection = malloc(sizeof(*connection));
		pthread_t thread;

		assert(connection);
		*connection = (struct deliver_connection){
			.server = server, .fd = accept(server->listener, NULL, NULL)};
		assert(connection->fd >= 0);
		assert(pthread_create(&thread, NULL, serve, connection) == 0);
		pthread_detach(thread);
	}
}

static SSL_CTX *make_context(const char *folder)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	char file[128];

	assert(context);
	snprintf(file, sizeof(file), "%s/end.pem", folder);
	assert(SSL_CTX_use_certificate_chain_file(context, file) == 1);
	snprintf(file, sizeof(file), "%s/end.key", folder);
	assert(SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) == 1);
	return context;
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

void deliver_end_start(struct deliver_end *end, enum deliver_kind kind, const char *tls,
		       const struct deliver_made *made)
{
	struct deliver_server server = {.kind = kind, .context = tls ? make_context(tls) : NULL};
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
	if (kind == DELIVER_BULK && made && made->records)
		deliver_http_know(&server, made);
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

uint64_t deliver_end_cpu_ns(const struct deliver_end *end)
{
	struct timespec time;
	clockid_t clock;

	assert(clock_getcpuclockid(end->pid, &clock) == 0 && clock_gettime(clock, &time) == 0);
	return (uint64_t)time.tv_sec * NA_NS_PER_SEC + (uint64_t)time.tv_nsec;
}

void deliver_end_await(const struct deliver_end *end, uint64_t ends)
{
	uint64_t now;

	while ((now = atomic_load(end->ends)) < ends)
		syscall(SYS_futex, end->ends, FUTEX_WAIT, (uint32_t)now, NULL, NULL, 0);
}
