/* SPDX-License-Identifier: Apache-2.0 */
/* capture.hooks: {mode: event, sample: 10} becomes the text that the map holds. */
#include <errno.h>

#include "config/hooks.h"
#include "config/load.h"
#include "config/suggest.h"

static int check_key(const struct na_loader *loader, const yaml_node_t *mapping,
		     const yaml_node_pair_t *pair, const char *path)
{
	yaml_node_t *key = na_load_node(loader, pair->key);
	yaml_node_t *value = na_load_node(loader, pair->value);
	struct na_place place = na_load_place(loader, key);
	NA_CONFIG_BUFFER why = {0};
	unsigned int known;

	if (key->type != YAML_SCALAR_NODE || value->type != YAML_SCALAR_NODE ||
	    na_yaml_is_null(value)) {
		na_load_refuse(loader, key, path, "each key has one value");
		return 0;
	}
	if (na_value_find_name(NA_HOOK_KEYS, na_yaml_text(key), &known) == 0) {
		if (na_load_value(loader, mapping, (const char *)key->data.scalar.value) != value)
			na_load_refuse(loader, key, path, "given twice");
		return 0;
	}
	return na_mistake_if(na_value_refuse_name(NA_HOOK_KEYS, na_yaml_text(key), &why),
			     loader->errors, &place, path, &why);
}

/* ------------------------------------------------------------------------------------------- */

int na_load_hook(const struct na_loader *loader, const struct na_option *option,
		 const yaml_node_t *mapping, struct na_buffer *ret_text)
{
	const yaml_node_t *mode = na_load_value(loader, mapping, "mode");
	const yaml_node_t *sample = na_load_value(loader, mapping, "sample");
	size_t before = loader->errors->count;
	int error = 0;

	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top && !error && !na_mistakes_full(loader->errors);
	     pair++)
		error = check_key(loader, mapping, pair, option->path);
	if (!error && !mode)
		na_load_refuse(loader, mapping, option->path, "the mode is missing");
	if (error || loader->errors->count > before)
		return error;
	na_buffer_append(ret_text, (const char *)mode->data.scalar.value, mode->data.scalar.length);
	if (sample) {
		na_buffer_append_char(ret_text, '/');
		na_buffer_append(ret_text, (const char *)sample->data.scalar.value,
				 sample->data.scalar.length);
	}
	return na_buffer_error(ret_text);
}
