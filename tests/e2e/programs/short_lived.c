/* SPDX-License-Identifier: Apache-2.0 */
/* short_lived NUMBER PORT: sends its number over one connection to 127.0.0.1:PORT, and is gone. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in server = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t length;

	if (argc != 3 || fd < 0)
		return 1;
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.sin_port = htons((unsigned short)atoi(argv[2]));
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)))
		return 1;
	length = strlen(argv[1]);
	return write(fd, argv[1], length) != (ssize_t)length;
}
