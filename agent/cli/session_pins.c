/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel programs that stay between two agents. Only an agent with a configured journal leaves
 * them: what they report meanwhile has to go where the rest is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd_store.h"
#include "base/log.h"
#include "capture/pin.h"
#include "capture/pinned.h"
#include "cli/session_capture.h"
#include "journal/last.h"

/* An event has its number before it is appended: what was interrupted in between is not kept. */
static uint64_t mark(void *context)
{
	const struct na_source *source = context;

	return na_journal_next_sequence(source->journal.journal);
}

static uint64_t kept(const struct na_source *source)
{
	struct na_journal_status status;

	na_journal_status(source->journal.journal, &status);
	return status.last_sequence + 1;
}

/* From the last that is known of the agent before to now. */
static int tell_gap(struct na_source *source, uint64_t since_ns)
{
	struct na_record_lost record = {
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_LOST,
			   .program = NA_PROGRAM_AGENT,
			   .time_ns = na_clock_boot_ns()},
		.since_ns = since_ns,
		.reason = NA_LOSS_NOT_RUNNING,
	};

	if (!since_ns || since_ns > record.header.time_ns)
		return 0;
	na_log_warning("no agent ran, and none of its kernel programs was left: what happened in "
		       "%.1f s until now is not recorded",
		       (double)(record.header.time_ns - since_ns) / NA_NS_PER_SEC);
	return na_source_take(source, &record.header);
}

static void log_before(const struct na_source *source, const struct na_capture_before *before)
{
	const char *path = na_pins_path(source->pins);

	if (before->taken_over)
		na_log_notice("the kernel programs in %s go on: what came since then is not lost",
			      path);
	if (before->replaced)
		na_log_notice("the kernel programs of the agent before were replaced: what their "
			      "rings held is not lost");
	if (before->removed)
		na_log_warning("%s held kernel programs of an agent before that cannot be gone on "
			       "with: they were detached",
			       path);
}

/* ------------------------------------------------------------------------------------------- */

void na_source_open_store(struct na_source *source)
{
	int error = source->session->options->daemon ? na_fd_store_open(&source->store) : 0;

	if (error < 0 && error != -ENOENT)
		na_log_warning("what the service manager kept cannot be taken: %s",
			       strerrordesc_np(-error));
}

struct na_pins *na_source_open_pins(const struct na_session_options *options)
{
	const char *bpffs = getenv("NETAUDIT_TEST_BPFFS");
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_pins *pins = NULL;
	int error;

	if (!options->daemon || options->record)
		return NULL;
	error = na_pins_open(bpffs ? bpffs : NA_PIN_BPFFS, &pins, &why);
	if (error < 0)
		na_log_warning("%.*s: when this agent ends its kernel programs end too, and what "
			       "happens until the next one runs is not recorded",
			       why.length ? (int)why.length : 9,
			       why.length ? why.data : "no memory");
	return pins;
}

int na_source_begin(struct na_source *source)
{
	struct na_capture_before before;
	struct na_takeover to = {
		.take = na_source_take,
		.context = source,
		.kept = kept(source),
		.mark = mark,
		.mark_context = source,
	};
	int error = na_capture_begin(source->capture, &to, &before);

	if (error)
		return error;
	source->taken_over = before.taken_over;
	source->gap = !(before.taken_over || before.replaced) || before.lost_since_ns;
	if (source->pins)
		log_before(source, &before);
	if (before.taken_over || before.replaced)
		return 0;
	return tell_gap(source, before.lost_since_ns ? before.lost_since_ns : source->last_ns);
}

void na_source_look_back(struct na_source *source)
{
	const struct na_config *config = source->session->config;

	if (!source->session->options->daemon)
		return;
	if (na_journal_last(config->journal_path.data, config->journal_tail.data,
			    source->session->host.boot_id, &source->last_ns) < 0)
		source->last_ns = 0;
}

void na_source_pin(struct na_source *source)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	size_t held;

	if (source->pins && na_capture_pin(source->capture, &why) < 0)
		na_log_warning("%.*s: when this agent ends its kernel programs end too",
			       (int)why.length, why.data);
	held = na_capture_held(source->capture);
	if (held)
		na_log_notice("the service manager keeps %zu kprobes, which this kernel cannot "
			      "pin, for the next start",
			      held);
}

void na_source_undo_pins(struct na_source *source)
{
	if (source->capture && !source->taken_over)
		na_capture_unpin(source->capture);
}

void na_source_leave_pins(struct na_source *source)
{
	if (source->capture && na_capture_is_pinned(source->capture))
		na_log_notice("the kernel programs stay attached in %s for the next agent%s; "
			      "\"netaudit hooks --detach\" removes them",
			      na_pins_path(source->pins),
			      na_capture_held(source->capture)
				      ? ", while the service manager keeps the kprobes"
				      : "");
	na_capture_close(&source->capture);
	na_pins_close(&source->pins);
	na_fd_store_close(&source->store);
}
