/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lives of processes, compared after every step with a model that keeps everything in
 * arrays and looks through all of it. NA_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "support.h"

#define PIDS 12
#define STEPS 4000
#define RUNS 20
#define EXECUTIONS (3 * STEPS)

struct execution {
	uint32_t pid, execs, parent_pid;
	uint64_t start_ns, since_ns, over_ns; /* over_ns 0: is still that */
	char name[24];                        /* "": not known */
	char parent[24];
	bool expired; /* gone with the last reference */
	bool gone;
};

struct held {
	struct na_process *process;
	size_t model;
};

static struct execution executions[EXECUTIONS];
static size_t count;
static struct held held[8];
static uint64_t random_state, now;

static uint64_t draw(uint64_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % below;
}

static struct execution *newest_alive(uint32_t pid)
{
	for (size_t i = count; i > 0; i--)
		if (executions[i - 1].pid == pid && !executions[i - 1].over_ns)
			return &executions[i - 1];
	return NULL;
}

static struct execution *add(uint32_t pid, uint64_t start_ns, uint32_t execs)
{
	struct execution *execution = &executions[count++];

	*execution = (struct execution){
		.pid = pid, .start_ns = start_ns, .since_ns = now, .execs = execs};
	return execution;
}

static bool is_held(size_t model)
{
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		if (held[i].process && held[i].model == model)
			return true;
	return false;
}

/* Of one process so many are kept (table.c), and those that are held. */
static void cut(const struct execution *newest)
{
	size_t kept = 0;

	for (size_t i = count; i > 0; i--) {
		struct execution *at = &executions[i - 1];

		if (at->pid != newest->pid || at->start_ns != newest->start_ns || at->gone)
			continue;
		if (++kept <= 16)
			continue;
		at->expired = true;
		at->gone = !is_held(i - 1);
	}
}

static void fork_one(struct na_processes *processes)
{
	uint32_t parent_pid = 1 + (uint32_t)draw(PIDS), pid = 1 + (uint32_t)draw(PIDS);
	struct execution *parent = newest_alive(parent_pid), *child, *before = newest_alive(pid);

	if (!parent || pid == parent_pid)
		return;
	if (before) /* its exit is lost */
		before->over_ns = now;
	assert_int_equal(test_fork(processes, parent_pid, parent->start_ns, pid, now, now), 0);
	child = add(pid, now, 0);
	child->parent_pid = parent_pid;
	strcpy(child->name, parent->name);
	strcpy(child->parent, parent->name);
}

static void exec_one(struct na_processes *processes)
{
	uint32_t pid = 1 + (uint32_t)draw(PIDS);
	struct execution *before = newest_alive(pid), *after;
	char name[24];

	snprintf(name, sizeof(name), "p%zu", count);
	if (!before) { /* its fork is lost */
		before = add(pid, now, 0);
		now++;
	}
	assert_int_equal(test_exec_simple(processes, pid, before->start_ns, now, name), 0);
	before->over_ns = now;
	after = add(pid, before->start_ns, before->execs + 1);
	strcpy(after->name, name);
	cut(after);
}

static void exit_one(struct na_processes *processes)
{
	struct execution *execution = newest_alive(1 + (uint32_t)draw(PIDS));

	if (!execution)
		return;
	assert_int_equal(test_exit(processes, execution->pid, execution->start_ns, now), 0);
	execution->over_ns = now;
}

static void expire(struct na_processes *processes)
{
	uint64_t until = now - draw(50);

	na_processes_expire(processes, until);
	for (size_t i = 0; i < count; i++)
		if (executions[i].over_ns && executions[i].over_ns < until) {
			executions[i].expired = true;
			executions[i].gone = !is_held(i);
		}
}

static void check_event(const struct execution *expected, const struct na_event *event)
{
	char entity[64];

	snprintf(entity, sizeof(entity), "%016llx-%x-%llx-%x", (unsigned long long)BOOT_ID,
		 expected->pid, (unsigned long long)expected->start_ns, expected->execs);
	assert_field(*event, PROCESS_ENTITY_ID, entity);
	assert_field(*event, PROCESS_NAME, expected->name[0] ? expected->name : NULL);
	assert_field(*event, PROCESS_PARENT_NAME, expected->parent[0] ? expected->parent : NULL);
	if (expected->parent_pid)
		assert_number(*event, PROCESS_PARENT_PID, expected->parent_pid);
}

/* The execution of the same process that was at the time; none when one is gone that might be it.
 */
static struct execution *model_at(const struct execution *any, uint64_t time_ns)
{
	struct execution *found = NULL;

	for (size_t i = 0; i < count; i++) {
		struct execution *at = &executions[i];

		if (at->pid != any->pid || at->start_ns != any->start_ns)
			continue;
		if (at->gone)
			return NULL;
		if (!found || at->since_ns <= time_ns)
			found = at;
	}
	return found;
}

static void look(struct na_processes *processes)
{
	struct execution *any, *expected;
	uint64_t time_ns = now - draw(60);
	struct na_event event;
	size_t i;

	if (!count)
		return;
	any = &executions[count - 1 - draw(count < 40 ? count : 40)];
	expected = model_at(any, time_ns);
	if (!expected)
		return;
	event = test_get_event(processes, any->pid, any->start_ns, time_ns);
	check_event(expected, &event);
	i = draw(sizeof(held) / sizeof(held[0]));
	if (held[i].process)
		return;
	held[i].process =
		na_process_ref(na_processes_get(processes, any->pid, any->start_ns, time_ns));
	held[i].model = (size_t)(expected - executions);
}

static void let_go(void)
{
	size_t i = draw(sizeof(held) / sizeof(held[0]));
	struct na_event event;

	if (!held[i].process)
		return;
	na_event_init(&event, NA_EVENT_CLOSED, now);
	na_process_fill(held[i].process, &event);
	check_event(&executions[held[i].model], &event);
	na_process_unref(&held[i].process);
	executions[held[i].model].gone =
		executions[held[i].model].expired && !is_held(held[i].model);
}

static void step(struct na_processes *processes)
{
	now += 1 + draw(5);
	switch (draw(10)) {
	case 0 ... 1:
		fork_one(processes);
		break;
	case 2 ... 3:
		exec_one(processes);
		break;
	case 4:
		exit_one(processes);
		break;
	case 5:
		expire(processes);
		break;
	case 6:
		let_go();
		break;
	default:
		look(processes);
	}
}

/* What may be kept at the end: nothing that is over and not referenced. */
static void check_end(struct na_processes *processes)
{
	size_t alive = 0;

	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		na_process_unref(&held[i].process);
	na_processes_expire(processes, UINT64_MAX);
	for (size_t i = 0; i < count; i++)
		alive += !executions[i].over_ns;
	assert_int_equal(na_processes_count(processes), alive);
}

static void test_model(void **state)
{
	struct na_processes_options options = test_options(EXECUTIONS);

	(void)state;
	for (size_t run = 0; run < RUNS; run++) {
		struct na_processes *processes = na_processes_new(&options);

		count = 0;
		now = 1000;
		for (size_t i = 0; i < STEPS; i++)
			step(processes);
		assert_int_equal(na_processes_dropped(processes), 0);
		check_end(processes);
		na_processes_free(processes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};
	const char *seed = getenv("NA_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("NA_SEED=%llu\n", (unsigned long long)random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
