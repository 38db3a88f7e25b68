/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operations COUNT: COUNT times: socket, connect to a listener of its own, accept, shutdown of the
 * client's direction, close of both. One thread, every end awaited.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static int listen_anywhere(struct sockaddr_in *ret_address)
{
	socklen_t length = sizeof(*ret_address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ret_address->sin_family = AF_INET;
	ret_address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(fd >= 0, "socket");
	must(!bind(fd, (struct sockaddr *)ret_address, length), "bind");
	must(!listen(fd, 1), "listen");
	must(!getsockname(fd, (struct sockaddr *)ret_address, &length), "getsockname");
	return fd;
}

static void connect_once(int listener, const struct sockaddr_in *address)
{
	int client = socket(AF_INET, SOCK_STREAM, 0), server;
	char byte;

	must(client >= 0, "socket");
	must(!connect(client, (const struct sockaddr *)address, sizeof(*address)), "connect");
	server = accept(listener, NULL, NULL);
	must(server >= 0, "accept");
	must(!shutdown(client, SHUT_WR), "shutdown");
	must(read(server, &byte, 1) == 0, "end at the server");
	close(server);
	must(read(client, &byte, 1) == 0, "end at the client");
	close(client);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {0};
	int listener;

	must(argc == 2, "usage: operations COUNT");
	listener = listen_anywhere(&address);
	for (long count = atol(argv[1]); count > 0; count--)
		connect_once(listener, &address);
	close(listener);
	return 0;
}
