/* SPDX-License-Identifier: Apache-2.0 */
/* Executions from the events of an earlier agent of this boot. Capture thread only. */
#ifndef NA_PROCESS_RESTORE_H
#define NA_PROCESS_RESTORE_H

#include "process/description.h"
#include "process/table.h"

/*
 * As na_processes_restore. What is not in the table yet is added as over since the event: a scan
 * finds what still runs.
 */
struct na_process *na_process_restore(struct na_process_table *table,
				      struct na_describer *describer, const struct na_event *event,
				      bool creator);

#endif
