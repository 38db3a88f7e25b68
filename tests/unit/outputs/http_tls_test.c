/* SPDX-License-Identifier: Apache-2.0 */
/* Output http: TLS with certificates made here, credentials, proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "http_fixture.h"

#define DAY 86400L

static char folder[] = "/tmp/http_tls_test.XXXXXX";
static struct far_end far;
static struct far_end *const one[] = {&far};
static struct http_fixture fixture;

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

static struct identity authority, server, expired, misnamed, client;

static const char *path(const char *name)
{
	static char paths[8][128];
	static unsigned int next;
	char *at = paths[next++ % 8];

	snprintf(at, sizeof(paths[0]), "%s/%s", folder, name);
	return at;
}

static void extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* Signed by the issuer; by itself, a CA, without one. */
static struct identity make(const char *name, const char *names, const struct identity *issuer,
			    long until)
{
	static long serial = 1;
	struct identity made = {EVP_EC_gen("P-256"), X509_new()};
	X509_NAME *subject = X509_get_subject_name(made.certificate);

	assert_non_null(made.key);
	X509_set_version(made.certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(made.certificate), -2 * DAY);
	X509_gmtime_adj(X509_getm_notAfter(made.certificate), until);
	X509_set_pubkey(made.certificate, made.key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer ? issuer->certificate
									    : made.certificate));
	extend(made.certificate, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (names)
		extend(made.certificate, NID_subject_alt_name, names);
	assert_true(X509_sign(made.certificate, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
	return made;
}

static void write_pem(const struct identity *identity, const char *name)
{
	char file[64];
	FILE *out;

	snprintf(file, sizeof(file), "%s.pem", name);
	out = fopen(path(file), "w");
	assert_non_null(out);
	assert_int_equal(PEM_write_X509(out, identity->certificate), 1);
	fclose(out);
	snprintf(file, sizeof(file), "%s.key", name);
	out = fopen(path(file), "w");
	assert_non_null(out);
	assert_int_equal(PEM_write_PrivateKey(out, identity->key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(out);
}

static void write_text(const char *name, const char *text)
{
	FILE *out = fopen(path(name), "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static SSL_CTX *context(const struct identity *identity, bool wants_client)
{
	SSL_CTX *made = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate(made, identity->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(made, identity->key), 1);
	if (wants_client) {
		assert_int_equal(
			X509_STORE_add_cert(SSL_CTX_get_cert_store(made), authority.certificate),
			1);
		SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return made;
}

static void begin(const struct identity *identity, bool wants_client)
{
	far_end_start(&far, FAR_WEBHOOK, context(identity, wants_client));
	http_fixture_init(&fixture, NA_HTTP_WEBHOOK, "https", one, 1);
	fixture.options.ca_file = na_text_of(path("ca.pem"));
}

static void end(void)
{
	http_fixture_close(&fixture);
	far_end_stop(&far);
	SSL_CTX_free(far.tls);
}

static void arrives(void)
{
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive(&fixture, 20);
	http_fixture_compare(&fixture, one, 1, 0);
	assert_int_equal(fixture.worst, NA_OUTPUT_WORKING);
	end();
}

static void is_held(const char *words)
{
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	if (!strstr(fixture.why, words))
		fail_msg("\"%s\" is not in: %s", words, fixture.why);
	assert_int_equal(fixture.done, 0);
	assert_int_equal(far.requests, 0);
	end();
}

static void private_authority(void **state)
{
	(void)state;
	begin(&server, false);
	arrives();
}

static void unknown_authority(void **state)
{
	(void)state;
	begin(&server, false);
	fixture.options.ca_file = na_text_of("");
	is_held("certificate");
}

/* With ca_file those of the system are not good enough: they must not be asked besides. */
static void other_authority(void **state)
{
	(void)state;
	begin(&server, false);
	fixture.options.ca_file = na_text_of(path("client.pem"));
	is_held("certificate");
}

static void expired_certificate(void **state)
{
	(void)state;
	begin(&expired, false);
	is_held("expired");
}

static void wrong_name(void **state)
{
	(void)state;
	begin(&misnamed, false);
	is_held("localhost");
}

/* Who is gone when we say what is wrong with its certificate: what was wrong is told all the same.
 */
static void refused_and_gone(void **state)
{
	(void)state;
	begin(&expired, false);
	far.hangs_up = true;
	is_held("the far end's certificate is not accepted: certificate has expired");
	begin(&server, false);
	far.hangs_up = true;
	fixture.options.ca_file = na_text_of(path("client.pem"));
	is_held("the far end's certificate is not accepted: unable to get ");
}

static void unverified(void **state)
{
	(void)state;
	begin(&misnamed, false);
	fixture.options.verify = false;
	arrives();
}

static void client_certificate(void **state)
{
	(void)state;
	begin(&server, true);
	fixture.options.cert_file = na_text_of(path("client.pem"));
	fixture.options.key_file = na_text_of(path("client.key"));
	arrives();
}

static void no_client_certificate(void **state)
{
	(void)state;
	begin(&server, true);
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	assert_int_equal(fixture.done, 0);
	assert_int_equal(far.requests, 0);
	end();
}

static void missing_files(void **state)
{
	(void)state;
	begin(&server, true);
	fixture.options.cert_file = na_text_of(path("nothing.pem"));
	is_held("certificate");
	begin(&server, true);
	fixture.options.ca_file = na_text_of(path("nothing.pem"));
	is_held("certificate");
}

static void basic(void **state)
{
	(void)state;
	begin(&server, false);
	far.wants = "Authorization: Basic dTpwYXNzd29yZA==\r\n";
	write_text("password", "password\n");
	fixture.options.user = na_text_of("u");
	fixture.options.password_file = na_text_of(path("password"));
	arrives();
}

static void tokens(void **state)
{
	static const char *const headers[] = {
		"Authorization: Bearer t0k\r\n", "Authorization: Bearer t0k\r\n",
		"Authorization: ApiKey t0k\r\n", "Authorization: Splunk t0k\r\n"};

	(void)state;
	write_text("token", "t0k\n");
	for (unsigned int i = 0; i < 4; i++) {
		begin(&server, false);
		far.wants = headers[i];
		fixture.options.token_file = na_text_of(path("token"));
		fixture.options.token_scheme = i;
		arrives();
	}
}

static void headers(void **state)
{
	struct na_config_pair pairs[] = {
		{.name = na_text_of("X-Tenant"), .value = na_text_of("one two")}};

	(void)state;
	begin(&server, false);
	far.wants = "X-Tenant: one two\r\n";
	fixture.options.headers = (struct na_config_map){pairs, 1};
	arrives();
}

/* TLS goes through the proxy: it sees names alone, and gets its own credentials alone. */
static void proxy_for_tls(void **state)
{
	char proxy[64];

	(void)state;
	begin(&server, false);
	far.is_proxy = true;
	far.wants_proxy = "Proxy-Authorization: Basic cDpwYXNzd29yZA==\r\n";
	write_text("password", "password\n");
	write_text("token", "t0k\n");
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", far.port);
	fixture.options.proxy = na_text_of(proxy);
	fixture.options.proxy_user = na_text_of("p");
	fixture.options.proxy_password_file = na_text_of(path("password"));
	fixture.options.token_file = na_text_of(path("token"));
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive(&fixture, 20);
	assert_int_equal(far.connects, 1);
	assert_null(strstr(far.last_head.data, "Proxy-Authorization"));
	end();
}

static void proxy_refuses(void **state)
{
	char proxy[64];

	(void)state;
	begin(&server, false);
	far.is_proxy = true;
	far.wants_proxy = "Proxy-Authorization: ";
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", far.port);
	fixture.options.proxy = na_text_of(proxy);
	is_held("407");
}

/* Without TLS the proxy gets whole addresses. The environment's is not asked. */
static void proxy_without_tls(void **state)
{
	struct na_text url = na_text_of("http://siem.invalid:8080/in");
	char proxy[64];

	(void)state;
	far_end_start(&far, FAR_WEBHOOK, NULL);
	http_fixture_init(&fixture, NA_HTTP_WEBHOOK, "http", one, 1);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", far.port);
	fixture.options.proxy = na_text_of(proxy);
	fixture.options.url = (struct na_texts){&url, 1};
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 5);
	http_fixture_drive(&fixture, 5);
	assert_non_null(strstr(far.last_head.data, "POST http://siem.invalid:8080/in HTTP/1.1"));
	end();
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	far_end_start(&far, FAR_WEBHOOK, NULL);
	http_fixture_init(&fixture, NA_HTTP_WEBHOOK, "http", one, 1);
	arrives();
	unsetenv("http_proxy");
}

static int prepare(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	authority = make("test authority", NULL, NULL, 2 * DAY);
	server = make("server", "DNS:localhost,IP:127.0.0.1", &authority, 2 * DAY);
	expired = make("server", "DNS:localhost,IP:127.0.0.1", &authority, -DAY);
	misnamed = make("server", "DNS:elsewhere.example", &authority, 2 * DAY);
	client = make("client", NULL, &authority, 2 * DAY);
	write_pem(&authority, "ca");
	write_pem(&client, "client");
	return 0;
}

static int clean(void **state)
{
	static const char *const names[] = {"ca.pem",     "ca.key",   "client.pem",
					    "client.key", "password", "token"};
	struct identity *all[] = {&authority, &server, &expired, &misnamed, &client};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		EVP_PKEY_free(all[i]->key);
		X509_free(all[i]->certificate);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(path(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_authority),
		cmocka_unit_test(unknown_authority),
		cmocka_unit_test(other_authority),
		cmocka_unit_test(expired_certificate),
		cmocka_unit_test(wrong_name),
		cmocka_unit_test(refused_and_gone),
		cmocka_unit_test(unverified),
		cmocka_unit_test(client_certificate),
		cmocka_unit_test(no_client_certificate),
		cmocka_unit_test(missing_files),
		cmocka_unit_test(basic),
		cmocka_unit_test(tokens),
		cmocka_unit_test(headers),
		cmocka_unit_test(proxy_for_tls),
		cmocka_unit_test(proxy_refuses),
		cmocka_unit_test(proxy_without_tls),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
