/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swarm PROGRAM COUNT PARALLEL: a server on a port of its own, and COUNT processes `PROGRAM NUMBER
 * PORT`, at most PARALLEL at a time. Prints the port, then for each accepted connection its source
 * port and what it sent, `PORT NUMBER`. Status 1 when a process fails.
 */
#include <arpa/inet.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

_Noreturn static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static int listen_anywhere(unsigned int *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&address, &length))
		die("listen");
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* Reads to the end of what the client sends. */
static void serve_one(int listener)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	int fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
	char number[32];
	size_t got = 0;
	ssize_t part;

	if (fd < 0)
		die("accept");
	while ((part = read(fd, number + got, sizeof(number) - 1 - got)) > 0)
		got += (size_t)part;
	if (part < 0)
		die("read");
	number[got] = 0;
	printf("%u %s\n", (unsigned int)ntohs(peer.sin_port), number);
	close(fd);
}

static pid_t server_start(int listener, long count)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	while (count-- > 0)
		serve_one(listener);
	fflush(stdout);
	_exit(0);
}

static void spawn(const char *program, long number, const char *port)
{
	char text[24];
	char *const arguments[] = {(char *)program, text, (char *)port, NULL};
	pid_t pid;

	snprintf(text, sizeof(text), "%ld", number);
	if (posix_spawn(&pid, program, NULL, NULL, arguments, environ))
		die("posix_spawn");
}

static void await(void)
{
	int status;

	if (wait(&status) < 0 || status)
		die("a process failed");
}

int main(int argc, char **argv)
{
	unsigned int number;
	char port[8];
	long count, parallel;
	int listener;

	if (argc != 4)
		return 64;
	count = atol(argv[2]);
	parallel = atol(argv[3]);
	listener = listen_anywhere(&number);
	snprintf(port, sizeof(port), "%u", number);
	puts(port);
	fflush(stdout);
	server_start(listener, count);
	close(listener);
	for (long i = 0; i < count; i++) {
		if (i >= parallel)
			await();
		spawn(argv[1], i, port);
	}
	for (long i = 0; i < (count < parallel ? count : parallel) + 1; i++) /* and the server */
		await();
	return 0;
}
