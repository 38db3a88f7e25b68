/* SPDX-License-Identifier: Apache-2.0 */
/* What tests with attached programs share: opening, and collecting the records of one's own. */
#ifndef NA_BPF_FIXTURE_H
#define NA_BPF_FIXTURE_H

#include <netinet/in.h>

#include "capture/capture.h"

/* All that came: other processes of the host speak too. */
struct collected {
	struct na_record_header **records;
	size_t count, size;
	uint64_t counts[NA_PROGRAM_COUNT];
	uint64_t lost[NA_PROGRAM_COUNT];
};

/* Exits with 77 and the reason where the programs cannot be attached, or not by this user. */
void fixture_require_programs(void);

/* Options as the agent has them: inet and inet6, one ring per CPU. */
struct na_capture_options fixture_options(void);

/* Opens or fails the test with the reason. */
struct na_capture *fixture_open(const struct na_capture_options *options);

/* na_record_take: keeps a copy. */
int collect(void *collected, const struct na_record_header *record);
void collected_done(struct collected *collected);

/* The first record of the type with this cookie (0: any), from index `from` on; NULL: none. */
const void *collected_find(const struct collected *collected, enum na_record_type type,
			   uint64_t cookie);

uint64_t socket_cookie(int fd);
uint64_t socket_inode(int fd);

/* 127.0.0.1 or ::1 with the port. */
socklen_t loopback_address(int family, uint16_t port, struct sockaddr_storage *ret_address);
uint16_t socket_port(int fd);

/* A listener on loopback; connected pairs through it. */
int listener_open(int family);
void pair_connect(int listener, int family, int *ret_client, int *ret_server);

/* Loopback of the current network namespace. 0 or a negative errno. */
int loopback_up(void);

#endif
