/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of output syslog share: a host that checks the contract, listeners, and a reader
 * of frames. The clock goes ahead when the test says so, or when the output would wait for longer
 * than a tick for something that is not there.
 */
#ifndef NA_SYSLOG_SUPPORT_H
#define NA_SYSLOG_SUPPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "syslog/syslog.h"

#define NUMBERS_MAX 60000

struct syslog_host {
	struct na_output_host host; /* first, for the cast */
	pthread_mutex_t mutex;
	bool under_way[NUMBERS_MAX + 1]; /* offered, and not acknowledged */
	uint64_t count;                  /* acknowledged */
	uint64_t last;                   /* the highest of them */
	unsigned int failed;
	enum na_output_state state;
	char why[512]; /* of the last failure, state or verdict */
};

/* Both clocks go ahead by so much; see __wrap_ppoll. */
extern uint64_t syslog_ahead_ns;

/* 0: no limit. Of each write to a stream, and of all together; then EAGAIN. */
extern size_t syslog_send_piece, syslog_send_total;

void syslog_host_init(struct syslog_host *host);
void syslog_host_done(struct syslog_host *host);
uint64_t syslog_host_count(struct syslog_host *host);

/* Options as the rows' defaults have them. */
struct na_syslog_options syslog_options(const char *address);

/* Offers records `from` to `to`, bodies {"n":<number>,"pad":"…"} with so many bytes of pad. They
 * are no more when it returns: the output says `copies`. */
enum na_output_verdict syslog_put(struct syslog_host *host, struct na_output_instance *instance,
				  uint64_t from, uint64_t to, size_t pad, size_t *ret_taken);

/* Works until so many arrived since the connection stands; fails the test after 30 s. */
void syslog_await_arrived(struct na_output_instance *instance, uint64_t count);
/* Works until the host counts so many; the same. */
void syslog_await_count(struct syslog_host *host, struct na_output_instance *instance,
			uint64_t count);

/* A listener or a bound datagram socket on loopback; `ret_address` as the option has it. */
int syslog_listen(int type, const char *scheme, char ret_address[64]);
int syslog_listen_unix(int type, const char *path);

/* Appends what is there now, without waiting. false: the end. */
bool syslog_read_some(int fd, struct na_buffer *in);

/* Takes one frame of LENGTH SPACE MESSAGE away from *at. false: none is whole. */
bool syslog_next_octet(const struct na_buffer *in, size_t *at, struct na_text *ret_message);
bool syslog_next_line(const struct na_buffer *in, size_t *at, struct na_text *ret_message);

/* The n of a message's JSON body. */
uint64_t syslog_number_of(struct na_text message);

#endif
