/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tail for its readers. Its writer runs with more rights than they, but may be of another
 * version or have died at any byte: sizes are checked before anything is mapped or copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/frame.h"
#include "journal/tail.h"

/* More than this is no tail that a writer of ours makes. */
#define SIZE_MOST (UINT64_C(1) << 40)

static int check_head(const struct na_tail_head *head, uint64_t file_size)
{
	uint64_t size = head->size;

	if (head->magic != NA_TAIL_MAGIC || head->layout != NA_JOURNAL_LAYOUT)
		return -EBADMSG;
	if (!size || size > SIZE_MOST || size % NA_TAIL_PAGE)
		return -EBADMSG;
	return file_size < NA_TAIL_DATA + size ? -EBADMSG : 0; /* a shorter file is a SIGBUS */
}

/* The data twice in a row, so that a frame that wraps around is contiguous. */
static char *map_data(int fd, size_t size)
{
	char *data = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < 2; i++)
		if (mmap(data + i * size, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd,
			 NA_TAIL_DATA) == MAP_FAILED) {
			munmap(data, 2 * size);
			return NULL;
		}
	return data;
}

static int map_tail(struct na_tail *tail)
{
	struct stat status;
	int error;

	if (fstat(tail->fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_size < NA_TAIL_PAGE)
		return -EBADMSG;
	tail->head = mmap(NULL, NA_TAIL_PAGE, PROT_READ, MAP_SHARED, tail->fd, 0);
	if (tail->head == MAP_FAILED) {
		tail->head = NULL;
		return -errno;
	}
	error = check_head(tail->head, (uint64_t)status.st_size);
	if (error < 0)
		return error;
	tail->size = tail->head->size;
	tail->data = map_data(tail->fd, tail->size);
	return tail->data ? 0 : -errno;
}

/* Was the frame at `position` there all the time until now? */
static bool still_there(const struct na_tail *tail, uint64_t position)
{
	/* What was copied is read before `begin` is: pairs with the writer's release of it. */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&tail->head->begin, memory_order_acquire) <= position;
}

/* ------------------------------------------------------------------------------------------- */

int na_tail_open(const char *path, struct na_tail *ret_tail)
{
	struct na_tail tail = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
	int error = tail.fd < 0 ? -errno : map_tail(&tail);

	if (error < 0)
		na_tail_close(&tail);
	else
		*ret_tail = tail;
	return error;
}

void na_tail_close(struct na_tail *tail)
{
	if (tail->data)
		munmap(tail->data, 2 * tail->size);
	if (tail->head)
		munmap(tail->head, NA_TAIL_PAGE);
	na_cleanup_fd(&tail->fd);
	*tail = (struct na_tail){.fd = -1};
}

int na_tail_read(const struct na_tail *tail, uint64_t position, void *buffer, size_t size)
{
	uint64_t end = atomic_load_explicit(&tail->head->end, memory_order_acquire);
	struct na_frame frame;

	if (!still_there(tail, position))
		return -ESTALE;
	if (position >= end)
		return 0;
	if (end - position < sizeof(frame) || position % NA_FRAME_ALIGN)
		return -EBADMSG;
	memcpy(&frame, na_tail_at(tail, position), sizeof(frame));
	if (frame.size < sizeof(frame) || frame.size > NA_FRAME_MAX || frame.size > size ||
	    frame.size > tail->size || frame.size > end - position || frame.size % NA_FRAME_ALIGN)
		return still_there(tail, position) ? -EBADMSG : -ESTALE;
	memcpy(buffer, na_tail_at(tail, position), frame.size);
	/* The size may have changed between the two copies only if the frame was written over. */
	return still_there(tail, position) ? (int)frame.size : -ESTALE;
}

void na_tail_wait(const struct na_tail *tail, uint32_t seen, uint64_t timeout_ns)
{
	struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NA_NS_PER_SEC),
				   .tv_nsec = (long)(timeout_ns % NA_NS_PER_SEC)};

	/* Not FUTEX_PRIVATE: its writer is another process. */
	syscall(SYS_futex, &tail->head->moved, FUTEX_WAIT, seen, &timeout, NULL, 0);
}
