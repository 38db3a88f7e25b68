/* SPDX-License-Identifier: Apache-2.0 */
/* A journal in a folder of its own, events for it, and what is found in it afterwards. */
#ifndef NA_STORE_SUPPORT_H
#define NA_STORE_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"

#define NA_TEST_PATH_SIZE 64

struct na_world {
	char root[NA_TEST_PATH_SIZE], folder[NA_TEST_PATH_SIZE], tail[NA_TEST_PATH_SIZE];
	struct na_journal_options options;
};

/* An event as its frame says. */
struct na_found {
	uint64_t sequence, epoch, stamp, position;
};

struct na_harvest {
	struct na_found *items;
	size_t count, size;
	uint64_t reached; /* position; what a file and the tail both have is one event */
};

/* Tiny segments and a tiny tail, in memory where the machine has such a place. */
void na_world_init(struct na_world *world);
void na_world_done(struct na_world *world);

/* Of a child that was killed in the middle: the paths are given. */
struct na_journal *na_world_open(struct na_world *world);

/* A far deadline. */
uint64_t na_soon(void);

/* The next event; `stamp` is its @timestamp, which no two events share. Its number. */
uint64_t na_append(struct na_journal *journal, uint64_t stamp);

/* Takes a loss and appends the event that tells it. */
bool na_tell(struct na_journal *journal, uint64_t stamp, struct na_journal_loss *ret_loss);

/* All events of segments and tail, in order of position, each frame checked. */
void na_harvest(const struct na_world *world, struct na_harvest *ret_harvest);
void na_harvest_done(struct na_harvest *harvest);

/* All numbers from `first` to `last` are there, once and in order; else the program ends. */
void na_world_has(const struct na_world *world, uint64_t first, uint64_t last);

/* The n-th file (from 0) whose name ends so, in byte order; false: there is none. */
bool na_world_file(const struct na_world *world, const char *suffix, size_t n,
		   char path[2 * NA_TEST_PATH_SIZE]);

#endif
