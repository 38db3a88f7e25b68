/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies that are too large, without some of their fields: JSON is never cut. Fields go whole, what
 * is missed least first; netaudit.shrunk names those that went. Any thread.
 */
#ifndef NA_SYSLOG_SHRINK_H
#define NA_SYSLOG_SHRINK_H

#include "base/buffer.h"
#include "event.h"

/*
 * Appends the body with as many fields as `most` bytes hold. The same body gives the same result.
 * 0; -EMSGSIZE: what has to stay is larger; -EINVAL: it is no JSON object, or too
 * large a one for the memory there is: jansson does not tell these apart; -ENOMEM.
 */
int na_syslog_shrink(struct na_text body, size_t most, struct na_buffer *out);

#endif
