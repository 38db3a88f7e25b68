/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper: waits for requests, for the end of its child, and for the moment to kill it or start
 * it again. It has one thread, holds no data, and reads nothing that comes from outside the host.
 */
#include "guard/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "guard/backoff.h"
#include "guard/capabilities.h"
#include "guard/child.h"

#define NEVER UINT64_MAX
#define SOCKET 3 /* the first free place: everything behind it is closed */

struct helper {
	pid_t self;
	bool wanted;   /* a child should run */
	bool stopping; /* the one that runs was told to end */
	bool quitting;
	pid_t child; /* 0: none */
	int child_fd;
	uint64_t started_ns, kill_ns, start_ns; /* boot time, or NEVER */
	uint64_t starts;
	struct na_backoff backoff;
	int descriptors[NA_SUPERVISOR_DESCRIPTORS_MAX];
	struct na_helper_request request; /* the last START */
};

/* Capture that does not read misses events, and sees by `starts` that it did. */
static void tell(struct helper *helper, struct na_supervisor_event *event)
{
	event->starts = helper->starts;
	send(SOCKET, event, sizeof(*event), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Tests that kill many children do not wait for the last. */
static uint64_t wait_of(struct helper *helper, uint64_t lived_ns)
{
	const char *test_ms = getenv("NETAUDIT_TEST_RESTART_MS");
	uint64_t wait_ns = na_backoff_next(&helper->backoff, lived_ns);

	return test_ms ? strtoull(test_ms, NULL, 10) * NA_NS_PER_MS : wait_ns;
}

static void plan_restart(struct helper *helper, struct na_supervisor_event *event, uint64_t now_ns)
{
	event->asked = helper->stopping;
	event->restarts = helper->wanted;
	event->restart_ns = event->asked ? 0 : wait_of(helper, event->lived_ns);
	helper->start_ns = helper->wanted ? now_ns + event->restart_ns : NEVER;
	helper->kill_ns = NEVER;
	helper->stopping = false;
	helper->child = 0;
	tell(helper, event);
}

static void start(struct helper *helper)
{
	struct na_supervisor_event event = {.type = NA_SUPERVISOR_ENDED,
					    .status = NA_SUPERVISOR_NOT_STARTED};
	pid_t pid = fork();

	if (pid == 0)
		na_child_run(&helper->request, helper->descriptors, helper->self);
	helper->started_ns = na_clock_boot_ns();
	helper->start_ns = NEVER;
	helper->child_fd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (helper->child_fd < 0) {
		na_log_error("the child cannot be started: %s", strerrordesc_np(errno));
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		plan_restart(helper, &event, helper->started_ns);
		return;
	}
	helper->child = pid;
	helper->starts++;
	event = (struct na_supervisor_event){.type = NA_SUPERVISOR_STARTED, .pid = pid};
	tell(helper, &event);
}

static void reap(struct helper *helper)
{
	struct na_supervisor_event event = {.type = NA_SUPERVISOR_ENDED, .pid = helper->child};
	uint64_t now_ns = na_clock_boot_ns();
	int status;

	if (waitpid(helper->child, &status, WNOHANG) != helper->child)
		return;
	event.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	event.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	event.lived_ns = now_ns - helper->started_ns;
	close(helper->child_fd);
	helper->child_fd = -1;
	plan_restart(helper, &event, now_ns);
}

static void stop(struct helper *helper, uint64_t timeout_ns)
{
	uint64_t now_ns = na_clock_boot_ns();

	if (!helper->child)
		return;
	kill(helper->child, SIGTERM);
	helper->stopping = true;
	helper->kill_ns = timeout_ns < NEVER - now_ns ? now_ns + timeout_ns : NEVER;
}

static void close_descriptors(struct helper *helper)
{
	for (size_t i = 0; i < NA_SUPERVISOR_DESCRIPTORS_MAX; i++) {
		na_cleanup_fd(&helper->descriptors[i]);
		helper->descriptors[i] = -1;
	}
}

/* Takes over what came with START. */
static void replace(struct helper *helper, const struct na_helper_request *request,
		    const int *descriptors)
{
	close_descriptors(helper);
	memcpy(helper->descriptors, descriptors, sizeof(helper->descriptors));
	helper->request = *request;
	helper->wanted = true;
	helper->backoff = (struct na_backoff){0};
	helper->start_ns = na_clock_boot_ns(); /* when one runs: as soon as it ended */
	stop(helper, request->timeout_ns);
}

static void serve(struct helper *helper, const struct na_helper_request *request,
		  const int *descriptors)
{
	switch (request->ask) {
	case NA_HELPER_START:
		replace(helper, request, descriptors);
		return;
	case NA_HELPER_STOP:
	case NA_HELPER_QUIT:
		helper->wanted = false;
		helper->quitting = request->ask == NA_HELPER_QUIT;
		helper->start_ns = NEVER;
		stop(helper, request->timeout_ns);
		return;
	default:
		if (helper->child)
			kill(helper->child, request->signal);
	}
}

/* Are the texts that are counted there? What follows them is nobody's. */
static bool is_sound(const struct na_helper_request *request, size_t size, uint32_t descriptors)
{
	uint32_t texts = 0;

	if (size != sizeof(*request) || request->ask >= NA_HELPER_ASK_COUNT ||
	    request->text_length > sizeof(request->text) ||
	    request->descriptor_count != descriptors ||
	    request->identity.group_count > NA_SANDBOX_GROUPS_MAX)
		return false;
	for (uint32_t i = 0; i < request->text_length; i++)
		texts += request->text[i] == '\0';
	return request->ask != NA_HELPER_START ||
	       (request->argument_count > 0 && request->argument_count <= texts &&
		request->environment_count == texts - request->argument_count);
}

static uint32_t take_descriptors(struct msghdr *message, int *descriptors)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	size_t bytes = part ? part->cmsg_len - CMSG_LEN(0) : 0;

	for (size_t i = 0; i < NA_SUPERVISOR_DESCRIPTORS_MAX; i++)
		descriptors[i] = -1;
	if (part && part->cmsg_type == SCM_RIGHTS)
		memcpy(descriptors, CMSG_DATA(part), bytes);
	return (uint32_t)(bytes / sizeof(int));
}

__attribute__((noreturn)) static void end(struct helper *helper)
{
	if (helper->child)
		kill(helper->child, SIGKILL);
	_exit(0);
}

/* The end of capture is the end of all. */
static void take_request(struct helper *helper)
{
	static struct na_helper_request request; /* too large for comfort on the stack */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(helper->descriptors))];
	struct iovec data = {&request, sizeof(request)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	ssize_t size = recvmsg(SOCKET, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	int descriptors[NA_SUPERVISOR_DESCRIPTORS_MAX];
	uint32_t count;

	if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
		end(helper);
	if (size < 0)
		return;
	count = take_descriptors(&message, descriptors);
	if (is_sound(&request, (size_t)size, count)) {
		serve(helper, &request, descriptors);
		return;
	}
	na_log_error("a request to the helper makes no sense and is not served");
	for (uint32_t i = 0; i < count; i++)
		close(descriptors[i]);
}

static void wait_for_something(const struct helper *helper)
{
	uint64_t until_ns = helper->kill_ns, now_ns = na_clock_boot_ns();
	struct pollfd waits[] = {{SOCKET, POLLIN, 0}, {helper->child_fd, POLLIN, 0}};
	struct timespec left;

	if (!helper->child && helper->start_ns < until_ns)
		until_ns = helper->start_ns;
	if (until_ns > now_ns && until_ns != NEVER) {
		left.tv_sec = (time_t)((until_ns - now_ns) / NA_NS_PER_SEC);
		left.tv_nsec = (long)((until_ns - now_ns) % NA_NS_PER_SEC);
	} else {
		left = (struct timespec){0};
	}
	ppoll(waits, 2, until_ns == NEVER ? NULL : &left, NULL);
}

static void turn(struct helper *helper)
{
	uint64_t now_ns;

	wait_for_something(helper);
	take_request(helper);
	if (helper->child)
		reap(helper);
	now_ns = na_clock_boot_ns();
	if (helper->child && now_ns >= helper->kill_ns) {
		kill(helper->child, SIGKILL);
		helper->kill_ns = NEVER;
	}
	if (!helper->child && now_ns >= helper->start_ns)
		start(helper);
}

/* Its own session: Ctrl-C is for capture, which then tells when to end. */
static int settle(int socket, pid_t parent)
{
	NA_CLOSE int nothing = -1;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "netaudit-helper", 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	if (getppid() != parent)
		return -ESRCH;
	if (socket != SOCKET && dup3(socket, SOCKET, O_CLOEXEC) < 0)
		return -errno;
	if (close_range(SOCKET + 1, ~0U, 0) < 0)
		return -errno;
	nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		return -errno;
	return na_capabilities_keep(NA_CAPABILITIES_HELPER, NULL);
}

/* ------------------------------------------------------------------------------------------- */

void na_helper_run(int socket, pid_t parent)
{
	static struct helper helper; /* 16 KiB; this process has one */
	int error = settle(socket, parent);

	if (error) {
		na_log_error("the helper process cannot be set up: %s", strerrordesc_np(-error));
		_exit(1);
	}
	helper = (struct helper){
		.self = getpid(), .child_fd = -1, .kill_ns = NEVER, .start_ns = NEVER};
	memset(helper.descriptors, -1, sizeof(helper.descriptors));
	while (!helper.quitting || helper.child)
		turn(&helper);
	_exit(0);
}
