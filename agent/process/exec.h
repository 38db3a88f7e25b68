/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from an EXEC record. */
#ifndef NA_PROCESS_EXEC_H
#define NA_PROCESS_EXEC_H

#include "process/facts.h"
#include "record.h"

/*
 * Texts of `ret_facts` lie in `arena`, which is cleared first. -EBADMSG: lengths that do not fit
 * the record, an empty component, no pid or start.
 */
int na_exec_decode(const struct na_record_exec *record, struct na_arena *arena,
		   struct na_facts *ret_facts);

#endif
