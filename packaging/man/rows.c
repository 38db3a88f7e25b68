/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the tree as mdoc(7). */
#include "rows.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/field.h"
#include "cli/outputs.h"
#include "config/option.h"

static void begin_list(void)
{
	puts(".Bl -tag -width Ds");
}

static void end_list(void)
{
	puts(".El");
}

/* Names with | between as a list in prose. */
static void say_names(const char *names)
{
	for (; *names; names++)
		*names == '|' ? fputs(", ", stdout) : putchar(*names);
}

static void say_kind(const struct na_option *option)
{
	static const char *const kinds[] = {
		[NA_OPTION_BOOL] = "True or false",
		[NA_OPTION_NUMBER] = "A number",
		[NA_OPTION_SIZE] = "A size",
		[NA_OPTION_DURATION] = "A duration",
		[NA_OPTION_SHARE] = "A size or a share",
		[NA_OPTION_ENUM] = "One of ",
		[NA_OPTION_TEXT] = "A text",
		[NA_OPTION_NAMES] = "A list of ",
		[NA_OPTION_TEXTS] = "A list of texts",
		[NA_OPTION_FILTERS] = "A list of filters",
		[NA_OPTION_MAP] = "Names with values",
		[NA_OPTION_OUTPUTS] = "A list of outputs",
	};
	bool range = option->type == NA_OPTION_NUMBER || option->type == NA_OPTION_SIZE ||
		     option->type == NA_OPTION_DURATION;

	fputs(kinds[option->type], stdout);
	if (option->type == NA_OPTION_ENUM || option->type == NA_OPTION_NAMES)
		say_names(option->allowed);
	else if (*option->allowed)
		printf(", %s", option->allowed);
	if (range)
		printf(", %s to %s", option->min, option->max);
}

/* A row without a default that may not stay empty says so itself: "Needed". */
static void say_option(const struct na_option *option, const char *reload)
{
	printf(".It Cm %s\n", option->path);
	page_text(option->doc);
	say_kind(option);
	if (*option->fallback)
		printf("; default %s", option->fallback);
	puts(strcmp(reload, "RESTART") == 0 ? ".\nHolds until a restart." : ".");
}

static void say_promise(const struct na_output *type)
{
	printf(".Ss \"Type %s\"\n", type->name);
	page_text(type->promise);
}

static void say_list(const char *const *names)
{
	for (size_t i = 0; i < 2 && *names[i]; i++)
		printf("%s%s", i ? " and " : "", names[i]);
}

/* ------------------------------------------------------------------------------------------- */

void page_text(const char *text)
{
	bool code = false;

	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (char before = ' '; *text; before = *text++) {
		if (*text == '`')
			fputs((code = !code) ? "\\fB" : "\\fP", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-' && !isalnum((unsigned char)before))
			fputs("\\-", stdout);
		else if (*text == ' ' && before == '.' && isupper((unsigned char)text[1]))
			putchar('\n'); /* a sentence begins a line */
		else
			putchar(*text);
	}
	putchar('\n');
}

void page_die(const char *why)
{
	fprintf(stderr, "page: %s\n", why);
	exit(EXIT_FAILURE);
}

void page_options(void)
{
	static const char *const reload[] = {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, reload, doc) #reload,
#include "options.def"
	};

	begin_list();
	for (int i = 0; i < NA_OPTION_COUNT; i++)
		say_option(&na_options[i], reload[i]);
	end_list();
}

void page_output_options(void)
{
	begin_list();
	for (int i = 0; i < NA_OUTPUT_OPTION_COUNT; i++)
		say_option(&na_output_options[i], "");
	end_list();
}

void page_outputs(void)
{
	for (const struct na_output *const *type = na_cli_output_types; *type; type++) {
		say_promise(*type);
		if (!(*type)->option_count)
			continue;
		begin_list();
		for (size_t i = 0; i < (*type)->option_count; i++)
			say_option(&(*type)->options[i], "");
		end_list();
	}
}

void page_events(void)
{
	static const struct {
		const char *name, *action, *group, *kind, *category[2], *type[2], *outcome, *doc;
	} rows[] = {
#define NA_EVENT(id, name, action, group, kind, category, category2, type, type2, outcome, doc)    \
	{name, action, group, kind, {category, category2}, {type, type2}, #outcome, doc},
#include "events.def"
	};

	begin_list();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strncmp(rows[i].name, "hook.", 5) == 0)
			continue;
		printf(".It Cm %s\n", rows[i].name);
		page_text(rows[i].doc);
		printf("Action %s, dataset netaudit.%s, kind %s, category ",
		       strncmp(rows[i].action, "%s", 2) ? rows[i].action : "OPERATION_denied",
		       rows[i].group, rows[i].kind);
		say_list(rows[i].category);
		fputs(", type ", stdout);
		say_list(rows[i].type);
		if (strcmp(rows[i].outcome, "SUCCESS")) {
			fputs(", outcome ", stdout);
			for (const char *at = rows[i].outcome; *at; at++)
				putchar(tolower((unsigned char)*at));
		}
		puts(".");
	}
	end_list();
}

void page_fields(void)
{
	static const char *const types[NA_TYPE_COUNT] = {
		[NA_TYPE_KEYWORD] = "A text",        [NA_TYPE_KEYWORDS] = "Texts",
		[NA_TYPE_LONG] = "A number",         [NA_TYPE_ID] = "A number in quotes",
		[NA_TYPE_IP] = "An address",         [NA_TYPE_DATE] = "A date",
		[NA_TYPE_BOOLEAN] = "True or false", [NA_TYPE_OBJECT] = "An object",
	};

	begin_list();
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		const struct na_field_row *row = &na_field_rows[i];

		printf(".It Va %s\n", row->path);
		page_text(row->doc);
		printf("%s%s%s%s.\n", types[row->type],
		       row->traits & NA_TRAIT_REQUIRED ? ", always there" : "",
		       row->traits & NA_TRAIT_UNTRUSTED ? ", untrusted" : "",
		       row->traits & NA_TRAIT_ECS ? "" : "; netaudit's own");
	}
	end_list();
}

void page_counters(void)
{
	begin_list();
#define NA_STAT(id, name, unit, doc)                                                               \
	puts(".It Va " name);                                                                      \
	page_text(doc);
#include "stats.def"
	end_list();
}
