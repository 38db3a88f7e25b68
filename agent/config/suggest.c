/* SPDX-License-Identifier: Apache-2.0 */
/* "did you mean …" by edit distance: insertions, deletions, changes, and swapped neighbours. */
#include "config/suggest.h"

#include <ctype.h>
#include <stdbool.h>

#define WORD_MAX 32
#define QUOTE_MAX 64

static size_t min_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool differ(char a, char b)
{
	return tolower((unsigned char)a) != tolower((unsigned char)b);
}

/* Optimal string alignment with three rows; both words have at most WORD_MAX bytes. */
static size_t edit_distance(struct na_text a, struct na_text b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t k = 0; k <= b.length; k++)
		last[k] = k;
	for (size_t i = 1; i <= a.length; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t k = 1; k <= b.length; k++) {
			row[k] = min_of(min_of(last[k], row[k - 1]) + 1,
					last[k - 1] + differ(a.data[i - 1], b.data[k - 1]));
			if (i > 1 && k > 1 && !differ(a.data[i - 1], b.data[k - 2]) &&
			    !differ(a.data[i - 2], b.data[k - 1]))
				row[k] = min_of(row[k], before[k - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b.length];
}

/* ------------------------------------------------------------------------------------------- */

void na_suggestion_init(struct na_suggestion *suggestion, struct na_text word)
{
	*suggestion = (struct na_suggestion){
		.word = word,
		.distance =
			word.length < 6 ? 2 : word.length / 3 + 1, /* the first that is too far */
	};
}

void na_suggestion_offer(struct na_suggestion *suggestion, struct na_text candidate)
{
	size_t distance;

	if (!suggestion->word.length || suggestion->word.length > WORD_MAX || !candidate.length ||
	    candidate.length > WORD_MAX)
		return;
	distance = edit_distance(suggestion->word, candidate);
	/* A change of every letter is no likeness. */
	if (distance < suggestion->distance && distance < candidate.length) {
		suggestion->distance = distance;
		suggestion->nearest = candidate;
	}
}

void na_suggestion_offer_names(struct na_suggestion *suggestion, const char *names)
{
	while (*names) {
		size_t length = strcspn(names, "|");

		na_suggestion_offer(suggestion, (struct na_text){names, length});
		names += length + (names[length] == '|');
	}
}

void na_suggestion_append(const struct na_suggestion *suggestion, struct na_buffer *out)
{
	if (suggestion->nearest.length)
		na_buffer_printf(out, ", did you mean \"%.*s\"?", (int)suggestion->nearest.length,
				 suggestion->nearest.data);
}

void na_quote_append(struct na_buffer *out, struct na_text text)
{
	na_buffer_append_char(out, '"');
	for (size_t i = 0; i < text.length; i++) {
		unsigned char byte = (unsigned char)text.data[i];

		if (i >= QUOTE_MAX && (byte & 0xc0) != 0x80)
			break; /* between two characters of UTF-8 */
		if (byte < 0x20 || byte == 0x7f)
			na_buffer_printf(out, "\\x%02x", byte);
		else
			na_buffer_append_char(out, (char)byte);
	}
	na_buffer_append_string(out, text.length > QUOTE_MAX ? "…\"" : "\"");
}
