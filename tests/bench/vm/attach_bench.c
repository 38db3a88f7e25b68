/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it takes to load, attach and detach the programs of each tier that this kernel has, and how
 * many instructions its verifier looks at. Time that passes, and processor time, which in a guest
 * with --icount is instructions.
 *
 *   attach_bench [--programs] [TIER…]
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture.h"

#define EXIT_USAGE 64
#define EXIT_SKIPPED 77

struct moment {
	uint64_t wall_ns, cpu_ns;
};

static struct moment now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (struct moment){
		.wall_ns = na_clock_awake_ns(),
		.cpu_ns = (uint64_t)time.tv_sec * NA_NS_PER_SEC + (uint64_t)time.tv_nsec,
	};
}

static void print_since(const char *what, struct moment start)
{
	struct moment end = now();

	printf(" %s_ms=%.1f %s_cpu_ms=%.1f", what,
	       (double)(end.wall_ns - start.wall_ns) / (double)NA_NS_PER_MS, what,
	       (double)(end.cpu_ns - start.cpu_ns) / (double)NA_NS_PER_MS);
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

static void print_programs(const struct na_program_state *programs)
{
	for (int i = 0; i < NA_PROGRAM_COUNT; i++)
		if (programs[i].verified)
			printf("  %-40s %8u verified\n", programs[i].source, programs[i].verified);
}

/* A tier that the kernel cannot give is said, and no failure. */
static void measure(enum na_tier tier, bool with_programs)
{
	struct na_capture_options options = fixture_options();
	struct na_capture *capture;
	struct na_buffer why = {0};
	struct moment start = now();

	options.attach = tier;
	printf("tier=%s", na_tier_name(tier));
	if (na_capture_open(&options, &capture, &why) < 0) {
		printf(" cannot be had: %.*s\n", (int)why.length, why.data);
	} else if (na_capture_tier(capture) != tier) {
		puts(" cannot be had");
		na_capture_close(&capture);
	} else {
		print_since("attach", start);
		print_verified(na_capture_programs(capture));
		start = now();
		na_capture_detach(capture);
		print_since("detach", start);
		puts("");
		if (with_programs)
			print_programs(na_capture_programs(capture));
		na_capture_close(&capture);
	}
	na_buffer_done(&why);
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

	if (geteuid()) {
		puts("programs need root");
		return EXIT_SKIPPED;
	}
	for (int tier = NA_TIER_CGROUP; tier < NA_TIER_COUNT; tier++) {
		if (!is_wanted((enum na_tier)tier, argc - first, argv + first))
			continue;
		measure((enum na_tier)tier, with_programs);
		fflush(stdout);
		count++;
	}
	return count ? 0 : EXIT_USAGE;
}
