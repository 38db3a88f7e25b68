/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the shipping process and starts it again when it dies. A helper process does it, forked
 * while there are rights to give: afterwards it keeps SETUID, SETGID, KILL and SETPCAP, and capture
 * keeps none of them. Nobody outlives the other: the helper dies with capture, the child with the
 * helper, also by SIGKILL.
 *
 * One thread, but na_supervisor_open: a process with one thread, as early as can be (the helper is
 * a copy of it), and that thread must live as long as the supervisor: its end is the helper's.
 * Nothing here waits but na_supervisor_close.
 */
#ifndef NA_SUPERVISOR_H
#define NA_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "guard/sandbox.h"

#define NA_SUPERVISOR_TEXT_MAX 16384 /* bytes of arguments and environment, with their NULs */
#define NA_SUPERVISOR_DESCRIPTORS_MAX 16
#define NA_SUPERVISOR_FIRST_DESCRIPTOR 3

/* Exit status of a child that could not be started; the log says why. */
#define NA_SUPERVISOR_NOT_STARTED 127

struct na_supervisor;

struct na_supervisor_child {
	const char *const *arguments; /* ended by NULL; the first is the program's absolute path */
	const char *const *environment; /* ended by NULL: all that the child gets */
	struct na_sandbox_identity identity;
	/*
	 * The child has them as 3, 4, …, with stdout and stderr of capture and an empty stdin, and
	 * no others. All children share their file offsets: read them with pread. It begins with
	 * SIGTERM, SIGINT, SIGHUP and SIGUSR1 blocked, and takes them when it can.
	 */
	const int *descriptors;
	size_t descriptor_count;
};

enum na_supervisor_event_type { NA_SUPERVISOR_STARTED, NA_SUPERVISOR_ENDED };

struct na_supervisor_event {
	enum na_supervisor_event_type type;
	int32_t pid;    /* 0: not even fork succeeded */
	int32_t status; /* ENDED: exit status, when it was not killed */
	int32_t signal; /* ENDED: what killed it; 0: it ended by itself */
	bool asked;     /* ENDED: it was told to */
	bool restarts;  /* ENDED: it is started again in … */
	uint64_t restart_ns;
	uint64_t lived_ns;
	uint64_t starts; /* since the supervisor was opened: events may be missing, this is right */
};

/* Forks the helper. Negative errno. */
int na_supervisor_open(struct na_supervisor **ret_supervisor);

/* Of the helper: every child's parent. */
int32_t na_supervisor_helper_pid(const struct na_supervisor *supervisor);

/*
 * Runs this child from now on. One that runs is stopped first, as by na_supervisor_stop: this is
 * how it gets new descriptors. Everything is copied. -E2BIG: more than the maxima above; -EAGAIN:
 * the helper does not keep up; -EPIPE: it is gone, and so is the child.
 */
int na_supervisor_start(struct na_supervisor *supervisor, const struct na_supervisor_child *child,
			uint64_t stop_timeout_ns);

/* SIGTERM, and SIGKILL after the time-out; no restart. Returns as na_supervisor_start. */
int na_supervisor_stop(struct na_supervisor *supervisor, uint64_t timeout_ns);

/* To the child, when one runs. Returns as na_supervisor_start. */
int na_supervisor_signal(struct na_supervisor *supervisor, int number);

/* Readable when there is an event, or the helper is gone. */
int na_supervisor_fd(const struct na_supervisor *supervisor);

/* 1: an event; 0: none now; -EPIPE: the helper is gone, nothing is restarted any more. */
int na_supervisor_next(struct na_supervisor *supervisor, struct na_supervisor_event *ret_event);

/* A sentence about what became of `name`, as "netaudit ship was killed by …". */
void na_supervisor_describe(const struct na_supervisor_event *event, const char *name,
			    struct na_buffer *out);

/* Stops the child and the helper, by force at `deadline_ns` (boot time). NULL is fine. */
void na_supervisor_close(struct na_supervisor **supervisor, uint64_t deadline_ns);

#endif
