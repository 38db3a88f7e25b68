/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of accept(2). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"
#include "stimulus.h"
#include "talk.h"

/* endpoint_accept always passes NULL for the address; here through accept(2) instead of accept4(2).
 */
void case_accept_null(void)
{
	struct link link = {0};
	struct actor who = actor_here();

	endpoint_serve(&link.listener, "127.0.0.1", 0);
	endpoint_open(&link.client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link.client, &link.listener.destination))
		case_die("connect");
	endpoint_accepted(&link.server,
			  MUST((int)syscall(SYS_accept, link.listener.fd, NULL, NULL)), &who);
	link_end(&link);
}

static void *accept_thread(void *argument)
{
	struct link *link = argument;

	endpoint_accept(&link->listener, &link->server);
	return NULL;
}

void case_accept_thread(void)
{
	struct link link = {0};

	endpoint_serve(&link.listener, "127.0.0.1", 0);
	endpoint_open(&link.client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link.client, &link.listener.destination))
		case_die("connect");
	thread_run(accept_thread, &link);
	link_end(&link);
}

/* The child in the backlog never had a process: it has no event of its own. */
void case_never_accepted(void)
{
	struct link link = {0};

	endpoint_serve(&link.listener, "127.0.0.1", 0);
	endpoint_open(&link.client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link.client, &link.listener.destination))
		case_die("connect");
	endpoint_may_end(&link.client);
	endpoint_finish(&link.listener);
	endpoint_await_error(&link.client);
	endpoint_close(&link.client);
	expect_closed(&link.client, RESET);
}

/* A bad pointer for the address: the kernel ends the connection, and the process never had it. */
void case_accept_fault(void)
{
	struct link link = {0};
	socklen_t length = sizeof(struct sockaddr_in);

	endpoint_serve(&link.listener, "127.0.0.1", 0);
	endpoint_open(&link.client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link.client, &link.listener.destination))
		case_die("connect");
	endpoint_may_end(&link.client);
	if (syscall(SYS_accept, link.listener.fd, 8, &length) >= 0 || errno != EFAULT)
		case_die("accept did not fail with EFAULT");
	endpoint_receive_all(&link.client);
	endpoint_close(&link.client);
	expect_closed(&link.client, ENDED_BY_REMOTE);
	endpoint_finish(&link.listener);
}

struct blocked {
	struct link link;
	struct gate listening;
};

static void accept_before(void *argument)
{
	struct blocked *blocked = argument;

	facts_mute(true);
	endpoint_serve(&blocked->link.listener, "127.0.0.1", 0);
	facts_mute(false);
	gate_open(&blocked->listening);
	endpoint_accept(&blocked->link.listener, &blocked->link.server);
	endpoint_receive_all(&blocked->link.server);
	endpoint_close(&blocked->link.server);
	endpoint_close(&blocked->link.listener);
}

/* /proc/PID/syscall tells what a sleeping process waits in. */
static void await_accept(pid_t pid)
{
	char path[64], line[128];
	long number = -1;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	while (number != SYS_accept4) {
		FILE *file = fopen(path, "re");

		if (!file)
			case_die("%s", path);
		if (fgets(line, sizeof(line), file))
			number = strtol(line, NULL, 10);
		fclose(file);
	}
}

static void expect_existing(const struct endpoint *listener)
{
	json_t *event = expect("existing", &listener->owner);

	json_object_del(event, "process.thread.id");
	expect_socket(event, listener);
	expect_destination(event, &listener->destination, listener->destination_length);
	expect_text(event, "event.action", "listener_found");
	expect_text(event, "netaudit.socket.state", "listen");
	expect_print(event);
}

void case_accept_blocked_before(void)
{
	struct blocked *blocked = shared_new(sizeof(*blocked));
	struct link *link = &blocked->link;
	pid_t child;

	gate_make(&blocked->listening);
	child = process_start(accept_before, blocked);
	gate_wait(&blocked->listening);
	await_accept(child);
	printf("{\"ready\":true}\n");
	fflush(stdout);
	if (getchar() == EOF)
		case_die("no agent");
	expect_existing(&link->listener);
	endpoint_open(&link->client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link->client, &link->listener.destination))
		case_die("connect");
	endpoint_send(&link->client, 7);
	endpoint_close(&link->client);
	process_wait(child);
	expect_closed(&link->client, ENDED_BY_LOCAL);
	expect_closed(&link->server, ENDED_BY_REMOTE);
	expect_gone(&link->listener);
}
