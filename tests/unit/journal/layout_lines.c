/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For layout_test.py: writes a segment to the file that is named, and its events to stdout, a line
 * each: PATH=VALUE with tabs between, in order of paths; bytes of texts in hex.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../format/random_event.h"
#include "../format/samples.h"
#include "base/cleanup.h"
#include "base/field.h"
#include "journal/decoder.h"
#include "journal/encoder.h"
#include "traffic.h"

#define RANDOM_EVENTS 300
#define TRAFFIC_EVENTS 100

static void print_hex(const void *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		printf("%02x", ((const unsigned char *)data)[i]);
}

static void print_value(enum na_type type, const void *value)
{
	const struct na_texts *texts = value;
	const struct na_text *text = value;

	switch (type) {
	case NA_TYPE_KEYWORDS:
		for (size_t i = 0; i < texts->count; i++) {
			print_hex(texts->items[i].data, texts->items[i].length);
			putchar(',');
		}
		break;
	case NA_TYPE_LONG:
		printf("%lld", (long long)*(const int64_t *)value);
		break;
	case NA_TYPE_ID:
	case NA_TYPE_DATE:
		printf("%llu", (unsigned long long)*(const uint64_t *)value);
		break;
	case NA_TYPE_IP:
		print_hex(value, sizeof(struct na_address));
		break;
	case NA_TYPE_BOOLEAN:
		printf("%d", *(const bool *)value);
		break;
	default:
		print_hex(text->data, text->length);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(na_field_rows[*(const int *)a].path, na_field_rows[*(const int *)b].path);
}

static void print_event(const struct na_event *event)
{
	int fields[NA_FIELD_COUNT];

	for (int i = 0; i < NA_FIELD_COUNT; i++)
		fields[i] = i;
	qsort(fields, NA_FIELD_COUNT, sizeof(*fields), compare);
	printf("%s", na_event_name(event->type));
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		enum na_field field = (enum na_field)fields[i];

		if (!na_event_has(event, field))
			continue;
		printf("\t%s=", na_field_rows[field].path);
		print_value(na_field_rows[field].type, na_field_value(event, field));
	}
	putchar('\n');
}

static void append(struct na_encoder *encoder, struct na_event *event, uint64_t sequence,
		   struct na_buffer *segment)
{
	NA_SET(event, EVENT_SEQUENCE, (int64_t)sequence);
	if (na_encoder_event(encoder, event, segment) < 0)
		exit(EXIT_FAILURE);
}

static void make(struct na_encoder *encoder, struct na_buffer *segment)
{
	static struct na_random_event random;
	static struct na_traffic traffic;
	struct na_event constants = na_sample_constants(), event, fact = {0};
	struct na_frame_head head = {.epoch = 0xab, .first_sequence = 1, .wall_ns = 1234567};
	uint64_t state = 88172645463325252, sequence = 0;

	for (uint8_t i = 0; i < 16; i++)
		head.journal[i] = (uint8_t)(255 - i);
	if (na_encoder_begin(encoder, &head, &constants, segment) < 0)
		exit(EXIT_FAILURE);
	for (size_t i = 0; i < na_sample_count; i++) {
		event = na_sample_event(i);
		append(encoder, &event, ++sequence, segment);
	}
	for (int i = 0; i < RANDOM_EVENTS; i++) {
		na_random_event_make(&random, (unsigned int)i % 101, &state);
		append(encoder, &random.event, ++sequence, segment);
	}
	for (int i = 0; i < TRAFFIC_EVENTS; i++) {
		na_traffic_next(&traffic, NA_EVENT_CLOSED);
		append(encoder, &traffic.event, ++sequence, segment);
	}
	NA_SET_TEXT(&fact, USER_EFFECTIVE_NAME, "resolved");
	if (na_encoder_late(encoder, &traffic.event, &fact, traffic.event.f_EVENT_CREATED,
			    segment) < 0 ||
	    na_encoder_seal(encoder, segment) < 0)
		exit(EXIT_FAILURE);
}

/* Twice: what became known late is of events in front of it too. */
static void print_all(const struct na_buffer *segment)
{
	struct na_decoder *decoder = na_decoder_new();
	struct na_buffer why = {0};

	for (int pass = 0; pass < 2; pass++)
		for (size_t at = 0; at < segment->length;) {
			const void *frame = segment->data + at;
			const struct na_frame *head = frame;
			struct na_event event;
			int error = 0;

			if (!pass)
				error = na_decoder_take(decoder, head, &why);
			else if (head->kind == NA_FRAME_EVENT)
				error = na_decoder_event(decoder, head, &event, &why);
			if (error)
				exit(EXIT_FAILURE);
			if (pass && head->kind == NA_FRAME_EVENT)
				print_event(&event);
			at += head->size;
		}
	print_event(na_decoder_constants(decoder));
	na_decoder_free(decoder);
	na_buffer_done(&why);
}

int main(int argc, char **argv)
{
	NA_FCLOSE FILE *file = argc == 2 ? fopen(argv[1], "we") : NULL;
	struct na_encoder *encoder = na_encoder_new();
	struct na_buffer segment = {0};

	if (!file || !encoder)
		return EXIT_FAILURE;
	make(encoder, &segment);
	if (fwrite(segment.data, 1, segment.length, file) != segment.length)
		return EXIT_FAILURE;
	print_all(&segment);
	na_encoder_free(encoder);
	na_buffer_done(&segment);
	return EXIT_SUCCESS;
}
