/* SPDX-License-Identifier: Apache-2.0 */
/* A file system that fails. */
#include "faulty_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int left[NA_FAULTY_COUNT], calls[NA_FAULTY_COUNT];
	int error[NA_FAULTY_COUNT];
	bool shortened, stalled, remembers, frozen;
	void (*look)(void);
} fs = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

ssize_t __real_pwrite(int fd, const void *data, size_t length, off_t offset);
ssize_t __real_pread(int fd, void *data, size_t length, off_t offset);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_ftruncate(int fd, off_t size);
int __real_openat(int folder, const char *path, int flags, ...);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __real_unlinkat(int folder, const char *path, int flags);
ssize_t __wrap_pwrite(int fd, const void *data, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t length, off_t offset);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_unlinkat(int folder, const char *path, int flags);

static void look(void)
{
	if (fs.look)
		fs.look();
}

/* Whether a call that may change something is refused. */
static bool fails(enum na_faulty_call call)
{
	bool failing;

	look();
	pthread_mutex_lock(&fs.lock);
	fs.calls[call]++;
	failing = fs.left[call] > 0;
	if (failing) {
		fs.left[call]--;
		errno = fs.error[call];
	}
	if (fs.frozen && call != NA_FAULTY_READ) {
		failing = true;
		errno = EIO;
	}
	pthread_mutex_unlock(&fs.lock);
	return failing;
}

/* What follows is known to the disk as well, when it has one. */
static bool begin(void)
{
	pthread_mutex_lock(&fs.lock);
	return fs.remembers;
}

static int end(int result)
{
	int error = errno;

	pthread_mutex_unlock(&fs.lock);
	look();
	errno = error;
	return result;
}

static int sync_file(int fd, int (*sync)(int))
{
	bool failed = fails(NA_FAULTY_SYNC);
	int error = errno, result = -1;

	if (begin() && !fs.frozen)
		na_disk_synced(fd, failed, fs.calls[NA_FAULTY_SYNC]);
	if (!failed)
		result = sync(fd);
	else
		errno = error;
	return end(result);
}

/* ------------------------------------------------------------------------------------------- */

ssize_t __wrap_pwrite(int fd, const void *data, size_t length, off_t offset)
{
	ssize_t result = -1;

	if (fails(NA_FAULTY_WRITE))
		return -1;
	begin();
	while (fs.stalled && !fs.frozen)
		pthread_cond_wait(&fs.changed, &fs.lock);
	if (fs.shortened && length > 1)
		length = 1 + length * (fs.calls[NA_FAULTY_WRITE] % 3) / 4;
	errno = EIO;
	if (!fs.frozen)
		result = __real_pwrite(fd, data, length, offset);
	if (fs.remembers && result > 0)
		na_disk_wrote(fd, offset, data, (size_t)result);
	end(0);
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

int __wrap_ftruncate(int fd, off_t size)
{
	int result;

	if (fails(NA_FAULTY_WRITE))
		return -1;
	begin();
	result = __real_ftruncate(fd, size);
	if (fs.remembers && result == 0)
		na_disk_truncated(fd, size);
	return end(result);
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;
	int fd;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	if (!(flags & O_CREAT))
		return __real_openat(folder, path, flags, mode);
	if (fails(NA_FAULTY_OPEN))
		return -1;
	begin();
	fd = __real_openat(folder, path, flags, mode);
	if (fs.remembers && fd >= 0)
		na_disk_made(fd, path);
	if (fs.remembers && fd >= 0 && (flags & O_TRUNC))
		na_disk_truncated(fd, 0);
	return end(fd);
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	int result;

	if (fails(NA_FAULTY_RENAME))
		return -1;
	begin();
	result = __real_renameat(from_folder, from, to_folder, to);
	if (fs.remembers && result == 0)
		na_disk_renamed(to_folder, from, to);
	return end(result);
}

int __wrap_unlinkat(int folder, const char *path, int flags)
{
	int result;

	if (fails(NA_FAULTY_UNLINK))
		return -1;
	begin();
	result = __real_unlinkat(folder, path, flags);
	if (fs.remembers && result == 0)
		na_disk_unlinked(path);
	return end(result);
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

void na_faulty_freeze(bool on)
{
	pthread_mutex_lock(&fs.lock);
	fs.frozen = on;
	pthread_cond_broadcast(&fs.changed);
	pthread_mutex_unlock(&fs.lock);
}

void na_faulty_watch(void (*now_look)(void))
{
	fs.look = now_look;
}

void na_faulty_remember(bool on)
{
	pthread_mutex_lock(&fs.lock);
	fs.remembers = on;
	memset(fs.calls, 0, sizeof(fs.calls));
	na_disk_clear();
	pthread_mutex_unlock(&fs.lock);
}

void na_faulty_forget(void)
{
	pthread_mutex_lock(&fs.lock);
	na_disk_clear();
	pthread_mutex_unlock(&fs.lock);
}

void na_faulty_crash(const char *folder, uint64_t seed)
{
	na_disk_crash(folder, seed);
}

unsigned int na_faulty_calls(enum na_faulty_call call)
{
	unsigned int calls;

	pthread_mutex_lock(&fs.lock);
	calls = fs.calls[call];
	pthread_mutex_unlock(&fs.lock);
	return calls;
}
