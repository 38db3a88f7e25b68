/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursors of outputs that are configured no more: left in their place they would hold the journal
 * back for nobody, and make losses of what nobody waits for. Main thread, before the outputs start.
 */
#ifndef NA_RETIRE_H
#define NA_RETIRE_H

#include "ship/ship.h"

/*
 * NAME.cursor of others than the given outputs becomes NAME.cursor.unused, and comes back when its
 * output does: it goes on where it was, as far as the journal still holds that. What cannot be
 * renamed stays; it is tried again at the next start. Negative errno: the folder cannot be read.
 */
int na_ship_retire(const char *folder, const struct na_ship_output *outputs, size_t count);

#endif
