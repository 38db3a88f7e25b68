/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of refusals by a policy: exactly one `denied` each, and no failure after it. */
#include <errno.h>
#include <stdio.h>
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

/* What an LSM of before refused: the program on the hook itself tells its name, where there is one.
 */
static void expect_lsm(json_t *event, const struct endpoint *endpoint, const char *hook)
{
	expect_socket(event, endpoint);
	expect_text(event, "netaudit.policy", "lsm");
	expect_text(event, "netaudit.hook", hook);
	expect_loosely(event, "netaudit.hook");
	expect_print(event);
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
