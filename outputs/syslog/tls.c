/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL, and its errors in words. With TLS 1.3 the client is through before the server has looked
 * at its certificate: a refusal is an alert that any later call may bring.
 */
#include "syslog/tls.h"

#include <errno.h>
#include <poll.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "syslog/socket.h"

static void context_done(SSL_CTX **context)
{
	SSL_CTX_free(*context);
}

static void session_done(SSL **ssl)
{
	SSL_free(*ssl);
}

/* A key with a passphrase: nobody is there to be asked. */
static int no_passphrase(char *buffer, int size, int writes, void *context)
{
	(void)buffer;
	(void)size;
	(void)writes;
	(void)context;
	return 0;
}

/* The first error is the cause, those behind it what became of it. */
static int refuse_file(const char *what, struct na_text path, struct na_buffer *why)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	na_buffer_printf(why, "%s %s cannot be used: %s", what, path.data,
			 reason ? reason : "it is not readable or holds none");
	ERR_clear_error();
	return -EKEYREJECTED;
}

static int load_authorities(SSL_CTX *context, const struct na_syslog_options *options,
			    struct na_buffer *why)
{
	if (!options->ca_file.length)
		return SSL_CTX_set_default_verify_paths(context) == 1 ? 0 : -ENOMEM;
	return SSL_CTX_load_verify_file(context, options->ca_file.data) == 1
		       ? 0
		       : refuse_file("ca_file", options->ca_file, why);
}

static int load_certificate(SSL_CTX *context, const struct na_syslog_options *options,
			    struct na_buffer *why)
{
	if (!options->cert_file.length)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(context, options->cert_file.data) != 1)
		return refuse_file("cert_file", options->cert_file, why);
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	/* It also looks whether the two belong together. */
	if (SSL_CTX_use_PrivateKey_file(context, options->key_file.data, SSL_FILETYPE_PEM) != 1)
		return refuse_file("key_file", options->key_file, why);
	return 0;
}

static int make_context(const struct na_syslog_options *options, SSL_CTX **ret_context,
			struct na_buffer *why)
{
	NA_CLEANUP(context_done) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int error = 0;

	if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
		return -ENOMEM;
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(context,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if (options->verify) {
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		error = load_authorities(context, options, why);
	}
	if (!error)
		error = load_certificate(context, options, why);
	if (!error)
		*ret_context = NA_TAKE_POINTER(context);
	return error;
}

/* Whom the certificate must name, and, if it is no address, whom we ask for (SNI). */
static bool set_name(SSL *ssl, const char *host)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return true;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* Alerts that mean our certificate; RFC 8446, 6.2. */
static const char *refusal_of(int alert)
{
	switch (alert) {
	case SSL_AD_BAD_CERTIFICATE:
		return "it is not valid there";
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
		return "its kind is not supported there";
	case SSL_AD_CERTIFICATE_REVOKED:
		return "it was revoked";
	case SSL_AD_CERTIFICATE_EXPIRED:
		return "it has expired";
	case SSL_AD_CERTIFICATE_UNKNOWN:
		return "it is not accepted there";
	case SSL_AD_UNKNOWN_CA:
		return "its authority is not known there";
	case SSL_AD_ACCESS_DENIED:
		return "whom it names has no access";
	case SSL_AD_CERTIFICATE_REQUIRED:
		return "one is required there, and there is none (cert_file)";
	default:
		return NULL;
	}
}

/* An SSL_ERROR_SSL: the first error in the queue is the cause. */
static int protocol_error(SSL *ssl, struct na_buffer *why)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);
	const char *refusal =
		reason > SSL_AD_REASON_OFFSET ? refusal_of(reason - SSL_AD_REASON_OFFSET) : NULL;
	const char *text = ERR_reason_error_string(code);
	int error = -EPROTO;

	if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		na_buffer_append_string(why, "the far end closed the connection");
		error = -EPIPE;
	} else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		na_buffer_printf(why, "the far end's certificate is not accepted: %s",
				 X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
		error = -EKEYREJECTED;
	} else if (refusal) {
		na_buffer_printf(why, "the far end refuses our certificate: %s", refusal);
		error = -EKEYREJECTED;
	} else {
		na_buffer_printf(why, "TLS: %s", text ? text : "protocol error");
	}
	ERR_clear_error();
	return error;
}

static int shake_hands(SSL *ssl, int fd, uint64_t deadline_ns, struct na_buffer *why)
{
	for (;;) {
		int result, error;

		ERR_clear_error();
		result = SSL_connect(ssl);
		if (result == 1)
			return 0;
		error = na_syslog_tls_error(ssl, result, why);
		if (error != -EAGAIN)
			return error;
		error = na_syslog_socket_await(fd, SSL_want_write(ssl) ? POLLOUT : POLLIN,
					       deadline_ns);
		if (error < 0) {
			na_buffer_printf(why, "TLS handshake: %s", strerrordesc_np(-error));
			return error;
		}
	}
}

/* ------------------------------------------------------------------------------------------- */

int na_syslog_tls_error(SSL *ssl, int result, struct na_buffer *why)
{
	int system = errno;

	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		na_buffer_append_string(why, "the far end closed the connection");
		return -EPIPE;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		system = system ? system : ECONNRESET;
		na_buffer_append_string(why, strerrordesc_np(system));
		return -system;
	default:
		return protocol_error(ssl, why);
	}
}

int na_syslog_tls_open(const struct na_syslog_options *options,
		       const struct na_syslog_address *address, int fd, uint64_t deadline_ns,
		       SSL **ret_ssl, struct na_buffer *why)
{
	NA_CLEANUP(context_done) SSL_CTX *context = NULL;
	NA_CLEANUP(session_done) SSL *ssl = NULL;
	int error;

	ERR_clear_error();
	error = make_context(options, &context, why);
	if (error < 0)
		return error;
	ssl = SSL_new(context);
	if (!ssl || SSL_set_fd(ssl, fd) != 1 || !set_name(ssl, address->host))
		return -ENOMEM;
	error = shake_hands(ssl, fd, deadline_ns, why);
	if (!error)
		*ret_ssl = NA_TAKE_POINTER(ssl);
	return error;
}
