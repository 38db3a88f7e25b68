/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Teaches raw_tp/kmem_cache_free which slab and which operations the file of a socket has, without
 * symbols: the iterator notes the file of a socket of ours, and its free names the slab.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/capture_internal.h"

int na_calibrate(struct na_capture *capture)
{
	/* Volatile: the kernel programs read and write it meanwhile. */
	volatile __typeof__(capture->bpf->data_calibration->calibration) *shared =
		&capture->bpf->data_calibration->calibration;
	NA_CLOSE int fd = -1;
	NA_FREE struct na_record_found *found = NULL;
	size_t count;
	int error;

	if (shared->slab)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	shared->fd = fd;
	error = na_found_read(capture, (uint32_t)getpid(), &found, &count);
	shared->fd = -1;
	close(NA_TAKE_FD(fd));
	if (error < 0)
		return error;
	return shared->slab ? 0 : -ENOENT;
}
