/* SPDX-License-Identifier: Apache-2.0 */
/* A file system that fails. */
#include "faulty_fs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A write that a crash may take back. */
struct write {
	struct write *next; /* the one before it */
	ino_t inode;
	int fd; /* of its own */
	off_t offset;
	size_t length;
	off_t size_before;
	char *before; /* `length` bytes; zeros where there was nothing */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int left[NA_FAULTY_COUNT], calls[NA_FAULTY_COUNT];
	int error[NA_FAULTY_COUNT];
	bool shortened, stalled, remembers;
	struct write *writes;
} fs = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

ssize_t __real_pwrite(int fd, const void *data, size_t length, off_t offset);
ssize_t __real_pread(int fd, void *data, size_t length, off_t offset);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_openat(int folder, const char *path, int flags, ...);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __real_unlinkat(int folder, const char *path, int flags);
ssize_t __wrap_pwrite(int fd, const void *data, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t length, off_t offset);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_unlinkat(int folder, const char *path, int flags);

static bool fails(enum na_faulty_call call)
{
	bool failing;

	pthread_mutex_lock(&fs.lock);
	fs.calls[call]++;
	failing = fs.left[call] > 0;
	if (failing) {
		fs.left[call]--;
		errno = fs.error[call];
	}
	pthread_mutex_unlock(&fs.lock);
	return failing;
}

static void free_write(struct write *write)
{
	close(write->fd);
	free(write->before);
	free(write);
}

/* With the lock. `inode` 0: of all files. */
static void forget(ino_t inode)
{
	for (struct write **at = &fs.writes; *at;) {
		struct write *write = *at;

		if (inode && write->inode != inode) {
			at = &write->next;
			continue;
		}
		*at = write->next;
		free_write(write);
	}
}

/* With the lock. */
static void remember(int fd, off_t offset, size_t length)
{
	struct write *write = calloc(1, sizeof(*write));
	char path[32];
	struct stat status;

	/* Not a duplicate: that would share the lock of a lock file. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert(write && fstat(fd, &status) == 0);
	*write = (struct write){.next = fs.writes,
				.inode = status.st_ino,
				.fd = open(path, O_RDWR | O_CLOEXEC),
				.offset = offset,
				.length = length,
				.size_before = status.st_size,
				.before = calloc(1, length)};
	assert(write->fd >= 0 && write->before);
	assert(__real_pread(fd, write->before, length, offset) >= 0);
	fs.writes = write;
}

/* All of it, or all but the first bytes. */
static void take_back(const struct write *write, size_t keep)
{
	struct stat status;
	off_t end = write->offset + (off_t)write->length;

	assert(__real_pwrite(write->fd, write->before + keep, write->length - keep,
			     write->offset + (off_t)keep) == (ssize_t)(write->length - keep));
	if (fstat(write->fd, &status) == 0 && status.st_size == end && end > write->size_before) {
		off_t size = write->offset + (off_t)keep;

		if (size < write->size_before)
			size = write->size_before;
		assert(ftruncate(write->fd, size) == 0);
	}
}

static int sync_file(int fd, int (*sync)(int))
{
	struct stat status;
	int result;

	if (fails(NA_FAULTY_SYNC))
		return -1;
	result = sync(fd);
	pthread_mutex_lock(&fs.lock);
	if (result == 0 && fstat(fd, &status) == 0)
		forget(status.st_ino);
	pthread_mutex_unlock(&fs.lock);
	return result;
}

/* ------------------------------------------------------------------------------------------- */

ssize_t __wrap_pwrite(int fd, const void *data, size_t length, off_t offset)
{
	ssize_t result;

	if (fails(NA_FAULTY_WRITE))
		return -1;
	pthread_mutex_lock(&fs.lock);
	while (fs.stalled)
		pthread_cond_wait(&fs.changed, &fs.lock);
	if (fs.shortened && length > 1)
		length = 1 + length * (fs.calls[NA_FAULTY_WRITE] % 3) / 4;
	if (fs.remembers)
		remember(fd, offset, length);
	result = __real_pwrite(fd, data, length, offset);
	pthread_mutex_unlock(&fs.lock);
	return result;
}

ssize_t __wrap_pread(int fd, void *data, size_t length, off_t offset)
{
	return fails(NA_FAULTY_READ) ? -1 : __real_pread(fd, data, length, offset);
}

int __wrap_fdatasync(int fd)
{
	return sync_file(fd, __real_fdatasync);
}

int __wrap_fsync(int fd)
{
	return sync_file(fd, __real_fsync);
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	if ((flags & O_CREAT) && fails(NA_FAULTY_OPEN))
		return -1;
	return __real_openat(folder, path, flags, mode);
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	if (fails(NA_FAULTY_RENAME))
		return -1;
	return __real_renameat(from_folder, from, to_folder, to);
}

int __wrap_unlinkat(int folder, const char *path, int flags)
{
	return fails(NA_FAULTY_UNLINK) ? -1 : __real_unlinkat(folder, path, flags);
}

void na_faulty_fail(enum na_faulty_call call, unsigned int count, int error)
{
	pthread_mutex_lock(&fs.lock);
	fs.left[call] = count;
	fs.error[call] = error;
	pthread_mutex_unlock(&fs.lock);
}

void na_faulty_short(bool on)
{
	pthread_mutex_lock(&fs.lock);
	fs.shortened = on;
	pthread_mutex_unlock(&fs.lock);
}

void na_faulty_stall(bool on)
{
	pthread_mutex_lock(&fs.lock);
	fs.stalled = on;
	pthread_cond_broadcast(&fs.changed);
	pthread_mutex_unlock(&fs.lock);
}

void na_faulty_clear(void)
{
	for (int i = 0; i < NA_FAULTY_COUNT; i++)
		na_faulty_fail(i, 0, 0);
	na_faulty_short(false);
	na_faulty_stall(false);
}

void na_faulty_remember(bool on)
{
	pthread_mutex_lock(&fs.lock);
	fs.remembers = on;
	forget(0);
	pthread_mutex_unlock(&fs.lock);
}

void na_faulty_crash(uint64_t seed)
{
	pthread_mutex_lock(&fs.lock);
	for (const struct write *write = fs.writes; write; write = write->next) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		if (seed >> 62 == 0)
			take_back(write, 0);
		else if (seed >> 62 == 1)
			take_back(write, (size_t)(seed >> 32) % write->length);
	}
	forget(0);
	pthread_mutex_unlock(&fs.lock);
}

unsigned int na_faulty_calls(enum na_faulty_call call)
{
	unsigned int calls;

	pthread_mutex_lock(&fs.lock);
	calls = fs.calls[call];
	pthread_mutex_unlock(&fs.lock);
	return calls;
}
