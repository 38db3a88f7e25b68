/* SPDX-License-Identifier: Apache-2.0 */
/* An agent that has known better days, for the tests of status. */
#ifndef NA_STATUS_SAMPLE_H
#define NA_STATUS_SAMPLE_H

#include "control/status_json.h"

/* `outputs` is the path of the shipping process's file, or NULL. */
void na_status_sample(struct na_status *ret_status, const char *outputs);

#endif
