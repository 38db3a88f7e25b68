/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as a descriptor, and what they ask for. Main thread. */
#ifndef NA_SIGNALS_H
#define NA_SIGNALS_H

#include <stdbool.h>

struct na_signals {
	int fd;      /* readable when there is one */
	bool stop;   /* SIGINT or SIGTERM came */
	bool resize; /* SIGWINCH came; the caller clears these three */
	bool reload; /* SIGHUP, with `daemon` */
	bool reopen; /* SIGUSR1, with `daemon` */
};

/* Blocks what it takes, in all threads started afterwards; ignores SIGPIPE: write says EPIPE.
 * Negative errno. */
int na_signals_open(struct na_signals *signals, bool daemon);
void na_signals_close(struct na_signals *signals);

/* Reads what is there. */
void na_signals_take(struct na_signals *signals);

#endif
