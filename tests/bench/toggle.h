/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What something costs a load, by switching it on and off while the load goes on: blocks of time in
 * turn, each with it compared with its neighbour without. Separate runs on one machine differ by 10
 * %; neighbours of half a second do not.
 */
#ifndef NA_BENCH_TOGGLE_H
#define NA_BENCH_TOGGLE_H

#include <stddef.h>

#include "statistics.h"

#define BENCH_PAIRS_MAX 1024

/* What is switched: 0 or a negative errno. Called from the thread that measures. */
struct bench_toggle {
	const char *name;
	int (*on)(void *context);
	int (*off)(void *context);
	void *context;
};

/* The control: switches nothing. What it shows is the error of the method. */
extern const struct bench_toggle bench_toggle_nothing;

/* One block of a load. */
struct bench_sample {
	double rate;   /* operations a second, of all threads */
	double cpu_ns; /* processor time of an operation */
	double share;  /* of the block that the threads ran: below 1, others ran in their place */
};

/* Waits for one block of the load; 0 or a negative errno. */
struct bench_meter {
	int (*measure)(void *context, struct bench_sample *ret_sample);
	void *context;
};

/*
 * `ratio` is what a user sees, on a machine that has nothing else to do; `cpu_ratio` and `added`
 * hold on a shared one too, but leave out what the reader of the rings takes from the load.
 */
struct bench_comparison {
	size_t pairs;
	struct bench_spread rate;      /* without, operations a second */
	struct bench_spread ratio;     /* rate with / without, pair by pair */
	struct bench_spread cpu_ratio; /* processor time without / with, pair by pair */
	struct bench_spread added;     /* ns of processor time that an operation takes more with */
	struct bench_spread share;
};

/* Off, on, off, on … `pairs` (1…BENCH_PAIRS_MAX) times; it is off at the end, also after an error.
 */
int bench_compare(const struct bench_meter *meter, const struct bench_toggle *toggle, size_t pairs,
		  struct bench_comparison *ret_comparison);

#endif
