/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All windows are equally long, so that they end in the order in which they began: the keys are a
 * ring, and only its first can be due. Chains of indexes find a key.
 */
#include "ship/dedup.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "ship/arena.h"

#define CHAINS 4096u
#define NONE UINT32_MAX

/* What makes two events repeats, without the executable. No padding: it is compared as bytes. */
struct key {
	struct na_address peer;
	int64_t port;
	uint32_t type;
	uint32_t executable_length;
};

_Static_assert(sizeof(struct key) == 32, "no padding");

struct entry {
	struct key key;
	char *executable;
	uint32_t hash, next; /* in its chain */
	uint64_t begin_ns;
	uint64_t count;      /* withheld */
	struct na_mark hold; /* in front of the first of them */
	struct na_arena arena;
	struct na_event *last; /* of them, in the arena */
};

struct na_dedup {
	uint64_t window_ns;
	uint64_t first, count; /* of the ring */
	uint32_t chains[CHAINS];
	struct entry entries[NA_DEDUP_KEYS_MAX];
	struct na_arena given; /* what na_dedup_take returned last */
};

static uint32_t slot_of(uint64_t place)
{
	return (uint32_t)(place % NA_DEDUP_KEYS_MAX);
}

static bool make_key(const struct na_event *event, struct key *ret_key)
{
	bool ingress = na_event_has(event, NA_FIELD_NETWORK_DIRECTION) &&
		       event->f_NETWORK_DIRECTION.length == strlen("ingress") &&
		       memcmp(event->f_NETWORK_DIRECTION.data, "ingress", strlen("ingress")) == 0;
	enum na_field field = ingress ? NA_FIELD_SOURCE_IP : NA_FIELD_DESTINATION_IP;

	if (!na_event_has(event, field))
		return false;
	*ret_key = (struct key){
		.peer = ingress ? event->f_SOURCE_IP : event->f_DESTINATION_IP,
		.port = na_event_has(event, NA_FIELD_DESTINATION_PORT) ? event->f_DESTINATION_PORT
								       : -1,
		.type = event->type,
	};
	if (na_event_has(event, NA_FIELD_PROCESS_EXECUTABLE))
		ret_key->executable_length = (uint32_t)event->f_PROCESS_EXECUTABLE.length;
	return true;
}

static uint32_t hash_of(const struct key *key, const char *executable)
{
	return na_crc32c(na_crc32c(0, key, sizeof(*key)), executable, key->executable_length);
}

static struct entry *find(struct na_dedup *dedup, const struct key *key, const char *executable,
			  uint32_t hash)
{
	for (uint32_t at = dedup->chains[hash % CHAINS]; at != NONE; at = dedup->entries[at].next) {
		struct entry *entry = &dedup->entries[at];

		if (entry->hash == hash && memcmp(&entry->key, key, sizeof(*key)) == 0 &&
		    memcmp(entry->executable, executable, key->executable_length) == 0)
			return entry;
	}
	return NULL;
}

/* The key begins a window; without room or memory it does not. */
static void begin(struct na_dedup *dedup, const struct key *key, const char *executable,
		  uint32_t hash, uint64_t wall_ns)
{
	uint32_t slot = slot_of(dedup->first + dedup->count);
	struct entry *entry = &dedup->entries[slot];
	char *copy;

	if (dedup->count == NA_DEDUP_KEYS_MAX)
		return;
	copy = malloc(key->executable_length + 1);
	if (!copy)
		return;
	memcpy(copy, executable, key->executable_length);
	*entry = (struct entry){
		.key = *key,
		.executable = copy,
		.hash = hash,
		.next = dedup->chains[hash % CHAINS],
		.begin_ns = wall_ns,
	};
	dedup->chains[hash % CHAINS] = slot;
	dedup->count++;
}

static bool add_repeat(struct entry *entry, const struct na_event *event,
		       const struct na_mark *before)
{
	struct na_arena arena = {0};
	struct na_event *copy = na_arena_event(&arena, event, NULL, NULL);

	if (!copy) {
		na_arena_done(&arena);
		return false;
	}
	na_arena_done(&entry->arena);
	entry->arena = arena;
	entry->last = copy;
	if (!entry->count++)
		entry->hold = *before;
	return true;
}

static void unlink_first(struct na_dedup *dedup)
{
	uint32_t slot = slot_of(dedup->first);
	struct entry *entry = &dedup->entries[slot];
	uint32_t *link = &dedup->chains[entry->hash % CHAINS];

	while (*link != slot)
		link = &dedup->entries[*link].next;
	*link = entry->next;
	free(NA_TAKE_POINTER(entry->executable));
	dedup->first++;
	dedup->count--;
}

static bool is_due(const struct na_dedup *dedup, uint64_t wall_ns)
{
	uint64_t begin_ns = dedup->entries[slot_of(dedup->first)].begin_ns;
	uint64_t age_ns = wall_ns > begin_ns ? wall_ns - begin_ns : begin_ns - wall_ns;

	return age_ns >= dedup->window_ns;
}

/* ------------------------------------------------------------------------------------------- */

struct na_dedup *na_dedup_new(uint64_t window_ns)
{
	struct na_dedup *dedup = calloc(1, sizeof(*dedup));

	if (!dedup)
		return NULL;
	dedup->window_ns = window_ns;
	memset(dedup->chains, 0xff, sizeof(dedup->chains));
	return dedup;
}

void na_dedup_free(struct na_dedup *dedup)
{
	if (!dedup)
		return;
	na_dedup_forget(dedup);
	free(dedup);
}

void na_dedup_forget(struct na_dedup *dedup)
{
	na_arena_done(&dedup->given);
	while (dedup->count) {
		na_arena_done(&dedup->entries[slot_of(dedup->first)].arena);
		unlink_first(dedup);
	}
}

bool na_dedup_withhold(struct na_dedup *dedup, const struct na_event *event, uint64_t wall_ns,
		       const struct na_mark *before)
{
	const char *executable;
	struct entry *entry;
	struct key key;
	uint32_t hash;

	if (!make_key(event, &key))
		return false;
	executable = key.executable_length ? event->f_PROCESS_EXECUTABLE.data : "";
	hash = hash_of(&key, executable);
	entry = find(dedup, &key, executable, hash);
	if (entry)
		return add_repeat(entry, event, before);
	begin(dedup, &key, executable, hash, wall_ns);
	return false;
}

const struct na_event *na_dedup_take(struct na_dedup *dedup, uint64_t wall_ns,
				     struct na_mark *ret_hold)
{
	na_arena_done(&dedup->given);
	while (dedup->count && (wall_ns == UINT64_MAX || is_due(dedup, wall_ns))) {
		struct entry *entry = &dedup->entries[slot_of(dedup->first)];
		struct na_event *event = entry->last;

		dedup->given = entry->arena;
		entry->arena = (struct na_arena){0};
		unlink_first(dedup);
		if (!entry->count)
			continue;
		NA_SET(event, NA_DEDUP_COUNT, (int64_t)entry->count);
		*ret_hold = entry->hold;
		return event;
	}
	return NULL;
}

const struct na_mark *na_dedup_hold(const struct na_dedup *dedup)
{
	const struct na_mark *earliest = NULL;

	for (uint64_t i = 0; i < dedup->count; i++) {
		const struct entry *entry = &dedup->entries[slot_of(dedup->first + i)];

		if (entry->count)
			earliest =
				earliest ? na_mark_earlier(earliest, &entry->hold) : &entry->hold;
	}
	return earliest;
}
