/* SPDX-License-Identifier: Apache-2.0 */
/* The journal as its writer sees it: appender, writer thread and store as one object. */
#include "journal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/append.h"
#include "journal/event_id.h"
#include "journal/recover.h"
#include "journal/store.h"
#include "journal/writer.h"

#define SEGMENT_SIZE (16u << 20)
#define SEQUENCE_BLOCK 1048576u
#define SYNC_INTERVAL_NS (200 * NA_NS_PER_MS)

struct na_journal {
	struct na_store store;
	struct na_writer writer;
	struct na_appender appender;
	char *path, *tail, *cursors;
	char instance[NA_EVENT_ID_INSTANCE_SIZE];
};

static int take_options(struct na_journal *journal, const struct na_journal_options *options)
{
	struct na_journal_options *own = &journal->store.options;

	*own = *options;
	own->constants = NULL; /* the appender has them */
	own->path = journal->path = strdup(options->path);
	own->tail = journal->tail = strdup(options->tail);
	if (options->cursors)
		own->cursors = journal->cursors = strdup(options->cursors);
	if (!own->segment_size)
		own->segment_size = SEGMENT_SIZE;
	if (!own->sequence_block)
		own->sequence_block = SEQUENCE_BLOCK;
	if (!own->sync_interval_ns)
		own->sync_interval_ns = SYNC_INTERVAL_NS;
	return own->path && own->tail && !own->cursors == !options->cursors ? 0 : -ENOMEM;
}

static void close_tail(struct na_tail *tail)
{
	if (!tail->head)
		return;
	munmap(tail->head, NA_TAIL_DATA + 2 * tail->size);
	na_cleanup_fd(&tail->fd);
}

static void free_journal(struct na_journal **pointer)
{
	struct na_journal *journal = NA_TAKE_POINTER(*pointer);

	if (!journal)
		return;
	na_appender_done(&journal->appender);
	close_tail(&journal->store.tail);
	na_store_done(&journal->store);
	free(journal->path);
	free(journal->tail);
	free(journal->cursors);
	free(journal);
}

/* The writer's thread, when it ends after na_journal_close. */
static void free_late(void *context)
{
	struct na_journal *journal = context;

	free_journal(&journal);
}

static void note_foreign(struct na_store *store)
{
	const struct na_segments *segments = &store->segments;

	if (segments->foreign)
		snprintf(store->note, sizeof(store->note),
			 "%s: not of this journal, or damaged: left alone (and %llu more)",
			 segments->foreign_name, (unsigned long long)segments->foreign - 1);
}

static int start(struct na_journal *journal, const struct na_journal_options *options)
{
	const struct na_tail_head *head = journal->store.tail.head;
	int error = na_appender_init(&journal->appender, &journal->store, &journal->writer,
				     options->constants);

	na_event_id_instance(head->journal, head->epoch, journal->instance);
	note_foreign(&journal->store);
	na_writer_init(&journal->writer, &journal->store, free_late, journal);
	return error < 0 || options->deferred ? error : na_writer_start(&journal->writer);
}

/* ------------------------------------------------------------------------------------------- */

int na_journal_open(const struct na_journal_options *options, struct na_journal **ret_journal,
		    struct na_buffer *why)
{
	NA_CLEANUP(free_journal) struct na_journal *journal = calloc(1, sizeof(*journal));
	int error;

	if (!journal) {
		na_buffer_append_string(why, "out of memory");
		return -ENOMEM;
	}
	journal->store.fd = journal->store.folder = journal->store.lock = -1;
	na_losses_init(&journal->store.losses);
	error = take_options(journal, options);
	if (!error)
		error = na_recover(&journal->store, why);
	if (!error)
		error = start(journal, options);
	if (error < 0) {
		if (!why->length)
			na_buffer_printf(why, "%s: %s", options->path, strerrordesc_np(-error));
		return error;
	}
	*ret_journal = NA_TAKE_POINTER(journal);
	return 0;
}

int na_journal_start(struct na_journal *journal)
{
	return na_writer_start(&journal->writer);
}

void na_journal_close(struct na_journal **pointer, uint64_t deadline_ns)
{
	NA_CLEANUP(free_journal) struct na_journal *journal = NA_TAKE_POINTER(*pointer);

	if (!journal)
		return;
	if (deadline_ns > na_clock_boot_ns())
		na_appender_end(&journal->appender);
	if (!na_writer_stop(&journal->writer, deadline_ns))
		(void)NA_TAKE_POINTER(journal); /* its thread hangs in the disk, and frees it */
}

const char *na_journal_instance(const struct na_journal *journal)
{
	return journal->instance;
}

uint64_t na_journal_next_sequence(const struct na_journal *journal)
{
	return journal->appender.next_sequence;
}

int na_journal_append(struct na_journal *journal, const struct na_event *event)
{
	return na_appender_put(&journal->appender, event);
}

int na_journal_late(struct na_journal *journal, const struct na_event *about,
		    const struct na_event *fact)
{
	return na_appender_late(&journal->appender, about, fact);
}

bool na_journal_take_loss(struct na_journal *journal, struct na_journal_loss *ret_loss)
{
	return na_appender_take_loss(&journal->appender, ret_loss);
}

int na_journal_set_constants(struct na_journal *journal, const struct na_event *constants)
{
	return na_appender_set_constants(&journal->appender, constants);
}

void na_journal_status(struct na_journal *journal, struct na_journal_status *ret_status)
{
	struct na_appender *appender = &journal->appender;
	const struct na_tail *tail = &journal->store.tail;
	uint64_t kept = tail->head->kept, used = tail->head->end - kept;

	na_writer_status(&journal->writer, ret_status);
	ret_status->last_sequence = tail->head->stored;
	ret_status->tail_size = tail->size;
	/* Both may have moved between the two reads. */
	ret_status->tail_used = used < tail->size ? used : tail->size;
	ret_status->tail_most = atomic_load(&appender->most);
	ret_status->tail_locked = journal->store.tail_locked;
	ret_status->events = atomic_load(&appender->events);
	ret_status->events_lost = atomic_load(&appender->events_lost);
	ret_status->bytes = atomic_load(&appender->bytes);
}

int na_journal_sync(struct na_journal *journal, uint64_t deadline_ns)
{
	return na_writer_sync(&journal->writer, journal->store.tail.head->end, deadline_ns);
}
