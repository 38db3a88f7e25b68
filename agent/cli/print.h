/* SPDX-License-Identifier: Apache-2.0 */
/* Events to stdout: aligned lines for a person, or ECS JSON. One thread. */
#ifndef NA_PRINT_H
#define NA_PRINT_H

#include <stdbool.h>

#include "event.h"

struct na_filter;
struct na_print;

struct na_print_options {
	const struct na_event *constants; /* on every JSON line; borrowed */
	const struct na_filter *filter;   /* what is printed; NULL: everything. Borrowed */
	bool json;
	bool colour;
	unsigned int width; /* columns; 0: as many as the terminal has, else 160 */
};

/* NULL: out of memory. */
struct na_print *na_print_new(const struct na_print_options *options);
void na_print_free(struct na_print *print);

/* Buffers; writes when much has gathered. Its put fails as na_print_flush does. */
struct na_sink *na_print_sink(struct na_print *print);

/* -EPIPE: the reader is gone. Other negative errno of the write; later calls return the same. */
int na_print_flush(struct na_print *print);

/* The terminal was resized. */
void na_print_resize(struct na_print *print);

#endif
