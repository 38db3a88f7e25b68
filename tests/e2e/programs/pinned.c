/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pinned COUNT SOFTIRQS: a client and a server, two processes on CPU 0, and COUNT connections, one
 * after the other. SOFTIRQS `peer`: they run where they are raised, so over either of the two;
 * `stranger`: on CPU 1, over a third process that has no socket. In a network namespace of its own.
 *
 * Prints `client PID`, `server PID`, `stranger PID`, `port NUMBER`, `nobody NUMBER` (a port where
 * none listens), `refused NUMBER` (connections to it), and for each socket `owner PID INODE`.
 * Status 77: the machine has one CPU, or no such steering, said on stderr.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEERING "/sys/class/net/lo/queues/rx-0/rps_cpus"
#define SKIPPED 77

/* How a connection ends; each has its turn. */
enum ending { CLIENT_FIRST, SERVER_FIRST, CLIENT_RESETS, SERVER_RESETS, ENDINGS };

_Noreturn static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		die("lo");
	close(fd);
}

/* Packets of lo are received on CPU 1. */
static void steer(void)
{
	int fd;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/sys", "sysfs", 0, NULL) < 0)
		die("sysfs");
	fd = open(STEERING, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "2", 1) != 1) {
		perror(STEERING);
		_exit(SKIPPED);
	}
	close(fd);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return;
	perror("a second CPU");
	_exit(SKIPPED);
}

/* `work` runs in a process of its own on that CPU; it never returns. */
static pid_t start(const char *name, int cpu, void (*work)(long), long count)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(cpu);
	dprintf(STDOUT_FILENO, "%s %d\n", name, (int)getpid());
	work(count);
	_exit(0);
}

static int listener;
static struct sockaddr_in served = {.sin_family = AF_INET}, nobody;

static void tell_owner(int fd)
{
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		die("socket");
	dprintf(STDOUT_FILENO, "owner %d %lu\n", (int)getpid(), (unsigned long)status.st_ino);
}

static void end(int fd, bool first, bool resets)
{
	struct linger linger = {.l_onoff = 1};
	char byte;

	if (!first && read(fd, &byte, 1) > 0)
		die("nothing was to come");
	if (resets && setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
		die("linger");
	close(fd);
}

static void serve(long count)
{
	tell_owner(listener); /* which is also the one's who made it */
	for (long i = 0; i < count; i++) {
		enum ending ending = (enum ending)(i % ENDINGS);
		int fd = accept(listener, NULL, NULL);
		char byte;

		tell_owner(fd);
		if (read(fd, &byte, 1) != 1 || write(fd, &byte, 1) != 1)
			die("server");
		end(fd, ending == SERVER_FIRST || ending == SERVER_RESETS, ending == SERVER_RESETS);
	}
}

static void be_refused(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	tell_owner(fd);
	if (connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)) == 0 || errno != ECONNREFUSED)
		die("a connection was not refused");
	close(fd);
}

static void ask(long count)
{
	close(listener);
	for (long i = 0; i < count; i++) {
		enum ending ending = (enum ending)(i % ENDINGS);
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char byte = 'x';

		tell_owner(fd);
		if (connect(fd, (struct sockaddr *)&served, sizeof(served)) < 0 ||
		    write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			die("client");
		end(fd, ending == CLIENT_FIRST || ending == CLIENT_RESETS, ending == CLIENT_RESETS);
		if (ending == CLIENT_FIRST)
			be_refused();
	}
}

static void occupy(long unused)
{
	(void)unused;
	close(listener);
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static int bind_anywhere(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t length = sizeof(*address);

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, length) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &length) < 0)
		die("bind");
	return fd;
}

static void await(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0 || status)
		die("a process failed");
}

int main(int argc, char **argv)
{
	pid_t stranger = 0, server, client;
	long count;

	if (argc != 3)
		return 64;
	count = atol(argv[1]);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		die("unshare");
	loopback_up();
	if (!strcmp(argv[2], "stranger"))
		steer();
	close(bind_anywhere(&nobody));
	listener = bind_anywhere(&served);
	if (listen(listener, 16) < 0)
		die("listen");
	dprintf(STDOUT_FILENO, "port %u\nnobody %u\nrefused %ld\n", ntohs(served.sin_port),
		ntohs(nobody.sin_port), (count + ENDINGS - 1) / ENDINGS);
	tell_owner(listener);
	if (!strcmp(argv[2], "stranger"))
		stranger = start("stranger", 1, occupy, 0);
	server = start("server", 0, serve, count);
	client = start("client", 0, ask, count);
	close(listener);
	await(client);
	await(server);
	if (stranger)
		kill(stranger, SIGKILL);
	return 0;
}
