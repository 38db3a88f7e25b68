/* SPDX-License-Identifier: Apache-2.0 */
/* What of a folder is on disk: images of its files, and the changes that no sync covers yet. */
#include "disk.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NAMES_MOST 1024
#define NAME_SIZE 48

/* A write; without data: the file's new size. */
struct change {
	struct change *next;
	off_t offset;
	size_t length;
	bool cuts;
	char data[];
};

struct file {
	struct file *next;
	ino_t inode;
	char *bytes;
	size_t size;
	struct change *first, **last;
};

/* `from` loses its name and `to` gets it; either may be empty. */
struct naming {
	char from[NAME_SIZE], to[NAME_SIZE];
	struct file *file;
};

static struct {
	struct file *files;
	struct naming names[NAMES_MOST]; /* `to` is on disk as `file` */
	size_t count;
	struct naming changes[NAMES_MOST]; /* are not */
	size_t changed;
} disk;

ssize_t __real_pwrite(int fd, const void *data, size_t length, off_t offset);
int __real_openat(int folder, const char *path, int flags, ...);
int __real_unlinkat(int folder, const char *path, int flags);

static unsigned int draw(uint64_t *seed, unsigned int limit)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)((*seed >> 33) % limit);
}

static struct file *find(ino_t inode)
{
	for (struct file *file = disk.files; file; file = file->next)
		if (file->inode == inode)
			return file;
	return NULL;
}

static struct file *find_open(int fd)
{
	struct stat status;

	assert(fstat(fd, &status) == 0);
	return find(status.st_ino);
}

static struct file *add_file(ino_t inode)
{
	struct file *file = calloc(1, sizeof(*file));

	assert(file);
	file->inode = inode;
	file->last = &file->first;
	file->next = disk.files;
	disk.files = file;
	return file;
}

static void add_change(struct file *file, off_t offset, const void *data, size_t length)
{
	struct change *change;

	if (!file) /* of a folder that was deleted */
		return;
	change = calloc(1, sizeof(*change) + length);
	assert(change);
	*change = (struct change){.offset = offset, .length = length, .cuts = !data};
	if (data)
		memcpy(change->data, data, length);
	*file->last = change;
	file->last = &change->next;
}

static void resize(struct file *file, size_t size)
{
	file->bytes = realloc(file->bytes, size + 1);
	assert(file->bytes);
	if (size > file->size)
		memset(file->bytes + file->size, 0, size - file->size);
	file->size = size;
}

static void apply(struct file *file, const struct change *change, size_t length)
{
	size_t end = (size_t)change->offset + length;

	if (change->cuts || end > file->size)
		resize(file, end);
	if (length)
		memcpy(file->bytes + change->offset, change->data, length);
}

/* All of it when `seed` is NULL, else some. */
static void settle(struct file *file, uint64_t *seed)
{
	while (file->first) {
		struct change *change = file->first;
		unsigned int fate = seed ? draw(seed, 4) : 3;

		if (fate == 0 && change->length)
			apply(file, change, draw(seed, (unsigned int)change->length));
		else if (fate >= 2)
			apply(file, change, change->length);
		file->first = change->next;
		free(change);
	}
	file->last = &file->first;
}

static void forget_name(const char *name)
{
	for (size_t i = 0; i < disk.count; i++)
		if (strcmp(disk.names[i].to, name) == 0)
			disk.names[i--] = disk.names[--disk.count];
}

static void settle_names(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct naming *change = &disk.changes[i];

		forget_name(change->from);
		forget_name(change->to);
		assert(disk.count < NAMES_MOST);
		if (change->to[0])
			disk.names[disk.count++] = *change;
	}
	disk.changed = 0;
}

static void add_naming(const char *from, const char *to, struct file *file)
{
	struct naming *change = &disk.changes[disk.changed++];

	assert(disk.changed <= NAMES_MOST && strlen(from) < NAME_SIZE && strlen(to) < NAME_SIZE);
	*change = (struct naming){.file = file};
	memcpy(change->from, from, strlen(from));
	memcpy(change->to, to, strlen(to));
}

static void empty_folder(const char *path)
{
	NA_CLOSEDIR DIR *stream = opendir(path);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			assert(__real_unlinkat(dirfd(stream), entry->d_name, 0) == 0);
}

static void write_file(int folder, const char *name, struct file *file)
{
	NA_CLOSE int fd = __real_openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	struct stat status;

	assert(fd >= 0 && fstat(fd, &status) == 0 &&
	       __real_pwrite(fd, file->bytes, file->size, 0) == (ssize_t)file->size);
	file->inode = status.st_ino;
}

/* ------------------------------------------------------------------------------------------- */

void na_disk_clear(void)
{
	while (disk.files) {
		struct file *file = disk.files;

		settle(file, NULL);
		disk.files = file->next;
		free(file->bytes);
		free(file);
	}
	disk.count = disk.changed = 0;
}

void na_disk_made(int fd, const char *name)
{
	struct stat status;

	assert(fstat(fd, &status) == 0);
	if (S_ISREG(status.st_mode) && !find(status.st_ino))
		add_naming("", name, add_file(status.st_ino));
}

void na_disk_wrote(int fd, off_t offset, const void *data, size_t length)
{
	add_change(find_open(fd), offset, data, length);
}

void na_disk_truncated(int fd, off_t size)
{
	add_change(find_open(fd), size, NULL, 0);
}

void na_disk_renamed(int folder, const char *from, const char *to)
{
	struct stat status;
	struct file *file;

	assert(fstatat(folder, to, &status, AT_SYMLINK_NOFOLLOW) == 0);
	file = find(status.st_ino);
	if (file)
		add_naming(from, to, file);
}

void na_disk_unlinked(const char *name)
{
	add_naming(name, "", NULL);
}

void na_disk_synced(int fd, bool failed, uint64_t seed)
{
	struct file *file = find_open(fd);
	struct stat status;

	assert(fstat(fd, &status) == 0);
	if (file)
		settle(file, failed ? &seed : NULL);
	else if (S_ISDIR(status.st_mode) && !failed)
		settle_names(disk.changed);
}

void na_disk_crash(const char *path, uint64_t seed)
{
	NA_CLOSE int folder = -1;

	settle_names(disk.changed ? draw(&seed, (unsigned int)disk.changed + 1) : 0);
	for (struct file *file = disk.files; file; file = file->next)
		settle(file, &seed);
	empty_folder(path);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; folder >= 0 && i < disk.count; i++)
		write_file(folder, disk.names[i].to, disk.names[i].file);
}
