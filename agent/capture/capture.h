/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel programs: choose, load, attach, test, read, detach. Capture thread only.
 *
 * Sources are found by trying: what the kernel refuses is kept with its reason, and the rest works.
 */
#ifndef NA_CAPTURE_H
#define NA_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/hook.h"
#include "capture/ring.h"
#include "capture/tier.h"
#include "record.h"

struct na_capture;
struct na_fd_store;
struct na_pins;
struct na_rules;

struct na_capture_options {
	enum na_tier attach;
	uint64_t families; /* bit AF_* */
	uint32_t rings;    /* 0: one per CPU, at most 16 */
	size_t ring_bytes; /* each; a power of two, at least a page */
	uint64_t flow_interval_ns;
	const struct na_rules *rules; /* capture.exclude as far as the kernel can; NULL: none */
	struct na_hook_setting hooks[NA_HOOK_COUNT]; /* a sample of 0: the default */
	bool seccomp;    /* report refusals by seccomp, whatever that costs */
	const char *btf; /* of this kernel, instead of its own; NULL: its own */
	bool snapshot;   /* report the sockets that are there */
	bool statistics; /* let the kernel count runs and time of programs: costs a little */
	const char
		*disable; /* names of programs, separated by commas, that are not attached: tests */
	const struct na_pins *pins; /* capture/pin.h, borrowed; NULL: all ends with the process */
	struct na_fd_store *store;  /* for what cannot be pinned; borrowed; NULL: there is none */
};

struct na_program_state {
	const char *tier;   /* as in programs.def, lower case */
	const char *source; /* "cgroup/connect4" */
	const char *feeds;  /* lifecycle events, separated by spaces */
	const char *doc;
	enum na_hook
		hook; /* that it is on for the hook's own sake; NA_HOOK_NONE: for the lifecycle */
	bool wanted;  /* by the families asked for */
	bool attached;
	bool in_self_test;     /* the last self-test did what must feed it */
	bool fed_self_test;    /* its records of the self-test's sockets came back */
	char reason[160];      /* why it is not attached; empty when it is */
	uint64_t runs, run_ns; /* since load, with options.statistics; else 0 */
	uint32_t
		verified; /* instructions that the verifier looked at; 0: not known (before 5.16) */
	uint64_t lost;    /* records that found no room */
	uint64_t skipped; /* runs that the kernel skipped */
	bool skipped_known; /* false: this kernel does not count them */
};

/*
 * Loads and attaches. Negative errno when nothing can work at all (-EPERM: a capability is
 * missing; others: the kernel cannot, as no BTF, no cgroup2, lockdown): `why` got one or two
 * sentences for the operator. When only some programs failed it succeeds, see na_capture_programs.
 */
int na_capture_open(const struct na_capture_options *options, struct na_capture **ret_capture,
		    struct na_buffer *why);

/* Detaches (seconds on some kernels) and frees. */
void na_capture_close(struct na_capture **capture);

/* NA_PROGRAM_COUNT states by enum na_program; runs, lost and skipped as of now. Borrowed. */
const struct na_program_state *na_capture_programs(struct na_capture *capture);

/*
 * Makes marked connections over loopback and waits until every attached program that can be fed so
 * reported them. 0; -ETIME: `why` names the programs that stayed silent; others: the test itself
 * could not be made. Records of others that come meanwhile go to `take`; those of the test never
 * do.
 */
int na_capture_self_test(struct na_capture *capture, uint64_t timeout_ns, na_record_take *take,
			 void *context, struct na_buffer *why);

/* Reads the sockets that are there; their records join the others in order of time. */
int na_capture_snapshot(struct na_capture *capture);

/* Records of the last snapshot are still to be passed on. */
bool na_capture_snapshot_pending(const struct na_capture *capture);

/*
 * As na_rings_read, na_rings_drain and na_rings_wait, with the snapshot merged in. Of what goes on,
 * because it is pinned or not detached yet, drain passes on what was there when it was called: it
 * waits until that is due, a millisecond, and reads for 2 s at most.
 */
int na_capture_read(struct na_capture *capture, size_t limit, na_record_take *take, void *context);
int na_capture_drain(struct na_capture *capture, na_record_take *take, void *context);
int na_capture_wait(struct na_capture *capture, int wake_fd, uint64_t timeout_ns);

/*
 * Passes a LOST record for each program that lost or skipped something since the last call. Where
 * no record came it looks every 10 s only, and at once after na_capture_detach.
 */
int na_capture_losses(struct na_capture *capture, uint64_t now_ns, na_record_take *take,
		      void *context);
/* Whether that looked, the last time. */
bool na_capture_has_counted(const struct na_capture *capture);

/* Has the kernel report the datagram counters of idle sockets; they come through the rings. */
int na_capture_flush_flows(struct na_capture *capture);

/*
 * Has a process of its own detach, which takes seconds where there are trampolines: reading goes
 * on, and lifecycles are whole nearly to its end. Then, or where that takes too long,
 * na_capture_detach, which no longer waits. Returns a descriptor that is readable at that end,
 * borrowed until then; or negative errno: nothing began.
 */
int na_capture_detach_begin(struct na_capture *capture);
bool na_capture_is_detaching(struct na_capture *capture);

/* Detaches, so that nothing new comes; what the rings hold can still be drained. */
void na_capture_detach(struct na_capture *capture);

/* Attaches again after na_capture_detach, without a new load. -EOPNOTSUPP: no program could be. */
int na_capture_attach(struct na_capture *capture);

/* Whether the kernel counts runs and time of programs; options.statistics is how it begins. */
int na_capture_set_statistics(struct na_capture *capture, bool on);

/* Whether results of calls come: then listen(2) is told by its result. */
bool na_capture_call_results(const struct na_capture *capture);

/* Of one security hook. */
struct na_hook_state {
	struct na_hook_setting setting;
	enum na_program program;  /* that is attached to it; NA_PROGRAM_NONE: none */
	const char *reason;       /* why none is */
	uint64_t calls, refusals; /* that the program counted */
};

/* NA_HOOK_COUNT states by enum na_hook, as of now; the reasons are borrowed. */
void na_capture_hooks(const struct na_capture *capture,
		      struct na_hook_state ret_states[NA_HOOK_COUNT]);

/*
 * Other settings, by enum na_hook, in effect at once. Bits of ret_stuck by enum na_hook are set for
 * hooks that only a new start can do that for, and that stay as they are: none of their programs is
 * attached, or another one counts on what it tells.
 */
void na_capture_set_hooks(struct na_capture *capture, const struct na_hook_setting *settings,
			  uint64_t *ret_stuck);

/* Of the hooks that are attached; CGROUP where there are none. */
enum na_tier na_capture_tier(const struct na_capture *capture);

/* Why a tier that na_tier_probe allows was given up, borrowed; "": it was not. */
const char *na_capture_tier_refused(const struct na_capture *capture, enum na_tier tier);

/* Sum of the producers' positions: unmoved means that no record was made. For tests and status. */
uint64_t na_capture_positions(const struct na_capture *capture);

#endif
