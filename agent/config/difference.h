/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reload: what differs between the configuration that is in effect and a new one, and what of it
 * has to wait for a restart. One thread at a time.
 */
#ifndef NA_DIFFERENCE_H
#define NA_DIFFERENCE_H

#include <stdbool.h>

#include "config/config.h"

/* One thing that differs. Borrowed until the function returns. */
struct na_config_change {
	const char *path; /* "capture.attach"; of an output "outputs.siem" */
	/* As in a file, in one line; NULL: an output that is not there. Of outputs not for logs:
	 * their libraries' keys may be secrets. */
	const char *was, *now;
	bool restart; /* it cannot take effect in a running agent */
};

typedef void na_config_changed(void *context, const struct na_config_change *change);

/*
 * Calls `changed` for each option that differs, in the order of options.def; of outputs for each
 * that came, went or is another, by name. -ENOMEM: not all were told.
 */
int na_config_difference(const struct na_config *running, const struct na_config *fresh,
			 na_config_changed *changed, void *context);

/*
 * Gives `fresh` the values of `running` that a reload cannot change, so that it says what is in
 * effect, and `running` those of `fresh`: it is of no more use than to be freed.
 */
void na_config_keep(struct na_config *fresh, struct na_config *running);

#endif
