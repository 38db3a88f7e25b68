/* SPDX-License-Identifier: Apache-2.0 */
/* Stands before malloc and its like (ld --wrap) and lets the n-th call fail. */
#include "failing_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local unsigned long left;
static _Thread_local bool failed;

void na_memory_fail_at(unsigned long n)
{
	left = n;
	failed = false;
}

bool na_memory_has_failed(void)
{
	return failed;
}

static bool fails(void)
{
	if (!left || --left)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

#define WRAP(type, name, parameters, arguments)                                                    \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return fails() ? NULL : __real_##name arguments;                                   \
	}

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, (void *old, size_t size), (old, size))
WRAP(void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size))
WRAP(char *, strdup, (const char *text), (text))
WRAP(char *, strndup, (const char *text, size_t length), (text, length))
