/* SPDX-License-Identifier: Apache-2.0 */
/* --set key.path=value: one value from the command line. */
#include <errno.h>

#include "base/cleanup.h"
#include "config/config_internal.h"
#include "config/load.h"

static const struct na_place command_line = {NA_CONFIG_SET, 0, 0, NULL};

/* [a, b] and {a: b} as in a file. */
static int set_document(struct na_config *config, const struct na_option *option,
			struct na_text value, struct na_config_errors *errors)
{
	yaml_document_t document;
	int error = na_yaml_parse(value, NA_CONFIG_SET, option->path, errors, &document);

	if (error)
		return error;
	if (yaml_document_get_root_node(&document)) /* "labels=" adds nothing */
		error = na_load_option(config, option, &document,
				       yaml_document_get_root_node(&document), NA_CONFIG_SET,
				       errors);
	yaml_document_delete(&document);
	return error;
}

/* Without brackets: names with commas between; of the other lists one item, as filters hold commas.
 */
static int add_items(const struct na_option *option, struct na_text value, void *fresh,
		     struct na_buffer *why)
{
	int error = 0;

	if (option->type != NA_OPTION_NAMES)
		return value.length ? na_value_add(option, value, fresh, why) : 0;
	for (size_t at = 0; at < value.length && !error;) {
		size_t length = strcspn(value.data + at, ",");

		error = na_value_add(option, (struct na_text){value.data + at, length}, fresh, why);
		at += length + 1;
	}
	return error;
}

/* Is the value written as a file would have it? */
static bool is_document(const struct na_option *option, struct na_text value)
{
	if (option->type == NA_OPTION_MAP || option->type == NA_OPTION_OUTPUTS)
		return true;
	return na_option_is_list(option->type) && (*value.data == '[' || *value.data == '{');
}

static int set_option(struct na_config *config, const struct na_option *option,
		      struct na_text value, struct na_config_errors *errors)
{
	const struct na_rows rows = na_config_rows(config);
	const struct na_config_origin origin = na_place_origin(&command_line);
	union na_value fresh = {0};
	NA_CONFIG_BUFFER why = {0};
	int error;

	if (option->type == NA_OPTION_OUTPUTS) /* the files' go */
		na_rows_take(&rows, option, &fresh, &origin);
	if (is_document(option, value))
		return set_document(config, option, value, errors);
	if (na_option_is_list(option->type)) {
		error = add_items(option, value, &fresh, &why);
		if (!error)
			error = na_value_check_count(option, &fresh, &why);
	} else {
		error = na_value_parse(option, value, &fresh, &why);
	}
	if (!error)
		na_rows_take(&rows, option, &fresh, &origin);
	else
		na_value_done(option, &fresh);
	return na_mistake_if(error, errors, &command_line, option->path, &why);
}

/* labels.site=fra1; false when the path is below no map. */
static bool find_map(const char *path, const struct na_option **ret_option)
{
	for (size_t i = 0; i < NA_OPTION_COUNT; i++) {
		size_t length = strlen(na_options[i].path);

		if (na_options[i].type == NA_OPTION_MAP &&
		    strncmp(na_options[i].path, path, length) == 0 && path[length] == '.') {
			*ret_option = &na_options[i];
			return true;
		}
	}
	return false;
}

static int set_pair(struct na_config *config, const struct na_option *option, const char *path,
		    struct na_text value, struct na_config_errors *errors)
{
	const struct na_rows rows = na_config_rows(config);
	const struct na_config_origin origin = na_place_origin(&command_line);
	NA_CONFIG_BUFFER why = {0};
	int error = na_value_put(option, na_text_of(path + strlen(option->path) + 1), value,
				 &origin, na_rows_member(&rows, option), &why);

	return na_mistake_if(error, errors, &command_line, option->path, &why);
}

static int refuse_path(const struct na_rows *rows, const char *path, enum na_option_match match,
		       struct na_config_errors *errors)
{
	NA_CONFIG_BUFFER why = {0};

	if (match == NA_OPTION_SECTION) {
		na_buffer_append_string(&why, "a group of keys, name one of them");
	} else {
		na_buffer_append_string(&why, "unknown key");
		na_option_suggest(rows, 1, path, &why);
	}
	return na_mistake_if(-EINVAL, errors, &command_line, path, &why);
}

static int set_path(struct na_config *config, const char *path, struct na_text value,
		    struct na_config_errors *errors)
{
	const struct na_rows all = na_config_rows(config), *rows;
	const struct na_option *option;
	enum na_option_match match = na_option_find(&all, 1, path, &rows, &option);

	if (match == NA_OPTION_KEY)
		return set_option(config, option, value, errors);
	if (match == NA_OPTION_UNKNOWN && find_map(path, &option))
		return set_pair(config, option, path, value, errors);
	return refuse_path(&all, path, match, errors);
}

/* ------------------------------------------------------------------------------------------- */

int na_config_set(struct na_config *config, const char *assignment, struct na_config_errors *errors)
{
	const char *equals = strchr(assignment, '=');
	size_t before = errors->count;
	NA_FREE char *path = NULL;
	int error;

	if (!equals || equals == assignment || equals - assignment >= NA_OPTION_PATH_MAX) {
		na_mistake(errors, &command_line, "", "%.64s: key.path=value is needed",
			   assignment);
		return na_mistakes_result(errors, before);
	}
	path = strndup(assignment, (size_t)(equals - assignment));
	if (!path)
		return -ENOMEM;
	error = set_path(config, path, na_text_of(equals + 1), errors);
	return error == -ENOMEM ? error : na_mistakes_result(errors, before);
}
