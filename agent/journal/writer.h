/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that takes the tail's bytes to segments. It sleeps until it is rung, then works, then
 * dozes a few milliseconds so that a busy capture thread rings it rarely.
 */
#ifndef NA_JOURNAL_WRITER_H
#define NA_JOURNAL_WRITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "journal/store.h"

#define NA_WRITER_DOZE_NS UINT64_C(5000000)

/* How it sleeps: whoever wants it awake compares with how much that matters. */
enum na_writer_bell {
	NA_BELL_BUSY,     /* it works */
	NA_BELL_BACKOFF,  /* after an error: only an order wakes it */
	NA_BELL_DOZING,   /* a tail that fills up wakes it as well */
	NA_BELL_SLEEPING, /* every event does */
};

enum na_writer_stop { NA_WRITER_RUNS, NA_WRITER_ENDS, NA_WRITER_DROPS };

struct na_writer {
	struct na_store *store;
	pthread_t thread;
	bool started;

	_Atomic uint32_t bell;        /* enum na_writer_bell, a futex */
	_Atomic uint64_t busy_ns;     /* since when it works */
	_Atomic uint64_t announced;   /* boot time at which readers were last woken */
	_Atomic uint32_t stop;        /* enum na_writer_stop */
	_Atomic uint64_t deadline_ns; /* of NA_WRITER_ENDS */
	_Atomic uint64_t wanted;      /* somebody waits until all in front of it is durable */

	pthread_mutex_t lock; /* below it; never held across a system call of the store */
	pthread_cond_t changed;
	uint64_t durable; /* position */
	bool finished, alone;
	void (*left)(void *context); /* called when it ends alone */
	void *context;
	struct na_journal_status status;

	/* The thread's own. */
	uint64_t backoff_ns, synced_ns, seen;
	int error;
};

/*
 * `store` is the thread's from its start until it is stopped. Where that fails `left` is called
 * when the thread ends after all, and may free store and writer.
 */
void na_writer_init(struct na_writer *writer, struct na_store *store, void (*left)(void *context),
		    void *context);

/* 0, or why no thread can be made. Until then all stays in the tail. */
int na_writer_start(struct na_writer *writer);

/* False: it hangs in a system call beyond the deadline; store and writer are its own then. Main
 * thread. */
bool na_writer_stop(struct na_writer *writer, uint64_t deadline_ns);

/* Wakes it when it sleeps as deeply as `depth`, or more. Any thread. */
void na_writer_ring(struct na_writer *writer, enum na_writer_bell depth);

/* The capture thread has published; `urgent`: the tail fills up. */
static inline void na_writer_notify(struct na_writer *writer, bool urgent)
{
	/*
	 * Partner: the exchange of fall_asleep(). One comes after the other: either it sees the
	 * end, or we see it asleep. A load would not do, as it may pass the store of the end.
	 */
	uint32_t bell = atomic_fetch_or(&writer->bell, 0);

	if (bell == NA_BELL_SLEEPING || (urgent && bell == NA_BELL_DOZING))
		na_writer_ring(writer, NA_BELL_DOZING);
}

/* 0, or -ETIMEDOUT. */
int na_writer_sync(struct na_writer *writer, uint64_t position, uint64_t deadline_ns);

/* What only the writer knows of the status. */
void na_writer_status(struct na_writer *writer, struct na_journal_status *ret_status);

#endif
