/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries, taken apart. All of a segment's lie in chunks that are kept for the next segment. An
 * entry is first taken apart into `parsed`, then copied at its size.
 */
#include "journal/learned.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define CHUNK_SIZE (256u << 10) /* more than anything of one frame takes */
#define CHUNKS_MAX (NA_LEARNED_MEMORY_MAX / CHUNK_SIZE)
#define FIRST_ENTRIES 1024u

_Static_assert(CHUNK_SIZE > NA_FRAME_MAX && CHUNK_SIZE > NA_TEXTS_MAX * sizeof(struct na_text) &&
		       CHUNK_SIZE > NA_FIELD_COUNT * sizeof(struct na_slot) + 4096 &&
		       CHUNK_SIZE > NA_NAMES_MAX * sizeof(struct na_own) + 4096,
	       "a chunk holds what one frame needs");
_Static_assert(sizeof(struct na_event) <= UINT16_MAX, "offsets have 16 bits");

struct na_learned {
	uint64_t base_ns;
	uint64_t made;             /* entries, of all segments */
	struct na_entry **entries; /* NULL: not there */
	size_t count, room;
	char *chunks[CHUNKS_MAX];
	size_t chunk_count, chunk; /* the one that is being filled */
	size_t used;               /* bytes of it */
	struct na_pool pool;
	struct na_own own[NA_NAMES_MAX];
	struct na_slot parsed[NA_FIELD_COUNT];
};

/* An entry on its way. */
struct draft {
	const struct na_names *names;
	struct na_wire wire;
	struct na_entry entry;
	struct na_shape shape;
};

/* NULL: no memory, or too much. */
static void *take_memory(struct na_learned *learned, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (learned->chunk < learned->chunk_count && learned->used + size > CHUNK_SIZE) {
		learned->chunk++;
		learned->used = 0;
	}
	if (learned->chunk == learned->chunk_count) {
		if (learned->chunk == CHUNKS_MAX)
			return NULL;
		learned->chunks[learned->chunk] = malloc(CHUNK_SIZE);
		if (!learned->chunks[learned->chunk])
			return NULL;
		learned->chunk_count++;
	}
	learned->used += size;
	return learned->chunks[learned->chunk] + learned->used - size;
}

static void *copy(struct na_learned *learned, const void *data, size_t size)
{
	void *to = take_memory(learned, size);

	if (to && size)
		memcpy(to, data, size);
	return to;
}

static int no_memory(const struct na_learned *learned, struct na_buffer *why)
{
	if (learned->chunk < CHUNKS_MAX)
		return -ENOMEM;
	na_buffer_printf(why, "the segment's dictionary takes more than %u MiB",
			 NA_LEARNED_MEMORY_MAX >> 20);
	return -EBADMSG;
}

static void parse_field(struct na_learned *learned, struct draft *draft)
{
	struct na_entry *entry = &draft->entry;
	uint64_t number = na_get_varint(&draft->wire);
	struct na_slot *slot = &learned->parsed[entry->count];
	const struct na_name *name;
	union na_value unknown;

	if (number >= draft->names->field_count) {
		draft->wire.bad = true;
		return;
	}
	name = &draft->names->fields[number];
	if (name->own < 0) {
		na_stored_get(&draft->wire, name->type, learned->base_ns, &learned->pool, &unknown);
		return;
	}
	if (entry->present[name->own / 64] >> name->own % 64 & 1) {
		draft->wire.bad = true;
		return;
	}
	slot->offset = (uint16_t)na_field_rows[name->own].offset;
	slot->width = (uint8_t)na_stored_width(name->type);
	slot->is_list = name->type == NA_TYPE_KEYWORDS;
	na_stored_get(&draft->wire, name->type, learned->base_ns, &learned->pool, &slot->value);
	entry->present[name->own / 64] |= UINT64_C(1) << name->own % 64;
	entry->count++;
}

static void parse_own(struct na_learned *learned, struct draft *draft, size_t i)
{
	uint64_t number = na_get_varint(&draft->wire);
	const struct na_name *name;

	if (number >= draft->names->field_count) {
		draft->wire.bad = true;
		return;
	}
	name = &draft->names->fields[number];
	learned->own[i] = (struct na_own){.type = name->type, .known = name->own >= 0};
	if (name->own < 0)
		return;
	learned->own[i].offset = (uint16_t)na_field_rows[name->own].offset;
	draft->shape.present[name->own / 64] |= UINT64_C(1) << name->own % 64;
}

static void parse_shape(struct na_learned *learned, struct draft *draft)
{
	struct na_wire *wire = &draft->wire;
	struct na_shape *shape = &draft->shape;
	uint64_t bits = na_get_varint(wire), references = na_get_varint(wire);
	uint64_t count = na_get_varint(wire), length;

	if (bits > NA_DERIVED_ALL || references > UINT32_MAX || count > NA_NAMES_MAX)
		wire->bad = true;
	if (wire->bad)
		return;
	shape->derived.bits = (unsigned int)bits;
	shape->references = (uint32_t)references;
	shape->own_count = count;
	for (size_t i = 0; i < count && !wire->bad; i++)
		parse_own(learned, draft, i);
	if (!(bits & NA_DERIVED_CONNECTION))
		return;
	length = na_get_varint(wire);
	shape->derived.prefix.data = (const char *)na_get_bytes(wire, length);
	shape->derived.prefix.length = length;
	if (length > NA_DERIVED_PREFIX_MAX)
		wire->bad = true;
}

static void parse(struct na_learned *learned, struct draft *draft)
{
	learned->pool.used = 0;
	if (draft->entry.group == NA_GROUP_SHAPE)
		parse_shape(learned, draft);
	while (!draft->wire.bad && draft->wire.at < draft->wire.end)
		parse_field(learned, draft);
}

/* Lists point into the pool until now. */
static bool keep_lists(struct na_learned *learned, size_t count)
{
	const struct na_text *kept = copy(learned, learned->pool.items,
					  learned->pool.used * sizeof(*learned->pool.items));

	if (!kept)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct na_slot *slot = &learned->parsed[i];

		if (slot->is_list)
			slot->value.texts.items =
				kept + (slot->value.texts.items - learned->pool.items);
	}
	return true;
}

static const struct na_shape *keep_shape(struct na_learned *learned, struct draft *draft)
{
	draft->shape.own =
		copy(learned, learned->own, draft->shape.own_count * sizeof(learned->own[0]));
	return draft->shape.own ? copy(learned, &draft->shape, sizeof(draft->shape)) : NULL;
}

/* In the order of widths. Returns how many there are of this one, behind `to`. */
static size_t keep_width(const struct na_learned *learned, size_t count, uint8_t width,
			 struct na_slot *to)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (learned->parsed[i].width == width)
			to[kept++] = learned->parsed[i];
	return kept;
}

/* false: no memory, or too much. */
static bool keep_slots(struct na_learned *learned, struct na_entry *entry)
{
	struct na_slot *slots = take_memory(learned, entry->count * sizeof(*slots));

	if (!slots)
		return false;
	entry->slots = slots;
	entry->texts = keep_width(learned, entry->count, sizeof(union na_value), slots);
	slots += entry->texts;
	entry->numbers = keep_width(learned, entry->count, sizeof(uint64_t), slots);
	keep_width(learned, entry->count, sizeof(bool), slots + entry->numbers);
	return true;
}

/* NULL: no memory, or too much. */
static struct na_entry *keep(struct na_learned *learned, struct draft *draft)
{
	struct na_entry *entry = &draft->entry;

	if (learned->pool.used && !keep_lists(learned, entry->count))
		return NULL;
	if (!keep_slots(learned, entry))
		return NULL;
	if (entry->group == NA_GROUP_SHAPE && !(entry->shape = keep_shape(learned, draft)))
		return NULL;
	return copy(learned, entry, sizeof(*entry));
}

static int make_room(struct na_learned *learned, uint64_t number)
{
	size_t room = learned->room ? learned->room : FIRST_ENTRIES;
	struct na_entry **entries;

	while (room <= number)
		room *= 2;
	if (room == learned->room)
		return 0;
	entries = realloc(learned->entries, room * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	learned->entries = entries;
	learned->room = room;
	return 0;
}

/* Entries in front of it that are missing stay NULL: what refers to them is refused. */
static int check_number(struct na_learned *learned, uint64_t number, struct na_buffer *why)
{
	if (number >= learned->count && number < NA_ENTRIES_MAX)
		return make_room(learned, number);
	na_buffer_printf(why, "entry %" PRIu64 " comes behind entry %zu", number, learned->count);
	return -EBADMSG;
}

static void add(struct na_learned *learned, uint64_t number, struct na_entry *entry)
{
	while (learned->count < number)
		learned->entries[learned->count++] = NULL;
	learned->entries[learned->count++] = entry;
}

/* The fields of an entry, or of a late fact, which are all that remains of the payload. */
static int take_apart(struct na_learned *learned, const struct na_names *names, uint8_t group,
		      struct na_wire wire, struct na_entry **ret_entry, struct na_buffer *why)
{
	size_t length = (size_t)(wire.end - wire.at);
	struct draft draft = {.names = names, .entry.group = group};
	const uint8_t *kept = copy(learned, wire.at, length);
	struct na_entry *entry;

	if (!kept)
		return no_memory(learned, why);
	draft.wire = (struct na_wire){kept, kept, kept + length, false};
	parse(learned, &draft);
	if (draft.wire.bad) {
		na_buffer_printf(why, "what follows entry %zu makes no sense", learned->count);
		return -EBADMSG;
	}
	draft.entry.number = learned->made + 1;
	entry = keep(learned, &draft);
	if (!entry)
		return no_memory(learned, why);
	learned->made++;
	*ret_entry = entry;
	return 0;
}

/* In the order of the segment: a later one counts more. */
static int add_late(struct na_learned *learned, struct na_entry *about,
		    const struct na_frame_late *frame, const struct na_entry *fields,
		    struct na_buffer *why)
{
	struct na_late made = {.first_sequence = frame->first_sequence,
			       .wall_ns = frame->wall_ns,
			       .fields = fields};
	const struct na_late **end = &about->late;
	const struct na_late *late = copy(learned, &made, sizeof(made));

	if (!late)
		return no_memory(learned, why);
	while (*end)
		end = (const struct na_late **)&(*end)->next;
	*end = late;
	about->late_count++;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

struct na_learned *na_learned_new(void)
{
	struct na_learned *learned = calloc(1, sizeof(*learned));

	if (!learned)
		return NULL;
	learned->pool.items = malloc(NA_TEXTS_MAX * sizeof(*learned->pool.items));
	if (learned->pool.items)
		return learned;
	free(learned);
	return NULL;
}

void na_learned_free(struct na_learned *learned)
{
	if (!learned)
		return;
	for (size_t i = 0; i < learned->chunk_count; i++)
		free(learned->chunks[i]);
	free(learned->entries);
	free(learned->pool.items);
	free(learned);
}

void na_learned_forget(struct na_learned *learned, uint64_t base_ns)
{
	/* Memory follows the need of the last segment, up and down. */
	while (learned->chunk_count > learned->chunk + 1)
		free(learned->chunks[--learned->chunk_count]);
	learned->chunk = 0;
	learned->used = 0;
	learned->count = 0;
	learned->base_ns = base_ns;
}

int na_learned_take(struct na_learned *learned, const struct na_names *names, struct na_wire wire,
		    const struct na_entry **ret_entry, struct na_buffer *why)
{
	uint64_t number = na_get_varint(&wire);
	const uint8_t *group = na_get_bytes(&wire, 1);
	struct na_entry *entry;
	int error;

	if (!group) {
		na_buffer_append_string(why, "an entry without a number and a group");
		return -EBADMSG;
	}
	error = check_number(learned, number, why);
	if (!error)
		error = take_apart(learned, names, *group, wire, &entry, why);
	if (error)
		return error;
	add(learned, number, entry);
	*ret_entry = entry;
	return 0;
}

int na_learned_take_late(struct na_learned *learned, const struct na_names *names,
			 const struct na_frame_late *late, struct na_buffer *why)
{
	struct na_wire wire = na_wire_of(&late->frame, sizeof(*late));
	uint64_t number = na_get_varint(&wire);
	struct na_entry *fields, *about;
	int error;

	if (wire.bad || number >= learned->count) {
		na_buffer_append_string(why, "a late fact without a time or an entry");
		return -EBADMSG;
	}
	about = learned->entries[number];
	if (about && (about->group < NA_GROUP_FIELDS || about->late_count == NA_LATE_MAX)) {
		na_buffer_printf(why, "a late fact too many of entry %" PRIu64, number);
		return -EBADMSG;
	}
	error = take_apart(learned, names, NA_GROUP_FIELDS, wire, &fields, why);
	return error || !about ? error : add_late(learned, about, late, fields, why);
}

const struct na_entry *na_learned_get(const struct na_learned *learned, uint64_t number)
{
	return number < learned->count ? learned->entries[number] : NULL;
}
