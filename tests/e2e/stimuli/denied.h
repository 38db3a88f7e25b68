/* SPDX-License-Identifier: Apache-2.0 */
/* The one event of a refusal by a policy. */
#ifndef DENIED_H
#define DENIED_H

#include "facts.h"

/* By this process: denied, with operation and errno. */
json_t *expect_denied(const char *operation, int error);

#endif
