/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Far ends on loopback, a process each, that take whatever comes as fast as they can and say that
 * they have it: librdkafka's mock cluster, a server for HTTP, a reader of TCP. Main thread.
 */
#ifndef NA_BENCH_DELIVER_ENDS_H
#define NA_BENCH_DELIVER_ENDS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

enum deliver_kind { DELIVER_KAFKA, DELIVER_BULK, DELIVER_HEC, DELIVER_SYSLOG };

#define DELIVER_TOPIC "audit"

struct deliver_end {
	pid_t pid;
	char address[128];      /* HOST:PORT */
	_Atomic uint64_t *ends; /* connections of `syslog` that came to their end; shared */
};

/* What fails ends the process. */
void deliver_end_start(struct deliver_end *end, enum deliver_kind kind);
void deliver_end_stop(struct deliver_end *end);

/* Until that many connections of `syslog` have ended, with all they sent read. */
void deliver_end_await(const struct deliver_end *end, uint64_t ends);

#endif
