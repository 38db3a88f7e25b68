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

/* Where it is not said which tier it is, it may be one that does not know: rows say where. */
static void expect_policy(json_t *event, const char *policy)
{
	const char *tier = getenv("NETAUDIT_TIER");

	if (tier && *tier)
		expect_text(event, "netaudit.policy", policy);
	else
		json_object_set_new(event, "netaudit.policy",
				    json_pack("{s:[s,s]}", "any_of", policy, "unknown"));
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
	expect_policy(event, "seccomp");
	expect_print(event);
	if (socket(AF_INET, SOCK_DGRAM, 0) >= 0 || errno != EPERM)
		case_die("socket was not denied");
	event = expect_denied("socket", EPERM);
	expect_text(event, "netaudit.socket.family", "inet");
	expect_text(event, "netaudit.socket.type", "dgram");
	expect_absent(event, "netaudit.socket.inode");
	expect_policy(event, "seccomp");
	expect_print(event);
	endpoint_close(&endpoint);
}

/* Only the exit of the hook's function sees what an LSM before ours refused, and so knows the hook.
 */
static void expect_hook(json_t *event, const char *hook)
{
	const char *tier = getenv("NETAUDIT_TIER"); /* not set: any */

	expect_policy(event, "lsm");
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

static void refused_by_landlock(void)
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

void case_landlock_denied(void)
{
	refused_by_landlock();
}

#define MANY 4300 /* more than the agent keeps of refusals for their calls' exits */

static void *make_raw(void *unused)
{
	(void)unused;
	if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0)
		case_die("a raw socket was not denied");
	return NULL;
}

static void refuse_many(void *unused)
{
	(void)unused;
	if (setresuid(65534, 65534, 65534)) /* its capabilities go with it */
		case_die("setresuid");
	for (int i = 0; i < MANY; i++)
		thread_run(make_raw, NULL);
}

/*
 * As in a container: seccomp let the calls pass, so it is not who refused them. Where what seccomp
 * refuses is asked for: whatever was refused to threads without a filter before.
 */
void case_landlock_filtered_denied(void)
{
	if (getenv("NETAUDIT_SECCOMP"))
		process_unseen(refuse_many, NULL);
	seccomp_refuse(NULL, 0);
	refused_by_landlock();
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

/* By an LSM behind ours, and when everything else was there: the socket was never the process's. */
void case_post_create_denied(void)
{
	struct endpoint endpoint = {0};
	int refusing = lsm_refuse_created();
	json_t *event;

	if (refusing < 0)
		case_skip("no program of the BPF LSM can be attached");
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EACCES)
		case_die("socket was not denied");
	event = expect_denied("socket", EACCES);
	expect_text(event, "netaudit.socket.family", "inet");
	expect_text(event, "netaudit.socket.type", "stream");
	expect_hook(event, "socket_post_create");
	MUST(close(refusing));
	endpoint_open(&endpoint, AF_INET, SOCK_STREAM, 0);
	endpoint_close(&endpoint);
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

static void confine(void (*work)(void *), struct confined *confined)
{
	process_unseen(load_profile, confined);
	if (!confined->possible)
		case_skip("AppArmor is not active, or apparmor_parser is not installed");
	process_wait(process_start(work, confined));
	process_unseen(unload_profile, NULL);
}

void case_apparmor_denied(void)
{
	struct confined *confined = shared_new(sizeof(*confined));

	endpoint_serve(&confined->listener, "127.0.0.1", 0);
	confine(use_confined, confined);
	endpoint_finish(&confined->listener);
}

/* A name that has no file, and so no permissions that could refuse. */
static union address abstract_address(void)
{
	union address address = {.path.sun_family = AF_UNIX};

	snprintf(address.path.sun_path + 1, sizeof(address.path.sun_path) - 1, "netaudit-e2e-%d",
		 (int)getpid());
	return address;
}

static void expect_attempt(const struct endpoint *endpoint, bool must)
{
	struct actor who = actor_here();
	json_t *event = expect("connect_attempted", &who);

	expect_socket(event, endpoint);
	if (must)
		expect_print(event);
	else
		expect_maybe(event);
}

/* From 6.17 on AppArmor refuses in a hook that is asked behind the beginning of the attempt. */
static void use_confined_local(void *argument)
{
	struct confined *confined = argument;
	const union address *address = &confined->listener.destination;
	struct endpoint stream = {0};
	json_t *event;

	endpoint_open(&stream, AF_UNIX, SOCK_STREAM, 0);
	apparmor_enter();
	if (connect(stream.fd, &address->any, address_length(address)) == 0 || errno != EACCES)
		case_die("connect was not denied");
	expect_attempt(&stream, false);
	event = expect_denied("connect", EACCES);
	expect_socket(event, &stream);
	expect_policy(event, "lsm");
	expect_print(event);
	if (socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 || errno != EACCES)
		case_die("socket was not denied");
	event = expect_denied("socket", EACCES);
	expect_text(event, "netaudit.socket.family", "unix");
	expect_hook(event, "socket_create");
	endpoint_close(&stream);
}

static void set_option_confined(void *argument)
{
	struct endpoint stream = {0};
	json_t *event;
	int on = 1;

	(void)argument;
	endpoint_open(&stream, AF_INET, SOCK_STREAM, 0);
	apparmor_enter();
	if (setsockopt(stream.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 ||
	    errno != EACCES)
		case_die("setsockopt was not denied");
	event = expect_denied("setsockopt", EACCES);
	expect_number(event, "netaudit.sockopt.level", SOL_SOCKET);
	expect_number(event, "netaudit.sockopt.name", SO_KEEPALIVE);
	expect_lsm(event, &stream, "socket_setsockopt");
	endpoint_close(&stream);
}

void case_apparmor_unix_denied(void)
{
	struct confined *confined = shared_new(sizeof(*confined));
	union address address = abstract_address();

	endpoint_open(&confined->listener, AF_UNIX, SOCK_STREAM, 0);
	endpoint_bind(&confined->listener, &address);
	endpoint_listen(&confined->listener, 1);
	confine(use_confined_local, confined);
	endpoint_finish(&confined->listener);
}

void case_apparmor_setsockopt_denied(void)
{
	confine(set_option_confined, shared_new(sizeof(struct confined)));
}

static void connect_to_abstract(struct endpoint *endpoint, const union address *address,
				const char *hook)
{
	if (connect(endpoint->fd, &address->any, address_length(address)) == 0 || errno != EPERM)
		case_die("connect was not denied");
	expect_lsm(expect_denied("connect", EPERM), endpoint, hook);
}

/* The hook behind the beginning of the attempt, which its refusal ends. */
static void connect_scoped(void *argument)
{
	const struct endpoint *listener = argument;
	struct endpoint stream = {0};

	endpoint_open(&stream, AF_UNIX, SOCK_STREAM, 0);
	if (!landlock_refuse_abstract())
		case_die("Landlock was there before");
	expect_attempt(&stream, true);
	connect_to_abstract(&stream, &listener->destination, "unix_stream_connect");
	endpoint_close(&stream);
}

/* One hook for both: a peer, and a message. */
static void send_scoped(void *argument)
{
	const struct endpoint *receiver = argument;
	const union address *address = &receiver->destination;
	struct endpoint sender = {0};

	endpoint_open(&sender, AF_UNIX, SOCK_DGRAM, 0);
	if (!landlock_refuse_abstract())
		case_die("Landlock was there before");
	connect_to_abstract(&sender, address, "unix_may_send");
	if (sendto(sender.fd, "x", 1, 0, &address->any, address_length(address)) >= 0 ||
	    errno != EPERM)
		case_die("sendto was not denied");
	expect_lsm(expect_denied("send", EPERM), &sender, "unix_may_send");
	endpoint_close(&sender);
}

static void find_scopes(void *possible)
{
	*(bool *)possible = landlock_refuse_abstract();
}

static void refuse_scoped(int type, void (*work)(void *))
{
	struct endpoint other = {0};
	union address address = abstract_address();
	bool *possible = shared_new(sizeof(*possible));

	process_unseen(find_scopes, possible);
	if (!*possible)
		case_skip("this kernel has no scopes of Landlock");
	endpoint_open(&other, AF_UNIX, type, 0);
	endpoint_bind(&other, &address);
	if (type == SOCK_STREAM)
		endpoint_listen(&other, 1);
	process_wait(process_start(work, &other));
	endpoint_finish(&other);
}

void case_landlock_unix_denied(void)
{
	refuse_scoped(SOCK_STREAM, connect_scoped);
}

void case_landlock_unix_dgram_denied(void)
{
	refuse_scoped(SOCK_DGRAM, send_scoped);
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
