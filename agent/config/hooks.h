/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.hooks: what is wanted of the security hooks. Any thread.
 *
 * In a file a hook has a mode, or {mode: event, sample: 10}. As a value of the map that is one
 * text: the mode, and behind a slash the sample: event/10.
 */
#ifndef NA_CONFIG_HOOKS_H
#define NA_CONFIG_HOOKS_H

#include "base/buffer.h"
#include "base/hook.h"
#include "config/config.h"

#define NA_HOOK_KEYS "mode|sample"

/* -EINVAL: `why` got a sentence. */
int na_config_hook_parse(struct na_text name, struct na_text text,
			 struct na_hook_setting *ret_setting, struct na_buffer *why);

/* A parsed value of the map, as a file would have it. */
void na_config_hook_print(struct na_text text, struct na_buffer *out);

/* Of every hook, by enum na_hook: the default where the configuration says nothing. */
void na_config_hooks(const struct na_config *config,
		     struct na_hook_setting ret_settings[NA_HOOK_COUNT]);

#endif
