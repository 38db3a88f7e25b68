/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON objects, a line each.
 *
 * Keys are texts that are made beforehand (keys.c); what is left is copying them and writing
 * values.
 *
 * Most values are known from before: constants, and parts of the event (event_parts.h). They are
 * kept as text, with what stands between them, and copied in runs: as many fields at a time as
 * follow each other in the event as they do there. What is in front of a run depends on what was
 * written last, as for a single field; the plan (plan.c) knows it.
 */
#include "format/object.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/field.h"
#include "format/flatten.h"
#include "format/fragment.h"
#include "format/json.h"
#include "format/keys.h"
#include "format/plan.h"

struct na_object {
	struct na_keys keys;
	struct na_plans plans;
	struct na_json_second second;
	struct na_fragment *constants;
	struct na_fragments fragments;
	struct na_buffer text; /* of the fragment that is made */
	bool dotted;
};

/* An event on its way: what the plan is made of, and the texts of its sources. */
struct job {
	const struct na_event *event;
	struct na_plan_of of;
	const struct na_fragment *sources[NA_PLAN_SOURCES_MAX];
};

/* Of types whose values have no bound. */
static void append_value(const struct na_object *object, struct na_buffer *out, const void *value,
			 enum na_field field)
{
	const struct na_field_row *row = &na_field_rows[field];

	if (row->type == NA_TYPE_KEYWORD)
		na_json_append_text(out, *(const na_type_KEYWORD *)value);
	else if (row->type == NA_TYPE_KEYWORDS)
		na_json_append_texts(out, value);
	else if (na_keys_are_in_value(field, object->dotted))
		na_flatten_append(out, row->path, *(const na_type_OBJECT *)value);
	else if (row->type == NA_TYPE_OBJECT)
		na_buffer_append(out, ((const na_type_OBJECT *)value)->data,
				 ((const na_type_OBJECT *)value)->length);
}

/* Of the others; `to` where it has such a type. */
static char *put_value(struct na_object *object, char *to, const void *value, enum na_type type)
{
	switch (type) {
	case NA_TYPE_LONG:
		return na_json_put_long(to, *(const na_type_LONG *)value);
	case NA_TYPE_ID:
		return na_json_put_id(to, *(const na_type_ID *)value);
	case NA_TYPE_IP:
		return na_json_put_address(to, value);
	case NA_TYPE_DATE:
		return na_json_put_date(to, *(const na_type_DATE *)value, &object->second);
	case NA_TYPE_BOOLEAN:
		return na_json_put_boolean(to, *(const na_type_BOOLEAN *)value);
	default:
		return to;
	}
}

/* *ret_place: of the value. false: it is empty, and nothing was appended. */
static bool append_field(struct na_object *object, struct na_buffer *out,
			 const struct na_event *event, const struct na_step *step,
			 struct na_fragment_place *ret_place)
{
	enum na_field field = (enum na_field)step->field;
	const void *value = na_field_value(event, field);
	size_t before = out->length, start;
	char *to;

	if (na_buffer_reserve(out, NA_KEY_ROOM + NA_JSON_PUT_MAX) < 0)
		return true;
	to = na_key_put(out->data + before, &step->key);
	start = (size_t)(to - out->data);
	to = put_value(object, to, value, na_field_rows[field].type);
	out->length = (size_t)(to - out->data);
	if (out->length == start)
		append_value(object, out, value, field);
	*ret_place = (struct na_fragment_place){(uint32_t)start, (uint32_t)out->length};
	return out->length > start;
}

static void append_run(struct na_buffer *out, const struct na_fragment *fragment,
		       const struct na_step *step)
{
	size_t start = fragment->places[step->first].start;
	size_t length = fragment->places[step->last].end - start;
	char *to;

	if (na_buffer_reserve(out, NA_KEY_ROOM + length) < 0)
		return;
	to = na_key_put(out->data + out->length, &step->key);
	memcpy(to, fragment->text + start, length);
	out->length = (size_t)(to - out->data) + length;
}

/* Behind a comma, without the end. `places`: of the values that are not copied; NULL: no matter. */
static const struct na_plan *append_fields(struct na_object *object, struct na_buffer *out,
					   struct job *job, struct na_fragment_place *places)
{
	const struct na_plan *plan = na_plans_get(&object->plans, &object->keys, &job->of);
	struct na_fragment_place unused, *place = places;
	size_t before = out->length;

	for (const struct na_step *step = plan->steps; step < plan->steps + plan->count; step++) {
		if (step->source < NA_PLAN_SOURCES_MAX) {
			append_run(out, job->sources[step->source], step);
		} else if (!append_field(object, out, job->event, step,
					 places ? place++ : &unused)) {
			/* As if the event had it not. */
			out->length = before;
			job->of.written[step->field / 64] &= ~(UINT64_C(1) << step->field % 64);
			return append_fields(object, out, job, places);
		}
	}
	return plan;
}

/* Those of the fields that are not empty; of a text that is too long none. NULL: out of memory. */
static struct na_fragment *render(struct na_object *object, const struct na_event *event,
				  const struct na_event_part *part, size_t text_max)
{
	static const uint64_t nothing[NA_EVENT_WORDS];
	struct na_fragment_place places[NA_FIELD_COUNT];
	struct job job;
	struct na_buffer *text = &object->text;
	size_t count;

	job.event = event;
	job.of.count = 0;
	memcpy(job.of.written, part->fields, sizeof(job.of.written));
	na_buffer_clear(text);
	count = append_fields(object, text, &job, places)->count;
	if (na_buffer_error(text))
		return NULL;
	if (text->length > text_max)
		return na_fragment_new(part->number, nothing, NULL, 0, (struct na_text){0});
	return na_fragment_new(part->number, job.of.written, places, count,
			       (struct na_text){text->data, text->length});
}

static bool is_used(const struct job *job, const struct na_fragment *fragment)
{
	for (size_t i = 0; i < job->of.count; i++)
		if (job->sources[i] == fragment)
			return true;
	return false;
}

/* Of the event's part; a long one is better rendered each time. NULL: it has none. */
static const struct na_fragment *get_fragment(struct na_object *object, const struct job *job,
					      const struct na_event_part *part)
{
	struct na_fragment **slot = na_fragments_at(&object->fragments, part->number), *made;

	if (*slot && (*slot)->number == part->number)
		return *slot;
	if (is_used(job, *slot)) /* another part of the same event has its place */
		return NULL;
	made = render(object, job->event, part, NA_FRAGMENT_TEXT_MAX);
	if (made) {
		free(*slot);
		*slot = made;
	}
	return made;
}

/* Not one with a field that is not written at all: that would be copied along with others. */
static void add_source(struct job *job, const uint64_t *fields, const struct na_fragment *fragment)
{
	for (size_t word = 0; word < NA_EVENT_WORDS; word++)
		if (fragment->has[word] & ~job->of.written[word])
			return;
	for (size_t word = 0; word < NA_EVENT_WORDS; word++) {
		job->of.sources[job->of.count].has[word] = fragment->has[word];
		job->of.sources[job->of.count].copied[word] = fields[word] & fragment->has[word];
	}
	job->sources[job->of.count++] = fragment;
}

/* Not cleared before: most of it is not used. */
static void prepare(struct na_object *object, struct job *job, const struct na_event *event,
		    const struct na_event_parts *parts)
{
	const uint64_t *present = event->present;
	uint64_t absent[NA_EVENT_WORDS];

	job->event = event;
	job->of.count = 0;
	for (size_t word = 0; word < NA_EVENT_WORDS; word++) {
		job->of.written[word] = present[word] | object->constants->has[word];
		absent[word] = ~present[word];
	}
	add_source(job, absent, object->constants);
	for (size_t i = 0; parts && i < parts->count; i++) {
		const struct na_fragment *fragment = get_fragment(object, job, &parts->items[i]);

		if (fragment)
			add_source(job, parts->items[i].fields, fragment);
	}
}

static void append_end(const struct na_plan *plan, struct na_buffer *out)
{
	if (!plan->count)
		na_buffer_append_char(out, '{');
	na_buffer_append(out, "}}}}", plan->ends);
	na_buffer_append(out, "}\n", 2);
}

/* ------------------------------------------------------------------------------------------- */

struct na_object *na_object_new(const struct na_event *constants, bool dotted)
{
	struct na_object *object = calloc(1, sizeof(*object));
	struct na_event_part part = {.number = 0};

	if (!object)
		return NULL;
	object->dotted = dotted;
	if (constants)
		memcpy(part.fields, constants->present, sizeof(part.fields));
	if (na_keys_init(&object->keys, dotted) == 0)
		object->constants = render(object, constants, &part, SIZE_MAX);
	if (object->constants)
		return object;
	na_object_free(object);
	return NULL;
}

void na_object_free(struct na_object *object)
{
	if (!object)
		return;
	na_keys_done(&object->keys);
	na_buffer_done(&object->text);
	na_fragments_done(&object->fragments);
	free(object->constants);
	free(object);
}

int na_object_encode(struct na_object *object, const struct na_event *event,
		     const struct na_event_parts *parts, struct na_buffer *out)
{
	struct job job;
	size_t before = out->length;

	if (na_buffer_error(out))
		return na_buffer_error(out);
	prepare(object, &job, event, parts);
	append_end(append_fields(object, out, &job, NULL), out);
	if (!na_buffer_error(out)) {
		out->data[before] = '{';
		return 0;
	}
	out->length = before;
	out->error = 0;
	return -ENOMEM;
}
