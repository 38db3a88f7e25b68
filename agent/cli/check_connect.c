/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each output tried with one event, in a process that is what the shipping process is, so that what
 * that one may not do fails here as well.
 */
#include "cli/check_connect.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/outputs.h"
#include "cli/paths.h"
#include "guard/apart.h"
#include "journal/event_id.h"
#include "output.h"
#include "pipeline/host.h"
#include "ship/arena.h"
#include "ship/format.h"

#define TRY_NS (15 * NA_NS_PER_SEC) /* for the far end to acknowledge */
#define TROUBLE_NS                                                                                 \
	(3 * NA_NS_PER_SEC)         /* after the first failure: it may have been a passing one     \
				     */
#define SOON_NS (1 * NA_NS_PER_SEC) /* then it is ended in good order, which brings the rest */
#define STEP_NS (50 * NA_NS_PER_MS)
#define WHY_MAX 512

/* The host of one record. */
struct trial {
	struct na_output_host host; /* first: the instance's calls come back to it */
	const struct na_config_output *output;
	const struct na_config_map *labels;
	struct na_output_record record;
	struct na_output_instance *instance;
	bool taken; /* by this instance */
	bool sent;  /* taken by any */
	uint64_t began_ns;

	pthread_mutex_t mutex; /* of what follows: the output may call from threads of its own */
	bool delivered, refused, held;
	uint64_t trouble_ns; /* of the first failure; 0: none */
	char why[WHY_MAX];
};

static void note(struct trial *trial, const char *why, bool *flag)
{
	pthread_mutex_lock(&trial->mutex);
	snprintf(trial->why, sizeof(trial->why), "%s", why ? why : "");
	if (!trial->trouble_ns)
		trial->trouble_ns = na_clock_boot_ns();
	if (flag)
		*flag = true;
	pthread_mutex_unlock(&trial->mutex);
}

static void acknowledge(struct na_output_host *host, uint64_t first, uint64_t last)
{
	struct trial *trial = (struct trial *)host;

	pthread_mutex_lock(&trial->mutex);
	trial->delivered |= first <= trial->record.number && trial->record.number <= last;
	pthread_mutex_unlock(&trial->mutex);
}

static void reject(struct na_output_host *host, uint64_t number, const char *reason)
{
	struct trial *trial = (struct trial *)host;

	(void)number;
	note(trial, reason, &trial->refused);
}

static void failed(struct na_output_host *host, const char *reason)
{
	struct trial *trial = (struct trial *)host;

	note(trial, reason, NULL);
	trial->taken = false;
}

static void say_state(struct na_output_host *host, enum na_output_state state, const char *why)
{
	struct trial *trial = (struct trial *)host;

	if (state != NA_OUTPUT_WORKING)
		note(trial, why, state == NA_OUTPUT_HELD ? &trial->held : NULL);
}

static bool is_over(struct trial *trial, uint64_t deadline_ns)
{
	uint64_t now_ns = na_clock_boot_ns();
	bool over;

	pthread_mutex_lock(&trial->mutex);
	over = trial->delivered || trial->refused || trial->held || now_ns >= deadline_ns ||
	       (trial->trouble_ns && now_ns - trial->trouble_ns >= TROUBLE_NS) ||
	       (!trial->trouble_ns && trial->taken && now_ns - trial->began_ns >= SOON_NS);
	pthread_mutex_unlock(&trial->mutex);
	return over;
}

static void close_instance(struct trial *trial)
{
	if (trial->instance)
		trial->output->type->close(NA_TAKE_POINTER(trial->instance));
	trial->taken = false;
}

static bool open_instance(struct trial *trial, struct na_buffer *why)
{
	const struct na_output *type = trial->output->type;
	int error;

	if (trial->instance)
		return true;
	error = type->open(trial->output->options, &trial->host, &trial->instance, why);
	if (error && !why->length)
		na_buffer_append_string(why, strerrordesc_np(-error));
	if (error)
		trial->instance = NULL;
	return !error;
}

static void offer(struct trial *trial, struct na_buffer *why)
{
	size_t taken = 0;

	switch (trial->output->type->put(trial->instance, &trial->record, 1, &taken, why)) {
	case NA_OUTPUT_TAKEN:
		trial->taken = taken == 1;
		trial->sent |= trial->taken;
		break;
	case NA_OUTPUT_REJECT:
		trial->refused = true;
		break;
	case NA_OUTPUT_BROKEN:
		close_instance(trial);
		break;
	case NA_OUTPUT_LATER:
		break;
	}
}

/* One step; what the output said goes to the trial. */
static void step(struct trial *trial)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};

	if (!open_instance(trial, &why))
		trial->held = true; /* what cannot even be opened is no passing trouble */
	else if (!trial->taken)
		offer(trial, &why);
	if (why.length) {
		na_buffer_append_char(&why, '\0');
		note(trial, na_buffer_error(&why) ? "out of memory" : why.data, NULL);
	}
	if (trial->instance &&
	    trial->output->type->work(trial->instance, STEP_NS) == NA_OUTPUT_BROKEN)
		close_instance(trial);
}

static int tell_delivered(const struct trial *trial, struct na_buffer *out)
{
	const struct na_output *type = trial->output->type;
	const char *doubt = type->doubt ? type->doubt(trial->output->options) : NULL;
	unsigned long long ms = (na_clock_boot_ns() - trial->began_ns) / NA_NS_PER_MS;

	if (doubt)
		na_buffer_printf(out, "sent after %llu ms: %s", ms, doubt);
	else
		na_buffer_printf(out, "delivered, acknowledged after %llu ms", ms);
	return NA_EXIT_DONE;
}

static int try_output(struct trial *trial, struct na_buffer *out)
{
	uint64_t deadline_ns = na_clock_boot_ns() + TRY_NS;

	trial->began_ns = na_clock_boot_ns();
	while (!is_over(trial, deadline_ns))
		step(trial);
	if (trial->instance && !trial->delivered)
		trial->output->type->drain(trial->instance,
					   trial->trouble_ns ? na_clock_boot_ns() : deadline_ns);
	close_instance(trial);
	if (trial->delivered)
		return tell_delivered(trial, out);
	if (trial->why[0])
		na_buffer_printf(out, "not delivered: %s", trial->why);
	else if (trial->sent)
		na_buffer_printf(out,
				 "not delivered: it was sent, and nothing acknowledged it in %u s",
				 (unsigned int)(TRY_NS / NA_NS_PER_SEC));
	else
		na_buffer_append_string(out, "not delivered: the output took nothing");
	return NA_EXIT_UNAVAILABLE;
}

static int encode(const struct na_config_output *output, const struct na_host *host,
		  struct na_event *event, struct na_buffer *body)
{
	struct na_format *format = na_format_new(output->common.format, &host->constants,
						 &(struct na_line_options){0});
	int error = format ? na_format_encode(format, event, NULL, body) : -ENOMEM;

	na_format_free(format);
	return error;
}

/* No journal has this event: its id is made of this run's. */
static size_t make_id(const struct na_host *host, char id[NA_EVENT_ID_SIZE])
{
	uint8_t uuid[16];
	size_t length;

	na_uuid_parse(host->instance, uuid);
	length = na_event_id_instance(uuid, 0, id);
	return na_event_id_finish(id, length, 1);
}

/* In the process that was made for it. */
static int run(void *context, struct na_buffer *out)
{
	struct trial trial = *(struct trial *)context;
	NA_CLEANUP(na_cli_paths_done) struct na_cli_paths paths = {0};
	NA_CLEANUP(na_host_done) struct na_host host = {0};
	NA_CLEANUP(na_buffer_done) struct na_buffer body = {0};
	const struct sigaction ignored = {.sa_handler = SIG_IGN};
	NA_CLEANUP(na_arena_done) struct na_arena arena = {0};
	struct na_event event;
	uint64_t all[NA_EVENT_WORDS];
	char id[NA_EVENT_ID_SIZE];
	int landlock, error = na_host_init(&host, trial.labels);

	memset(all, 0xff, sizeof(all));
	na_cli_paths_add_output(&paths, trial.output);
	if (error || paths.failed)
		return -ENOMEM;
	sigaction(SIGPIPE, &ignored, NULL); /* as the shipping process does: a write says it */
	error = na_sandbox_enter(paths.items, paths.count, &landlock, out);
	if (error)
		return error;
	na_event_init(&event, NA_EVENT_OUTPUT_TESTED, na_clock_boot_ns());
	trial.record.wall_ns = na_clock_wall_ns();
	trial.record.id = (struct na_text){id, make_id(&host, id)};
	NA_SET(&event, TIMESTAMP, trial.record.wall_ns);
	NA_SET(&event, EVENT_ID, trial.record.id);
	NA_SET_TEXT(&event, MESSAGE, "netaudit check --connect");
	NA_SET(&event, NA_OUTPUT, trial.output->common.name);
	error = encode(trial.output, &host, &event, &body);
	if (error)
		return error;
	trial.record.event = na_arena_event(&arena, &event, all, &host.constants);
	if (!trial.record.event)
		return -ENOMEM;
	trial.record.body = (struct na_text){body.data, body.length};
	na_log_set_level(NA_LOG_ERROR); /* what is said below is the result */
	return try_output(&trial, out);
}

static int check_output(const struct na_config *config, const struct na_config_output *output,
			const struct na_sandbox_identity *identity)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer said = {0};
	struct trial trial = {
		.host = {.name = output->common.name.data,
			 .format = na_format_name((enum na_output_format)output->common.format),
			 .acknowledge = acknowledge,
			 .reject = reject,
			 .failed = failed,
			 .state = say_state},
		.output = output,
		.labels = &config->labels,
		.record.number = 1,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
	};
	int result = na_apart_run(identity, run, &trial, 2 * TRY_NS, &said);

	if (result < 0 && !said.length)
		na_buffer_append_string(&said, strerrordesc_np(-result));
	printf("%s (%s): %s%.*s\n", output->common.name.data, output->type->name,
	       result < 0 ? "cannot be tried: " : "", (int)said.length,
	       said.length ? said.data : "");
	return result == NA_EXIT_DONE ? NA_EXIT_DONE : NA_EXIT_UNAVAILABLE;
}

/* ------------------------------------------------------------------------------------------- */

int na_cli_check_connect(const struct na_config *config)
{
	struct na_sandbox_identity identity;
	int result = NA_EXIT_DONE;

	if (!config->outputs.count) {
		fputs("no outputs are configured: there is nothing to connect to\n", stderr);
		return NA_EXIT_DONE;
	}
	if (!na_sandbox_find(config->ship_user.data, &identity))
		fprintf(stderr, "there is no user %s: the outputs are tried as nobody\n",
			config->ship_user.data);
	for (size_t i = 0; i < config->outputs.count; i++)
		if (check_output(config, &config->outputs.items[i], &identity) != NA_EXIT_DONE)
			result = NA_EXIT_UNAVAILABLE;
	return result;
}
