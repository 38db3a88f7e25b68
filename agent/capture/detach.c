/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detaching. The kernel lets go of one trampoline after the other, of each after a grace period of
 * RCU, however many ask for it; and a process that ends waits for that too. So a process of its own
 * has the links at the end: it closes them while the agent reads on, which ends in time whatever
 * the kernel does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/capture_internal.h"

/*
 * The order in which programs go, so that lifecycles are whole nearly to the end. An entry that
 * goes after its return would miss it, and tell so.
 */
enum turn {
	TURN_ENTRIES,
	TURN_HOOKS, /* for their own sake: most of what takes long */
	TURN_SLOW,
	TURN_QUICK,
	TURN_COUNT
};

struct kept {
	int begin; /* at its end the agent has let go of all */
	size_t count;
	int fds[NA_PROGRAM_COUNT + 1]; /* in the order in which they are closed */
};

static bool is_slow(enum na_program id)
{
	return na_program_is_trampoline(id) || na_program_is_of(id, NA_TIER_FEXIT) ||
	       na_program_is_of(id, NA_TIER_LSM) || na_program_is_of(id, NA_TIER_KPROBE);
}

static enum turn turn_of(enum na_program id)
{
	enum na_program first = na_stand_in_first(id);

	if (first)
		id = first;
	if (na_program_hook(id))
		return strncmp(na_program_source(id), "kprobe/", 7) == 0 ? TURN_ENTRIES
									 : TURN_HOOKS;
	return is_slow(id) ? TURN_SLOW : TURN_QUICK;
}

static void keep_links(const struct na_capture *capture, struct kept *kept)
{
	kept->count = 0;
	for (int turn = 0; turn < TURN_COUNT; turn++)
		for (int id = 0; id < NA_PROGRAM_COUNT; id++)
			if (capture->links[id] && turn_of((enum na_program)id) == (enum turn)turn)
				kept->fds[kept->count++] = bpf_link__fd(capture->links[id]);
	if (capture->connect_unix_link >= 0)
		kept->fds[kept->count++] = capture->connect_unix_link;
}

static bool is_kept(const struct kept *kept, int fd)
{
	for (size_t i = 0; i < kept->count; i++)
		if (kept->fds[i] == fd)
			return true;
	return fd == kept->begin;
}

/* The agent's locks, pipes and sockets end when the agent does. */
static void close_others(const struct kept *kept)
{
	int last = kept->begin;

	for (size_t i = 0; i < kept->count; i++)
		last = kept->fds[i] > last ? kept->fds[i] : last;
	for (int fd = 0; fd < last; fd++)
		if (!is_kept(kept, fd))
			close(fd);
	close_range((unsigned int)last + 1, ~0U, 0);
}

/* In a fork of a process with threads: nothing but system calls. */
static _Noreturn void let_go_apart(const struct kept *kept)
{
	struct pollfd begin = {.fd = kept->begin, .events = POLLIN};

	prctl(PR_SET_NAME, "netaudit-detach");
	close_others(kept);
	poll(&begin, 1, -1);
	for (size_t i = 0; i < kept->count; i++)
		close(kept->fds[i]);
	_exit(0);
}

/* What is pinned stays attached; libbpf would silence a kprobe when it forgets its link. */
static void let_go(struct na_capture *capture)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		if (capture->pinned && capture->links[id]) {
			close(bpf_link__fd(capture->links[id]));
			bpf_link__disconnect(capture->links[id]);
		}
		bpf_link__destroy(capture->links[id]);
		capture->links[id] = NULL;
	}
	na_cleanup_fd(&capture->connect_unix_link);
	capture->connect_unix_link = -1;
}

/* ------------------------------------------------------------------------------------------- */

int na_capture_detach_begin(struct na_capture *capture)
{
	struct kept kept;
	int begin[2], error;

	/* The hooks go first: what is still there may not count on them. */
	capture->bpf->data_told->told.lsm = capture->bpf->data_told->told.seccomp = 0;
	if (pipe2(begin, O_CLOEXEC) < 0)
		return -errno;
	kept.begin = begin[0];
	keep_links(capture, &kept);
	capture->detacher = fork();
	if (capture->detacher == 0)
		let_go_apart(&kept);
	capture->detacher_fd = capture->detacher > 0 ? pidfd_open(capture->detacher, 0) : -1;
	error = -errno;
	if (capture->detacher_fd >= 0)
		let_go(capture);
	close(begin[0]);
	close(begin[1]);
	if (capture->detacher_fd >= 0)
		return capture->detacher_fd;
	if (capture->detacher > 0)
		waitpid(capture->detacher, NULL, 0); /* it has copies only */
	capture->detacher = 0;
	return error;
}

bool na_capture_is_detaching(struct na_capture *capture)
{
	if (capture->detacher && waitpid(capture->detacher, NULL, WNOHANG) != 0) {
		capture->detacher = 0;
		na_cleanup_fd(&capture->detacher_fd);
		capture->detacher_fd = -1;
	}
	return capture->detacher != 0;
}

void na_capture_detach(struct na_capture *capture)
{
	let_go(capture);
	capture->counting.next_ns = 0;
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		capture->states[id].attached = false;
	/* While programs run their stand-ins must find marks. */
	if (capture->bpf && !capture->pinned && !na_capture_is_detaching(capture))
		na_stand_ins_settle(capture);
}
