/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output that does what the test says, and keeps what it was given. What it acknowledged is what
 * its far end has; what it only took is lost with it. Any thread.
 */
#ifndef NA_FAKE_OUTPUT_H
#define NA_FAKE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output.h"

enum fake_acknowledge {
	FAKE_AT_ONCE,  /* in put */
	FAKE_SHUFFLED, /* by a thread of its own, in random order */
	FAKE_NEVER,    /* fake_output_acknowledge does */
};

struct fake_record {
	uint64_t number;
	unsigned int instance; /* from 1 */
	char id[128];
	char *body;
	bool resent;
	enum na_event_type type;
	bool has_outcome; /* the event, and it has no other field: none was asked for */
	bool acknowledged;
};

struct fake_script {
	enum fake_acknowledge acknowledge;
	unsigned int refuses; /* so many opens fail */
	unsigned int later;   /* so many puts say LATER */
	unsigned int broken;  /* then so many take all and say BROKEN */
	unsigned int fails;   /* so many puts take all, and `failed` follows */
	size_t takes;         /* at most so many of a put; 0: all */
	const char *rejects;  /* the record of this id; NULL: none */
	bool rejects_later;   /* not in put, but by the host's function */
	bool ends;            /* puts say that nobody reads any more */
};

struct fake_output; /* is the `options` of na_fake_output */

extern const struct na_output na_fake_output;

/* Above 0 while the thread is in here: a test that lets allocations fail means others. */
extern _Thread_local unsigned int fake_exempt;

struct fake_output *fake_output_new(const struct fake_script *script);
void fake_output_free(struct fake_output *fake);

/* The script is from now on that of each instance. */
void fake_output_set(struct fake_output *fake, const struct fake_script *script);

/* Everything that is not, on the current instance. */
void fake_output_acknowledge(struct fake_output *fake);

size_t fake_output_count(struct fake_output *fake);
/* A copy; the body lives as long as the output. */
struct fake_record fake_output_record(struct fake_output *fake, size_t i);

/* How many records have this id; only those that are acknowledged. */
size_t fake_output_find(struct fake_output *fake, const char *id);
size_t fake_output_find_delivered(struct fake_output *fake, const char *id);

/* Waits for so many records; for the delivery of one. false: nothing comes for 30 s. */
bool fake_output_await(struct fake_output *fake, size_t count);
bool fake_output_await_delivered(struct fake_output *fake, const char *id);

unsigned int fake_output_opened(struct fake_output *fake);
unsigned int fake_output_reopened(struct fake_output *fake);

#endif
