/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest parts of payloads, for encoder and decoder: LEB128 varints, zigzag, bytes. Writer
 * and reader remember that they ran out, so that callers ask once, at the end.
 */
#ifndef NA_WIRE_H
#define NA_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "journal/frame.h"
#include "journal/layout.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "journals are little endian");

struct na_writer {
	uint8_t *at, *end;
	const uint8_t *whole; /* the text whose parts the list behind it may be; NULL: none */
	size_t texts;         /* in lists, so far */
	bool full;
};

struct na_wire {
	const uint8_t *begin, *at, *end;
	bool bad;
};

static inline bool na_writer_has_room(struct na_writer *writer, size_t length)
{
	if ((size_t)(writer->end - writer->at) >= length)
		return true;
	writer->full = true;
	return false;
}

/* Without a look for room: NA_VARINT_MAX bytes are there. Returns what is behind it. */
static inline uint8_t *na_write_varint(uint8_t *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

static inline void na_put_varint(struct na_writer *writer, uint64_t value)
{
	if (na_writer_has_room(writer, NA_VARINT_MAX))
		writer->at = na_write_varint(writer->at, value);
}

static inline void na_put_bytes(struct na_writer *writer, const void *data, size_t length)
{
	if (!length || !na_writer_has_room(writer, length))
		return;
	memcpy(writer->at, data, length);
	writer->at += length;
}

static inline uint64_t na_zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t na_unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ -(value & 1));
}

static inline uint64_t na_get_varint(struct na_wire *wire)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && wire->at < wire->end; shift += 7) {
		uint8_t byte = *wire->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	wire->bad = true;
	return 0;
}

/* NULL: there are not so many. */
static inline const uint8_t *na_get_bytes(struct na_wire *wire, uint64_t length)
{
	const uint8_t *data = wire->at;

	if (length > (size_t)(wire->end - data)) {
		wire->bad = true;
		return NULL;
	}
	wire->at += length;
	return data;
}

/* What lies behind `skip` bytes of the frame's beginning; bad when there are not so many. */
static inline struct na_wire na_wire_of(const struct na_frame *frame, size_t skip)
{
	const uint8_t *begin = (const uint8_t *)frame;
	size_t used = frame->size - frame->padding;

	if (used < skip)
		return (struct na_wire){begin, begin, begin, true};
	return (struct na_wire){begin + skip, begin + skip, begin + used, false};
}

#endif
