/* SPDX-License-Identifier: Apache-2.0 */
/* Host, clock and listeners for the tests of output syslog. */
#include "syslog_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "syslog/instance.h"

#define TICK_NS (10 * NA_NS_PER_MS)

uint64_t syslog_ahead_ns;
size_t syslog_send_piece, syslog_send_total;
static size_t sent_total;

uint64_t __real_na_clock_boot_ns(void);
uint64_t __wrap_na_clock_boot_ns(void);
int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

uint64_t __wrap_na_clock_boot_ns(void)
{
	return __real_na_clock_boot_ns() + __atomic_load_n(&syslog_ahead_ns, __ATOMIC_RELAXED);
}

/*
 * Ticks are waited for: another end may need the time. A longer wait is over at once, and the clock
 * says that it was waited for, if nothing is ready within a tick.
 */
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask)
{
	uint64_t wait_ns =
		timeout ? (uint64_t)timeout->tv_sec * NA_NS_PER_SEC + (uint64_t)timeout->tv_nsec
			: 0;
	struct timespec tick = {.tv_nsec = (long)TICK_NS};
	int ready;

	if (!timeout || wait_ns <= TICK_NS || fds->events & POLLIN)
		return __real_ppoll(fds, count, timeout, mask);
	ready = __real_ppoll(fds, count, &tick, mask);
	if (!ready)
		__atomic_fetch_add(&syslog_ahead_ns, wait_ns, __ATOMIC_RELAXED);
	return ready;
}

/* How many bytes the test lets pass now. */
static size_t allowance(void)
{
	size_t most = syslog_send_piece ? syslog_send_piece : SIZE_MAX;

	if (syslog_send_total && most > syslog_send_total - sent_total)
		most = syslog_send_total - sent_total;
	return most;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct msghdr less = *message;
	struct iovec pieces[1024];
	size_t most = allowance();
	ssize_t count;

	if (!most) {
		errno = EAGAIN;
		return -1;
	}
	less.msg_iov = pieces;
	for (size_t i = 0; i < less.msg_iovlen; most -= pieces[i++].iov_len) {
		pieces[i] = message->msg_iov[i];
		if (pieces[i].iov_len > most)
			pieces[i].iov_len = most;
	}
	count = __real_sendmsg(fd, &less, flags);
	if (count > 0)
		sent_total += (size_t)count;
	return count;
}

static struct syslog_host *host_of(struct na_output_host *host)
{
	return (struct syslog_host *)host;
}

/* Nothing is acknowledged twice, or without being on its way. */
static void acknowledge(struct na_output_host *pointer, uint64_t first, uint64_t last)
{
	struct syslog_host *host = host_of(pointer);

	pthread_mutex_lock(&host->mutex);
	for (uint64_t number = first; number <= last; number++) {
		if (number < 1 || number > NUMBERS_MAX || !host->under_way[number])
			abort();
		host->under_way[number] = false;
		host->count++;
		host->last = number;
	}
	pthread_mutex_unlock(&host->mutex);
}

static void reject(struct na_output_host *host, uint64_t number, const char *reason)
{
	(void)host;
	(void)number;
	(void)reason;
	abort(); /* put says it by its verdict */
}

static void keep_why(struct syslog_host *host, const char *why)
{
	if (why)
		snprintf(host->why, sizeof(host->why), "%s", why);
}

static void failed(struct na_output_host *pointer, const char *reason)
{
	struct syslog_host *host = host_of(pointer);

	host->failed++;
	keep_why(host, reason);
	memset(host->under_way, 0, sizeof(host->under_way));
}

static void say_state(struct na_output_host *pointer, enum na_output_state state, const char *why)
{
	struct syslog_host *host = host_of(pointer);

	host->state = state;
	keep_why(host, why);
}

/* Whoever holds one sees it, also without AddressSanitizer. */
static void free_bodies(const struct na_output_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *body = (char *)(uintptr_t)records[i].body.data;

		memset(body, '#', records[i].body.length);
		free(body);
	}
}

static char *make_body(uint64_t number, size_t pad)
{
	struct na_buffer body = {0};

	na_buffer_printf(&body, "{\"n\":%llu,\"pad\":\"%*s\"}", (unsigned long long)number,
			 (int)pad, "");
	na_buffer_append_char(&body, '\0');
	assert_int_equal(na_buffer_error(&body), 0);
	return body.data;
}

/* Steps of the output with a real deadline. */
static void await(struct na_output_instance *instance, const uint64_t *counter, uint64_t count)
{
	uint64_t deadline_ns = __real_na_clock_boot_ns() + 30 * NA_NS_PER_SEC;

	while (__atomic_load_n(counter, __ATOMIC_RELAXED) < count) {
		assert_true(__real_na_clock_boot_ns() < deadline_ns);
		assert_int_equal(na_output_syslog.work(instance, NA_NS_PER_MS), NA_OUTPUT_TAKEN);
	}
}

/* ------------------------------------------------------------------------------------------- */

void syslog_host_init(struct syslog_host *host)
{
	memset(host, 0, sizeof(*host));
	pthread_mutex_init(&host->mutex, NULL);
	host->host = (struct na_output_host){.name = "test",
					     .acknowledge = acknowledge,
					     .reject = reject,
					     .failed = failed,
					     .state = say_state};
	syslog_ahead_ns = 0;
	syslog_send_piece = syslog_send_total = sent_total = 0;
}

void syslog_host_done(struct syslog_host *host)
{
	pthread_mutex_destroy(&host->mutex);
}

uint64_t syslog_host_count(struct syslog_host *host)
{
	uint64_t count;

	pthread_mutex_lock(&host->mutex);
	count = host->count;
	pthread_mutex_unlock(&host->mutex);
	return count;
}

struct na_syslog_options syslog_options(const char *address)
{
	return (struct na_syslog_options){
		.address = na_text_of(address),
		.facility = 16,
		.sd_id = na_text_of("netaudit@32473"),
		.timeout = 30 * NA_NS_PER_SEC,
		.overlap = 10 * NA_NS_PER_SEC,
		.ca_file = na_text_of(""),
		.cert_file = na_text_of(""),
		.key_file = na_text_of(""),
		.verify = true,
	};
}

enum na_output_verdict syslog_put(struct syslog_host *host, struct na_output_instance *instance,
				  uint64_t from, uint64_t to, size_t pad, size_t *ret_taken)
{
	size_t count = (size_t)(to - from + 1);
	struct na_output_record *records = calloc(count, sizeof(*records));
	struct na_buffer why = {0};
	enum na_output_verdict verdict;
	struct na_event event;

	assert_true(to <= NUMBERS_MAX);
	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	for (size_t i = 0; i < count; i++) {
		host->under_way[from + i] = true;
		records[i] = (struct na_output_record){
			.number = from + i,
			.id = na_text_of("id-1"),
			.body = na_text_of(make_body(from + i, pad)),
			.event = &event,
			.wall_ns = UINT64_C(1795525507123456789),
		};
	}
	*ret_taken = 0;
	verdict = na_output_syslog.put(instance, records, count, ret_taken, &why);
	if (why.length)
		snprintf(host->why, sizeof(host->why), "%.*s", (int)why.length, why.data);
	na_buffer_done(&why);
	free_bodies(records, count);
	free(records);
	return verdict;
}

void syslog_await_arrived(struct na_output_instance *instance, uint64_t count)
{
	await(instance, &instance->window.arrived, count);
}

void syslog_await_count(struct syslog_host *host, struct na_output_instance *instance,
			uint64_t count)
{
	await(instance, &host->count, count);
}

int syslog_listen(int type, const char *scheme, char ret_address[64])
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(name);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), small = 4096;

	assert_true(fd >= 0);
	/* Small: a reader that stops is soon felt. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	snprintf(ret_address, 64, "%s://127.0.0.1:%u", scheme, ntohs(name.sin_port));
	return fd;
}

int syslog_listen_unix(int type, const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

bool syslog_read_some(int fd, struct na_buffer *in)
{
	for (;;) {
		ssize_t count;

		assert_int_equal(na_buffer_reserve(in, 65536), 0);
		count = recv(fd, in->data + in->length, 65536, MSG_DONTWAIT);
		if (count == 0)
			return false;
		if (count < 0) {
			assert_int_equal(errno, EAGAIN);
			return true;
		}
		in->length += (size_t)count;
	}
}

bool syslog_next_octet(const struct na_buffer *in, size_t *at, struct na_text *ret_message)
{
	const char *space = in->length > *at ? memchr(in->data + *at, ' ', in->length - *at) : NULL;
	char digits[12] = {0};
	size_t length;

	if (!space)
		return false;
	length = (size_t)(space - (in->data + *at));
	assert_in_range(length, 1, 10);
	memcpy(digits, in->data + *at, length);
	assert_int_equal(strspn(digits, "0123456789"), length);
	length = strtoul(digits, NULL, 10);
	space++;
	if (length > (size_t)(in->data + in->length - space))
		return false;
	*ret_message = (struct na_text){space, length};
	*at = (size_t)(space - in->data) + length;
	return true;
}

bool syslog_next_line(const struct na_buffer *in, size_t *at, struct na_text *ret_message)
{
	const char *end = in->length > *at ? memchr(in->data + *at, '\n', in->length - *at) : NULL;

	if (!end)
		return false;
	*ret_message = (struct na_text){in->data + *at, (size_t)(end - (in->data + *at))};
	*at += ret_message->length + 1;
	return true;
}

uint64_t syslog_number_of(struct na_text message)
{
	const char *at = memmem(message.data, message.length, "{\"n\":", 5);

	assert_non_null(at);
	assert_int_equal(message.data[message.length - 1], '}');
	return strtoull(at + 5, NULL, 10);
}
