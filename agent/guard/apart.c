/* SPDX-License-Identifier: Apache-2.0 */
/* A function in a process of its own. */
#include "guard/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define PIPE_FD 3 /* of the child, which has no other beside the standard ones */

enum { FAILED = 126, RESULT_MAX = 125 }; /* FAILED: a negative errno follows the text */

static void write_all(const void *data, size_t length)
{
	const char *at = data;

	while (length) {
		ssize_t count = write(PIPE_FD, at, length);

		if (count < 0)
			_exit(FAILED);
		at += count;
		length -= (size_t)count;
	}
}

/* Capture cannot change its user once it gave up the right: what it has left goes all the same. */
static int shed(const struct na_sandbox_identity *identity, struct na_buffer *out)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_sandbox_identity self;
	int error = na_sandbox_shed(identity, &why);

	if (error != -EPERM)
		goto end;
	na_buffer_clear(&why);
	na_sandbox_self(&self);
	error = na_sandbox_shed(&self, &why);
end:
	if (error)
		na_buffer_append(out, why.data, why.length);
	return error;
}

__attribute__((noreturn)) static void child(const struct na_sandbox_identity *identity,
					    na_apart_function *function, void *context, int fd,
					    pid_t parent)
{
	struct na_buffer out = {0};
	int result;

	if ((fd != PIPE_FD && dup2(fd, PIPE_FD) < 0) || close_range(PIPE_FD + 1, ~0U, 0) < 0)
		_exit(FAILED);
	result = shed(identity, &out);
	/* Behind the change of user, which would undo it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(FAILED);
	if (!result)
		result = function(context, &out);
	if (na_buffer_error(&out) && result >= 0)
		result = -ENOMEM;
	write_all(out.data, out.length);
	if (result < 0)
		write_all(&result, sizeof(result));
	_exit(result < 0 ? FAILED : result);
}

/* 0: it closed its end; -ETIME; or another negative errno. */
static int read_text(int fd, uint64_t deadline_ns, struct na_buffer *out)
{
	size_t most = out->length + NA_APART_TEXT_MAX;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t count = 1;

	while (count) {
		uint64_t now_ns = na_clock_boot_ns();

		if (now_ns >= deadline_ns)
			return -ETIME;
		if (out->length >= most)
			return -EFBIG;
		if (na_buffer_reserve(out, 4096) < 0)
			return -ENOMEM;
		if (poll(&ready, 1, (int)((deadline_ns - now_ns) / NA_NS_PER_MS) + 1) <= 0)
			continue;
		count = read(fd, out->data + out->length, 4096);
		if (count < 0)
			return -errno;
		out->length += (size_t)count;
	}
	return 0;
}

/* What became of the child, whose text is there. */
static int take_result(int status, size_t start, struct na_buffer *out)
{
	int error;

	if (WIFSIGNALED(status)) {
		out->length = start;
		na_buffer_printf(out, "killed by signal %d (%s)", WTERMSIG(status),
				 sigdescr_np(WTERMSIG(status)));
		return -ECHILD;
	}
	if (WEXITSTATUS(status) <= RESULT_MAX)
		return WEXITSTATUS(status);
	if (out->length - start < sizeof(error))
		return -EIO;
	memcpy(&error, out->data + out->length - sizeof(error), sizeof(error));
	out->length -= sizeof(error);
	return error < 0 ? error : -EIO;
}

/* ------------------------------------------------------------------------------------------- */

int na_apart_run(const struct na_sandbox_identity *identity, na_apart_function *function,
		 void *context, uint64_t timeout_ns, struct na_buffer *out)
{
	NA_CLOSE int reader = -1;
	size_t start = out->length;
	pid_t parent = getpid(), pid;
	int ends[2], status, error;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	pid = fork();
	if (!pid)
		child(identity, function, context, ends[1], parent);
	error = -errno;
	close(ends[1]);
	if (pid < 0)
		return error;
	error = read_text(reader, na_clock_boot_ns() + timeout_ns, out);
	if (error)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return error ? error : take_result(status, start, out);
}
