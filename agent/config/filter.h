/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter language: `key=value[,value…]` terms, all must hold, any value matches, `!=` negates,
 * values may be quoted, `*` in strings, CIDR for addresses, `a-b` for ports (and pids, uids).
 * Immutable after parsing: any thread may match.
 */
#ifndef NA_FILTER_H
#define NA_FILTER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "event.h"

struct na_filter;

/*
 * Keys: event family transport pid exe comm user uid container cgroup address source destination
 * port outcome error direction. -EINVAL: `why` got one sentence that names column (from 1), what
 * is wrong, and for an unknown key the nearest one. -ENOMEM. An empty text matches everything.
 */
int na_filter_parse(const char *text, struct na_filter **ret_filter, struct na_buffer *why);
void na_filter_free(struct na_filter *filter);

/* The command line's: the words joined by a space; columns count in what that makes. */
int na_filter_parse_arguments(int argc, char **argv, struct na_filter **ret_filter,
			      struct na_buffer *why);

bool na_filter_match(const struct na_filter *filter, const struct na_event *event);

/* The terms, for those who can apply them earlier than on events (capture's kernel filters). */
enum na_filter_key {
	NA_FILTER_EVENT,
	NA_FILTER_FAMILY,
	NA_FILTER_TRANSPORT,
	NA_FILTER_PID,
	NA_FILTER_EXE,
	NA_FILTER_COMM,
	NA_FILTER_USER,
	NA_FILTER_UID,
	NA_FILTER_CONTAINER,
	NA_FILTER_CGROUP,
	NA_FILTER_ADDRESS,
	NA_FILTER_SOURCE,
	NA_FILTER_DESTINATION,
	NA_FILTER_PORT,
	NA_FILTER_OUTCOME,
	NA_FILTER_ERROR,
	NA_FILTER_DIRECTION,
	NA_FILTER_KEY_COUNT
};

/* The prefix of an address that is a text (a path, or with `*`): it is compared as one. */
#define NA_FILTER_TEXT 255

struct na_filter_value {
	struct na_text text;       /* unquoted, in the case of the event's own names, NUL behind */
	struct na_address address; /* of address keys */
	uint8_t prefix;            /* 0…128, of the mapped address; or NA_FILTER_TEXT */
	uint64_t first, last;      /* of number keys */
};

struct na_filter_term {
	enum na_filter_key key;
	bool negated;
	const struct na_filter_value *values;
	size_t count;
};

/* Borrowed, valid as long as the filter. */
const struct na_filter_term *na_filter_terms(const struct na_filter *filter, size_t *ret_count);

#endif
