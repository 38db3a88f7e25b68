/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output http against a bare loop of the same libcurl: the same bodies in the same batches, as many
 * requests on their way, connections kept, the same compression, to the same server. The loop sends
 * bodies that are ready, and reads no reply; with gzip it compresses them, as whoever sends gzip
 * must. "make bench", or alone: http_bench [EVENTS]. A Markdown table; the ratio should be 0.8 or
 * more.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "http/gzip.h"
#include "http/http.h"
#include "statistics.h"

#define EVENTS 200000u
#define BATCH 1000u
#define IN_FLIGHT 4u
#define WINDOW (16u * BATCH) /* what the host has on its way */
#define ROUNDS 7
#define BODIES 200u

static struct na_buffer bodies[BODIES]; /* of events */
static char ids[BODIES][64];

/* ---- a server that reads and answers, a process of its own ---- */

static const char *reply_text;

static bool read_request(int fd, struct na_buffer *in)
{
	char *end = NULL, *length;
	size_t whole = 0;

	while (!whole || in->length < whole) {
		ssize_t count;

		assert(na_buffer_reserve(in, 1u << 18) == 0);
		count = recv(fd, in->data + in->length, 1u << 18, 0);
		if (count <= 0)
			return false;
		in->length += (size_t)count;
		end = whole ? end : memmem(in->data, in->length, "\r\n\r\n", 4);
		if (!end || whole)
			continue;
		length = memmem(in->data, in->length, "Content-Length: ", 16);
		assert(length);
		whole = (size_t)(end - in->data) + 4 + strtoul(length + 16, NULL, 10);
	}
	assert(in->length == whole);
	in->length = 0;
	return true;
}

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	struct na_buffer in = {0}, out = {0};

	na_buffer_printf(&out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(reply_text), reply_text);
	while (read_request(fd, &in))
		assert(send(fd, out.data, out.length, MSG_NOSIGNAL) == (ssize_t)out.length);
	na_buffer_done(&in);
	na_buffer_done(&out);
	close(fd);
	return NULL;
}

static pid_t start_server(const char *reply, uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	pid_t pid;

	assert(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	assert(listen(listener, 64) == 0);
	assert(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	*ret_port = ntohs(address.sin_port);
	reply_text = reply;
	pid = fork();
	assert(pid >= 0);
	if (pid) {
		close(listener);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		pthread_t thread;

		assert(pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0);
		pthread_detach(thread);
	}
	_exit(0);
}

static void stop_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- the output ---- */

struct host {
	struct na_output_host host; /* first, for the cast */
	uint64_t acknowledged;
};

static void acknowledge(struct na_output_host *host, uint64_t first, uint64_t last)
{
	((struct host *)host)->acknowledged += last - first + 1;
}

static void reject(struct na_output_host *host, uint64_t number, const char *reason)
{
	(void)host;
	fprintf(stderr, "%" PRIu64 " rejected: %s\n", number, reason);
	abort();
}

static void say_state(struct na_output_host *host, enum na_output_state state, const char *why)
{
	(void)host;
	if (state == NA_OUTPUT_WORKING)
		return;
	fprintf(stderr, "%s\n", why);
	abort();
}

static struct na_http_options options_of(enum na_http_dialect_name dialect, bool gzip,
					 const struct na_text *url)
{
	struct na_text none = {"", 0};

	return (struct na_http_options){
		.dialect = dialect,
		.url = {url, 1},
		.index = na_text_of("logs"),
		.source = na_text_of("netaudit"),
		.sourcetype = na_text_of("netaudit"),
		.user = none,
		.password_file = none,
		.token_file = none,
		.proxy = none,
		.proxy_user = none,
		.proxy_password_file = none,
		.ca_file = none,
		.cert_file = none,
		.key_file = none,
		.ack = NA_HTTP_ACK_OFF,
		.compression = gzip ? NA_HTTP_GZIP : NA_HTTP_NO_COMPRESSION,
		.timeout = 30 * NA_NS_PER_SEC,
		.requests = IN_FLIGHT,
		.batch_bytes = 16u << 20,
	};
}

static void put_batch(struct na_output_instance *instance, uint64_t first,
		      struct na_output_record *records)
{
	struct na_buffer why = {0};
	size_t taken = 0;

	for (size_t i = 0; i < BATCH; i++) {
		const struct na_buffer *body = &bodies[(first + i) % BODIES];

		records[i] = (struct na_output_record){
			.number = first + i,
			.id = na_text_of(ids[(first + i) % BODIES]),
			.body = {body->data, body->length},
			.wall_ns = first,
		};
	}
	assert(na_output_http.put(instance, records, BATCH, &taken, &why) == NA_OUTPUT_TAKEN);
	assert(taken == BATCH);
}

static void run_output(const struct na_http_options *options, uint64_t events)
{
	static struct na_output_record records[BATCH];
	struct host host = {.host = {.name = "bench",
				     .acknowledge = acknowledge,
				     .reject = reject,
				     .state = say_state}};
	struct na_output_instance *instance;
	struct na_buffer why = {0};
	uint64_t put = 0;

	assert(na_output_http.open(options, &host.host, &instance, &why) == 0);
	while (host.acknowledged < events) {
		if (put < events && put - host.acknowledged < WINDOW) {
			put_batch(instance, put + 1, records);
			put += BATCH;
			na_output_http.work(instance, 0);
		} else {
			na_output_http.work(instance, 10 * NA_NS_PER_MS);
		}
	}
	na_output_http.close(instance);
}

/* ---- the bare loop ---- */

struct sender {
	CURL *easy;
	struct na_buffer packed;
};

struct loop {
	CURLM *multi;
	struct sender senders[IN_FLIGHT];
	struct curl_slist *headers;
	struct na_buffer body; /* of a whole request */
	z_stream deflate;
	bool gzip;
	uint64_t left;
};

static size_t ignore_reply(char *data, size_t size, size_t count, void *context)
{
	(void)data;
	(void)context;
	return size * count;
}

static void send_next(struct loop *loop, struct sender *sender)
{
	const struct na_buffer *body = &loop->body;

	if (!loop->left)
		return;
	loop->left -= BATCH;
	if (loop->gzip) {
		na_buffer_clear(&sender->packed);
		assert(na_http_gzip(&loop->deflate, &loop->body, &sender->packed) == 0);
		body = &sender->packed;
	}
	curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->length);
	curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDS, body->data);
	assert(curl_multi_add_handle(loop->multi, sender->easy) == CURLM_OK);
}

static void open_loop(struct loop *loop, const char *url)
{
	loop->multi = curl_multi_init();
	loop->headers = curl_slist_append(NULL, "Expect:");
	loop->headers = curl_slist_append(loop->headers, "Content-Type: application/json");
	if (loop->gzip)
		loop->headers = curl_slist_append(loop->headers, "Content-Encoding: gzip");
	for (size_t i = 0; i < IN_FLIGHT; i++) {
		struct sender *sender = &loop->senders[i];

		sender->easy = curl_easy_init();
		curl_easy_setopt(sender->easy, CURLOPT_URL, url);
		curl_easy_setopt(sender->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(sender->easy, CURLOPT_HTTPHEADER, loop->headers);
		curl_easy_setopt(sender->easy, CURLOPT_WRITEFUNCTION, ignore_reply);
		curl_easy_setopt(sender->easy, CURLOPT_PRIVATE, sender);
		curl_easy_setopt(sender->easy, CURLOPT_NOSIGNAL, 1L);
	}
}

static void close_loop(struct loop *loop)
{
	for (size_t i = 0; i < IN_FLIGHT; i++) {
		curl_easy_cleanup(loop->senders[i].easy);
		na_buffer_done(&loop->senders[i].packed);
	}
	curl_multi_cleanup(loop->multi);
	curl_slist_free_all(loop->headers);
	if (loop->gzip)
		deflateEnd(&loop->deflate);
}

static void run_loop(const struct na_buffer *body, bool gzip, const char *url, uint64_t events)
{
	struct loop loop = {.body = *body, .gzip = gzip, .left = events};
	int running = 1, left;
	CURLMsg *message;

	if (gzip)
		assert(na_http_gzip_init(&loop.deflate) == 0);
	open_loop(&loop, url);
	for (size_t i = 0; i < IN_FLIGHT; i++)
		send_next(&loop, &loop.senders[i]);
	while (running) {
		curl_multi_perform(loop.multi, &running);
		while ((message = curl_multi_info_read(loop.multi, &left))) {
			struct sender *sender;

			assert(message->data.result == CURLE_OK);
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &sender);
			curl_multi_remove_handle(loop.multi, sender->easy);
			send_next(&loop, sender);
			running = 1;
		}
		if (running)
			curl_multi_poll(loop.multi, NULL, 0, 10, NULL);
	}
	close_loop(&loop);
}

/* ---- comparing ---- */

static void make_events(void)
{
	for (size_t i = 0; i < BODIES; i++) {
		snprintf(ids[i], sizeof(ids[i]), "0c1f0f6e-7d5b-4d0a-9f4e-2b6a2f0d9a11-1-%zx", i);
		na_buffer_printf(
			&bodies[i],
			"{\"@timestamp\":\"2026-11-28T00:00:%02zu.123456789Z\",\"event\":{\"id\":"
			"\"%s\",\"sequence\":%zu,\"kind\":\"event\",\"category\":[\"network\"],"
			"\"type\":[\"connection\",\"start\"],\"action\":\"connection_attempted\","
			"\"outcome\":\"success\",\"dataset\":\"netaudit.connection\"},\"network\":{"
			"\"transport\":\"tcp\",\"type\":\"ipv4\",\"direction\":\"egress\","
			"\"community_id\":\"1:%016zx=\"},\"source\":{\"ip\":\"192.0.2.%zu\","
			"\"port\":%zu},\"destination\":{\"ip\":\"198.51.100.%zu\",\"port\":443},"
			"\"process\":{\"pid\":%zu,\"name\":\"program-%zu\",\"executable\":"
			"\"/usr/bin/program-%zu\",\"command_line\":\"program-%zu --listen "
			"--config=/etc/program/%zu.conf\",\"entity_id\":\"e%015zx\"},\"user\":{"
			"\"id\":\"1000\",\"name\":\"somebody\"},\"host\":{\"name\":\"host."
			"example\"},"
			"\"netaudit\":{\"event\":\"established\",\"source\":\"tp_btf/inet_sock_set_"
			"state\",\"socket\":{\"cookie\":\"%zu\",\"inode\":\"%zu\"}}}",
			i % 60, ids[i], i, i * 7919, i % 250, 32768 + i, i % 99, 1000 + i, i % 20,
			i % 20, i % 20, i % 20, i * 104729, i * 31, i * 37);
	}
}

static double now_s(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Events a second, and processor time of this process an event in µs. */
struct rate {
	double events, cpu_us;
};

static struct rate rate_of(double wall, double cpu, uint64_t events)
{
	return (struct rate){(double)events / wall, cpu * 1e6 / (double)events};
}

static double median(double *values)
{
	return bench_spread_of(values, ROUNDS).median;
}

static void make_request(enum na_http_dialect_name dialect, struct na_buffer *out)
{
	for (size_t i = 0; i < BATCH; i++) {
		const struct na_buffer *body = &bodies[(i + 1) % BODIES];

		if (dialect == NA_HTTP_ELASTIC)
			na_buffer_printf(out, "{\"create\":{\"_id\":\"%s\"}}\n%.*s\n",
					 ids[(i + 1) % BODIES], (int)body->length, body->data);
		else
			na_buffer_printf(out,
					 "{\"time\":0.000000001,\"source\":\"netaudit\","
					 "\"sourcetype\":\"netaudit\",\"index\":\"logs\",\"event\":"
					 "%.*s}",
					 (int)body->length, body->data);
	}
}

static void compare(const char *name, enum na_http_dialect_name dialect, bool gzip,
		    const char *reply, uint64_t events)
{
	double ratios[ROUNDS], ours[ROUNDS], bare[ROUNDS], cpu[ROUNDS], bare_cpu[ROUNDS];
	struct na_buffer request = {0};
	struct na_http_options options;
	char url_text[64];
	struct na_text url;
	uint16_t port;
	pid_t server = start_server(reply, &port);

	snprintf(url_text, sizeof(url_text), "http://127.0.0.1:%u", port);
	url = na_text_of(url_text);
	options = options_of(dialect, gzip, &url);
	make_request(dialect, &request);
	for (int i = 0; i < ROUNDS; i++) {
		double wall = now_s(CLOCK_MONOTONIC), used = now_s(CLOCK_PROCESS_CPUTIME_ID);
		struct rate one, other;

		run_output(&options, events);
		one = rate_of(now_s(CLOCK_MONOTONIC) - wall, now_s(CLOCK_PROCESS_CPUTIME_ID) - used,
			      events);
		wall = now_s(CLOCK_MONOTONIC);
		used = now_s(CLOCK_PROCESS_CPUTIME_ID);
		run_loop(&request, gzip, url_text, events);
		other = rate_of(now_s(CLOCK_MONOTONIC) - wall,
				now_s(CLOCK_PROCESS_CPUTIME_ID) - used, events);
		ratios[i] = one.events / other.events;
		ours[i] = one.events;
		bare[i] = other.events;
		cpu[i] = one.cpu_us;
		bare_cpu[i] = other.cpu_us;
	}
	printf("| %s | %.0f | %.0f | %.2f | %.2f | %.2f |\n", name, median(ours), median(bare),
	       median(ratios), median(cpu), median(bare_cpu));
	stop_server(server);
	na_buffer_done(&request);
}

int main(int argc, char **argv)
{
	uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) / BATCH * BATCH : EVENTS;
	struct na_buffer items = {0};

	signal(SIGPIPE, SIG_IGN);
	make_events();
	na_buffer_append_string(&items, "{\"errors\":false,\"items\":[");
	for (size_t i = 0; i < BATCH; i++)
		na_buffer_printf(&items, "%s{\"create\":{\"status\":201}}", i ? "," : "");
	na_buffer_printf(&items, "]}%c", '\0');
	printf("%" PRIu64 " events of %zu bytes, %u in a request, %u requests at once\n\n", events,
	       bodies[0].length, BATCH, IN_FLIGHT);
	printf("| | events/s | bare libcurl | ratio | µs of CPU an event | bare |\n"
	       "|---|---|---|---|---|---|\n");
	compare("elastic, gzip", NA_HTTP_ELASTIC, true, items.data, events);
	compare("elastic", NA_HTTP_ELASTIC, false, items.data, events);
	compare("splunk, gzip", NA_HTTP_SPLUNK, true, "{\"text\":\"Success\",\"code\":0}", events);
	compare("splunk", NA_HTTP_SPLUNK, false, "{\"text\":\"Success\",\"code\":0}", events);
	na_buffer_done(&items);
	return 0;
}
