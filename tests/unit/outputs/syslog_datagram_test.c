/* SPDX-License-Identifier: Apache-2.0 */
/* Output syslog by datagrams: UDP, unix sockets, journald with its files in memory. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "syslog/instance.h"
#include "syslog_support.h"

static struct syslog_host host;
static struct na_syslog_options options;
static struct na_output_instance *instance;
static char folder[] = "/tmp/syslog_datagram_test.XXXXXX";
static char address[64], datagram[300000];
static int receiver = -1;

static int set_up(void **state)
{
	(void)state;
	syslog_host_init(&host);
	options = syslog_options(address);
	return 0;
}

static void close_output(void)
{
	if (instance)
		na_output_syslog.close(instance);
	instance = NULL;
}

static int tear_down(void **state)
{
	(void)state;
	close_output();
	if (receiver >= 0)
		close(receiver);
	receiver = -1;
	syslog_host_done(&host);
	return 0;
}

static void open_output(void)
{
	struct na_buffer why = {0};

	options.address = na_text_of(address);
	assert_int_equal(na_output_syslog.check(&options, &why), 0);
	assert_int_equal(na_output_syslog.open(&options, &host.host, &instance, &why), 0);
	na_buffer_done(&why);
}

static void listen_unix(const char *scheme)
{
	snprintf(address, sizeof(address), "%s://%s/socket", scheme, folder);
	receiver = syslog_listen_unix(SOCK_DGRAM, strchr(address, '/') + 2);
}

static void put_all(uint64_t from, uint64_t to, size_t pad)
{
	size_t taken;

	assert_int_equal(syslog_put(&host, instance, from, to, pad, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(taken, to - from + 1);
}

static struct na_text receive(void)
{
	ssize_t count = recv(receiver, datagram, sizeof(datagram), MSG_DONTWAIT);

	assert_true(count >= 0);
	return (struct na_text){datagram, (size_t)count};
}

/* The datagram's file, if it has one, into `datagram`. */
static struct na_text receive_sealed(void)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_control = control.space,
				 .msg_controllen = sizeof(control.space)};
	static char content[2000000];
	struct cmsghdr *header;
	ssize_t count;
	int fd, seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	assert_int_equal(recvmsg(receiver, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), 0);
	header = CMSG_FIRSTHDR(&message);
	assert_non_null(header);
	assert_int_equal(header->cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
	count = pread(fd, content, sizeof(content), 0);
	close(fd);
	assert_true(count > 0 && (size_t)count < sizeof(content));
	return (struct na_text){content, (size_t)count};
}

/* The value of a field of journald's protocol, read from its beginning; fails if it is not there.
 */
static struct na_text field_of(struct na_text text, const char *name)
{
	struct na_text found = {0};

	while (text.length) {
		const char *end = memchr(text.data, '\n', text.length), *equals;
		struct na_text key, value;
		uint64_t length;

		assert_non_null(end);
		equals = memchr(text.data, '=', (size_t)(end - text.data));
		if (equals) {
			key = (struct na_text){text.data, (size_t)(equals - text.data)};
			value = (struct na_text){equals + 1, (size_t)(end - equals) - 1};
		} else {
			key = (struct na_text){text.data, (size_t)(end - text.data)};
			assert_true(text.length > key.length + 1 + sizeof(length));
			memcpy(&length, end + 1, sizeof(length));
			value = (struct na_text){end + 1 + sizeof(length), le64toh(length)};
			assert_true(value.data + value.length < text.data + text.length);
			end = value.data + value.length;
			assert_int_equal(*end, '\n');
		}
		if (key.length == strlen(name) && !memcmp(key.data, name, key.length))
			found = value;
		text.length -= (size_t)(end + 1 - text.data);
		text.data = end + 1;
	}
	assert_non_null(found.data);
	return found;
}

static void expect_field(struct na_text text, const char *name, const char *value)
{
	struct na_text found = field_of(text, name);

	assert_int_equal(found.length, strlen(value));
	assert_memory_equal(found.data, value, found.length);
}

/* ------------------------------------------------------------------------------------------- */

static void sends_udp(void **state)
{
	(void)state;
	receiver = syslog_listen(SOCK_DGRAM, "udp", address);
	open_output();
	put_all(1, 20, 10);
	assert_int_equal(host.count, 20);
	for (uint64_t number = 1; number <= 20; number++) {
		struct na_text message = receive();

		assert_memory_equal(message.data, "<134>1 ", 7);
		assert_int_equal(syslog_number_of(message), number);
	}
}

static void hears_that_nobody_listens(void **state)
{
	size_t taken;

	(void)state;
	receiver = syslog_listen(SOCK_DGRAM, "udp", address);
	close(receiver);
	receiver = -1;
	open_output();
	for (uint64_t count = 1; count < 5; count += 3) {
		assert_int_equal(syslog_put(&host, instance, 1, count, 10, &taken),
				 NA_OUTPUT_LATER);
		assert_int_equal(taken, 0);
		assert_string_equal(host.why, "nobody listens there");
	}
	assert_int_equal(host.count, 0);
}

static void rejects_what_no_datagram_holds(void **state)
{
	size_t taken;

	(void)state;
	receiver = syslog_listen(SOCK_DGRAM, "udp", address);
	open_output();
	put_all(1, 1, 10);
	assert_int_equal(syslog_put(&host, instance, 2, 4, 9000, &taken), NA_OUTPUT_REJECT);
	assert_int_equal(taken, 0);
	close_output();
	close(receiver);
	options.max_size = 1u << 20;
	listen_unix("unix");
	open_output();
	assert_int_equal(syslog_put(&host, instance, 5, 6, 500000, &taken), NA_OUTPUT_REJECT);
	assert_non_null(strstr(host.why, "does not fit into a datagram"));
	assert_int_equal(host.count, 1);
}

static void waits_for_a_full_receiver(void **state)
{
	size_t taken;
	uint64_t all = 0, next = 1;

	(void)state;
	listen_unix("unix");
	open_output();
	while (syslog_put(&host, instance, all + 1, all + 100, 1000, &taken) == NA_OUTPUT_TAKEN)
		all += taken;
	assert_string_equal(host.why, "the receiver does not keep up");
	assert_int_equal(host.count, all);
	while (next <= all)
		assert_int_equal(syslog_number_of(receive()), next++);
	put_all(all + 1, all + 5, 1000);
	while (next <= all + 5)
		assert_int_equal(syslog_number_of(receive()), next++);
}

/* As a local server reads it: without a host. A server that is started anew has a new socket. */
static void writes_to_dev_log(void **state)
{
	size_t taken;
	struct na_text message;

	(void)state;
	listen_unix("unix");
	open_output();
	put_all(1, 1, 10);
	message = receive();
	assert_memory_equal(message.data, "<134>", 5);
	assert_memory_equal(message.data + strlen("<134>Nov 24 13:05:07 "), "netaudit[", 9);
	close(receiver);
	assert_int_equal(syslog_put(&host, instance, 2, 2, 10, &taken), NA_OUTPUT_LATER);
	listen_unix("unix");
	put_all(2, 2, 10);
	assert_int_equal(syslog_number_of(receive()), 2);
}

static void speaks_to_journald(void **state)
{
	struct na_text message;
	char pid[12];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", getpid());
	listen_unix("journald");
	open_output();
	put_all(1, 2, 10);
	message = receive();
	expect_field(message, "PRIORITY", "6");
	expect_field(message, "SYSLOG_FACILITY", "16");
	expect_field(message, "SYSLOG_IDENTIFIER", "netaudit");
	expect_field(message, "SYSLOG_PID", pid);
	expect_field(message, "NETAUDIT_ID", "id-1");
	expect_field(message, "NETAUDIT_EVENT", "established");
	expect_field(message, "NETAUDIT_OUTCOME", "success");
	expect_field(message, "MESSAGE", "{\"n\":1,\"pad\":\"          \"}");
	expect_field(receive(), "MESSAGE", "{\"n\":2,\"pad\":\"          \"}");
	assert_int_equal(host.count, 2);
}

static void hands_large_ones_over_as_files(void **state)
{
	struct na_text body;

	(void)state;
	listen_unix("journald");
	open_output();
	put_all(1, 1, 1000000);
	body = field_of(receive_sealed(), "MESSAGE");
	assert_int_equal(body.length, 1000000 + strlen("{\"n\":1,\"pad\":\"\"}"));
	assert_int_equal(syslog_number_of(body), 1);
	assert_int_equal(host.count, 1);
	put_all(2, 2, 10);
	expect_field(receive(), "MESSAGE", "{\"n\":2,\"pad\":\"          \"}");
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/socket", folder);
	unlink(path);
	return rmdir(folder);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sends_udp),
		TEST(hears_that_nobody_listens),
		TEST(rejects_what_no_datagram_holds),
		TEST(waits_for_a_full_receiver),
		TEST(writes_to_dev_log),
		TEST(speaks_to_journald),
		TEST(hands_large_ones_over_as_files),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
