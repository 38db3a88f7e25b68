/* SPDX-License-Identifier: Apache-2.0 */
/* The values of all rows of a table at once. Any thread. */
#ifndef NA_ROWS_H
#define NA_ROWS_H

#include "config/option.h"

/* All defaults, into values that are all zero. -ENOMEM: some are set, na_rows_done frees them. */
int na_rows_default(const struct na_rows *rows);

/* Frees what the values own. */
void na_rows_done(const struct na_rows *rows);

/* Replaces the option's value by `fresh`, which is empty afterwards. */
void na_rows_take(const struct na_rows *rows, const struct na_option *option, void *fresh,
		  const struct na_config_origin *origin);

#endif
