/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer that text is built in. */
#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_SIZE 256

void na_buffer_done(struct na_buffer *buffer)
{
	if (!buffer->lent)
		free(buffer->data);
	na_buffer_init(buffer);
}

int na_buffer_grow(struct na_buffer *buffer, size_t more)
{
	size_t size = buffer->size ? buffer->size : FIRST_SIZE;
	char *data;

	if (buffer->error)
		return buffer->error;
	if (buffer->lent || more > SIZE_MAX / 2 - buffer->length)
		return buffer->error = -ENOMEM;
	while (size - buffer->length < more)
		size *= 2;
	data = realloc(buffer->data, size);
	if (!data)
		return buffer->error = -ENOMEM;
	buffer->data = data;
	buffer->size = size;
	return 0;
}

void na_buffer_append_u64(struct na_buffer *buffer, uint64_t value)
{
	char digits[20];
	size_t first = sizeof(digits);

	do
		digits[--first] = (char)('0' + value % 10);
	while (value /= 10);
	na_buffer_append(buffer, digits + first, sizeof(digits) - first);
}

void na_buffer_append_i64(struct na_buffer *buffer, int64_t value)
{
	if (value < 0)
		na_buffer_append_char(buffer, '-');
	na_buffer_append_u64(buffer, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void na_buffer_append_hex(struct na_buffer *buffer, uint64_t value)
{
	size_t count = value ? (67 - (size_t)__builtin_clzll(value)) / 4 : 1;
	char *at;

	if (na_buffer_reserve(buffer, count) < 0)
		return;
	buffer->length += count;
	at = buffer->data + buffer->length;
	for (size_t i = 0; i < count; i++, value >>= 4)
		*--at = "0123456789abcdef"[value & 15];
}

void na_buffer_printf(struct na_buffer *buffer, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0 || na_buffer_reserve(buffer, (size_t)length + 1) < 0)
		return;
	va_start(arguments, format);
	vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->length += (size_t)length;
}
