/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records a second through output `kafka` against librdkafka alone: the same bodies, keys, headers
 * and configuration, in turn. "make bench", or alone: kafka_bench [RECORDS [NAME=VALUE…]], where
 * names are `topic` and keys of librdkafka. Without bootstrap.servers both write to librdkafka's
 * mock cluster, whose threads then have a part in what is measured.
 */
#include <assert.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "kafka/conf.h"

#define RECORDS UINT64_C(400000)
#define ROUNDS 7
#define BATCH 1000    /* option `batch` */
#define BODIES 32768u /* as many as the host has on their way at most */
#define PAIRS_MAX 32
#define STEP_NS (10 * NA_NS_PER_MS)

struct bench {
	struct na_output_host host; /* first, for the cast */
	struct na_kafka_options options;
	struct na_config_pair pairs[PAIRS_MAX];
	struct na_text bodies[BODIES];
	struct na_event event;
	uint64_t records, done;
	char name[sizeof(((struct utsname *)NULL)->nodename)];
};

static void acknowledge(struct na_output_host *host, uint64_t first, uint64_t last)
{
	((struct bench *)host)->done += last - first + 1;
}

static void reject(struct na_output_host *host, uint64_t number, const char *reason)
{
	fprintf(stderr, "record %" PRIu64 ": %s\n", number, reason);
	((struct bench *)host)->done++;
}

static void failed(struct na_output_host *host, const char *reason)
{
	(void)host;
	fprintf(stderr, "failed: %s\n", reason);
	exit(EXIT_FAILURE);
}

static void say_state(struct na_output_host *host, enum na_output_state state, const char *why)
{
	(void)host;
	if (state != NA_OUTPUT_WORKING)
		fprintf(stderr, "%s: %s\n", state == NA_OUTPUT_HELD ? "held" : "retrying", why);
}

/* As long and as varied as an event in ECS. */
static void make_bodies(struct bench *bench)
{
	for (uint64_t i = 0; i < BODIES; i++) {
		char *body;
		int length = asprintf(
			&body,
			"{\"@timestamp\":\"2026-11-28T00:00:%02" PRIu64 ".%09" PRIu64
			"Z\",\"event\":{\"action\":\"disconnect_received\",\"category\":["
			"\"network\"],"
			"\"dataset\":\"netaudit.connection\",\"duration\":%" PRIu64
			",\"id\":\"3f0f9c3e-52d1-4a35-9a3e-dc6f8e5a7b10-7-%" PRIu64
			"\",\"kind\":\"event\",\"module\":\"netaudit\",\"outcome\":\"success\","
			"\"sequence\":%" PRIu64 ",\"type\":[\"connection\",\"end\"]},\"network\":"
			"{\"community_id\":\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\",\"direction\":"
			"\"egress\","
			"\"transport\":\"tcp\",\"type\":\"ipv4\"},\"source\":{\"address\":\"10.0.0."
			"5\","
			"\"ip\":\"10.0.0.5\",\"port\":%" PRIu64 ",\"bytes\":%" PRIu64
			"},\"destination\":{\"address\":\"192.0.2.7\",\"ip\":\"192.0.2.7\","
			"\"port\":443,"
			"\"bytes\":%" PRIu64 "},\"process\":{\"args\":[\"/usr/bin/curl\",\"-sS\","
			"\"https://example.org/index.html\"],\"executable\":\"/usr/bin/"
			"curl\",\"name\":"
			"\"curl\",\"pid\":%" PRIu64
			",\"entity_id\":\"Nc8PboyVW5KwRZ1hQ0r2\",\"parent\":"
			"{\"executable\":\"/usr/bin/"
			"bash\",\"pid\":812}},\"user\":{\"id\":\"1000\"},"
			"\"host\":{\"name\":\"web-17\",\"id\":\"0c1f0f6e7d5b4d0a9f4e2b6a2f0d9a11\"}"
			","
			"\"agent\":{\"type\":\"netaudit\",\"version\":\"0.1.0\"},\"ecs\":{"
			"\"version\":"
			"\"8.11.0\"},\"netaudit\":{\"event\":\"closed\",\"connection\":{\"id\":"
			"\"0c1f0f6e-7d5b-4d0a-9f4e-2b6a2f0d9a11-%" PRIx64
			"-1\"},\"socket\":{\"cookie\":\"%" PRIu64 "\",\"family\":\"inet\"}}}",
			i % 60, i * 7919 % 1000000000, i * 104729, i, i, 32768 + i % 28000,
			i % 5000, i * 31 % 100000, i % 32768, i, i);

		assert(length > 0);
		bench->bodies[i] = (struct na_text){body, (size_t)length};
	}
}

static uint64_t cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NA_NS_PER_SEC +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NA_NS_PER_US;
}

struct cost {
	double rate, cpu_us; /* records a second; microseconds of processor time a record */
};

static struct cost cost_of(uint64_t records, uint64_t start_ns, uint64_t start_cpu_ns)
{
	double seconds = (double)(na_clock_boot_ns() - start_ns) / (double)NA_NS_PER_SEC;
	double busy_us = (double)(cpu_ns() - start_cpu_ns) / (double)NA_NS_PER_US;

	return (struct cost){(double)records / seconds, busy_us / (double)records};
}

static size_t make_batch(const struct bench *bench, uint64_t next, struct na_output_record *records)
{
	uint64_t count = bench->records - next + 1 < BATCH ? bench->records - next + 1 : BATCH;

	for (uint64_t i = 0; i < count; i++)
		records[i] = (struct na_output_record){
			.number = next + i,
			.id = na_text_of("3f0f9c3e-52d1-4a35-9a3e-dc6f8e5a7b10-7-81123"),
			.body = bench->bodies[(next + i) % BODIES],
			.event = &bench->event,
		};
	return (size_t)count;
}

/* As agent/ship does it: offer, work, wait only where nothing is taken. */
static struct cost by_output(struct bench *bench)
{
	static struct na_output_record records[BATCH];
	struct na_output_instance *instance;
	struct na_buffer why = {0};
	uint64_t next = 1, start_ns, start_cpu_ns;

	bench->done = 0;
	assert(na_output_kafka.open(&bench->options, &bench->host, &instance, &why) == 0);
	start_ns = na_clock_boot_ns();
	start_cpu_ns = cpu_ns();
	while (bench->done < bench->records) {
		size_t taken = 0, count = make_batch(bench, next, records);
		enum na_output_verdict verdict = NA_OUTPUT_TAKEN;

		if (count && next - bench->done < BODIES)
			verdict = na_output_kafka.put(instance, records, count, &taken, &why);
		if (verdict == NA_OUTPUT_BROKEN ||
		    na_output_kafka.work(instance, taken ? 0 : STEP_NS) == NA_OUTPUT_BROKEN) {
			fprintf(stderr, "broken: %.*s\n", (int)why.length, why.data);
			exit(EXIT_FAILURE);
		}
		na_buffer_clear(&why);
		next += taken + (verdict == NA_OUTPUT_REJECT);
		bench->done += verdict == NA_OUTPUT_REJECT;
	}
	struct cost cost = cost_of(bench->records, start_ns, start_cpu_ns);
	na_output_kafka.close(instance);
	na_buffer_done(&why);
	return cost;
}

static void count_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
	struct bench *bench = opaque;

	(void)client;
	assert(!message->err);
	bench->done++;
}

static rd_kafka_t *new_client(struct bench *bench)
{
	struct na_buffer why = {0};
	rd_kafka_conf_t *conf;
	rd_kafka_t *client;
	char error[512];

	assert(na_kafka_conf_new(&bench->options, &conf, &why) == 0);
	rd_kafka_conf_set_opaque(conf, bench);
	rd_kafka_conf_set_dr_msg_cb(conf, count_report);
	client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	assert(client);
	return client;
}

static rd_kafka_resp_err_t produce(struct bench *bench, rd_kafka_t *client, rd_kafka_topic_t *topic,
				   uint64_t number)
{
	const struct na_text *body = &bench->bodies[number % BODIES];

	return rd_kafka_producev(
		client, RD_KAFKA_V_RKT(topic),
		RD_KAFKA_V_VALUE((void *)(uintptr_t)body->data, body->length),
		RD_KAFKA_V_KEY(bench->name, strlen(bench->name)),
		RD_KAFKA_V_HEADER("schema", "ecs", 3),
		RD_KAFKA_V_HEADER("version", NA_VERSION, sizeof(NA_VERSION) - 1),
		RD_KAFKA_V_HEADER("host", bench->name, (ssize_t)strlen(bench->name)),
		RD_KAFKA_V_HEADER("event.id", "3f0f9c3e-52d1-4a35-9a3e-dc6f8e5a7b10-7-81123", 44),
		RD_KAFKA_V_OPAQUE((void *)(uintptr_t)number), RD_KAFKA_V_END);
}

static struct cost by_librdkafka(struct bench *bench)
{
	rd_kafka_t *client = new_client(bench);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(client, bench->options.topic.data, NULL);
	uint64_t start_ns = na_clock_boot_ns(), start_cpu_ns = cpu_ns();
	struct cost cost;

	assert(topic);
	bench->done = 0;
	for (uint64_t number = 1; number <= bench->records; number++) {
		while (produce(bench, client, topic, number) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			rd_kafka_poll(client, 10);
		if (number % BATCH == 0)
			rd_kafka_poll(client, 0);
	}
	while (bench->done < bench->records)
		rd_kafka_poll(client, 10);
	cost = cost_of(bench->records, start_ns, start_cpu_ns);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(client);
	return cost;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values)
{
	double sorted[ROUNDS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), compare);
	return sorted[ROUNDS / 2];
}

/* In turn, so that what else the machine does falls on both. */
static void run(struct bench *bench)
{
	double rates[ROUNDS], bare_rates[ROUNDS], ratios[ROUNDS], cpu_ratios[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		struct cost bare = by_librdkafka(bench), ours = by_output(bench);

		rates[round] = ours.rate;
		bare_rates[round] = bare.rate;
		ratios[round] = ours.rate / bare.rate;
		cpu_ratios[round] = bare.cpu_us / ours.cpu_us;
	}
	printf("%.0f records/s of %zu bytes, librdkafka alone %.0f: ratio %.2f (goal 0.8), by "
	       "processor time %.2f\n",
	       median(rates), bench->bodies[0].length, median(bare_rates), median(ratios),
	       median(cpu_ratios));
}

static void set(struct bench *bench, const char *name, const char *value)
{
	struct na_config_map *map = &bench->options.kafka;

	assert(map->count < PAIRS_MAX);
	bench->pairs[map->count++] =
		(struct na_config_pair){.name = na_text_of(name), .value = na_text_of(value)};
}

static void read_arguments(struct bench *bench, int count, char **arguments)
{
	bench->records = count > 1 ? strtoull(arguments[1], NULL, 10) : RECORDS;
	for (int i = 2; i < count; i++) {
		char *value = strchr(arguments[i], '=');

		assert(value);
		*value++ = '\0';
		if (strcmp(arguments[i], "topic") == 0)
			bench->options.topic = na_text_of(value);
		else
			set(bench, arguments[i], value);
	}
}

static struct bench bench = {
	.host = {.name = "bench",
		 .format = "ecs",
		 .acknowledge = acknowledge,
		 .reject = reject,
		 .failed = failed,
		 .state = say_state},
	.options = {.verify = true, .key = NA_KAFKA_KEY_HOST, .kafka.pairs = bench.pairs},
};

int main(int count, char **arguments)
{
	rd_kafka_t *mock_client = NULL;
	rd_kafka_mock_cluster_t *mock = NULL;
	struct na_buffer why = {0};
	struct utsname names;

	uname(&names);
	memcpy(bench.name, names.nodename, sizeof(bench.name));
	bench.options.topic = na_text_of("audit");
	na_event_init(&bench.event, NA_EVENT_CLOSED, 1);
	read_arguments(&bench, count, arguments);
	make_bodies(&bench);
	if (count <= 2) {
		mock_client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0);
		mock = rd_kafka_mock_cluster_new(mock_client, 1);
		assert(mock && rd_kafka_mock_topic_create(mock, "audit", 3, 1) == 0);
		set(&bench, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock));
	}
	if (na_output_kafka.check(&bench.options, &why) < 0) {
		fprintf(stderr, "%.*s\n", (int)why.length, why.data);
		return EXIT_FAILURE;
	}
	run(&bench);
	if (mock)
		rd_kafka_mock_cluster_destroy(mock);
	if (mock_client)
		rd_kafka_destroy(mock_client);
	for (size_t i = 0; i < BODIES; i++)
		free((char *)(uintptr_t)bench.bodies[i].data);
	return EXIT_SUCCESS;
}
