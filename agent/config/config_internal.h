/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share about a configuration that is being loaded. One thread. */
#ifndef NA_CONFIG_INTERNAL_H
#define NA_CONFIG_INTERNAL_H

#include <yaml.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/option.h"
#include "config/rows.h"
#include "config/value.h"

#define NA_CONFIG_SET "--set"

static inline void na_config_buffer_done(struct na_buffer *buffer)
{
	na_buffer_done(buffer);
}

#define NA_CONFIG_BUFFER NA_CLEANUP(na_config_buffer_done) struct na_buffer

struct na_config_state {
	const struct na_output *const *types; /* NULL behind them */
	na_config_check_output *check_output;
	char **files; /* names that origins point to */
	size_t file_count;
	struct na_config_origin origins[NA_OPTION_COUNT];
};

static inline struct na_rows na_config_rows(const struct na_config *config)
{
	return (struct na_rows){na_options, NA_OPTION_COUNT, (void *)config,
				config->state->origins};
}

/* Where something stands; lines and columns from 1. line 0: the file as a whole, or --set; column
 * 0: the line as a whole. */
struct na_place {
	const char *file;
	size_t line, column;
	const char *within; /* "outputs.siem": what paths are below; NULL: nothing */
};

static inline struct na_config_origin na_place_origin(const struct na_place *place)
{
	return (struct na_config_origin){place->file, place->line};
}

/* Of what libyaml counts from 0; the command line has no lines. */
static inline struct na_place na_place_of(const char *file, const yaml_mark_t *mark)
{
	if (strcmp(file, NA_CONFIG_SET) == 0)
		return (struct na_place){file, 0, 0, NULL};
	return (struct na_place){file, mark->line + 1, mark->column + 1, NULL};
}

/* One more line in errors; `path` may be empty. */
void na_mistake(struct na_config_errors *errors, const struct na_place *place, const char *path,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * What to do with the result of a function that explains itself: nothing on success; on -EINVAL the
 * explanation becomes a mistake and 0 is returned, others are passed on. Empties `why`.
 */
int na_mistake_if(int error, struct na_config_errors *errors, const struct na_place *place,
		  const char *path, struct na_buffer *why);

/* 0, -EINVAL when there are more mistakes than `before`, -ENOMEM when not all could be written
 * down. */
int na_mistakes_result(const struct na_config_errors *errors, size_t before);

static inline bool na_mistakes_full(const struct na_config_errors *errors)
{
	return errors->count >= NA_CONFIG_ERRORS_MAX;
}

/*
 * The document in `text`, to be deleted by the caller on success; without a root when there is
 * nothing. `path` is the option that it is for, "" of a file. -EINVAL: the mistake is written down;
 * -ENOMEM.
 */
int na_yaml_parse(struct na_text text, const char *file, const char *path,
		  struct na_config_errors *errors, yaml_document_t *ret_document);

static inline struct na_text na_yaml_text(const yaml_node_t *node)
{
	return (struct na_text){(const char *)node->data.scalar.value, node->data.scalar.length};
}

/* Nothing, ~ or null. */
bool na_yaml_is_null(const yaml_node_t *node);

#endif
