/* SPDX-License-Identifier: Apache-2.0 */
/* Middle and spread of a few numbers. Any thread. */
#ifndef NA_BENCH_STATISTICS_H
#define NA_BENCH_STATISTICS_H

#include <stddef.h>

struct bench_spread {
	double q1, median, q3; /* between two numbers by their distance (R's type 7) */
	double mean;
	double error; /* standard error of the mean; 0 of a single number */
};

/* Sorts the numbers; count > 0. */
struct bench_spread bench_spread_of(double *numbers, size_t count);

#endif
