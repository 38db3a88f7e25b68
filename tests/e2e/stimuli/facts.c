/* SPDX-License-Identifier: Apache-2.0 */
/* Facts and the expectations made of them. */
#include "facts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "stimulus.h"

static char executable[4096];
static json_t *arguments;
static bool muted;

void facts_init(int argc, char **argv)
{
	ssize_t length = MUST(readlink("/proc/self/exe", executable, sizeof(executable) - 1));

	executable[length] = 0;
	arguments = json_array();
	for (int i = 0; i < argc; i++)
		json_array_append_new(arguments, json_string(argv[i]));
}

struct actor actor_here(void)
{
	return (struct actor){getpid(), (pid_t)syscall(SYS_gettid), getppid(), getuid()};
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void print_line(json_t *line)
{
	char text[4096];
	size_t length = json_dumpb(line, text, sizeof(text) - 1, JSON_COMPACT);

	if (!length || length > sizeof(text) - 1)
		case_die("expectation too long");
	text[length] = '\n';
	if (write(STDOUT_FILENO, text, length + 1) != (ssize_t)length + 1)
		case_die("write");
	json_decref(line);
}

static void own(const char *what, json_t *value)
{
	print_line(json_pack("{s:{s:o}}", "own", what, value));
}

void own_pid(pid_t pid)
{
	own("pid", json_integer(pid));
}

void own_port(unsigned int port)
{
	own("port", json_integer(port));
}

static int socket_option(int fd, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	MUST(getsockopt(fd, SOL_SOCKET, option, &value, &length));
	return value;
}

void endpoint_learn(struct endpoint *endpoint, int fd)
{
	struct stat status;
	char inode[24];

	endpoint->fd = fd;
	endpoint->family = socket_option(fd, SO_DOMAIN);
	endpoint->type = socket_option(fd, SO_TYPE);
	endpoint->protocol = socket_option(fd, SO_PROTOCOL);
	MUST(fstat(fd, &status));
	endpoint->inode = status.st_ino;
	MUST(stat("/proc/self/ns/net", &status));
	endpoint->netns = status.st_ino;
	snprintf(inode, sizeof(inode), "%lu", endpoint->inode);
	own("inode", json_string(inode));
}

void expect_text(json_t *event, const char *path, const char *value)
{
	json_object_set_new(event, path, json_string(value));
}

void expect_number(json_t *event, const char *path, int64_t value)
{
	json_object_set_new(event, path, json_integer(value));
}

void expect_range(json_t *event, const char *path, int64_t min, int64_t max)
{
	json_object_set_new(event, path,
			    json_pack("{s:I,s:I}", "min", (json_int_t)min, "max", (json_int_t)max));
}

void expect_absent(json_t *event, const char *path)
{
	json_object_set_new(event, path, json_pack("{s:b}", "absent", 1));
}

void expect_loosely(json_t *event, const char *path)
{
	json_t *value = json_incref(json_object_get(event, path));

	if (value)
		json_object_set_new(event, path, json_pack("{s:o}", "optional", value));
}

static void expect_number_text(json_t *event, const char *path, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	expect_text(event, path, text);
}

json_t *expect(const char *name, const struct actor *who)
{
	json_t *event = json_object();

	expect_text(event, "netaudit.event", name);
	if (!who)
		return event;
	expect_number(event, "process.pid", who->pid);
	expect_number(event, "process.thread.id", who->tid);
	expect_number(event, "process.parent.pid", who->parent);
	expect_text(event, "process.executable", executable);
	json_object_set(event, "process.args", arguments);
	expect_number_text(event, "user.id", who->uid);
	expect_absent(event, "netaudit.unattributed");
	return event;
}

static const char *family_name(int family)
{
	switch (family) {
	case AF_INET:
		return "inet";
	case AF_INET6:
		return "inet6";
	case AF_UNIX:
		return "unix";
	case AF_NETLINK:
		return "netlink";
	}
	case_die("family %d has no name here", family);
}

static const char *type_name(int type)
{
	static const char *const names[] = {
		[SOCK_STREAM] = "stream",
		[SOCK_DGRAM] = "dgram",
		[SOCK_RAW] = "raw",
		[SOCK_SEQPACKET] = "seqpacket",
	};

	return names[type];
}

static void expect_transport(json_t *event, const struct endpoint *endpoint)
{
	if (endpoint->family == AF_UNIX) {
		expect_text(event, "network.transport", "unix");
		return;
	}
	if (endpoint->family != AF_INET && endpoint->family != AF_INET6)
		return;
	switch (endpoint->protocol) {
	case IPPROTO_TCP:
	case 262: /* MPTCP: TCP on the wire */
		expect_text(event, "network.transport", "tcp");
		expect_text(event, "network.iana_number", "6");
		break;
	case IPPROTO_UDP:
		expect_text(event, "network.transport", "udp");
		expect_text(event, "network.iana_number", "17");
		break;
	case IPPROTO_ICMP:
		expect_text(event, "network.transport", "icmp");
		expect_text(event, "network.iana_number", "1");
		break;
	}
}

void expect_socket(json_t *event, const struct endpoint *endpoint)
{
	expect_number_text(event, "netaudit.socket.inode", endpoint->inode);
	expect_text(event, "netaudit.socket.family", family_name(endpoint->family));
	expect_text(event, "netaudit.socket.type", type_name(endpoint->type));
	expect_number(event, "netaudit.socket.protocol", endpoint->protocol);
	expect_number(event, "netaudit.socket.netns", (int64_t)endpoint->netns);
	expect_transport(event, endpoint);
	if (endpoint->any_thread)
		json_object_del(event, "process.thread.id");
}

static bool is_mapped(const union address *address)
{
	return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr);
}

unsigned int address_port(const union address *address)
{
	return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port
							: address->v4.sin_port);
}

static void address_ip(const union address *address, char text[INET6_ADDRSTRLEN])
{
	if (is_mapped(address))
		inet_ntop(AF_INET, address->v6.sin6_addr.s6_addr + 12, text, INET6_ADDRSTRLEN);
	else if (address->any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &address->v6.sin6_addr, text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET, &address->v4.sin_addr, text, INET6_ADDRSTRLEN);
}

/* A path as it is, an abstract name with @ for its first NUL, as ss(8) and unix(7) tools print it.
 */
static void expect_path(json_t *event, const char *prefix, const union address *address,
			socklen_t length)
{
	char path[64], text[sizeof(address->path.sun_path) + 1] = "";
	size_t bytes = length > offsetof(struct sockaddr_un, sun_path)
			       ? length - offsetof(struct sockaddr_un, sun_path)
			       : 0;

	snprintf(path, sizeof(path), "%s.address", prefix);
	if (!bytes) {
		expect_absent(event, path);
		return;
	}
	memcpy(text, address->path.sun_path, bytes);
	if (!text[0])
		text[0] = '@';
	expect_text(event, path, text);
}

static void expect_address(json_t *event, const char *prefix, const union address *address,
			   socklen_t length)
{
	char path[64], text[INET6_ADDRSTRLEN];

	if (address->any.sa_family == AF_UNIX || !address->any.sa_family) {
		expect_path(event, prefix, address, length);
		return;
	}
	address_ip(address, text);
	snprintf(path, sizeof(path), "%s.ip", prefix);
	expect_text(event, path, text);
	snprintf(path, sizeof(path), "%s.address", prefix);
	expect_text(event, path, text);
	snprintf(path, sizeof(path), "%s.port", prefix);
	expect_number(event, path, address_port(address));
}

void expect_destination(json_t *event, const union address *address, socklen_t length)
{
	expect_address(event, "destination", address, length);
}

void expect_source(json_t *event, const union address *address, socklen_t length)
{
	expect_address(event, "source", address, length);
}

void expect_tuple(json_t *event, const struct endpoint *endpoint)
{
	const union address *peer = endpoint->active ? &endpoint->destination : &endpoint->source;
	int family = endpoint->family;

	expect_destination(event, &endpoint->destination, endpoint->destination_length);
	if (endpoint->source_known)
		expect_source(event, &endpoint->source, endpoint->source_length);
	if (family == AF_INET || family == AF_INET6)
		expect_text(event, "network.type",
			    family == AF_INET6 && !is_mapped(peer) ? "ipv6" : "ipv4");
	if (is_mapped(peer))
		json_object_set_new(event, "netaudit.socket.mapped", json_true());
	expect_text(event, "network.direction", endpoint->active ? "egress" : "ingress");
	if (endpoint->label[0])
		json_object_set_new(event, "netaudit.connection.id",
				    json_pack("{s:s}", "label", endpoint->label));
}

void expect_error(json_t *event, int error)
{
	expect_text(event, "event.outcome", "failure");
	expect_text(event, "error.code", error_name(error));
}

void expect_creator(json_t *event, const struct actor *creator, const struct actor *who)
{
	if (!creator->pid || creator->pid == who->pid) {
		expect_absent(event, "netaudit.creator.pid");
		return;
	}
	expect_number(event, "netaudit.creator.pid", creator->pid);
	expect_text(event, "netaudit.creator.executable", executable);
}

void facts_mute(bool mute)
{
	muted = mute;
}

void expect_maybe(json_t *event)
{
	json_object_set_new(event, "$optional", json_true());
	expect_print(event);
}

void expect_print(json_t *event)
{
	if (muted)
		json_decref(event);
	else
		print_line(event);
}

const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "?";
}
