/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a segment: cut into frames by their own sizes, with checksums made right, since no
 * fuzzer guesses them. What is decoded is looked at to the last byte, and must come back the same
 * from an encoder.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/journal/same_event.h"
#include "base/crc32c.h"
#include "base/field.h"
#include "journal/decoder.h"
#include "journal/encoder.h"

#define INPUT_MAX (1u << 20)

/* Made once: as long as the process lives, as a reader's. */
static struct {
	struct na_encoder *encoder;
	struct na_decoder *decoder, *again;
	struct na_buffer out, why;
	unsigned int sum; /* so that nothing is optimised away */
} fuzz;

static void look_at_text(const struct na_text *text)
{
	for (size_t i = 0; i < text->length; i++)
		fuzz.sum += (unsigned char)text->data[i];
}

static void look_at(const struct na_event *event)
{
	for (int field = 0; field < NA_FIELD_COUNT; field++) {
		const struct na_texts *texts = na_field_value(event, (enum na_field)field);

		if (!na_event_has(event, (enum na_field)field))
			continue;
		if (na_field_rows[field].type == NA_TYPE_KEYWORDS)
			for (size_t i = 0; i < texts->count; i++)
				look_at_text(&texts->items[i]);
		else if (na_field_rows[field].type == NA_TYPE_KEYWORD ||
			 na_field_rows[field].type == NA_TYPE_OBJECT)
			look_at_text(na_field_value(event, (enum na_field)field));
	}
}

static void demand(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "journal: %s\n", what);
	abort();
}

/* Too large is allowed: an entry of a dictionary may be shared by many, parts of texts too. */
static void encode_again(const struct na_event *event)
{
	struct na_frame_head head = {.wall_ns = 1};
	struct na_event got = {0};
	const char *path;
	int error;

	na_buffer_clear(&fuzz.out);
	demand(na_encoder_begin(fuzz.encoder, &head, NULL, &fuzz.out) == 0, "no memory");
	error = na_encoder_event(fuzz.encoder, event, &fuzz.out);
	demand(error == 0 || error == -E2BIG, "a decoded event cannot be encoded");
	for (size_t at = 0; !error && at < fuzz.out.length;) {
		const struct na_frame *frame = (const struct na_frame *)(fuzz.out.data + at);

		error = frame->kind == NA_FRAME_EVENT
				? na_decoder_event(fuzz.again, frame, &got, &fuzz.why)
				: na_decoder_take(fuzz.again, frame, &fuzz.why);
		demand(error == 0, "what was encoded cannot be decoded");
		at += frame->size;
	}
	path = error ? NULL : na_events_differ(&got, event);
	demand(!path, path ? path : "");
}

static void take(const struct na_frame *frame)
{
	static struct na_event event; /* large */
	int error;

	na_buffer_clear(&fuzz.why);
	if (frame->kind != NA_FRAME_EVENT)
		error = na_decoder_take(fuzz.decoder, frame, &fuzz.why);
	else
		error = na_decoder_event(fuzz.decoder, frame, &event, &fuzz.why);
	demand(error == 0 || error == -ENOTSUP || (error == -EBADMSG && fuzz.why.length),
	       "refused without a sentence");
	if (!error && frame->kind == NA_FRAME_EVENT) {
		look_at(&event);
		encode_again(&event);
	}
	if (!error && frame->kind == NA_FRAME_ENTRY)
		look_at(na_decoder_constants(fuzz.decoder));
}

/* In memory of just its size. Returns how much of the input it was. */
static size_t take_next(const uint8_t *data, size_t length)
{
	struct na_frame head;
	size_t size;
	char *copy;

	memcpy(&head, data, sizeof(head));
	size = head.size < sizeof(head) ? sizeof(head) : head.size;
	size = (size < length ? size : length) & ~(size_t)(NA_FRAME_ALIGN - 1);
	if (size > NA_FRAME_MAX)
		size = NA_FRAME_MAX;
	copy = malloc(size);
	demand(copy, "no memory");
	memcpy(copy, data, size);
	head.size = (uint32_t)size;
	head.padding = size > sizeof(head) ? head.padding % NA_FRAME_ALIGN : 0;
	head.kind = head.kind ? head.kind : NA_FRAME_ENTRY;
	memcpy(copy, &head, sizeof(head));
	head.crc = na_crc32c(0, copy + sizeof(head.crc), size - sizeof(head.crc));
	memcpy(copy, &head, sizeof(head));
	demand(na_frame_check(copy, size) == 0, "a whole frame is refused");
	take((const struct na_frame *)copy);
	free(copy);
	return size;
}

static void make(void)
{
	fuzz.encoder = na_encoder_new();
	fuzz.decoder = na_decoder_new();
	fuzz.again = na_decoder_new();
	demand(fuzz.encoder && fuzz.decoder && fuzz.again, "no memory");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!fuzz.encoder)
		make();
	for (size_t at = 0; size <= INPUT_MAX && size - at >= sizeof(struct na_frame);)
		at += take_next(data + at, size - at);
	return 0;
}
