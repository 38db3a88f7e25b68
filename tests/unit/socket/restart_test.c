/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent that starts again tells what one that never stopped tells: random lives of sockets, cut
 * at a random place. What the first agent told by then and what the second tells after it are
 * together the events of a table that saw everything, field by field.
 *
 * Two things only memory knows, and are left out: who let go of a connection that goes on, and
 * datagrams that were counted and not told, so a cut follows a flush.
 */
#include <stdio.h>
#include <stdlib.h>

#include "same_event.h"
#include "support.h"

#define SLOTS 12
#define STEPS 160
#define RUNS 400
#define HOUR (3600 * SECONDS)

enum stage { NONE, CREATED, CONNECTING, UP, ORPHAN, LISTENING, DATAGRAM };

struct slot {
	enum stage stage;
	bool bound, connected, seen; /* programs see its calls on their way in */
	uint32_t pid;
	uint64_t cookie;
};

struct step {
	size_t begin, end; /* of the history's records */
	bool tick, flush;
	uint64_t now_ns;
};

struct life {
	unsigned int seed;
	struct world *world;
	struct history history;
	struct slot slots[SLOTS];
	struct step steps[STEPS + 8];
	size_t step_count;
	uint64_t next_cookie;
	size_t cut_step, cut_event; /* the first after the cut */
	uint64_t cut_ns;
};

static unsigned int pick(struct life *life, unsigned int below)
{
	return (unsigned int)rand_r(&life->seed) % below;
}

static uint32_t pick_process(struct life *life)
{
	static const uint32_t pids[] = {CLIENT, SERVER, OTHER};

	return pids[pick(life, 3)];
}

static struct na_record_found found_record(struct world *world, const struct slot *slot)
{
	static const int states[] = {[CREATED] = TCP_CLOSE,
				     [CONNECTING] = TCP_SYN_SENT,
				     [UP] = TCP_ESTABLISHED,
				     [LISTENING] = TCP_LISTEN,
				     [DATAGRAM] = TCP_CLOSE};
	struct na_record_found record =
		found_socket(world, slot->pid, slot->cookie, states[slot->stage]);

	if (slot->stage == DATAGRAM) {
		record.type = SOCK_DGRAM;
		record.protocol = IPPROTO_UDP;
	}
	return record;
}

static void look(struct life *life)
{
	for (size_t i = 0; i < SLOTS; i++) {
		const struct slot *slot = &life->slots[i];
		struct na_record_found record;

		if (slot->stage == NONE || slot->stage == ORPHAN)
			continue;
		record = found_record(life->world, slot);
		take(life->world, &record);
	}
}

static void flow(struct life *life, const struct slot *slot)
{
	struct na_record_flow record = {
		.header = header(life->world, sizeof(record), NA_RECORD_FLOW,
				 pick(life, 2) ? NA_PROGRAM_SEND_LENGTH : NA_PROGRAM_RECV_LENGTH,
				 slot->pid, 0),
		.cookie = slot->cookie,
		.inode = slot->cookie + 1000,
		.netns = 7,
		.local_port = 53,
		.remote_port = (uint16_t)(1000 + pick(life, 4)),
		.family = AF_INET,
		.type = SOCK_DGRAM,
		.protocol = IPPROTO_UDP,
		.sent_bytes = pick(life, 1000),
		.sent_packets = 1,
	};

	record.first_ns = record.last_ns = record.header.time_ns;
	address_fill(record.local, 2);
	address_fill(record.remote, 1);
	take(life->world, &record);
}

static void create(struct life *life, struct slot *slot)
{
	bool datagram = pick(life, 4) == 0;

	*slot = (struct slot){.stage = datagram ? DATAGRAM : CREATED,
			      .pid = pick_process(life),
			      .cookie = life->next_cookie++};
	created_as(life->world, slot->pid, slot->cookie, AF_INET,
		   datagram ? SOCK_DGRAM : SOCK_STREAM, datagram ? IPPROTO_UDP : IPPROTO_TCP);
	if (pick(life, 3) == 0) /* whoever has it now, another made it */
		slot->pid = pick_process(life);
}

static void bind_it(struct life *life, struct slot *slot)
{
	struct world *world = life->world;
	int error = pick(life, 3) ? 0 : pick(life, 2) ? -EADDRINUSE : -EPERM;

	bind_asked(world, slot->pid, slot->cookie, 80, error == -EPERM ? error : 0);
	if (!error)
		bound(world, slot->pid, slot->cookie, 80);
	result(world, slot->pid, slot->cookie, NA_OPERATION_BIND, error, 0, 0);
	slot->bound |= !error;
}

static void connect_it(struct life *life, struct slot *slot)
{
	switch (pick(life, 4)) {
	case 0:
		connect_asked(life->world, slot->pid, slot->cookie, 80, -EPERM);
		result(life->world, slot->pid, slot->cookie, NA_OPERATION_CONNECT, -EPERM, 0, 0);
		slot->seen = true;
		break;
	case 1: /* no program saw it on its way in: then none does */
		if (slot->seen)
			break;
		result(life->world, slot->pid, slot->cookie, NA_OPERATION_CONNECT, -ENETUNREACH, 0,
		       0);
		break;
	default:
		connect_asked(life->world, slot->pid, slot->cookie, 80, 0);
		slot->stage = CONNECTING;
	}
}

static void answer(struct life *life, struct slot *slot)
{
	int error = pick(life, 3) ? 0 : -ECONNREFUSED;

	state(life->world, slot->cookie, TCP_SYN_SENT, error ? TCP_CLOSE : TCP_ESTABLISHED, error);
	slot->stage = error ? CREATED : UP;
	slot->seen = true;
	if (pick(life, 2))
		result(life->world, slot->pid, slot->cookie, NA_OPERATION_CONNECT, error, 0, 0);
}

static void accept_one(struct life *life, const struct slot *listener)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &life->slots[i];

		if (slot->stage != NONE)
			continue;
		*slot = (struct slot){
			.stage = UP, .pid = listener->pid, .cookie = life->next_cookie++};
		accepted(life->world, slot->pid, slot->cookie, listener->cookie);
		return;
	}
}

static void let_go(struct life *life, struct slot *slot)
{
	released(life->world, slot->pid, slot->cookie);
	slot->stage = slot->stage == UP || slot->stage == CONNECTING ? ORPHAN : NONE;
}

static void end_it(struct life *life, struct slot *slot)
{
	bool orphan = slot->stage == ORPHAN;

	ended(life->world, slot->cookie, orphan ? TCP_FIN_WAIT2 : TCP_ESTABLISHED,
	      orphan ? 0 : -ECONNRESET);
	slot->stage = orphan ? NONE : CREATED;
}

static void live_up(struct life *life, struct slot *slot)
{
	switch (pick(life, 4)) {
	case 0:
		result(life->world, slot->pid, slot->cookie, NA_OPERATION_SHUTDOWN, 0, SHUT_WR, 0);
		break;
	case 1:
		end_it(life, slot);
		break;
	default:
		let_go(life, slot);
	}
}

static void live_created(struct life *life, struct slot *slot)
{
	switch (pick(life, 6)) {
	case 0:
		bind_it(life, slot);
		break;
	case 1:
		if (!slot->bound)
			break;
		state(life->world, slot->cookie, TCP_CLOSE, TCP_LISTEN, 0);
		result(life->world, slot->pid, slot->cookie, NA_OPERATION_LISTEN, 0, 128, 0);
		slot->stage = LISTENING;
		break;
	case 2:
		let_go(life, slot);
		break;
	default:
		connect_it(life, slot);
	}
}

static void live_datagram(struct life *life, struct slot *slot)
{
	unsigned int what = pick(life, 8);

	if (what == 0)
		let_go(life, slot);
	else if (what == 1 && !slot->connected)
		bind_it(life, slot);
	else if (what == 2) {
		connect_asked(life->world, slot->pid, slot->cookie, 80, 0);
		result(life->world, slot->pid, slot->cookie, NA_OPERATION_CONNECT, 0, 0, 0);
		slot->connected = true;
	} else
		flow(life, slot);
}

static void live(struct life *life)
{
	struct slot *slot = &life->slots[pick(life, SLOTS)];

	switch (slot->stage) {
	case NONE:
		create(life, slot);
		break;
	case CREATED:
		live_created(life, slot);
		break;
	case CONNECTING:
		if (pick(life, 5))
			answer(life, slot);
		else
			let_go(life, slot);
		break;
	case UP:
		live_up(life, slot);
		break;
	case ORPHAN: /* also of an attempt */
		end_it(life, slot);
		break;
	case LISTENING:
		if (pick(life, 4))
			accept_one(life, slot);
		else
			let_go(life, slot);
		break;
	case DATAGRAM:
		live_datagram(life, slot);
	}
}

/* ---- the two agents ---- */

static struct step *begin_step(struct life *life)
{
	struct step *step = &life->steps[life->step_count];

	*step = (struct step){.begin = life->history.record_bytes};
	return step;
}

static void end_step(struct life *life, struct step *step)
{
	step->end = life->history.record_bytes;
	step->now_ns = life->world->now_ns;
	life->step_count++;
}

static void run_agent(struct world *world, const struct step *step)
{
	if (step->tick)
		assert_int_equal(na_sockets_tick(world->sockets, step->now_ns), 0);
	if (step->flush)
		assert_int_equal(na_sockets_flush(world->sockets, step->now_ns), 0);
}

static void one_step(struct life *life)
{
	struct step *step = begin_step(life);
	unsigned int what = pick(life, 20);

	life->world->now_ns += pick(life, 1000) * NA_NS_PER_MS;
	if (what == 0)
		life->world->now_ns += (uint64_t)pick(life, 90) * SECONDS;
	step->tick = what <= 1;
	if (what == 2)
		look(life);
	else if (what > 2)
		live(life);
	end_step(life, step);
	run_agent(life->world, step);
}

/* The second agent begins with what it finds; the one that never stopped looks as well. */
static void cut(struct life *life)
{
	struct step *step = begin_step(life);

	step->tick = step->flush = true;
	end_step(life, step);
	run_agent(life->world, step);
	life->world->now_ns += NA_NS_PER_MS;
	life->cut_step = life->step_count;
	life->cut_event = life->history.event_count;
	life->cut_ns = life->world->now_ns;
	step = begin_step(life);
	look(life);
	end_step(life, step);
	na_sockets_found_all(life->world->sockets);
	na_sockets_sweep(life->world->sockets, life->cut_ns, life->world->now_ns);
	life->world->now_ns += NA_NS_PER_MS;
}

static struct world *hourly_world(void)
{
	return world_new_with(&(struct world_options){.connection_interval_ns = 20 * SECONDS});
}

/* `again`: of the rings, where a snapshot's records are not. */
static void feed(struct world *world, const struct life *life, const struct step *step, bool again)
{
	for (size_t at = step->begin; at < step->end;) {
		const struct na_record_header *record = (const void *)(life->history.records + at);

		if (!again || record->type != NA_RECORD_FOUND)
			assert_int_equal(take(world, record), 0);
		at += (record->size + 7u) & ~7u;
	}
}

/* From some steps before the cut on: their records were in the rings when the first was killed. */
static void run_second(const struct life *life, struct world *world, size_t again)
{
	history_restore(world, &life->history, life->cut_event, false);
	for (size_t i = life->cut_step - again; i < life->cut_step; i++)
		feed(world, life, &life->steps[i], true);
	for (size_t i = life->cut_step; i < life->step_count; i++) {
		feed(world, life, &life->steps[i], false);
		if (i == life->cut_step) {
			na_sockets_found_all(world->sockets);
			na_sockets_sweep(world->sockets, life->cut_ns, life->steps[i].now_ns);
		}
		run_agent(world, &life->steps[i]);
	}
}

static void forget_closer(struct na_event *event)
{
	NA_CLEAR(event, NA_CLOSER_PID);
	NA_CLEAR(event, NA_CLOSER_NAME);
	NA_CLEAR(event, NA_CLOSER_EXECUTABLE);
	NA_CLEAR(event, NA_CLOSER_ENTITY_ID);
}

static int by_flow(const void *a, const void *b)
{
	const struct na_event *left = a, *right = b;
	struct na_text one = left->f_NA_CONNECTION_ID, other = right->f_NA_CONNECTION_ID;
	size_t length = one.length < other.length ? one.length : other.length;
	int order = memcmp(one.data, other.data, length);

	return order ? order : (one.length > other.length) - (one.length < other.length);
}

/* Flows that are told at one moment are in no order. */
static void sort_flows(struct na_event *events, size_t count)
{
	size_t begin, end;

	for (begin = 0; begin < count; begin = end) {
		end = begin + 1;
		if (events[begin].type != NA_EVENT_FLOW)
			continue;
		while (end < count && events[end].type == NA_EVENT_FLOW &&
		       events[end].boot_ns == events[begin].boot_ns)
			end++;
		qsort(&events[begin], end - begin, sizeof(*events), by_flow);
	}
}

static void compare(const struct life *life, const struct history *second, unsigned int seed)
{
	size_t expected = life->history.event_count - life->cut_event;

	sort_flows(&life->history.events[life->cut_event], expected);
	sort_flows(second->events, second->event_count);
	for (size_t i = 0; i < expected && i < second->event_count; i++) {
		struct na_event left = life->history.events[life->cut_event + i];
		struct na_event right = second->events[i];
		const char *field;

		forget_closer(&left);
		forget_closer(&right);
		field = na_events_differ(&right, &left);
		if (field)
			fail_msg("seed %u, event %zu after the cut: %s of cookie %llu, not %s of "
				 "%llu: %s differs",
				 seed, i, na_event_name(right.type),
				 (unsigned long long)right.f_NA_SOCKET_COOKIE,
				 na_event_name(left.type),
				 (unsigned long long)left.f_NA_SOCKET_COOKIE, field);
	}
	if (second->event_count != expected)
		fail_msg("seed %u: %zu events instead of %zu", seed, second->event_count, expected);
}

static void restart(unsigned int seed, size_t most_again)
{
	struct life life = {.seed = seed, .world = hourly_world(), .next_cookie = 1};
	size_t cut_at = 1 + pick(&life, STEPS - 2), again = most_again ? pick(&life, 30) : 0;
	struct world *second = hourly_world();
	struct history told;

	history_keep(life.world, &life.history);
	na_sockets_found_all(life.world->sockets);
	for (size_t i = 0; i < STEPS; i++) {
		if (i == cut_at)
			cut(&life);
		one_step(&life);
	}
	history_keep(second, &told);
	run_second(&life, second, again < life.cut_step ? again : life.cut_step);
	compare(&life, &told, seed);
	assert_int_equal(na_sockets_counts(second->sockets).ends_unseen, 0);
	history_free(&told);
	history_free(&life.history);
	world_free(second);
	world_free(life.world);
}

static void the_second_agent_goes_on(void **unused)
{
	(void)unused;
	for (unsigned int seed = 1; seed <= RUNS; seed++)
		restart(seed, 0);
}

static void records_that_are_read_again_tell_nothing(void **unused)
{
	(void)unused;
	for (unsigned int seed = 1; seed <= RUNS; seed++)
		restart(seed + RUNS, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_agent_goes_on),
		cmocka_unit_test(records_that_are_read_again_tell_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
