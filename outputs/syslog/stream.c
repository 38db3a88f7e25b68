/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames into a stream.
 *
 * SIOCOUTQ tells how many bytes the peer's kernel has not confirmed; what lies below arrived. The
 * number is asked for before the stream is looked at: where it still stands afterwards, the number
 * was true. What breaks the stream makes everything that was not acknowledged come again.
 */
#include <errno.h>
#include <poll.h>

#include "syslog/instance.h"
#include "syslog/socket.h"

#define TICK_NS NA_NS_PER_MS          /* nothing wakes whoever waits for confirmations */
#define STALL_NS (100 * NA_NS_PER_MS) /* a busy stream is confirmed more often */
#define FLUSH_NS (10 * NA_NS_PER_MS)  /* who takes longer does not keep up */
#define SETTLED_NS (2 * NA_NS_PER_SEC)
#define ORDERLY_NS (2 * NA_NS_PER_SEC) /* a far end that read our end closes its own */

static uint64_t earlier(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* As much as the socket takes now. 0; negative errno: broken. */
static int flush(struct na_output_instance *instance, struct na_buffer *why)
{
	struct na_syslog_pieces *pieces = &instance->pieces;

	while (pieces->bytes) {
		ssize_t count = na_syslog_link_write(instance->link, &pieces->list[pieces->next],
						     pieces->count - pieces->next, why);

		if (count == -EAGAIN)
			break;
		if (count < 0)
			return (int)count;
		na_syslog_pieces_advance(pieces, (size_t)count);
		na_syslog_window_write(&instance->window, instance->end - pieces->bytes,
				       na_syslog_link_written(instance->link),
				       !na_syslog_link_is_tls(instance->link));
	}
	return 0;
}

/*
 * Whoever confirms nothing reads nothing, and has what it confirmed before only in its kernel: what
 * arrived there grows no older meanwhile. A full kernel may still find room for a little now and
 * then, which makes nothing older by more than STALL_NS.
 */
static void grow_older(struct na_output_instance *instance, uint64_t since_ns, bool confirmed)
{
	instance->age_ns +=
		instance->was_confirmed && confirmed ? since_ns : earlier(since_ns, STALL_NS);
}

/* -ETIMEDOUT: nothing was confirmed for too long, though there is something to confirm. */
static int note_arrived(struct na_output_instance *instance, uint64_t arrived, uint64_t now_ns,
			struct na_buffer *why)
{
	bool confirmed = arrived == na_syslog_link_written(instance->link);

	if (arrived > instance->arrived || confirmed) {
		grow_older(instance, now_ns - instance->progress_ns, confirmed);
		instance->arrived = arrived;
		instance->progress_ns = now_ns;
	}
	instance->was_confirmed = confirmed;
	if (now_ns - instance->progress_ns >= instance->options->timeout) {
		na_buffer_printf(why, "the far end confirmed nothing for %llu s",
				 (unsigned long long)(instance->options->timeout / NA_NS_PER_SEC));
		return -ETIMEDOUT;
	}
	na_syslog_window_arrive(&instance->window, arrived, instance->age_ns);
	na_syslog_window_release(&instance->window, instance->host, instance->options->overlap,
				 instance->age_ns, false);
	return 0;
}

/* With TLS 1.3 a refusal comes after the connection stood: one that stands for a while is good. */
static void settle(struct na_output_instance *instance, uint64_t now_ns)
{
	if (instance->settled || now_ns - instance->connected_ns < SETTLED_NS)
		return;
	instance->settled = true;
	instance->host->state(instance->host, NA_OUTPUT_WORKING, NULL);
}

/* All that can be done now. 0; negative errno: broken. */
static int advance(struct na_output_instance *instance, struct na_buffer *why)
{
	uint64_t arrived = na_syslog_link_arrived(instance->link);
	uint64_t now_ns = na_clock_boot_ns();
	int error = na_syslog_link_look(instance->link, why);

	if (!error)
		error = note_arrived(instance, arrived, now_ns, why);
	if (error < 0)
		return error;
	settle(instance, now_ns);
	return flush(instance, why);
}

/* Until there is room for one more. 0; -EAGAIN: not in time; -ENOMEM; else broken. */
static int await_room(struct na_output_instance *instance, const struct na_syslog_parts *parts,
		      uint64_t deadline_ns, struct na_buffer *why)
{
	int error = flush(instance, why);

	while (!error && na_syslog_pieces_reserve(&instance->pieces, parts) == -EAGAIN) {
		if (na_syslog_socket_await(na_syslog_link_fd(instance->link), POLLOUT | POLLRDHUP,
					   deadline_ns) < 0)
			return -EAGAIN;
		error = advance(instance, why);
	}
	return error ? error : na_syslog_pieces_reserve(&instance->pieces, parts);
}

/*
 * All that there is, if the far end keeps up: waiting for it costs nothing while the next batch is
 * made, and what is left has to be copied. 0; negative errno: broken.
 */
static int flush_all(struct na_output_instance *instance, struct na_buffer *why)
{
	uint64_t deadline_ns = na_clock_boot_ns() + FLUSH_NS;
	int error = flush(instance, why);

	while (!error && instance->pieces.bytes && na_clock_boot_ns() < deadline_ns &&
	       na_syslog_socket_await(na_syslog_link_fd(instance->link), POLLOUT | POLLRDHUP,
				      deadline_ns) == 0)
		error = advance(instance, why);
	return error;
}

/* Bodies are ours only while they are offered. 0; negative errno: broken. */
static int keep(struct na_output_instance *instance, struct na_buffer *why)
{
	if (na_syslog_pieces_keep(&instance->pieces) == 0)
		return 0;
	na_buffer_append_string(why, "out of memory");
	return -ENOBUFS;
}

/* 0; -EMSGSIZE: never; -ENOMEM; -EAGAIN: no room in time; other negative errno: broken. */
static int take(struct na_output_instance *instance, const struct na_output_record *record,
		uint64_t deadline_ns, struct na_buffer *why)
{
	struct na_syslog_pieces *pieces = &instance->pieces;
	struct na_syslog_parts parts;
	uint64_t end;
	int error = na_syslog_split(&instance->encoder, record, &parts, why);

	if (error < 0)
		return error;
	error = na_syslog_pieces_reserve(pieces, &parts);
	if (error == -EAGAIN)
		error = await_room(instance, &parts, deadline_ns, why);
	if (error < 0)
		return error;
	end = instance->end + parts.head.length + parts.body.length + parts.tail.length;
	error = na_syslog_window_take(&instance->window, record->number, end);
	if (error < 0)
		return error;
	na_syslog_pieces_add(pieces, &parts);
	instance->end = end;
	return 0;
}

/*
 * It broke. A server that wants a certificate and says so by closing is not to be told from one
 * that dies.
 */
static void explain(struct na_output_instance *instance, int error, struct na_buffer *why)
{
	bool closed = error == -EPIPE || error == -ECONNRESET;

	if (closed && na_syslog_link_is_tls(instance->link) && !instance->settled)
		na_buffer_printf(why, " soon after the handshake: does it %s (cert_file)?",
				 instance->options->cert_file.length ? "refuse our certificate"
								     : "want a client certificate");
	na_syslog_instance_judge(instance, error, why);
}

/* What stopped put behind the `taken` records, as a verdict. */
static enum na_output_verdict judge(struct na_output_instance *instance, int error, size_t taken,
				    struct na_buffer *why)
{
	switch (error) {
	case 0:
		return NA_OUTPUT_TAKEN;
	case -EMSGSIZE:
		return NA_OUTPUT_REJECT;
	case -ENOMEM:
	case -EAGAIN:
		if (taken)
			return NA_OUTPUT_TAKEN;
		na_buffer_append_string(why, error == -ENOMEM ? "out of memory"
							      : "the far end does not keep up");
		return NA_OUTPUT_LATER;
	default:
		explain(instance, error, why);
		return NA_OUTPUT_BROKEN;
	}
}

/* It broke while nobody had offered anything. */
static void fail(struct na_output_instance *instance, int error)
{
	struct na_buffer *why = &instance->why;
	bool lost = !na_syslog_window_is_empty(&instance->window);

	explain(instance, error, why);
	na_syslog_instance_disconnect(instance);
	na_buffer_append_char(why, '\0');
	/* A far end that closes while nothing is on its way is no failure: the next put connects.
	 */
	if (lost)
		instance->host->failed(instance->host,
				       na_buffer_error(why) ? "out of memory" : why->data);
}

static bool awaits(const struct na_output_instance *instance)
{
	return instance->pieces.bytes ||
	       na_syslog_link_written(instance->link) > na_syslog_link_arrived(instance->link);
}

/* Until something arrived, or the deadline. 0; negative errno: broken. */
static int await_arrival(struct na_output_instance *instance, uint64_t deadline_ns,
			 struct na_buffer *why)
{
	uint64_t before = instance->window.arrived;
	int error = advance(instance, why);

	while (!error && awaits(instance) && instance->window.arrived == before &&
	       na_clock_boot_ns() < deadline_ns) {
		uint64_t tick_ns = earlier(na_clock_boot_ns() + TICK_NS, deadline_ns);

		(void)na_syslog_socket_await(na_syslog_link_fd(instance->link), POLLRDHUP, tick_ns);
		error = advance(instance, why);
	}
	return error;
}

/* The far end read our end and closed its own. */
static bool ends_orderly(struct na_output_instance *instance, uint64_t deadline_ns)
{
	uint64_t until_ns = earlier(deadline_ns, na_clock_boot_ns() + ORDERLY_NS);
	int error = 0;

	na_syslog_link_end(instance->link);
	while (!error && na_clock_boot_ns() < until_ns) {
		(void)na_syslog_socket_await(na_syslog_link_fd(instance->link), POLLIN, until_ns);
		error = na_syslog_link_look(instance->link, &instance->why);
	}
	return error == -EPIPE;
}

/* ------------------------------------------------------------------------------------------- */

enum na_output_verdict na_syslog_stream_put(struct na_output_instance *instance,
					    const struct na_output_record *records, size_t count,
					    size_t *ret_taken, struct na_buffer *why)
{
	uint64_t deadline_ns = na_clock_boot_ns() + NA_SYSLOG_PUT_NS;
	int error = advance(instance, why), broken;
	size_t taken = 0;

	while (!error && taken < count) {
		error = take(instance, &records[taken], deadline_ns, why);
		taken += !error;
	}
	*ret_taken = taken;
	if (error && error != -EMSGSIZE && error != -EAGAIN && error != -ENOMEM)
		return judge(instance, error, taken, why);
	/* `why` may hold the reason of a REJECT. */
	na_buffer_clear(&instance->why);
	broken = flush_all(instance, &instance->why);
	if (!broken)
		broken = keep(instance, &instance->why);
	if (!broken)
		return judge(instance, error, taken, why);
	na_buffer_clear(why);
	na_buffer_append(why, instance->why.data, instance->why.length);
	explain(instance, broken, why); /* also without memory: what was taken is not copied */
	return NA_OUTPUT_BROKEN;
}

enum na_output_verdict na_syslog_stream_work(struct na_output_instance *instance,
					     uint64_t timeout_ns)
{
	int error;

	na_buffer_clear(&instance->why);
	error = await_arrival(instance, na_clock_boot_ns() + timeout_ns, &instance->why);
	if (error < 0)
		fail(instance, error);
	return NA_OUTPUT_TAKEN;
}

void na_syslog_stream_drain(struct na_output_instance *instance, uint64_t deadline_ns)
{
	int error;

	na_buffer_clear(&instance->why);
	do
		error = await_arrival(instance, deadline_ns, &instance->why);
	while (!error && awaits(instance) && na_clock_boot_ns() < deadline_ns);
	if (!error && !awaits(instance) && ends_orderly(instance, deadline_ns)) {
		na_syslog_window_arrive(&instance->window, UINT64_MAX, 0);
		na_syslog_window_release(&instance->window, instance->host, 0, 0, true);
	}
	na_syslog_instance_disconnect(instance);
}
