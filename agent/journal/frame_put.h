/* SPDX-License-Identifier: Apache-2.0 */
/* Makes frames, for the encoder and for tests of its readers. Any thread. */
#ifndef NA_FRAME_PUT_H
#define NA_FRAME_PUT_H

#include "base/buffer.h"
#include "journal/frame.h"

/*
 * Appends a frame: `head` begins with a struct na_frame that has kind and type; size, padding and
 * checksum are filled in. `out` has an aligned length. 0, -E2BIG or -ENOMEM, then nothing is
 * appended.
 */
int na_frame_put(struct na_buffer *out, const void *head, size_t head_length, const void *payload,
		 size_t length);

#endif
