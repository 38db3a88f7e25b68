/* SPDX-License-Identifier: Apache-2.0 */
/* The tail as its writer makes or finds it. */
#include "journal/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "journal/frame.h"

_Static_assert(sizeof(struct na_tail_head) <= NA_TAIL_PAGE, "the head is a page");

/* The head and, behind it, the ring twice in a row, so that no frame is cut. */
static int map(struct na_tail *tail)
{
	size_t length = NA_TAIL_DATA + 2 * tail->size;
	char *place = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const int protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_FIXED;
	char *again = place + NA_TAIL_DATA + tail->size;

	if (place == MAP_FAILED)
		return -errno;
	if (mmap(place, NA_TAIL_DATA + tail->size, protection, flags, tail->fd, 0) == MAP_FAILED ||
	    mmap(again, tail->size, protection, flags, tail->fd, NA_TAIL_DATA) == MAP_FAILED) {
		int error = -errno;

		munmap(place, length);
		return error;
	}
	tail->head = (struct na_tail_head *)place;
	tail->data = place + NA_TAIL_DATA;
	return 0;
}

/* Says where the frames are plausible; that they are whole is for who reads them. */
static bool is_whole(const struct na_tail_head *head)
{
	uint64_t begin = head->begin, kept = head->kept, written = head->written, end = head->end;

	return begin <= kept && kept <= written && written <= end && end - begin <= head->size &&
	       !(kept % NA_FRAME_ALIGN) && !(end % NA_FRAME_ALIGN);
}

/* Whether the file is a tail of that boot and journal, and of what size. */
static bool is_ours(int fd, const uint8_t journal[16], const uint8_t boot[16], uint64_t *ret_size)
{
	struct na_tail_head head;
	struct stat status;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) || fstat(fd, &status) < 0 ||
	    head.magic != NA_TAIL_MAGIC || head.layout != NA_JOURNAL_LAYOUT ||
	    memcmp(head.journal, journal, sizeof(head.journal)) != 0 ||
	    memcmp(head.boot, boot, sizeof(head.boot)) != 0 || !head.size ||
	    head.size % NA_TAIL_PAGE || (uint64_t)status.st_size != NA_TAIL_DATA + head.size ||
	    !is_whole(&head))
		return false;
	*ret_size = head.size;
	return true;
}

static bool has_bytes(int fd)
{
	struct na_tail_head head;

	return pread(fd, &head, sizeof(head), 0) == sizeof(head) && head.kept < head.end;
}

/* Made beside its place and moved there: a reader never sees half of one. */
static int make_file(const char *path, uint64_t size, int *ret_fd)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer name = {0};
	NA_CLOSE int fd = -1;
	int error;

	na_buffer_printf(&name, "%s.new", path);
	na_buffer_append_char(&name, '\0');
	if (na_buffer_error(&name))
		return -ENOMEM;
	if (unlink(name.data) < 0 && errno != ENOENT)
		return -errno;
	fd = open(name.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	error = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	/* Allocated now, since a page that tmpfs cannot give later is a SIGBUS. */
	if (!error)
		error = -posix_fallocate(fd, 0, (off_t)(NA_TAIL_DATA + size));
	if (!error && rename(name.data, path) < 0)
		error = -errno;
	if (error < 0) {
		unlink(name.data);
		return error;
	}
	*ret_fd = NA_TAKE_FD(fd);
	return 0;
}

static int explain(struct na_buffer *why, const char *path, const char *what, int error)
{
	na_buffer_printf(why, "%s: %s: %s", path, what, strerrordesc_np(-error));
	return error;
}

static void fill_head(struct na_tail_head *head, uint64_t size, const uint8_t journal[16],
		      const uint8_t boot[16])
{
	head->layout = NA_JOURNAL_LAYOUT;
	head->size = size;
	memcpy(head->journal, journal, sizeof(head->journal));
	memcpy(head->boot, boot, sizeof(head->boot));
	__atomic_store_n(&head->magic, NA_TAIL_MAGIC, __ATOMIC_RELEASE);
}

/* The file that is there, locked. -ENOENT: none; -EBUSY: in use. */
static int find_file(const char *path, int *ret_fd)
{
	NA_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = NA_TAKE_FD(fd);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_tail_create(const char *path, uint64_t size, const uint8_t journal[16],
		   const uint8_t boot[16], struct na_tail *ret_tail, bool *ret_kept,
		   bool *ret_locked, struct na_buffer *why)
{
	NA_CLOSE int fd = -1;
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t there = 0;
	bool kept;
	int error = find_file(path, &fd);
	struct na_tail tail;

	size = (size + page - 1) / page * page;
	if (error == -EBUSY)
		return explain(why, path, "another netaudit writes it", error);
	kept = fd >= 0 && is_ours(fd, journal, boot, &there) && (there == size || has_bytes(fd));
	if (kept) {
		size = there;
	} else {
		na_cleanup_fd(&fd);
		fd = -1;
		error = make_file(path, size, &fd);
		if (error < 0)
			return explain(why, path, "cannot make the tail", error);
	}
	tail = (struct na_tail){.size = size, .fd = fd};
	error = map(&tail);
	if (error < 0)
		return explain(why, path, "cannot map the tail", error);
	if (!kept)
		fill_head(tail.head, size, journal, boot);
	*ret_locked = mlock(tail.head, NA_TAIL_DATA + size) == 0;
	(void)NA_TAKE_FD(fd);
	*ret_tail = tail;
	*ret_kept = kept;
	return 0;
}
