/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/uring_shutdown.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

struct mapping {
	void *memory;
	size_t size;
};

static int map(int fd, size_t size, off_t offset, struct mapping *ret_mapping)
{
	void *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	if (memory == MAP_FAILED)
		return -errno;
	*ret_mapping = (struct mapping){memory, size};
	return 0;
}

static void unmap(struct mapping *mapping)
{
	if (mapping->memory)
		munmap(mapping->memory, mapping->size);
}

static uint32_t *at(const struct mapping *mapping, uint32_t offset)
{
	return (uint32_t *)((uint8_t *)mapping->memory + offset);
}

static size_t queue_size(const struct io_uring_params *params)
{
	size_t completions = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	size_t submissions = params->sq_off.array + params->sq_entries * sizeof(uint32_t);

	return completions > submissions ? completions : submissions;
}

/* One entry, the first: the rings are new. */
static int submit(int ring, const struct io_uring_params *params, const struct mapping *queue)
{
	uint32_t *tail = at(queue, params->sq_off.tail);
	const struct io_uring_cqe *completion;

	*at(queue, params->sq_off.array) = 0;
	/* Partner: smp_load_acquire(&rings->sq.tail) in io_sqring_entries. */
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	if (__atomic_load_n(at(queue, params->cq_off.tail), __ATOMIC_ACQUIRE) == 0)
		return -EIO;
	completion = (const struct io_uring_cqe *)at(queue, params->cq_off.cqes);
	return completion->res;
}

/* ------------------------------------------------------------------------------------------- */

int na_uring_shutdown(int fd, int how)
{
	struct io_uring_params params = {0};
	NA_CLOSE int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
	NA_CLEANUP(unmap) struct mapping queue = {0}, entries = {0};
	int error;

	if (ring < 0)
		return -errno;
	if (!(params.features & IORING_FEAT_SINGLE_MMAP))
		return -EINVAL;
	error = map(ring, queue_size(&params), IORING_OFF_SQ_RING, &queue);
	if (!error)
		error = map(ring, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES,
			    &entries);
	if (error < 0)
		return error;
	*(struct io_uring_sqe *)entries.memory = (struct io_uring_sqe){
		.opcode = IORING_OP_SHUTDOWN,
		.fd = fd,
		.len = (uint32_t)how,
	};
	return submit(ring, &params, &queue);
}
