/* SPDX-License-Identifier: Apache-2.0 */
/* capture.exclude, as far as the kernel programs can apply it (see bpf/filter.h). Immutable after
 * making. */
#ifndef NA_RULES_H
#define NA_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "config/filter.h"

#define NA_RULES_MAX 32
#define NA_RULE_CGROUPS_MAX 32
#define NA_RULE_FAMILIES 64

struct na_rules;

/*
 * Which filters the kernel takes: those with only family, uid, exe without `*`, cgroup (a path),
 * address and port, none negated, and no port wider than 1024 numbers. `ret_taken[i]` says so for
 * each filter; the others are the agent's to apply on events. At most NA_RULES_MAX are taken.
 * -ENOMEM.
 */
int na_rules_new(struct na_filter *const *filters, size_t count, bool *ret_taken,
		 struct na_rules **ret_rules);
void na_rules_free(struct na_rules *rules);

#endif
