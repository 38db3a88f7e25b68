/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from other fields of an event is not stored, where it follows exactly: a shape says
 * so, the reader makes it again. Any thread.
 */
#ifndef NA_DERIVE_H
#define NA_DERIVE_H

#include "base/address.h"
#include "event.h"

/* Bits of a shape; written in journals. */
enum na_derived_bit {
	NA_DERIVED_SOURCE_ADDRESS = 0x01,      /* source.address is source.ip as text */
	NA_DERIVED_DESTINATION_ADDRESS = 0x02, /* the same */
	NA_DERIVED_RELATED_SOURCE = 0x04,      /* related.ip has source.address, */
	NA_DERIVED_RELATED_DESTINATION = 0x08, /* then destination.address */
	NA_DERIVED_COOKIE = 0x10, /* netaudit.connection.id: prefix, cookie in hex, -, ordinal */
	NA_DERIVED_INODE = 0x20,  /* prefix, i, inode in hex, -, ordinal */
	NA_DERIVED_ALL = 0x3f,
};
#define NA_DERIVED_CONNECTION (NA_DERIVED_COOKIE | NA_DERIVED_INODE)

#define NA_DERIVED_PREFIX_MAX 64u /* bytes: a longer one is stored as it is */

struct na_derived {
	unsigned int bits;
	struct na_text prefix; /* of the connection's id; the same in all events of a boot */
	uint64_t ordinal;
};

/* The prefix points into the event. */
void na_derive(const struct na_event *event, struct na_derived *ret_derived);

/* Texts of an event that were made again. */
struct na_restored {
	char addresses[2][NA_ADDRESS_TEXT_SIZE];
	struct na_text related[2];
	char connection[NA_DERIVED_PREFIX_MAX + 1 + 16 + 1 + 16];
};

/* Sets what `derived` names, from the event's fields. false: these are not there. */
bool na_restore(const struct na_derived *derived, struct na_restored *texts,
		struct na_event *event);

#endif
