/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of memory, all of one size, that are used again: so that a busy lane asks the system for
 * none, and gives back all of it when it is at rest. Any thread.
 */
#ifndef NA_POOL_H
#define NA_POOL_H

#include <pthread.h>
#include <stddef.h>

#define NA_POOL_PIECE 65536u

struct na_pool {
	pthread_mutex_t mutex;
	void *spare;   /* a list of pieces that nobody has */
	size_t pieces; /* of the system, spare ones too */
};

void na_pool_init(struct na_pool *pool);
/* Every piece was given back. */
void na_pool_done(struct na_pool *pool);

/* NA_POOL_PIECE bytes of a page's alignment, with anything in them. NULL: out of memory. */
void *na_pool_take(struct na_pool *pool);
void na_pool_give(struct na_pool *pool, void *piece);

/* Gives the spare pieces back to the system. */
void na_pool_trim(struct na_pool *pool);

#endif
