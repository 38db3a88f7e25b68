/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was done, and the events expected of it: one JSON object a line on stdout, a field's path →
 * its value. Instead of a value: {"absent":true}, {"present":true}, {"optional":value} (absent or
 * equal), {"min":a,"max":b}, {"any_of":[…]}, {"label":name} (the same label means the same value,
 * another label another value). Lines {"own":{…}} name inodes, pids and ports that no event too
 * many may have.
 */
#ifndef FACTS_H
#define FACTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <jansson.h>

/* Who did it. */
struct actor {
	pid_t pid, tid, parent;
	uid_t uid;
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un path;
	struct sockaddr_storage storage;
};

/* A socket and its connection. No pointers: processes share it in memory. */
struct endpoint {
	int fd;
	unsigned long inode;
	unsigned long netns;
	int family, type, protocol;
	struct actor creator; /* called socket(2); pid 0: nobody, it was accepted */
	struct actor owner;   /* connected, accepted or bound it */
	union address source, destination;
	socklen_t source_length, destination_length; /* of unix addresses */
	bool source_known;
	bool active;     /* connected, not accepted */
	bool any_thread; /* the thread is not ours to know (io_uring) */
	char label[32];  /* of its connection */
	uint64_t sent, received;
	uint64_t before_ns, ready_ns,
		closing_ns; /* connection: earliest begin, latest begin, earliest end */
};

void facts_init(int argc, char **argv);

struct actor actor_here(void);

/* Family, type, protocol, inode and namespace of `fd`; the inode is from now on our own. */
void endpoint_learn(struct endpoint *endpoint, int fd);

uint64_t now_ns(void);

void own_pid(pid_t pid);
void own_port(unsigned int port);

/* An expectation with netaudit.event and what is known of its process; NULL: the process is
 * unknown. */
json_t *expect(const char *event, const struct actor *who);
void expect_socket(json_t *event, const struct endpoint *endpoint);
/* source.*, destination.*, direction and connection id. */
void expect_tuple(json_t *event, const struct endpoint *endpoint);
void expect_destination(json_t *event, const union address *address, socklen_t length);
void expect_source(json_t *event, const union address *address, socklen_t length);
void expect_text(json_t *event, const char *path, const char *value);
void expect_number(json_t *event, const char *path, int64_t value);
void expect_range(json_t *event, const char *path, int64_t min, int64_t max);
void expect_absent(json_t *event, const char *path);
/* Absent or as it is now. */
void expect_loosely(json_t *event, const char *path);
void expect_error(json_t *event, int error);
void expect_creator(json_t *event, const struct actor *creator, const struct actor *who);
/* The event need not come; when it comes, it must be so. For what surface.md leaves open. */
void expect_maybe(json_t *event);
/* While muted, expectations are dropped: what is done before the agent runs. */
void facts_mute(bool mute);
/* Takes the event; one write, so that lines of several processes never mix. */
void expect_print(json_t *event);

/* `ECONNREFUSED` of its number. */
const char *error_name(int error);

/* Host order. */
unsigned int address_port(const union address *address);

#endif
