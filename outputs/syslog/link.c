/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets and TLS sessions.
 *
 * Records of TLS are mapped to bytes of the socket by what the BIO below the session wrote when
 * SSL_write returned: the records that it took end there at the latest.
 */
#include "syslog/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <openssl/err.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "syslog/socket.h"
#include "syslog/tls.h"

#define CONNECT_NS (5 * NA_NS_PER_SEC)
#define TLS_PIECE 16384 /* the most that one TLS record holds */
#define LOOK_ROUNDS 16  /* a far end that talks without end holds nobody up */

struct na_syslog_link {
	int fd;
	int type;
	SSL *ssl;         /* NULL: none */
	uint64_t written; /* without TLS */
};

/* Options that only make it better: without them the deadlines of ours remain. */
static void tune(int fd, const struct na_syslog_options *options)
{
	unsigned int timeout_ms = (unsigned int)(options->timeout / NA_NS_PER_MS);
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static int set_up(struct na_syslog_link *link, const struct na_syslog_options *options,
		  const struct na_syslog_address *address, struct na_buffer *why)
{
	uint64_t wait_ns = options->timeout < CONNECT_NS ? options->timeout : CONNECT_NS;
	uint64_t deadline_ns = na_clock_boot_ns() + wait_ns;
	int error = na_syslog_socket_connect(address, deadline_ns, &link->fd, &link->type, why);

	if (error < 0)
		return error;
	if (link->type == SOCK_STREAM && !na_syslog_address_is_local(address))
		tune(link->fd, options);
	if (address->scheme != NA_SYSLOG_TLS)
		return 0;
	return na_syslog_tls_open(options, address, link->fd, deadline_ns, &link->ssl, why);
}

static int broken(int error, struct na_buffer *why)
{
	na_buffer_append_string(why, error == -EPIPE ? "the far end closed the connection"
						     : strerrordesc_np(-error));
	return error;
}

static ssize_t write_plain(struct na_syslog_link *link, struct iovec *pieces, size_t count,
			   struct na_buffer *why)
{
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
	ssize_t written;

	do
		written = sendmsg(link->fd, &message, MSG_NOSIGNAL);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return errno == EAGAIN ? -EAGAIN : broken(-errno, why);
	link->written += (uint64_t)written;
	return written;
}

/* The first bytes of the pieces in one. How many. */
static size_t gather(const struct iovec *pieces, size_t count, char *out, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < count && length < size; i++) {
		size_t left = size - length;
		size_t part = pieces[i].iov_len < left ? pieces[i].iov_len : left;

		memcpy(out + length, pieces[i].iov_base, part);
		length += part;
	}
	return length;
}

static ssize_t write_tls(struct na_syslog_link *link, const struct iovec *pieces,
			 size_t piece_count, struct na_buffer *why)
{
	char data[TLS_PIECE];
	int count, error;

	ERR_clear_error();
	errno = 0;
	count = SSL_write(link->ssl, data, (int)gather(pieces, piece_count, data, sizeof(data)));
	if (count > 0)
		return count;
	error = na_syslog_tls_error(link->ssl, count, why);
	if (error != -EAGAIN && error != -EKEYREJECTED) {
		NA_CLEANUP(na_buffer_done) struct na_buffer words = {0};

		/* What broke it may have been an alert, which waits to be read. */
		if (na_syslog_link_look(link, &words) == -EKEYREJECTED) {
			na_buffer_clear(why);
			na_buffer_append(why, words.data, words.length);
			error = -EKEYREJECTED;
		}
	}
	return error;
}

/* Bytes; 0: none now; negative errno. */
static ssize_t read_some(struct na_syslog_link *link, struct na_buffer *why)
{
	char ignored[4096];
	ssize_t count;
	int error;

	if (link->ssl) {
		ERR_clear_error();
		errno = 0;
		count = SSL_read(link->ssl, ignored, sizeof(ignored));
		if (count > 0)
			return count;
		error = na_syslog_tls_error(link->ssl, (int)count, why);
		return error == -EAGAIN ? 0 : error;
	}
	do
		count = recv(link->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
	while (count < 0 && errno == EINTR);
	if (count == 0)
		return broken(-EPIPE, why);
	if (count < 0)
		return errno == EAGAIN ? 0 : broken(-errno, why);
	return count;
}

/* ------------------------------------------------------------------------------------------- */

int na_syslog_link_open(const struct na_syslog_options *options,
			const struct na_syslog_address *address, struct na_syslog_link **ret_link,
			struct na_buffer *why)
{
	struct na_syslog_link *link = calloc(1, sizeof(*link));
	int error;

	if (!link)
		return -ENOMEM;
	link->fd = -1;
	error = set_up(link, options, address, why);
	if (error < 0)
		na_syslog_link_close(link);
	else
		*ret_link = link;
	return error;
}

void na_syslog_link_close(struct na_syslog_link *link)
{
	if (!link)
		return;
	SSL_free(link->ssl);
	na_cleanup_fd(&link->fd);
	free(link);
}

int na_syslog_link_fd(const struct na_syslog_link *link)
{
	return link->fd;
}

bool na_syslog_link_is_stream(const struct na_syslog_link *link)
{
	return link->type == SOCK_STREAM;
}

bool na_syslog_link_is_tls(const struct na_syslog_link *link)
{
	return link->ssl != NULL;
}

ssize_t na_syslog_link_write(struct na_syslog_link *link, struct iovec *pieces, size_t count,
			     struct na_buffer *why)
{
	return link->ssl ? write_tls(link, pieces, count, why)
			 : write_plain(link, pieces, count, why);
}

int na_syslog_link_look(struct na_syslog_link *link, struct na_buffer *why)
{
	ssize_t count = 1;

	for (unsigned int round = 0; round < LOOK_ROUNDS && count > 0; round++)
		count = read_some(link, why);
	return count < 0 ? (int)count : 0;
}

uint64_t na_syslog_link_written(const struct na_syslog_link *link)
{
	return link->ssl ? BIO_number_written(SSL_get_wbio(link->ssl)) : link->written;
}

uint64_t na_syslog_link_arrived(const struct na_syslog_link *link)
{
	uint64_t written = na_syslog_link_written(link);
	int queued;

	/* Of a unix socket it counts the kernel's memory, which is more than the bytes in it. */
	if (ioctl(link->fd, SIOCOUTQ, &queued) < 0 || queued < 0 || (uint64_t)queued > written)
		return 0;
	return written - (uint64_t)queued;
}

void na_syslog_link_end(struct na_syslog_link *link)
{
	if (link->ssl)
		(void)SSL_shutdown(link->ssl);
	(void)shutdown(link->fd, SHUT_WR);
}
