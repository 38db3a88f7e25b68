/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of an instance share.
 *
 *   syslog.c    the output's table: connects, and hands on to one of the two below
 *   stream.c    frames into a stream, and what the far end has of them
 *   datagram.c  a datagram for each record
 */
#ifndef NA_SYSLOG_INSTANCE_H
#define NA_SYSLOG_INSTANCE_H

#include "base/buffer.h"
#include "base/clock.h"
#include "syslog/address.h"
#include "syslog/link.h"
#include "syslog/message.h"
#include "syslog/pieces.h"
#include "syslog/window.h"

/* How long put waits for a far end that does not keep up. */
#define NA_SYSLOG_PUT_NS (2 * NA_NS_PER_SEC)

struct na_output_instance {
	const struct na_syslog_options *options;
	struct na_output_host *host;
	struct na_syslog_address address;
	struct na_syslog_encoder encoder;
	struct na_syslog_link *link; /* NULL: not connected */
	uint64_t connected_ns;
	bool settled;         /* the connection stood for a while: said so */
	struct na_buffer out; /* a datagram that is made */
	struct na_buffer why; /* of work */

	/* Streams. */
	struct na_syslog_pieces pieces;
	uint64_t end; /* of what was taken, in all bytes of the connection */
	struct na_syslog_window window;
	uint64_t arrived, progress_ns; /* bytes of the socket; when they last became more */
	uint64_t age_ns;               /* a clock that stands still while nothing is confirmed */
	bool was_confirmed;            /* all of it, at the last look */
};

/* Says that a person must act, if the error means that; hands the error on. */
int na_syslog_instance_judge(struct na_output_instance *instance, int error,
			     const struct na_buffer *why);

/* Forgets the connection and what was on its way. */
void na_syslog_instance_disconnect(struct na_output_instance *instance);

/* As put, work and drain of include/output.h, with a link. */
na_output_put na_syslog_stream_put, na_syslog_datagram_put;
na_output_work na_syslog_stream_work;
na_output_drain na_syslog_stream_drain;

#endif
