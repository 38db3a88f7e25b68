/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer that text is built in. A failed allocation is remembered: nothing more is
 * appended, and na_buffer_error tells at the end, so that callers check once. One thread at a time.
 */
#ifndef NA_BUFFER_H
#define NA_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct na_buffer {
	char *data;
	size_t length;
	size_t size;
	int error; /* 0 or -ENOMEM */
	bool lent; /* `data` is another's: what does not fit is -ENOMEM, and it is never freed */
};

static inline void na_buffer_init(struct na_buffer *buffer)
{
	*buffer = (struct na_buffer){0};
}

/* Frees the memory; the buffer is empty and usable again. */
void na_buffer_done(struct na_buffer *buffer);

/* Forgets content and error, keeps the memory. */
static inline void na_buffer_clear(struct na_buffer *buffer)
{
	buffer->length = 0;
	buffer->error = 0;
}

static inline int na_buffer_error(const struct na_buffer *buffer)
{
	return buffer->error;
}

/* Makes room for `more` bytes behind the content. 0 or -ENOMEM (remembered). */
int na_buffer_grow(struct na_buffer *buffer, size_t more);

static inline int na_buffer_reserve(struct na_buffer *buffer, size_t more)
{
	if (buffer->size - buffer->length >= more && !buffer->error)
		return 0;
	return na_buffer_grow(buffer, more);
}

/* `data` may be NULL when there is nothing to append. */
static inline void na_buffer_append(struct na_buffer *buffer, const void *data, size_t length)
{
	if (!length || na_buffer_reserve(buffer, length) < 0)
		return;
	memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
}

static inline void na_buffer_append_char(struct na_buffer *buffer, char c)
{
	na_buffer_append(buffer, &c, 1);
}

static inline void na_buffer_append_string(struct na_buffer *buffer, const char *string)
{
	na_buffer_append(buffer, string, strlen(string));
}

void na_buffer_append_u64(struct na_buffer *buffer, uint64_t value);
void na_buffer_append_i64(struct na_buffer *buffer, int64_t value);
void na_buffer_append_hex(struct na_buffer *buffer, uint64_t value);

void na_buffer_printf(struct na_buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
