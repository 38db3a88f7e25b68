/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is delivered when the kernel took its datagram and nobody refused it until the end of
 * put: to more than that no datagram can be held.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "syslog/instance.h"
#include "syslog/sealed.h"
#include "syslog/socket.h"

static int send_once(const struct na_output_instance *instance)
{
	const struct na_buffer *out = &instance->out;
	int fd = na_syslog_link_fd(instance->link), error;

	error = send(fd, out->data, out->length, MSG_NOSIGNAL) < 0 ? -errno : 0;
	if (error == -EMSGSIZE && instance->address.scheme == NA_SYSLOG_JOURNALD)
		error = na_syslog_send_sealed(fd, out->data, out->length);
	return error;
}

/* -EAGAIN: the receiver did not make room in time. */
static int send_datagram(const struct na_output_instance *instance, uint64_t deadline_ns)
{
	for (;;) {
		int error = send_once(instance);

		if (error == -EINTR)
			continue;
		if (error == -ENOBUFS)
			return -EAGAIN; /* of a device: poll knows nothing of it */
		if (error != -EAGAIN)
			return error;
		if (na_syslog_socket_await(na_syslog_link_fd(instance->link), POLLOUT,
					   deadline_ns) < 0)
			return -EAGAIN;
	}
}

/* As many as can be sent; *ret_error stopped the rest. */
static size_t send_records(struct na_output_instance *instance,
			   const struct na_output_record *records, size_t count, int *ret_error,
			   struct na_buffer *why)
{
	uint64_t deadline_ns = na_clock_boot_ns() + NA_SYSLOG_PUT_NS;
	size_t sent = 0;
	int error = 0;

	while (!error && sent < count) {
		na_buffer_clear(&instance->out);
		error = na_syslog_encode(&instance->encoder, &records[sent], &instance->out, why);
		if (!error)
			error = send_datagram(instance, deadline_ns);
		sent += !error;
	}
	*ret_error = error;
	return sent;
}

/* Of UDP a refusal comes by ICMP, behind the datagram that met it. */
static bool was_refused(const struct na_output_instance *instance)
{
	int error = 0;
	socklen_t size = sizeof(error);

	return getsockopt(na_syslog_link_fd(instance->link), SOL_SOCKET, SO_ERROR, &error, &size) ==
		       0 &&
	       error == ECONNREFUSED;
}

static enum na_output_verdict judge(struct na_output_instance *instance, int error,
				    struct na_buffer *why)
{
	switch (error) {
	case -EMSGSIZE:
		if (!why->length)
			na_buffer_printf(why, "a message of %zu bytes does not fit into a datagram",
					 instance->out.length);
		return NA_OUTPUT_REJECT;
	case -ENOMEM:
		na_buffer_append_string(why, "out of memory");
		return NA_OUTPUT_LATER;
	case -EAGAIN:
		na_buffer_append_string(why, "the receiver does not keep up");
		return NA_OUTPUT_LATER;
	case -ECONNREFUSED:
		na_buffer_append_string(why, "nobody listens there");
		break;
	default:
		na_buffer_append_string(why, strerrordesc_np(-error));
		break;
	}
	na_syslog_instance_disconnect(instance);
	return NA_OUTPUT_LATER;
}

/* ------------------------------------------------------------------------------------------- */

enum na_output_verdict na_syslog_datagram_put(struct na_output_instance *instance,
					      const struct na_output_record *records, size_t count,
					      size_t *ret_taken, struct na_buffer *why)
{
	size_t sent;
	int error;

	sent = send_records(instance, records, count, &error, why);
	/* Where nobody listens, nothing of it arrived. */
	if (error == -ECONNREFUSED || was_refused(instance))
		return judge(instance, -ECONNREFUSED, why);
	if (sent)
		instance->host->acknowledge(instance->host, records[0].number,
					    records[sent - 1].number);
	*ret_taken = sent;
	/* The host comes back with the rest. */
	if (!error || (sent && error != -EMSGSIZE))
		return NA_OUTPUT_TAKEN;
	return judge(instance, error, why);
}
