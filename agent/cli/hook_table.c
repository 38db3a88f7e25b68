/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hook_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define WIDTH 80
#define NAME_WIDTH 26
#define MODE_WIDTH 13
#define REASON_AT (NAME_WIDTH + 1 + MODE_WIDTH + 1)

static void append_mode(struct na_buffer *out, const struct na_hook_setting *setting)
{
	const char *mode = na_hook_mode_name((enum na_hook_mode)setting->mode);
	char text[MODE_WIDTH + 1];

	snprintf(text, sizeof(text), setting->sample > 1 ? "%s/%" PRIu32 : "%s", mode,
		 setting->sample);
	na_buffer_printf(out, "%-*s ", MODE_WIDTH, text);
}

/* `said`: the reason that was given last; one that many share is given once. */
static void append_hook(struct na_buffer *out, enum na_hook hook, const struct na_hook_state *state,
			const struct na_program_state *programs, const char **said)
{
	na_buffer_printf(out, "%-*s ", NAME_WIDTH, na_hook_rows[hook].name.data);
	append_mode(out, &state->setting);
	if (state->program)
		na_buffer_printf(out, "%-8s %12" PRIu64 " %12" PRIu64 "\n",
				 programs[state->program].tier, state->calls, state->refusals);
	else if (strcmp(*said, state->reason) == 0)
		na_buffer_append_string(out, "the same\n");
	else
		na_hook_table_wrap(out, *said = state->reason, REASON_AT, WIDTH - REASON_AT);
}

static void append_off(struct na_buffer *out, const struct na_hook_state *hooks)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer names = {0};

	for (int hook = 1; hook < NA_HOOK_COUNT; hook++)
		if (hooks[hook].setting.mode == NA_HOOK_MODE_OFF)
			na_buffer_printf(&names, "%s%s", names.length ? ", " : "",
					 na_hook_rows[hook].name.data);
	na_buffer_append_char(&names, '\0');
	if (na_buffer_error(&names) || names.length == 1)
		return;
	na_buffer_append_string(out, "off         ");
	na_hook_table_wrap(out, names.data, 12, WIDTH - 12);
}

/* ------------------------------------------------------------------------------------------- */

void na_hook_table_wrap(struct na_buffer *out, const char *text, size_t indent, size_t width)
{
	size_t column = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column && column + 1 + word > width) {
			na_buffer_printf(out, "\n%*s", (int)indent, "");
			column = 0;
		} else if (column) {
			na_buffer_append_char(out, ' ');
			column++;
		}
		na_buffer_append(out, text, word);
		column += word;
		text += word + strspn(text + word, " ");
	}
	na_buffer_append_char(out, '\n');
}

void na_hook_table_append(struct na_buffer *out, const struct na_hook_state *hooks,
			  const struct na_program_state *programs)
{
	const char *said = "";

	na_buffer_printf(out, "\n%-*s %-*s %-8s %12s %12s\n", NAME_WIDTH, "HOOK", MODE_WIDTH,
			 "MODE", "TIER", "CALLS", "REFUSED");
	for (int hook = 1; hook < NA_HOOK_COUNT; hook++)
		if (hooks[hook].setting.mode != NA_HOOK_MODE_OFF)
			append_hook(out, (enum na_hook)hook, &hooks[hook], programs, &said);
	append_off(out, hooks);
}

json_t *na_hook_table_json(const struct na_hook_state *hooks,
			   const struct na_program_state *programs)
{
	json_t *list = json_array();

	for (int hook = 1; hook < NA_HOOK_COUNT; hook++) {
		const struct na_hook_state *state = &hooks[hook];
		const struct na_program_state *program = &programs[state->program];

		json_array_append_new(
			list, json_pack("{s:s s:s s:I s:b s:s* s:s* s:s* s:I s:I}", "hook",
					na_hook_rows[hook].name.data, "mode",
					na_hook_mode_name((enum na_hook_mode)state->setting.mode),
					"sample", (json_int_t)state->setting.sample, "asked",
					state->setting.asked, "tier",
					state->program ? program->tier : NULL, "source",
					state->program ? program->source : NULL, "reason",
					state->program ? NULL : state->reason, "calls",
					(json_int_t)state->calls, "refusals",
					(json_int_t)state->refusals));
	}
	return list;
}
