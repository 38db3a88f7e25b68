/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time to encode and to decode a journal's events, next to memcpy + CRC-32C of the same bytes in
 * the same run, and their size. `look` proves frames and reads time and type, as a search does with
 * events that it does not want. "make bench", or alone: journal_codec_bench.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "journal/decoder.h"
#include "journal/encoder.h"
#include "traffic.h"

#define EVENTS 50000
#define HELD 200 /* events that are made beforehand, one a process; they come again */
#define ROUNDS 11

static struct na_traffic held[HELD];
static struct na_buffer segment;
static size_t event_bytes;
static char *copied;

static double per_event(uint64_t start_ns)
{
	return (double)(na_clock_boot_ns() - start_ns) / EVENTS;
}

static double encode_round(struct na_encoder *encoder)
{
	struct na_frame_head head = {.epoch = 1, .first_sequence = 1};
	uint64_t start;

	na_buffer_clear(&segment);
	if (na_encoder_begin(encoder, &head, NULL, &segment) < 0)
		exit(EXIT_FAILURE);
	start = na_clock_boot_ns();
	for (int i = 0; i < EVENTS; i++)
		if (na_encoder_event(encoder, &held[i % HELD].event, &segment) < 0)
			exit(EXIT_FAILURE);
	return per_event(start);
}

static double copy_round(void)
{
	uint64_t start = na_clock_boot_ns();

	for (size_t at = 0; at < segment.length;) {
		const struct na_frame *frame = (const struct na_frame *)(segment.data + at);
		uint32_t crc;

		memcpy(copied + at, frame, frame->size);
		crc = na_crc32c(0, copied + at, frame->size);
		__asm__ volatile("" : : "r"(crc) : "memory");
		at += frame->size;
	}
	return per_event(start);
}

static double decode_round(struct na_decoder *decoder, bool wanted)
{
	static struct na_event event;
	struct na_buffer why = {0};
	uint64_t start = na_clock_boot_ns();
	size_t events = 0;

	event_bytes = 0;
	for (size_t at = 0; at < segment.length;) {
		const struct na_frame *frame = (const struct na_frame *)(segment.data + at);
		int error = na_frame_check(frame, segment.length - at);

		if (frame->kind != NA_FRAME_EVENT)
			error = error ? error : na_decoder_take(decoder, frame, &why);
		else if (wanted)
			error = error ? error : na_decoder_event(decoder, frame, &event, &why);
		if (error)
			exit(EXIT_FAILURE);
		events += na_decoder_type(decoder, frame) == held[0].event.type;
		event_bytes += frame->kind == NA_FRAME_EVENT ? frame->size : 0;
		at += frame->size;
	}
	if (events < EVENTS)
		exit(EXIT_FAILURE);
	return per_event(start);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *times)
{
	qsort(times, ROUNDS, sizeof(*times), compare);
	return times[ROUNDS / 2];
}

static void print_row(const char *name, enum na_event_type type)
{
	struct na_encoder *encoder = na_encoder_new();
	struct na_decoder *decoder = na_decoder_new();
	double encode[ROUNDS], copy[ROUNDS], decode[ROUNDS], look[ROUNDS], bytes;

	if (!encoder || !decoder)
		exit(EXIT_FAILURE);
	for (int i = 0; i < HELD; i++) {
		held[i].sequence = (uint64_t)i;
		na_traffic_next(&held[i], type);
	}
	for (int i = 0; i < ROUNDS; i++) {
		encode[i] = encode_round(encoder);
		if (!copied && !(copied = malloc(segment.length * 2)))
			exit(EXIT_FAILURE);
		copy[i] = copy_round();
		decode[i] = decode_round(decoder, true);
		look[i] = decode_round(decoder, false);
	}
	bytes = (double)event_bytes / EVENTS;
	printf("%-12s %4.0f bytes/event  encode %4.0f ns  decode %4.0f ns (%.1f million/s)  look "
	       "%3.0f ns  memcpy + CRC-32C %3.0f ns, of encode %.2f, of decode %.2f\n",
	       name, bytes, median(encode), median(decode), 1e3 / median(decode), median(look),
	       median(copy), median(copy) / median(encode), median(copy) / median(decode));
	na_encoder_free(encoder);
	na_decoder_free(decoder);
}

int main(void)
{
	print_row("established", NA_EVENT_ESTABLISHED);
	print_row("closed", NA_EVENT_CLOSED);
	na_buffer_done(&segment);
	free(copied);
	return EXIT_SUCCESS;
}
