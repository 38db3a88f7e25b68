/* SPDX-License-Identifier: Apache-2.0 */
/* Cases where creator, user and closer of a socket are different processes, or are gone. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "stimulus.h"
#include "talk.h"

struct shared {
	struct link link;
	struct gate first, second;
	struct actor actor; /* of the process that closes */
	int pair[2];
};

static struct shared *shared_make(void)
{
	struct shared *shared = shared_new(sizeof(*shared));

	gate_make(&shared->first);
	gate_make(&shared->second);
	return shared;
}

/* What executes for another case: nothing. */
void case_idle(void)
{
}

static void serve_forked(void *argument)
{
	struct shared *shared = argument;

	close(shared->link.listener.fd);
	close(shared->link.client.fd);
	shared->actor = actor_here();
	gate_wait(&shared->first); /* the parent's copies are closed */
	endpoint_receive(&shared->link.server, 9);
	endpoint_send(&shared->link.server, 8);
	endpoint_close(&shared->link.server);
}

/* The classic server: the parent accepts, a child serves and closes. */
void case_fork_after_accept(void)
{
	struct shared *shared = shared_make();
	struct link *link = &shared->link;
	pid_t child;
	int fd;

	link_make(link);
	child = process_start(serve_forked, shared);
	fd = link->server.fd;
	close(fd);
	gate_open(&shared->first);
	endpoint_send(&link->client, 9);
	endpoint_receive(&link->client, 8);
	endpoint_receive_all(&link->client);
	process_wait(child);
	endpoint_close(&link->client);
	endpoint_finish(&link->listener);
	expect_closed(&link->server, (struct ending){"orderly", "local", &shared->actor, false});
	expect_closed(&link->client, ENDED_BY_REMOTE);
}

static void connect_forked(void *argument)
{
	struct shared *shared = argument;
	struct link *link = &shared->link;

	close(link->listener.fd);
	if (endpoint_connect(&link->client, &link->listener.destination))
		case_die("connect");
	gate_wait(&shared->first); /* the parent's copy is closed */
	endpoint_close(&link->client);
}

void case_created_by_parent(void)
{
	struct shared *shared = shared_make();
	struct link *link = &shared->link;
	pid_t child;

	endpoint_serve(&link->listener, "127.0.0.1", 0);
	endpoint_open(&link->client, AF_INET, SOCK_STREAM, 0);
	child = process_start(connect_forked, shared);
	endpoint_accept(&link->listener, &link->server);
	close(link->client.fd);
	gate_open(&shared->first);
	endpoint_receive_all(&link->server);
	process_wait(child);
	endpoint_close(&link->server);
	endpoint_finish(&link->listener);
	expect_closed(&link->client, ENDED_BY_LOCAL);
	expect_closed(&link->server, ENDED_BY_REMOTE);
}

static void pass_fd(int through, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	MUST(sendmsg(through, &message, 0));
}

static int take_fd(int through)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int fd;

	MUST(recvmsg(through, &message, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

static void connect_and_pass(void *argument)
{
	struct shared *shared = argument;
	struct link *link = &shared->link;

	close(link->listener.fd);
	endpoint_open(&link->client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link->client, &link->listener.destination))
		case_die("connect");
	pass_fd(shared->pair[0], link->client.fd);
	close(link->client.fd);
}

static void take_and_close(void *argument)
{
	struct shared *shared = argument;
	int fd;

	close(shared->link.listener.fd);
	fd = take_fd(shared->pair[1]);
	gate_wait(&shared->first); /* the sender has ended: this is the last descriptor */
	shared->actor = actor_here();
	shared->link.client.fd = fd;
	endpoint_send(&shared->link.client, 10);
	endpoint_close(&shared->link.client);
}

void case_scm_pass(void)
{
	struct shared *shared = shared_make();
	struct link *link = &shared->link;
	pid_t sender, receiver;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, shared->pair));
	endpoint_serve(&link->listener, "127.0.0.1", 0);
	receiver = process_start(take_and_close, shared);
	sender = process_start(connect_and_pass, shared);
	endpoint_accept(&link->listener, &link->server);
	process_wait(sender);
	gate_open(&shared->first);
	endpoint_receive_all(&link->server);
	process_wait(receiver);
	endpoint_close(&link->server);
	endpoint_finish(&link->listener);
	expect_closed(&link->client, (struct ending){"orderly", "local", &shared->actor, false});
	expect_closed(&link->server, ENDED_BY_REMOTE);
}

void case_dup2_over(void)
{
	struct link link = {0};
	int null = MUST(open("/dev/null", O_RDWR | O_CLOEXEC));

	link_make(&link);
	endpoint_send(&link.client, 2);
	endpoint_may_end(&link.client);
	MUST(dup2(null, link.client.fd));
	endpoint_receive_all(&link.server);
	endpoint_close(&link.server);
	endpoint_finish(&link.listener);
	expect_closed(&link.client, ENDED_BY_LOCAL);
	expect_closed(&link.server, ENDED_BY_REMOTE);
}

/* A child that connects; how it lets go of the socket is `end`'s. */
static void connect_child(struct shared *shared, uint64_t bytes)
{
	struct link *link = &shared->link;

	close(link->listener.fd);
	endpoint_open(&link->client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link->client, &link->listener.destination))
		case_die("connect");
	endpoint_send(&link->client, bytes);
}

static void connect_and_exec(void *argument)
{
	connect_child(argument, 6);
	/* endpoint_open makes every socket close-on-exec */
	execl("/proc/self/exe", "stimulus", "idle", NULL);
	case_die("exec");
}

static void connect_and_hang(void *argument)
{
	struct shared *shared = argument;

	connect_child(shared, 6);
	gate_open(&shared->first);
	gate_wait(&shared->second); /* never opened */
}

/* The server side of these, after which the client is at its end. */
static void serve_to_the_end(struct shared *shared, struct ending ending)
{
	struct link *link = &shared->link;

	endpoint_receive_all(&link->server);
	endpoint_close(&link->server);
	endpoint_finish(&link->listener);
	expect_closed(&link->client, ending);
	expect_closed(&link->server, ENDED_BY_REMOTE);
}

void case_exec_cloexec(void)
{
	struct shared *shared = shared_make();
	pid_t child;

	endpoint_serve(&shared->link.listener, "127.0.0.1", 0);
	child = process_start(connect_and_exec, shared);
	endpoint_accept(&shared->link.listener, &shared->link.server);
	process_wait(child);
	serve_to_the_end(shared, (struct ending){"orderly", "local", NULL, true});
}

void case_kill9(void)
{
	struct shared *shared = shared_make();
	int status;
	pid_t child;

	endpoint_serve(&shared->link.listener, "127.0.0.1", 0);
	child = process_start(connect_and_hang, shared);
	endpoint_accept(&shared->link.listener, &shared->link.server);
	gate_wait(&shared->first);
	MUST(kill(child, SIGKILL));
	MUST(waitpid(child, &status, 0));
	serve_to_the_end(shared, ENDED_BY_LOCAL);
}

static void connect_and_fill(void *argument)
{
	static const char data[65536];
	struct shared *shared = argument;
	struct endpoint *client = &shared->link.client;
	ssize_t sent;

	connect_child(shared, 1);
	while ((sent = send(client->fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		client->sent += (uint64_t)sent;
	if (errno != EAGAIN)
		case_die("send");
	/* ends here: the kernel goes on sending what nobody has read */
}

/* The process has ended and is reaped while its connection still carries data. */
void case_process_gone(void)
{
	struct shared *shared = shared_make();
	pid_t child;

	endpoint_serve(&shared->link.listener, "127.0.0.1", 0);
	child = process_start(connect_and_fill, shared);
	endpoint_accept(&shared->link.listener, &shared->link.server);
	process_wait(child);
	serve_to_the_end(shared, ENDED_BY_LOCAL);
	if (shared->link.client.sent != shared->link.server.received)
		case_die("not all bytes came through");
}

static void connect_as_nobody(void *argument)
{
	struct shared *shared = argument;
	struct link *link = &shared->link;

	MUST(setresgid(65534, 65534, 65534));
	MUST(setresuid(65534, 65534, 65534));
	close(link->listener.fd);
	endpoint_open(&link->client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link->client, &link->listener.destination))
		case_die("connect");
	endpoint_close(&link->client);
}

/* As daemons do: begun as root, another user since, and no exec that would tell. */
void case_dropped_privileges(void)
{
	struct shared *shared = shared_make();
	pid_t child;

	endpoint_serve(&shared->link.listener, "127.0.0.1", 0);
	child = process_start(connect_as_nobody, shared);
	endpoint_accept(&shared->link.listener, &shared->link.server);
	process_wait(child);
	serve_to_the_end(shared, ENDED_BY_LOCAL);
}
