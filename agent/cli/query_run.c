/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a journal and prints what is asked for. */
#include "cli/query_run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/summary.h"
#include "cli/usage.h"
#include "journal/reader.h"

/* While following, what was found is shown after that long at the latest. */
#define WAIT_NS NA_NS_PER_SEC

struct run {
	const struct na_query *query;
	struct na_reader *reader;
	struct na_query_output *output;
	struct na_summary *summary;
	bool types[NA_EVENT_COUNT]; /* that the filter can match */
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void take_signals(void)
{
	/* No SA_RESTART: a wait ends. */
	static const struct sigaction end = {.sa_handler = on_signal};
	static const struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL); /* write says EPIPE */
}

/* Does the term leave events of the type? Where a `*` stands, the event itself decides. */
static bool leaves_type(const struct na_filter_term *term, enum na_event_type type)
{
	bool named = false;

	for (size_t i = 0; i < term->count; i++) {
		const char *value = term->values[i].text.data;

		if (strchr(value, '*'))
			return true;
		named |= strcmp(value, na_event_name(type)) == 0;
	}
	return named != term->negated;
}

/* What the filter says of types, to pass over the others before they are decoded. */
static void find_wanted_types(const struct na_filter *filter, bool ret_types[NA_EVENT_COUNT])
{
	size_t count = 0;
	const struct na_filter_term *terms = filter ? na_filter_terms(filter, &count) : NULL;

	for (int type = 0; type < NA_EVENT_COUNT; type++) {
		ret_types[type] = true;
		for (size_t i = 0; i < count; i++)
			if (terms[i].key == NA_FILTER_EVENT)
				ret_types[type] &= leaves_type(&terms[i], (enum na_event_type)type);
	}
}

static bool is_wanted(void *context, enum na_event_type type, const struct na_frame_event *event)
{
	const struct run *run = context;

	return run->types[type] && event->wall_ns >= run->query->since_ns &&
	       event->wall_ns < run->query->until_ns;
}

static int take_event(struct run *run, const struct na_reader_item *item)
{
	if (run->query->filter && !na_filter_match(run->query->filter, &item->event))
		return 0;
	if (run->summary)
		return na_summary_add(run->summary, &item->event);
	return na_query_output_put(run->output, &item->event, item->constants,
				   na_reader_constants_version(run->reader));
}

/* Events that should be there: who reads the output must know that it has a hole. */
static void tell_gap(struct run *run, const struct na_reader_gap *gap)
{
	uint64_t first = gap->first_sequence, last = gap->last_sequence;

	if (!first && !last)
		fprintf(stderr, "netaudit %s: %s\n", run->query->command, gap->reason);
	else if (!last)
		fprintf(stderr, "netaudit %s: events from %" PRIu64 " on are missing: %s\n",
			run->query->command, first, gap->reason);
	else if (!first)
		fprintf(stderr, "netaudit %s: events up to %" PRIu64 " are missing: %s\n",
			run->query->command, last, gap->reason);
	else
		fprintf(stderr,
			"netaudit %s: %" PRIu64 " events are missing, %" PRIu64 " to %" PRIu64
			": %s\n",
			run->query->command, last - first + 1, first, last, gap->reason);
	if (run->summary && first && last)
		na_summary_add_missing(run->summary, last - first + 1);
}

/* Nothing more is there: show what there was, and wait if that is asked for. */
static int rest(struct run *run, bool *ret_more)
{
	int error = run->output ? na_query_output_flush(run->output) : 0;

	*ret_more =
		!error && run->query->follow && !stop && na_clock_wall_ns() < run->query->until_ns;
	if (*ret_more)
		na_reader_wait(run->reader, WAIT_NS);
	return error;
}

static int print_summary(struct run *run)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer out = {0};
	int error = run->query->summary_json ? na_summary_json(run->summary, &out)
					     : na_summary_print(run->summary, &out);

	return error < 0 ? na_command_out_of_memory() : na_command_print(&out);
}

static int explain(const struct run *run, int error)
{
	if (error == -EPIPE) /* who read has seen enough */
		return NA_EXIT_DONE;
	if (error == -ENOMEM)
		return na_command_out_of_memory();
	fprintf(stderr, "netaudit %s: %s: %s\n", run->query->command, run->query->path,
		strerrordesc_np(-error));
	return NA_EXIT_DATA;
}

static int read_all(struct run *run)
{
	struct na_reader_item item;
	bool more = true;
	int error = 0;

	while (!error && more && !stop) {
		int step = na_reader_next(run->reader, &item);

		if (step == NA_READER_EVENT)
			error = take_event(run, &item);
		else if (step == NA_READER_GAP)
			tell_gap(run, &item.gap);
		else if (step == NA_READER_END)
			error = rest(run, &more);
		else
			error = step;
	}
	if (!error && run->output)
		error = na_query_output_flush(run->output);
	if (error)
		return explain(run, error);
	return run->summary ? print_summary(run) : NA_EXIT_DONE;
}

static int open_reader(struct run *run)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	const struct na_reader_options options = {.path = run->query->path,
						  .tail = run->query->tail};
	int error = na_reader_open(&options, &run->reader, &why);

	if (!error && run->query->since_ns)
		error = na_reader_seek_time(run->reader, run->query->since_ns);
	if (!error)
		return NA_EXIT_DONE;
	if (error == -ENOMEM)
		return na_command_out_of_memory();
	fprintf(stderr, "netaudit %s: no journal: %.*s\n", run->query->command, (int)why.length,
		why.data ? why.data : "");
	return error == -EACCES || error == -EPERM ? NA_EXIT_NOT_PERMITTED : NA_EXIT_DATA;
}

static int prepare(struct run *run)
{
	int result = open_reader(run);

	if (result != NA_EXIT_DONE)
		return result;
	if (run->query->summary)
		run->summary = na_summary_new();
	else
		run->output = na_query_output_new(run->query->format, run->query->colour);
	if (!run->summary && !run->output)
		return na_command_out_of_memory();
	find_wanted_types(run->query->filter, run->types);
	na_reader_set_wanted(run->reader, is_wanted, run);
	return NA_EXIT_DONE;
}

/* ------------------------------------------------------------------------------------------- */

int na_query_filter(const char *command, int argc, char **argv, struct na_filter **ret_filter)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_filter_parse_arguments(argc, argv, ret_filter, &why);

	if (error == -ENOMEM)
		return na_command_out_of_memory();
	return error ? na_usage_error(command, "%.*s", (int)why.length, why.data) : NA_EXIT_DONE;
}

int na_query_run(const struct na_query *query)
{
	struct run run = {.query = query};
	int result;

	take_signals();
	result = prepare(&run);
	if (result == NA_EXIT_DONE)
		result = read_all(&run);
	na_reader_close(&run.reader);
	na_query_output_free(run.output);
	na_summary_free(run.summary);
	return result;
}
