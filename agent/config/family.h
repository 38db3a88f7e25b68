/* SPDX-License-Identifier: Apache-2.0 */
/* Names of address families: AF_INET is "inet". Any thread. */
#ifndef NA_FAMILY_H
#define NA_FAMILY_H

#include "event.h"

struct na_suggestion;

/* -ENOENT when no family has this name. */
int na_family_find(struct na_text name, unsigned int *ret_number);

/* Offers all names. */
void na_family_suggest(struct na_suggestion *suggestion);

#endif
