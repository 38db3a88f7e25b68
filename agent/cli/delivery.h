/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who takes events out of the journal: a thread that prints them, the shipping process, or nobody
 * but `query`. Main thread.
 */
#ifndef NA_DELIVERY_H
#define NA_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "cli/print.h"
#include "guard/supervisor.h"

struct na_config;
struct na_status;
struct na_terminal;

/* Exit status of a shipping process none of whose outputs goes on: it is not started again. */
#define NA_DELIVERY_NOTHING_LEFT NA_EXIT_UNAVAILABLE

enum na_delivery_kind { NA_DELIVERY_NONE, NA_DELIVERY_TERMINAL, NA_DELIVERY_SHIP };

struct na_delivery {
	enum na_delivery_kind kind;
	struct na_terminal *terminal;
	struct na_supervisor *supervisor;
	struct na_sandbox_identity identity; /* of the shipping process */
	char user[64];                       /* that it runs as */
	char *credentials;                   /* folder of copies for it, NULL: there are none */
	int program_fd; /* this program, whatever the shipping user may reach */
	/* Of the shipping process, for status. */
	bool running, lost;
	bool stopped; /* there is nothing to send to */
	int pid;
	uint64_t starts, last_end_wall_ns;
	char last_end[200];
};

/*
 * Before any thread is started: SHIP forks the helper that starts the shipping process, and makes
 * the folder that it writes. An enum na_exit; what is wrong was said.
 */
int na_delivery_prepare(struct na_delivery *delivery, enum na_delivery_kind kind,
			const struct na_config *config);

/* The parent of every shipping process, 0: there is none. */
int32_t na_delivery_helper_pid(const struct na_delivery *delivery);

/* The group that has to read the journal, -1: none. */
int na_delivery_group(const struct na_delivery *delivery);

/* The journal is open. `print` is for TERMINAL. As na_delivery_prepare. */
int na_delivery_start(struct na_delivery *delivery, const struct na_config *config,
		      const char *journal, const char *tail, const struct na_print_options *print);

/* Readable when na_delivery_turn has something to do; -1: never. */
int na_delivery_fd(const struct na_delivery *delivery);

/* -EPIPE, or another negative errno: nobody will ever print again. 0: go on. */
int na_delivery_turn(struct na_delivery *delivery);

/*
 * Another configuration of the outputs. 0, or a negative errno: the old one goes on. -EOPNOTSUPP:
 * there were none at the start, and what starts a shipping process needs rights that are given up.
 */
int na_delivery_reload(struct na_delivery *delivery, const struct na_config *config);

void na_delivery_reopen(struct na_delivery *delivery); /* SIGUSR1 */
void na_delivery_resize(struct na_delivery *delivery); /* SIGWINCH */

/* Fills in ship*. */
void na_delivery_status(const struct na_delivery *delivery, struct na_status *status);

/*
 * The journal is closed: what it holds is printed, or sent until a deadline. 0, or what ended the
 * terminal: -EPIPE.
 */
int na_delivery_stop(struct na_delivery *delivery);

#endif
