/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as frames. An event's groups (process, user …) are serialised and looked up, then its
 * shape: which groups it refers to, which fields it has of its own, and the values that many events
 * share. What remains for the event is the shape's number, the groups' numbers and bare values.
 */
#include "journal/encoder.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "journal/derive.h"
#include "journal/dictionary.h"
#include "journal/frame_put.h"
#include "journal/groups.h"
#include "journal/names.h"
#include "journal/recent.h"
#include "journal/value.h"

/* Of the segment. */
struct totals {
	uint32_t entries;
	uint64_t events, last_sequence, newest_ns;
};

struct na_encoder {
	struct na_groups groups;
	struct na_dictionary *dictionary;
	struct na_recent *recent;     /* of its entries */
	uint64_t begin_wall_ns;       /* base of dates in entries */
	uint64_t first_sequence;      /* of the segment */
	struct na_dictionary *former; /* of the segment before; NULL: no late facts are made */
	uint64_t former_wall_ns;
	struct totals now, before;     /* before: the last event */
	uint8_t scratch[NA_FRAME_MAX]; /* what is being serialised */
};

/* An event on its way. */
struct draft {
	const struct na_event *event;
	struct na_derived derived;
	uint64_t own[NA_PRESENT_WORDS]; /* fields that are stored with it */
	unsigned int references;        /* bits of groups */
	uint32_t numbers[NA_GROUP_COUNT];
};

#define CLEAR(mask, field)                                                                         \
	((mask)[NA_FIELD_##field / 64] &= ~(UINT64_C(1) << (NA_FIELD_##field % 64)))

static struct na_writer begin_entry(struct na_encoder *encoder, enum na_group group)
{
	encoder->scratch[0] = (uint8_t)group;
	return (struct na_writer){.at = encoder->scratch + 1,
				  .end = encoder->scratch + sizeof(encoder->scratch)};
}

/* Lists come last: they may be parts of the group's texts. False: nothing there. */
static bool put_fields(struct na_encoder *encoder, struct na_writer *writer,
		       const struct na_event *event, const uint64_t group[NA_PRESENT_WORDS])
{
	uint64_t plain[NA_PRESENT_WORDS], lists[NA_PRESENT_WORDS], any = 0;

	for (size_t i = 0; i < NA_PRESENT_WORDS; i++) {
		uint64_t there = event->present[i] & group[i];

		plain[i] = there & ~encoder->groups.lists[i];
		lists[i] = there & encoder->groups.lists[i];
		any |= there;
	}
	if (!any)
		return false;
	na_values_put(writer, event, plain, true, encoder->begin_wall_ns);
	na_values_put(writer, event, lists, true, encoder->begin_wall_ns);
	return true;
}

static int put_entry(const struct na_encoder *encoder, uint32_t number, size_t length,
		     struct na_buffer *out)
{
	struct {
		struct na_frame frame;
		uint8_t number[NA_VARINT_MAX];
	} head = {.frame.kind = NA_FRAME_ENTRY};
	struct na_writer writer = {.at = head.number, .end = head.number + sizeof(head.number)};

	na_put_varint(&writer, number);
	return na_frame_put(out, &head, (size_t)(writer.at - (uint8_t *)&head), encoder->scratch,
			    length);
}

/* The number of what was serialised; a new one becomes a frame. */
static int refer(struct na_encoder *encoder, const struct na_writer *writer, struct na_buffer *out,
		 uint32_t *ret_number)
{
	size_t length = (size_t)(writer->at - encoder->scratch);
	uint32_t before = na_dictionary_count(encoder->dictionary);
	int error;

	if (writer->full)
		return -E2BIG;
	error = na_dictionary_refer(encoder->dictionary, encoder->scratch, length, ret_number);
	if (error || *ret_number != before)
		return error;
	return put_entry(encoder, *ret_number, length, out);
}

/* False: it has no field of it. */
static bool take_fields(const struct na_encoder *encoder, const struct na_event *event,
			enum na_group group, struct na_recent_group *ret_taken)
{
	uint64_t any = 0;

	ret_taken->group = group;
	for (size_t i = 0; i < NA_PRESENT_WORDS; i++)
		any |= ret_taken->fields[i] = event->present[i] & encoder->groups.of[group][i];
	return any;
}

static int refer_group(struct na_encoder *encoder, struct draft *draft,
		       const struct na_recent_group *group, struct na_buffer *out)
{
	const struct na_event *event = draft->event;
	uint32_t *number = &draft->numbers[group->group];
	struct na_writer writer;
	int error;

	if (na_recent_find(encoder->recent, event, group, number))
		return 0;
	writer = begin_entry(encoder, group->group);
	put_fields(encoder, &writer, event, group->fields);
	error = refer(encoder, &writer, out, number);
	if (!error)
		na_recent_keep(encoder->recent, event, group, *number);
	return error;
}

static int refer_groups(struct na_encoder *encoder, struct draft *draft, struct na_buffer *out)
{
	struct na_recent_group taken = {0};
	int error = 0;

	for (int group = NA_GROUP_FIELDS; group < NA_GROUP_COUNT && !error; group++) {
		if (!take_fields(encoder, draft->event, (enum na_group)group, &taken))
			continue;
		draft->references |= 1u << group;
		error = refer_group(encoder, draft, &taken, out);
	}
	return error;
}

static void put_numbers(struct na_writer *writer, const uint64_t fields[NA_PRESENT_WORDS])
{
	size_t count = 0;

	for (size_t word = 0; word < NA_PRESENT_WORDS; word++)
		count += (size_t)__builtin_popcountll(fields[word]);
	na_put_varint(writer, count);
	for (size_t word = 0; word < NA_PRESENT_WORDS; word++)
		for (uint64_t bits = fields[word]; bits; bits &= bits - 1)
			na_put_varint(writer, 64 * word + (size_t)__builtin_ctzll(bits));
}

static void put_shape(struct na_encoder *encoder, const struct draft *draft,
		      struct na_writer *writer)
{
	const struct na_derived *derived = &draft->derived;

	*writer = begin_entry(encoder, NA_GROUP_SHAPE);
	na_put_varint(writer, derived->bits);
	na_put_varint(writer, draft->references);
	put_numbers(writer, draft->own);
	if (derived->bits & NA_DERIVED_CONNECTION) {
		na_put_varint(writer, derived->prefix.length);
		na_put_bytes(writer, derived->prefix.data, derived->prefix.length);
	}
	put_fields(encoder, writer, draft->event, encoder->groups.of[NA_GROUP_SHAPE]);
}

static int refer_shape(struct na_encoder *encoder, struct draft *draft, struct na_buffer *out)
{
	const struct na_derived *derived = &draft->derived;
	uint64_t key[NA_PRESENT_WORDS + 1];
	struct na_recent_group taken = {.more = {{(const char *)key, sizeof(key)}}};
	uint32_t *number = &draft->numbers[NA_GROUP_SHAPE];
	struct na_writer writer;
	int error;

	memcpy(key, draft->own, sizeof(draft->own));
	key[NA_PRESENT_WORDS] = (uint64_t)derived->bits << 32 | draft->references;
	if (derived->bits & NA_DERIVED_CONNECTION)
		taken.more[1] = derived->prefix;
	(void)take_fields(encoder, draft->event, NA_GROUP_SHAPE, &taken);
	if (na_recent_find(encoder->recent, draft->event, &taken, number))
		return 0;
	put_shape(encoder, draft, &writer);
	error = refer(encoder, &writer, out, number);
	if (!error)
		na_recent_keep(encoder->recent, draft->event, &taken, *number);
	return error;
}

static void clear_derived(uint64_t own[NA_PRESENT_WORDS], unsigned int bits)
{
	if (bits & NA_DERIVED_SOURCE_ADDRESS)
		CLEAR(own, SOURCE_ADDRESS);
	if (bits & NA_DERIVED_DESTINATION_ADDRESS)
		CLEAR(own, DESTINATION_ADDRESS);
	if (bits & (NA_DERIVED_RELATED_SOURCE | NA_DERIVED_RELATED_DESTINATION))
		CLEAR(own, RELATED_IP);
	if (bits & NA_DERIVED_CONNECTION)
		CLEAR(own, NA_CONNECTION_ID);
}

static void begin_draft(const struct na_encoder *encoder, const struct na_event *event,
			struct draft *ret_draft)
{
	ret_draft->event = event;
	ret_draft->references = 0;
	na_derive(event, &ret_draft->derived);
	for (size_t i = 0; i < NA_PRESENT_WORDS; i++)
		ret_draft->own[i] = event->present[i] & encoder->groups.own[i];
	clear_derived(ret_draft->own, ret_draft->derived.bits);
}

static void put_payload(struct na_writer *writer, const struct draft *draft, uint64_t wall_ns)
{
	na_put_varint(writer, draft->numbers[NA_GROUP_SHAPE]);
	for (int group = NA_GROUP_FIELDS; group < NA_GROUP_COUNT; group++)
		if (draft->references >> group & 1)
			na_put_varint(writer, draft->numbers[group]);
	if (draft->derived.bits & NA_DERIVED_CONNECTION)
		na_put_varint(writer, draft->derived.ordinal);
	na_values_put(writer, draft->event, draft->own, false, wall_ns);
}

static int put_event(struct na_encoder *encoder, const struct draft *draft, struct na_buffer *out)
{
	const struct na_event *event = draft->event;
	struct na_frame_event head = {.frame.kind = NA_FRAME_EVENT,
				      .frame.type = (uint16_t)event->type,
				      .boot_ns = event->boot_ns};
	struct na_writer writer = {.at = encoder->scratch,
				   .end = encoder->scratch + sizeof(encoder->scratch)};

	if (na_event_has(event, NA_FIELD_EVENT_SEQUENCE))
		head.sequence = (uint64_t)event->f_EVENT_SEQUENCE;
	if (na_event_has(event, NA_FIELD_TIMESTAMP))
		head.wall_ns = event->f_TIMESTAMP;
	put_payload(&writer, draft, head.wall_ns);
	if (writer.full)
		return -E2BIG;
	return na_frame_put(out, &head, sizeof(head), encoder->scratch,
			    (size_t)(writer.at - encoder->scratch));
}

/* Nothing refers to them: the dictionary needs their number only. */
static int put_constants(struct na_encoder *encoder, const struct na_event *constants,
			 struct na_buffer *out)
{
	struct na_writer writer = begin_entry(encoder, NA_GROUP_CONSTANTS);
	uint64_t all[NA_PRESENT_WORDS];

	memset(all, 0xff, sizeof(all));
	put_fields(encoder, &writer, constants, all);
	return writer.full ? -E2BIG
			   : put_entry(encoder, 0, (size_t)(writer.at - encoder->scratch), out);
}

/* Entries from `count` on are gone, and so is what we remember. */
static void cut(struct na_encoder *encoder, uint32_t count)
{
	if (count < na_dictionary_count(encoder->dictionary))
		na_recent_forget(encoder->recent);
	na_dictionary_cut(encoder->dictionary, count);
}

static void forget(struct na_encoder *encoder, const struct na_frame_head *head, bool has_constants)
{
	uint32_t number = 0;
	int error = 0;

	na_recent_forget(encoder->recent); /* also where it has a dictionary in place of another */
	na_dictionary_cut(encoder->dictionary, 0);
	if (has_constants)
		error = na_dictionary_refer(encoder->dictionary, "", 1, &number);
	assert(!error && !number); /* the first one always has room */
	encoder->now = (struct totals){.entries = has_constants,
				       .last_sequence = head->first_sequence - 1};
	encoder->before = encoder->now;
	encoder->first_sequence = head->first_sequence;
}

/* The segment that ends is the former one, unless nothing of it was kept. */
static void keep_former(struct na_encoder *encoder, uint64_t wall_ns)
{
	struct na_dictionary *kept = encoder->dictionary;

	if (!encoder->former || !encoder->now.events)
		return;
	encoder->dictionary = encoder->former;
	encoder->former = kept;
	encoder->former_wall_ns = wall_ns;
}

/* The one group that has all of the event's fields; -EINVAL. */
static int group_of(const struct na_encoder *encoder, const struct na_event *event)
{
	uint64_t any = 0;

	for (size_t i = 0; i < NA_PRESENT_WORDS; i++)
		any |= event->present[i];
	for (int group = NA_GROUP_FIELDS; group < NA_GROUP_COUNT && any; group++) {
		uint64_t others = 0;

		for (size_t i = 0; i < NA_PRESENT_WORDS; i++)
			others |= event->present[i] & ~encoder->groups.of[group][i];
		if (!others)
			return group;
	}
	return -EINVAL;
}

static int put_late(struct na_encoder *encoder, const struct na_frame_late *head, uint32_t number,
		    int group, const struct na_event *fact, struct na_buffer *out)
{
	struct na_writer writer = {.at = encoder->scratch,
				   .end = encoder->scratch + sizeof(encoder->scratch)};

	na_put_varint(&writer, number);
	put_fields(encoder, &writer, fact, encoder->groups.of[group]);
	if (writer.full)
		return -E2BIG;
	return na_frame_put(out, head, sizeof(*head), encoder->scratch,
			    (size_t)(writer.at - encoder->scratch));
}

/* Of one segment; -ENOENT: that does not describe it. */
static int late_of(struct na_encoder *encoder, const struct na_dictionary *dictionary,
		   const struct na_frame_late *head, const struct na_event *about,
		   const struct na_event *fact, struct na_buffer *out)
{
	int group = group_of(encoder, fact);
	struct na_writer writer;
	uint32_t number;
	int error;

	if (group < 0)
		return group;
	writer = begin_entry(encoder, (enum na_group)group);
	put_fields(encoder, &writer, about, encoder->groups.of[group]);
	if (writer.full)
		return -ENOENT;
	error = na_dictionary_find(dictionary, encoder->scratch,
				   (size_t)(writer.at - encoder->scratch), &number);
	return error ? error : put_late(encoder, head, number, group, fact, out);
}

/* The same of the segment before, whose dates have another base. */
static int late_of_former(struct na_encoder *encoder, const struct na_frame_late *head,
			  const struct na_event *about, const struct na_event *fact,
			  struct na_buffer *out)
{
	uint64_t wall_ns = encoder->begin_wall_ns;
	int error;

	if (!encoder->former || head->first_sequence >= encoder->first_sequence)
		return -ENOENT;
	encoder->begin_wall_ns = encoder->former_wall_ns;
	error = late_of(encoder, encoder->former, head, about, fact, out);
	encoder->begin_wall_ns = wall_ns;
	return error;
}

static void count_event(struct na_encoder *encoder, const struct na_event *event)
{
	struct totals *now = &encoder->now;

	now->entries = na_dictionary_count(encoder->dictionary);
	now->events++;
	if (na_event_has(event, NA_FIELD_EVENT_SEQUENCE))
		now->last_sequence = (uint64_t)event->f_EVENT_SEQUENCE;
	if (na_event_has(event, NA_FIELD_TIMESTAMP) && event->f_TIMESTAMP > now->newest_ns)
		now->newest_ns = event->f_TIMESTAMP;
}

/* ------------------------------------------------------------------------------------------- */

struct na_encoder *na_encoder_new(void)
{
	struct na_encoder *encoder = calloc(1, sizeof(*encoder));

	if (!encoder)
		return NULL;
	na_groups_make(&encoder->groups);
	encoder->dictionary = na_dictionary_new();
	encoder->recent = na_recent_new();
	if (encoder->dictionary && encoder->recent)
		return encoder;
	na_encoder_free(encoder);
	return NULL;
}

void na_encoder_free(struct na_encoder *encoder)
{
	if (!encoder)
		return;
	na_dictionary_free(encoder->dictionary);
	na_dictionary_free(encoder->former);
	na_recent_free(encoder->recent);
	free(encoder);
}

int na_encoder_begin(struct na_encoder *encoder, const struct na_frame_head *head,
		     const struct na_event *constants, struct na_buffer *out)
{
	uint64_t base_before = encoder->begin_wall_ns;
	struct na_frame_head made = *head;
	size_t before = out->length;
	int error;

	made.frame = (struct na_frame){.kind = NA_FRAME_HEAD};
	memcpy(made.magic, NA_JOURNAL_MAGIC, sizeof(made.magic));
	made.layout = NA_JOURNAL_LAYOUT;
	encoder->begin_wall_ns = head->wall_ns;
	if (head->flags & NA_HEAD_LATE && !encoder->former)
		encoder->former = na_dictionary_new();
	error = head->flags & NA_HEAD_LATE && !encoder->former ? -ENOMEM : 0;
	if (!error)
		error = na_frame_put(out, &made, sizeof(made), NULL, 0);
	if (!error)
		error = na_names_put(out);
	if (!error && constants)
		error = put_constants(encoder, constants, out);
	if (error) {
		encoder->begin_wall_ns = base_before;
		out->length = before;
		out->error = 0;
		return error;
	}
	keep_former(encoder, base_before);
	forget(encoder, head, constants);
	return 0;
}

int na_encoder_event(struct na_encoder *encoder, const struct na_event *event,
		     struct na_buffer *out)
{
	size_t before = out->length;
	struct draft draft;
	int error;

	begin_draft(encoder, event, &draft);
	error = refer_groups(encoder, &draft, out);
	if (!error)
		error = refer_shape(encoder, &draft, out);
	if (!error)
		error = put_event(encoder, &draft, out);
	if (error) {
		cut(encoder, encoder->now.entries);
		out->length = before;
		out->error = 0;
		return error;
	}
	encoder->before = encoder->now;
	count_event(encoder, event);
	return 0;
}

void na_encoder_undo(struct na_encoder *encoder)
{
	encoder->now = encoder->before;
	cut(encoder, encoder->now.entries);
}

int na_encoder_late(struct na_encoder *encoder, const struct na_event *about,
		    const struct na_event *fact, uint64_t wall_ns, uint64_t first_sequence,
		    struct na_buffer *out)
{
	struct na_frame_late head = {
		.frame.kind = NA_FRAME_LATE, .first_sequence = first_sequence, .wall_ns = wall_ns};
	size_t before = out->length;
	int former = late_of_former(encoder, &head, about, fact, out), error = former;

	if (head.first_sequence < encoder->first_sequence)
		head.first_sequence = encoder->first_sequence;
	if (!error || error == -ENOENT)
		error = late_of(encoder, encoder->dictionary, &head, about, fact, out);
	if (error == -ENOENT && !former)
		return 0;
	if (error) {
		out->length = before;
		out->error = 0;
	}
	return error;
}

int na_encoder_seal(struct na_encoder *encoder, struct na_buffer *out)
{
	struct na_frame_seal seal = {.frame.kind = NA_FRAME_SEAL,
				     .last_sequence = encoder->now.last_sequence,
				     .events = encoder->now.events,
				     .wall_ns = encoder->now.newest_ns};
	int error = na_frame_put(out, &seal, sizeof(seal), NULL, 0);

	if (error)
		out->error = 0;
	return error;
}

size_t na_encoder_memory(const struct na_encoder *encoder)
{
	return sizeof(*encoder) + na_recent_memory(encoder->recent) +
	       na_dictionary_memory(encoder->dictionary) +
	       (encoder->former ? na_dictionary_memory(encoder->former) : 0);
}
