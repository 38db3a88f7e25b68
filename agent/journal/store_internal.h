/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the store share and nobody else sees. Threads as in store.h. */
#ifndef NA_JOURNAL_STORE_INTERNAL_H
#define NA_JOURNAL_STORE_INTERNAL_H

#include "journal/store.h"

/* Positions are reserved so many bytes ahead: more than a tail holds, twice. */
#define NA_POSITION_BLOCK(store)                                                                   \
	(4 * (store)->tail.size > (UINT64_C(1) << 30) ? 4 * (store)->tail.size : UINT64_C(1) << 30)

/* ThreadSanitizer does not know fences, and misses none: what they order here is atomic. */
static inline void na_fence(memory_order order)
{
#ifdef __SANITIZE_THREAD__
	(void)order;
#else
	atomic_thread_fence(order);
#endif
}

/* A journal gets a new UUID; segments with the older one stay ours. */
void na_state_rename(struct na_state *state, const uint8_t older[16]);

/* For na_segments_load; `context` is a struct na_state. */
bool na_state_is_ours(void *context, const uint8_t journal[16]);

/* Any thread: readers should look at the tail again. */
void na_store_wake_readers(struct na_tail_head *head);

#endif
