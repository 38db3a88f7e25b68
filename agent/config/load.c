/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a YAML document to values. The document's keys are walked, not the options: so every key
 * that nobody knows is found. All mistakes are written down; a value with one is not taken.
 */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "config/load.h"
#include "config/suggest.h"
#include "config/text.h"

static bool same_key(const yaml_node_t *a, const yaml_node_t *b)
{
	return a->type == YAML_SCALAR_NODE && b->type == YAML_SCALAR_NODE &&
	       na_text_equal(na_yaml_text(a), na_yaml_text(b));
}

/* Does the mapping hold the key of `pair` further up? Then it says where. */
static bool is_repeated(const struct na_loader *loader, const yaml_node_t *mapping,
			const yaml_node_pair_t *pair, const char *path)
{
	const yaml_node_t *key = na_load_node(loader, pair->key);

	for (const yaml_node_pair_t *other = mapping->data.mapping.pairs.start; other < pair;
	     other++) {
		const yaml_node_t *first = na_load_node(loader, other->key);
		struct na_place place = na_load_place(loader, key);

		if (!same_key(first, key))
			continue;
		na_mistake(loader->errors, &place, path, "given twice, first in line %zu",
			   (size_t)first->start_mark.line + 1);
		return true;
	}
	return false;
}

static void take(const struct na_rows *rows, const struct na_option *option, void *fresh,
		 const struct na_place *place)
{
	struct na_config_origin origin = na_place_origin(place);

	na_rows_take(rows, option, fresh, &origin);
}

static int load_single(const struct na_loader *loader, const struct na_rows *rows,
		       const struct na_option *option, yaml_node_t *node)
{
	struct na_place place = na_load_place(loader, node);
	union na_value fresh = {0};
	NA_CONFIG_BUFFER why = {0};
	int error;

	if (node->type != YAML_SCALAR_NODE) {
		na_mistake(loader->errors, &place, option->path,
			   "one value is needed here, not a %s",
			   node->type == YAML_SEQUENCE_NODE ? "list" : "group of keys");
		return 0;
	}
	error = na_value_parse(option, na_yaml_text(node), &fresh, &why);
	if (error)
		return na_mistake_if(error, loader->errors, &place, option->path, &why);
	take(rows, option, &fresh, &place);
	return 0;
}

static int load_item(const struct na_loader *loader, const struct na_option *option,
		     yaml_node_t *node, void *fresh)
{
	struct na_place place = na_load_place(loader, node);
	NA_CONFIG_BUFFER why = {0};
	int error;

	if (node->type != YAML_SCALAR_NODE || na_yaml_is_null(node)) {
		na_load_refuse(loader, node, option->path, "each item of this list is a text");
		return 0;
	}
	error = na_value_add(option, na_yaml_text(node), fresh, &why);
	return na_mistake_if(error, loader->errors, &place, option->path, &why);
}

/* A text is a list of one. */
static int load_items(const struct na_loader *loader, const struct na_option *option,
		      yaml_node_t *list, void *fresh)
{
	int error = 0;

	if (list->type == YAML_SCALAR_NODE)
		return load_item(loader, option, list, fresh);
	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     item < list->data.sequence.items.top && !error && !na_mistakes_full(loader->errors);
	     item++)
		error = load_item(loader, option, na_load_node(loader, *item), fresh);
	return error;
}

/* Before the items cost anything: an alias can name a long list many times. */
static bool is_too_long(const struct na_loader *loader, const struct na_option *option,
			const yaml_node_t *list)
{
	size_t count = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	struct na_place place = na_load_place(loader, list);

	if (option->type == NA_OPTION_NAMES || /* names count once */
	    count <= na_value_limit(NA_OPTION_NUMBER, option->max))
		return false;
	na_mistake(loader->errors, &place, option->path, "%zu are more than %s", count,
		   option->max);
	return true;
}

static int load_list(const struct na_loader *loader, const struct na_rows *rows,
		     const struct na_option *option, yaml_node_t *node)
{
	struct na_place place = na_load_place(loader, node);
	size_t before = loader->errors->count;
	union na_value fresh = {0};
	NA_CONFIG_BUFFER why = {0};
	int error;

	if (node->type == YAML_MAPPING_NODE || na_yaml_is_null(node)) {
		na_mistake(loader->errors, &place, option->path, "a list is needed here, as [%s]",
			   *option->fallback ? option->fallback : "one, another");
		return 0;
	}
	if (node->type == YAML_SEQUENCE_NODE && is_too_long(loader, option, node))
		return 0;
	error = load_items(loader, option, node, &fresh);
	if (!error && loader->errors->count == before) {
		error = na_value_check_count(option, &fresh, &why);
		error = na_mistake_if(error, loader->errors, &place, option->path, &why);
	}
	if (!error && loader->errors->count == before)
		take(rows, option, &fresh, &place);
	else
		na_value_done(option, &fresh);
	return error;
}

static bool is_pair_value(const struct na_option *option, const yaml_node_t *value)
{
	if (value->type == YAML_MAPPING_NODE)
		return strcmp(option->allowed, NA_HOOK_SETTINGS) == 0;
	return value->type == YAML_SCALAR_NODE && !na_yaml_is_null(value);
}

/* With a NUL behind; nothing after a mistake. */
static int pair_text(const struct na_loader *loader, const struct na_option *option,
		     const yaml_node_t *value, struct na_buffer *ret_text)
{
	struct na_text text;
	int error;

	if (value->type == YAML_SCALAR_NODE) {
		text = na_yaml_text(value);
		na_buffer_append(ret_text, text.data, text.length);
	} else {
		error = na_load_hook(loader, option, value, ret_text);
		if (error || !ret_text->length)
			return error;
	}
	na_buffer_append_char(ret_text, '\0');
	return na_buffer_error(ret_text);
}

static int load_pair(const struct na_loader *loader, const struct na_rows *rows,
		     const struct na_option *option, const yaml_node_t *mapping,
		     const yaml_node_pair_t *pair)
{
	yaml_node_t *key = na_load_node(loader, pair->key),
		    *value = na_load_node(loader, pair->value);
	struct na_place place = na_load_place(loader, key);
	struct na_config_origin origin = na_place_origin(&place);
	NA_CONFIG_BUFFER why = {0};
	NA_CONFIG_BUFFER text = {0};
	int error;

	if (key->type != YAML_SCALAR_NODE || !is_pair_value(option, value)) {
		na_load_refuse(loader, key, option->path, "each name has one text");
		return 0;
	}
	if (is_repeated(loader, mapping, pair, option->path))
		return 0;
	error = pair_text(loader, option, value, &text);
	if (error || !text.length)
		return error;
	error = na_value_put(option, na_yaml_text(key),
			     (struct na_text){text.data, text.length - 1}, &origin,
			     na_rows_member(rows, option), &why);
	return na_mistake_if(error, loader->errors, &place, option->path, &why);
}

static int load_map(const struct na_loader *loader, const struct na_rows *rows,
		    const struct na_option *option, yaml_node_t *node)
{
	int error = 0;

	if (na_yaml_is_null(node))
		return 0;
	if (node->type != YAML_MAPPING_NODE) {
		na_load_refuse(loader, node, option->path,
			       "names with texts are needed here, as {name: text}");
		return 0;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top && !error && !na_mistakes_full(loader->errors);
	     pair++)
		error = load_pair(loader, rows, option, node, pair);
	return error;
}

static int load_option(const struct na_loader *loader, const struct na_rows *rows,
		       const struct na_option *option, yaml_node_t *node)
{
	if (option->type == NA_OPTION_MAP)
		return load_map(loader, rows, option, node);
	if (option->type == NA_OPTION_OUTPUTS)
		return na_load_outputs(loader, option, node);
	if (na_yaml_is_null(node)) {
		na_load_refuse(loader, node, option->path,
			       "a value is missing; without the key the default holds");
		return 0;
	}
	return na_option_is_list(option->type) ? load_list(loader, rows, option, node)
					       : load_single(loader, rows, option, node);
}

/* "section.key"; false when no option can have such a path: keys are not written with dots. */
static bool join_path(const char *section, struct na_text key, char ret_path[NA_OPTION_PATH_MAX])
{
	int length;

	if (!key.length || key.length >= NA_OPTION_PATH_MAX || memchr(key.data, '\0', key.length))
		key = na_text_of("?");
	length = snprintf(ret_path, NA_OPTION_PATH_MAX, "%s%s%.*s", section, *section ? "." : "",
			  (int)key.length, key.data);
	return length < NA_OPTION_PATH_MAX && !memchr(key.data, '.', key.length);
}

/* Where not all rows are known, only what looks like one of those that are. */
static int refuse_unknown(const struct na_loader *loader, const char *path, const yaml_node_t *key)
{
	struct na_place place = na_load_place(loader, key);
	NA_CONFIG_BUFFER why = {0};
	size_t length;

	if (key->type != YAML_SCALAR_NODE) {
		na_load_refuse(loader, key, "", "a key has to be a text");
		return 0;
	}
	na_buffer_append_string(&why, "unknown key ");
	na_quote_append(&why, na_yaml_text(key));
	length = why.length;
	if (!loader->within && memchr(key->data.scalar.value, '.', key->data.scalar.length))
		na_buffer_append_string(&why, ", each part of a path is a key of its own here");
	else
		na_option_suggest(loader->rows, loader->row_tables, path, &why);
	if (loader->partial && why.length == length && !na_buffer_error(&why))
		return 0;
	return na_mistake_if(-EINVAL, loader->errors, &place, "", &why);
}

static int load_key(const struct na_loader *loader, const yaml_node_t *mapping,
		    const yaml_node_pair_t *pair, const char *section)
{
	yaml_node_t *key = na_load_node(loader, pair->key),
		    *value = na_load_node(loader, pair->value);
	enum na_option_match match = NA_OPTION_UNKNOWN;
	const struct na_option *option;
	const struct na_rows *rows;
	char path[NA_OPTION_PATH_MAX] = "";

	if (key->type == YAML_SCALAR_NODE && join_path(section, na_yaml_text(key), path))
		match = na_option_find(loader->rows, loader->row_tables, path, &rows, &option);
	if (match == NA_OPTION_UNKNOWN)
		return refuse_unknown(loader, path, key);
	if (is_repeated(loader, mapping, pair, path))
		return 0;
	if (match == NA_OPTION_KEY)
		return load_option(loader, rows, option, value);
	return na_load_section(loader, value, path);
}

/* ------------------------------------------------------------------------------------------- */

void na_load_refuse(const struct na_loader *loader, const yaml_node_t *node, const char *path,
		    const char *message)
{
	struct na_place place = na_load_place(loader, node);

	na_mistake(loader->errors, &place, path, "%s", message);
}

yaml_node_t *na_load_value(const struct na_loader *loader, const yaml_node_t *mapping,
			   const char *key)
{
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *node = na_load_node(loader, pair->key);

		if (node->type == YAML_SCALAR_NODE &&
		    na_text_equal(na_yaml_text(node), na_text_of(key)))
			return na_load_node(loader, pair->value);
	}
	return NULL;
}

/* Recursion ends with the paths of the options: no deeper than their dots. */
int na_load_section(const struct na_loader *loader, yaml_node_t *node, const char *section)
{
	int error = 0;

	if (na_yaml_is_null(node))
		return 0;
	if (node->type != YAML_MAPPING_NODE) {
		na_load_refuse(loader, node, section, "a group of keys is needed here");
		return 0;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top && !error && !na_mistakes_full(loader->errors);
	     pair++)
		error = load_key(loader, node, pair, section);
	return error;
}

int na_load_document(struct na_config *config, yaml_document_t *document, const char *file,
		     struct na_config_errors *errors)
{
	const struct na_rows rows = na_config_rows(config);
	const struct na_loader loader = {config, document, file, errors, &rows, 1, NULL, false};
	yaml_node_t *root = yaml_document_get_root_node(document);

	return root ? na_load_section(&loader, root, "") : 0;
}

int na_load_option(struct na_config *config, const struct na_option *option,
		   yaml_document_t *document, yaml_node_t *node, const char *file,
		   struct na_config_errors *errors)
{
	const struct na_rows rows = na_config_rows(config);
	const struct na_loader loader = {config, document, file, errors, &rows, 1, NULL, false};

	return load_option(&loader, &rows, option, node);
}
