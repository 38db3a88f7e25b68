/* SPDX-License-Identifier: Apache-2.0 */
/* Values that hold several: lists and maps. Their arrays grow by one: they are short. */
#include "config/value.h"

#include <errno.h>
#include <stdlib.h>

#include "config/filter.h"
#include "config/hooks.h"
#include "config/outputs.h"
#include "config/suggest.h"
#include "config/text.h"

#define PAIR_NAME_MAX 64

static void free_text(struct na_text text)
{
	free((char *)text.data);
}

static int add_text(struct na_text text, struct na_texts *texts, struct na_buffer *why)
{
	struct na_text *items, copy;
	int error = na_value_copy(text, NA_VALUE_TEXT_MAX, &copy, why);

	if (error)
		return error;
	items = reallocarray((struct na_text *)texts->items, texts->count + 1, sizeof(*items));
	if (!items) {
		free_text(copy);
		return -ENOMEM;
	}
	items[texts->count++] = copy;
	texts->items = items;
	return 0;
}

/* Room for one more; the count is the caller's to raise. */
static int grow_filters(struct na_config_filters *filters)
{
	struct na_filter **parsed;
	struct na_text *texts;

	texts = reallocarray(filters->texts, filters->count + 1, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	filters->texts = texts;
	parsed = reallocarray(filters->filters, filters->count + 1, sizeof(struct na_filter *));
	if (!parsed)
		return -ENOMEM;
	filters->filters = parsed;
	return 0;
}

static int add_filter(struct na_text text, struct na_config_filters *filters, struct na_buffer *why)
{
	struct na_filter *filter = NULL;
	struct na_text copy;
	int error = na_value_copy(text, NA_VALUE_TEXT_MAX, &copy, why);

	if (error)
		return error;
	na_buffer_append_string(why, "in this filter, ");
	error = na_filter_parse(copy.data, &filter, why);
	if (!error)
		error = grow_filters(filters);
	if (error) {
		na_filter_free(filter);
		free_text(copy);
		return error;
	}
	na_buffer_clear(why);
	filters->texts[filters->count] = copy;
	filters->filters[filters->count++] = filter;
	return 0;
}

static int add_name(const struct na_option *option, struct na_text text, uint64_t *names,
		    struct na_buffer *why)
{
	unsigned int place;

	if (na_value_find_name(option->allowed, text, &place) < 0)
		return na_value_refuse_name(option->allowed, text, why);
	*names |= UINT64_C(1) << place;
	return 0;
}

/* The bytes of a name end with a NUL: YAML's and the command line's do. */
static int check_pair_name(const struct na_option *option, struct na_text name,
			   struct na_buffer *why)
{
	static const char allowed[] =
		".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	bool dotted = strcmp(option->allowed, NA_DOTTED_NAMES) == 0;

	if (name.length && name.length <= PAIR_NAME_MAX && name.data[0] != '-' &&
	    name.data[0] != '.' && strspn(name.data, allowed + !dotted) == name.length)
		return 0;
	na_quote_append(why, name);
	na_buffer_printf(why, " is no name: 1 to %d of a-z A-Z 0-9 _ -%s are, not -%s first",
			 PAIR_NAME_MAX, dotted ? " ." : "", dotted ? " or ." : "");
	return -EINVAL;
}

static bool is_of_hooks(const struct na_option *option)
{
	return strcmp(option->allowed, NA_HOOK_SETTINGS) == 0;
}

static struct na_config_pair *find_pair(const struct na_config_map *map, struct na_text name)
{
	for (size_t i = 0; i < map->count; i++)
		if (na_text_equal(map->pairs[i].name, name))
			return &map->pairs[i];
	return NULL;
}

static int add_pair(struct na_text name, struct na_config_pair *pair, struct na_config_map *map,
		    struct na_buffer *why)
{
	struct na_config_pair *pairs;
	int error = na_value_copy(name, PAIR_NAME_MAX, &pair->name, why);

	if (error)
		return error;
	pairs = reallocarray(map->pairs, map->count + 1, sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	map->pairs = pairs;
	pairs[map->count++] = *pair;
	return 0;
}

static void free_texts(const struct na_text *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free_text(texts[i]);
	free((struct na_text *)texts);
}

static void free_filters(struct na_config_filters *filters)
{
	for (size_t i = 0; i < filters->count; i++)
		na_filter_free(filters->filters[i]);
	free(filters->filters);
	free_texts(filters->texts, filters->count);
}

static void free_pair(struct na_config_pair *pair)
{
	free_text(pair->name);
	free_text(pair->value);
}

static void free_map(struct na_config_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		free_pair(&map->pairs[i]);
	free(map->pairs);
}

static bool equal_texts(const struct na_text *a, const struct na_text *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!na_text_equal(a[i], b[i]))
			return false;
	return true;
}

static bool equal_maps(const struct na_config_map *a, const struct na_config_map *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (!na_text_equal(a->pairs[i].name, b->pairs[i].name) ||
		    !na_text_equal(a->pairs[i].value, b->pairs[i].value))
			return false;
	return true;
}

static void print_texts(const struct na_text *texts, size_t count, struct na_buffer *out)
{
	na_buffer_append_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		na_buffer_append_string(out, i ? ", " : "");
		na_text_print_yaml(texts[i], out);
	}
	na_buffer_append_char(out, ']');
}

static void print_map(const struct na_option *option, const struct na_config_map *map,
		      struct na_buffer *out)
{
	na_buffer_append_char(out, '{');
	for (size_t i = 0; i < map->count; i++) {
		na_buffer_printf(out, "%s%s: ", i ? ", " : "", map->pairs[i].name.data);
		na_value_print_pair(option, &map->pairs[i], out);
	}
	na_buffer_append_char(out, '}');
}

/* ------------------------------------------------------------------------------------------- */

int na_value_add(const struct na_option *option, struct na_text text, void *value,
		 struct na_buffer *why)
{
	switch (option->type) {
	case NA_OPTION_NAMES:
		return add_name(option, text, value, why);
	case NA_OPTION_FILTERS:
		return add_filter(text, value, why);
	default:
		return add_text(text, value, why);
	}
}

int na_value_put(const struct na_option *option, struct na_text name, struct na_text text,
		 const struct na_config_origin *origin, struct na_config_map *map,
		 struct na_buffer *why)
{
	struct na_config_pair pair = {.origin = *origin}, *old = find_pair(map, name);
	struct na_hook_setting setting;
	int error = is_of_hooks(option) ? na_config_hook_parse(name, text, &setting, why)
					: check_pair_name(option, name, why);

	if (!error && !old && map->count >= na_value_limit(NA_OPTION_NUMBER, option->max)) {
		na_buffer_printf(why, "more than %s names", option->max);
		return -EINVAL;
	}
	if (!error)
		error = na_value_copy(text, NA_VALUE_TEXT_MAX, &pair.value, why);
	if (error)
		return error;
	if (old) {
		free_text(old->value);
		old->value = pair.value;
		old->origin = pair.origin;
		return 0;
	}
	error = add_pair(name, &pair, map, why);
	if (error)
		free_pair(&pair);
	return error;
}

void na_value_print_pair(const struct na_option *option, const struct na_config_pair *pair,
			 struct na_buffer *out)
{
	if (is_of_hooks(option))
		na_config_hook_print(pair->value, out);
	else
		na_text_print_yaml(pair->value, out);
}

size_t na_value_count(const struct na_option *option, const void *value)
{
	switch (option->type) {
	case NA_OPTION_NAMES:
		return (size_t)__builtin_popcountll(*(const uint64_t *)value);
	case NA_OPTION_TEXTS:
		return ((const struct na_texts *)value)->count;
	case NA_OPTION_FILTERS:
		return ((const struct na_config_filters *)value)->count;
	case NA_OPTION_OUTPUTS:
		return ((const struct na_config_outputs *)value)->count;
	default:
		return ((const struct na_config_map *)value)->count;
	}
}

int na_value_check_count(const struct na_option *option, const void *value, struct na_buffer *why)
{
	size_t count = na_value_count(option, value);

	if (count < na_value_limit(NA_OPTION_NUMBER, option->min)) {
		na_buffer_printf(why, "needs at least %s", option->min);
		return -EINVAL;
	}
	if (count > na_value_limit(NA_OPTION_NUMBER, option->max)) {
		na_buffer_printf(why, "%zu are more than %s", count, option->max);
		return -EINVAL;
	}
	return 0;
}

bool na_items_equal(const struct na_option *option, const void *a, const void *b)
{
	if (na_value_count(option, a) != na_value_count(option, b))
		return false;
	switch (option->type) {
	case NA_OPTION_TEXTS:
		return equal_texts(((const struct na_texts *)a)->items,
				   ((const struct na_texts *)b)->items, na_value_count(option, a));
	case NA_OPTION_FILTERS:
		return equal_texts(((const struct na_config_filters *)a)->texts,
				   ((const struct na_config_filters *)b)->texts,
				   na_value_count(option, a));
	case NA_OPTION_OUTPUTS:
		return na_config_outputs_equal(a, b);
	default:
		return equal_maps(a, b);
	}
}

void na_items_print(const struct na_option *option, const void *value, struct na_buffer *out)
{
	size_t count = na_value_count(option, value);

	switch (option->type) {
	case NA_OPTION_TEXTS:
		print_texts(((const struct na_texts *)value)->items, count, out);
		break;
	case NA_OPTION_FILTERS:
		print_texts(((const struct na_config_filters *)value)->texts, count, out);
		break;
	case NA_OPTION_OUTPUTS:
		na_config_outputs_print(value, out);
		break;
	default:
		print_map(option, value, out);
	}
}

void na_value_done(const struct na_option *option, void *value)
{
	switch (option->type) {
	case NA_OPTION_TEXT:
		free_text(*(struct na_text *)value);
		break;
	case NA_OPTION_TEXTS:
		free_texts(((struct na_texts *)value)->items, ((struct na_texts *)value)->count);
		break;
	case NA_OPTION_FILTERS:
		free_filters(value);
		break;
	case NA_OPTION_MAP:
		free_map(value);
		break;
	case NA_OPTION_OUTPUTS:
		na_config_outputs_done(value);
		break;
	default:
		break;
	}
	memset(value, 0, option->size);
}
