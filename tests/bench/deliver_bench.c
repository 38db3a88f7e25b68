/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a full journal to each kind of far end: the shipping host, its reader, format ecs and the
 * output, against a client of the same library that sends the same bodies, ready in memory, with
 * the same configuration. Both in turn; the far end is a process of its own, and takes what comes.
 * "make bench", or alone: deliver_bench [EVENTS [OUTPUT]]. Lines of key=value; `ratio` is by the
 * clock, and should be 0.8 or more; `best` is that of the best rounds of either, which others on
 * the machine disturb least; cpu_us is processor time of an event, end_us that of the far end.
 * Kafka only without TLS: librdkafka's mock cluster speaks none.
 *
 * `bound` is the ratio that this machine's processors permit: where the output costs nothing beside
 * what the bare client and its far end do, reading and encoding what they do with output=none, and
 * no processor ever waits. HTTP has another bare client beside the one of the same configuration:
 * with libcurl's own upload buffer (loop_rate, loop_ratio), as a loop has it that sets nothing.
 */
#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver_bare.h"
#include "http/transfer.h"
#include "statistics.h"
#include "syslog_certificates.h"

#define EVENTS 240000 /* a second of it: how it begins and ends is no part of the rate */
#define ROUNDS 7
#define BATCH 1000
#define LOOK_NS 1000000 /* how often whether all was taken */

struct side {
	double rate[ROUNDS], cpu_us[ROUNDS], end_us[ROUNDS];
};

/* One kind of output, and its far end. */
struct subject {
	const char *name;
	enum deliver_kind kind;
	enum na_http_dialect_name dialect;
	bool packed; /* by gzip, or zstd */
	bool tls;
};

struct bench {
	struct deliver_made made;
	struct deliver_end end;
	struct deliver_bodies bodies;
	const struct subject *subject;
	char url[160], authority[96]; /* the file, where there is TLS */
	struct na_text urls;
	struct na_config_pair pairs[2];
	struct na_kafka_options kafka;
	struct na_http_options http;
	struct na_syslog_options syslog;
	struct na_output_common common;
	struct na_ship_output output;
	uint64_t ends;    /* connections of syslog so far */
	double encode_us; /* processor time of an event with output=none */
};

static void set_kafka(struct bench *bench)
{
	bench->pairs[0] = (struct na_config_pair){.name = na_text_of("bootstrap.servers"),
						  .value = na_text_of(bench->end.address)};
	bench->pairs[1] = (struct na_config_pair){.name = na_text_of("compression.codec"),
						  .value = na_text_of("zstd")};
	bench->kafka =
		(struct na_kafka_options){.verify = true,
					  .topic = na_text_of(DELIVER_TOPIC),
					  .key = NA_KAFKA_KEY_HOST,
					  .password_file = na_text_of(""),
					  .kafka = {bench->pairs, bench->subject->packed ? 2 : 1}};
	bench->output.type = &na_output_kafka;
	bench->output.options = &bench->kafka;
}

static void set_http(struct bench *bench)
{
	struct na_text none = {"", 0};

	snprintf(bench->url, sizeof(bench->url), "http%s://%s", bench->subject->tls ? "s" : "",
		 bench->end.address);
	bench->urls = na_text_of(bench->url);
	bench->http = (struct na_http_options){
		.dialect = bench->subject->dialect,
		.url = {&bench->urls, 1},
		.index = na_text_of("logs"),
		.source = na_text_of("netaudit"),
		.sourcetype = na_text_of("netaudit"),
		.user = none,
		.password_file = none,
		.token_file = none,
		.proxy = none,
		.proxy_user = none,
		.proxy_password_file = none,
		.verify = true,
		.ca_file = na_text_of(bench->authority),
		.cert_file = none,
		.key_file = none,
		.ack = NA_HTTP_ACK_OFF,
		.compression = bench->subject->packed ? NA_HTTP_GZIP : NA_HTTP_NO_COMPRESSION,
		.timeout = 30 * NA_NS_PER_SEC,
		.requests = 4,
		.batch_bytes = 1u << 20,
	};
	bench->output.type = &na_output_http;
	bench->output.options = &bench->http;
	deliver_bodies_http(&bench->bodies, &bench->made, &bench->http, BATCH);
}

static void set_syslog(struct bench *bench)
{
	snprintf(bench->url, sizeof(bench->url), "%s://%s", bench->subject->tls ? "tls" : "tcp",
		 bench->end.address);
	bench->syslog = (struct na_syslog_options){.address = na_text_of(bench->url),
						   .facility = 16,
						   .sd_id = na_text_of("netaudit@32473"),
						   .timeout = 30 * NA_NS_PER_SEC,
						   .overlap = 10 * NA_NS_PER_SEC,
						   .ca_file = na_text_of(bench->authority),
						   .verify = true};
	bench->output.type = &na_output_syslog;
	bench->output.options = &bench->syslog;
	deliver_bodies_syslog(&bench->bodies, &bench->made);
}

static void set_up(struct bench *bench, const struct subject *subject)
{
	bench->subject = subject;
	bench->authority[0] = '\0';
	if (subject->tls)
		snprintf(bench->authority, sizeof(bench->authority), "%s/ca.pem",
			 bench->made.folder);
	deliver_end_start(&bench->end, subject->kind, subject->tls ? bench->made.folder : NULL,
			  &bench->made);
	bench->common = deliver_common("bench", subject->name);
	bench->output = (struct na_ship_output){.common = &bench->common};
	bench->ends = 0;
	if (subject->kind == DELIVER_KAFKA)
		set_kafka(bench);
	else if (subject->kind == DELIVER_SYSLOG)
		set_syslog(bench);
	else
		set_http(bench);
}

/* The last records of syslog wait for the overlap, unless the output is ended in good order. */
static void await_taken(struct na_ship *ship, uint64_t events)
{
	const struct timespec look = {.tv_nsec = LOOK_NS};
	struct na_ship_status status = {0};
	struct pollfd through = {.fd = na_ship_fd(ship), .events = POLLIN};

	while (na_ship_status(ship, 0, &status) && status.sent < events)
		assert(ppoll(&through, 1, &look, NULL) == 0);
}

static void by_host(struct bench *bench)
{
	struct na_ship_options options;
	struct na_ship *ship = deliver_ship(&bench->made, &bench->output, &options);
	struct pollfd through = {.fd = na_ship_fd(ship), .events = POLLIN};
	struct na_ship_status status;

	if (bench->subject && bench->subject->kind == DELIVER_SYSLOG) {
		await_taken(ship, bench->made.events);
		na_ship_stop(ship, na_clock_boot_ns() + 60 * NA_NS_PER_SEC);
		deliver_end_await(&bench->end, ++bench->ends);
	} else {
		assert(poll(&through, 1, -1) == 1);
	}
	assert(na_ship_status(ship, 0, &status));
	assert(status.acknowledged == bench->made.events && !status.rejected);
	deliver_unship(&bench->made, &ship);
}

static void by_client(struct bench *bench)
{
	if (bench->subject->kind == DELIVER_KAFKA)
		deliver_bare_kafka(&bench->made, &bench->kafka);
	else if (bench->subject->kind == DELIVER_SYSLOG)
		deliver_bare_syslog(&bench->bodies, &bench->end, &bench->syslog, ++bench->ends);
	else
		deliver_bare_http(&bench->bodies, &bench->http, bench->url, NA_HTTP_UPLOAD_BYTES);
}

static void by_loop(struct bench *bench)
{
	deliver_bare_http(&bench->bodies, &bench->http, bench->url, 0);
}

static uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NA_NS_PER_SEC + (uint64_t)time.tv_nsec;
}

/* 0 where there is no far end. */
static uint64_t end_cpu_ns(const struct bench *bench)
{
	return bench->subject ? deliver_end_cpu_ns(&bench->end) : 0;
}

static void measure(struct bench *bench, void (*run)(struct bench *bench), struct side *side,
		    int round)
{
	double events = (double)bench->made.events;
	uint64_t start_end_ns = end_cpu_ns(bench);
	uint64_t start_ns = na_clock_boot_ns(), start_cpu_ns = cpu_ns();

	run(bench);
	side->rate[round] = events * 1e9 / (double)(na_clock_boot_ns() - start_ns);
	side->cpu_us[round] = (double)(cpu_ns() - start_cpu_ns) / 1e3 / events;
	side->end_us[round] = (double)(end_cpu_ns(bench) - start_end_ns) / 1e3 / events;
}

/* Reading, encoding and keeping: what there is before an output does anything. */
static void measure_host(struct bench *bench)
{
	struct side host;

	bench->common = deliver_common("bench", "sink");
	bench->output = (struct na_ship_output){.type = &deliver_sink, .common = &bench->common};
	for (int round = 0; round < ROUNDS; round++)
		measure(bench, by_host, &host, round);
	bench->encode_us = bench_spread_of(host.cpu_us, ROUNDS).median;
	printf("deliver output=none rate=%.0f cpu_us=%.2f\n",
	       bench_spread_of(host.rate, ROUNDS).median, bench->encode_us);
}

static double most(const double *numbers)
{
	double found = numbers[0];

	for (int round = 1; round < ROUNDS; round++)
		found = numbers[round] > found ? numbers[round] : found;
	return found;
}

static double median(double *numbers)
{
	return bench_spread_of(numbers, ROUNDS).median;
}

static double ratio_bound(const struct bench *bench, struct side *client)
{
	double cpu_us = bench->encode_us + median(client->cpu_us) + median(client->end_us);

	return (double)sysconf(_SC_NPROCESSORS_ONLN) * 1e6 / cpu_us / median(client->rate);
}

static void print_sides(const struct bench *bench, struct side *host, struct side *client,
			const struct bench_spread *ratio)
{
	printf("deliver output=%s ratio=%.2f ratio_q1=%.2f ratio_q3=%.2f best=%.2f goal=0.8 "
	       "bound=%.2f rate=%.0f bare_rate=%.0f cpu_us=%.2f bare_cpu_us=%.2f end_us=%.2f "
	       "bare_end_us=%.2f",
	       bench->subject->name, ratio->median, ratio->q1, ratio->q3,
	       most(host->rate) / most(client->rate), ratio_bound(bench, client),
	       median(host->rate), median(client->rate), median(host->cpu_us),
	       median(client->cpu_us), median(host->end_us), median(client->end_us));
}

static void compare(struct bench *bench, const struct subject *subject)
{
	bool http = subject->kind == DELIVER_BULK || subject->kind == DELIVER_HEC;
	double ratios[ROUNDS], loop_ratios[ROUNDS];
	struct side host, client, loop;
	struct bench_spread ratio;

	set_up(bench, subject);
	for (int round = 0; round < ROUNDS; round++) {
		measure(bench, by_client, &client, round);
		measure(bench, by_host, &host, round);
		ratios[round] = host.rate[round] / client.rate[round];
		if (!http)
			continue;
		measure(bench, by_loop, &loop, round);
		loop_ratios[round] = host.rate[round] / loop.rate[round];
	}
	ratio = bench_spread_of(ratios, ROUNDS);
	print_sides(bench, &host, &client, &ratio);
	if (http)
		printf(" loop_ratio=%.2f loop_rate=%.0f", median(loop_ratios), median(loop.rate));
	printf("\n");
	fflush(stdout);
	deliver_bodies_done(&bench->bodies);
	deliver_end_stop(&bench->end);
}

static uint64_t body_bytes(const struct deliver_made *made)
{
	uint64_t bytes = 0;

	for (uint64_t i = 0; i < made->events; i++)
		bytes += made->records[i].body.length;
	return bytes;
}

int main(int argc, char **argv)
{
	static const struct subject subjects[] = {
		{"kafka", DELIVER_KAFKA, 0, false, false},
		{"kafka_zstd", DELIVER_KAFKA, 0, true, false},
		{"bulk", DELIVER_BULK, NA_HTTP_ELASTIC, false, false},
		{"bulk_tls", DELIVER_BULK, NA_HTTP_ELASTIC, false, true},
		{"bulk_gzip", DELIVER_BULK, NA_HTTP_ELASTIC, true, false},
		{"bulk_gzip_tls", DELIVER_BULK, NA_HTTP_ELASTIC, true, true},
		{"hec", DELIVER_HEC, NA_HTTP_SPLUNK, false, false},
		{"hec_tls", DELIVER_HEC, NA_HTTP_SPLUNK, false, true},
		{"hec_gzip", DELIVER_HEC, NA_HTTP_SPLUNK, true, false},
		{"hec_gzip_tls", DELIVER_HEC, NA_HTTP_SPLUNK, true, true},
		{"syslog_tcp", DELIVER_SYSLOG, 0, false, false},
		{"syslog_tls", DELIVER_SYSLOG, 0, false, true},
	};
	static struct bench bench;
	uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : EVENTS;

	signal(SIGPIPE, SIG_IGN);
	na_log_set_level(NA_LOG_ERROR);
	deliver_made_init(&bench.made, "/var/tmp", events, UINT64_MAX);
	measure_host(&bench);
	if (argc > 2 && strcmp(argv[2], "none") == 0) {
		deliver_made_done(&bench.made);
		return EXIT_SUCCESS;
	}
	deliver_made_collect(&bench.made);
	syslog_make_certificate(bench.made.folder, "ca", NULL, NULL, false);
	syslog_make_certificate(bench.made.folder, "end", "ca", "IP:127.0.0.1", false);
	printf("deliver events=%" PRIu64 " body_bytes=%" PRIu64 " journal_bytes=%" PRIu64
	       " rounds=%d\n",
	       events, body_bytes(&bench.made) / events, bench.made.journal_bytes / events, ROUNDS);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++)
		if (argc < 3 || strcmp(argv[2], subjects[i].name) == 0)
			compare(&bench, &subjects[i]);
	deliver_made_done(&bench.made);
	return EXIT_SUCCESS;
}
