/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that send bodies which are ready, by the library of the output, with the configuration of
 * the output. All of them return when the far end has everything. What fails ends the process. Main
 * thread.
 */
#ifndef NA_BENCH_DELIVER_BARE_H
#define NA_BENCH_DELIVER_BARE_H

#include "deliver_ends.h"
#include "deliver_made.h"
#include "http/http.h"
#include "kafka/kafka.h"
#include "syslog/syslog.h"

/* Bodies of whole requests, as output http makes them, and the frames of syslog in one piece. */
struct deliver_bodies {
	struct na_buffer *items;
	size_t count;
};

void deliver_bodies_http(struct deliver_bodies *bodies, const struct deliver_made *made,
			 const struct na_http_options *options, size_t batch);
void deliver_bodies_syslog(struct deliver_bodies *bodies, const struct deliver_made *made);
void deliver_bodies_done(struct deliver_bodies *bodies);

void deliver_bare_kafka(const struct deliver_made *made, const struct na_kafka_options *options);
/* With gzip it compresses, as whoever sends gzip must. `upload_bytes`: of libcurl's buffer; 0: as
 * it comes. */
void deliver_bare_http(const struct deliver_bodies *bodies, const struct na_http_options *options,
		       const char *url, long upload_bytes);
/* `ends` as in deliver_end_await. */
void deliver_bare_syslog(const struct deliver_bodies *bodies, const struct deliver_end *end,
			 const struct na_syslog_options *options, uint64_t ends);

#endif
