/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as JSON text, appended to a buffer: what formats that write JSON share; numbers are
 * na_buffer_append_i64's. No allocation but the buffer's growth; a failed one is the buffer's
 * error. Any thread, one at a time on a buffer.
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

/* In quotes: above 2^53 most readers of JSON lose digits. */
void na_json_append_id(struct na_buffer *out, uint64_t value);

/* In quotes, RFC 5952, IPv4-mapped as IPv4. */
void na_json_append_address(struct na_buffer *out, const struct na_address *address);

/* In quotes, "2026-11-24T19:24:00.000000001Z". */
void na_json_append_date(struct na_buffer *out, uint64_t wall_ns);

void na_json_append_boolean(struct na_buffer *out, bool value);

#endif
