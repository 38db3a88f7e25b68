/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the reader share: a journal that is made, and a reader of it. One test program
 * each. */
#ifndef NA_READER_FIXTURE_H
#define NA_READER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "journal/reader.h"
#include "made.h"

static struct made made;
static struct na_reader *reader;
static struct na_reader_item item;

/* `tail` NULL: the segments alone. */
static void open_with(const char *tail)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	const struct na_reader_options options = {.path = made.folder, .tail = tail};

	na_reader_close(&reader);
	assert_int_equal(na_reader_open(&options, &reader, &why), 0);
}

static int setup(void **state)
{
	(void)state;
	made_init(&made);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	na_reader_close(&reader);
	made_done(&made);
	return 0;
}

#endif
