/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server thread of the control socket. It owns all clients; other threads only write to the
 * eventfd that ends it.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "control/control.h"
#include "control/socket.h"

#define PAUSE_NS NA_NS_PER_SEC /* after accept failed: no descriptors, no memory */

struct client {
	int fd; /* -1: the place is free */
	uint64_t deadline_ns;
	size_t length;
	char request[NA_CONTROL_REQUEST_MAX];
	char *answer; /* NULL: the request is not complete */
	size_t answer_length, sent;
};

struct na_control {
	char *path;
	unsigned long inode;
	int listener, end_fd;
	pthread_t thread;
	const struct na_control_handler *handlers;
	size_t handler_count;
	/* Server thread only: */
	uint64_t accept_ns; /* not before */
	struct client clients[NA_CONTROL_CLIENTS_MAX];
};

static void close_client(struct client *client)
{
	na_cleanup_fd(&client->fd);
	free(client->answer);
	client->fd = -1;
	client->answer = NULL;
}

static struct client *free_place(struct na_control *control)
{
	for (size_t i = 0; i < NA_CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	return NULL;
}

/* The mode of the file says the same; but it can be changed. */
static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void accept_client(struct na_control *control, struct client *place, uint64_t now_ns)
{
	NA_CLOSE int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		control->accept_ns = now_ns + PAUSE_NS;
	if (fd < 0 || !may_ask(fd))
		return;
	place->fd = NA_TAKE_FD(fd);
	place->deadline_ns = now_ns + NA_CONTROL_TIMEOUT_NS;
	place->length = 0;
	place->sent = 0;
}

static json_t *refusal(const char *sentence)
{
	return json_pack("{s:s}", "error", sentence);
}

static json_t *answer_to(const struct na_control *control, const char *line, size_t length)
{
	json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(request, "request"));
	json_t *answer = NULL;
	bool found = false;

	for (size_t i = 0; name && i < control->handler_count && !found; i++) {
		const struct na_control_handler *handler = &control->handlers[i];

		found = strcmp(handler->request, name) == 0;
		if (found)
			answer = handler->answer(handler->context, request);
	}
	json_decref(request);
	if (!name)
		return refusal("a request is {\"request\": \"name\"} on one line");
	if (!found)
		return refusal("this agent does not know this request");
	return answer ? answer : refusal("out of memory");
}

/* False: no memory, the client is cut off. */
static bool prepare_answer(struct client *client, json_t *answer)
{
	size_t length = json_dumpb(answer, NULL, 0, JSON_COMPACT);

	if (!length || length >= NA_CONTROL_ANSWER_MAX) {
		json_decref(answer);
		answer = refusal("the answer is too large");
		length = json_dumpb(answer, NULL, 0, JSON_COMPACT);
	}
	client->answer = length ? malloc(length + 1) : NULL;
	if (client->answer) {
		json_dumpb(answer, client->answer, length, JSON_COMPACT);
		client->answer[length] = '\n';
		client->answer_length = length + 1;
	}
	json_decref(answer);
	return client->answer != NULL;
}

/* False: this client is done with. */
static bool read_request(struct na_control *control, struct client *client)
{
	char *to = client->request + client->length, *end;
	ssize_t count = read(client->fd, to, sizeof(client->request) - client->length);

	if (count < 0)
		return errno == EAGAIN || errno == EINTR;
	if (count == 0)
		return false;
	client->length += (size_t)count;
	end = memchr(to, '\n', (size_t)count);
	if (end)
		return prepare_answer(client, answer_to(control, client->request,
							(size_t)(end - client->request)));
	if (client->length == sizeof(client->request))
		return prepare_answer(client, refusal("the request is too long"));
	return true;
}

static bool write_answer(struct client *client)
{
	ssize_t count = send(client->fd, client->answer + client->sent,
			     client->answer_length - client->sent, MSG_NOSIGNAL);

	if (count < 0)
		return errno == EAGAIN || errno == EINTR;
	client->sent += (size_t)count;
	return client->sent < client->answer_length;
}

static void serve_client(struct na_control *control, struct client *client, short happened,
			 uint64_t now_ns)
{
	bool goes_on = now_ns < client->deadline_ns;

	if (goes_on && happened)
		goes_on = client->answer ? write_answer(client) : read_request(control, client);
	if (!goes_on)
		close_client(client);
}

/* Until something happens, or the next deadline. False: the end. */
static bool wait_for_something(struct na_control *control, struct pollfd *waits)
{
	uint64_t now_ns = na_clock_boot_ns(), until_ns = UINT64_MAX, left_ns;
	bool accepts = free_place(control) && now_ns >= control->accept_ns;
	struct timespec left;

	waits[0] = (struct pollfd){control->end_fd, POLLIN, 0};
	waits[1] = (struct pollfd){accepts ? control->listener : -1, POLLIN, 0};
	if (now_ns < control->accept_ns)
		until_ns = control->accept_ns;
	for (size_t i = 0; i < NA_CONTROL_CLIENTS_MAX; i++) {
		const struct client *client = &control->clients[i];

		waits[2 + i] = (struct pollfd){client->fd, client->answer ? POLLOUT : POLLIN, 0};
		if (client->fd >= 0 && client->deadline_ns < until_ns)
			until_ns = client->deadline_ns;
	}
	left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	left = (struct timespec){(time_t)(left_ns / NA_NS_PER_SEC),
				 (long)(left_ns % NA_NS_PER_SEC)};
	if (ppoll(waits, 2 + NA_CONTROL_CLIENTS_MAX, until_ns == UINT64_MAX ? NULL : &left, NULL) <
	    0)
		for (size_t i = 0; i < 2 + NA_CONTROL_CLIENTS_MAX; i++)
			waits[i].revents = 0;
	return !waits[0].revents;
}

static void *serve(void *argument)
{
	struct na_control *control = argument;
	struct pollfd waits[2 + NA_CONTROL_CLIENTS_MAX];

	while (wait_for_something(control, waits)) {
		uint64_t now_ns = na_clock_boot_ns();

		for (size_t i = 0; i < NA_CONTROL_CLIENTS_MAX; i++)
			if (control->clients[i].fd >= 0)
				serve_client(control, &control->clients[i], waits[2 + i].revents,
					     now_ns);
		if (waits[1].revents && free_place(control))
			accept_client(control, free_place(control), now_ns);
	}
	return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct na_control *control)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&control->thread, NULL, serve, control);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

static void free_control(struct na_control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < NA_CONTROL_CLIENTS_MAX; i++)
		close_client(&control->clients[i]);
	na_cleanup_fd(&control->listener);
	na_cleanup_fd(&control->end_fd);
	free(control->path);
	free(control);
}

static struct na_control *make_control(const struct na_control_options *options)
{
	struct na_control *control = calloc(1, sizeof(*control));

	if (!control)
		return NULL;
	for (size_t i = 0; i < NA_CONTROL_CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	control->listener = -1;
	control->handlers = options->handlers;
	control->handler_count = options->handler_count;
	control->end_fd = eventfd(0, EFD_CLOEXEC);
	control->path = strdup(options->path);
	if (control->end_fd >= 0 && control->path)
		return control;
	free_control(control);
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */

int na_control_start(const struct na_control_options *options, struct na_control **ret_control,
		     struct na_buffer *why)
{
	struct na_control *control = make_control(options);
	int error;

	if (!control) {
		na_buffer_append_string(why, "out of memory or descriptors");
		return -ENOMEM;
	}
	control->listener = na_control_socket_listen(options->path, why);
	error = control->listener < 0 ? control->listener : 0;
	if (!error) {
		control->inode = na_control_socket_inode(options->path);
		error = start_thread(control);
		if (error)
			na_buffer_printf(why, "no thread for the control socket: %s",
					 strerrordesc_np(-error));
	}
	if (!error) {
		*ret_control = control;
		return 0;
	}
	na_control_socket_remove(control->path, control->inode);
	free_control(control);
	return error;
}

void na_control_stop(struct na_control **pointer)
{
	struct na_control *control = NA_TAKE_POINTER(*pointer);

	if (!control)
		return;
	eventfd_write(control->end_fd, 1);
	pthread_join(control->thread, NULL);
	na_control_socket_remove(control->path, control->inode);
	free_control(control);
}
