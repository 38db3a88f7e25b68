/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as messages: RFC 5424, RFC 3164 or journald's native protocol, each framed as its
 * transport needs. One thread an encoder.
 *
 * MSG is the body as it is. There is no byte order mark in front of it: RFC 5424 wants one where
 * the text is known to be UTF-8, but receivers take it for the first character of a JSON that then
 * does not parse, and RFC 8259 forbids it there. Without one MSG is "any", which JSON is too.
 */
#ifndef NA_SYSLOG_MESSAGE_H
#define NA_SYSLOG_MESSAGE_H

#include <stdbool.h>
#include <time.h>

#include "base/buffer.h"
#include "output.h"

enum na_syslog_form {
	NA_SYSLOG_FORM_5424,
	NA_SYSLOG_FORM_3164,
	NA_SYSLOG_FORM_3164_LOCAL, /* without a host, as syslog(3) writes to /dev/log */
	NA_SYSLOG_FORM_JOURNAL
};

enum na_syslog_frame {
	NA_SYSLOG_FRAME_NONE,  /* a datagram each */
	NA_SYSLOG_FRAME_OCTET, /* RFC 6587, RFC 5425: LENGTH SPACE MESSAGE */
	NA_SYSLOG_FRAME_LF     /* a line each: a newline in a body becomes a space */
};

/* RFC 5424, 6.2.1 */
enum na_syslog_severity {
	NA_SYSLOG_ERROR = 3,
	NA_SYSLOG_WARNING = 4,
	NA_SYSLOG_NOTICE = 5,
	NA_SYSLOG_INFO = 6
};

struct na_syslog_encoder {
	enum na_syslog_form form;
	enum na_syslog_frame frame;
	unsigned int facility;
	size_t max_size; /* of a message, without its frame */
	const char *sd_id;
	char host[256]; /* as RFC 5424 allows it; "-": not known */
	char process[12];
	struct na_buffer head, body;
	time_t second; /* the one that `stamp` is of */
	char stamp[32];
	bool has_stamp;
};

/* What host and process are; the other members are the caller's. */
void na_syslog_encoder_init(struct na_syslog_encoder *encoder);
void na_syslog_encoder_done(struct na_syslog_encoder *encoder);

/* A record in its frame, in three pieces. */
struct na_syslog_parts {
	struct na_text head, body, tail;
	bool is_own; /* the body is not the record's, but lies in the encoder, as every head does */
};

/*
 * The parts hold until the next call. 0; -EMSGSIZE: it is too large even without the fields that
 * can go, `why` says so; -ENOMEM.
 */
int na_syslog_split(struct na_syslog_encoder *encoder, const struct na_output_record *record,
		    struct na_syslog_parts *ret_parts, struct na_buffer *why);

/*
 * The same in one piece: appends it. On failure `out` holds what it held before.
 */
int na_syslog_encode(struct na_syslog_encoder *encoder, const struct na_output_record *record,
		     struct na_buffer *out, struct na_buffer *why);

enum na_syslog_severity na_syslog_severity_of(const struct na_event *event);

#endif
