/* SPDX-License-Identifier: Apache-2.0 */
/* A journal followed to stdout. */
#include "cli/terminal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "journal/reader.h"

/* Between two looks at what main asks for. */
#define LOOK_NS (100 * NA_NS_PER_MS)

struct na_terminal {
	struct na_terminal_options options;
	struct na_reader *reader;
	int ended_fd;
	pthread_t thread;
	atomic_bool stop, resized;
	/* Thread; main after it has ended. */
	struct na_print *print;
	unsigned int version; /* of the constants that print has */
	int error;
};

/* Encoders render the constants once, so others need another printer. */
static int follow_constants(struct na_terminal *terminal, const struct na_event *constants)
{
	unsigned int version = na_reader_constants_version(terminal->reader);
	int error;

	if (terminal->print && (version == terminal->version || !terminal->options.print.json))
		return 0;
	error = terminal->print ? na_print_flush(terminal->print) : 0;
	na_print_free(terminal->print);
	terminal->options.print.constants = constants;
	terminal->print = na_print_new(&terminal->options.print);
	terminal->version = version;
	return terminal->print ? error : -ENOMEM;
}

static int print_event(struct na_terminal *terminal, const struct na_reader_item *item)
{
	int error = follow_constants(terminal, item->constants);
	struct na_sink *sink;

	if (error)
		return error;
	sink = na_print_sink(terminal->print);
	return sink->put(sink, &item->event);
}

/* Nothing more now: what was gathered goes out, and on with what main asked for. */
static int rest(struct na_terminal *terminal, bool stop)
{
	int error = 0;

	if (!terminal->print && !terminal->options.print.json) /* the heading comes at once */
		error = follow_constants(terminal, NULL);
	if (!error && terminal->print)
		error = na_print_flush(terminal->print);
	if (!error && terminal->print && atomic_exchange(&terminal->resized, false))
		na_print_resize(terminal->print);
	if (!error && !stop)
		na_reader_wait(terminal->reader, LOOK_NS);
	return error;
}

/* `stop` was read before END: what the journal held when it was closed has been printed. */
static int follow(struct na_terminal *terminal, struct na_reader_item *item)
{
	bool done = false;
	int error = 0;

	while (!done && !error) {
		bool stop = atomic_load(&terminal->stop);
		/* The journal of another process may have more for ever. */
		int step = stop && terminal->options.from_end
				   ? NA_READER_END
				   : na_reader_next(terminal->reader, item);

		if (step == NA_READER_EVENT) {
			error = print_event(terminal, item);
		} else if (step == NA_READER_GAP) {
			na_log_warning("%s", item->gap.reason);
		} else if (step == NA_READER_END) {
			error = rest(terminal, stop);
			done = stop;
		} else {
			error = step;
		}
	}
	return error;
}

static void *run(void *argument)
{
	struct na_terminal *terminal = argument;
	struct na_reader_item *item = calloc(1, sizeof(*item));
	uint64_t one = 1;

	terminal->error = item ? follow(terminal, item) : -ENOMEM;
	free(item);
	while (write(terminal->ended_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

static int open_reader(struct na_terminal *terminal)
{
	struct na_reader_options options = {.path = terminal->options.path,
					    .tail = terminal->options.tail};
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_reader_open(&options, &terminal->reader, &why);

	if (!error)
		error = terminal->options.from_end ? na_reader_seek_end(terminal->reader)
						   : na_reader_seek_first(terminal->reader);
	if (!error)
		return NA_EXIT_DONE;
	if (!why.length)
		na_buffer_printf(&why, "%s: %s", options.path, strerrordesc_np(-error));
	na_log_error("%.*s", (int)why.length, why.length ? why.data : "");
	return error == -EACCES || error == -EPERM ? NA_EXIT_NOT_PERMITTED : NA_EXIT_DATA;
}

/* A stdout that nobody reads holds the thread for ever: then a second signal ends the process. */
static void let_signals_end(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &ends, NULL);
}

/* Signals are main's. */
static int start_thread(struct na_terminal *terminal)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&terminal->thread, NULL, run, terminal);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static void free_terminal(struct na_terminal *terminal)
{
	na_print_free(terminal->print);
	na_reader_close(&terminal->reader);
	na_cleanup_fd(&terminal->ended_fd);
	free(terminal);
}

/* ------------------------------------------------------------------------------------------- */

int na_terminal_start(const struct na_terminal_options *options, struct na_terminal **ret_terminal)
{
	struct na_terminal *terminal = calloc(1, sizeof(*terminal));
	int result;

	if (!terminal)
		return na_command_out_of_memory();
	terminal->options = *options;
	terminal->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	result = terminal->ended_fd < 0 ? na_command_out_of_memory() : open_reader(terminal);
	if (!result && start_thread(terminal) != 0)
		result = na_command_out_of_memory();
	if (result) {
		free_terminal(terminal);
		return result;
	}
	*ret_terminal = terminal;
	return NA_EXIT_DONE;
}

int na_terminal_fd(const struct na_terminal *terminal)
{
	return terminal->ended_fd;
}

void na_terminal_resize(struct na_terminal *terminal)
{
	atomic_store(&terminal->resized, true);
}

int na_terminal_stop(struct na_terminal **terminal)
{
	int error;

	if (!*terminal)
		return 0;
	atomic_store(&(*terminal)->stop, true);
	let_signals_end();
	pthread_join((*terminal)->thread, NULL);
	error = (*terminal)->error;
	free_terminal(*terminal);
	*terminal = NULL;
	return error;
}
