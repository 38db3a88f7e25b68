/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Far ends on loopback, a process each, that take whatever comes and say that they have it:
 * librdkafka's mock cluster, a server for HTTP, a reader of TCP. They do as little as they can:
 * what they take of the machine is missing to who is measured. Main thread.
 */
#ifndef NA_BENCH_DELIVER_ENDS_H
#define NA_BENCH_DELIVER_ENDS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "deliver_made.h"

enum deliver_kind { DELIVER_KAFKA, DELIVER_BULK, DELIVER_HEC, DELIVER_SYSLOG };

#define DELIVER_TOPIC "audit"

struct deliver_end {
	pid_t pid;
	char address[128];      /* HOST:PORT */
	_Atomic uint64_t *ends; /* connections of `syslog` that came to their end; shared */
};

/*
 * `tls`: a folder with end.pem and end.key; NULL: none. `made` is what will come, or NULL: _bulk,
 * which is asked for each document, then reads all of it, and knows no gzip. What fails ends the
 * process.
 */
void deliver_end_start(struct deliver_end *end, enum deliver_kind kind, const char *tls,
		       const struct deliver_made *made);
void deliver_end_stop(struct deliver_end *end);

/* Its processor time so far. */
uint64_t deliver_end_cpu_ns(const struct deliver_end *end);

/* Until that many connections of `syslog` have ended, with all they sent read. */
void deliver_end_await(const struct deliver_end *end, uint64_t ends);

#endif
