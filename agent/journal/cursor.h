/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far an output has come: one small file each, two checksummed slots that are written in turn,
 * so that a crash leaves the one before. Written by the shipping process, read by the journal's
 * writer, which trusts nothing in it.
 */
#ifndef NA_CURSOR_H
#define NA_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct na_cursor {
	uint8_t journal[16]; /* the journal that the rest is of */
	uint64_t position;   /* everything in front of it is delivered, or was given up and told */
	uint64_t sequence;   /* of the last event in front of it */
	uint64_t own;        /* records of the output's own so far: for their ids */
};

/* -ENOENT: none yet; -EBADMSG: both slots are damaged; `why` names the file. */
int na_cursor_load(const char *path, struct na_cursor *ret_cursor, struct na_buffer *why);

/* Replaces the older slot; durable (fdatasync) when `sync`. Negative errno. */
int na_cursor_store(const char *path, const struct na_cursor *cursor, bool sync);

/*
 * The lowest position over all `*.cursor` files of a folder for that journal; UINT64_MAX: there is
 * none. Damaged ones count as 0: nothing is deleted because of a bad file… until the journal is
 * full.
 */
uint64_t na_cursor_lowest(const char *folder, const uint8_t journal[16]);

#endif
