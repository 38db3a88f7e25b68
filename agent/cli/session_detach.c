/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the kernel programs: the turns go on for as long as the kernel takes to detach them.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "capture/pinned.h"
#include "cli/session_capture.h"

/*
 * On 6.12 it takes 5 s, on a busy machine three times as long. With what the journal (10 s) and the
 * shipping process (10 s) may take it stays well below the 90 s that systemd waits by default.
 */
#define DETACH_MAX_SECONDS 30

static int go_on(struct na_source *source)
{
	uint64_t end_ns = na_clock_boot_ns() + DETACH_MAX_SECONDS * NA_NS_PER_SEC;
	int error = 0;

	while (!error && na_capture_is_detaching(source->capture)) {
		if (na_clock_boot_ns() >= end_ns) {
			na_log_warning("the kernel has not let go of all kernel programs in %d s: "
				       "a process \"netaudit-detach\" stays until it has, and what "
				       "they see until then is not recorded",
				       DETACH_MAX_SECONDS);
			break;
		}
		error = na_source_turn(source);
	}
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_source_detach(struct na_source *source)
{
	int fd, error = 0;

	if (na_capture_is_pinned(source->capture))
		return 0;
	fd = na_capture_detach_begin(source->capture);
	if (fd < 0)
		na_log_warning("no process that detaches the kernel programs: %s",
			       strerrordesc_np(-fd));
	na_source_wake_by(source, fd);
	error = go_on(source);
	na_capture_detach(source->capture);
	return error;
}
