/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a YAML document: its keys become values of rows. One thread. */
#ifndef NA_LOAD_H
#define NA_LOAD_H

#include "config/config_internal.h"

/* Where the walk is. */
struct na_loader {
	struct na_config *config;
	yaml_document_t *document;
	const char *file;
	struct na_config_errors *errors;
	const struct na_rows *rows; /* that keys are looked up in */
	size_t row_tables;
	const char *within; /* "outputs.siem"; NULL: the file's own keys */
	bool partial;       /* the rows are not all that there are: an output of no known type */
};

static inline struct na_place na_load_place(const struct na_loader *loader, const yaml_node_t *node)
{
	struct na_place place = na_place_of(loader->file, &node->start_mark);

	place.within = loader->within;
	return place;
}

static inline yaml_node_t *na_load_node(const struct na_loader *loader, int index)
{
	return yaml_document_get_node(loader->document, index);
}

/* One more mistake, at the node. */
void na_load_refuse(const struct na_loader *loader, const yaml_node_t *node, const char *path,
		    const char *message);

/* The value of a key in a mapping; NULL: it is not there. */
yaml_node_t *na_load_value(const struct na_loader *loader, const yaml_node_t *mapping,
			   const char *key);

/*
 * All of these return 0 or -ENOMEM; mistakes are in `errors`. A section is a mapping whose keys
 * continue the path `section`, "" at the top.
 */
int na_load_section(const struct na_loader *loader, yaml_node_t *node, const char *section);

/* {mode: …, sample: …} of a hook as one text (hooks.h), empty after a mistake. */
int na_load_hook(const struct na_loader *loader, const struct na_option *option,
		 const yaml_node_t *mapping, struct na_buffer *ret_text);

/* The list of outputs, appended to those of the configuration. */
int na_load_outputs(const struct na_loader *loader, const struct na_option *option,
		    yaml_node_t *node);

/* The whole document, or a node as the value of one option of the configuration. */
int na_load_document(struct na_config *config, yaml_document_t *document, const char *file,
		     struct na_config_errors *errors);
int na_load_option(struct na_config *config, const struct na_option *option,
		   yaml_document_t *document, yaml_node_t *node, const char *file,
		   struct na_config_errors *errors);

#endif
