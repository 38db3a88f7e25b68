/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.json in the folder of the shipping process: what `netaudit status` shows of each output.
 *
 *   {"outputs": [{"name", "type", "state": "working" | "retrying" | "held" | "ended",
 *     "last_error" (absent: none), "sent", "acknowledged", "rejected", "left_out", "lost", "bytes",
 *     "retries", "lag_events", "lag_seconds"}]}
 *
 * One thread.
 */
#ifndef NA_STATUS_FILE_H
#define NA_STATUS_FILE_H

#include "ship/ship.h"

struct na_status_file;

/* NULL: out of memory. */
struct na_status_file *na_status_file_new(const char *folder);
void na_status_file_free(struct na_status_file *file);

/* Replaces the file at once, when something changed. 0 or negative errno. */
int na_status_file_write(struct na_status_file *file, const struct na_ship_status *outputs,
			 size_t count);

#endif
