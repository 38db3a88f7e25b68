/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as an object: defaults, replacing values, what is derived from them. */
#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/family.h"
#include "config/config_internal.h"

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

static int set_default(struct na_config *config, const struct na_option *option)
{
	void *member = na_config_member(config, option);
	struct na_buffer why = {0};
	int error = 0;

	if (option->type == NA_OPTION_NAMES)
		error = default_names(option, member, &why);
	else if (!na_option_is_list(option->type) && option->type != NA_OPTION_MAP)
		error = na_value_parse(option, na_text_of(option->fallback), member, &why);
	assert(error != -EINVAL); /* a row of options.def whose default breaks its own rules */
	na_buffer_done(&why);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

struct na_config *na_config_new(void)
{
	struct na_config *config = calloc(1, sizeof(*config));
	int error = 0;

	if (!config)
		return NULL;
	config->state = calloc(1, sizeof(*config->state));
	if (!config->state)
		error = -ENOMEM;
	for (size_t i = 0; i < NA_OPTION_COUNT && !error; i++)
		error = set_default(config, &na_options[i]);
	if (!error)
		return config;
	na_config_free(config);
	return NULL;
}

void na_config_free(struct na_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < NA_OPTION_COUNT; i++)
		na_value_done(&na_options[i], na_config_member(config, &na_options[i]));
	if (config->state) {
		for (size_t i = 0; i < config->state->file_count; i++)
			free(config->state->files[i]);
		free(config->state->files);
	}
	free(config->state);
	free(config);
}

void na_config_take(struct na_config *config, const struct na_option *option, void *fresh,
		    const struct na_place *place)
{
	void *member = na_config_member(config, option);

	na_value_done(option, member);
	memcpy(member, fresh, option->size);
	memset(fresh, 0, option->size);
	config->state->origins[option - na_options] =
		(struct na_config_origin){place->file, place->line};
}

size_t na_config_file_count(const struct na_config *config)
{
	return config->state->file_count;
}

uint64_t na_config_families(const struct na_config *config)
{
	const char *names = na_options[NA_OPTION_INDEX_capture_families].allowed;
	uint64_t families = 0;

	for (unsigned int place = 0; *names; place++) {
		size_t length = strcspn(names, "|");
		unsigned int number;

		if (config->capture_families >> place & 1) {
			if (na_family_find((struct na_text){names, length}, &number) < 0)
				return UINT64_MAX; /* `all`, the only name that is no family */
			families |= UINT64_C(1) << number;
		}
		names += length + (names[length] == '|');
	}
	return families;
}
