/* SPDX-License-Identifier: Apache-2.0 */
/* The values of all rows of a table at once: defaults, replacing them, their end. */
#include "config/rows.h"

#include <assert.h>
#include <errno.h>

#include "config/value.h"

/* Of NAMES: "one,two". The other lists and maps begin empty. */
static int default_names(const struct na_option *option, void *member, struct na_buffer *why)
{
	const char *at = option->fallback;
	int error = 0;

	while (*at && !error) {
		size_t length = strcspn(at, ",");

		error = na_value_add(option, (struct na_text){at, length}, member, why);
		at += length + (at[length] == ',');
	}
	return error;
}

static int set_default(const struct na_rows *rows, const struct na_option *option)
{
	void *member = na_rows_member(rows, option);
	struct na_buffer why = {0};
	int error = 0;

	switch (option->type) {
	case NA_OPTION_NAMES:
		error = default_names(option, member, &why);
		break;
	case NA_OPTION_TEXT: /* may be shorter than a value that is given */
		error = na_value_copy(na_text_of(option->fallback), NA_VALUE_TEXT_MAX, member,
				      &why);
		break;
	case NA_OPTION_TEXTS:
	case NA_OPTION_FILTERS:
	case NA_OPTION_MAP:
	case NA_OPTION_OUTPUTS:
		break;
	default:
		error = na_value_parse(option, na_text_of(option->fallback), member, &why);
	}
	assert(error != -EINVAL); /* a row whose default breaks its own rules */
	na_buffer_done(&why);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_rows_default(const struct na_rows *rows)
{
	int error = 0;

	for (size_t i = 0; i < rows->count && !error; i++)
		error = set_default(rows, &rows->options[i]);
	return error;
}

void na_rows_done(const struct na_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		na_value_done(&rows->options[i], na_rows_member(rows, &rows->options[i]));
}

void na_rows_take(const struct na_rows *rows, const struct na_option *option, void *fresh,
		  const struct na_config_origin *origin)
{
	void *member = na_rows_member(rows, option);

	na_value_done(option, member);
	memcpy(member, fresh, option->size);
	memset(fresh, 0, option->size);
	*na_rows_origin(rows, option) = *origin;
}
