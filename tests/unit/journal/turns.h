/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's thread and the one that it makes take turns, in time that only they make pass: what
 * happens is decided by a seed. For a program linked with the options of na_turns, whose calls of
 * pthread_create, pthread_join, waits, locks, futexes, clocks and getrandom come here. While off,
 * all go through to the real ones, and so they must where another thread is made.
 */
#ifndef NA_TURNS_H
#define NA_TURNS_H

#include <stdbool.h>
#include <stdint.h>

/* ThreadSanitizer follows threads only. */
#ifdef __SANITIZE_THREAD__
#define NA_TURNS_WORK 0
#else
#define NA_TURNS_WORK 1
#endif

/* The turn changes at locks, waits, and where na_turns_pass is called. */
void na_turns_begin(uint64_t seed);
void na_turns_end(void);

/* Here the turn may change, or the process die. */
void na_turns_pass(void);

/*
 * At the n-th chance from now both die: `died` is called, and from then on they are expected to
 * find their end, with calls that do nothing. 0: never mind.
 */
void na_turns_die_after(uint64_t chances, void (*died)(void));

/* A number below `limit`, by the seed. */
uint32_t na_turns_draw(uint32_t limit);

#endif
