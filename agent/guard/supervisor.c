/* SPDX-License-Identifier: Apache-2.0 */
/* Capture's end of the helper. */
#include "guard/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "format/human.h"
#include "guard/helper.h"

struct na_supervisor {
	int socket;
	pid_t helper;
	int helper_fd;
	struct na_helper_request request; /* being put together */
};

/* Appends the texts of a list; false: no room. */
static bool add_texts(struct na_helper_request *request, const char *const *texts,
		      uint32_t *ret_count)
{
	uint32_t count = 0;

	for (; texts[count]; count++) {
		size_t size = strlen(texts[count]) + 1;

		if (size > sizeof(request->text) - request->text_length)
			return false;
		memcpy(request->text + request->text_length, texts[count], size);
		request->text_length += (uint32_t)size;
	}
	*ret_count = count;
	return true;
}

static int send_request(struct na_supervisor *supervisor, const int *descriptors)
{
	size_t bytes = supervisor->request.descriptor_count * sizeof(int);
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(NA_SUPERVISOR_DESCRIPTORS_MAX * sizeof(int))] = {0};
	struct iovec data = {&supervisor->request, sizeof(supervisor->request)};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	if (bytes) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(bytes);
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){.cmsg_len = CMSG_LEN(bytes),
							    .cmsg_level = SOL_SOCKET,
							    .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), descriptors, bytes);
	}
	if (sendmsg(supervisor->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
}

static int ask(struct na_supervisor *supervisor, enum na_helper_ask what, uint64_t timeout_ns,
	       int number)
{
	supervisor->request =
		(struct na_helper_request){.ask = what, .timeout_ns = timeout_ns, .signal = number};
	return send_request(supervisor, NULL);
}

static void wait_for_end(const struct na_supervisor *supervisor, uint64_t deadline_ns)
{
	struct pollfd end = {supervisor->helper_fd, POLLIN, 0};
	int ready;

	do {
		uint64_t now_ns = na_clock_boot_ns();
		uint64_t left_ns = now_ns < deadline_ns ? deadline_ns - now_ns : 0;
		struct timespec left = {(time_t)(left_ns / NA_NS_PER_SEC),
					(long)(left_ns % NA_NS_PER_SEC)};

		ready = ppoll(&end, 1, &left, NULL);
	} while (ready < 0 && errno == EINTR);
}

static void describe_signal(int number, const char *name, struct na_buffer *out)
{
	const char *abbreviation = sigabbrev_np(number);

	if (number == SIGSYS)
		na_buffer_printf(out, "%s was killed by its seccomp filter (SIGSYS)", name);
	else
		na_buffer_printf(out, "%s was killed by SIG%s", name,
				 abbreviation ? abbreviation : "?");
}

/* ------------------------------------------------------------------------------------------- */

int na_supervisor_open(struct na_supervisor **ret_supervisor)
{
	NA_FREE struct na_supervisor *supervisor = calloc(1, sizeof(*supervisor));
	int sockets[2] = {-1, -1};
	pid_t parent = getpid();

	if (!supervisor)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	supervisor->socket = sockets[0];
	supervisor->helper = fork();
	if (supervisor->helper == 0)
		na_helper_run(sockets[1], parent);
	close(sockets[1]);
	supervisor->helper_fd = supervisor->helper > 0 ? pidfd_open(supervisor->helper, 0) : -1;
	if (supervisor->helper_fd < 0) {
		int error = -errno;

		close(sockets[0]); /* which ends the helper, if there is one */
		if (supervisor->helper > 0)
			waitpid(supervisor->helper, NULL, 0);
		return error;
	}
	*ret_supervisor = NA_TAKE_POINTER(supervisor);
	return 0;
}

int32_t na_supervisor_helper_pid(const struct na_supervisor *supervisor)
{
	return supervisor->helper;
}

int na_supervisor_start(struct na_supervisor *supervisor, const struct na_supervisor_child *child,
			uint64_t stop_timeout_ns)
{
	struct na_helper_request *request = &supervisor->request;

	*request = (struct na_helper_request){
		.ask = NA_HELPER_START, .timeout_ns = stop_timeout_ns, .identity = child->identity};
	if (child->descriptor_count > NA_SUPERVISOR_DESCRIPTORS_MAX ||
	    !add_texts(request, child->arguments, &request->argument_count) ||
	    !add_texts(request, child->environment, &request->environment_count))
		return -E2BIG;
	request->descriptor_count = (uint32_t)child->descriptor_count;
	return send_request(supervisor, child->descriptors);
}

int na_supervisor_stop(struct na_supervisor *supervisor, uint64_t timeout_ns)
{
	return ask(supervisor, NA_HELPER_STOP, timeout_ns, 0);
}

int na_supervisor_signal(struct na_supervisor *supervisor, int number)
{
	return ask(supervisor, NA_HELPER_SIGNAL, 0, number);
}

int na_supervisor_fd(const struct na_supervisor *supervisor)
{
	return supervisor->socket;
}

int na_supervisor_next(struct na_supervisor *supervisor, struct na_supervisor_event *ret_event)
{
	struct na_supervisor_event event;
	ssize_t size = recv(supervisor->socket, &event, sizeof(event), MSG_DONTWAIT | MSG_TRUNC);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (size != sizeof(event))
		return -EPIPE;
	*ret_event = event;
	return 1;
}

void na_supervisor_describe(const struct na_supervisor_event *event, const char *name,
			    struct na_buffer *out)
{
	if (event->type == NA_SUPERVISOR_STARTED) {
		na_buffer_printf(out, "%s runs as process %d", name, event->pid);
		return;
	}
	if (event->signal)
		describe_signal(event->signal, name, out);
	else if (event->status == NA_SUPERVISOR_NOT_STARTED)
		na_buffer_printf(out, "%s could not be started", name);
	else
		na_buffer_printf(out, "%s ended with status %d", name, event->status);
	if (!event->asked) {
		na_buffer_append_string(out, " after ");
		na_human_append_duration(out, event->lived_ns);
	}
	if (event->restarts && event->restart_ns) {
		na_buffer_append_string(out, ", is started again in ");
		na_human_append_duration(out, event->restart_ns);
	}
}

void na_supervisor_close(struct na_supervisor **pointer, uint64_t deadline_ns)
{
	NA_FREE struct na_supervisor *supervisor = NA_TAKE_POINTER(*pointer);
	uint64_t now_ns = na_clock_boot_ns();

	if (!supervisor)
		return;
	/* The helper gets the time to kill the child, and to wait for its end. */
	if (ask(supervisor, NA_HELPER_QUIT, now_ns < deadline_ns ? deadline_ns - now_ns : 0, 0) ==
	    0)
		wait_for_end(supervisor, deadline_ns + NA_NS_PER_SEC);
	kill(supervisor->helper, SIGKILL);
	waitpid(supervisor->helper, NULL, 0);
	close(supervisor->helper_fd);
	close(supervisor->socket);
}
