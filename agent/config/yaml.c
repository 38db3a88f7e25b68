/* SPDX-License-Identifier: Apache-2.0 */
/* One YAML document by libyaml, its complaints as mistakes with a place. */
#include <errno.h>

#include "base/cleanup.h"
#include "config/config_internal.h"

static void parser_done(yaml_parser_t *parser)
{
	yaml_parser_delete(parser);
}

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

/* ------------------------------------------------------------------------------------------- */

int na_yaml_parse(struct na_text text, const char *file, const char *path,
		  struct na_config_errors *errors, yaml_document_t *ret_document)
{
	const struct source source = {text, file, path, errors};
	NA_CLEANUP(parser_done) yaml_parser_t parser = {0};
	yaml_document_t document;
	int error = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.length);
	if (!yaml_parser_load(&parser, &document))
		return complain(&source, &parser);
	if (yaml_document_get_root_node(&document))
		error = expect_end(&source, &parser);
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
