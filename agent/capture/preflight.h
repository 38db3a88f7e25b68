/* SPDX-License-Identifier: Apache-2.0 */
/* Why the kernel would refuse everything, asked before trying, so that the message can be plain. */
#ifndef NA_PREFLIGHT_H
#define NA_PREFLIGHT_H

#include "base/buffer.h"

/*
 * 0: nothing known against it. -EPERM: a capability is missing; -EOPNOTSUPP: the kernel is
 * locked down against reading (confidentiality), or has no BTF. `why` then got a sentence that says
 * what to do. `btf`: a file to use instead of the kernel's own, or NULL.
 */
int na_preflight(const char *btf, struct na_buffer *why);

/* Only the capabilities: 0 or -EPERM, and `why` names each that is missing, and its use. */
int na_preflight_capabilities(struct na_buffer *why);

/*
 * Only the types: 0; -EOPNOTSUPP: the kernel has none; others: the file `btf` is not of this
 * kernel. `why` then got a sentence.
 */
int na_preflight_btf(const char *btf, struct na_buffer *why);

/* Loading was refused with -EPERM: adds to `why` the limit of locked memory, where there is one. */
void na_preflight_explain_limit(struct na_buffer *why);

#endif
