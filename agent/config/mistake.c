/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes in a configuration: one line each, with their place. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "config/config_internal.h"

static void append_place(struct na_buffer *out, const struct na_place *place)
{
	na_buffer_append_string(out, place->file);
	if (place->line)
		na_buffer_printf(out, ":%zu", place->line);
	if (place->column)
		na_buffer_printf(out, ":%zu", place->column);
	na_buffer_append_string(out, ": ");
}

static void append_path(struct na_buffer *out, const char *within, const char *path)
{
	na_buffer_append_string(out, within);
	na_buffer_append_string(out, *within && *path ? "." : "");
	na_buffer_append_string(out, path);
	na_buffer_append_string(out, *within || *path ? ": " : "");
}

/* ------------------------------------------------------------------------------------------- */

void na_mistake(struct na_config_errors *errors, const struct na_place *place, const char *path,
		const char *format, ...)
{
	NA_FREE char *message = NULL;
	va_list arguments;

	if (errors->count++ >= NA_CONFIG_ERRORS_MAX)
		return;
	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0) {
		message = NULL;
		errors->text.error = -ENOMEM;
	}
	va_end(arguments);
	append_place(&errors->text, place);
	append_path(&errors->text, place->within ? place->within : "", path);
	na_buffer_append_string(&errors->text, message ? message : "");
	na_buffer_append_char(&errors->text, '\n');
	if (errors->count == NA_CONFIG_ERRORS_MAX) {
		append_place(&errors->text, &(struct na_place){place->file, 0, 0, NULL});
		na_buffer_append_string(&errors->text,
					"too many mistakes, the rest was not looked at\n");
	}
}

int na_mistake_if(int error, struct na_config_errors *errors, const struct na_place *place,
		  const char *path, struct na_buffer *why)
{
	if (error == -EINVAL && na_buffer_error(why))
		error = na_buffer_error(why);
	if (error == -EINVAL) {
		na_mistake(errors, place, path, "%.*s", (int)why->length, why->data);
		error = 0;
	}
	na_buffer_clear(why);
	return error;
}

int na_mistakes_result(const struct na_config_errors *errors, size_t before)
{
	if (na_buffer_error(&errors->text))
		return na_buffer_error(&errors->text);
	return errors->count > before ? -EINVAL : 0;
}

void na_config_errors_done(struct na_config_errors *errors)
{
	na_buffer_done(&errors->text);
	errors->count = 0;
}
