/* SPDX-License-Identifier: Apache-2.0 */
/* What happens between fork and exec of a child. */
#include "guard/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "guard/sandbox_internal.h"

#define FIRST NA_SUPERVISOR_FIRST_DESCRIPTOR

/*
 * Handlers do not survive exec, but what is ignored and blocked does. What the child handles stays
 * blocked until it can: one that is told to end while it starts must not die of that.
 */
static void reset_signals(void)
{
	static const struct sigaction usual = {.sa_handler = SIG_DFL};
	static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	sigset_t blocked;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &usual, NULL); /* SIGKILL and libc's own refuse, and need not */
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		sigaddset(&blocked, handled[i]);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* First out of each other's way, then to their places; all else is closed. */
static int place_descriptors(const int *descriptors, uint32_t count)
{
	int moved[NA_SUPERVISOR_DESCRIPTORS_MAX];

	for (uint32_t i = 0; i < count; i++) {
		moved[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC,
				 FIRST + NA_SUPERVISOR_DESCRIPTORS_MAX);
		if (moved[i] < 0)
			return -errno;
	}
	for (uint32_t i = 0; i < count; i++)
		if (dup2(moved[i], FIRST + (int)i) < 0)
			return -errno;
	return close_range(FIRST + count, ~0U, 0) < 0 ? -errno : 0;
}

/* The list is in the text, which ends with NUL: returns what is behind it. */
static char *point_to(char *text, char **list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		list[i] = text;
		text += strlen(text) + 1;
	}
	list[count] = NULL;
	return text;
}

/*
 * By its path, so that the process has its name. Where the user may not go there (a checkout of
 * root's), by the descriptor that was opened before.
 */
static int execute(struct na_helper_request *request, int program, struct na_buffer *why)
{
	char **lists = calloc((size_t)request->argument_count + request->environment_count + 2,
			      sizeof(*lists));
	char **environment = lists + request->argument_count + 1;

	if (!lists)
		return na_sandbox_refused(why, "arguments", -ENOMEM);
	point_to(point_to(request->text, lists, request->argument_count), environment,
		 request->environment_count);
	execve(lists[0], lists, environment);
	if (errno == EACCES)
		execveat(program, "", lists, environment, AT_EMPTY_PATH);
	return na_sandbox_refused(why, lists[0], -errno); /* the process ends: no free */
}

static int become(struct na_helper_request *request, const int *descriptors, pid_t parent,
		  struct na_buffer *why)
{
	int error = place_descriptors(descriptors, request->descriptor_count), program;

	if (error)
		return na_sandbox_refused(why, "descriptors", error);
	program = open(request->text, O_PATH | O_CLOEXEC);
	if (program < 0)
		return na_sandbox_refused(why, request->text, -errno);
	error = na_sandbox_shed(&request->identity, why);
	if (error)
		return error;
	/* Behind the change of user, which would undo it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return na_sandbox_refused(why, "PR_SET_PDEATHSIG", -errno);
	if (getppid() != parent)
		_exit(NA_SUPERVISOR_NOT_STARTED);
	return execute(request, program, why);
}

/* ------------------------------------------------------------------------------------------- */

void na_child_run(struct na_helper_request *request, const int *descriptors, pid_t parent)
{
	struct na_buffer why = {0};

	reset_signals();
	become(request, descriptors, parent, &why);
	na_log_error("the child cannot be started: %.*s", (int)why.length,
		     why.length ? why.data : "");
	_exit(NA_SUPERVISOR_NOT_STARTED);
}
