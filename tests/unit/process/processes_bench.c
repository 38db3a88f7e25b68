/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the process cache: memory of 20,000 processes, time of a process's life and of a
 * lookup. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support.h"

#define PROCESSES 20000
#define LIVES 200000
#define LOOKUPS 2000000

static double seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* 300 bytes of texts. */
static const struct test_exec typical = {
	.executable = BYTES("java\0bin\0java-17-openjdk-amd64\0jvm\0lib\0usr\0"),
	.directory = BYTES("tomcat9\0lib\0var\0"),
	.arguments = BYTES("/usr/lib/jvm/java-17-openjdk-amd64/bin/java\0-Xmx512m\0"
			   "-Dcatalina.base=/var/lib/tomcat9\0-Dcatalina.home=/usr/share/tomcat9\0"
			   "org.apache.catalina.startup.Bootstrap\0start\0"),
	.cgroup = BYTES("tomcat9-instance-0123456789abcdef.service\0tenant-0042.slice\0"
			"system.slice\0"),
	.comm = "java",
	.uid = 1000,
	.euid = 1000,
	.gid = 1000,
	.login_uid = 1000,
	.session = 3,
	.parent_pid = 1,
	.parent_start_ns = 1,
};

static void give_life(struct na_processes *processes, union test_record *record, uint32_t pid,
		      uint64_t now)
{
	record->exec.header.pid = pid;
	record->exec.header.start_ns = now;
	record->exec.header.time_ns = now + 10;
	test_fork(processes, 1, 1, pid, now, now);
	if (na_processes_record(processes, &record->header) < 0)
		abort();
	test_exit(processes, pid, now, now + 20);
}

static void measure_memory(void)
{
	struct na_processes_options options = test_options(50000);
	struct na_processes *processes;
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	static union test_record record;

	processes = na_processes_new(&options);
	test_exec_simple(processes, 1, 1, 2, "init");
	test_make_exec(&record, &typical);
	for (uint32_t pid = 2; pid <= PROCESSES; pid++) {
		test_fork(processes, 1, 1, pid, pid, pid);
		record.exec.header.pid = pid;
		record.exec.header.start_ns = pid;
		record.exec.header.time_ns = pid + 10;
		na_processes_record(processes, &record.header);
	}
	printf("%u processes, each forked and executed, before expire: %.1f MiB\n", PROCESSES,
	       (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / (1 << 20));
	na_processes_expire(processes, UINT64_MAX);
	printf("after expire (%zu kept): %.1f MiB, %.0f bytes each\n",
	       na_processes_count(processes),
	       (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / (1 << 20),
	       (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / PROCESSES);
	na_processes_free(processes);
}

static void measure_time(const char *title, const struct na_text *patterns, size_t count)
{
	struct na_processes_options options = test_options(50000);
	static union test_record record;
	struct na_processes *processes;
	double begin;

	options.passwd = "/etc/passwd";
	options.redact = patterns;
	options.redact_count = count;
	processes = na_processes_new(&options);
	test_exec_simple(processes, 1, 1, 2, "init");
	test_make_exec(&record, &typical);
	begin = seconds();
	for (uint32_t i = 0; i < LIVES; i++) {
		give_life(processes, &record, 2 + i % 30000, 100 + (uint64_t)i * 100);
		if (i % 1000 == 0)
			na_processes_expire(processes, (uint64_t)i * 100);
	}
	printf("fork + exec + exit, %s: %.0f ns\n", title, (seconds() - begin) / LIVES * 1e9);
	na_processes_free(processes);
}

static void measure_lookups(void)
{
	struct na_processes_options options = test_options(50000);
	static union test_record record;
	struct na_processes *processes;
	struct na_event event;
	double begin;

	processes = na_processes_new(&options);
	test_make_exec(&record, &typical);
	for (uint32_t pid = 1; pid <= PROCESSES; pid++) {
		record.exec.header.pid = pid;
		record.exec.header.start_ns = pid;
		record.exec.header.time_ns = pid + 10;
		na_processes_record(processes, &record.header);
	}
	begin = seconds();
	for (uint64_t i = 0; i < LOOKUPS; i++) {
		uint32_t pid = 1 + (uint32_t)(i * 7919 % PROCESSES);

		if (!na_processes_get(processes, pid, pid, UINT64_MAX))
			abort();
	}
	printf("get, of %u: %.0f ns\n", PROCESSES, (seconds() - begin) / LOOKUPS * 1e9);
	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	begin = seconds();
	for (uint64_t i = 0; i < LOOKUPS; i++) {
		uint32_t pid = 1 + (uint32_t)(i * 7919 % PROCESSES);

		na_process_fill(na_processes_get(processes, pid, pid, UINT64_MAX), &event);
	}
	printf("get and fill: %.0f ns\n", (seconds() - begin) / LOOKUPS * 1e9);
	na_processes_free(processes);
}

int main(void)
{
	static const struct na_text patterns[] = {TEXT("--password=*"), TEXT("*token*")};

	measure_memory();
	measure_time("no patterns", NULL, 0);
	measure_time("two patterns", patterns, 2);
	measure_lookups();
	return 0;
}
