/* SPDX-License-Identifier: Apache-2.0 */
/* Limits between keys, which no row can state. */
#include <errno.h>

#include "config/config_internal.h"

/* Of the value, as well as a configuration of several files can say it. */
static struct na_place place_of(const struct na_config *config, enum na_option_index index)
{
	const struct na_config_origin *origin = &config->state->origins[index];

	return (struct na_place){origin->file ? origin->file : "default", origin->line, 0, NULL};
}

static void append_value(const struct na_config *config, enum na_option_index index,
			 struct na_buffer *out)
{
	const struct na_rows rows = na_config_rows(config);

	na_buffer_append_string(out, na_options[index].path);
	na_buffer_append_string(out, ", ");
	na_value_print(&na_options[index], na_rows_member(&rows, &na_options[index]), out);
}

/* Says that `index` is `fault` `other`, at the place of whichever was given. */
static int refuse(const struct na_config *config, enum na_option_index index, const char *fault,
		  enum na_option_index other, struct na_config_errors *errors)
{
	struct na_place place =
		place_of(config, config->state->origins[index].file ? index : other);
	const struct na_rows rows = na_config_rows(config);
	NA_CONFIG_BUFFER why = {0};

	na_value_print(&na_options[index], na_rows_member(&rows, &na_options[index]), &why);
	na_buffer_printf(&why, " %s ", fault);
	append_value(config, other, &why);
	return na_mistake_if(-EINVAL, errors, &place, na_options[index].path, &why);
}

/* Length without slashes at the end. */
static size_t path_length(struct na_text path)
{
	while (path.length > 1 && path.data[path.length - 1] == '/')
		path.length--;
	return path.length;
}

/* As they are written: links are not followed. */
static bool is_within(struct na_text path, struct na_text folder)
{
	size_t length = path_length(folder);

	return path.length >= length && memcmp(path.data, folder.data, length) == 0 &&
	       (path.length == length || length == 1 || path.data[length] == '/');
}

/*
 * The shipping process may write in its own folder alone: the journal in there would be its to
 * replace, and a folder in the journal would be none that it can write in.
 */
static int check_folders(const struct na_config *config, struct na_config_errors *errors)
{
	if (is_within(config->ship_path, config->journal_path))
		return refuse(config, NA_OPTION_INDEX_ship_path, "cannot be in",
			      NA_OPTION_INDEX_journal_path, errors);
	if (is_within(config->journal_path, config->ship_path))
		return refuse(config, NA_OPTION_INDEX_journal_path, "cannot be in",
			      NA_OPTION_INDEX_ship_path, errors);
	if (is_within(config->journal_tail, config->ship_path))
		return refuse(config, NA_OPTION_INDEX_journal_tail, "cannot be in",
			      NA_OPTION_INDEX_ship_path, errors);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_config_check(const struct na_config *config, struct na_config_errors *errors)
{
	size_t before = errors->count;
	int error = 0;

	if (config->journal_tail_size > config->journal_max_size)
		error = refuse(config, NA_OPTION_INDEX_journal_tail_size, "is more than",
			       NA_OPTION_INDEX_journal_max_size, errors);
	if (!error)
		error = check_folders(config, errors);
	return error ? error : na_mistakes_result(errors, before);
}
