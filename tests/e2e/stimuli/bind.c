/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of socket(2), bind(2) and listen(2). */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "denied.h"
#include "endpoint.h"
#include "stimulus.h"

#define PRIVILEGED_PORT 1019

void case_bind_fail_in_use(void)
{
	struct endpoint first = {0}, second = {0};
	struct actor who = actor_here();
	json_t *event;

	endpoint_serve(&first, "127.0.0.1", 0);
	endpoint_open(&second, AF_INET, SOCK_STREAM, 0);
	if (bind(second.fd, &first.destination.any, sizeof(first.destination.v4)) == 0 ||
	    errno != EADDRINUSE)
		case_die("bind did not fail with EADDRINUSE");
	event = expect("bound", &who);
	expect_socket(event, &second);
	expect_destination(event, &first.destination, 0);
	expect_error(event, EADDRINUSE);
	expect_print(event);
	endpoint_close(&second);
	endpoint_finish(&first);
}

void case_bind_denied(void)
{
	union address address = address_of("127.0.0.1", PRIVILEGED_PORT);
	struct endpoint endpoint = {0};
	json_t *event;

	endpoint_open(&endpoint, AF_INET, SOCK_STREAM, 0);
	if (bind(endpoint.fd, &address.any, sizeof(address.v4)) == 0 || errno != EACCES)
		case_die("bind did not fail with EACCES");
	event = expect_denied("bind", EACCES);
	expect_socket(event, &endpoint);
	expect_destination(event, &address, 0);
	expect_print(event);
	endpoint_close(&endpoint);
}

static void listen_refused(const struct endpoint *endpoint, int error)
{
	struct actor who = actor_here();
	json_t *event;

	if (listen(endpoint->fd, 1) == 0 || errno != error)
		case_die("listen did not fail with %s", error_name(error));
	event = expect("listening", &who);
	expect_socket(event, endpoint);
	expect_error(event, error);
	expect_print(event);
}

/*
 * The kernel moves the second socket to LISTEN before it looks for conflicts, and back: no
 * `listening` with success may come of it.
 */
void case_listen_fail(void)
{
	struct endpoint first = {0}, second = {0}, datagram = {0};
	union address address = address_of("127.0.0.1", port_choose());

	endpoint_open(&first, AF_INET, SOCK_STREAM, 0);
	endpoint_bind(&first, &address);
	endpoint_open(&second, AF_INET, SOCK_STREAM, 0);
	endpoint_bind(&second, &address);
	endpoint_listen(&first, 1);
	listen_refused(&second, EADDRINUSE);
	endpoint_finish(&second);
	endpoint_finish(&first);
	endpoint_open(&datagram, AF_INET, SOCK_DGRAM, 0);
	listen_refused(&datagram, EOPNOTSUPP);
	endpoint_close(&datagram);
}

/* The kernel chooses the port: no `bound`. */
void case_listen_port_zero(void)
{
	struct endpoint endpoint = {0};

	endpoint_open(&endpoint, AF_INET, SOCK_STREAM, 0);
	endpoint_listen(&endpoint, 1);
	endpoint_finish(&endpoint);
}

void case_raw_socket(void)
{
	struct endpoint endpoint = {0};

	endpoint_open(&endpoint, AF_INET, SOCK_RAW, IPPROTO_ICMP);
	endpoint_close(&endpoint);
}

static void expect_not_created(const char *family, const char *type, int protocol, int error)
{
	struct actor who = actor_here();
	json_t *event = expect("socket_created", &who);

	expect_text(event, "netaudit.socket.family", family);
	expect_text(event, "netaudit.socket.type", type);
	expect_number(event, "netaudit.socket.protocol", protocol);
	expect_absent(event, "netaudit.socket.inode");
	expect_error(event, error);
	expect_print(event);
}

static void create_refused(int family, int type, int protocol, int error)
{
	if (socket(family, type, protocol) >= 0 || errno != error)
		case_die("socket did not fail with %s", error_name(error));
}

void case_create_fail(void)
{
	create_refused(AF_INET, SOCK_STREAM, 99, EPROTONOSUPPORT);
	expect_not_created("inet", "stream", 99, EPROTONOSUPPORT);
	create_refused(AF_INET, SOCK_RDM, 0, ESOCKTNOSUPPORT);
	expect_not_created("inet", "rdm", 0, ESOCKTNOSUPPORT);
}

/* From now on there is no free descriptor; the soft limit before. */
static rlim_t descriptors_end(void)
{
	int first = MUST(dup(STDOUT_FILENO));
	struct rlimit limit;
	rlim_t before;

	MUST(close(first));
	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	before = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)first;
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	return before;
}

static void descriptors_allow(rlim_t count)
{
	struct rlimit limit;

	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = count;
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
}

/* The socket was there, and every hook had let it pass: it is told once, as the failure. */
void case_create_no_descriptor(void)
{
	struct endpoint endpoint = {0};
	rlim_t before = descriptors_end();

	create_refused(AF_INET, SOCK_STREAM, 0, EMFILE);
	expect_not_created("inet", "stream", 0, EMFILE);
	create_refused(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP, EMFILE);
	expect_not_created("inet6", "dgram", IPPROTO_UDP, EMFILE);
	descriptors_allow(before);
	endpoint_open(&endpoint, AF_INET, SOCK_STREAM, 0);
	endpoint_close(&endpoint);
}

/* Both were there, as no pair of these families ever is: told once, as the failure. */
void case_inet_pair(void)
{
	struct endpoint endpoint = {0};
	int fds[2];

	if (socketpair(AF_INET, SOCK_STREAM, 0, fds) == 0 || errno != EOPNOTSUPP)
		case_die("socketpair did not fail with EOPNOTSUPP");
	expect_not_created("inet", "stream", 0, EOPNOTSUPP);
	endpoint_open(&endpoint, AF_INET, SOCK_STREAM, 0);
	endpoint_close(&endpoint);
}

void case_unix_no_descriptor(void)
{
	struct endpoint endpoint = {0};
	rlim_t before = descriptors_end();
	int fds[2];

	create_refused(AF_UNIX, SOCK_STREAM, 0, EMFILE);
	expect_not_created("unix", "stream", 0, EMFILE);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0 || errno != EMFILE)
		case_die("socketpair did not fail with EMFILE");
	expect_not_created("unix", "dgram", 0, EMFILE);
	descriptors_allow(before);
	endpoint_open(&endpoint, AF_UNIX, SOCK_STREAM, 0);
	endpoint_close(&endpoint);
}
