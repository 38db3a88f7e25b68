/* SPDX-License-Identifier: Apache-2.0 */
/* Middle and spread of a few numbers. */
#include "statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double quantile(const double *sorted, size_t count, double part)
{
	double place = part * (double)(count - 1);
	size_t below = (size_t)place;

	if (below + 1 == count)
		return sorted[below];
	return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

static double mean_of(const double *numbers, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += numbers[i];
	return sum / (double)count;
}

static double error_of(const double *numbers, size_t count, double mean)
{
	double squares = 0;

	if (count < 2)
		return 0;
	for (size_t i = 0; i < count; i++)
		squares += (numbers[i] - mean) * (numbers[i] - mean);
	return sqrt(squares / (double)(count - 1) / (double)count);
}

/* ------------------------------------------------------------------------------------------- */

struct bench_spread bench_spread_of(double *numbers, size_t count)
{
	struct bench_spread spread;

	assert(count > 0);
	qsort(numbers, count, sizeof(*numbers), compare);
	spread.q1 = quantile(numbers, count, 0.25);
	spread.median = quantile(numbers, count, 0.5);
	spread.q3 = quantile(numbers, count, 0.75);
	spread.mean = mean_of(numbers, count);
	spread.error = error_of(numbers, count, spread.mean);
	return spread;
}
