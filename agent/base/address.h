/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text. Any thread. */
#ifndef NA_ADDRESS_H
#define NA_ADDRESS_H

#include <stddef.h>

#include "event.h"

/* Eight groups of four digits, seven colons, NUL. */
#define NA_ADDRESS_TEXT_SIZE 40

/* RFC 5952, IPv4-mapped as IPv4. Writes a NUL, returns the length without it. */
size_t na_address_format(const struct na_address *address, char ret_text[NA_ADDRESS_TEXT_SIZE]);

#endif
