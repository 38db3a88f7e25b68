/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Untrusted bytes on a terminal: each character as what can be shown and does nothing, with the
 * columns it takes. Controls and invisible characters (line separators, bidi overrides, joiners)
 * are written as escapes (\x1b, \u202e), bytes that are not UTF-8 as U+FFFD.
 *
 * Widths are the C library's for the calling thread's LC_CTYPE; where that is not UTF-8 all but
 * ASCII is escaped.
 */
#ifndef NA_GLYPH_H
#define NA_GLYPH_H

#include "base/buffer.h"
#include "event.h"

/* Columns that the whole text takes. */
size_t na_glyph_width(struct na_text text);

/*
 * Append the text in at most `width` columns and return how many they took. What is too long has …
 * in its middle (names and paths, whose ends tell them apart), or at its end (sentences).
 */
size_t na_glyph_append(struct na_buffer *out, struct na_text text, size_t width);
size_t na_glyph_append_start(struct na_buffer *out, struct na_text text, size_t width);

#endif
