/* SPDX-License-Identifier: Apache-2.0 */
/* "did you mean …": the nearest of several candidates to a word that nobody knows. Any thread. */
#ifndef NA_SUGGEST_H
#define NA_SUGGEST_H

#include "base/buffer.h"
#include "event.h"

struct na_suggestion {
	struct na_text word;
	struct na_text nearest; /* of the candidates, borrowed; empty: none is near enough */
	size_t distance;
};

/* Near enough is one edit in three letters; words of more than 32 bytes are near to nothing. */
void na_suggestion_init(struct na_suggestion *suggestion, struct na_text word);
void na_suggestion_offer(struct na_suggestion *suggestion, struct na_text candidate);

/* Offers each name of "one|two|three". */
void na_suggestion_offer_names(struct na_suggestion *suggestion, const char *names);

/* `, did you mean "nearest"?` or nothing. */
void na_suggestion_append(const struct na_suggestion *suggestion, struct na_buffer *out);

/* Untrusted text for a message: quoted, control bytes as \xNN, cut after 64 bytes. */
void na_quote_append(struct na_buffer *out, struct na_text text);

#endif
