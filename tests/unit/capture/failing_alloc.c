/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the n-th allocation fail. */
#include "failing_alloc.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static _Thread_local size_t left;
static _Thread_local bool failed;

static bool fails_now(void)
{
	if (left == 0 || --left > 0)
		return false;
	failed = true;
	return true;
}

/* ------------------------------------------------------------------------------------------- */

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails_now() ? NULL : __real_realloc(memory, size);
}

void na_failing_alloc_arm(size_t n)
{
	left = n;
	failed = false;
}

bool na_failing_alloc_disarm(void)
{
	left = 0;
	return failed;
}
