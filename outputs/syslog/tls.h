/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS for a stream: 1.2 and later, the far end proves chain and name unless `verify` is off. One
 * thread a session. Certificates are read at each connection, so that renewed ones are found.
 */
#ifndef NA_SYSLOG_TLS_H
#define NA_SYSLOG_TLS_H

#include <openssl/ssl.h>

#include "base/buffer.h"
#include "syslog/address.h"
#include "syslog/syslog.h"

/*
 * Shakes hands over the connected, non-blocking socket, which stays the caller's. 0;
 * -EKEYREJECTED: certificates of one end or the other are to be put right; other negative errno.
 * `why` says which and why.
 */
int na_syslog_tls_open(const struct na_syslog_options *options,
		       const struct na_syslog_address *address, int fd, uint64_t deadline_ns,
		       SSL **ret_ssl, struct na_buffer *why);

/*
 * What the last call of the session, which returned `result`, came to: -EAGAIN; -EPIPE: the far end
 * closed; -EKEYREJECTED as above; other negative errno. Of all but the first `why` gets words.
 */
int na_syslog_tls_error(SSL *ssl, int result, struct na_buffer *why);

#endif
