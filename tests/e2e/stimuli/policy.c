/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of refusals by a policy: exactly one `denied` each, and no failure after it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "denied.h"
#include "endpoint.h"
#include "process.h"
#include "sandbox.h"
#include "stimulus.h"

json_t *expect_denied(const char *operation, int error)
{
	struct actor who = actor_here();
	json_t *event = expect("denied", &who);
	char action[64];

	snprintf(action, sizeof(action), "%s_denied", operation);
	expect_text(event, "event.action", action);
	expect_text(event, "netaudit.operation", operation);
	expect_error(event, error);
	return event;
}

static void connect_refused(struct endpoint *endpoint, const union address *address,
			    json_t **ret_event)
{
	if (connect(endpoint->fd, &address->any, address_length(address)) == 0 || errno != EPERM)
		case_die("connect was not denied");
	*ret_event = expect_denied("connect", EPERM);
	expect_socket(*ret_event, endpoint);
	expect_destination(*ret_event, address, 0);
}

void case_seccomp_denied(void)
{
	static const int calls[] = {SYS_socket, SYS_connect};
	union address address = address_of("127.0.0.1", port_choose());
	struct endpoint endpoint = {0};
	json_t *event;

	endpoint_open(&endpoint, AF_INET, SOCK_STREAM, 0);
	seccomp_refuse(calls, 2);
	connect_refused(&endpoint, &address, &event);
	/* The call was never made: where to is only in the memory of the process. */
	expect_loosely(event, "destination.ip");
	expect_loosely(event, "destination.address");
	expect_loosely(event, "destination.port");
	expect_text(event, "netaudit.policy", "seccomp");
	expect_print(event);
	if (socket(AF_INET, SOCK_DGRAM, 0) >= 0 || errno != EPERM)
		case_die("socket was not denied");
	event = expect_denied("socket", EPERM);
	expect_text(event, "netaudit.socket.family", "inet");
	expect_text(event, "netaudit.socket.type", "dgram");
	expect_absent(event, "netaudit.socket.inode");
	expect_text(event, "netaudit.policy", "seccomp");
	expect_print(event);
	endpoint_close(&endpoint);
}

/* Only the exit of the hook's function sees what an LSM before ours refused, and so knows the hook.
 */
static void expect_hook(json_t *event, const char *hook)
{
	const char *tier = getenv("NETAUDIT_TIER"); /* not set: any */

	expect_text(event, "netaudit.policy", "lsm");
	expect_text(event, "netaudit.hook", hook);
	if (!tier || strcmp(tier, "fexit") != 0)
		expect_loosely(event, "netaudit.hook");
	expect_print(event);
}

static void expect_lsm(json_t *event, const struct endpoint *endpoint, const char *hook)
{
	expect_socket(event, endpoint);
	expect_hook(event, hook);
}

void case_landlock_denied(void)
{
	union address address = address_of("127.0.0.1", port_choose());
	struct endpoint endpoint = {0};

	if (!landlock_refuse_tcp())
		case_skip("this kernel has no network rules of Landlock");
	endpoint_open(&endpoint, AF_INET, SOCK_STREAM, 0);
	if (bind(endpoint.fd, &address.any, address_length(&address)) == 0 || errno != EACCES)
		case_die("bind was not denied");
	expect_lsm(expect_denied("bind", EACCES), &endpoint, "socket_bind");
	if (connect(endpoint.fd, &address.any, address_length(&address)) == 0 || errno != EACCES)
		case_die("connect was not denied");
	expect_lsm(expect_denied("connect", EACCES), &endpoint, "socket_connect");
	endpoint_close(&endpoint);
}

struct confined {
	struct endpoint listener;
	bool possible; /* the kernel has AppArmor, and its parser is there */
};

static void socket_refused_by_lsm(void)
{
	json_t *event;

	if (socket(AF_INET6, SOCK_DGRAM, 0) >= 0 || errno != EACCES)
		case_die("socket was not denied");
	event = expect_denied("socket", EACCES);
	expect_text(event, "netaudit.socket.family", "inet6");
	expect_text(event, "netaudit.socket.type", "dgram");
	expect_absent(event, "netaudit.socket.inode");
	expect_hook(event, "socket_create");
}

/* Made before, used after: the profile allows no internet socket anything. */
static void use_confined(void *argument)
{
	struct confined *confined = argument;
	union address address = address_of("127.0.0.1", port_choose());
	struct endpoint stream = {0};
	int fd;

	endpoint_open(&stream, AF_INET, SOCK_STREAM, 0);
	apparmor_enter();
	if (bind(stream.fd, &address.any, address_length(&address)) == 0 || errno != EACCES)
		case_die("bind was not denied");
	expect_lsm(expect_denied("bind", EACCES), &stream, "socket_bind");
	if (connect(stream.fd, &address.any, address_length(&address)) == 0 || errno != EACCES)
		case_die("connect was not denied");
	expect_lsm(expect_denied("connect", EACCES), &stream, "socket_connect");
	if (listen(stream.fd, 1) == 0 || errno != EACCES)
		case_die("listen was not denied");
	expect_lsm(expect_denied("listen", EACCES), &stream, "socket_listen");
	fd = accept(confined->listener.fd, NULL, NULL);
	if (fd >= 0 || errno != EACCES)
		case_die("accept was not denied");
	expect_lsm(expect_denied("accept", EACCES), &confined->listener, "socket_accept");
	socket_refused_by_lsm();
	endpoint_close(&stream);
}

static void load_profile(void *argument)
{
	struct confined *confined = argument;

	confined->possible = apparmor_load();
}

static void unload_profile(void *argument)
{
	(void)argument;
	apparmor_unload();
}

void case_apparmor_denied(void)
{
	struct confined *confined = shared_new(sizeof(*confined));

	process_unseen(load_profile, confined);
	if (!confined->possible)
		case_skip("AppArmor is not active, or apparmor_parser is not installed");
	endpoint_serve(&confined->listener, "127.0.0.1", 0);
	process_wait(process_start(use_confined, confined));
	process_unseen(unload_profile, NULL);
	endpoint_finish(&confined->listener);
}

static void connect_in_cgroup(void *argument)
{
	union address address = address_of("127.0.0.1", port_choose());
	struct endpoint endpoint = {0};
	json_t *event;

	(void)argument;
	cgroup_enter();
	endpoint_open(&endpoint, AF_INET, SOCK_STREAM, 0);
	connect_refused(&endpoint, &address, &event);
	expect_text(event, "netaudit.policy", "cgroup");
	expect_print(event);
	endpoint_close(&endpoint);
}

void case_cgroup_denied(void)
{
	cgroup_make_refusing();
	process_wait(process_start(connect_in_cgroup, NULL));
	cgroup_remove();
}

void case_raw_denied(void)
{
	json_t *event;

	if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 || errno != EPERM)
		case_die("socket was not denied");
	event = expect_denied("socket", EPERM);
	expect_text(event, "netaudit.socket.family", "inet");
	expect_text(event, "netaudit.socket.type", "raw");
	expect_number(event, "netaudit.socket.protocol", IPPROTO_ICMP);
	expect_print(event);
}
