/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A far end for output `http` that does what real ones do not do on demand. It keeps what it really
 * took; a thread for each connection. Events are {"n":NUMBER}.
 */
#ifndef NA_HTTP_FAR_END_H
#define NA_HTTP_FAR_END_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/buffer.h"

#define FAR_NUMBERS_MAX 4096
#define FAR_SCRIPT_MAX 32
#define FAR_CONNECTIONS_MAX 256
#define FAR_CHANNELS_MAX 256

enum far_dialect { FAR_ELASTIC, FAR_SPLUNK, FAR_WEBHOOK };

/* What becomes of a request with events. */
enum far_act {
	FAR_ANSWER,     /* takes it and says so */
	FAR_STATUS,     /* takes nothing: the status, with `headers` and `body` */
	FAR_RESET,      /* takes nothing and resets in the middle of the body */
	FAR_LOSE,       /* takes it and resets instead of answering */
	FAR_HALF_CLOSE, /* takes it, sends the end of stream and stays */
	FAR_HANG,       /* takes nothing and never answers */
	FAR_TAKE_AND_HANG,
	FAR_GARBAGE,  /* takes it; 200 and no JSON */
	FAR_ONE_LESS, /* takes it; an item is missing in the answer */
	FAR_ONE_MORE,
	FAR_CUT,     /* takes it; the answer ends too early */
	FAR_ENDLESS, /* takes it; the answer has no end */
	FAR_BODY,    /* takes it; 200 and `body` */
	FAR_FORGET   /* splunk: says that it took it, and is started anew before it is indexed; a
			balancer in front keeps the connections */
};

struct far_step {
	enum far_act act;
	int status;
	const char *headers; /* each with \r\n; may be NULL */
	const char *body;    /* may be NULL */
};

enum far_acks {
	FAR_ACKS_NONE, /* no ackId; asked: code 14 */
	FAR_ACKS_TRUE,
	FAR_ACKS_FALSE, /* until that is changed */
	FAR_ACKS_LOST   /* the answer is lost once, and with it what it said */
};

/* HEC: numbers begin with 0 in each. */
struct far_channel {
	char name[64];
	uint64_t next_ack;
	bool acked[256]; /* told as true: never again */
};

struct far_end {
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* what is under the mutex */
	pthread_t acceptor;
	pthread_t threads[FAR_CONNECTIONS_MAX];
	int fds[FAR_CONNECTIONS_MAX];
	size_t connections;
	int listener;
	uint16_t port;
	bool stop;
	SSL_CTX *tls;  /* NULL: none */
	bool is_proxy; /* wants CONNECT or whole addresses */
	bool hangs_up; /* as soon as it has shown its certificate */

	/* Under the mutex. */
	enum far_dialect dialect;
	struct far_step script[FAR_SCRIPT_MAX]; /* then FAR_ANSWER for ever */
	size_t steps, step;
	unsigned int taken[FAR_NUMBERS_MAX];      /* how often */
	bool foreign[FAR_NUMBERS_MAX];            /* elastic: somebody else's document of this id */
	int item_status[FAR_NUMBERS_MAX];         /* not 0: refused, `item_times` times */
	unsigned int item_times[FAR_NUMBERS_MAX]; /* 0: always */
	size_t bytes_max;                         /* of a body, unpacked; more: 413 */
	bool names_culprit;                       /* splunk: invalid-event-number */
	enum far_acks acks;
	struct far_channel channels[FAR_CHANNELS_MAX];
	size_t channel_count;
	unsigned int cookies_missing;
	bool wants_cookie;
	const char *wants;       /* header line that must be there, or 401; NULL: none */
	const char *wants_proxy; /* the same for the proxy, or 407 */
	/* What came: */
	unsigned int requests, polls, at_once, at_once_max, connects;
	size_t largest; /* events of a request */
	struct na_buffer last_head, last_body;
	bool hold; /* answers wait until it is false */
	bool late; /* what was taken is answered when it is false */
};

void far_end_start(struct far_end *far, enum far_dialect dialect, SSL_CTX *tls);
/* The same in two steps: between them it has its port, and connections are refused. */
void far_end_prepare(struct far_end *far, enum far_dialect dialect, SSL_CTX *tls);
void far_end_listen(struct far_end *far);
/* All connections are reset. */
void far_end_stop(struct far_end *far);

/* Appends to what comes next. */
void far_end_script(struct far_end *far, struct far_step step);

unsigned int far_end_taken(struct far_end *far, uint64_t number);

#define FAR_LOCKED(far, ...)                                                                       \
	do {                                                                                       \
		pthread_mutex_lock(&(far)->mutex);                                                 \
		__VA_ARGS__;                                                                       \
		pthread_cond_broadcast(&(far)->changed);                                           \
		pthread_mutex_unlock(&(far)->mutex);                                               \
	} while (0)

#endif
