/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list `outputs`. An item's rows are the common ones and those of its type, so its type is
 * looked for first. An item with a mistake stays in the list: the next one of its name is another.
 */
#include <errno.h>

#include "config/load.h"
#include "config/outputs.h"
#include "config/suggest.h"
#include "config/text.h"
#include "output.h"

#define OUTPUTS "outputs"

/* "outputs.siem" for messages. */
struct prefix {
	char text[sizeof(OUTPUTS ".") + 64];
};

/* Files are named after it. */
static bool is_name(struct na_text name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

	return name.length && name.length <= 64 && !memchr("_-", name.data[0], 2) &&
	       strspn(name.data, allowed) == name.length;
}

static void prefix_init(struct prefix *prefix, const struct na_loader *loader,
			const yaml_node_t *item)
{
	const yaml_node_t *name = na_load_value(loader, item, "name");

	if (name && name->type == YAML_SCALAR_NODE && is_name(na_yaml_text(name)))
		snprintf(prefix->text, sizeof(prefix->text), OUTPUTS ".%.*s",
			 (int)na_yaml_text(name).length, na_yaml_text(name).data);
	else
		snprintf(prefix->text, sizeof(prefix->text), OUTPUTS);
}

static void refuse_type(const struct na_loader *loader, const yaml_node_t *node)
{
	const struct na_output *const *types = loader->config->state->types;
	struct na_place place = na_load_place(loader, node);
	struct na_suggestion suggestion;
	NA_CONFIG_BUFFER why = {0};

	na_suggestion_init(&suggestion, na_yaml_text(node));
	na_quote_append(&why, na_yaml_text(node));
	na_buffer_append_string(&why, *types ? " is none of " : ": there are no outputs to choose");
	for (size_t i = 0; types[i]; i++) {
		na_buffer_printf(&why, "%s%s", i ? ", " : "", types[i]->name);
		na_suggestion_offer(&suggestion, na_text_of(types[i]->name));
	}
	na_suggestion_append(&suggestion, &why);
	if (na_buffer_error(&why))
		loader->errors->text.error = -ENOMEM;
	na_mistake(loader->errors, &place, "type", "%.*s", (int)why.length, why.data);
}

/* NULL: it is unknown, and that was said; or it is no text or not there, and that will be. */
static const struct na_output *find_type(const struct na_loader *loader, const yaml_node_t *item)
{
	const yaml_node_t *node = na_load_value(loader, item, "type");
	const struct na_output *const *types = loader->config->state->types;

	if (!node || node->type != YAML_SCALAR_NODE || !na_yaml_text(node).length ||
	    na_yaml_is_null(node))
		return NULL;
	for (; *types; types++)
		if (na_text_equal(na_text_of((*types)->name), na_yaml_text(node)))
			return *types;
	refuse_type(loader, node);
	return NULL;
}

/* What has to be given, and no key tries to. */
static void check_missing(const struct na_loader *loader, const yaml_node_t *item)
{
	struct na_place place = na_load_place(loader, item);

	for (size_t table = 0; table < loader->row_tables; table++)
		for (size_t i = 0; i < loader->rows[table].count; i++) {
			const struct na_rows *rows = &loader->rows[table];
			const struct na_option *option = &rows->options[i];

			if (na_value_is_missing(option, na_rows_member(rows, option)) &&
			    !na_load_value(loader, item, option->path))
				na_mistake(loader->errors, &place, "", "%s is missing",
					   option->path);
		}
}

static void check_name(const struct na_loader *loader, const yaml_node_t *item, struct na_text name)
{
	const struct na_config_outputs *outputs = &loader->config->outputs;
	const struct na_config_output *same = na_config_outputs_find(outputs, name);
	const struct na_config_origin *first;
	struct na_place place;

	if (!name.length)
		return;
	place = na_load_place(loader, na_load_value(loader, item, "name"));
	if (!is_name(name)) {
		na_mistake(loader->errors, &place, "name",
			   "1 to 64 of a-z 0-9 _ - are a name, a letter or digit first");
	} else if (same) {
		first = &same->origins[NA_OUTPUT_OPTION_name];
		if (first->line)
			na_mistake(loader->errors, &place, "name",
				   "given twice, first in line %zu of %s", first->line,
				   first->file);
		else
			na_mistake(loader->errors, &place, "name", "given twice");
	}
}

static void check_retries(const struct na_loader *loader, const yaml_node_t *item,
			  const struct na_output_common *common)
{
	const struct na_option *min = &na_output_options[NA_OUTPUT_OPTION_retry_min];
	const struct na_option *max = &na_output_options[NA_OUTPUT_OPTION_retry_max];
	const yaml_node_t *node = na_load_value(loader, item, min->path);
	struct na_place place = na_load_place(loader, node ? node : item);
	NA_CONFIG_BUFFER why = {0};

	if (common->retry_min <= common->retry_max)
		return;
	na_value_print(min, &common->retry_min, &why);
	na_buffer_append_string(&why, " is more than retry_max, ");
	na_value_print(max, &common->retry_max, &why);
	if (na_buffer_error(&why))
		loader->errors->text.error = -ENOMEM;
	na_mistake(loader->errors, &place, min->path, "%.*s", (int)why.length, why.data);
}

/* The type's own word, on an item that is right in all else. */
static int check_type(const struct na_loader *loader, const yaml_node_t *item,
		      const struct na_config_output *output)
{
	struct na_place place = na_load_place(loader, item);
	NA_CONFIG_BUFFER why = {0};
	int error = loader->config->state->check_output(output->type, output->options, &why);

	if (error && error != -ENOMEM)
		error = -EINVAL;
	return na_mistake_if(error, loader->errors, &place, "", &why);
}

/* `loader` has the output's rows. */
static int fill_output(const struct na_loader *loader, yaml_node_t *item,
		       const struct na_config_output *output)
{
	size_t before = loader->errors->count;
	int error = na_load_section(loader, item, "");

	if (error)
		return error;
	check_missing(loader, item);
	check_name(loader, item, output->common.name);
	check_retries(loader, item, &output->common);
	if (output->type && loader->errors->count == before)
		error = check_type(loader, item, output);
	return error;
}

static int load_output(const struct na_loader *outer, yaml_node_t *item)
{
	struct na_loader loader = *outer;
	struct na_rows rows[NA_OUTPUT_ROWS];
	struct na_config_output output;
	struct prefix prefix;
	int error;

	if (item->type != YAML_MAPPING_NODE) {
		na_load_refuse(outer, item, OUTPUTS,
			       "each output is a group of keys, with name and type");
		return 0;
	}
	prefix_init(&prefix, outer, item);
	loader.within = prefix.text;
	error = na_config_output_init(&output, find_type(&loader, item));
	if (error)
		return error;
	na_config_output_rows(&output, rows);
	loader.rows = rows;
	loader.row_tables = NA_OUTPUT_ROWS;
	loader.partial = !output.type;
	output.origin = (struct na_config_origin){loader.file, na_load_place(outer, item).line};
	error = fill_output(&loader, item, &output);
	if (!error)
		error = na_config_outputs_add(&loader.config->outputs, &output);
	na_config_output_done(&output);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_load_outputs(const struct na_loader *loader, const struct na_option *option,
		    yaml_node_t *node)
{
	struct na_place place = na_load_place(loader, node);
	int error = 0;

	if (na_yaml_is_null(node))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE) {
		na_load_refuse(loader, node, option->path,
			       "a list is needed here, as [{name: one, type: file}]");
		return 0;
	}
	*na_rows_origin(loader->rows, option) = na_place_origin(&place);
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top && !error && !na_mistakes_full(loader->errors);
	     item++) {
		if (loader->config->outputs.count >=
		    na_value_limit(NA_OPTION_NUMBER, option->max)) {
			na_mistake(loader->errors, &place, option->path, "more than %s",
				   option->max);
			break;
		}
		error = load_output(loader, na_load_node(loader, *item));
	}
	return error;
}
