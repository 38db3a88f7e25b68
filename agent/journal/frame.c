/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: put together, and proven. */
#include <errno.h>

#include "base/crc32c.h"
#include "journal/decoder.h"
#include "journal/frame_put.h"

#define CHECKED_FROM sizeof(((struct na_frame *)0)->crc)

int na_frame_put(struct na_buffer *out, const void *head, size_t head_length, const void *payload,
		 size_t length)
{
	size_t used = head_length + length;
	size_t size = (used + NA_FRAME_ALIGN - 1) & ~(size_t)(NA_FRAME_ALIGN - 1);
	struct na_frame *frame;
	char *to;

	if (size > NA_FRAME_MAX)
		return -E2BIG;
	if (na_buffer_reserve(out, size) < 0)
		return -ENOMEM;
	to = out->data + out->length;
	frame = (struct na_frame *)to;
	memcpy(to, head, head_length);
	if (length)
		memcpy(to + head_length, payload, length);
	memset(to + used, 0, size - used);
	frame->size = (uint32_t)size;
	frame->padding = (uint8_t)(size - used);
	frame->crc = na_crc32c(0, to + CHECKED_FROM, size - CHECKED_FROM);
	out->length += size;
	return 0;
}

int na_frame_check(const void *data, size_t length)
{
	const struct na_frame *frame = data;
	uint32_t size;

	if (length < sizeof(*frame))
		return -EAGAIN;
	size = frame->size;
	if (size < sizeof(*frame) || size > NA_FRAME_MAX || size % NA_FRAME_ALIGN)
		return -EBADMSG;
	if (frame->padding >= NA_FRAME_ALIGN || frame->padding > size - sizeof(*frame) ||
	    frame->kind == NA_FRAME_NONE)
		return -EBADMSG;
	if (size > length)
		return -EAGAIN;
	if (frame->crc != na_crc32c(0, (const char *)data + CHECKED_FROM, size - CHECKED_FROM))
		return -EBADMSG;
	return 0;
}
