/* SPDX-License-Identifier: Apache-2.0 */
/* memfd_create, the seals that journald looks for, SCM_RIGHTS. */
#include "syslog/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* A host may allow none that can be executed (vm.memfd_noexec); Linux before 6.3 knows no others.
 */
static int make_file(void)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int file = memfd_create("netaudit", flags | MFD_NOEXEC_SEAL);

	if (file < 0 && errno == EINVAL)
		file = memfd_create("netaudit", flags);
	return file < 0 ? -errno : file;
}

static int fill(int file, const char *data, size_t length)
{
	while (length) {
		ssize_t count = write(file, data, length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		data += count;
		length -= (size_t)count;
	}
	return fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) <
			       0
		       ? -errno
		       : 0;
}

static int send_descriptor(int fd, int file)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_control = control.space,
				 .msg_controllen = sizeof(control.space)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &file, sizeof(file));
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_syslog_send_sealed(int fd, const char *data, size_t length)
{
	NA_CLOSE int file = make_file();
	int error;

	if (file < 0)
		return file;
	error = fill(file, data, length);
	return error ? error : send_descriptor(fd, file);
}
