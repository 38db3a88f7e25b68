/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes events out of the journal. */
#include "cli/delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/credentials.h"
#include "cli/folders.h"
#include "cli/terminal.h"
#include "config/config.h"
#include "control/status_json.h"

#define STOP_NS (10 * NA_NS_PER_SEC) /* for outputs to finish; the journal keeps the rest */

/* What the shipping process finds, in this order, from 3 on. */
enum { CONFIGURATION, PROGRAM, DESCRIPTOR_COUNT };

/* Sealed: the child reads what was written, and nobody changes it. */
static int make_configuration(const struct na_config *config)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer text = {0};
	NA_CLOSE int fd = memfd_create("netaudit.yaml", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t written = 0;

	if (fd < 0)
		return -errno;
	if (na_config_show(config, &text) < 0)
		return -ENOMEM;
	while (written < text.length) {
		ssize_t count =
			pwrite(fd, text.data + written, text.length - written, (off_t)written);

		if (count < 0)
			return -errno;
		written += (size_t)count;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	return NA_TAKE_FD(fd);
}

/* By descriptor, because the shipping user may not reach the folder that the program is in. */
static int start_child(struct na_delivery *delivery, const struct na_config *config)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer credentials = {0};
	const char *environment[] = {"PATH=/usr/bin:/bin", NULL, NULL};
	char program[32];
	const char *const arguments[] = {program, "ship", NULL};
	NA_CLOSE int configuration = make_configuration(config);
	const int descriptors[DESCRIPTOR_COUNT] = {
		[CONFIGURATION] = configuration, [PROGRAM] = delivery->program_fd};
	struct na_supervisor_child child = {
		.arguments = arguments,
		.environment = environment,
		.identity = delivery->identity,
		.descriptors = descriptors,
		.descriptor_count = DESCRIPTOR_COUNT,
	};

	if (configuration < 0)
		return configuration;
	if (delivery->credentials) {
		na_buffer_printf(&credentials, "CREDENTIALS_DIRECTORY=%s%c", delivery->credentials,
				 '\0');
		if (na_buffer_error(&credentials))
			return -ENOMEM;
		environment[1] = credentials.data;
	}
	snprintf(program, sizeof(program), "/proc/self/fd/%d",
		 NA_SUPERVISOR_FIRST_DESCRIPTOR + PROGRAM);
	return na_supervisor_start(delivery->supervisor, &child, STOP_NS);
}

static int refuse(const char *what, int error)
{
	na_log_error("%s: %s", what, strerrordesc_np(-error));
	return na_command_exit(error);
}

/* The folders above it belong to root, and itself does not. */
static int make_folder(const char *path, const struct na_sandbox_identity *identity)
{
	int error = na_folders_make_above(path);

	if (error)
		return error;
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return -errno;
	return lchown(path, identity->uid, identity->gid) < 0 ? -errno : 0;
}

/* Beside the tail: in memory, and the shipping process may read there. */
static int copy_credentials(struct na_delivery *delivery, const struct na_config *config)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	NA_FREE char *tail = strdup(config->journal_tail.data);
	NA_FREE char *folder = NULL;
	bool any = false;
	int error;

	if (!tail || asprintf(&folder, "%s/credentials", dirname(tail)) < 0)
		return na_command_out_of_memory();
	error = na_folders_make_above(folder);
	if (error)
		return refuse(folder, error);
	error = na_credentials_copy(folder, delivery->identity.gid, &any, &why);
	if (error) {
		na_log_error("%.*s", (int)why.length, why.length ? why.data : "");
		return na_command_exit(error);
	}
	if (any)
		delivery->credentials = NA_TAKE_POINTER(folder);
	return NA_EXIT_DONE;
}

static int prepare_ship(struct na_delivery *delivery, const struct na_config *config)
{
	int error, result;
	bool found = na_sandbox_find(config->ship_user.data, &delivery->identity);

	snprintf(delivery->user, sizeof(delivery->user), "%s",
		 found ? config->ship_user.data : "nobody");
	if (!found)
		na_log_warning("there is no user %s: the shipping process runs as nobody (uid %d), "
			       "which other programs may be as well",
			       config->ship_user.data, NA_SANDBOX_NOBODY);
	error = make_folder(config->ship_path.data, &delivery->identity);
	if (error)
		return refuse(config->ship_path.data, error);
	result = copy_credentials(delivery, config);
	if (result)
		return result;
	delivery->program_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (delivery->program_fd < 0)
		return refuse("/proc/self/exe", -errno);
	error = na_supervisor_open(&delivery->supervisor);
	return error ? refuse("the helper that starts the shipping process", error) : NA_EXIT_DONE;
}

/* Until other outputs are configured. */
static void stop_sending(struct na_delivery *delivery, const char *why)
{
	delivery->stopped = true;
	snprintf(delivery->last_end, sizeof(delivery->last_end), "%s", why);
	delivery->last_end_wall_ns = na_clock_wall_ns();
	na_log_notice("%s: nothing is sent; the journal keeps", why);
	na_supervisor_stop(delivery->supervisor, STOP_NS);
}

static void take_event(struct na_delivery *delivery, const struct na_supervisor_event *event)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer sentence = {0};

	delivery->starts = event->starts;
	delivery->running = event->type == NA_SUPERVISOR_STARTED;
	delivery->pid = delivery->running ? event->pid : 0;
	if (delivery->running)
		return;
	if (!event->asked && !event->signal && event->status == NA_DELIVERY_NOTHING_LEFT) {
		stop_sending(delivery, "every output has ended, as one does whose reader is gone");
		return;
	}
	na_supervisor_describe(event, "netaudit ship", &sentence);
	snprintf(delivery->last_end, sizeof(delivery->last_end), "%.*s", (int)sentence.length,
		 sentence.length ? sentence.data : "");
	delivery->last_end_wall_ns = na_clock_wall_ns();
	if (!event->asked)
		na_log_warning("%s; the journal keeps", delivery->last_end);
}

static void take_events(struct na_delivery *delivery)
{
	struct na_supervisor_event event;
	int found;

	if (delivery->lost)
		return;
	while ((found = na_supervisor_next(delivery->supervisor, &event)) > 0)
		take_event(delivery, &event);
	if (!found)
		return;
	delivery->lost = true;
	na_log_error("the helper that starts the shipping process is gone: nothing is sent until "
		     "netaudit is started again; the journal keeps");
}

static int stop_ship(struct na_delivery *delivery)
{
	na_supervisor_close(&delivery->supervisor, na_clock_boot_ns() + STOP_NS);
	na_cleanup_fd(&delivery->program_fd);
	if (delivery->credentials)
		na_credentials_remove(delivery->credentials);
	free(delivery->credentials);
	delivery->credentials = NULL;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_delivery_prepare(struct na_delivery *delivery, enum na_delivery_kind kind,
			const struct na_config *config)
{
	*delivery = (struct na_delivery){.kind = kind, .program_fd = -1};
	return kind == NA_DELIVERY_SHIP ? prepare_ship(delivery, config) : NA_EXIT_DONE;
}

int32_t na_delivery_helper_pid(const struct na_delivery *delivery)
{
	return delivery->supervisor ? na_supervisor_helper_pid(delivery->supervisor) : 0;
}

int na_delivery_group(const struct na_delivery *delivery)
{
	return delivery->kind == NA_DELIVERY_SHIP ? (int)delivery->identity.gid : -1;
}

int na_delivery_start(struct na_delivery *delivery, const struct na_config *config,
		      const char *journal, const char *tail, const struct na_print_options *print)
{
	struct na_terminal_options terminal = {.path = journal, .tail = tail, .print = *print};
	int error;

	if (delivery->kind == NA_DELIVERY_TERMINAL)
		return na_terminal_start(&terminal, &delivery->terminal);
	if (delivery->kind != NA_DELIVERY_SHIP)
		return NA_EXIT_DONE;
	error = start_child(delivery, config);
	return error ? refuse("the shipping process cannot be started", error) : NA_EXIT_DONE;
}

int na_delivery_fd(const struct na_delivery *delivery)
{
	if (delivery->terminal)
		return na_terminal_fd(delivery->terminal);
	return delivery->supervisor && !delivery->lost ? na_supervisor_fd(delivery->supervisor)
						       : -1;
}

int na_delivery_turn(struct na_delivery *delivery)
{
	uint64_t ended;

	if (delivery->supervisor)
		take_events(delivery);
	if (delivery->terminal &&
	    read(na_terminal_fd(delivery->terminal), &ended, sizeof(ended)) == sizeof(ended))
		return -EPIPE; /* na_delivery_stop tells what it was */
	return 0;
}

int na_delivery_reload(struct na_delivery *delivery, const struct na_config *config)
{
	int error;

	if (!delivery->supervisor)
		return config->outputs.count ? -EOPNOTSUPP : 0;
	if (!config->outputs.count) {
		stop_sending(delivery, "no outputs are configured any more");
		return 0;
	}
	error = start_child(delivery, config);
	delivery->stopped = delivery->stopped && error;
	return error;
}

void na_delivery_reopen(struct na_delivery *delivery)
{
	if (delivery->supervisor)
		na_supervisor_signal(delivery->supervisor, SIGUSR1);
}

void na_delivery_resize(struct na_delivery *delivery)
{
	if (delivery->terminal)
		na_terminal_resize(delivery->terminal);
}

void na_delivery_status(const struct na_delivery *delivery, struct na_status *status)
{
	status->ship = NA_STATUS_SHIP_OFF;
	if (!delivery->supervisor)
		return;
	status->ship = delivery->lost      ? NA_STATUS_SHIP_LOST
		       : delivery->stopped ? NA_STATUS_SHIP_STOPPED
		       : delivery->running ? NA_STATUS_SHIP_RUNNING
					   : NA_STATUS_SHIP_WAITING;
	status->ship_user = delivery->user;
	status->ship_pid = delivery->pid;
	status->ship_starts = delivery->starts;
	status->ship_last_end = delivery->last_end;
	status->ship_last_end_wall_ns = delivery->last_end_wall_ns;
}

int na_delivery_stop(struct na_delivery *delivery)
{
	if (delivery->kind == NA_DELIVERY_SHIP)
		return stop_ship(delivery);
	return na_terminal_stop(&delivery->terminal);
}
