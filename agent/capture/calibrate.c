/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Teaches tp_btf/kmem_cache_free which slab and which operations the file of a socket has, without
 * symbols: the iterator notes the file of a socket of ours, and its free names the slab.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/capture_internal.h"

static int read_to_end(int fd)
{
	char nothing[4096];
	ssize_t count;

	do {
		count = read(fd, nothing, sizeof(nothing));
	} while (count > 0 || (count < 0 && errno == EINTR));
	return count < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_calibrate(struct na_capture *capture)
{
	/* Volatile: the kernel programs read and write it meanwhile. */
	volatile __typeof__(capture->bpf->data_calibration->calibration) *shared =
		&capture->bpf->data_calibration->calibration;
	NA_CLOSE int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	NA_CLOSE int iterator_fd = -1;
	int error;

	if (shared->slab)
		return 0;
	if (socket_fd < 0)
		return -errno;
	if (capture->no_file_iterator)
		return -EOPNOTSUPP;
	shared->fd = socket_fd;
	iterator_fd = na_iterator_open(capture->bpf->progs.iter__task_file, NULL);
	error = iterator_fd < 0 ? iterator_fd : read_to_end(iterator_fd);
	shared->fd = -1;
	close(NA_TAKE_FD(socket_fd));
	if (error < 0)
		return error;
	return shared->slab ? 0 : -ENOENT;
}
