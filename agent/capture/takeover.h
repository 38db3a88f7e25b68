/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel programs that outlive an agent, and the next one that goes on with them. For the files of
 * agent/capture.
 *
 * A layout is all that a load fixes: the objects, the sizes of the rings, the knobs, the rules. An
 * agent with the same one takes over programs, maps and rings as they are, and loads the iterators
 * alone. What the maps do not hold and a start found by trying, is in `struct na_memory`, which is
 * pinned with them.
 */
#ifndef NA_TAKEOVER_H
#define NA_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/pinned.h"
#include "capture/progress.h"
#include "record.h"

/* What one agent leaves to the next, in a mapped map. */
struct na_memory {
	/* These two first, in every version. */
	uint64_t version;  /* of this struct, the records and the programs: else it is not read */
	uint64_t alive_ns; /* what was before is told, as its agent last noted; boot time */
	uint64_t losses_since_ns;
	uint64_t ring_bytes;
	uint32_t tier, told_successes, told_failures;
	uint8_t no_flow_iterator, no_file_iterator, no_task_storage, no_tracing_cookies;
	struct {
		uint64_t lost, skipped; /* told already */
		uint64_t unmarked;      /* as struct na_skips has it */
		uint8_t wanted, attached;
		char reason[160];
	} programs[NA_PROGRAM_COUNT];
	uint32_t held[NA_PROGRAM_COUNT]; /* the kernel's numbers of those in held.h; 0: it has a
					    link */
	struct na_progress progress;
};

/* What `version` says of this program's own. */
uint64_t na_memory_version(void);

/* Names the layout that the options make; opens the object for that. 0 or negative errno. */
int na_layout_name(struct na_capture *capture);

/* Maps the memory of a start without a takeover: empty. 0 or negative errno. */
int na_memory_make(struct na_capture *capture);
/* The same of a folder of pins. -ESTALE: of another version; then alive_ns can still be read. */
int na_memory_open(const struct na_pins *pins, const char *layout, int *ret_fd,
		   struct na_memory **ret_memory);
void na_memory_close(struct na_memory **memory);
/* What was told is not told again. */
void na_memory_note_losses(struct na_capture *capture);

/* Goes on with what is pinned of this layout. Negative errno: nothing was, or it is not whole. */
int na_take_over(struct na_capture *capture);

/* Of what is pinned: the link of a program. As na_pins_get. */
int na_pins_get_link(const struct na_pins *pins, const char *layout, enum na_program id);

/* Passes on that `count` records of a program were lost, since a time and until now; 0: nothing. */
int na_loss_pass(enum na_program id, enum na_loss reason, uint64_t count, uint64_t since_ns,
		 const struct na_takeover *to);

/*
 * Ends the other layouts, now that this one is attached: what their rings hold is passed on in
 * order of time with what this one's hold, each record once. 0, or the taker's value.
 */
int na_replace_others(struct na_capture *capture, const struct na_takeover *to,
		      struct na_capture_before *before);

#endif
