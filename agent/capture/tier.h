/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to hook the kernel, and whether this kernel allows each. Any thread. */
#ifndef NA_TIER_H
#define NA_TIER_H

#include "base/buffer.h"

/* The order of `capture.attach`. */
enum na_tier {
	NA_TIER_AUTO,
	NA_TIER_CGROUP,
	NA_TIER_FEXIT,
	NA_TIER_LSM,
	NA_TIER_KPROBE,
	NA_TIER_COUNT
};

const char *na_tier_name(enum na_tier tier);

/*
 * Whether the kernel lets programs of the tier (not AUTO) be attached, by attaching one that does
 * nothing and is gone at once. 0; negative errno: `why` got the kernel's reason in one sentence,
 * without the tier's name.
 */
int na_tier_probe(enum na_tier tier, struct na_buffer *why);

/*
 * For capture.attach: 0 when the tier can be used by this program. -EOPNOTSUPP or the kernel's
 * errno: `why` got a sentence for the operator.
 */
int na_tier_check(enum na_tier tier, struct na_buffer *why);
/* That sentence, with this reason. -EOPNOTSUPP. */
int na_tier_refuse(enum na_tier tier, const char *reason, struct na_buffer *why);

/*
 * Are programs that the kernel skips counted? 1, 0 (before 5.12), or negative errno: no program can
 * be loaded to ask.
 */
int na_tier_counts_skips(void);

/* Have kprobes links that can be pinned? 1, 0 (before 5.15), or negative errno, as before. */
int na_tier_kprobes_have_links(void);

#endif
