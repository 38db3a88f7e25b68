/* SPDX-License-Identifier: Apache-2.0 */
/* Output syslog over TLS, against a server in a thread. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "syslog/instance.h"
#include "syslog_certificates.h"
#include "syslog_support.h"

static char folder[] = "/tmp/syslog_tls_test.XXXXXX";
static char address[64], names[3][300];
static struct syslog_host host;
static struct na_syslog_options options;
static struct na_output_instance *instance;

/* The server: the test sets it up, then starts its thread, which takes one connection. */
static struct {
	int listener;
	const char *certificate;
	int version;          /* the highest; 0: any */
	bool wants;           /* a certificate of ours */
	bool closes;          /* behind the handshake, without a word */
	atomic_bool may_read; /* it reads nothing before */
	atomic_int fd;
	atomic_size_t most;  /* bytes that it reads; then it resets the connection */
	struct na_buffer in; /* of the thread until it was joined */
	pthread_t thread;
	bool runs;
} server;

static const char *path_of(char *path, const char *name, const char *end)
{
	snprintf(path, sizeof(names[0]), "%s/%s.%s", folder, name, end);
	return path;
}

static SSL_CTX *server_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	char path[300];

	if (!context)
		abort();
	SSL_CTX_set_security_level(context, 0); /* for versions that nobody should speak */
	if (server.version)
		SSL_CTX_set_max_proto_version(context, server.version);
	SSL_CTX_use_certificate_file(context, path_of(path, server.certificate, "pem"),
				     SSL_FILETYPE_PEM);
	SSL_CTX_use_PrivateKey_file(context, path_of(path, server.certificate, "key"),
				    SSL_FILETYPE_PEM);
	SSL_CTX_load_verify_file(context, path_of(path, "ca", "pem"));
	if (server.wants)
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
	return context;
}

static void read_all(SSL *ssl)
{
	char piece[8192];
	int count = 1;

	while (!server.may_read)
		sched_yield();
	while (count > 0 && server.in.length < server.most) {
		count = SSL_read(ssl, piece, sizeof(piece));
		if (count > 0)
			na_buffer_append(&server.in, piece, (size_t)count);
	}
	if (count <= 0)
		SSL_shutdown(ssl);
}

static void *serve(void *argument)
{
	struct linger none = {.l_onoff = 1};
	SSL_CTX *context = server_context();
	SSL *ssl = SSL_new(context);
	int fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);

	(void)argument;
	server.fd = fd;
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && !server.closes)
		read_all(ssl);
	if (server.in.length >= server.most)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	SSL_free(ssl);
	close(fd);
	SSL_CTX_free(context);
	return NULL;
}

static void start_server(void)
{
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
	server.runs = true;
}

static void join_server(void)
{
	if (server.runs)
		pthread_join(server.thread, NULL);
	server.runs = false;
}

static int set_up(void **state)
{
	(void)state;
	syslog_host_init(&host);
	server.listener = syslog_listen(SOCK_STREAM, "tls", address);
	server.certificate = "server";
	server.version = 0;
	server.wants = server.closes = false;
	server.may_read = true;
	server.most = SIZE_MAX;
	options = syslog_options(address);
	options.overlap = 0;
	options.ca_file = na_text_of(path_of(names[0], "ca", "pem"));
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
	join_server();
	close(server.listener);
	na_buffer_done(&server.in);
	syslog_host_done(&host);
	return 0;
}

static void open_output(void)
{
	struct na_buffer why = {0};

	assert_int_equal(na_output_syslog.check(&options, &why), 0);
	assert_int_equal(na_output_syslog.open(&options, &host.host, &instance, &why), 0);
	na_buffer_done(&why);
}

static void show_certificate(const char *certificate, const char *key)
{
	options.cert_file = na_text_of(path_of(names[1], certificate, "pem"));
	options.key_file = na_text_of(path_of(names[2], key, "key"));
}

static void drain(void)
{
	na_output_syslog.drain(instance, na_clock_boot_ns() + 30 * NA_NS_PER_SEC);
}

static void put_all(uint64_t from, uint64_t to, size_t pad)
{
	size_t taken;

	assert_int_equal(syslog_put(&host, instance, from, to, pad, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(taken, to - from + 1);
}

/* 1 to `last`, once each and in order, at the server. */
static void expect_received(uint64_t last)
{
	struct na_text message;
	uint64_t next = 1;
	size_t at = 0;

	join_server();
	while (syslog_next_octet(&server.in, &at, &message))
		assert_int_equal(syslog_number_of(message), next++);
	assert_int_equal(next, last + 1);
}

/* Steps until the output says that a person must act, or that all comes again. */
static void expect_refusal(enum na_output_state state, const char *why)
{
	enum na_output_verdict verdict = NA_OUTPUT_TAKEN;
	uint64_t deadline_ns = na_clock_awake_ns() + 30 * NA_NS_PER_SEC;
	size_t taken;

	options.overlap = 10 * NA_NS_PER_SEC; /* without one a refusal may come too late */
	start_server();
	open_output();
	verdict = syslog_put(&host, instance, 1, 3, 10, &taken);
	while (verdict == NA_OUTPUT_TAKEN && !host.failed) {
		assert_true(na_clock_awake_ns() < deadline_ns);
		assert_int_equal(na_output_syslog.work(instance, NA_NS_PER_MS), NA_OUTPUT_TAKEN);
	}
	assert_int_equal(host.state, state);
	assert_non_null(strstr(host.why, why));
	assert_int_equal(host.count, 0);
}

/* ------------------------------------------------------------------------------------------- */

static void delivers(void **state)
{
	(void)state;
	start_server();
	open_output();
	put_all(1, 100, 100);
	syslog_await_count(&host, instance, 100);
	put_all(101, 200, 100);
	drain();
	assert_int_equal(host.count, 200);
	expect_received(200);
}

static void delivers_with_a_certificate(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	server.wants = true;
	show_certificate("client", "client");
	for (size_t i = 0; i < 2; i++) {
		uint64_t before = host.count;

		server.version = versions[i];
		start_server();
		open_output();
		put_all(1, 10, 10);
		drain();
		assert_int_equal(host.count, before + 10);
		expect_received(10);
		close_output();
		na_buffer_clear(&server.in);
	}
}

/* By name, as by address. */
static void delivers_to_a_name(void **state)
{
	char named[64];

	(void)state;
	snprintf(named, sizeof(named), "tls://localhost%s", strrchr(address, ':'));
	options.address = na_text_of(named);
	start_server();
	open_output();
	put_all(1, 10, 10);
	drain();
	expect_received(10);
}

static void writes_in_pieces(void **state)
{
	uint64_t all = 0;
	size_t taken = 1;
	int there;

	(void)state;
	server.may_read = false;
	options.timeout = 3600 * NA_NS_PER_SEC;
	start_server();
	open_output();
	while (syslog_put(&host, instance, all + 1, all + 500, 3000, &taken) == NA_OUTPUT_TAKEN)
		all += taken;
	assert_string_equal(host.why, "the far end does not keep up");
	/* What the server's kernel does not hold, encrypted, is not acknowledged. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(na_output_syslog.work(instance, NA_NS_PER_MS), NA_OUTPUT_TAKEN);
	assert_int_equal(ioctl(server.fd, FIONREAD, &there), 0);
	assert_true(host.count * 3000 <= (uint64_t)there);
	assert_true(host.count < all);
	server.may_read = true;
	syslog_await_count(&host, instance, all);
	drain();
	expect_received(all);
}

/* What was acknowledged before the reset lies within what the server's kernel took. */
static void comes_again_after_a_reset(void **state)
{
	(void)state;
	options.overlap = 10 * NA_NS_PER_SEC;
	server.most = 1000;
	server.may_read = false;
	start_server();
	open_output();
	put_all(1, 100, 100);
	server.may_read = true;
	while (!host.failed)
		na_output_syslog.work(instance, NA_NS_PER_MS);
	assert_int_equal(host.count, 0);
	assert_int_equal(host.state, NA_OUTPUT_WORKING);
	join_server();
	na_buffer_clear(&server.in);
	server.most = SIZE_MAX;
	start_server();
	put_all(1, 100, 100);
	drain();
	assert_int_equal(host.count, 100);
	expect_received(100);
}

static void refuses_another_name(void **state)
{
	(void)state;
	server.certificate = "other";
	expect_refusal(NA_OUTPUT_HELD,
		       "the far end's certificate is not accepted: IP address mismatch");
}

static void refuses_another_host(void **state)
{
	char named[64];

	(void)state;
	snprintf(named, sizeof(named), "tls://localhost%s", strrchr(address, ':'));
	options.address = na_text_of(named);
	server.certificate = "other";
	expect_refusal(NA_OUTPUT_HELD, "is not accepted: hostname mismatch");
}

static void refuses_an_expired_one(void **state)
{
	(void)state;
	server.certificate = "expired";
	expect_refusal(NA_OUTPUT_HELD, "is not accepted: certificate has expired");
}

static void refuses_an_unknown_authority(void **state)
{
	(void)state;
	server.certificate = "stranger";
	expect_refusal(NA_OUTPUT_HELD, "is not accepted: self-signed certificate");
}

static void accepts_all_without_verify(void **state)
{
	(void)state;
	options.verify = false;
	server.certificate = "stranger";
	start_server();
	open_output();
	put_all(1, 10, 10);
	drain();
	expect_received(10);
}

static void refuses_old_versions(void **state)
{
	(void)state;
	server.version = TLS1_1_VERSION;
	expect_refusal(NA_OUTPUT_WORKING, "TLS: ");
}

/* With TLS 1.3 it shows only after our first words. */
static void says_that_a_certificate_is_required(void **state)
{
	(void)state;
	server.wants = true;
	server.version = TLS1_3_VERSION;
	expect_refusal(NA_OUTPUT_HELD, "refuses our certificate: one is required there");
}

static void says_why_ours_is_refused(void **state)
{
	(void)state;
	server.wants = true;
	server.version = TLS1_3_VERSION;
	show_certificate("expired", "expired");
	expect_refusal(NA_OUTPUT_HELD, "refuses our certificate: it has expired");
}

static void says_that_its_authority_is_unknown(void **state)
{
	(void)state;
	server.wants = true;
	server.version = TLS1_2_VERSION;
	show_certificate("stranger", "stranger");
	expect_refusal(NA_OUTPUT_HELD, "refuses our certificate: its authority is not known there");
}

static void wonders_about_a_silent_end(void **state)
{
	(void)state;
	server.closes = true;
	expect_refusal(NA_OUTPUT_WORKING, "soon after the handshake: does it want a client "
					  "certificate (cert_file)?");
}

static void says_which_file_is_wrong(void **state)
{
	size_t taken;

	(void)state;
	show_certificate("client", "server");
	start_server();
	open_output();
	assert_int_equal(syslog_put(&host, instance, 1, 1, 10, &taken), NA_OUTPUT_LATER);
	assert_int_equal(host.state, NA_OUTPUT_HELD);
	assert_non_null(strstr(host.why, "server.key cannot be used: key values mismatch"));
	join_server();
	close_output();
	options.ca_file = na_text_of("/nowhere/ca.pem");
	start_server();
	open_output();
	assert_int_equal(syslog_put(&host, instance, 1, 1, 10, &taken), NA_OUTPUT_LATER);
	assert_non_null(strstr(host.why, "ca_file /nowhere/ca.pem cannot be used: "));
}

static int make_certificates(void **state)
{
	static const char addresses[] = "IP:127.0.0.1,DNS:localhost";

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	syslog_make_certificate(folder, "ca", NULL, NULL, false);
	syslog_make_certificate(folder, "server", "ca", addresses, false);
	syslog_make_certificate(folder, "other", "ca", "DNS:other.example", false);
	syslog_make_certificate(folder, "expired", "ca", addresses, true);
	syslog_make_certificate(folder, "client", "ca", "DNS:client", false);
	syslog_make_certificate(folder, "stranger", NULL, addresses, false);
	return 0;
}

static int remove_folder(void **state)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	(void)state;
	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return rmdir(folder);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(delivers),
		TEST(delivers_with_a_certificate),
		TEST(delivers_to_a_name),
		TEST(writes_in_pieces),
		TEST(comes_again_after_a_reset),
		TEST(refuses_another_name),
		TEST(refuses_another_host),
		TEST(refuses_an_expired_one),
		TEST(refuses_an_unknown_authority),
		TEST(accepts_all_without_verify),
		TEST(refuses_old_versions),
		TEST(says_that_a_certificate_is_required),
		TEST(says_why_ours_is_refused),
		TEST(says_that_its_authority_is_unknown),
		TEST(wonders_about_a_silent_end),
		TEST(says_which_file_is_wrong),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_folder);
}
