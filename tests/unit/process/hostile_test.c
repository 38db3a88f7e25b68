/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as no program makes them: random bytes, random lengths, mutations of a good one. Nothing
 * is asserted but that the cache survives; the sanitizers see the rest. NA_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "support.h"

#define ROUNDS 30000

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % below;
}

/* Copied to a block of the record's own size, so that one byte too far is seen. */
static void give(struct na_processes *processes, const union test_record *record)
{
	size_t size = record->header.size;
	struct na_record_header *copy;

	if (size < sizeof(record->header))
		size = sizeof(record->header);
	copy = malloc(size);
	memcpy(copy, record, size);
	na_processes_record(processes, copy);
	free(copy);
}

static uint16_t draw_length(void)
{
	return (uint16_t)(draw(4) ? draw(64) : draw(65536));
}

static void mutate(union test_record *record)
{
	size_t size = record->header.size;

	for (uint64_t i = draw(4); i > 0; i--)
		record->bytes[draw(size)] = (uint8_t)draw(256);
	switch (draw(6)) {
	case 0:
		record->header.size = draw_length();
		break;
	case 1:
		record->exec.executable_length = draw_length();
		break;
	case 2:
		record->exec.directory_length = draw_length();
		break;
	case 3:
		record->exec.arguments_length = draw_length();
		break;
	case 4:
		record->exec.cgroup_length = draw_length();
		break;
	default:
		break;
	}
	record->header.type = (uint8_t)(draw(8) ? NA_RECORD_EXEC : draw(NA_RECORD_COUNT));
	record->header.pid = (uint32_t)draw(50);
}

static void random_bytes(union test_record *record)
{
	size_t size = draw(4) ? draw(600) : draw(65536);

	for (size_t i = 0; i < size || i < sizeof(record->header); i++)
		record->bytes[i] = (uint8_t)(draw(3) ? draw(4) : draw(256));
	record->header.size = (uint16_t)size;
	record->header.type = (uint8_t)draw(NA_RECORD_COUNT + 2);
	if (draw(2))
		record->header.type = NA_RECORD_EXEC;
	record->header.pid = (uint32_t)draw(50);
	record->header.start_ns = draw(10);
}

static void use(struct na_processes *processes)
{
	uint32_t pid = (uint32_t)draw(50);
	struct na_event event = test_get_event(processes, pid, draw(10), draw(1000));

	if (na_event_has(&event, NA_FIELD_PROCESS_ARGS))
		for (size_t i = 0; i < event.f_PROCESS_ARGS.count; i++)
			random_state ^= event.f_PROCESS_ARGS.items[i].length;
	if (draw(100) == 0)
		na_processes_expire(processes, draw(UINT64_MAX));
}

static void test_hostile_records(void **state)
{
	static const struct na_text patterns[] = {TEXT("*a*"), TEXT("--x=*")};
	static union test_record record;
	struct na_processes_options options = test_options(40);
	struct na_processes *processes;

	(void)state;
	options.redact = patterns;
	options.redact_count = 2;
	processes = na_processes_new(&options);
	for (size_t i = 0; i < ROUNDS; i++) {
		if (draw(4) == 0) {
			random_bytes(&record);
		} else {
			test_make_exec(&record,
				       &(struct test_exec){.pid = 5,
							   .start_ns = 1 + draw(9),
							   .time_ns = draw(1000),
							   .executable = TEXT("x\0bin\0"),
							   .directory = TEXT("home\0"),
							   .arguments = TEXT("x\0--x=a\0bab\0c\0"),
							   .cgroup = TEXT("b\0a\0"),
							   .comm = "x"});
			mutate(&record);
		}
		give(processes, &record);
		use(processes);
		assert_in_range(na_processes_count(processes), 0, 41);
	}
	na_processes_free(processes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_hostile_records)};
	const char *seed = getenv("NA_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("NA_SEED=%llu\n", (unsigned long long)random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
