/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between the host of outputs (agent/ship) and an output (outputs/<name>): the host
 * owns the thread, the order, retries, back-off and the cursor; the output knows its protocol.
 *
 * Taken is not delivered. Only an acknowledgement moves the cursor. What was neither acknowledged
 * nor rejected is offered again, from the journal: an output keeps no copy for that.
 */
#ifndef NA_OUTPUT_H
#define NA_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "option_row.h"

struct na_buffer;
struct na_output_host;
struct na_output_instance; /* the output's own */

/*
 * `event` is borrowed until put returns. `id` and `body` of a record that was taken stay where they
 * are until it is acknowledged or rejected, `failed` returned, or close returned: no output copies
 * them. One that has to, into what it sends, says `copies`: then they are borrowed as the event is.
 */
struct na_output_record {
	uint64_t number;     /* counts the records of an instance from 1: what is acknowledged */
	struct na_text id;   /* event.id */
	struct na_text body; /* encoded, without newline */
	const struct na_event *event; /* for keys, topics, severities: see na_output_fields */
	uint64_t wall_ns;
	bool resent; /* may have been sent before: only then may "already there" count as delivered
		      */
};

enum na_output_verdict {
	NA_OUTPUT_TAKEN,  /* the first *ret_taken of them; the rest is offered again */
	NA_OUTPUT_LATER,  /* the far end is not ready: the host waits, longer each time */
	NA_OUTPUT_REJECT, /* *ret_taken were taken, the one behind them never will be: dead letter
			   */
	NA_OUTPUT_BROKEN  /* the instance is of no use any more: close, open again, offer again */
};

enum na_output_state {
	NA_OUTPUT_WORKING,
	NA_OUTPUT_RETRYING, /* down, slow, refusing: it goes on by itself */
	NA_OUTPUT_HELD,     /* credentials, configuration: a person must act */
	NA_OUTPUT_ENDED     /* nobody will ever read more: stdout's reader is gone */
};

/*
 * What the host does for an instance. All may be called from any thread of the output's libraries,
 * from open until close returns.
 */
struct na_output_host {
	const char *name;   /* of the output, in logs */
	const char *format; /* of the bodies, as configured: "ecs"; NULL: nobody says */
	/* For waits of the output's own, as configured; 0: nobody says. */
	uint64_t retry_min_ns, retry_max_ns;

	/* Records `first` to `last` are with the far end, by its own word. */
	void (*acknowledge)(struct na_output_host *host, uint64_t first, uint64_t last);
	/* This one was taken and will never be accepted: to the dead letters, with the reason. */
	void (*reject)(struct na_output_host *host, uint64_t number, const char *reason);
	/* Taken, and did not arrive: everything not acknowledged is offered again, after a wait.
	 * The instance holds none of it any more. */
	void (*failed)(struct na_output_host *host, const char *reason);
	/* For status and the log; `why` is copied. */
	void (*state)(struct na_output_host *host, enum na_output_state state, const char *why);
};

/*
 * The functions of an output. Calls for one instance come from one thread and never overlap.
 * `options` is the struct that the option rows fill.
 */

/* No network, no files. 0, or -EINVAL and `why` got one sentence. */
typedef int na_output_check(const void *options, struct na_buffer *why);

/* Keeps `options` and `host`, which outlive it. Negative errno: `why` says why; tried again later.
 */
typedef int na_output_open(const void *options, struct na_output_host *host,
			   struct na_output_instance **ret_instance, struct na_buffer *why);

/* Offers `count` records in order. Waits no longer than its own time-out; never loops on a full
 * queue. REJECT: `why` is the reason. */
typedef enum na_output_verdict na_output_put(struct na_output_instance *instance,
					     const struct na_output_record *records, size_t count,
					     size_t *ret_taken, struct na_buffer *why);

/*
 * Goes on with what is under way: replies, delivery reports, timers, rotation, what is buffered.
 * Waits at most `timeout_ns` for something of it; 0: does what can be done now. TAKEN or BROKEN.
 */
typedef enum na_output_verdict na_output_work(struct na_output_instance *instance,
					      uint64_t timeout_ns);

/*
 * Files that it reads (keys, certificates, secrets) or writes, one call each, for the sandbox: it
 * can reach no others. Of what it writes, the folder is opened. NULL in the table: it has none.
 */
enum na_output_access { NA_OUTPUT_READS, NA_OUTPUT_WRITES };
typedef void na_output_take_path(void *context, const char *path, enum na_output_access access);
typedef void na_output_paths(const void *options, na_output_take_path *take, void *context);

/*
 * Where it connects to as configured, one call each: capture does not report connections of the
 * shipping process to there, but the first to each address of a name. `host` is a name or an
 * address. NULL in the table: it uses no network.
 */
typedef void na_output_take_endpoint(void *context, struct na_text host, uint16_t port);
typedef void na_output_endpoints(const void *options, na_output_take_endpoint *take, void *context);

/*
 * The fields that it looks at in `event`, one call each; also those that all events of a host share
 * (`host.name`). The others are missing there, and behind the last one that is there is no memory:
 * so the struct cannot be copied. NULL in the table: all that the event itself has are there, and
 * copied for each batch.
 */
typedef void na_output_take_field(void *context, enum na_field field);
typedef void na_output_fields(const void *options, na_output_take_field *take, void *context);

/* SIGUSR1: opens its files again. NULL in the table: it has none. */
typedef void na_output_reopen(struct na_output_instance *instance);

/* Sends what is buffered and awaits acknowledgements until `deadline_ns` (boot time) at most. */
typedef void na_output_drain(struct na_output_instance *instance, uint64_t deadline_ns);

/* Frees the instance whatever its state; no call of the host comes afterwards. */
typedef void na_output_close(struct na_output_instance *instance);

/*
 * Why an acknowledgement says less than that the far end has it, in a few words; NULL: it says
 * that. NULL in the table: it always does.
 */
typedef const char *na_output_doubt(const void *options);

struct na_output {
	const char *name;    /* `type` in the configuration */
	const char *promise; /* the guarantee in one sentence, for the manual */
	const struct na_option *options;
	size_t option_count;
	size_t options_size; /* of the struct they fill */
	bool copies;         /* put copies what it takes; so nothing that was taken is rejected */
	na_output_check *check;
	na_output_paths *paths;         /* may be NULL */
	na_output_endpoints *endpoints; /* may be NULL */
	na_output_fields *fields;       /* may be NULL */
	na_output_doubt *doubt;         /* may be NULL */
	na_output_open *open;
	na_output_put *put;
	na_output_work *work;
	na_output_reopen *reopen; /* may be NULL */
	na_output_drain *drain;
	na_output_close *close;
};

#endif
