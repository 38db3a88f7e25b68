/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be done is read from the folder each time, not remembered: it survives everything.
 */
#include "file/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "file/gzip.h"

#define STAMP "00000000T000000.000" /* the shape of what is behind PATH. */
#define NAMES_MAX 100000
#define SAME_SECOND_MAX 1000

struct na_file_aside {
	struct na_file_aside_options options;
	struct na_buffer folder, base; /* of the path, NUL behind; base with its dot */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool look;        /* mutex: there may be something to do */
	atomic_bool stop; /* relaxed: a hint to end sooner; the mutex orders it */
	bool complained;  /* thread */
};

/* What kind of name is this, behind PATH? */
enum kind { OTHER, PLAIN, GZIP, TEMPORARY };

struct names {
	char **items;
	size_t count;
};

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

#define NA_NAMES NA_CLEANUP(free_names)

static bool has_shape(const char *text)
{
	for (const char *shape = STAMP; *shape; shape++, text++)
		if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
			return false;
	return true;
}

static enum kind kind_of(const struct na_file_aside *aside, const char *name)
{
	size_t length = strlen(aside->base.data);
	const char *end;

	if (strncmp(name, aside->base.data, length) != 0 || !has_shape(name + length))
		return OTHER;
	end = name + length + strlen(STAMP);
	if (!*end)
		return PLAIN;
	if (strcmp(end, ".gz") == 0)
		return GZIP;
	return strcmp(end, ".gz.tmp") == 0 ? TEMPORARY : OTHER;
}

static int add_name(struct names *names, const char *name)
{
	char **items = reallocarray(names->items, names->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	names->items = items;
	items[names->count] = strdup(name);
	if (!items[names->count])
		return -ENOMEM;
	names->count++;
	return 0;
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static int read_folder(const struct na_file_aside *aside, struct names *names)
{
	DIR *folder = opendir(aside->folder.data);
	struct dirent *entry;
	int error = 0;

	if (!folder)
		return -errno;
	while (!error && names->count < NAMES_MAX && (entry = readdir(folder)))
		if (kind_of(aside, entry->d_name) != OTHER)
			error = add_name(names, entry->d_name);
	closedir(folder);
	if (names->count)
		qsort(names->items, names->count, sizeof(*names->items), compare);
	return error;
}

static void path_of(const struct na_file_aside *aside, const char *name, const char *suffix,
		    struct na_buffer *ret_path)
{
	na_buffer_clear(ret_path);
	na_buffer_printf(ret_path, "%s/%s%s", aside->folder.data, name, suffix);
	na_buffer_append_char(ret_path, '\0');
}

static void done(struct na_buffer *buffer)
{
	na_buffer_done(buffer);
}

#define NA_BUFFER NA_CLEANUP(done)

static int remove_name(const struct na_file_aside *aside, const char *name)
{
	NA_BUFFER struct na_buffer path = {0};

	path_of(aside, name, "", &path);
	if (na_buffer_error(&path))
		return -ENOMEM;
	return unlink(path.data) < 0 && errno != ENOENT ? -errno : 0;
}

/* A name and the same one compressed are one file: a crash came between. */
static bool is_same(const char *one, const char *other)
{
	return strncmp(one, other, strlen(one)) == 0 && strcmp(other + strlen(one), ".gz") == 0;
}

/* Deletes leftovers, and what is too many, the oldest first. */
static int clean(const struct na_file_aside *aside, const struct names *names)
{
	size_t kept = 0;

	for (size_t i = names->count; i-- > 0;) {
		const char *name = names->items[i];
		int error = 0;

		if (kind_of(aside, name) == TEMPORARY) {
			error = remove_name(aside, name);
		} else {
			bool twin = i + 1 < names->count && is_same(name, names->items[i + 1]);

			kept += !twin;
			if (twin || kept > aside->options.keep)
				error = remove_name(aside, name);
		}
		if (error < 0)
			return error;
	}
	return 0;
}

static int compress_one(struct na_file_aside *aside, const char *name)
{
	NA_BUFFER struct na_buffer from = {0};
	NA_BUFFER struct na_buffer to = {0};
	NA_BUFFER struct na_buffer temporary = {0};
	int error;

	path_of(aside, name, "", &from);
	path_of(aside, name, ".gz", &to);
	path_of(aside, name, ".gz.tmp", &temporary);
	if (na_buffer_error(&from) || na_buffer_error(&to) || na_buffer_error(&temporary))
		return -ENOMEM;
	error = na_file_gzip(from.data, temporary.data, &aside->stop);
	if (error == -ENOENT)
		return 0; /* somebody took it away */
	if (error < 0)
		return error;
	if (rename(temporary.data, to.data) < 0)
		return -errno;
	return unlink(from.data) < 0 ? -errno : 0;
}

static int compress_all(struct na_file_aside *aside)
{
	NA_NAMES struct names names = {0};
	int error = read_folder(aside, &names);

	for (size_t i = 0; !error && i < names.count; i++)
		if (kind_of(aside, names.items[i]) == PLAIN)
			error = compress_one(aside, names.items[i]);
	return error;
}

static int tidy(struct na_file_aside *aside)
{
	NA_NAMES struct names names = {0};
	int error = read_folder(aside, &names);

	if (!error)
		error = clean(aside, &names);
	if (!error && aside->options.compress)
		error = compress_all(aside);
	return error;
}

static void complain(struct na_file_aside *aside, int error)
{
	NA_BUFFER struct na_buffer why = {0};

	if (!error && aside->complained)
		aside->options.says(aside->options.context, NULL);
	aside->complained = error != 0;
	if (!error)
		return;
	na_buffer_printf(&why, "files put aside cannot be compressed or deleted: %s%c",
			 strerrordesc_np(-error), '\0');
	if (!na_buffer_error(&why))
		aside->options.says(aside->options.context, why.data);
}

static bool await_work(struct na_file_aside *aside)
{
	bool stop;

	pthread_mutex_lock(&aside->mutex);
	while (!aside->look && !atomic_load_explicit(&aside->stop, memory_order_relaxed))
		pthread_cond_wait(&aside->changed, &aside->mutex);
	aside->look = false;
	stop = atomic_load_explicit(&aside->stop, memory_order_relaxed);
	pthread_mutex_unlock(&aside->mutex);
	return !stop;
}

static void *run(void *argument)
{
	struct na_file_aside *aside = argument;

	while (await_work(aside)) {
		int error = tidy(aside);

		if (error != -ECANCELED)
			complain(aside, error);
	}
	return NULL;
}

static int split_path(struct na_file_aside *aside)
{
	const char *path = aside->options.path, *slash = strrchr(path, '/');

	if (!slash)
		na_buffer_append_char(&aside->folder, '.');
	else if (slash == path)
		na_buffer_append_char(&aside->folder, '/');
	else
		na_buffer_append(&aside->folder, path, (size_t)(slash - path));
	na_buffer_append_char(&aside->folder, '\0');
	na_buffer_printf(&aside->base, "%s.%c", slash ? slash + 1 : path, '\0');
	return na_buffer_error(&aside->folder) || na_buffer_error(&aside->base) ? -ENOMEM : 0;
}

static int start(struct na_file_aside *aside)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&aside->thread, NULL, run, aside);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error ? -EAGAIN : 0;
}

static void release(struct na_file_aside *aside)
{
	pthread_cond_destroy(&aside->changed);
	pthread_mutex_destroy(&aside->mutex);
	na_buffer_done(&aside->folder);
	na_buffer_done(&aside->base);
	free(aside);
}

/* A free name for this second: neither it nor its compressed one exists. */
static int find_name(struct na_file_aside *aside, struct na_buffer *ret_path)
{
	time_t now = (time_t)(na_clock_wall_ns() / NA_NS_PER_SEC);
	char stamp[32];
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &utc);
	for (int i = 0; i < SAME_SECOND_MAX; i++) {
		NA_BUFFER struct na_buffer compressed = {0};

		na_buffer_clear(ret_path);
		na_buffer_printf(ret_path, "%s.%s.%03d%c", aside->options.path, stamp, i, '\0');
		na_buffer_printf(&compressed, "%s.%s.%03d.gz%c", aside->options.path, stamp, i,
				 '\0');
		if (na_buffer_error(ret_path) || na_buffer_error(&compressed))
			return -ENOMEM;
		if (access(ret_path->data, F_OK) < 0 && access(compressed.data, F_OK) < 0)
			return 0;
	}
	return -EEXIST;
}

/* ------------------------------------------------------------------------------------------- */

int na_file_aside_new(const struct na_file_aside_options *options, struct na_file_aside **ret_aside)
{
	struct na_file_aside *aside = calloc(1, sizeof(*aside));
	int error;

	if (!aside)
		return -ENOMEM;
	aside->options = *options;
	aside->look = true;
	pthread_mutex_init(&aside->mutex, NULL);
	pthread_cond_init(&aside->changed, NULL);
	error = split_path(aside);
	if (!error)
		error = start(aside);
	if (error < 0)
		release(aside);
	else
		*ret_aside = aside;
	return error;
}

void na_file_aside_free(struct na_file_aside *aside)
{
	if (!aside)
		return;
	pthread_mutex_lock(&aside->mutex);
	atomic_store_explicit(&aside->stop, true, memory_order_relaxed);
	pthread_cond_broadcast(&aside->changed);
	pthread_mutex_unlock(&aside->mutex);
	pthread_join(aside->thread, NULL);
	release(aside);
}

int na_file_aside_put(struct na_file_aside *aside)
{
	NA_BUFFER struct na_buffer path = {0};
	int error = find_name(aside, &path);

	if (error < 0)
		return error;
	if (rename(aside->options.path, path.data) < 0)
		return -errno;
	pthread_mutex_lock(&aside->mutex);
	aside->look = true;
	pthread_cond_broadcast(&aside->changed);
	pthread_mutex_unlock(&aside->mutex);
	return 0;
}
