/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes, durations and shares as people write them: 4MiB, 60s, 5%. Any thread. */
#ifndef NA_NUMBER_H
#define NA_NUMBER_H

#include <stdint.h>

#include "base/buffer.h"
#include "event.h"
#include "option_row.h"

/* Digits only. -EINVAL: something else; -ERANGE: more than 64 bits. */
int na_number_digits(struct na_text text, uint64_t *ret_number);

/* A number with the units of the option's type. -EINVAL: `why` got a sentence. */
int na_number_parse(enum na_option_type type, struct na_text text, uint64_t *ret_number,
		    struct na_buffer *why);

/* With the largest unit that leaves a whole number. */
void na_number_print(enum na_option_type type, uint64_t number, struct na_buffer *out);

#define NA_SHARE_PERCENT_MAX 99

/* A size, or percents. -EINVAL: `why` got a sentence. */
int na_share_parse(struct na_text text, struct na_share *ret_share, struct na_buffer *why);
void na_share_print(const struct na_share *share, struct na_buffer *out);

#endif
