/* SPDX-License-Identifier: Apache-2.0 */
/* Events of any type, with any fields, and hostile texts. */
#include "random_event.h"

#include "base/field.h"

#define TEXT_LENGTH_MAX 100
#define TEXTS_MAX 4
#define PLAIN_MORSELS 3 /* the first ones */

uint64_t na_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Whole characters, parts of such, controls, and any byte at all. */
static const char *const morsels[] = {
	"a",
	"curl",
	"/usr/bin/",
	"\"",
	"\\",
	"\n",
	"\033[2J",
	"\177",
	"\xc2\x9b",
	"\xc2\xa0",
	"\xc3\xa9",
	"\xe2\x82\xac",
	"\xe2\x80\xae",
	"\xe2\x80\xa8",
	"\xf0\x9f\x98\x80",
	"e\xcc\x81",
	"\xe5\x90\x8d",
	"\xe2\x82",
	"\xf0\x9f\x98",
	"\xc0\xaf",
	"\xe0\x80\xaf",
	"\xf0\x80\x80\xaf",
	"\xed\xa0\x80",
	"\xf4\x90\x80\x80",
	"\xff",
	"\x80",
	"\xf3\xa0\x80\x81",
	"        ",
};

#define MORSELS (sizeof(morsels) / sizeof(*morsels))

static struct na_text random_text(struct na_random_event *random, uint64_t *state)
{
	size_t wanted = na_random(state) % TEXT_LENGTH_MAX;
	size_t start = random->bytes_used;
	bool plain = na_random(state) % 3 == 0;

	while (random->bytes_used - start < wanted) {
		size_t which = na_random(state) % (plain ? PLAIN_MORSELS : MORSELS + 3);

		if (which < MORSELS) {
			size_t length = strlen(morsels[which]);

			memcpy(random->bytes + random->bytes_used, morsels[which], length);
			random->bytes_used += length;
		} else {
			random->bytes[random->bytes_used++] = (char)na_random(state);
		}
	}
	return (struct na_text){random->bytes + start, random->bytes_used - start};
}

static struct na_texts random_texts(struct na_random_event *random, bool addresses, uint64_t *state)
{
	struct na_text *items = random->items + random->items_used;
	size_t count = na_random(state) % TEXTS_MAX;

	for (size_t i = 0; i < count; i++)
		items[i] = addresses
				   ? na_text_of(na_random(state) % 2 ? "192.0.2.1" : "2001:db8::1")
				   : random_text(random, state);
	random->items_used += count;
	return (struct na_texts){items, count};
}

static struct na_address random_address(uint64_t *state)
{
	struct na_address address = {{[10] = 0xff, [11] = 0xff}};
	size_t first = na_random(state) % 2 ? 12 : 0;

	for (size_t i = first; i < sizeof(address.bytes); i++)
		address.bytes[i] = na_random(state) % 3 ? 0 : (uint8_t)na_random(state);
	return address;
}

/* Limits and small numbers as often as any. */
static uint64_t random_number(uint64_t *state)
{
	static const uint64_t limits[] = {0,         1, 9, 10, 443, INT64_MAX, (uint64_t)INT64_MIN,
					  UINT64_MAX};
	uint64_t choice = na_random(state) % 16;

	if (choice < sizeof(limits) / sizeof(*limits))
		return limits[choice];
	return na_random(state) >> na_random(state) % 64;
}

static void set_random(struct na_random_event *random, enum na_field field, uint64_t *state)
{
	const struct na_field_row *row = &na_field_rows[field];
	void *value = (char *)&random->event + row->offset;

	na_event_mark(&random->event, field);
	switch (row->type) {
	case NA_TYPE_KEYWORD:
		*(na_type_KEYWORD *)value = random_text(random, state);
		break;
	case NA_TYPE_KEYWORDS:
		*(na_type_KEYWORDS *)value =
			random_texts(random, row->traits & NA_TRAIT_ADDRESSES, state);
		break;
	case NA_TYPE_LONG:
		*(na_type_LONG *)value = (int64_t)random_number(state);
		break;
	case NA_TYPE_ID:
	case NA_TYPE_DATE:
		*(na_type_ID *)value = random_number(state);
		break;
	case NA_TYPE_IP:
		*(na_type_IP *)value = random_address(state);
		break;
	case NA_TYPE_BOOLEAN:
		*(na_type_BOOLEAN *)value = na_random(state) % 2;
		break;
	case NA_TYPE_OBJECT:
		*(na_type_OBJECT *)value = na_text_of("{\"one\":1,\"two\":\"2\"}");
		break;
	case NA_TYPE_COUNT:
		break;
	}
}

/* ------------------------------------------------------------------------------------------- */

void na_random_event_make(struct na_random_event *random, unsigned int percent, uint64_t *state)
{
	random->bytes_used = random->items_used = 0;
	na_event_init(&random->event, (enum na_event_type)(na_random(state) % NA_EVENT_COUNT), 0);
	for (int i = 0; i < NA_FIELD_COUNT; i++)
		if (i == NA_FIELD_TIMESTAMP || (!na_event_has(&random->event, (enum na_field)i) &&
						na_random(state) % 100 < percent))
			set_random(random, (enum na_field)i, state);
}
