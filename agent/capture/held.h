/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel programs that stay without a link that could be pinned: kprobes before 5.15, which a perf
 * event holds. The service manager keeps its descriptor (base/fd_store.h), named by layout, program
 * and the program's number, so that what another load left is never taken for this one's. The
 * numbers stand in the memory that is pinned with the layout. Main thread.
 */
#ifndef NA_HELD_H
#define NA_HELD_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/takeover.h"

struct na_capture;

/*
 * Hands the perf event of an attached program to the manager. 0, or negative errno: `why` got a
 * sentence.
 */
int na_held_put(struct na_capture *capture, enum na_program id, int fd, struct na_buffer *why);

/* After all of them: are they kept? 0, also without any; or negative errno, as before. */
int na_held_settle(const struct na_capture *capture, struct na_buffer *why);
/* The manager is told to forget them all. */
void na_held_forget(const struct na_capture *capture);

/*
 * Goes on with a program that the memory says is held: 0 and its descriptor in program_fds, or
 * negative errno: the manager did not hand it over, or it is another one.
 */
int na_held_take(struct na_capture *capture, enum na_program id);

/* After na_capture_begin: what the manager handed over and is not gone on with is detached. */
void na_held_drop_others(const struct na_capture *capture);

/* Of a layout that an agent left: how many are held, and how many of those are attached still. */
size_t na_held_count(const struct na_memory *memory, size_t *ret_attached);

#endif
