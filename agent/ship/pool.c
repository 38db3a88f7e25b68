/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings, and a list of those that are spare, the last one first: its memory is in the cache. */
#include "ship/pool.h"

#include <sys/mman.h>

static void *take_spare(struct na_pool *pool)
{
	void **piece = pool->spare;

	if (piece)
		pool->spare = *piece;
	return piece;
}

/* ------------------------------------------------------------------------------------------- */

void na_pool_init(struct na_pool *pool)
{
	pthread_mutex_init(&pool->mutex, NULL);
	pool->spare = NULL;
	pool->pieces = 0;
}

void na_pool_done(struct na_pool *pool)
{
	na_pool_trim(pool);
	pthread_mutex_destroy(&pool->mutex);
}

void *na_pool_take(struct na_pool *pool)
{
	void *piece;

	pthread_mutex_lock(&pool->mutex);
	piece = take_spare(pool);
	if (!piece) {
		piece = mmap(NULL, NA_POOL_PIECE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		piece = piece == MAP_FAILED ? NULL : piece;
		pool->pieces += piece != NULL;
	}
	pthread_mutex_unlock(&pool->mutex);
	return piece;
}

void na_pool_give(struct na_pool *pool, void *piece)
{
	pthread_mutex_lock(&pool->mutex);
	*(void **)piece = pool->spare;
	pool->spare = piece;
	pthread_mutex_unlock(&pool->mutex);
}

void na_pool_trim(struct na_pool *pool)
{
	void *piece;

	pthread_mutex_lock(&pool->mutex);
	while ((piece = take_spare(pool))) {
		munmap(piece, NA_POOL_PIECE);
		pool->pieces--;
	}
	pthread_mutex_unlock(&pool->mutex);
}
