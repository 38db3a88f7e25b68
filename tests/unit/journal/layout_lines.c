/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For layout_test.py: writes segments to the folder that is named, and their events to stdout, a
 * line each: PATH=VALUE with tabs between, in order of paths; bytes of texts in hex.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../format/random_event.h"
#include "../format/samples.h"
#include "base/cleanup.h"
#include "base/field.h"
#include "journal/encoder.h"
#include "journal/reader.h"
#include "journal/segments.h"
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

/* What is known late is of events with this number or a later one. */
static void tell(struct na_encoder *encoder, const struct na_event *about, const char *name,
		 uint64_t first_sequence, struct na_buffer *segment)
{
	struct na_event fact = {0};

	NA_SET_TEXT(&fact, USER_EFFECTIVE_NAME, name);
	if (na_encoder_late(encoder, about, &fact, about->f_EVENT_CREATED, first_sequence,
			    segment) < 0)
		exit(EXIT_FAILURE);
}

static void begin(struct na_encoder *encoder, uint64_t position, uint64_t sequence,
		  struct na_buffer *segment)
{
	struct na_event constants = na_sample_constants();
	struct na_frame_head head = {.flags = NA_HEAD_LATE,
				     .epoch = 0xab,
				     .position = position,
				     .first_sequence = sequence,
				     .wall_ns = 1234567 + position};

	for (uint8_t i = 0; i < 16; i++)
		head.journal[i] = (uint8_t)(255 - i);
	na_buffer_clear(segment);
	if (na_encoder_begin(encoder, &head, &constants, segment) < 0)
		exit(EXIT_FAILURE);
}

static void end(struct na_encoder *encoder, const char *folder, uint64_t position,
		struct na_buffer *segment)
{
	char name[NA_SEGMENT_FILE_NAME_SIZE], path[256];

	na_segment_file_name(position, name);
	snprintf(path, sizeof(path), "%s/%s", folder, name);

	NA_FCLOSE FILE *file = fopen(path, "we");

	if (na_encoder_seal(encoder, segment) < 0 || !file ||
	    fwrite(segment->data, 1, segment->length, file) != segment->length)
		exit(EXIT_FAILURE);
}

/* Two segments: facts of the second are also of events of the first. */
static void make(struct na_encoder *encoder, const char *folder)
{
	static struct na_random_event random;
	static struct na_traffic traffic;
	NA_CLEANUP(na_buffer_done) struct na_buffer segment = {0};
	uint64_t state = 88172645463325252, sequence = 0, position;
	struct na_event event;

	begin(encoder, 0, 1, &segment);
	for (size_t i = 0; i < na_sample_count; i++) {
		event = na_sample_event(i);
		append(encoder, &event, ++sequence, &segment);
	}
	for (int i = 0; i < RANDOM_EVENTS; i++) {
		na_random_event_make(&random, (unsigned int)i % 101, &state);
		append(encoder, &random.event, ++sequence, &segment);
	}
	for (int i = 0; i < TRAFFIC_EVENTS; i++) {
		na_traffic_next(&traffic, NA_EVENT_CLOSED);
		append(encoder, &traffic.event, ++sequence, &segment);
	}
	tell(encoder, &traffic.event, "resolved", 0, &segment);
	end(encoder, folder, 0, &segment);
	position = segment.length;
	begin(encoder, position, sequence + 1, &segment);
	append(encoder, &traffic.event, ++sequence, &segment);
	tell(encoder, &traffic.event, "again", sequence - TRAFFIC_EVENTS / 2, &segment);
	append(encoder, &traffic.event, ++sequence, &segment);
	end(encoder, folder, position, &segment);
}

static void print_all(const char *folder)
{
	const struct na_reader_options options = {.path = folder};
	struct na_buffer why = {0};
	struct na_reader *reader;
	static struct na_reader_item item;
	int step;

	if (na_reader_open(&options, &reader, &why) < 0)
		exit(EXIT_FAILURE);
	while ((step = na_reader_next(reader, &item)) == NA_READER_EVENT)
		print_event(&item.event);
	if (step != NA_READER_END)
		exit(EXIT_FAILURE);
	print_event(item.constants);
	na_reader_close(&reader);
}

int main(int argc, char **argv)
{
	struct na_encoder *encoder = na_encoder_new();

	if (argc != 2 || !encoder)
		return EXIT_FAILURE;
	make(encoder, argv[1]);
	print_all(argv[1]);
	na_encoder_free(encoder);
	return EXIT_SUCCESS;
}
