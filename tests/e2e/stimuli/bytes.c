/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of payload that must be counted exactly. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "process.h"
#include "stimulus.h"
#include "talk.h"

#define ODD_TOTAL (5 * 1024 * 1024 + 4321)

void case_big_transfer(void)
{
	talk_run(&(struct talk){.up = 64 * 1024 * 1024 + 7, .down = 16 * 1024 * 1024 + 3});
}

/* Moves what the kernel takes, up to `left`; -1 with EAGAIN when it takes nothing. */
typedef ssize_t push_function(int fd, int file, uint64_t left);

static ssize_t push_by_send(int fd, int file, uint64_t left)
{
	static const char data[300000];

	(void)file;
	return send(fd, data, left < sizeof(data) ? left : sizeof(data), MSG_DONTWAIT);
}

static ssize_t push_by_sendfile(int fd, int file, uint64_t left)
{
	return sendfile(fd, file, NULL, left);
}

static void drain(struct endpoint *endpoint)
{
	static char data[70001];
	ssize_t received = recv(endpoint->fd, data, sizeof(data), MSG_DONTWAIT);

	if (received > 0)
		endpoint->received += (uint64_t)received;
	else if (errno != EAGAIN)
		case_die("recv");
}

/* Both ends in one process: the reader reads only when the writer is stuck. Returns how often it
 * was. */
static int push_all(struct link *link, push_function *push, int file)
{
	int stuck = 0;

	while (link->client.sent < ODD_TOTAL) {
		ssize_t sent = push(link->client.fd, file, ODD_TOTAL - link->client.sent);

		if (sent > 0) {
			link->client.sent += (uint64_t)sent;
			continue;
		}
		if (errno != EAGAIN)
			case_die("send");
		stuck++;
		drain(&link->server);
	}
	return stuck;
}

void case_partial_writes(void)
{
	struct link link = {0};

	link_make(&link);
	if (!push_all(&link, push_by_send, -1))
		case_die("the socket was never full");
	link_end(&link);
}

void case_sendfile(void)
{
	struct link link = {0};
	int file = MUST(memfd_create("payload", MFD_CLOEXEC));

	MUST(ftruncate(file, ODD_TOTAL));
	link_make(&link);
	MUST(fcntl(link.client.fd, F_SETFL, O_NONBLOCK));
	push_all(&link, push_by_sendfile, file);
	link_end(&link);
}
