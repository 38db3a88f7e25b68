/* SPDX-License-Identifier: Apache-2.0 */
/* Which arguments must not be stored. */
#include "process/redact.h"

#include <fnmatch.h>
#include <stdlib.h>

struct pattern {
	char *text;   /* as given */
	char *option; /* the part before a final "=*", else NULL */
};

struct na_redactor {
	size_t count;
	struct pattern patterns[];
};

/* An argument that fnmatch cannot compare (not valid in the locale) is hidden, not shown. */
static bool is_like(const char *pattern, const char *argument)
{
	return fnmatch(pattern, argument, 0) != FNM_NOMATCH;
}

static bool is_secret(const struct na_redactor *redactor, const char *argument, bool has_value)
{
	for (size_t i = 0; i < redactor->count; i++) {
		const struct pattern *pattern = &redactor->patterns[i];

		if (is_like(pattern->text, argument))
			return true;
		if (!has_value && pattern->option && is_like(pattern->option, argument))
			return true;
	}
	return false;
}

static int pattern_init(struct pattern *pattern, struct na_text text)
{
	pattern->text = strndup(text.data, text.length);
	if (!pattern->text)
		return -1;
	if (text.length <= 2 || memcmp(text.data + text.length - 2, "=*", 2) != 0)
		return 0;
	pattern->option = strndup(text.data, text.length - 2);
	return pattern->option ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------- */

struct na_redactor *na_redactor_new(const struct na_text *patterns, size_t count)
{
	struct na_redactor *redactor;

	redactor = calloc(1, sizeof(*redactor) + count * sizeof(redactor->patterns[0]));
	if (!redactor)
		return NULL;
	redactor->count = count;
	for (size_t i = 0; i < count; i++)
		if (pattern_init(&redactor->patterns[i], patterns[i]) < 0) {
			na_redactor_free(redactor);
			return NULL;
		}
	return redactor;
}

void na_redactor_free(struct na_redactor *redactor)
{
	if (!redactor)
		return;
	for (size_t i = 0; i < redactor->count; i++) {
		free(redactor->patterns[i].text);
		free(redactor->patterns[i].option);
	}
	free(redactor);
}

size_t na_redactor_keep(const struct na_redactor *redactor, const char *argument, size_t length,
			bool *hide_next)
{
	const char *value = memchr(argument, '=', length);
	bool hidden = *hide_next;

	*hide_next = false;
	if (hidden)
		return 0;
	if (!is_secret(redactor, argument, value != NULL))
		return length;
	if (value)
		return (size_t)(value + 1 - argument);
	*hide_next = true;
	return length;
}
