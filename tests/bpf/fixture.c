/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

void fixture_require_programs(void)
{
	struct na_capture_options options = fixture_options();
	struct na_capture *capture;
	struct na_buffer why = {0};

	if (na_capture_open(&options, &capture, &why) < 0) {
		printf("skipped: %.*s\n", (int)why.length, why.data);
		exit(77);
	}
	na_capture_close(&capture);
	na_buffer_done(&why);
}

struct na_capture_options fixture_options(void)
{
	return (struct na_capture_options){
		.families = UINT64_C(1) << AF_INET | UINT64_C(1) << AF_INET6,
		.ring_bytes = 1 << 20,
		.flow_interval_ns = 60 * NA_NS_PER_SEC,
	};
}

struct na_capture *fixture_open(const struct na_capture_options *options)
{
	struct na_capture *capture = NULL;
	struct na_buffer why = {0};

	if (na_capture_open(options, &capture, &why) < 0)
		fail_msg("%.*s", (int)why.length, why.data);
	na_buffer_done(&why);
	return capture;
}

int collect(void *context, const struct na_record_header *record)
{
	struct collected *collected = context;
	struct na_record_header *copy = malloc(record->size);

	assert_non_null(copy);
	if (collected->count == collected->size) {
		collected->size = collected->size ? collected->size * 2 : 1024;
		collected->records =
			realloc(collected->records, collected->size * sizeof(*collected->records));
		assert_non_null(collected->records);
	}
	memcpy(copy, record, record->size);
	collected->records[collected->count++] = copy;
	if (record->type == NA_RECORD_LOST)
		collected->lost[record->program] += ((const struct na_record_lost *)record)->count;
	else
		collected->counts[record->program]++;
	return 0;
}

void collected_done(struct collected *collected)
{
	for (size_t i = 0; i < collected->count; i++)
		free(collected->records[i]);
	free(collected->records);
	memset(collected, 0, sizeof(*collected));
}

const void *collected_find(const struct collected *collected, enum na_record_type type,
			   uint64_t cookie)
{
	for (size_t i = 0; i < collected->count; i++) {
		const struct na_record_header *record = collected->records[i];
		/* Every record of a socket begins with its cookie. */
		const uint64_t *first = (const uint64_t *)(record + 1);

		if (record->type == type && (!cookie || *first == cookie))
			return record;
	}
	return NULL;
}

uint64_t socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

uint64_t socket_inode(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return status.st_ino;
}

socklen_t loopback_address(int family, uint16_t port, struct sockaddr_storage *ret_address)
{
	memset(ret_address, 0, sizeof(*ret_address));
	if (family == AF_INET) {
		*(struct sockaddr_in *)ret_address = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_port = htons(port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		return sizeof(struct sockaddr_in);
	}
	*(struct sockaddr_in6 *)ret_address = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	return sizeof(struct sockaddr_in6);
}

uint16_t socket_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
						  : ((struct sockaddr_in6 *)&address)->sin6_port);
}

int listener_open(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage address;
	socklen_t size = loopback_address(family, 0, &address);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

void pair_connect(int listener, int family, int *ret_client, int *ret_server)
{
	struct sockaddr_storage address;
	socklen_t size = loopback_address(family, socket_port(listener), &address);

	*ret_client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*ret_client >= 0);
	assert_int_equal(connect(*ret_client, (struct sockaddr *)&address, size), 0);
	*ret_server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(*ret_server >= 0);
}

int loopback_up(void)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}
