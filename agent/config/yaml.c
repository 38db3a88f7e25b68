/* SPDX-License-Identifier: Apache-2.0 */
/* One YAML document by libyaml, its complaints as mistakes with a place. */
#include <errno.h>

#include "base/cleanup.h"
#include "config/config_internal.h"

static void parser_done(yaml_parser_t *parser)
{
	yaml_parser_delete(parser);
}

#define DEPTH_MAX 16
#define ANCHORS_MAX 256

struct source {
	struct na_text text;
	const char *file, *path;
	struct na_config_errors *errors;
};

/* The reader, unlike the parser, knows only the offset of the byte it does not like. */
static yaml_mark_t mark_of_offset(struct na_text text, size_t offset)
{
	yaml_mark_t mark = {0};

	for (size_t i = 0; i < offset && i < text.length; i++) {
		mark.column += ((unsigned char)text.data[i] & 0xc0) != 0x80;
		if (text.data[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static bool has_anchor(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor;
	default:
		return false;
	}
}

/* What of it makes a document costly. */
struct measure {
	size_t depth, anchors;
};

static int measure(const struct source *source, const yaml_event_t *event, struct measure *measure)
{
	struct na_place place = na_place_of(source->file, &event->start_mark);
	yaml_event_type_t type = event->type;

	measure->depth += type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
	measure->depth -= type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
	measure->anchors += has_anchor(event);
	if (measure->depth <= DEPTH_MAX && measure->anchors <= ANCHORS_MAX)
		return 0;
	if (measure->depth > DEPTH_MAX)
		na_mistake(source->errors, &place, source->path, "nested deeper than %d",
			   DEPTH_MAX);
	else
		na_mistake(source->errors, &place, source->path, "more than %d anchors",
			   ANCHORS_MAX);
	return -EINVAL;
}

/*
 * A document is loaded in a time that grows with the square of its depth, and of its anchors:
 * minutes for a file of brackets. So both are looked at first. What is not YAML is left to the
 * load.
 */
static int refuse_costly(const struct source *source)
{
	NA_CLEANUP(parser_done) yaml_parser_t parser = {0};
	yaml_event_type_t type = YAML_NO_EVENT;
	struct measure sofar = {0};
	yaml_event_t event;
	int error = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)source->text.data,
				     source->text.length);
	while (type != YAML_STREAM_END_EVENT && !error) {
		if (!yaml_parser_parse(&parser, &event))
			return parser.error == YAML_MEMORY_ERROR ? -ENOMEM : 0;
		type = event.type;
		error = measure(source, &event, &sofar);
		yaml_event_delete(&event);
	}
	return error;
}

static int complain(const struct source *source, const yaml_parser_t *parser)
{
	const char *context = parser->context ? parser->context : "";
	yaml_mark_t mark = parser->problem_mark;
	struct na_place place;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		mark = mark_of_offset(source->text, parser->problem_offset);
	place = na_place_of(source->file, &mark);
	na_mistake(source->errors, &place, source->path, "not YAML: %s%s%s", context,
		   *context ? ", " : "", parser->problem ? parser->problem : "unknown");
	return -EINVAL;
}

/* There must be no second document: nobody would read it. */
static int expect_end(const struct source *source, yaml_parser_t *parser)
{
	yaml_document_t document;
	yaml_node_t *root;
	int error = 0;

	if (!yaml_parser_load(parser, &document))
		return complain(source, parser);
	root = yaml_document_get_root_node(&document);
	if (root) {
		struct na_place place = na_place_of(source->file, &root->start_mark);

		na_mistake(source->errors, &place, source->path,
			   "a second document: there can be only one");
		error = -EINVAL;
	}
	yaml_document_delete(&document);
	return error;
}

static bool has_tag(const yaml_node_t *node)
{
	static const char *const usual[] = {
		[YAML_SCALAR_NODE] = YAML_DEFAULT_SCALAR_TAG,
		[YAML_SEQUENCE_NODE] = YAML_DEFAULT_SEQUENCE_TAG,
		[YAML_MAPPING_NODE] = YAML_DEFAULT_MAPPING_TAG,
	};

	return node->type != YAML_NO_NODE &&
	       strcmp((const char *)node->tag, usual[node->type]) != 0;
}

/* !tags would have to mean something. */
static int refuse_tags(const struct source *source, const yaml_document_t *document)
{
	size_t before = source->errors->count;

	for (const yaml_node_t *node = document->nodes.start;
	     node < document->nodes.top && !na_mistakes_full(source->errors); node++) {
		struct na_place place = na_place_of(source->file, &node->start_mark);

		if (has_tag(node))
			na_mistake(source->errors, &place, source->path,
				   "tags that begin with ! mean nothing here");
	}
	return source->errors->count > before ? -EINVAL : 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_yaml_parse(struct na_text text, const char *file, const char *path,
		  struct na_config_errors *errors, yaml_document_t *ret_document)
{
	const struct source source = {text, file, path, errors};
	NA_CLEANUP(parser_done) yaml_parser_t parser = {0};
	yaml_document_t document;
	int error = refuse_costly(&source);

	if (error)
		return error;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.length);
	if (!yaml_parser_load(&parser, &document))
		return complain(&source, &parser);
	if (yaml_document_get_root_node(&document))
		error = expect_end(&source, &parser);
	if (!error)
		error = refuse_tags(&source, &document);
	if (error) {
		yaml_document_delete(&document);
		return error;
	}
	*ret_document = document;
	return 0;
}

bool na_yaml_is_null(const yaml_node_t *node)
{
	struct na_text text;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	text = na_yaml_text(node);
	return !text.length || (text.length == 1 && *text.data == '~') ||
	       (text.length == 4 && memcmp(text.data, "null", 4) == 0);
}
