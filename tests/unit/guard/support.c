/* SPDX-License-Identifier: Apache-2.0 */
/* A supervisor that runs the probe, with a clock that can leap. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

struct na_guard_clock *na_guard_clock;

static pid_t tester;

uint64_t __real_na_clock_boot_ns(void);
uint64_t __wrap_na_clock_boot_ns(void);
int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask);

uint64_t __wrap_na_clock_boot_ns(void)
{
	return __real_na_clock_boot_ns() +
	       __atomic_load_n(&na_guard_clock->ahead_ns, __ATOMIC_SEQ_CST);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask)
{
	static const struct timespec now;
	int ready;

	if (!timeout || getpid() == tester || !na_guard_clock->leaps)
		return __real_ppoll(fds, count, timeout, mask);
	ready = __real_ppoll(fds, count, &now, mask);
	if (ready == 0)
		__atomic_add_fetch(&na_guard_clock->ahead_ns,
				   (uint64_t)timeout->tv_sec * NA_NS_PER_SEC +
					   (uint64_t)timeout->tv_nsec,
				   __ATOMIC_SEQ_CST);
	return ready;
}

static void await(int fd)
{
	struct pollfd wait = {fd, POLLIN, 0};

	assert_int_equal(poll(&wait, 1, NA_GUARD_PATIENCE_MS), 1);
}

/* ------------------------------------------------------------------------------------------- */

void na_guard_clock_init(void)
{
	tester = getpid();
	na_guard_clock = mmap(NULL, sizeof(*na_guard_clock), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void na_guard_open(struct na_guard_run *run)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	run->report = ends[0];
	run->write = ends[1];
	assert_int_equal(na_supervisor_open(&run->supervisor), 0);
}

void na_guard_close(struct na_guard_run *run)
{
	na_guard_clock->leaps = false;
	na_supervisor_close(&run->supervisor, na_clock_boot_ns() + 5 * NA_NS_PER_SEC);
	assert_null(run->supervisor);
	close(run->report);
	close(run->write);
}

void na_guard_start(struct na_guard_run *run, const char *what,
		    const struct na_sandbox_identity *identity, uint64_t stop_timeout_ns)
{
	const char *arguments[] = {NA_GUARD_PROBE, what, NULL};
	const char *environment[] = {"NETAUDIT_TEST=1", "ASAN_OPTIONS=detect_leaks=0", NULL};
	int descriptors[NA_SUPERVISOR_DESCRIPTORS_MAX] = {run->write};
	struct na_supervisor_child child = {.arguments = arguments,
					    .environment = environment,
					    .descriptors = descriptors,
					    .descriptor_count = 1 + run->more_count};

	for (size_t i = 0; i < run->more_count; i++)
		descriptors[1 + i] = run->more[i];
	if (identity)
		child.identity = *identity;
	else
		na_sandbox_self(&child.identity);
	assert_int_equal(na_supervisor_start(run->supervisor, &child, stop_timeout_ns), 0);
}

struct na_supervisor_event na_guard_event(struct na_guard_run *run)
{
	struct na_supervisor_event event;

	await(na_supervisor_fd(run->supervisor));
	assert_int_equal(na_supervisor_next(run->supervisor, &event), 1);
	return event;
}

void na_guard_report(struct na_guard_run *run)
{
	size_t length = 1;

	run->text[0] = '\n';
	do {
		ssize_t count;

		await(run->report);
		count = read(run->report, run->text + length, sizeof(run->text) - 1 - length);
		assert_true(count > 0);
		length += (size_t)count;
		run->text[length] = '\0';
	} while (!strstr(run->text, "\nend\n"));
}

const char *na_guard_line(const struct na_guard_run *run, const char *name)
{
	static char value[512];
	char head[64];
	const char *found;
	size_t length;

	snprintf(head, sizeof(head), "\n%s:", name);
	found = strstr(run->text, head);
	if (!found)
		return "";
	found += strlen(head);
	found += strspn(found, " \t");
	length = strcspn(found, "\n");
	if (length >= sizeof(value))
		length = sizeof(value) - 1;
	memcpy(value, found, length);
	value[length] = '\0';
	return value;
}

void na_guard_await_end(int pidfd)
{
	await(pidfd);
}
