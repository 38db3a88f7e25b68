/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as an object: its making and end, what is derived from its values. */
#include "config/config.h"

#include <stdlib.h>

#include "base/family.h"
#include "config/config_internal.h"
#include "output.h"

static int check_here(const struct na_output *type, const void *options, struct na_buffer *why)
{
	return type->check(options, why);
}

/* ------------------------------------------------------------------------------------------- */

struct na_config *na_config_new(const struct na_output *const *types)
{
	static const struct na_output *const none[] = {NULL};
	struct na_config *config = calloc(1, sizeof(*config));
	struct na_rows rows;

	if (!config)
		return NULL;
	config->state = calloc(1, sizeof(*config->state));
	if (config->state) {
		config->state->types = types ? types : none;
		config->state->check_output = check_here;
		rows = na_config_rows(config);
		if (na_rows_default(&rows) == 0)
			return config;
	}
	na_config_free(config);
	return NULL;
}

void na_config_free(struct na_config *config)
{
	if (!config)
		return;
	if (config->state) {
		struct na_rows rows = na_config_rows(config);

		na_rows_done(&rows);
		for (size_t i = 0; i < config->state->file_count; i++)
			free(config->state->files[i]);
		free(config->state->files);
	}
	free(config->state);
	free(config);
}

void na_config_set_check_output(struct na_config *config, na_config_check_output *check)
{
	config->state->check_output = check;
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
