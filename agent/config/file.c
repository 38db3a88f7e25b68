/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files, and folders of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "config/config_internal.h"
#include "config/load.h"

#define FILE_MAX (1 << 20)
#define DESCRIPTOR_MAX (64 << 20) /* whole configurations, of many files */
#define CHUNK_SIZE 4096

/* -EFBIG above `max`. Pipes are welcome, so the size is not asked for. */
static int read_all(int fd, size_t max, struct na_buffer *content)
{
	ssize_t got = 1;

	while (got != 0) {
		if (content->length > max)
			return -EFBIG;
		if (na_buffer_reserve(content, CHUNK_SIZE) < 0)
			return -ENOMEM;
		got = read(fd, content->data + content->length, CHUNK_SIZE);
		if (got < 0 && errno != EINTR)
			return -errno;
		content->length += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static int read_file(const char *path, struct na_buffer *content)
{
	NA_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : read_all(fd, FILE_MAX, content);
}

/* Keeps a copy of the name as long as the configuration lives: origins point to it. */
static int keep_name(struct na_config_state *state, const char *path, const char **ret_name)
{
	char **files = reallocarray(state->files, state->file_count + 1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	state->files = files;
	files[state->file_count] = strdup(path);
	if (!files[state->file_count])
		return -ENOMEM;
	*ret_name = files[state->file_count++];
	return 0;
}

static int refuse_file(const char *path, int error, int max, struct na_config_errors *errors)
{
	struct na_place place = {path, 0, 0, NULL};
	size_t before = errors->count;

	if (error == -ENOMEM)
		return error;
	if (error == -EFBIG)
		na_mistake(errors, &place, "", "larger than %d bytes", max);
	else
		na_mistake(errors, &place, "", "cannot be read: %s", strerrordesc_np(-error));
	return na_mistakes_result(errors, before);
}

static int load_content(struct na_config *config, const char *path, struct na_text content,
			struct na_config_errors *errors)
{
	yaml_document_t document;
	const char *name;
	int error = keep_name(config->state, path, &name);

	if (!error)
		error = na_yaml_parse(content, name, "", errors, &document);
	if (error)
		return error;
	error = na_load_document(config, &document, name, errors);
	yaml_document_delete(&document);
	return error;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length > tail && strcmp(name + length - tail, end) == 0;
}

/* .yml is taken along to be refused: whoever wrote one expects it to be read. */
static int is_wanted(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (ends_with(entry->d_name, ".yaml") || ends_with(entry->d_name, ".yml"));
}

/* Not alphasort: that one follows the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_entry(struct na_config *config, const char *folder, const char *name,
		      struct na_config_errors *errors)
{
	size_t before = errors->count;
	NA_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (ends_with(name, ".yaml"))
		return na_config_load_file(config, path, errors);
	na_mistake(errors, &(struct na_place){path, 0, 0, NULL}, "",
		   "not read: only names that end in .yaml are");
	return na_mistakes_result(errors, before);
}

/* ------------------------------------------------------------------------------------------- */

int na_config_load_file(struct na_config *config, const char *path, struct na_config_errors *errors)
{
	NA_CONFIG_BUFFER content = {0};
	int error = read_file(path, &content);

	if (error)
		return refuse_file(path, error, FILE_MAX, errors);
	return na_config_load_text(config, (struct na_text){content.data, content.length}, path,
				   errors);
}

int na_config_load_descriptor(struct na_config *config, int fd, const char *name,
			      struct na_config_errors *errors)
{
	NA_CONFIG_BUFFER content = {0};
	int error = read_all(fd, DESCRIPTOR_MAX, &content);

	if (error)
		return refuse_file(name, error, DESCRIPTOR_MAX, errors);
	return na_config_load_text(config, (struct na_text){content.data, content.length}, name,
				   errors);
}

int na_config_load_text(struct na_config *config, struct na_text text, const char *name,
			struct na_config_errors *errors)
{
	size_t before = errors->count;
	int error = load_content(config, name, text, errors);

	return error == -ENOMEM ? error : na_mistakes_result(errors, before);
}

int na_config_load_folder(struct na_config *config, const char *path,
			  struct na_config_errors *errors)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_wanted, by_bytes), error = 0;
	size_t before = errors->count;

	if (count < 0)
		return refuse_file(path, -errno, FILE_MAX, errors);
	for (int i = 0; i < count; i++) {
		if (error != -ENOMEM)
			error = load_entry(config, path, entries[i]->d_name, errors);
		free(entries[i]);
	}
	free(entries);
	return error == -ENOMEM ? error : na_mistakes_result(errors, before);
}
