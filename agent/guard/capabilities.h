/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of root's rights. Capabilities belong to threads: every function here wants a
 * process with one thread, and says -EBUSY otherwise. What is given up never comes back.
 */
#ifndef NA_CAPABILITIES_H
#define NA_CAPABILITIES_H

#include <stdint.h>

#include "base/buffer.h"

enum na_capabilities_role {
	NA_CAPABILITIES_CAPTURE, /* programs are loaded and attached, the self-test has run */
	NA_CAPABILITIES_HELPER,  /* starts children as another user, and signals them */
	NA_CAPABILITIES_NONE
};

/*
 * Keeps what the role needs, as far as it is there, in effective and permitted; the bounding set
 * gets the same, inheritable and ambient nothing; sets no_new_privs. Works without any capability
 * as well: then nothing is kept. `ret_kept` (may be NULL) gets "CAP_SYS_PTRACE, CAP_IPC_LOCK", or
 * "none", for the log. Negative errno: nothing is certain, and the process should end.
 */
int na_capabilities_keep(enum na_capabilities_role role, struct na_buffer *ret_kept);

/*
 * Makes the process a member of `group` beside its own, so that it may give its files to that group
 * when CAP_CHOWN is gone. Before na_capabilities_keep. 0, also when it cannot be (-EPERM: without
 * CAP_SETGID).
 */
int na_capabilities_join(uint32_t group);

#endif
