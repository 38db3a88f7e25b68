/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without libFuzzer: segments of an encoder, and the same with bytes changed, moved and cut,
 * through a fuzz target. Usage: PROGRAM [CHANGED] with a folder's name behind it, writes the
 * segments there as seeds for libFuzzer.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/capture/random_record.h"
#include "../unit/format/random_event.h"
#include "../unit/format/samples.h"
#include "../unit/journal/traffic.h"
#include "journal/encoder.h"

#define CHANGED 20000
#define PER_SEGMENT 40 /* changed ones of each */
#define EVENTS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct na_event *choose_event(struct na_random *random)
{
	static struct na_random_event any;
	static struct na_traffic traffic;
	static struct na_event sample;
	uint64_t state = random->state | 1;

	switch (na_random_below(random, 3)) {
	case 0:
		na_random_event_make(&any, (unsigned int)na_random_below(random, 30), &state);
		return &any.event;
	case 1:
		traffic.sequence = na_random_below(random, 100);
		return na_traffic_next(&traffic, NA_EVENT_CLOSED);
	default:
		sample = na_sample_event(na_random_below(random, na_sample_count));
		return &sample;
	}
}

static void make_segment(struct na_random *random, struct na_encoder *encoder,
			 struct na_buffer *segment)
{
	struct na_event constants = na_sample_constants();
	struct na_frame_head head = {.epoch = na_random_below(random, 100), .first_sequence = 1};
	struct na_event fact = {0};

	na_buffer_clear(segment);
	if (na_encoder_begin(encoder, &head, &constants, segment) < 0)
		exit(1);
	NA_SET_TEXT(&fact, USER_NAME, "resolved");
	for (int i = 0; i < EVENTS; i++) {
		const struct na_event *event = choose_event(random);

		na_encoder_event(encoder, event, segment);
		na_encoder_late(encoder, event, &fact,
				event->f_EVENT_CREATED + na_random_below(random, 1000), 0, segment);
	}
	na_encoder_seal(encoder, segment);
}

/* Numbers are small, so small ones are likely; most of a segment are names, so they are spared. */
static size_t change(struct na_random *random, uint8_t *data, size_t size)
{
	size_t spared = na_random_below(random, 8) ? size * 2 / 5 : 0;

	for (uint64_t changes = na_random_below(random, 6); changes; changes--) {
		size_t to = spared + na_random_below(random, size - spared);
		size_t from = spared + na_random_below(random, size - spared);
		size_t length = na_random_below(random, 20);

		switch (na_random_below(random, 4)) {
		case 0:
			data[to] ^= (uint8_t)(1 << na_random_below(random, 8));
			break;
		case 1:
			data[to] = (uint8_t)na_random_below(random, 8);
			break;
		case 2:
			data[to] = data[from];
			break;
		default:
			if (to + length <= size && from + length <= size)
				memmove(data + to, data + from, length);
		}
	}
	return na_random_below(random, 8) ? size : na_random_below(random, size);
}

static void write_seed(const char *folder, unsigned long number, const struct na_buffer *segment)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%lu", folder, number);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, segment->data, segment->length) != (ssize_t)segment->length) {
		perror(path);
		exit(1);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned long changed = argc > 1 ? strtoul(argv[1], NULL, 10) : CHANGED;
	struct na_random random = na_random_new("journal");
	struct na_encoder *encoder = na_encoder_new();
	struct na_buffer segment = {0}, copy = {0};

	if (!encoder)
		return 1;
	for (unsigned long i = 0; i < changed; i++) {
		if (i % PER_SEGMENT == 0) {
			make_segment(&random, encoder, &segment);
			LLVMFuzzerTestOneInput((const uint8_t *)segment.data, segment.length);
			if (argc > 2)
				write_seed(argv[2], i / PER_SEGMENT, &segment);
		}
		na_buffer_clear(&copy);
		na_buffer_append(&copy, segment.data, segment.length);
		if (na_buffer_error(&segment) || na_buffer_error(&copy))
			return 1;
		LLVMFuzzerTestOneInput((const uint8_t *)copy.data,
				       change(&random, (uint8_t *)copy.data, copy.length));
	}
	na_encoder_free(encoder);
	na_buffer_done(&segment);
	na_buffer_done(&copy);
	return 0;
}
