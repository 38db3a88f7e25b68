/* SPDX-License-Identifier: Apache-2.0 */
/* A reload: what differs between two configurations, and what of it has to wait for a restart. */
#include "config/difference.h"

#include <assert.h>
#include <errno.h>

#include "config/config_internal.h"
#include "config/outputs.h"

/* In the place of a file's name, which goes with the configuration it was loaded into. */
#define KEPT "as before the reload"

enum reload { LIVE, RESTART };

static const enum reload reloads[NA_OPTION_COUNT] = {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, reload, doc) reload,
#include "options.def"
};

struct told {
	na_config_changed *changed;
	void *context;
};

/* NULL stands for nothing. */
static const char *text_of(struct na_buffer *buffer)
{
	if (!buffer->length)
		return NULL;
	na_buffer_append_char(buffer, '\0');
	return buffer->data;
}

static int tell(const struct told *told, const char *path, struct na_buffer *was,
		struct na_buffer *now, bool restart)
{
	struct na_config_change change = {path, text_of(was), text_of(now), restart};

	if (na_buffer_error(was) || na_buffer_error(now))
		return -ENOMEM;
	told->changed(told->context, &change);
	return 0;
}

static int tell_option(const struct told *told, const struct na_option *option, const void *was,
		       const void *now)
{
	NA_CONFIG_BUFFER before = {0};
	NA_CONFIG_BUFFER after = {0};

	na_value_print(option, was, &before);
	na_value_print(option, now, &after);
	return tell(told, option->path, &before, &after, reloads[option - na_options] == RESTART);
}

/* One of them may be NULL. */
static int tell_output(const struct told *told, const struct na_config_output *was,
		       const struct na_config_output *now)
{
	NA_CONFIG_BUFFER path = {0};
	NA_CONFIG_BUFFER before = {0};
	NA_CONFIG_BUFFER after = {0};

	na_buffer_printf(&path, "outputs.%s", (was ? was : now)->common.name.data);
	na_buffer_append_char(&path, '\0');
	if (was)
		na_config_output_print(was, &before);
	if (now)
		na_config_output_print(now, &after);
	if (na_buffer_error(&path))
		return -ENOMEM;
	return tell(told, path.data, &before, &after, false);
}

static int tell_outputs(const struct told *told, const struct na_config_outputs *was,
			const struct na_config_outputs *now)
{
	const struct na_config_output *other;
	int error = 0;

	for (size_t i = 0; i < was->count && !error; i++) {
		other = na_config_outputs_find(now, was->items[i].common.name);
		if (!other || !na_config_output_equal(&was->items[i], other))
			error = tell_output(told, &was->items[i], other);
	}
	for (size_t i = 0; i < now->count && !error; i++)
		if (!na_config_outputs_find(was, now->items[i].common.name))
			error = tell_output(told, NULL, &now->items[i]);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_config_difference(const struct na_config *running, const struct na_config *fresh,
			 na_config_changed *changed, void *context)
{
	const struct na_rows old = na_config_rows(running), new = na_config_rows(fresh);
	const struct told told = {changed, context};
	int error = 0;

	for (size_t i = 0; i < NA_OPTION_COUNT && !error; i++) {
		const struct na_option *option = &na_options[i];
		const void *was = na_rows_member(&old, option), *now = na_rows_member(&new, option);

		if (option->type == NA_OPTION_OUTPUTS)
			error = tell_outputs(&told, was, now);
		else if (!na_value_equal(option, was, now))
			error = tell_option(&told, option, was, now);
	}
	return error;
}

void na_config_keep(struct na_config *fresh, struct na_config *running)
{
	const struct na_rows old = na_config_rows(running), new = na_config_rows(fresh);

	for (size_t i = 0; i < NA_OPTION_COUNT; i++) {
		const struct na_option *option = &na_options[i];
		void *was = na_rows_member(&old, option), *now = na_rows_member(&new, option);
		union na_value value;

		/* What is in these has origins of its own, with names of `running`. */
		assert(reloads[i] == LIVE ||
		       (option->type != NA_OPTION_MAP && option->type != NA_OPTION_OUTPUTS));
		if (reloads[i] == LIVE || na_value_equal(option, was, now))
			continue;
		memcpy(&value, now, option->size);
		memcpy(now, was, option->size);
		memcpy(was, &value, option->size);
		*na_rows_origin(&new, option) = (struct na_config_origin){KEPT, 0};
		*na_rows_origin(&old, option) = (struct na_config_origin){0};
	}
}
