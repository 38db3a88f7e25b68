/* SPDX-License-Identifier: Apache-2.0 */
/* A lane for each output, and a thread that writes what they say of themselves once a second. */
#include "ship/ship.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "ship/format.h"
#include "ship/lane.h"
#include "ship/retire.h"
#include "ship/status_file.h"

struct na_ship {
	const struct na_ship_options *options;
	struct na_lane **lanes; /* options->count of them */
	int through_fd;         /* what lanes tell the reporter */
	int done_fd;            /* what the reporter tells the caller */

	/* The reporter's thread. */
	pthread_t reporter;
	bool reports;
	int end_fd; /* main thread: it shall end */
	struct na_ship_status *statuses;
	struct na_status_file *file;
	bool failed;
};

static int check_output(const struct na_ship_options *options, size_t place, struct na_buffer *why)
{
	const struct na_output_common *common = options->outputs[place].common;
	const char *name = common->name.data;

	if (!name[0] || name[0] == '.' || strchr(name, '/')) {
		na_buffer_printf(why, "\"%s\" cannot be the name of an output", name);
		return -EINVAL;
	}
	if (!na_format_known(common->format)) {
		na_buffer_printf(why, "output %s: this build does not have its format", name);
		return -EINVAL;
	}
	for (size_t i = 0; i < place; i++)
		if (strcmp(options->outputs[i].common->name.data, name) == 0) {
			na_buffer_printf(why, "two outputs are called %s", name);
			return -EEXIST;
		}
	return 0;
}

static int make_lanes(struct na_ship *ship)
{
	ship->lanes = calloc(ship->options->count + 1, sizeof(*ship->lanes));
	ship->statuses = calloc(ship->options->count + 1, sizeof(*ship->statuses));
	ship->file = na_status_file_new(ship->options->folder);
	if (!ship->lanes || !ship->statuses || !ship->file)
		return -ENOMEM;
	for (size_t i = 0; i < ship->options->count; i++) {
		ship->lanes[i] =
			na_lane_new(ship->options, &ship->options->outputs[i], ship->through_fd);
		if (!ship->lanes[i])
			return -ENOMEM;
	}
	return 0;
}

static int make_fds(struct na_ship *ship)
{
	ship->through_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ship->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ship->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return ship->through_fd < 0 || ship->done_fd < 0 || ship->end_fd < 0 ? -EMFILE : 0;
}

static void write_status(struct na_ship *ship)
{
	int error;

	for (size_t i = 0; i < ship->options->count; i++)
		na_lane_status(ship->lanes[i], &ship->statuses[i]);
	error = na_status_file_write(ship->file, ship->statuses, ship->options->count);
	if (error && !ship->failed)
		na_log_warning("%s/status.json cannot be written: %s; status shows an old one",
			       ship->options->folder, strerrordesc_np(-error));
	ship->failed = error != 0;
}

static bool all_through(const struct na_ship *ship)
{
	for (size_t i = 0; i < ship->options->count; i++)
		if (!na_lane_is_through(ship->lanes[i]))
			return false;
	return true;
}

static void *report(void *argument)
{
	struct na_ship *ship = argument;
	struct pollfd fds[] = {{.fd = ship->end_fd, .events = POLLIN},
			       {.fd = ship->through_fd, .events = POLLIN}};
	const struct timespec second = {.tv_sec = 1};
	eventfd_t count;

	do {
		eventfd_read(ship->through_fd, &count);
		if (all_through(ship))
			eventfd_write(ship->done_fd, 1);
		write_status(ship);
		ppoll(fds, 2, &second, NULL);
	} while (!(fds[0].revents & POLLIN));
	write_status(ship);
	return NULL;
}

static int start_reporter(struct na_ship *ship)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&ship->reporter, NULL, report, ship);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ship->reports = !error;
	return error ? -EAGAIN : 0;
}

static void stop_reporter(struct na_ship *ship)
{
	if (!ship->reports)
		return;
	eventfd_write(ship->end_fd, 1);
	pthread_join(ship->reporter, NULL);
	ship->reports = false;
}

/* ------------------------------------------------------------------------------------------- */

int na_ship_new(const struct na_ship_options *options, struct na_ship **ret_ship,
		struct na_buffer *why)
{
	struct na_ship *ship;
	int error;

	for (size_t i = 0; i < options->count; i++) {
		error = check_output(options, i, why);
		if (error < 0)
			return error;
	}
	ship = calloc(1, sizeof(*ship));
	if (!ship)
		return -ENOMEM;
	ship->options = options;
	ship->through_fd = ship->done_fd = ship->end_fd = -1;
	error = make_fds(ship);
	if (!error)
		error = make_lanes(ship);
	if (error < 0)
		na_ship_free(&ship);
	else
		*ret_ship = ship;
	return error;
}

int na_ship_start(struct na_ship *ship)
{
	const struct na_ship_options *options = ship->options;
	int error = 0;

	/* A folder that cannot be read is each output's error, which says so. */
	(void)na_ship_retire(options->folder, options->outputs, options->count);
	for (size_t i = 0; !error && i < options->count; i++)
		error = na_lane_start(ship->lanes[i]);
	if (!error)
		error = start_reporter(ship);
	if (error < 0)
		na_ship_stop(ship, 0);
	return error;
}

void na_ship_reopen(struct na_ship *ship)
{
	for (size_t i = 0; i < ship->options->count; i++)
		na_lane_reopen(ship->lanes[i]);
}

int na_ship_fd(const struct na_ship *ship)
{
	return ship->done_fd;
}

void na_ship_stop(struct na_ship *ship, uint64_t deadline_ns)
{
	for (size_t i = 0; i < ship->options->count; i++)
		na_lane_stop(ship->lanes[i], deadline_ns);
	for (size_t i = 0; i < ship->options->count; i++)
		na_lane_join(ship->lanes[i]);
	stop_reporter(ship);
}

void na_ship_free(struct na_ship **pointer)
{
	struct na_ship *ship = NA_TAKE_POINTER(*pointer);

	if (!ship)
		return;
	if (ship->reports)
		na_ship_stop(ship, 0);
	for (size_t i = 0; ship->lanes && i < ship->options->count; i++)
		na_lane_free(ship->lanes[i]);
	na_status_file_free(ship->file);
	free(ship->lanes);
	free(ship->statuses);
	na_cleanup_fd(&ship->through_fd);
	na_cleanup_fd(&ship->done_fd);
	na_cleanup_fd(&ship->end_fd);
	free(ship);
}

bool na_ship_status(struct na_ship *ship, size_t output, struct na_ship_status *ret_status)
{
	if (output >= ship->options->count)
		return false;
	na_lane_status(ship->lanes[output], ret_status);
	return true;
}
