/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of fields with the objects around them, ready to be copied. Any thread once they are made.
 */
#ifndef NA_KEYS_H
#define NA_KEYS_H

#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "event.h"

#define NA_KEY_DEPTH_MAX 4 /* objects in each other */
#define NA_KEY_MAX 48      /* bytes of a text: so many are copied, in three pieces and no loop */

struct na_key {
	const char *texts[NA_KEY_DEPTH_MAX + 1]; /* where so many of its objects are open */
	uint8_t lengths[NA_KEY_DEPTH_MAX + 1];
	uint8_t depth;                    /* objects around the field */
	uint16_t first[NA_KEY_DEPTH_MAX]; /* the first field of the object at that depth */
};

struct na_keys {
	struct na_key of[NA_FIELD_COUNT];
	struct na_buffer texts;
};

/*
 * `dotted`: a key is the whole path, and nothing is ever opened. A value that is an object itself
 * is taken apart then and brings its keys along. 0 or -ENOMEM.
 */
int na_keys_init(struct na_keys *keys, bool dotted);
void na_keys_done(struct na_keys *keys);

/* Is the value of the field its own members, with keys? */
bool na_keys_are_in_value(enum na_field field, bool dotted);

/* What stands between two values: so many objects end, and the text is in front of the second. */
struct na_key_text {
	const char *text; /* NA_KEY_MAX bytes can be read */
	uint8_t length, ends;
};

/* Between the value of `last`, -1 for none, and that of `field`: begins with a comma even so. */
struct na_key_text na_keys_get(const struct na_keys *keys, int last, int field);

/* What na_key_put writes at most, and may spoil behind its end. */
#define NA_KEY_ROOM (NA_KEY_DEPTH_MAX + NA_KEY_MAX)

/* Returns the end. */
static inline char *na_key_put(char *to, const struct na_key_text *key)
{
	memcpy(to, "}}}}", NA_KEY_DEPTH_MAX);
	memcpy(to + key->ends, key->text, NA_KEY_MAX);
	return to + key->ends + key->length;
}

#endif
