/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start finds: folder, state, segments and tail, each of them perhaps missing or damaged,
 * and where numbers go on. Main thread, before the writer is started.
 */
#ifndef NA_JOURNAL_RECOVER_H
#define NA_JOURNAL_RECOVER_H

#include "base/buffer.h"
#include "journal/store.h"

/*
 * Opens the store of `store->options`: on success the tail is there and says the next position
 * (`end`) and the last number (`sequence`), the state has a new epoch and is stored if it can be.
 * -EBUSY, or why the tail cannot be made; what is wrong with the folder is for later.
 */
int na_recover(struct na_store *store, struct na_buffer *why);

#endif
