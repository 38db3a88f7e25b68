/* SPDX-License-Identifier: Apache-2.0 */
/* Names of address families: AF_INET is "inet". Any thread. */
#ifndef NA_FAMILY_H
#define NA_FAMILY_H

#include "event.h"

/* -ENOENT when no family has this name. */
int na_family_find(struct na_text name, unsigned int *ret_number);

/* NULL: no such family. */
const char *na_family_name(unsigned int number);

/* Numbers are below this. */
extern const unsigned int na_family_count;

#endif
