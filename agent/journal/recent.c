/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table with one place for all groups of the same mark, which says nothing but where to look: the
 * values are compared. Those of a process and its user are not, where the event says of what they
 * were made. Texts are copied, but for constants of the program, which stay where they are: of one
 * that comes again from the same place no byte is looked at.
 */
#include "journal/recent.h"

#include <link.h>
#include <stdlib.h>

#include "base/field.h"
#include "journal/value.h"

#define PLACES 256u      /* of each group */
#define BYTES_MAX 16384u /* of a place: longer ones are serialised each time */

/* Of a field: texts of it are ours or constants. */
struct kept {
	uint32_t offset; /* in struct na_event */
	uint32_t width;  /* of what is no text */
	union na_value value;
};

struct place {
	uint64_t fields[NA_PRESENT_WORDS];
	uint64_t age;                    /* of the table, when it was kept; 0: empty */
	struct na_process_origin origin; /* process 0: what is kept counts */
	struct na_text more[NA_RECENT_MORE];
	struct kept *kept; /* behind them what texts and lists point to */
	size_t size;
	uint32_t texts, lists, values; /* so many of each, in this order */
	uint32_t number;
};

struct na_recent {
	uint64_t age;
	uintptr_t constants, constants_end; /* memory of the program that nobody can write */
	struct place places[NA_GROUP_COUNT][PLACES];
};

enum kind { KIND_TEXT, KIND_LIST, KIND_VALUE };

static enum kind kind_of(size_t field)
{
	switch (na_field_rows[field].type) {
	case NA_TYPE_KEYWORD:
	case NA_TYPE_OBJECT:
		return KIND_TEXT;
	case NA_TYPE_KEYWORDS:
		return KIND_LIST;
	default:
		return KIND_VALUE;
	}
}

static uint64_t word_at(const void *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* ---- Comparing */

static inline bool same_text(const struct na_text *a, const struct na_text *b)
{
	return a->length == b->length &&
	       (a->data == b->data || !a->length || memcmp(a->data, b->data, a->length) == 0);
}

static bool same_list(const struct na_texts *a, const struct na_texts *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; a->items != b->items && i < a->count; i++)
		if (!same_text(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static bool same_values(const struct place *place, const struct na_event *event)
{
	const struct kept *kept = place->kept, *end = kept + place->texts;
	const char *base = (const char *)event;

	for (; kept < end; kept++)
		if (!same_text(&kept->value.text, (const struct na_text *)(base + kept->offset)))
			return false;
	for (end += place->lists; kept < end; kept++)
		if (!same_list(&kept->value.texts, (const struct na_texts *)(base + kept->offset)))
			return false;
	for (end += place->values; kept < end; kept++)
		if (memcmp(&kept->value, base + kept->offset, kept->width) != 0)
			return false;
	return true;
}

static bool same_more(const struct place *place, const struct na_recent_group *group)
{
	for (size_t i = 0; i < NA_RECENT_MORE; i++)
		if (!same_text(&place->more[i], &group->more[i]))
			return false;
	return true;
}

/* ---- Keeping */

static bool is_constant(const struct na_recent *recent, const void *data, size_t length)
{
	uintptr_t at = (uintptr_t)data;

	return length && at >= recent->constants && at + length <= recent->constants_end;
}

/* Where copies go; without `text` it is only counted. */
struct room {
	const struct na_recent *recent;
	struct na_text *item;
	char *text;
	size_t items, bytes;
};

static struct na_text keep_text(struct room *room, const struct na_text *text)
{
	char *at = room->text;

	if (is_constant(room->recent, text->data, text->length))
		return *text;
	room->bytes += text->length;
	if (!at)
		return *text;
	if (text->length)
		memcpy(at, text->data, text->length);
	room->text += text->length;
	return (struct na_text){at, text->length};
}

static struct na_texts keep_list(struct room *room, const struct na_texts *texts)
{
	struct na_text *items = room->item;

	if (is_constant(room->recent, texts->items, texts->count * sizeof(*texts->items)))
		return *texts;
	room->items += texts->count;
	for (size_t i = 0; i < texts->count; i++) {
		struct na_text text = keep_text(room, &texts->items[i]);

		if (room->text)
			*room->item++ = text;
	}
	return (struct na_texts){items, texts->count};
}

static struct kept keep_field(struct room *room, const struct na_event *event, size_t field)
{
	const struct na_field_row *row = &na_field_rows[field];
	const void *value = na_field_value(event, (enum na_field)field);
	struct kept kept = {.offset = (uint32_t)row->offset,
			    .width = (uint32_t)na_stored_width(row->type)};

	switch (kind_of(field)) {
	case KIND_TEXT:
		kept.value.text = keep_text(room, value);
		break;
	case KIND_LIST:
		kept.value.texts = keep_list(room, value);
		break;
	case KIND_VALUE:
		memcpy(&kept.value, value, kept.width);
		break;
	}
	return kept;
}

/* All of one kind; `kept` NULL: they are counted. Returns how many. */
static uint32_t keep_kind(struct room *room, const struct na_event *event,
			  const struct na_recent_group *group, enum kind kind, struct kept *kept)
{
	uint32_t count = 0;

	for (size_t word = 0; word < NA_PRESENT_WORDS; word++)
		for (uint64_t bits = group->fields[word]; bits; bits &= bits - 1) {
			size_t field = 64 * word + (size_t)__builtin_ctzll(bits);
			struct kept one;

			if (kind_of(field) != kind)
				continue;
			one = keep_field(room, event, field);
			if (kept)
				kept[count] = one;
			count++;
		}
	return count;
}

static void keep_all(struct room *room, struct place *place, const struct na_event *event,
		     const struct na_recent_group *group, struct kept *kept)
{
	place->texts = keep_kind(room, event, group, KIND_TEXT, kept);
	place->lists = keep_kind(room, event, group, KIND_LIST, kept ? kept + place->texts : NULL);
	place->values = keep_kind(room, event, group, KIND_VALUE,
				  kept ? kept + place->texts + place->lists : NULL);
	for (size_t i = 0; i < NA_RECENT_MORE; i++)
		place->more[i] = keep_text(room, &group->more[i]);
}

/* False: they are too many, or there is no memory. */
static bool keep_values(const struct na_recent *recent, struct place *place,
			const struct na_event *event, const struct na_recent_group *group)
{
	struct room count = {.recent = recent}, room = {.recent = recent};
	size_t size, fields;

	keep_all(&count, place, event, group, NULL);
	fields = place->texts + place->lists + place->values;
	size = fields * sizeof(struct kept) + count.items * sizeof(struct na_text) + count.bytes;
	if (!size || size > BYTES_MAX)
		return false;
	if (size > place->size) {
		free(place->kept);
		place->kept = malloc(size);
		place->size = place->kept ? size : 0;
	}
	if (!place->kept)
		return false;
	room.item = (struct na_text *)(place->kept + fields);
	room.text = (char *)(room.item + count.items);
	keep_all(&room, place, event, group, place->kept);
	return true;
}

/* ---- Places */

/* Of what the group is made, where the event says it. */
static struct na_process_origin origin_of(const struct na_event *event, enum na_group group)
{
	if (group == NA_GROUP_PROCESS)
		return event->origin;
	if (group == NA_GROUP_USER)
		return (struct na_process_origin){.process = event->user_origin};
	return (struct na_process_origin){0};
}

static uint64_t number_of(const struct na_event *event, enum na_field field)
{
	return na_event_has(event, field) ? word_at(na_field_value(event, field)) : 0;
}

static size_t length_of(const struct na_event *event, enum na_field field)
{
	const struct na_text *text = na_field_value(event, field);

	return na_event_has(event, field) ? text->length : 0;
}

static struct place *place_of(struct na_recent *recent, const struct na_event *event,
			      enum na_group group)
{
	uint64_t mark;

	switch (group) {
	case NA_GROUP_SHAPE:
		mark = event->type + 7 * length_of(event, NA_FIELD_NETWORK_DIRECTION) +
		       31 * length_of(event, NA_FIELD_NA_SOURCE) +
		       37 * number_of(event, NA_FIELD_NA_SOCKET_NETNS);
		break;
	case NA_GROUP_CREATOR:
		mark = number_of(event, NA_FIELD_NA_CREATOR_PID);
		break;
	case NA_GROUP_CLOSER:
		mark = number_of(event, NA_FIELD_NA_CLOSER_PID);
		break;
	default:
		mark = number_of(event, NA_FIELD_PROCESS_PID);
	}
	return &recent->places[group][mark % PLACES];
}

/*
 * The program comes first; what follows is loaded at run time, and might be unloaded. What can be
 * written only while it is relocated lies behind what never can.
 */
static int find_constants(struct dl_phdr_info *program, size_t size, void *context)
{
	struct na_recent *recent = context;
	uintptr_t end = 0, writable = 0;

	(void)size;
	for (int i = 0; i < program->dlpi_phnum && !writable; i++) {
		const ElfW(Phdr) *segment = &program->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD)
			continue;
		if (segment->p_flags & PF_W) /* they are in order of address */
			writable = segment->p_vaddr;
		else
			end = segment->p_vaddr + segment->p_memsz;
	}
	for (int i = 0; i < program->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &program->dlpi_phdr[i];

		if (segment->p_type == PT_GNU_RELRO && segment->p_vaddr == writable)
			end = segment->p_vaddr + segment->p_memsz;
	}
	recent->constants = program->dlpi_addr;
	recent->constants_end = program->dlpi_addr + end;
	return 1;
}

/* ------------------------------------------------------------------------------------------- */

struct na_recent *na_recent_new(void)
{
	struct na_recent *recent = calloc(1, sizeof(*recent));

	if (!recent)
		return NULL;
	recent->age = 1;
	dl_iterate_phdr(find_constants, recent);
	return recent;
}

void na_recent_free(struct na_recent *recent)
{
	if (!recent)
		return;
	for (size_t group = 0; group < NA_GROUP_COUNT; group++)
		for (size_t i = 0; i < PLACES; i++)
			free(recent->places[group][i].kept);
	free(recent);
}

bool na_recent_find(struct na_recent *recent, const struct na_event *event,
		    const struct na_recent_group *group, uint32_t *ret_number)
{
	const struct place *place = place_of(recent, event, group->group);
	struct na_process_origin origin = origin_of(event, group->group);

	if (place->age != recent->age ||
	    memcmp(place->fields, group->fields, sizeof(place->fields)) != 0 ||
	    memcmp(&place->origin, &origin, sizeof(origin)) != 0)
		return false;
	if (!origin.process && (!same_more(place, group) || !same_values(place, event)))
		return false;
	*ret_number = place->number;
	return true;
}

void na_recent_keep(struct na_recent *recent, const struct na_event *event,
		    const struct na_recent_group *group, uint32_t number)
{
	struct place *place = place_of(recent, event, group->group);

	place->origin = origin_of(event, group->group);
	place->age = recent->age;
	if (!place->origin.process && !keep_values(recent, place, event, group))
		place->age = 0;
	place->number = number;
	memcpy(place->fields, group->fields, sizeof(place->fields));
}

void na_recent_forget(struct na_recent *recent)
{
	recent->age++;
}

size_t na_recent_memory(const struct na_recent *recent)
{
	size_t bytes = sizeof(*recent);

	for (size_t group = 0; group < NA_GROUP_COUNT; group++)
		for (size_t i = 0; i < PLACES; i++)
			bytes += recent->places[group][i].size;
	return bytes;
}
