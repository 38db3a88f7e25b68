/* SPDX-License-Identifier: Apache-2.0 */
/* A supervisor that runs tests/unit/guard/probe.c, with a clock that can leap. */
#ifndef NA_GUARD_SUPPORT_H
#define NA_GUARD_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "guard/supervisor.h"

/* A test waits no longer than so for what must come. */
#define NA_GUARD_PATIENCE_MS 30000

/* The helper's clock: with `leaps` it does not wait until a deadline, time is what passes. */
struct na_guard_clock {
	uint64_t ahead_ns;
	bool leaps;
};
extern struct na_guard_clock *na_guard_clock;

/* Once, before the first supervisor. The program is linked with --wrap for na_clock_boot_ns, ppoll.
 */
void na_guard_clock_init(void);

struct na_guard_run {
	struct na_supervisor *supervisor;
	int report; /* read end of what the probe says */
	int write;
	const int *more; /* descriptors that the probe gets behind its own */
	size_t more_count;
	char text[65536];
};

/* Opens a supervisor. */
void na_guard_open(struct na_guard_run *run);
void na_guard_close(struct na_guard_run *run);

/* Runs the probe from now on as this identity (NULL: who we are). */
void na_guard_start(struct na_guard_run *run, const char *what,
		    const struct na_sandbox_identity *identity, uint64_t stop_timeout_ns);

/* Waits for the next event, and for a report of the probe, which is in run->text then. */
struct na_supervisor_event na_guard_event(struct na_guard_run *run);
void na_guard_report(struct na_guard_run *run);

/* What is behind "\nname:" in the report, up to the end of the line; "" if it is not there. */
const char *na_guard_line(const struct na_guard_run *run, const char *name);

/* Waits for the end of any process. */
void na_guard_await_end(int pidfd);

#endif
