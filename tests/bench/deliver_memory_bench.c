/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What memory `netaudit ship` has while it takes a large backlog to its outputs: one of each kind,
 * and three at once of which one is down. "make bench", or alone:
 *
 *	deliver_memory_bench [BYTES[K|M|G] [CASE]]
 *
 * with the size of the journal. `anon` is RssAnon of the process in KiB, looked at every 20 ms:
 * its peak while the first tenth of the events was sent, while the last one was, and at all; `hwm`
 * is VmHWM, which has the pages of the program's and libraries' files and of the tail, too. `bound`
 * is 32 MiB and the requests that are configured to be under way. Fails where a bound does not
 * hold, or where the last tenth needs much more than the first.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver_ends.h"
#include "deliver_made.h"
#include "syslog/syslog.h"

#define JOURNAL_BYTES (UINT64_C(64) << 20)
#define LOOK_NS (20 * NA_NS_PER_MS)
#define STALLED_NS (60 * NA_NS_PER_SEC)
#define BASE_KIB (32u << 10)
/* The last tenth may need so much more than the first: of a small backlog that is over before all
 * queues are full. */
#define GROWTH_KIB 8192
#define OUTPUTS_MAX 3
#define CONFIGURATION_FD 3

/* An output, and what is configured to be under way to its far end at most. */
struct kind {
	const char *name;
	enum deliver_kind kind;
	const char *options; /* %s is HOST:PORT */
	uint64_t under_way_kib;
};

static const struct kind kinds[] = {
	/* batch.size 1 MB, max.in.flight 5 */
	{"kafka", DELIVER_KAFKA,
	 "\"type\": \"kafka\", \"topic\": \"" DELIVER_TOPIC
	 "\", \"kafka\": {\"bootstrap.servers\": \"%s\"}",
	 5 * 1024},
	/* batch_bytes 1 MiB, requests 4 */
	{"bulk", DELIVER_BULK,
	 "\"type\": \"http\", \"dialect\": \"elastic\", \"index\": \"logs\", "
	 "\"compression\": \"none\", \"url\": [\"http://%s\"]",
	 4 * 1024},
	{"hec", DELIVER_HEC,
	 "\"type\": \"http\", \"dialect\": \"splunk\", \"ack\": \"off\", \"url\": [\"http://%s\"]",
	 4 * 1024},
	/* frames in hand */
	{"syslog", DELIVER_SYSLOG, "\"type\": \"syslog\", \"address\": \"tcp://%s\"", 1024},
};

struct trial {
	const char *name;
	const char *kinds[OUTPUTS_MAX + 1];
	size_t down; /* the place of the one that is; OUTPUTS_MAX: none */
	bool copies; /* a third of the memory is enough for syslog only if it keeps no bodies */
};

static const struct trial trials[] = {
	{"kafka", {"kafka"}, OUTPUTS_MAX, false},
	{"bulk", {"bulk"}, OUTPUTS_MAX, false},
	{"hec_gzip", {"hec"}, OUTPUTS_MAX, false},
	{"syslog_tcp", {"syslog"}, OUTPUTS_MAX, false},
	{"kafka+bulk+syslog_tcp_down", {"kafka", "bulk", "syslog"}, 2, false},
	{"bulk+syslog_tcp+kafka_down", {"bulk", "syslog", "kafka"}, 2, true},
};

struct run {
	const struct deliver_made *made;
	const struct trial *trial;
	struct deliver_end ends[OUTPUTS_MAX];
	uint64_t under_way_kib;
	uint64_t anon, anon_first, anon_last, hwm; /* KiB */
	double seconds;
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	abort();
}

/* ---- the process ---- */

static int make_configuration(struct run *run)
{
	struct na_buffer text = {0};
	int fd = memfd_create("configuration", 0);

	na_buffer_printf(&text,
			 "{\"log\": {\"level\": \"error\"}, \"journal\": {\"path\": \"%s\", "
			 "\"tail\": \"%s\"}, \"ship\": "
			 "{\"path\": \"%s\"}, \"outputs\": [",
			 run->made->journal, run->made->tail, run->made->ship);
	for (size_t i = 0; run->trial->kinds[i]; i++) {
		const struct kind *kind = kind_of(run->trial->kinds[i]);

		na_buffer_printf(&text, "%s{\"name\": \"%s\", ", i ? ", " : "", kind->name);
		na_buffer_printf(&text, kind->options, run->ends[i].address);
		na_buffer_append_string(&text, "}");
		run->under_way_kib += kind->under_way_kib;
	}
	na_buffer_append_string(&text, "]}");
	assert(fd >= 0 && !na_buffer_error(&text));
	assert(write(fd, text.data, text.length) == (ssize_t)text.length);
	na_buffer_done(&text);
	return fd;
}

/* As `netaudit run` starts it: its configuration at descriptor 3, its program behind it. */
static pid_t start_process(struct run *run, const char *program)
{
	int configuration = make_configuration(run);
	pid_t pid = fork();

	assert(pid >= 0);
	if (pid) {
		close(configuration);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	assert(dup2(configuration, CONFIGURATION_FD) == CONFIGURATION_FD);
	assert(dup2(open("/dev/null", O_RDONLY), CONFIGURATION_FD + 1) >= 0);
	execl(program, program, "ship", (char *)NULL);
	fprintf(stderr, "deliver_memory_bench: %s: %s\n", program, strerror(errno));
	_exit(EXIT_FAILURE);
}

/* Of /proc/PID/status, in KiB. */
static uint64_t memory_of(pid_t pid, const char *name)
{
	char path[64], line[128];
	uint64_t kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoull(line + strlen(name) + 1, NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

/* Events that every output which is not down has sent. */
static uint64_t sent_by_all(const struct run *run)
{
	struct na_buffer path = {0};
	json_t *root, *outputs;
	uint64_t least = UINT64_MAX;

	na_buffer_printf(&path, "%s/status.json%c", run->made->ship, '\0');
	root = json_load_file(path.data, 0, NULL);
	outputs = json_object_get(root, "outputs");
	for (size_t i = 0; run->trial->kinds[i]; i++) {
		json_t *output = json_array_get(outputs, i);
		json_t *sent = json_object_get(output, "events_sent");

		if (i != run->trial->down && (uint64_t)json_integer_value(sent) < least)
			least = (uint64_t)json_integer_value(sent);
	}
	json_decref(root);
	na_buffer_done(&path);
	return least;
}

static void keep_most(uint64_t *most, uint64_t value)
{
	if (value > *most)
		*most = value;
}

static void look(struct run *run, pid_t pid, uint64_t sent)
{
	uint64_t anon = memory_of(pid, "RssAnon"), events = run->made->events;

	keep_most(&run->anon, anon);
	if (sent <= events / 10)
		keep_most(&run->anon_first, anon);
	if (sent >= events - events / 10)
		keep_most(&run->anon_last, anon);
}

static void watch(struct run *run, pid_t pid)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	uint64_t start_ns = na_clock_boot_ns(), moved_ns = start_ns, sent = 0, now;

	while (sent < run->made->events) {
		look(run, pid, sent);
		ppoll(NULL, 0, &pause, NULL);
		now = sent_by_all(run);
		if (now != sent)
			moved_ns = na_clock_boot_ns();
		sent = now;
		assert(waitpid(pid, NULL, WNOHANG) == 0);
		assert(na_clock_boot_ns() - moved_ns < STALLED_NS);
	}
	look(run, pid, sent);
	run->seconds = (double)(na_clock_boot_ns() - start_ns) / 1e9;
	run->hwm = memory_of(pid, "VmHWM");
}

/* ---- trials ---- */

static void start_ends(struct run *run)
{
	for (size_t i = 0; run->trial->kinds[i]; i++) {
		deliver_end_start(&run->ends[i], kind_of(run->trial->kinds[i])->kind, NULL, NULL);
		if (i == run->trial->down)
			deliver_end_stop(&run->ends[i]);
	}
}

static void stop_ends(struct run *run)
{
	for (size_t i = 0; run->trial->kinds[i]; i++)
		if (i != run->trial->down)
			deliver_end_stop(&run->ends[i]);
}

static bool print(const struct run *run)
{
	uint64_t bound = BASE_KIB + run->under_way_kib;
	bool holds = run->anon <= bound && run->anon_last <= run->anon_first + GROWTH_KIB;

	printf("deliver_memory outputs=%s journal_bytes=%" PRIu64 " events=%" PRIu64
	       " seconds=%.1f anon=%" PRIu64 " anon_first_tenth=%" PRIu64
	       " anon_last_tenth=%" PRIu64 " hwm=%" PRIu64 " bound=%" PRIu64 " holds=%s\n",
	       run->trial->name, run->made->journal_bytes, run->made->events, run->seconds,
	       run->anon, run->anon_first, run->anon_last, run->hwm, bound, holds ? "yes" : "no");
	fflush(stdout);
	return holds;
}

static bool try(const struct deliver_made *made, const struct trial *trial, const char *program)
{
	struct run run = {.made = made, .trial = trial};
	pid_t pid;

	start_ends(&run);
	pid = start_process(&run, program);
	watch(&run, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	stop_ends(&run);
	deliver_made_forget(made);
	return print(&run);
}

static uint64_t read_size(const char *text)
{
	char *end;
	uint64_t size = strtoull(text, &end, 10);

	return size << (*end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0);
}

int main(int argc, char **argv)
{
	uint64_t bytes = argc > 1 ? read_size(argv[1]) : JOURNAL_BYTES;
	struct na_buffer program = {0};
	struct deliver_made made;
	bool holds = true;
	char *slash = strrchr(argv[0], '/');

	na_buffer_printf(&program, "%.*snetaudit%c", slash ? (int)(slash - argv[0] + 1) : 0,
			 argv[0], '\0');
	if (access(program.data, X_OK) < 0) {
		fprintf(stderr, "deliver_memory_bench: no %s\n", program.data);
		return EXIT_FAILURE;
	}
	na_log_set_level(NA_LOG_ERROR);
	deliver_made_init(&made, "/var/tmp", UINT64_MAX, bytes);
	for (size_t i = 0; i < sizeof(trials) / sizeof(*trials); i++)
		if ((argc < 3 || strcmp(argv[2], trials[i].name) == 0) &&
		    (na_output_syslog.copies || !trials[i].copies))
			holds = try(&made, &trials[i], program.data) && holds;
	deliver_made_done(&made);
	na_buffer_done(&program);
	return holds ? EXIT_SUCCESS : EXIT_FAILURE;
}
