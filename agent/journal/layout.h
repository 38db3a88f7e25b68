/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of payloads that are written in journals, and caps that readers rely on: LAYOUT.md. */
#ifndef NA_LAYOUT_H
#define NA_LAYOUT_H

#include <stdint.h>

#define NA_ENTRIES_MAX (1u << 20)       /* of a segment: more than fit into 16 MiB */
#define NA_NAMES_MAX 1024u              /* of fields, and of events */
#define NA_TEXTS_MAX 4096u              /* of all lists of an entry, or of an event */
#define NA_LATE_NS UINT64_C(1000000000) /* a late fact is of events made within that time */
#define NA_VARINT_MAX 10u               /* bytes */

/* What an entry describes, its first byte. From NA_GROUP_FIELDS on an entry is a set of fields. */
enum na_group {
	NA_GROUP_CONSTANTS, /* fields that every event of the segment has */
	NA_GROUP_SHAPE,     /* which fields events have, and those that are the same in many */
	NA_GROUP_PROCESS,
	NA_GROUP_FIELDS = NA_GROUP_PROCESS,
	NA_GROUP_USER,
	NA_GROUP_HOST,
	NA_GROUP_CREATOR,
	NA_GROUP_CLOSER,
	NA_GROUP_COUNT
};
#define NA_GROUPS_MAX 32u /* bits of a shape's references */

#endif
