/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of io_uring: a whole connection without socket system calls, but for bind and listen. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <liburing.h>

#include "process.h"
#include "sandbox.h"
#include "stimulus.h"
#include "talk.h"

static struct io_uring ring;

static struct io_uring_sqe *request(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (!sqe)
		case_die("submission queue is full");
	return sqe;
}

static int complete(void)
{
	struct io_uring_cqe *cqe;
	int result;

	if (io_uring_submit(&ring) < 0 || io_uring_wait_cqe(&ring, &cqe) < 0)
		case_die("io_uring");
	result = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return result;
}

/* The operation is from 5.19. */
static bool has_socket_operation(void)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(&ring);
	bool has = probe && io_uring_opcode_supported(probe, IORING_OP_SOCKET);

	io_uring_free_probe(probe);
	return has;
}

static int uring_socket(void)
{
	if (!has_socket_operation())
		return MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	io_uring_prep_socket(request(), AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
	return MUST(complete());
}

/* Which thread works for the ring is the kernel's choice: expectations leave it out (any_thread).
 */
static void uring_opened(struct endpoint *endpoint, int fd)
{
	json_t *event;

	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->any_thread = true;
	endpoint_learn(endpoint, fd);
	endpoint->creator = endpoint->owner = actor_here();
	event = expect("socket_created", &endpoint->creator);
	expect_socket(event, endpoint);
	expect_print(event);
}

static void uring_open(struct endpoint *endpoint)
{
	uring_opened(endpoint, uring_socket());
}

static int uring_connect(struct endpoint *endpoint, const union address *address)
{
	int error;

	endpoint_attempt(endpoint, address);
	io_uring_prep_connect(request(), endpoint->fd, &address->any, address_length(address));
	error = -complete();
	endpoint_attempted(endpoint, error);
	return error;
}

static void uring_accept(const struct endpoint *listener, struct endpoint *endpoint)
{
	struct actor who = actor_here();

	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->any_thread = true;
	io_uring_prep_accept(request(), listener->fd, NULL, NULL, SOCK_CLOEXEC);
	endpoint_accepted(endpoint, MUST(complete()), &who);
}

static void uring_send(struct endpoint *endpoint, size_t bytes)
{
	static const char data[4096];

	io_uring_prep_send(request(), endpoint->fd, data, bytes, 0);
	endpoint->sent += (uint64_t)MUST(complete());
}

static void uring_receive(struct endpoint *endpoint)
{
	char data[4096];

	io_uring_prep_recv(request(), endpoint->fd, data, sizeof(data), 0);
	endpoint->received += (uint64_t)MUST(complete());
}

static void uring_close(struct endpoint *endpoint)
{
	endpoint_may_end(endpoint);
	io_uring_prep_close(request(), endpoint->fd);
	MUST(complete());
}

static void uring_refused(void)
{
	struct endpoint client;
	union address nobody = address_of("127.0.0.1", port_choose());

	uring_open(&client);
	if (uring_connect(&client, &nobody) != ECONNREFUSED)
		case_die("connect was not refused");
	uring_close(&client);
}

static void ring_open(unsigned int flags)
{
	struct io_uring_params parameters = {.flags = flags, .sq_thread_idle = 2000};
	int error = io_uring_queue_init_params(8, &ring, &parameters);

	if (error == -ENOSYS || error == -EPERM)
		case_skip("this kernel has no io_uring, or it is switched off");
	if (error) {
		errno = -error;
		case_die("io_uring_queue_init");
	}
}

static void run(unsigned int flags)
{
	struct link link = {0};

	ring_open(flags);
	endpoint_serve(&link.listener, "127.0.0.1", 0);
	uring_open(&link.client);
	if (uring_connect(&link.client, &link.listener.destination))
		case_die("connect");
	uring_accept(&link.listener, &link.server);
	link.server.before_ns = link.client.before_ns;
	uring_send(&link.client, 1234);
	uring_receive(&link.server);
	uring_send(&link.server, 567);
	uring_receive(&link.client);
	uring_close(&link.client);
	uring_receive(&link.server); /* the peer's end: 0 */
	uring_close(&link.server);
	endpoint_finish(&link.listener);
	expect_closed(&link.client, ENDED_BY_LOCAL);
	expect_closed(&link.server, ENDED_BY_REMOTE);
	uring_refused();
	io_uring_queue_exit(&ring);
}

void case_uring(void)
{
	run(0);
}

void case_uring_sqpoll(void)
{
	run(IORING_SETUP_SQPOLL);
}

static void create_fail(void)
{
	struct actor who = actor_here();
	json_t *event;

	io_uring_prep_socket(request(), AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 99, 0);
	if (complete() != -EPROTONOSUPPORT)
		case_die("a socket of no protocol was made");
	event = expect("socket_created", &who);
	expect_text(event, "netaudit.socket.family", "inet");
	expect_text(event, "netaudit.socket.type", "stream");
	expect_number(event, "netaudit.socket.protocol", 99);
	expect_absent(event, "netaudit.socket.inode");
	expect_error(event, EPROTONOSUPPORT);
	expect_print(event);
}

/* No state of TCP tells that nothing could be reached, as it does of a refusal. */
void case_uring_failed(void)
{
	struct endpoint client;
	union address nowhere = address_of("192.0.2.77", 80);

	netns_enter();
	ring_open(0);
	if (has_socket_operation())
		create_fail();
	uring_open(&client);
	if (uring_connect(&client, &nowhere) != ENETUNREACH)
		case_die("connect did not fail as unreachable");
	uring_close(&client);
	io_uring_queue_exit(&ring);
}

static void *wake(void *argument)
{
	uint64_t one = 1;

	if (write(*(int *)argument, &one, sizeof(one)) != sizeof(one))
		case_die("eventfd");
	return NULL;
}

/* A socket that the ring makes when it is woken; meanwhile calls of this thread make none. */
static int uring_socket_among_calls(int event)
{
	struct io_uring_sqe *poll = request();
	pthread_t waker;
	int result;

	io_uring_prep_poll_add(poll, event, POLLIN);
	poll->flags |= IOSQE_IO_LINK;
	io_uring_prep_socket(request(), AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
	if (io_uring_submit(&ring) != 2 || pthread_create(&waker, NULL, wake, &event))
		case_die("io_uring, or a thread");
	while (io_uring_cq_ready(&ring) < 2)
		socket(-1, SOCK_STREAM, 0);
	if (pthread_join(waker, NULL) || eventfd_read(event, &(eventfd_t){0}))
		case_die("eventfd");
	MUST(complete());
	result = complete();
	return MUST(result);
}

/* Behind the end of a call its number is still there: the socket may seem to be that call's. */
void case_uring_behind_call(void)
{
	int event = MUST(eventfd(0, EFD_CLOEXEC));

	ring_open(0);
	if (!has_socket_operation())
		case_skip("io_uring makes sockets from 5.19 on");
	for (int i = 0; i < 20; i++) {
		struct endpoint endpoint;

		uring_opened(&endpoint, uring_socket_among_calls(event));
		uring_close(&endpoint);
	}
	io_uring_queue_exit(&ring);
	MUST(close(event));
}
