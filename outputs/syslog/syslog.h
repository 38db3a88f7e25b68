/* SPDX-License-Identifier: Apache-2.0 */
/* Output `syslog`: RFC 5424 and 3164 over UDP, TCP, TLS and unix sockets, and journald's own. */
#ifndef NA_OUTPUT_SYSLOG_H
#define NA_OUTPUT_SYSLOG_H

#include "output.h"

enum na_syslog_protocol_option { NA_SYSLOG_PROTOCOL_AUTO, NA_SYSLOG_RFC5424, NA_SYSLOG_RFC3164 };
enum na_syslog_framing_option { NA_SYSLOG_FRAMING_AUTO, NA_SYSLOG_OCTET, NA_SYSLOG_LF };

struct na_syslog_options {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) na_option_##type id;
#include "syslog/options.def"
};

extern const struct na_output na_output_syslog;

#endif
