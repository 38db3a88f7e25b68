/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NA_HOOKS_DETACH_H
#define NA_HOOKS_DETACH_H

/*
 * Detaches what an agent left for the next one, and says what it did. An enum na_exit: TRY_AGAIN
 * while an agent runs, or where the service manager keeps some of it. Main thread.
 */
int na_hooks_detach(void);

#endif
