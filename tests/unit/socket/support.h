/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket table whose events are lines of text, and short ways to make the records it takes.
 * Process 100 is /bin/client, 200 /bin/server, 300 /bin/other; a thread has its process's id + 1.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "process/process.h"
#include "socket/sockets.h"

#define CLIENT 100
#define SERVER 200
#define OTHER 300

#define SECONDS NA_NS_PER_SEC

#define BY_SECCOMP (NA_FLAG_SECCOMP | NA_FLAG_NO_LSM)

/* What went in and came out, in order. */
struct history {
	struct na_event *events; /* copies */
	size_t event_count;
	char *records; /* one after the other, each at a multiple of 8 */
	size_t record_bytes;
};

/* Zero: the default. */
struct world_options {
	size_t max_sockets, max_flows;
	bool no_call_results;
	uint64_t connection_interval_ns;
};

struct world {
	struct na_sink sink; /* first */
	struct world_options options;
	struct history *history; /* NULL: nobody keeps it */
	struct na_processes *processes;
	struct na_sockets *sockets;
	struct na_buffer lines;
	uint64_t now_ns; /* of the next record; grows by a microsecond with each */
	int sink_error;  /* what the sink says; 0: it takes the event */
	uint64_t flow_sent_bytes,
		flow_received_bytes; /* sums over flow events, as seen by the socket */
};

/* NULL: out of memory, in tests of that. */
struct world *world_try(const struct world_options *options);
struct world *world_new(void);
struct world *world_new_with(const struct world_options *options);
void world_free(struct world *world);

/* Everything from now on; freed with history_free. */
void history_keep(struct world *world, struct history *ret_history);
void history_free(struct history *history);
/*
 * Another agent's table takes the place of this one, and what the history tells. `known`: it finds
 * the processes in /proc; else it has them from the events alone.
 */
void world_restart(struct world *world, bool gap, bool known);
/* The table takes events of the history, from the first up to before `end`. */
void history_restore(struct world *world, const struct history *history, size_t end, bool gap);

/* The lines so far are these; they are forgotten. */
void expect(struct world *world, const char *lines);

/* A record's header: of `pid`, 0 for softirq; the moment is now. */
struct na_record_header header(struct world *world, size_t size, enum na_record_type type,
			       enum na_program program, uint32_t pid, int error);

/* Hands a record to the table. */
int take(struct world *world, const void *record);

/* 10.0.0.`last` */
void address_fill(uint8_t bytes[16], unsigned int last);

void created(struct world *world, uint32_t pid, uint64_t cookie);
void created_as(struct world *world, uint32_t pid, uint64_t cookie, int family, int type,
		int protocol);
void create_failed(struct world *world, uint32_t pid, enum na_program program, int type, int error,
		   uint16_t flags);
void bind_asked(struct world *world, uint32_t pid, uint64_t cookie, uint16_t port, int error);
void bound(struct world *world, uint32_t pid, uint64_t cookie, uint16_t port);
void connect_asked(struct world *world, uint32_t pid, uint64_t cookie, uint16_t port, int error);
void state(struct world *world, uint64_t cookie, int before, int now, int error);
/* Of a connection between 10.0.0.1:4000 and 10.0.0.2:80; `listener` 0: not known. */
void accepted(struct world *world, uint32_t pid, uint64_t cookie, uint64_t listener);
void ended(struct world *world, uint64_t cookie, int before, int error);
void released(struct world *world, uint32_t pid, uint64_t cookie);
void result(struct world *world, uint32_t pid, uint64_t cookie, enum na_operation operation,
	    int error, int value, uint16_t flags);
void hook_asked(struct world *world, uint32_t pid, uint64_t cookie, enum na_hook hook, int verdict);
void exited(struct world *world, uint32_t pid);
/* What the snapshot says of a TCP socket, without its ends. */
struct na_record_found found_socket(struct world *world, uint32_t pid, uint64_t cookie,
				    int tcp_state);

#endif
