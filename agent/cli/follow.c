/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the journal of a running agent. */
#include "cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "cli/terminal.h"

/* ------------------------------------------------------------------------------------------- */

int na_follow_run(const char *path, const char *tail, const struct na_print_options *print)
{
	struct na_terminal_options options = {
		.path = path, .tail = tail, .from_end = true, .print = *print};
	NA_CLEANUP(na_signals_close) struct na_signals signals;
	struct na_terminal *terminal = NULL;
	int result, error;

	if (na_signals_open(&signals, false) < 0)
		return na_command_out_of_memory();
	result = na_terminal_start(&options, &terminal);
	while (!result && !signals.stop) {
		struct pollfd ready[] = {{.fd = signals.fd, .events = POLLIN},
					 {.fd = na_terminal_fd(terminal), .events = POLLIN}};

		if (poll(ready, 2, -1) > 0 && ready[1].revents)
			break;
		na_signals_take(&signals);
		if (signals.resize)
			na_terminal_resize(terminal);
		signals.resize = false;
	}
	error = na_terminal_stop(&terminal);
	if (result || !error || error == -EPIPE)
		return result;
	na_log_error("the journal cannot be followed to stdout: %s", strerrordesc_np(-error));
	return NA_EXIT_CANNOT_CREATE;
}
