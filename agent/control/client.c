/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a running agent. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "control/control.h"
#include "control/socket.h"

#define CHUNK_SIZE 16384

/* 0 or -ETIMEDOUT. */
static int wait_until(int fd, short what, uint64_t deadline_ns)
{
	struct pollfd wait = {fd, what, 0};
	int ready;

	do {
		uint64_t now_ns = na_clock_boot_ns();
		uint64_t left_ns = now_ns < deadline_ns ? deadline_ns - now_ns : 0;
		struct timespec left = {(time_t)(left_ns / NA_NS_PER_SEC),
					(long)(left_ns % NA_NS_PER_SEC)};

		ready = ppoll(&wait, 1, &left, NULL);
	} while (ready < 0 && errno == EINTR);
	return ready > 0 ? 0 : -ETIMEDOUT;
}

static int send_request(int fd, const char *request, uint64_t deadline_ns)
{
	json_t *json = json_pack("{s:s}", "request", request);
	char *line = json_dumps(json, JSON_COMPACT);
	size_t length = line ? strlen(line) : 0, sent = 0;
	int error = line ? 0 : -ENOMEM;

	if (line)
		line[length++] = '\n'; /* instead of its NUL */
	while (!error && sent < length) {
		ssize_t count = send(fd, line + sent, length - sent, MSG_NOSIGNAL);

		if (count >= 0)
			sent += (size_t)count;
		else if (errno == EAGAIN)
			error = wait_until(fd, POLLOUT, deadline_ns);
		else if (errno != EINTR)
			error = -errno;
	}
	free(line);
	json_decref(json);
	return error;
}

/* Up to the end of the line, or of the connection. */
static int read_answer(int fd, struct na_buffer *line, uint64_t deadline_ns)
{
	for (;;) {
		int error = wait_until(fd, POLLIN, deadline_ns);
		ssize_t count;

		if (error)
			return error;
		if (line->length > NA_CONTROL_ANSWER_MAX)
			return -EBADMSG;
		if (na_buffer_reserve(line, CHUNK_SIZE) < 0)
			return -ENOMEM;
		count = read(fd, line->data + line->length, CHUNK_SIZE);
		if (count < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (count == 0)
			return -EBADMSG;
		line->length += count > 0 ? (size_t)count : 0;
		if (line->length && line->data[line->length - 1] == '\n')
			return 0;
	}
}

static int parse(const struct na_buffer *line, json_t **ret_answer, struct na_buffer *why)
{
	json_t *answer = json_loadb(line->data, line->length, JSON_REJECT_DUPLICATES, NULL);
	const char *refused = json_string_value(json_object_get(answer, "error"));

	if (json_is_object(answer) && !refused) {
		*ret_answer = answer;
		return 0;
	}
	if (refused)
		na_buffer_append_string(why, refused);
	json_decref(answer);
	return refused ? -EREMOTEIO : -EBADMSG;
}

static int exchange(const char *path, const char *request, json_t **ret_answer,
		    struct na_buffer *why)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer line = {0};
	uint64_t deadline_ns = na_clock_boot_ns() + NA_CONTROL_TIMEOUT_NS;
	NA_CLOSE int fd = na_control_socket_connect(path, true);
	int error = fd < 0 ? fd : send_request(fd, request, deadline_ns);

	if (error == -ENOENT)
		return -ECONNREFUSED;
	if (error == -EAGAIN) /* its queue was full all the time */
		return -ETIMEDOUT;
	if (!error)
		error = read_answer(fd, &line, deadline_ns);
	if (error == -ECONNRESET || error == -EPIPE)
		return -EBADMSG;
	return error ? error : parse(&line, ret_answer, why);
}

static void explain(int error, const char *path, struct na_buffer *why)
{
	if (error == -ECONNREFUSED)
		na_buffer_printf(why, "no agent runs: nobody answers at %s", path);
	else if (error == -EACCES)
		na_buffer_printf(why, "not permitted to ask at %s: only root is", path);
	else if (error == -ETIMEDOUT)
		na_buffer_printf(why, "the agent at %s does not answer in time", path);
	else if (error == -EBADMSG)
		na_buffer_printf(why, "what came from %s is no answer", path);
	else if (error != -EREMOTEIO)
		na_buffer_printf(why, "%s: %s", path, strerrordesc_np(-error));
}

/* ------------------------------------------------------------------------------------------- */

int na_control_ask(const char *path, const char *request, json_t **ret_answer,
		   struct na_buffer *why)
{
	int error = exchange(path, request, ret_answer, why);

	if (error)
		explain(error, path, why);
	return error;
}

bool na_control_is_there(const char *path)
{
	int fd = na_control_socket_connect(path, false);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || fd == -EACCES || fd == -EAGAIN; /* EAGAIN: so many ask that it is full */
}
