/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running agent tells about itself over its control socket: the capture thread leaves a copy
 * of its numbers once a second, the socket's thread makes the answer of it.
 */
#ifndef NA_SESSION_CONTROL_H
#define NA_SESSION_CONTROL_H

#include "control/status_json.h"

struct na_session_control;

/*
 * Opens the socket; until the first update it answers that the agent starts. An enum na_exit; what
 * is wrong was said. Main thread.
 */
int na_session_control_start(const char *socket, struct na_session_control **ret_control);

/*
 * Leaves a copy of `status` and of the program states that it points to (NULL: those of the last
 * time stay); other texts are borrowed as long as the control lives. Rates are computed here. Main
 * thread.
 */
void na_session_control_update(struct na_session_control *control, const struct na_status *status,
			       uint64_t now_ns);

void na_session_control_stop(struct na_session_control **control);

#endif
