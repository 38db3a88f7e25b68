/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hook.h"

#include <errno.h>

#define RETURNS_VERDICT true
#define RETURNS_NOTHING false
#define WHERE_TASK true
#define WHERE_ANY false
#define ADDRESS_NOWHERE false
#define ADDRESS_SOCKADDR_1 true
#define ADDRESS_SOCKADDR_2 true
#define ADDRESS_MESSAGE_1 true

/* Not by name: a macro's parameter would stand for the member as well. */
const struct na_hook_row na_hook_rows[NA_HOOK_COUNT] = {
#define NA_HOOK(id, name, function, slots, about, address, first, first_is, second, second_is,     \
		returns, where, operation, mode)                                                   \
	[NA_HOOK_##id] = {{#name, sizeof(#name) - 1},                                              \
			  NA_EVENT_HOOK_##id,                                                      \
			  NA_OPERATION_##operation,                                                \
			  NA_HOOK_MODE_##mode,                                                     \
			  NA_HOOK_ARGUMENT_##first_is,                                             \
			  NA_HOOK_ARGUMENT_##second_is,                                            \
			  slots,                                                                   \
			  RETURNS_##returns,                                                       \
			  ADDRESS_##address,                                                       \
			  WHERE_##where,                                                           \
			  #function},
#include "hooks.def"
};

int na_hook_find(struct na_text name, enum na_hook *ret_hook)
{
	for (int hook = 1; hook < NA_HOOK_COUNT; hook++)
		if (na_hook_rows[hook].name.length == name.length &&
		    memcmp(na_hook_rows[hook].name.data, name.data, name.length) == 0) {
			*ret_hook = (enum na_hook)hook;
			return 0;
		}
	return -ENOENT;
}

const char *na_hook_mode_name(enum na_hook_mode mode)
{
	static const char *const names[] = {"off", "denied", "count", "event"};

	return names[mode];
}
