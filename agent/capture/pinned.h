/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel programs that stay when their agent ends, with options.pins, and the next agent that goes
 * on with them. Main thread.
 */
#ifndef NA_PINNED_H
#define NA_PINNED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "capture/capture.h"
#include "capture/pin.h"
#include "capture/ring.h"

/* How a start follows on an agent before. */
struct na_capture_before {
	bool taken_over;        /* its programs go on */
	unsigned int replaced;  /* layouts that were read to their end, and detached */
	unsigned int removed;   /* that could not be read: half made, or of another version */
	uint64_t lost_since_ns; /* with those: what they held, since then; 0: nothing */
};

/* Where records go, and what is kept of them across a crash: see na_rings_keep. */
struct na_takeover {
	na_record_take *take;
	void *context;
	uint64_t kept;
	na_rings_mark *mark;
	void *mark_context;
};

/*
 * With options.pins, before the first read: what is pinned is gone on with, or comes to its end.
 * Records that came since then are passed on. 0, the taker's value, or negative errno.
 */
int na_capture_begin(struct na_capture *capture, const struct na_takeover *to,
		     struct na_capture_before *ret_before);

/*
 * Pins what is attached, for the next agent: from here on na_capture_detach and _close leave it
 * attached. What cannot be pinned options.store holds. Negative errno: nothing is pinned, `why` got
 * a sentence. Needs the rights of open.
 */
int na_capture_pin(struct na_capture *capture, struct na_buffer *why);
void na_capture_unpin(struct na_capture *capture);
bool na_capture_is_pinned(const struct na_capture *capture);

/* Programs of those that options.store holds. */
size_t na_capture_held(const struct na_capture *capture);
/* While no agent runs: programs that stay attached when the pins are removed, for it holds them. */
size_t na_pins_held(const struct na_pins *pins);

#endif
