/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users, from a passwd file: not by NSS, which may ask the network and block. One thread.
 * The file is looked at once a second at most and read again when it changed; while it cannot be
 * read, the names last read stay.
 */
#ifndef NA_PROCESS_USERS_H
#define NA_PROCESS_USERS_H

#include <stdint.h>

#include "event.h"

struct na_users;

/* Borrows `path`. NULL: out of memory. */
struct na_users *na_users_new(const char *path);
void na_users_free(struct na_users *users);

/* Empty when the file does not name `uid`. Valid until the next call. */
struct na_text na_users_name(struct na_users *users, uint32_t uid);

#endif
