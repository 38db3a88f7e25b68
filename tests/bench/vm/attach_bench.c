/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it takes to load, attach and detach the programs of each tier that this kernel has, and how
 * many instructions its verifier looks at. Time that passes, and processor time, which in a guest
 * with --icount is instructions.
 *
 *   attach_bench                          all tiers; fails when the cgroup tier takes more than 1 s
 *   attach_bench [--programs] TIER…       some; --programs: each program, and the time to load it
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "base/clock.h"
#include "capture/capture_internal.h"
#include "fixture.h"

#define EXIT_USAGE 64
#define EXIT_SKIPPED 77
#define FDS_MAX 4096
#define GOAL_NS NA_NS_PER_SEC /* of processor time, natively: for the cgroup tier */

/* Of each program that was loaded last with this descriptor: the processor time of its load. */
static uint64_t load_ns[FDS_MAX];

struct moment {
	uint64_t wall_ns, cpu_ns;
};

static uint64_t read_clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * NA_NS_PER_SEC + (uint64_t)time.tv_nsec;
}

static struct moment now(void)
{
	return (struct moment){
		.wall_ns = na_clock_awake_ns(),
		.cpu_ns = read_clock_ns(CLOCK_PROCESS_CPUTIME_ID),
	};
}

/* libc's, in front of it: libbpf loads a program by it, and the kernel keeps no time of that. */
long syscall(long number, ...)
{
	static long (*real)(long, ...);
	uint64_t start_ns = read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	long arguments[6], result;
	va_list list;

	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	result = real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		      arguments[5]);
	if (number == SYS_bpf && arguments[0] == BPF_PROG_LOAD && result >= 0 && result < FDS_MAX)
		load_ns[result] = read_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
	return result;
}

static double ms(uint64_t ns)
{
	return (double)ns / (double)NA_NS_PER_MS;
}

/* The processor time. */
static uint64_t print_since(const char *what, struct moment start)
{
	struct moment end = now();

	printf(" %s_ms=%.1f %s_cpu_ms=%.1f", what, ms(end.wall_ns - start.wall_ns), what,
	       ms(end.cpu_ns - start.cpu_ns));
	return end.cpu_ns - start.cpu_ns;
}

static void print_verified(const struct na_program_state *programs)
{
	uint64_t sum = 0;
	uint32_t most = 0;
	const char *which = "-";

	for (int i = 0; i < NA_PROGRAM_COUNT; i++) {
		sum += programs[i].verified;
		if (programs[i].verified > most) {
			most = programs[i].verified;
			which = programs[i].source;
		}
	}
	printf(" verified=%" PRIu64 " verified_most=%u verified_most_of=%s", sum, most, which);
}

static void print_program(const char *source, uint64_t verified, uint64_t took_ns)
{
	printf("  %-40s %8" PRIu64 " verified %8.2f ms\n", source, verified, ms(took_ns));
}

static void print_programs(const struct na_capture *capture)
{
	uint64_t verified = 0, took_ns = 0;

	for (int i = 0; i < NA_PROGRAM_COUNT; i++) {
		int fd = capture->programs[i] ? bpf_program__fd(capture->programs[i]) : -1;

		if (fd < 0 || fd >= FDS_MAX)
			continue;
		print_program(capture->states[i].source, capture->states[i].verified, load_ns[fd]);
		verified += capture->states[i].verified;
		took_ns += load_ns[fd];
	}
	print_program("all of them", verified, took_ns);
}

static uint64_t measure_capture(struct na_capture *capture, struct moment start, bool with_programs)
{
	uint64_t cpu_ns = print_since("attach", start);

	print_verified(na_capture_programs(capture));
	start = now();
	na_capture_detach(capture);
	print_since("detach", start);
	puts("");
	if (with_programs)
		print_programs(capture);
	return cpu_ns;
}

/* Processor time until all is attached; 0: a tier that the kernel cannot give, which is said. */
static uint64_t measure(enum na_tier tier, bool with_programs)
{
	struct na_capture_options options = fixture_options();
	struct na_capture *capture = NULL;
	struct na_buffer why = {0};
	struct moment start = now();
	uint64_t cpu_ns = 0;

	options.attach = tier;
	printf("tier=%s", na_tier_name(tier));
	if (na_capture_open(&options, &capture, &why) < 0)
		printf(" cannot be had: %.*s\n", (int)why.length, why.data);
	else
		cpu_ns = measure_capture(capture, start, with_programs);
	na_capture_close(&capture);
	na_buffer_done(&why);
	return cpu_ns;
}

static bool is_wanted(enum na_tier tier, int count, char **names)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], na_tier_name(tier)) == 0)
			return true;
	return !count;
}

int main(int argc, char **argv)
{
	bool with_programs = argc > 1 && strcmp(argv[1], "--programs") == 0;
	int first = 1 + with_programs, count = 0;
	uint64_t cgroup_ns = 0;

	if (geteuid()) {
		puts("programs need root");
		return EXIT_SKIPPED;
	}
	for (int tier = NA_TIER_CGROUP; tier < NA_TIER_COUNT; tier++) {
		uint64_t cpu_ns;

		if (!is_wanted((enum na_tier)tier, argc - first, argv + first))
			continue;
		cpu_ns = measure((enum na_tier)tier, with_programs);
		fflush(stdout);
		cgroup_ns = tier == NA_TIER_CGROUP ? cpu_ns : cgroup_ns;
		count++;
	}
	if (argc == 1 && cgroup_ns > GOAL_NS) {
		printf("the cgroup tier took more than %.0f ms of processor time\n", ms(GOAL_NS));
		return 1;
	}
	return count ? 0 : EXIT_USAGE;
}
