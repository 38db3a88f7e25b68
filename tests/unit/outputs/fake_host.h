/* SPDX-License-Identifier: Apache-2.0 */
/* A host for one output: keeps what it is told. Any thread. */
#ifndef NA_FAKE_HOST_H
#define NA_FAKE_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "output.h"

#define FAKE_NUMBERS_MAX 10000

struct fake_host {
	struct na_output_host host; /* first, for the cast */
	pthread_mutex_t mutex;
	bool acknowledged[FAKE_NUMBERS_MAX + 1];
	uint64_t count; /* of acknowledged ones */
	unsigned int failed;
	enum na_output_state state;
	char why[256]; /* of the last failure or state */
	/* What is offered next: see fake_host_put. */
	uint64_t next;
	char bodies[FAKE_NUMBERS_MAX + 1][64];
};

void fake_host_init(struct fake_host *host);

/*
 * Offers records `from` to `to`, of which the body is {"n":<number>}; what was not taken is not
 * offered again. How many were taken.
 */
enum na_output_verdict fake_host_put(struct fake_host *host, const struct na_output *output,
				     struct na_output_instance *instance, uint64_t from,
				     uint64_t to, size_t *ret_taken);

uint64_t fake_host_count(struct fake_host *host);
enum na_output_state fake_host_state(struct fake_host *host, char why[256]);

#endif
