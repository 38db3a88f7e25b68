/* SPDX-License-Identifier: Apache-2.0 */
/* The options of outputs, checked apart: their libraries read what a configuration says. */
#include "cli/check_output.h"

#include <errno.h>

#include "base/clock.h"
#include "guard/apart.h"
#include "output.h"

#define CHECK_NS (10 * NA_NS_PER_SEC)

struct check {
	const struct na_output *type;
	const void *options;
};

static int check(void *context, struct na_buffer *out)
{
	const struct check *check = context;
	int landlock, error = na_sandbox_enter(NULL, 0, &landlock, out);

	return error ? error : check->type->check(check->options, out);
}

/* ------------------------------------------------------------------------------------------- */

int na_cli_check_output(const struct na_output *type, const void *options, struct na_buffer *why)
{
	static const struct na_sandbox_identity nobody = {
		.uid = NA_SANDBOX_NOBODY,
		.gid = NA_SANDBOX_NOBODY,
		.groups = {NA_SANDBOX_NOBODY},
		.group_count = 1,
	};
	struct check checked = {type, options};
	size_t before = why->length;
	int error = na_apart_run(&nobody, check, &checked, CHECK_NS, why);

	if (error && why->length == before)
		na_buffer_printf(why, "its options cannot be checked: %s",
				 strerrordesc_np(error < 0 ? -error : EIO));
	return error;
}
