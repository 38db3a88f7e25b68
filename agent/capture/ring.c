/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads BPF ring buffers in place, merged by time.
 *
 * A *scan* looks at the new records of every ring and puts them into the merge; the ring's space is
 * given back when they were passed on. What may be passed on is the question "which records can
 * still come?", answered for each ring by its *bound*, the time below which none is missing:
 *
 * - Scanned to the end: what was not there had its stamp, give or take the window, after the scan
 *   began. Bound: begin of the scan minus the window.
 * - The scan ended early, at a record that is reserved and not submitted (BUSY) or because it had
 *   seen enough: what lies behind is younger than what was seen, give or take the window (EXEC is
 *   stamped long before it is reserved). Bound: the latest time seen in the ring minus the window,
 *   or what it was before if that is more.
 *
 * Bounds only grow, and the merge passes on up to the lowest of all. So a ring that is behind holds
 * back the others, and never is anything overtaken. A scan happens only when nothing seen is due
 * any more, which limits what the merge holds to a window's worth and a scan; only behind a BUSY
 * record that lasts may it grow to all that the rings hold.
 */
#include "capture/ring.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/merge.h"
#include "capture/progress.h"
#include "capture/record_check.h"
#include "capture/ring_internal.h"

#define SLEEP_NS (NA_RINGS_SLEEP_MS * NA_NS_PER_MS)
#define DOZE_NS NA_MERGE_WINDOW_NS
#define FUTURE_MAX_NS NA_NS_PER_SEC

_Static_assert(sizeof(unsigned long) == sizeof(uint64_t), "positions are unsigned long");
_Static_assert(sizeof(struct na_record_header) % 8 == 0, "records are aligned to 8");

enum scan_end { SCAN_COMPLETE, SCAN_BUSY, SCAN_CUT };

struct ring {
	struct na_ring_memory memory;
	uint64_t scanned;   /* position behind the last record looked at */
	uint64_t released;  /* what the consumer position says */
	uint64_t latest_ns; /* of the records seen */
	uint64_t bound_ns;
};

struct na_rings {
	struct na_merge *merge;
	struct na_doorbell *doorbell;
	uint64_t until_ns; /* lowest bound */
	uint64_t malformed;
	int epoll_fd;
	bool cut;                     /* the last scan left records in a ring */
	bool mapped;                  /* the memory is ours to unmap */
	struct na_progress *progress; /* NULL: not kept */
	na_rings_mark *mark;
	void *mark_context;
	uint64_t *done; /* places that a reader before passed on, sorted; NULL: all behind us */
	size_t done_count;
	size_t count;
	struct ring rings[];
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Partner: smp_store_release(&rb->producer_pos) in __bpf_ringbuf_reserve, after the BUSY bit. */
static uint64_t produced(const struct ring *ring)
{
	return __atomic_load_n(ring->memory.producer, __ATOMIC_ACQUIRE);
}

/* Partner: xchg(&hdr->len) in bpf_ringbuf_commit: without the BUSY bit the record is whole. */
static uint32_t next_word(const struct ring *ring)
{
	const uint8_t *at = ring->memory.data + (ring->scanned & (ring->memory.size - 1));

	return __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
}

/* A fresh look at the clock, because the machine may have stopped since the scan began. */
static bool is_future(const struct na_record_header *record, uint64_t now_ns)
{
	return record->time_ns > now_ns && record->time_ns - now_ns > FUTURE_MAX_NS &&
	       record->time_ns > na_clock_boot_ns() + FUTURE_MAX_NS;
}

static int add_record(struct na_rings *rings, size_t index, uint32_t length, uint64_t now_ns)
{
	struct ring *ring = &rings->rings[index];
	const uint8_t *word = ring->memory.data + (ring->scanned & (ring->memory.size - 1));
	struct na_merge_entry entry = {
		.record = (const struct na_record_header *)(word + BPF_RINGBUF_HDR_SZ),
		.position = ring->scanned,
	};
	int error;

	if (rings->done && na_progress_is_done(rings->done, rings->done_count,
					       na_progress_place(index, ring->scanned)))
		return 0;
	if (!na_record_valid(entry.record, length) || is_future(entry.record, now_ns)) {
		rings->malformed++;
		return 0;
	}
	error = na_merge_add(rings->merge, index, &entry);
	if (!error && entry.record->time_ns > ring->latest_ns)
		ring->latest_ns = entry.record->time_ns;
	return error;
}

/* Bytes from the word on; a length that leads out of what was produced ends the ring there. */
static uint64_t step_over(struct na_rings *rings, uint32_t length, uint64_t there)
{
	uint64_t step = ((uint64_t)length + BPF_RINGBUF_HDR_SZ + 7) & ~UINT64_C(7);

	if (step <= there)
		return step;
	rings->malformed++;
	return there;
}

/* An enum scan_end, or -ENOMEM. Looks at `budget` words at most. */
static int scan_records(struct na_rings *rings, size_t index, uint64_t now_ns, size_t budget)
{
	struct ring *ring = &rings->rings[index];
	uint64_t end = produced(ring);

	for (; ring->scanned < end; budget--) {
		uint32_t word, length;
		uint64_t there = end - ring->scanned, step;
		int error = 0;

		if (!budget)
			return SCAN_CUT;
		word = next_word(ring);
		if (word & BPF_RINGBUF_BUSY_BIT)
			return SCAN_BUSY;
		length = word & ~BPF_RINGBUF_DISCARD_BIT;
		step = step_over(rings, length, there);
		if (!(word & BPF_RINGBUF_DISCARD_BIT) && length + BPF_RINGBUF_HDR_SZ <= step)
			error = add_record(rings, index, length, now_ns);
		if (error < 0)
			return error;
		ring->scanned += step;
	}
	return SCAN_COMPLETE;
}

static uint64_t window_before(uint64_t time_ns)
{
	return time_ns > NA_MERGE_WINDOW_NS ? time_ns - NA_MERGE_WINDOW_NS : 0;
}

static int scan_ring(struct na_rings *rings, size_t index, uint64_t now_ns, size_t budget)
{
	struct ring *ring = &rings->rings[index];
	int end = scan_records(rings, index, now_ns, budget);
	uint64_t bound_ns = window_before(end == SCAN_COMPLETE ? now_ns : ring->latest_ns);

	if (bound_ns > ring->bound_ns)
		ring->bound_ns = bound_ns;
	if (ring->bound_ns < rings->until_ns)
		rings->until_ns = ring->bound_ns;
	return end;
}

/* The clock is read before any position: what is not seen then is later. */
static int scan(struct na_rings *rings, size_t budget)
{
	uint64_t now_ns = na_clock_boot_ns();
	int error = 0;

	rings->until_ns = UINT64_MAX;
	rings->cut = false;
	for (size_t i = 0; i < rings->count; i++) {
		int end = scan_ring(rings, i, now_ns, budget);

		if (end < 0)
			error = end;
		rings->cut |= end == SCAN_CUT || end < 0;
	}
	if (!rings->cut)
		free(NA_TAKE_POINTER(rings->done));
	return error;
}

static void settle(struct na_rings *rings)
{
	uint64_t released[NA_PROGRESS_RINGS];

	for (size_t i = 0; i < rings->count; i++)
		released[i] = rings->rings[i].released;
	na_progress_settle(rings->progress, released);
}

static void give_back(struct na_rings *rings)
{
	for (size_t i = 0; i < rings->count; i++) {
		struct ring *ring = &rings->rings[i];
		uint64_t released = na_merge_released(rings->merge, i, ring->scanned);

		if (released == ring->released)
			continue;
		ring->released = released;
		/* Partner: smp_load_acquire(&rb->consumer_pos) in __bpf_ringbuf_reserve. */
		__atomic_store_n(ring->memory.consumer, released, __ATOMIC_RELEASE);
	}
	if (rings->progress)
		settle(rings);
}

struct passing {
	na_record_take *take;
	void *context;
	size_t limit;
	size_t passed;
};

/* All that the merge holds of a ring lies within one turn of it. */
static uint64_t place_of(const struct na_rings *rings, size_t index,
			 const struct na_record_header *record)
{
	const struct ring *ring = &rings->rings[index];
	uint64_t mask = ring->memory.size - 1;
	uint64_t at = (uint64_t)((const uint8_t *)record - ring->memory.data) - BPF_RINGBUF_HDR_SZ;

	return na_progress_place(index, ring->released + ((at - ring->released) & mask));
}

static int pass(struct na_rings *rings, struct passing *passing, size_t ring,
		const struct na_record_header *record)
{
	int result;

	if (!rings->progress)
		return passing->take(passing->context, record);
	na_progress_begin(rings->progress, place_of(rings, ring, record),
			  rings->mark(rings->mark_context));
	result = passing->take(passing->context, record);
	na_progress_end(rings->progress);
	return result;
}

/* 0, or the taker's value. */
static int pass_on(struct na_rings *rings, struct passing *passing, uint64_t until_ns)
{
	const struct na_record_header *record;
	size_t ring;
	int result = 0;

	while (!result && passing->passed < passing->limit &&
	       na_merge_take(rings->merge, until_ns, &ring, &record)) {
		passing->passed++;
		result = pass(rings, passing, ring, record);
		/* Between two records: what is taken from the merge may be given back. */
		if (rings->progress && na_progress_is_full(rings->progress))
			give_back(rings);
	}
	return result;
}

static int read_due(struct na_rings *rings, struct passing *passing)
{
	int result = pass_on(rings, passing, rings->until_ns);

	while (!result && passing->passed < passing->limit) {
		int error = scan(rings, passing->limit);

		result = pass_on(rings, passing, rings->until_ns);
		if (error < 0)
			return result || passing->passed ? result : error;
		if (!rings->cut)
			break;
	}
	return result;
}

static bool is_behind(const struct na_rings *rings)
{
	return rings->cut || (na_merge_pending(rings->merge) &&
			      na_merge_earliest_ns(rings->merge) <= rings->until_ns);
}

enum look { LOOK_NOTHING, LOOK_BUSY, LOOK_RECORDS };

/*
 * Whether anything came since the scan. Sequentially consistent after the flag was set: either we
 * see the producer's position or the producer sees the flag (partner: wakeup_flags of bpf/maps.h).
 */
static enum look look(const struct na_rings *rings)
{
	enum look found = LOOK_NOTHING;

	for (size_t i = 0; i < rings->count; i++) {
		const struct ring *ring = &rings->rings[i];

		if (__atomic_load_n(ring->memory.producer, __ATOMIC_SEQ_CST) == ring->scanned)
			continue;
		if (!(next_word(ring) & BPF_RINGBUF_BUSY_BIT))
			return LOOK_RECORDS;
		found = LOOK_BUSY;
	}
	return found;
}

/* 1: something woke us, 0: the time passed. `bell_fd` and `wake_fd` may be -1. */
static int sleep_on(int bell_fd, int wake_fd, uint64_t timeout_ns)
{
	struct pollfd fds[] = {{.fd = bell_fd, .events = POLLIN},
			       {.fd = wake_fd, .events = POLLIN}};
	struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / NA_NS_PER_SEC),
		.tv_nsec = (long)(timeout_ns % NA_NS_PER_SEC),
	};
	int ready = ppoll(fds, sizeof(fds) / sizeof(*fds), &timeout, NULL);

	if (ready < 0)
		return errno == EINTR ? 1 : -errno;
	return ready > 0;
}

/*
 * A producer stores its position and then loads the flag, with no full barrier between, so its
 * store may still be on the way when both sides looked; and bpf_ringbuf_output (EXEC) looks at the
 * flag before it reserves. Both take far less than a doze: after the first we look once more, and
 * only then sleep in earnest.
 */
static int sleep_by_doorbell(struct na_rings *rings, int wake_fd, uint64_t timeout_ns)
{
	uint64_t first_ns = timeout_ns < DOZE_NS ? timeout_ns : DOZE_NS;
	enum look found = look(rings);
	int woken;

	if (found == LOOK_RECORDS)
		return 0;
	woken = sleep_on(rings->epoll_fd, wake_fd, first_ns);
	if (woken || found == LOOK_BUSY || first_ns == timeout_ns || look(rings) != LOOK_NOTHING)
		return woken;
	return sleep_on(rings->epoll_fd, wake_fd, timeout_ns - first_ns);
}

/*
 * The rings are watched edge-triggered, since they count as readable while anything is not given
 * back, and behind an epoll descriptor of their own, which this empties.
 */
static void forget_edges(struct na_rings *rings)
{
	struct epoll_event events[16];

	while (epoll_wait(rings->epoll_fd, events, 16, 0) == 16)
		;
}

static int new_rings(size_t count, struct na_rings **ret_rings)
{
	struct na_rings *rings = calloc(1, sizeof(*rings) + count * sizeof(*rings->rings));

	if (!rings)
		return -ENOMEM;
	rings->count = count;
	rings->merge = na_merge_new(count);
	rings->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!rings->merge || rings->epoll_fd < 0) {
		int error = rings->merge ? -errno : -ENOMEM;

		na_rings_close(&rings);
		return error;
	}
	*ret_rings = rings;
	return 0;
}

static int watch(struct na_rings *rings)
{
	for (size_t i = 0; i < rings->count; i++) {
		struct ring *ring = &rings->rings[i];
		struct epoll_event event = {.events = EPOLLIN | EPOLLET};

		ring->scanned = ring->released = *ring->memory.consumer;
		if (epoll_ctl(rings->epoll_fd, EPOLL_CTL_ADD, ring->memory.fd, &event) < 0)
			return -errno;
	}
	return 0;
}

static void *map(int fd, size_t length, int protection, size_t offset)
{
	void *memory = mmap(NULL, length, protection, MAP_SHARED, fd, (off_t)offset);

	return memory == MAP_FAILED ? NULL : memory;
}

/* Of kernel/bpf/ringbuf.c: a page for the consumer, one for the producer, the data and it again. */
static int map_ring(int fd, size_t size, struct na_ring_memory *ret_memory)
{
	size_t page = page_size();
	uint64_t *consumer = map(fd, page, PROT_READ | PROT_WRITE, 0);
	const uint8_t *rest = consumer ? map(fd, page + 2 * size, PROT_READ, page) : NULL;

	if (!rest) {
		int error = -errno;

		if (consumer)
			munmap(consumer, page);
		return error;
	}
	*ret_memory =
		(struct na_ring_memory){consumer, (const uint64_t *)rest, rest + page, size, fd};
	return 0;
}

static int map_all(struct na_rings *rings, const int *ring_fds, size_t size, int doorbell_fd)
{
	int error = 0;

	rings->doorbell = map(doorbell_fd, page_size(), PROT_READ | PROT_WRITE, 0);
	if (!rings->doorbell)
		return -errno;
	for (size_t i = 0; i < rings->count && !error; i++)
		error = map_ring(ring_fds[i], size, &rings->rings[i].memory);
	return error;
}

static void unmap_all(struct na_rings *rings)
{
	if (rings->doorbell)
		munmap(rings->doorbell, page_size());
	for (size_t i = 0; i < rings->count; i++) {
		const struct na_ring_memory *memory = &rings->rings[i].memory;

		if (!memory->consumer)
			continue;
		munmap(memory->consumer, page_size());
		munmap((void *)memory->producer, page_size() + 2 * memory->size);
	}
}

/* ------------------------------------------------------------------------------------------- */

int na_rings_new(const struct na_ring_memory *memory, size_t count, struct na_doorbell *doorbell,
		 struct na_rings **ret_rings)
{
	struct na_rings *rings;
	int error = new_rings(count, &rings);

	if (error < 0)
		return error;
	rings->doorbell = doorbell;
	for (size_t i = 0; i < count; i++)
		rings->rings[i].memory = memory[i];
	error = watch(rings);
	if (error < 0)
		na_rings_close(&rings);
	else
		*ret_rings = rings;
	return error;
}

int na_rings_open(const int *ring_fds, size_t count, size_t size, int doorbell_fd,
		  struct na_rings **ret_rings)
{
	struct na_rings *rings;
	int error;

	if (!count || size < page_size() || size & (size - 1))
		return -EINVAL;
	error = new_rings(count, &rings);
	if (error < 0)
		return error;
	rings->mapped = true;
	error = map_all(rings, ring_fds, size, doorbell_fd);
	if (!error)
		error = watch(rings);
	if (error < 0)
		na_rings_close(&rings);
	else
		*ret_rings = rings;
	return error;
}

void na_rings_close(struct na_rings **pointer)
{
	struct na_rings *rings = NA_TAKE_POINTER(*pointer);

	if (!rings)
		return;
	if (rings->mapped)
		unmap_all(rings);
	na_cleanup_fd(&rings->epoll_fd);
	na_merge_free(rings->merge);
	free(rings->done);
	free(rings);
}

int na_rings_keep(struct na_rings *rings, struct na_progress *progress, uint64_t kept,
		  na_rings_mark *mark, void *context)
{
	uint64_t *done = malloc((NA_PROGRESS_MAX + 1) * sizeof(*done));
	bool unsure;

	assert(rings->count <= NA_PROGRESS_RINGS);
	if (!done)
		return -ENOMEM;
	rings->done_count = na_progress_resume(progress, rings->count, kept, done, &unsure);
	rings->done = done;
	rings->progress = progress;
	rings->mark = mark;
	rings->mark_context = context;
	return unsure;
}

int na_rings_read(struct na_rings *rings, size_t limit, na_record_take *take, void *context)
{
	struct passing passing = {take, context, limit < INT_MAX ? limit : INT_MAX, 0};
	int result = read_due(rings, &passing);

	give_back(rings);
	return result ? result : (int)passing.passed;
}

int na_rings_drain(struct na_rings *rings, na_record_take *take, void *context)
{
	struct passing passing = {take, context, INT_MAX, 0};
	size_t before;
	int result, error;

	do {
		before = passing.passed;
		error = scan(rings, SIZE_MAX);
		result = pass_on(rings, &passing, UINT64_MAX);
		give_back(rings);
	} while (!result && passing.passed > before);
	if (result)
		return result;
	return error < 0 && !passing.passed ? error : (int)passing.passed;
}

int na_rings_wait(struct na_rings *rings, int wake_fd, uint64_t timeout_ns)
{
	int woken;

	if (is_behind(rings))
		return 0;
	if (timeout_ns > SLEEP_NS)
		timeout_ns = SLEEP_NS;
	if (na_merge_pending(rings->merge)) {
		woken = sleep_on(-1, wake_fd, timeout_ns < DOZE_NS ? timeout_ns : DOZE_NS);
		return woken < 0 ? woken : 0;
	}
	/* An exchange, so that no later load comes before it on any CPU. */
	__atomic_exchange_n(&rings->doorbell->sleeping, 1, __ATOMIC_SEQ_CST);
	woken = sleep_by_doorbell(rings, wake_fd, timeout_ns);
	__atomic_store_n(&rings->doorbell->sleeping, 0, __ATOMIC_RELAXED);
	if (woken > 0)
		forget_edges(rings);
	return woken < 0 ? woken : 0;
}

uint64_t na_rings_malformed(const struct na_rings *rings)
{
	return rings->malformed;
}

uint64_t na_rings_positions(const struct na_rings *rings)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < rings->count; i++)
		sum += produced(&rings->rings[i]);
	return sum;
}
