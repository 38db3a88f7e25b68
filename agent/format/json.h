/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as JSON text, appended to a buffer: what formats that write JSON share. No allocation but
 * the buffer's growth; a failed one is the buffer's error. Any thread, one at a time on a buffer.
 */
#ifndef NA_JSON_H
#define NA_JSON_H

#include "base/buffer.h"
#include "event.h"

/*
 * In quotes. Bytes that are not UTF-8 become U+FFFD; control characters (NUL, DEL and C1 too, which
 * terminals obey) are escaped.
 */
void na_json_append_text(struct na_buffer *out, struct na_text text);

/* An array of them. */
void na_json_append_texts(struct na_buffer *out, const struct na_texts *texts);

/* In quotes, "2026-11-24T19:24:00.000000001Z". */
void na_json_append_date(struct na_buffer *out, uint64_t wall_ns);

/*
 * Values of a few bytes, where there is room for NA_JSON_PUT_MAX: what is behind their end may be
 * spoilt. They return the end.
 */
#define NA_JSON_PUT_MAX 64

char *na_json_put_long(char *to, int64_t value);

/* In quotes: above 2^53 most readers of JSON lose digits. */
char *na_json_put_id(char *to, uint64_t value);

/* In quotes, RFC 5952, IPv4-mapped as IPv4. */
char *na_json_put_address(char *to, const struct na_address *address);

/* The second that was written last: dates of one event, and of the next, mostly share it. */
struct na_json_second {
	uint64_t seconds;
	char text[sizeof("\"1970-01-01T00:00:00.") - 1]; /* begins with NUL: none */
};
char *na_json_put_date(char *to, uint64_t wall_ns, struct na_json_second *second);

char *na_json_put_boolean(char *to, bool value);

#endif
