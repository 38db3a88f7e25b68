/* SPDX-License-Identifier: Apache-2.0 */
#include "config/hooks.h"

#include <errno.h>

#include "config/number.h"
#include "config/suggest.h"
#include "config/value.h"

static int refuse_hook(struct na_text name, struct na_buffer *why)
{
	struct na_suggestion suggestion;

	na_suggestion_init(&suggestion, name);
	for (int hook = 1; hook < NA_HOOK_COUNT; hook++)
		na_suggestion_offer(&suggestion, na_hook_rows[hook].name);
	na_quote_append(why, name);
	na_buffer_append_string(why, " is no security hook");
	na_suggestion_append(&suggestion, why);
	return -EINVAL;
}

static int parse_sample(struct na_text text, struct na_hook_setting *setting, struct na_buffer *why)
{
	uint64_t sample;

	if (na_number_digits(text, &sample) < 0 || !sample || sample > NA_HOOK_SAMPLE_MAX) {
		na_quote_append(why, text);
		na_buffer_printf(why, " is no sample: one call in 1 to %d", NA_HOOK_SAMPLE_MAX);
		return -EINVAL;
	}
	if (setting->mode != NA_HOOK_MODE_EVENT) {
		na_buffer_append_string(why, "a sample is of the mode event only");
		return -EINVAL;
	}
	setting->sample = (uint32_t)sample;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_config_hook_parse(struct na_text name, struct na_text text,
			 struct na_hook_setting *ret_setting, struct na_buffer *why)
{
	const char *slash = memchr(text.data, '/', text.length);
	struct na_text mode = {text.data, slash ? (size_t)(slash - text.data) : text.length};
	struct na_hook_setting setting = {.sample = 1, .asked = true};
	enum na_hook hook;
	unsigned int place;
	int error = 0;

	if (na_hook_find(name, &hook) < 0)
		return refuse_hook(name, why);
	if (na_value_find_name(NA_HOOK_MODES, mode, &place) < 0)
		return na_value_refuse_name(NA_HOOK_MODES, mode, why);
	setting.mode = (uint8_t)place;
	if (setting.mode == NA_HOOK_MODE_DENIED && !na_hook_rows[hook].has_verdict) {
		na_buffer_printf(why, "%s refuses nothing: off, count or event",
				 na_hook_rows[hook].name.data);
		return -EINVAL;
	}
	if (slash)
		error = parse_sample((struct na_text){slash + 1, text.length - mode.length - 1},
				     &setting, why);
	if (!error)
		*ret_setting = setting;
	return error;
}

void na_config_hook_print(struct na_text text, struct na_buffer *out)
{
	const char *slash = memchr(text.data, '/', text.length);

	if (!slash)
		na_buffer_append(out, text.data, text.length);
	else
		na_buffer_printf(out, "{mode: %.*s, sample: %s}", (int)(slash - text.data),
				 text.data, slash + 1);
}

void na_config_hooks(const struct na_config *config,
		     struct na_hook_setting ret_settings[NA_HOOK_COUNT])
{
	const struct na_config_map *map = &config->capture_hooks;
	struct na_buffer why = {0};

	for (int hook = 0; hook < NA_HOOK_COUNT; hook++)
		ret_settings[hook] = na_hook_default((enum na_hook)hook);
	for (size_t i = 0; i < map->count; i++) {
		enum na_hook hook;

		if (na_hook_find(map->pairs[i].name, &hook) == 0)
			na_config_hook_parse(map->pairs[i].name, map->pairs[i].value,
					     &ret_settings[hook], &why);
	}
	na_buffer_done(&why);
}
