/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent's programs cost a load: each load against each toggle, one line of key=value a
 * comparison on stdout, for scripts/bench-table.
 *
 * Usage: load_bench [--load NAME] [--toggle NAME] [--pairs N] [--block-ms N]
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "load.h"
#include "toggle.h"
#include "with_capture.h"

#define EXIT_USAGE 64
#define EXIT_SKIPPED 77

struct options {
	const char *load;   /* NULL: all */
	const char *toggle; /* NULL: all */
	unsigned long pairs;
	unsigned long block_ms;
};

static bool parse_number(const char *text, unsigned long max, unsigned long *ret_number)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (end == text || *end || !number || number > max)
		return false;
	*ret_number = number;
	return true;
}

static bool parse(int argc, char **argv, struct options *ret_options)
{
	static const struct option known[] = {
		{"load", required_argument, NULL, 'l'},
		{"toggle", required_argument, NULL, 't'},
		{"pairs", required_argument, NULL, 'p'},
		{"block-ms", required_argument, NULL, 'b'},
		{0},
	};
	bool good = true;
	int option;

	while (good && (option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'l')
			ret_options->load = optarg;
		else if (option == 't')
			ret_options->toggle = optarg;
		else if (option == 'p')
			good = parse_number(optarg, BENCH_PAIRS_MAX, &ret_options->pairs);
		else
			good = option == 'b' && parse_number(optarg, 60000, &ret_options->block_ms);
	}
	return good && optind == argc;
}

static void print_spread(const char *name, const struct bench_spread *spread, int digits)
{
	printf(" %s=%.*f %s_q1=%.*f %s_q3=%.*f %s_error=%.*f", name, digits, spread->median, name,
	       digits, spread->q1, name, digits, spread->q3, name, digits, spread->error);
}

/* The names are what scripts/bench-table knows; only append. */
static void print(const char *load, const char *toggle, const struct bench_comparison *comparison)
{
	printf("bench load=%s with=%s blocks=%zu rate_off=%.0f", load, toggle,
	       2 * comparison->pairs, comparison->rate.median);
	print_spread("ratio", &comparison->ratio, 4);
	print_spread("cpu_ratio", &comparison->cpu_ratio, 4);
	print_spread("added_ns", &comparison->added, 0);
	printf(" share=%.2f", comparison->share.median);
}

static void print_records(struct bench_capture *capture)
{
	struct bench_counts counts = bench_capture_count(capture);

	printf(" records=%" PRIu64 " lost=%" PRIu64, counts.records, counts.lost);
	if (counts.connections)
		printf(" reader_ns=%" PRIu64, counts.cpu_ns / counts.connections);
}

static int measure(const struct options *options, const struct bench_operation *operation,
		   const struct bench_toggle *toggle)
{
	struct bench_comparison comparison;
	struct bench_load *load;
	struct bench_meter meter = {.measure = bench_load_measure};
	int error;

	error = bench_load_start(operation, options->block_ms * NA_NS_PER_MS, &load);
	if (error < 0)
		return error;
	meter.context = load;
	error = bench_compare(&meter, toggle, options->pairs, &comparison);
	bench_load_stop(&load);
	if (!error)
		print(operation->name, toggle->name, &comparison);
	return error;
}

static bool is_wanted(const char *wanted, const char *name)
{
	return !wanted || strcmp(wanted, name) == 0;
}

/* The wanted loads with one toggle; `capture` is NULL for the control. Adds to *count. */
static int measure_with(const struct options *options, const struct bench_toggle *toggle,
			struct bench_capture *capture, unsigned int *count)
{
	int error = 0;

	if (!is_wanted(options->toggle, toggle->name))
		return 0;
	for (size_t i = 0; bench_operations[i] && !error; i++) {
		if (!is_wanted(options->load, bench_operations[i]->name))
			continue;
		error = measure(options, bench_operations[i], toggle);
		if (!error && capture)
			print_records(capture);
		if (!error)
			puts("");
		fflush(stdout);
		++*count;
	}
	return error;
}

static int measure_reader(const struct options *options, enum bench_reader reader,
			  unsigned int *count)
{
	struct bench_capture *capture;
	struct bench_toggle toggle;
	int error = bench_capture_open(reader, &capture);

	if (error < 0)
		return error;
	toggle = bench_capture_toggle(capture);
	error = measure_with(options, &toggle, capture, count);
	bench_capture_close(&capture);
	return error;
}

int main(int argc, char **argv)
{
	struct options options = {.pairs = 14, .block_ms = 500};
	unsigned int count = 0;
	int error;

	if (!parse(argc, argv, &options)) {
		fputs("Usage: load_bench [--load NAME] [--toggle NAME] [--pairs N] [--block-ms "
		      "N]\n",
		      stderr);
		return EXIT_USAGE;
	}
	error = measure_with(&options, &bench_toggle_nothing, NULL, &count);
	for (int reader = 0; reader < BENCH_READER_COUNT && !error; reader++)
		error = measure_reader(&options, (enum bench_reader)reader, &count);
	if (!error && !count) {
		fputs("load_bench: no such load or toggle\n", stderr);
		return EXIT_USAGE;
	}
	if (error == -EPERM) {
		puts("a network namespace and programs need root");
		return EXIT_SKIPPED;
	}
	if (error < 0)
		fprintf(stderr, "load_bench: %s\n", strerrordesc_np(-error));
	return error < 0;
}
