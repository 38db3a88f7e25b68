/* SPDX-License-Identifier: Apache-2.0 */
/* Journals as a writer would leave them. */
#include "made.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

static void empty(const char *folder)
{
	DIR *opened = opendir(folder);
	struct dirent *entry;

	while (opened && (entry = readdir(opened)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(opened), entry->d_name, 0);
	if (opened)
		closedir(opened);
	rmdir(folder);
}

/* The fields of a connection, different in each event where real ones are. */
static void fill(struct na_event *event, uint64_t number)
{
	static const char *const programs[] = {"/usr/bin/curl", "/usr/sbin/sshd", "/usr/bin/dig"};
	size_t which = number % 3;

	NA_SET_TEXT(event, PROCESS_EXECUTABLE, programs[which]);
	NA_SET_TEXT(event, PROCESS_NAME, strrchr(programs[which], '/') + 1);
	NA_SET(event, PROCESS_PID, (int64_t)(1000 + which));
	NA_SET_TEXT(event, USER_ID, "1000");
	NA_SET_TEXT(event, NETWORK_TRANSPORT, "tcp");
	NA_SET(event, SOURCE_PORT, (int64_t)(32768 + number % 1000));
	NA_SET(event, DESTINATION_PORT, 443);
	NA_SET(event, DESTINATION_IP,
	       ((struct na_address){{[10] = 0xff,
				     [11] = 0xff,
				     [12] = 192,
				     [14] = 2,
				     [15] = (uint8_t)(number % 7)}}));
	if (event->type == NA_EVENT_CLOSED) {
		NA_SET(event, SOURCE_BYTES, 100);
		NA_SET(event, DESTINATION_BYTES, 1000);
	}
	if (event->type == NA_EVENT_CONNECT_FAILED)
		na_event_set_error(event, -111);
}

/* The frames in front of `begin` go until there is room for `more`. */
static void make_room(struct na_tail *tail, uint64_t more)
{
	uint64_t end = atomic_load(&tail->head->end), begin = atomic_load(&tail->head->begin);

	while (end + more - begin > tail->size) {
		uint32_t size;

		memcpy(&size, tail->data + (begin + 4) % tail->size, sizeof(size));
		begin += size;
	}
	atomic_store(&tail->head->begin, begin);
}

/*
 * A reader that copies what is written over finds out, and throws the copy away: for
 * ThreadSanitizer these are stores that may meet others.
 */
__attribute__((no_sanitize("thread"))) static void show_frame(struct made *made)
{
	const char *from = made->segment.data + made->shown;
	uint64_t at = made->position + made->shown;
	uint32_t size;

	memcpy(&size, from + 4, sizeof(size));
	make_room(&made->tail, size);
	for (uint64_t i = 0; i < size; i += 8) {
		uint64_t bytes;

		memcpy(&bytes, from + i, sizeof(bytes));
		__atomic_store_n((uint64_t *)(made->tail.data + (at + i) % made->tail.size), bytes,
				 __ATOMIC_RELAXED);
	}
	made->shown += size;
	atomic_store(&made->tail.head->end, at + size);
}

/* ------------------------------------------------------------------------------------------- */

void made_init(struct made *made)
{
	*made = (struct made){.sequence = 1, .epoch = 1, .wall_ns = MADE_WALL_NS};
	snprintf(made->folder, sizeof(made->folder), "/tmp/journal_test.XXXXXX");
	assert(mkdtemp(made->folder));
	snprintf(made->tail_path, sizeof(made->tail_path), "%s.tail", made->folder);
	memset(made->journal, 7, sizeof(made->journal));
	made->tail.fd = -1;
	made->encoder = na_encoder_new();
	assert(made->encoder);
}

void made_done(struct made *made)
{
	na_encoder_free(made->encoder);
	na_buffer_done(&made->segment);
	if (made->tail.head)
		munmap(made->tail.head, NA_TAIL_DATA + made->tail.size);
	na_cleanup_fd(&made->tail.fd);
	unlink(made->tail_path);
	empty(made->folder);
}

void made_begin(struct made *made)
{
	struct na_frame_head head = {.layout = NA_JOURNAL_LAYOUT,
				     .epoch = made->epoch,
				     .position = made->position + made->segment.length,
				     .first_sequence = made->sequence,
				     .wall_ns = made->wall_ns};

	memcpy(head.journal, made->journal, sizeof(head.journal));
	made->position = head.position;
	made->events = made->shown = 0;
	na_buffer_clear(&made->segment);
	assert(na_encoder_begin(made->encoder, &head, made->constants, &made->segment) == 0);
}

void made_event(struct made *made, enum na_event_type type)
{
	struct na_event event;

	made->wall_ns += UINT64_C(1000000000);
	na_event_init(&event, type, made->wall_ns - MADE_WALL_NS);
	NA_SET(&event, TIMESTAMP, made->wall_ns);
	NA_SET(&event, EVENT_SEQUENCE, (int64_t)made->sequence);
	fill(&event, made->sequence);
	assert(na_encoder_event(made->encoder, &event, &made->segment) == 0);
	made->sequence++;
	made->events++;
}

void made_events(struct made *made, size_t count)
{
	static const enum na_event_type types[] = {NA_EVENT_ESTABLISHED, NA_EVENT_CLOSED,
						   NA_EVENT_CONNECT_FAILED};

	while (count-- > 0)
		made_event(made, types[made->sequence % 3]);
}

void made_seal(struct made *made)
{
	assert(na_encoder_seal(made->encoder, &made->segment) == 0);
}

void made_path(const struct made *made, uint64_t position, char ret_path[128])
{
	snprintf(ret_path, 128, "%s/%016" PRIx64 ".segment", made->folder, position);
}

void made_write(struct made *made)
{
	char path[128];
	NA_CLOSE int fd = -1;

	made_path(made, made->position, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert(fd >= 0);
	assert(pwrite(fd, made->segment.data, made->segment.length, 0) ==
	       (ssize_t)made->segment.length);
	if (made->tail.head)
		atomic_store(&made->tail.head->written, made->position + made->segment.length);
}

void made_segment(struct made *made, size_t count)
{
	made_begin(made);
	made_events(made, count);
	made_seal(made);
	made_write(made);
}

void made_tail(struct made *made, uint64_t size)
{
	struct na_tail_head *head;
	char name[96];

	snprintf(name, sizeof(name), "%s.new", made->tail_path);
	if (made->tail.head)
		munmap(made->tail.head, NA_TAIL_DATA + made->tail.size);
	na_cleanup_fd(&made->tail.fd);
	made->tail = (struct na_tail){
		.size = size, .fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
	assert(ftruncate(made->tail.fd, (off_t)(NA_TAIL_DATA + size)) == 0);
	head = mmap(NULL, NA_TAIL_DATA + size, PROT_READ | PROT_WRITE, MAP_SHARED, made->tail.fd,
		    0);
	assert(head != MAP_FAILED);
	made->tail.head = head;
	made->tail.data = (char *)head + NA_TAIL_DATA;
	head->layout = NA_JOURNAL_LAYOUT;
	head->size = size;
	memcpy(head->journal, made->journal, sizeof(head->journal));
	head->begin = head->end = head->written = head->kept =
		made->position + made->segment.length;
	head->magic = NA_TAIL_MAGIC;
	made->shown = made->segment.length;
	assert(rename(name, made->tail_path) == 0);
}

void made_show(struct made *made)
{
	struct na_tail_head *head = made->tail.head;

	while (made->shown < made->segment.length)
		show_frame(made);
	atomic_store(&head->sequence, made->sequence - 1);
	atomic_fetch_add(&head->moved, 1);
	syscall(SYS_futex, &head->moved, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void made_flip(const struct made *made, uint64_t position, uint64_t offset)
{
	char path[128], byte;
	NA_CLOSE int fd = -1;

	made_path(made, position, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert(fd >= 0 && pread(fd, &byte, 1, (off_t)offset) == 1);
	byte = (char)~byte;
	assert(pwrite(fd, &byte, 1, (off_t)offset) == 1);
}

uint64_t made_size(const struct made *made, uint64_t position)
{
	struct stat status;
	char path[128];

	made_path(made, position, path);
	assert(stat(path, &status) == 0);
	return (uint64_t)status.st_size;
}
