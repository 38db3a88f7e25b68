/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as events: a segment's head, names and dictionary are learned, events are put together. */
#include "journal/decoder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "journal/event_id.h"
#include "journal/learned.h"

struct na_decoder {
	struct na_frame_head head;
	bool has_head;
	struct na_names names;
	struct na_learned *learned;
	struct na_event constants;
	size_t instance_length; /* of event_id, the part that is the same in the segment */
	/* Of the last event. */
	char event_id[NA_EVENT_ID_SIZE];
	struct na_restored restored;
	struct na_pool pool;
	struct na_event_parts parts;
	uint64_t made[NA_EVENT_WORDS]; /* fields that no part has: see list_made */
};

static int refuse(struct na_buffer *why, const char *what)
{
	na_buffer_append_string(why, what);
	return -EBADMSG;
}

static int take_head(struct na_decoder *decoder, const struct na_frame *frame,
		     struct na_buffer *why)
{
	const struct na_frame_head *head = (const struct na_frame_head *)frame;

	decoder->has_head = false;
	if (frame->size < sizeof(*head))
		return refuse(why, "a segment's head is cut off");
	if (memcmp(head->magic, NA_JOURNAL_MAGIC, sizeof(head->magic)) != 0)
		return refuse(why, "not a segment of netaudit: no magic");
	if (head->layout != NA_JOURNAL_LAYOUT) {
		na_buffer_printf(why, "a segment of layout %" PRIu32 ", this version reads %d",
				 head->layout, NA_JOURNAL_LAYOUT);
		return -EBADMSG;
	}
	decoder->head = *head;
	decoder->has_head = true;
	decoder->names.field_count = 0;
	decoder->names.event_count = 0;
	na_learned_forget(decoder->learned, head->wall_ns);
	memset(decoder->constants.present, 0, sizeof(decoder->constants.present));
	decoder->instance_length =
		na_event_id_instance(head->journal, head->epoch, decoder->event_id);
	return 0;
}

static int take_names(struct na_decoder *decoder, const struct na_frame *frame,
		      struct na_buffer *why)
{
	if (decoder->names.field_count)
		return refuse(why, "names come twice in a segment");
	if (!na_names_learn(&decoder->names, na_wire_of(frame, sizeof(*frame))))
		return refuse(why, "the names of the segment make no sense");
	return 0;
}

static int take_entry(struct na_decoder *decoder, const struct na_frame *frame,
		      struct na_buffer *why)
{
	const struct na_entry *entry;
	int error;

	if (!decoder->names.field_count)
		return refuse(why, "an entry comes before the names of its fields");
	error = na_learned_take(decoder->learned, &decoder->names,
				na_wire_of(frame, sizeof(*frame)), &entry, why);
	if (!error && entry->group == NA_GROUP_CONSTANTS)
		na_entry_set(entry, &decoder->constants);
	return error;
}

static int take_late(struct na_decoder *decoder, const struct na_frame *frame,
		     struct na_buffer *why)
{
	const struct na_frame_late *late = (const struct na_frame_late *)frame;

	if (frame->size < sizeof(*late))
		return refuse(why, "a late fact is cut off");
	if (late->first_sequence < decoder->head.first_sequence)
		return 0; /* of the segment before */
	return na_learned_take_late(decoder->learned, &decoder->names, late, why);
}

/* Of a group that events may refer to, the shape apart; NULL when it is not there. */
static const struct na_entry *get_fields(const struct na_decoder *decoder, struct na_wire *wire)
{
	uint64_t number = na_get_varint(wire);
	const struct na_entry *entry = na_learned_get(decoder->learned, number);

	return entry && !wire->bad && entry->group >= NA_GROUP_FIELDS ? entry : NULL;
}

static const struct na_entry *get_shape(const struct na_decoder *decoder, struct na_wire *wire)
{
	uint64_t number = na_get_varint(wire);
	const struct na_entry *entry = na_learned_get(decoder->learned, number);

	return entry && !wire->bad && entry->group == NA_GROUP_SHAPE ? entry : NULL;
}

/* What is set now is not of the parts that were set before. */
static void override(struct na_event_parts *parts, const uint64_t fields[NA_EVENT_WORDS])
{
	for (size_t i = 0; i < parts->count; i++)
		for (size_t word = 0; word < NA_EVENT_WORDS; word++)
			parts->items[i].fields[word] &= ~fields[word];
}

static void set_part(struct na_decoder *decoder, const struct na_entry *entry,
		     struct na_event *event)
{
	struct na_event_parts *parts = &decoder->parts;

	na_entry_set(entry, event);
	override(parts, entry->present);
	if (parts->count < NA_EVENT_PARTS_MAX) {
		struct na_event_part *part = &parts->items[parts->count++];

		part->number = entry->number;
		memcpy(part->fields, entry->present, sizeof(part->fields));
	}
}

/* ret_late: those of which something became known later, NULL behind the last. */
static bool set_references(struct na_decoder *decoder, uint32_t references, struct na_wire *wire,
			   struct na_event *event,
			   const struct na_entry *ret_late[NA_GROUPS_MAX + 1])
{
	for (; references; references &= references - 1) {
		const struct na_entry *entry = get_fields(decoder, wire);

		if (!entry)
			return false;
		set_part(decoder, entry, event);
		if (entry->late)
			*ret_late++ = entry;
	}
	*ret_late = NULL;
	return true;
}

/* A fact belongs to an event only by what both say: so every reader has the same event. */
static void set_late(struct na_decoder *decoder, const struct na_entry *const *late,
		     uint64_t sequence, struct na_event *event)
{
	uint64_t created = event->f_EVENT_CREATED;

	if (!*late || !na_event_has(event, NA_FIELD_EVENT_CREATED))
		return;
	for (; *late; late++)
		for (const struct na_late *fact = (*late)->late; fact; fact = fact->next) {
			uint64_t apart = fact->wall_ns > created ? fact->wall_ns - created
								 : created - fact->wall_ns;

			if (apart > NA_LATE_NS || sequence < fact->first_sequence)
				continue;
			na_entry_set(fact->fields, event);
			override(&decoder->parts, fact->fields->present);
		}
}

static void set_own(struct na_decoder *decoder, const struct na_shape *shape, uint64_t wall_ns,
		    struct na_wire *wire, struct na_event *event)
{
	union na_value unknown;

	decoder->pool.used = 0;
	for (size_t i = 0; i < shape->own_count; i++) {
		const struct na_own *own = &shape->own[i];

		na_stored_get(wire, own->type, wall_ns, &decoder->pool,
			      own->known ? (char *)event + own->offset : (char *)&unknown);
	}
	for (size_t i = 0; i < NA_PRESENT_WORDS; i++)
		event->present[i] |= shape->present[i];
	override(&decoder->parts, shape->present);
}

static void set_fixed(struct na_decoder *decoder, const struct na_frame_event *frame,
		      struct na_event *event)
{
	size_t length =
		na_event_id_finish(decoder->event_id, decoder->instance_length, frame->sequence);

	NA_SET(event, TIMESTAMP, frame->wall_ns);
	NA_SET(event, EVENT_SEQUENCE, (int64_t)frame->sequence);
	NA_SET(event, EVENT_ID, ((struct na_text){decoder->event_id, length}));
}

/* Fields that set_fixed sets, and those that na_restore may set. */
static void list_made(uint64_t ret_fields[NA_EVENT_WORDS])
{
	static const enum na_field made[] = {NA_FIELD_TIMESTAMP,           NA_FIELD_EVENT_ID,
					     NA_FIELD_EVENT_SEQUENCE,      NA_FIELD_SOURCE_ADDRESS,
					     NA_FIELD_DESTINATION_ADDRESS, NA_FIELD_RELATED_IP,
					     NA_FIELD_NA_CONNECTION_ID};

	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
		ret_fields[made[i] / 64] |= UINT64_C(1) << made[i] % 64;
}

static int decode(struct na_decoder *decoder, const struct na_frame_event *frame,
		  struct na_event *event, struct na_buffer *why)
{
	struct na_wire wire = na_wire_of(&frame->frame, sizeof(*frame));
	const struct na_entry *entry = get_shape(decoder, &wire);
	const struct na_entry *late[NA_GROUPS_MAX + 1];
	struct na_derived derived;

	if (!entry)
		return refuse(why, "an event's shape is not in the dictionary");
	decoder->parts.count = 0;
	set_part(decoder, entry, event);
	if (!set_references(decoder, entry->shape->references, &wire, event, late))
		return refuse(why, "an event refers to an entry that is not in the dictionary");
	derived = entry->shape->derived;
	if (derived.bits & NA_DERIVED_CONNECTION)
		derived.ordinal = na_get_varint(&wire);
	set_own(decoder, entry->shape, frame->wall_ns, &wire, event);
	if (wire.bad || wire.at != wire.end)
		return refuse(why, "an event has not the fields of its shape");
	set_late(decoder, late, frame->sequence, event);
	override(&decoder->parts, decoder->made);
	set_fixed(decoder, frame, event);
	if (!na_restore(&derived, &decoder->restored, event))
		return refuse(why, "an event lacks what others of its fields follow from");
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

struct na_decoder *na_decoder_new(void)
{
	struct na_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	list_made(decoder->made);
	decoder->learned = na_learned_new();
	decoder->pool.items = malloc(NA_TEXTS_MAX * sizeof(*decoder->pool.items));
	if (decoder->learned && decoder->pool.items)
		return decoder;
	na_decoder_free(decoder);
	return NULL;
}

void na_decoder_free(struct na_decoder *decoder)
{
	if (!decoder)
		return;
	na_learned_free(decoder->learned);
	free(decoder->pool.items);
	free(decoder);
}

int na_decoder_take(struct na_decoder *decoder, const struct na_frame *frame, struct na_buffer *why)
{
	if (frame->kind == NA_FRAME_HEAD)
		return take_head(decoder, frame, why);
	if (frame->kind != NA_FRAME_NAMES && frame->kind != NA_FRAME_ENTRY &&
	    frame->kind != NA_FRAME_LATE)
		return 0;
	if (!decoder->has_head)
		return refuse(why, "a segment does not begin with its head");
	if (frame->kind == NA_FRAME_NAMES)
		return take_names(decoder, frame, why);
	return frame->kind == NA_FRAME_ENTRY ? take_entry(decoder, frame, why)
					     : take_late(decoder, frame, why);
}

const struct na_frame_head *na_decoder_head(const struct na_decoder *decoder)
{
	return decoder->has_head ? &decoder->head : NULL;
}

const struct na_event *na_decoder_constants(const struct na_decoder *decoder)
{
	return &decoder->constants;
}

enum na_event_type na_decoder_type(const struct na_decoder *decoder, const struct na_frame *frame)
{
	return frame->type < decoder->names.event_count
		       ? (enum na_event_type)decoder->names.events[frame->type]
		       : NA_EVENT_COUNT;
}

int na_decoder_event(struct na_decoder *decoder, const struct na_frame *frame,
		     struct na_event *ret_event, struct na_buffer *why)
{
	const struct na_frame_event *event = (const struct na_frame_event *)frame;
	int error;

	if (!decoder->has_head || frame->kind != NA_FRAME_EVENT || frame->size < sizeof(*event))
		return refuse(why, "not an event");
	ret_event->type = na_decoder_type(decoder, frame);
	if (ret_event->type == NA_EVENT_COUNT)
		return -ENOTSUP;
	ret_event->boot_ns = event->boot_ns;
	ret_event->origin = (struct na_process_origin){0};
	ret_event->user_origin = 0;
	memset(ret_event->present, 0, sizeof(ret_event->present));
	error = decode(decoder, event, ret_event, why);
	if (error)
		memset(ret_event->present, 0, sizeof(ret_event->present));
	return error;
}

const struct na_event_parts *na_decoder_parts(const struct na_decoder *decoder)
{
	return &decoder->parts;
}
