/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a configuration: a file, then as the argument of --set. What is refused is explained;
 * what is taken is shown, and what is shown is the same again.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/difference.h"
#include "fake_outputs.h"

static struct na_config *begin(void)
{
	struct na_config *config = na_config_new(na_fake_outputs);

	if (!config)
		abort();
	return config;
}

/* All or nothing: each mistake is a line, and there is a mistake if and only if it is refused. */
static void judge(int error, struct na_config_errors *errors)
{
	size_t lines = 0;

	for (size_t i = 0; i < errors->text.length; i++)
		lines += errors->text.data[i] == '\n';
	if (error != 0 && error != -EINVAL)
		abort();
	if (error == 0 ? errors->count != 0 : lines < 1 || lines > NA_CONFIG_ERRORS_MAX + 1)
		abort();
	na_config_errors_done(errors);
}

static void never(void *context, const struct na_config_change *change)
{
	(void)context;
	(void)change;
	abort();
}

static void show_and_load(const struct na_config *config)
{
	struct na_config *again = begin();
	struct na_config_errors errors = {0};
	struct na_buffer shown = {0};

	if (na_config_show(config, &shown) < 0 ||
	    na_config_load_text(again, (struct na_text){shown.data, shown.length}, "shown",
				&errors) < 0 ||
	    na_config_difference(config, again, never, NULL) < 0)
		abort();
	na_buffer_done(&shown);
	na_config_free(again);
}

static void check(const struct na_config *config)
{
	struct na_config_errors errors = {0};

	judge(na_config_check(config, &errors), &errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	NA_FREE char *argument = strndup((const char *)data, size);
	struct na_config *config = begin();
	struct na_config_errors errors = {0};
	int error = na_config_load_text(config, (struct na_text){(const char *)data, size}, "file",
					&errors);

	judge(error, &errors);
	if (!argument)
		abort();
	if (error == 0) {
		check(config);
		show_and_load(config);
	}
	errors = (struct na_config_errors){0};
	judge(na_config_set(config, argument, &errors), &errors);
	na_config_free(config);
	return 0;
}
