/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-test: makes connections, datagrams and a process of the agent's own, and waits until
 * every program that they must have fed reported them.
 *
 * What is needed is noted step by step, when the step was done: where loopback is down or IPv6 is
 * off, the programs behind it are not tested, and the result says so.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/capture_internal.h"
#include "capture/uring_shutdown.h"

#define CHILD "/bin/true"
#define READ_LIMIT 4096
#define OWN_LATE_NS (10 * NA_NS_PER_SEC) /* the last records come from softirqs and timers */

#define NEAR_MAX 3 /* programs nearer to an operation than the exit of system calls */

struct test {
	struct na_capture *capture;
	struct na_own *own;
	uint64_t deadline_ns;
	enum na_own_version version; /* of what is being made */
	int family;
	na_record_take *take; /* of records that are not the test's */
	void *context;
	int result;                    /* of reading, 0 or the taker's error */
	uint64_t calls[NA_HOOK_COUNT]; /* of each hook, before */
	bool connected;                /* a connection was made and ended */
	/* What could not be made, and why. */
	const char *failed[NA_OWN_VERSION_COUNT];
	int error[NA_OWN_VERSION_COUNT];
};

static const char *const version_names[NA_OWN_VERSION_COUNT] = {"IPv4", "IPv6", "self-test"};

/* Notes the first failure of a version. Always false. */
static bool failed(struct test *test, const char *step, int error)
{
	if (!test->failed[test->version]) {
		test->failed[test->version] = step;
		test->error[test->version] = error;
	}
	return false;
}

static void need(struct test *test, enum na_program program, enum na_own_kind kind)
{
	if (test->capture->states[program].wanted)
		na_own_need(test->own, program, test->version, kind);
}

/* Of the two programs for one operation, the one of the version. */
static void need_version(struct test *test, enum na_program v4, enum na_program v6)
{
	need(test, test->version == NA_OWN_V6 ? v6 : v4, NA_OWN_ANY);
}

/* Of the programs for one success, those that are there; the exit of system calls when none is. */
static void need_success(struct test *test, enum na_operation operation, enum na_own_kind kind,
			 const enum na_program programs[NEAR_MAX])
{
	if (!(test->capture->told_successes >> operation & 1)) {
		need(test, NA_PROGRAM_SYS_EXIT, kind);
		return;
	}
	for (int i = 0; i < NEAR_MAX; i++)
		if (test->capture->states[programs[i]].attached)
			need(test, programs[i], NA_OWN_ANY);
}

static bool open_socket(struct test *test, int type, int *ret_fd)
{
	bool told = test->capture->told_successes >> NA_OPERATION_SOCKET & 1;
	int fd = socket(test->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return failed(test, "socket", errno);
	error = na_own_add(test->own, test->version, fd);
	if (error < 0) {
		close(fd);
		return failed(test, "identity of a socket", -error);
	}
	*ret_fd = fd;
	if (told)
		need(test, NA_PROGRAM_CALL_FILE, NA_OWN_ANY);
	if (test->version == NA_OWN_OTHER)
		return true;
	if (!told)
		need(test, NA_PROGRAM_SOCK_CREATE, NA_OWN_ANY);
	need(test, NA_PROGRAM_SOCK_RELEASE, NA_OWN_ANY);
	return true;
}

static bool wait_for(struct test *test, int fd, short events, const char *step)
{
	struct pollfd pollfd = {.fd = fd, .events = events};
	uint64_t now_ns = na_clock_boot_ns();
	uint64_t left_ns = test->deadline_ns > now_ns ? test->deadline_ns - now_ns : 0;
	struct timespec timeout = {(time_t)(left_ns / NA_NS_PER_SEC),
				   (long)(left_ns % NA_NS_PER_SEC)};
	int ready = ppoll(&pollfd, 1, &timeout, NULL);

	if (ready > 0)
		return true;
	return failed(test, step, ready < 0 ? errno : ETIMEDOUT);
}

static socklen_t address_size(const struct test *test)
{
	return test->version == NA_OWN_V6 ? sizeof(struct sockaddr_in6)
					  : sizeof(struct sockaddr_in);
}

static void fill_loopback(const struct test *test, struct sockaddr_storage *ret_address)
{
	*ret_address = (struct sockaddr_storage){.ss_family = (sa_family_t)test->family};
	if (test->version == NA_OWN_V6)
		((struct sockaddr_in6 *)ret_address)->sin6_addr = in6addr_loopback;
	else
		((struct sockaddr_in *)ret_address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

/* Gives the socket a port on loopback. */
static bool bind_loopback(struct test *test, int fd, struct sockaddr_storage *ret_address)
{
	socklen_t size = address_size(test);

	fill_loopback(test, ret_address);
	if (bind(fd, (struct sockaddr *)ret_address, size) < 0)
		return failed(test, "bind to loopback", errno);
	need_version(test, NA_PROGRAM_BIND4, NA_PROGRAM_BIND6);
	need_version(test, NA_PROGRAM_POST_BIND4, NA_PROGRAM_POST_BIND6);
	if (getsockname(fd, (struct sockaddr *)ret_address, &size) < 0)
		return failed(test, "getsockname", errno);
	return true;
}

static bool listen_loopback(struct test *test, int fd, struct sockaddr_storage *ret_address)
{
	if (!bind_loopback(test, fd, ret_address))
		return false;
	if (listen(fd, 1) < 0)
		return failed(test, "listen", errno);
	need(test, NA_PROGRAM_SET_STATE, NA_OWN_LISTENING);
	if (test->capture->states[NA_PROGRAM_CALL_LISTEN].attached)
		need(test, NA_PROGRAM_CALL_LISTEN, NA_OWN_ANY);
	return true;
}

static bool connect_to(struct test *test, int fd, const struct sockaddr_storage *address)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, (const struct sockaddr *)address, address_size(test)) < 0 &&
	    errno != EINPROGRESS)
		return failed(test, "connect over loopback", errno);
	need_version(test, NA_PROGRAM_CONNECT4, NA_PROGRAM_CONNECT6);
	if (!wait_for(test, fd, POLLOUT, "connect over loopback"))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
		return failed(test, "connect over loopback", error ? error : errno);
	need(test, NA_PROGRAM_SET_STATE, NA_OWN_ESTABLISHED);
	return true;
}

static bool accept_from(struct test *test, int listener, int *ret_fd)
{
	static const enum na_program grafts[NEAR_MAX] = {
		NA_PROGRAM_FEXIT_ACCEPTED, NA_PROGRAM_LSM_ACCEPTED, NA_PROGRAM_KPROBE_ACCEPTED};

	if (!wait_for(test, listener, POLLIN, "accept"))
		return false;
	*ret_fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (*ret_fd < 0)
		return failed(test, "accept", errno);
	if (na_own_add(test->own, test->version, *ret_fd) < 0)
		return failed(test, "identity of a socket", errno);
	need_success(test, NA_OPERATION_ACCEPT, NA_OWN_ACCEPTED, grafts);
	return true;
}

/* One end by the system call, the other by io_uring where it may be used. */
static void end_connection(struct test *test, int client, int server)
{
	static const enum na_program exits[NEAR_MAX] = {NA_PROGRAM_CALL_SHUTDOWN};
	int error;

	if (shutdown(client, SHUT_WR) == 0)
		need_success(test, NA_OPERATION_SHUTDOWN, NA_OWN_SHUTDOWN, exits);
	if (!wait_for(test, server, POLLIN, "end of the connection"))
		return;
	error = na_uring_shutdown(server, SHUT_WR);
	if (!error) {
		if (!test->capture->bpf->data_uring->uring_without_request)
			need(test, NA_PROGRAM_URING_COMPLETE, NA_OWN_SHUTDOWN);
	} else {
		failed(test, "io_uring", -error);
		shutdown(server, SHUT_WR);
	}
	test->connected = true;
	if (wait_for(test, client, POLLIN, "end of the connection"))
		need(test, NA_PROGRAM_SET_STATE, NA_OWN_ENDED);
}

static void make_connection(struct test *test)
{
	NA_CLOSE int listener = -1;
	NA_CLOSE int client = -1;
	NA_CLOSE int server = -1;
	struct sockaddr_storage address;

	if (open_socket(test, SOCK_STREAM, &listener) &&
	    listen_loopback(test, listener, &address) && open_socket(test, SOCK_STREAM, &client) &&
	    connect_to(test, client, &address) && accept_from(test, listener, &server))
		end_connection(test, client, server);
}

/* A program that only knows the peer shows itself in the records of the one that counts. */
static void need_flow(struct test *test, enum na_program counts, enum na_program v4,
		      enum na_program v6)
{
	need(test, counts, NA_OWN_ANY);
	if (test->capture->states[counts].attached)
		need_version(test, v4, v6);
}

static void make_datagram(struct test *test)
{
	NA_CLOSE int sender = -1;
	NA_CLOSE int receiver = -1;
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	char byte = 0;

	if (!open_socket(test, SOCK_DGRAM, &receiver) || !bind_loopback(test, receiver, &address) ||
	    !open_socket(test, SOCK_DGRAM, &sender))
		return;
	if (sendto(sender, &byte, 1, 0, (struct sockaddr *)&address, address_size(test)) < 0) {
		failed(test, "datagram over loopback", errno);
		return;
	}
	if (!wait_for(test, receiver, POLLIN, "datagram over loopback") ||
	    recvfrom(receiver, &byte, 1, 0, (struct sockaddr *)&address, &size) < 0)
		return;
	if (na_capture_flush_flows(test->capture) < 0)
		return; /* then the release of the sockets reports the flows */
	need_flow(test, NA_PROGRAM_SEND_LENGTH, NA_PROGRAM_SENDMSG4, NA_PROGRAM_SENDMSG6);
	need_flow(test, NA_PROGRAM_RECV_LENGTH, NA_PROGRAM_RECVMSG4, NA_PROGRAM_RECVMSG6);
	if (test->capture->states[NA_PROGRAM_CALL_SENT].attached) /* else it tells only failures */
		need_flow(test, NA_PROGRAM_CALL_SENDTO, NA_PROGRAM_SENDMSG4, NA_PROGRAM_SENDMSG6);
	need_flow(test, NA_PROGRAM_CALL_RECEIVED, NA_PROGRAM_RECVMSG4, NA_PROGRAM_RECVMSG6);
}

static bool all_reported(const struct test *test)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (test->capture->states[id].attached && test->own->needed[id] &&
		    !na_own_fed(test->own, (enum na_program)id))
			return false;
	return true;
}

/* After each step, so that the records of one find room in the smallest ring. */
static void await_records(struct test *test)
{
	while (!test->result) {
		int result = na_capture_read(test->capture, READ_LIMIT, test->take, test->context);
		uint64_t now_ns = na_clock_boot_ns();

		if (result >= 0 && (all_reported(test) || now_ns >= test->deadline_ns))
			return;
		if (result >= 0)
			result = na_capture_wait(test->capture, -1, test->deadline_ns - now_ns);
		if (result < 0)
			test->result = result;
	}
}

static void make_internet(struct test *test, enum na_own_version version, int family)
{
	if (!(test->capture->options.families >> family & 1))
		return;
	test->version = version;
	test->family = family;
	make_connection(test);
	await_records(test);
	make_datagram(test);
	await_records(test);
}

/* Opens a socket of the first wanted family that can be had, of all or of those with no release
 * program. */
static bool open_any(struct test *test, bool internet, int *ret_fd)
{
	static const struct {
		int family, type;
	} kinds[] = {{AF_INET, SOCK_DGRAM},  {AF_INET6, SOCK_DGRAM},  {AF_UNIX, SOCK_DGRAM},
		     {AF_NETLINK, SOCK_RAW}, {AF_VSOCK, SOCK_STREAM}, {AF_PACKET, SOCK_RAW}};

	test->version = NA_OWN_OTHER;
	for (size_t i = internet ? 0 : 2; i < sizeof(kinds) / sizeof(*kinds); i++) {
		test->family = kinds[i].family;
		if (test->capture->options.families >> test->family & 1 &&
		    open_socket(test, kinds[i].type, ret_fd))
			return true;
	}
	return false;
}

/* What no release program sees: only the free of its file. */
static void make_other(struct test *test)
{
	NA_CLOSE int fd = -1;

	static const enum na_program programs[] = {NA_PROGRAM_FILE_FREE, NA_PROGRAM_FEXIT_CLOSE,
						   NA_PROGRAM_KPROBE_CLOSE};

	if (!open_any(test, false, &fd))
		return;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		need(test, programs[i], NA_OWN_ANY);
}

static void make_unix_connection(struct test *test)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(address.sun_family); /* the kernel chooses an abstract name */
	NA_CLOSE int listener = -1;
	NA_CLOSE int client = -1;

	if (!test->capture->states[NA_PROGRAM_CONNECT_UNIX].wanted)
		return;
	test->family = AF_UNIX;
	if (!open_socket(test, SOCK_STREAM, &listener) || !open_socket(test, SOCK_STREAM, &client))
		return;
	if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0)
		return;
	size = sizeof(address);
	if (getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
	    connect(client, (struct sockaddr *)&address, size) == 0)
		need(test, NA_PROGRAM_CONNECT_UNIX, NA_OWN_ANY);
}

static void make_process(struct test *test)
{
	char *arguments[] = {CHILD, NULL}, *environment[] = {NULL};
	pid_t pid;
	int error;

	test->version = NA_OWN_OTHER;
	error = posix_spawn(&pid, CHILD, NULL, NULL, arguments, environment);
	if (!error) {
		need(test, NA_PROGRAM_EXEC, NA_OWN_ANY);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	} else {
		failed(test, CHILD, error);
	}
	need(test, NA_PROGRAM_FORK, NA_OWN_ANY);
	need(test, NA_PROGRAM_EXIT, NA_OWN_ANY);
}

/* Also tells who we are, whatever pid our namespace calls us. */
static void find_own(struct test *test)
{
	NA_FREE struct na_record_found *found = NULL;
	NA_CLOSE int fd = -1;
	size_t count = 0;

	test->own->agent_pid = (__u32)getpid();
	if (!open_any(test, true, &fd) ||
	    na_found_read(test->capture, (uint32_t)getpid(), &found, &count) < 0)
		return;
	test->own->agent_pid = test->capture->bpf->data_calibration->calibration.reader;
	need(test, NA_PROGRAM_SNAPSHOT, NA_OWN_ANY);
	for (size_t i = 0; i < count && test->capture->states[NA_PROGRAM_SNAPSHOT].attached; i++)
		na_own_takes(test->own, &found[i].header);
}

static void make_all(struct test *test)
{
	find_own(test);
	/* Loopback may be what the user excluded. */
	test->capture->bpf->data_exempt->exempt.pid = test->own->agent_pid;
	make_internet(test, NA_OWN_V4, AF_INET);
	make_internet(test, NA_OWN_V6, AF_INET6);
	make_other(test);
	make_unix_connection(test);
	await_records(test);
	make_process(test);
	await_records(test);
	test->capture->bpf->data_exempt->exempt.pid = 0;
}

static void append_program(struct na_buffer *why, const char *before, bool first,
			   const struct na_program_state *state)
{
	na_buffer_printf(why, "%s%s", first ? before : ", ", state->source);
	if (!state->attached)
		na_buffer_printf(why, " (not attached: %s)", state->reason);
}

/*
 * A program on a hook reports nothing of what is allowed, but it counts: one that is attached and
 * never called (`bpf` is not among the LSMs that are asked) would report no refusal either.
 */
static bool is_hook_silent(const struct test *test, enum na_program id)
{
	static const enum na_hook used[] = {NA_HOOK_SOCKET_CREATE, NA_HOOK_SOCKET_BIND,
					    NA_HOOK_SOCKET_LISTEN, NA_HOOK_SOCKET_CONNECT,
					    NA_HOOK_SOCKET_ACCEPT, NA_HOOK_SOCKET_SHUTDOWN};
	enum na_hook hook = na_program_hook(id);
	struct na_program_state *state = &test->capture->states[id];

	if (!hook || !state->attached)
		return false;
	state->fed_self_test =
		test->capture->bpf->data_hooks->hooks.calls[hook] > test->calls[hook];
	state->in_self_test = state->fed_self_test;
	for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++)
		state->in_self_test |= hook == used[i] && test->connected;
	return state->in_self_test && !state->fed_self_test;
}

/* -ETIME when a program that had to report did not. */
static int judge(const struct test *test, struct na_buffer *why)
{
	size_t silent = 0;

	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		struct na_program_state *state = &test->capture->states[id];

		state->in_self_test = test->own->needed[id] != 0;
		state->fed_self_test = na_own_fed(test->own, (enum na_program)id);
		if ((test->own->needed[id] && !state->fed_self_test) ||
		    is_hook_silent(test, (enum na_program)id))
			append_program(why, "the self-test's own connections were not reported by ",
				       !silent++, state);
	}
	return silent ? -ETIME : 0;
}

/* Programs that report what fails: a test that makes nothing fail cannot feed them. */
static bool tells_failures(enum na_program id)
{
	return id >= NA_PROGRAM_CALL_SOCKET && id <= NA_PROGRAM_CALL_SENDMMSG;
}

static void explain_untested(const struct test *test, struct na_buffer *why)
{
	const char *before = why->length ? "; not tested: " : "not tested: ";
	size_t untested = 0;

	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		const struct na_program_state *state = &test->capture->states[id];

		if (state->attached && !test->own->needed[id] &&
		    !na_program_hook((enum na_program)id) && !tells_failures((enum na_program)id) &&
		    !na_stand_in_first((enum na_program)id))
			append_program(why, before, !untested++, state);
	}
	for (int version = 0; untested && version < NA_OWN_VERSION_COUNT; version++)
		if (test->failed[version])
			na_buffer_printf(why, "; %s: %s: %s", version_names[version],
					 test->failed[version],
					 strerrordesc_np(test->error[version]));
}

/* ------------------------------------------------------------------------------------------- */

int na_capture_self_test(struct na_capture *capture, uint64_t timeout_ns, na_record_take *take,
			 void *context, struct na_buffer *why)
{
	struct test test = {.capture = capture,
			    .deadline_ns = na_clock_boot_ns() + timeout_ns,
			    .take = take,
			    .context = context};
	int error;

	free(capture->own);
	test.own = capture->own = calloc(1, sizeof(*capture->own));
	if (!test.own)
		return -ENOMEM;
	test.own->until_ns = UINT64_MAX;
	memcpy(test.calls, capture->bpf->data_hooks->hooks.calls, sizeof(test.calls));
	make_all(&test);
	test.own->until_ns = na_clock_boot_ns() + OWN_LATE_NS;
	error = test.result ? test.result : judge(&test, why);
	explain_untested(&test, why);
	return error ? error : na_stand_ins_check(capture, why);
}
