/* SPDX-License-Identifier: Apache-2.0 */
/* Valid records of random type and content. */
#include "random_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint16_t sizes[NA_RECORD_COUNT] = {
#define NA_RECORD(id, name) [NA_RECORD_##id] = sizeof(struct na_record_##name),
#define NA_MEMBER(type, name)
#define NA_ARRAY(type, name, count)
#define NA_RECORD_END(id, name)
#include "records.def"
};

static uint16_t fill_exec(struct na_random *random, struct na_record_exec *exec)
{
	exec->executable_length = (uint16_t)na_random_below(random, 100);
	exec->directory_length = (uint16_t)na_random_below(random, 100);
	exec->arguments_length = (uint16_t)na_random_below(random, 300);
	exec->cgroup_length = (uint16_t)na_random_below(random, 100);
	return (uint16_t)(sizeof(*exec) + exec->executable_length + exec->directory_length +
			  exec->arguments_length + exec->cgroup_length);
}

/* ------------------------------------------------------------------------------------------- */

struct na_random na_random_new(const char *test)
{
	const char *given = getenv("NA_TEST_SEED");
	struct na_random random;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	random.state = given ? strtoull(given, NULL, 0)
			     : (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	printf("%s: NA_TEST_SEED=%" PRIu64 "\n", test, random.state);
	return random;
}

/* splitmix64 */
uint64_t na_random_below(struct na_random *random, uint64_t limit)
{
	uint64_t value = random->state += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return (value ^ value >> 31) % limit;
}

void na_random_record(struct na_random *random, uint32_t ring, uint64_t number,
		      struct na_record_header *record)
{
	uint8_t type = (uint8_t)(1 + na_random_below(random, NA_RECORD_COUNT - 1));

	memset(record, (int)na_random_below(random, 256), NA_RANDOM_RECORD_MAX);
	*record = (struct na_record_header){
		.size = sizes[type],
		.type = type,
		.program = (uint8_t)(1 + na_random_below(random, NA_PROGRAM_COUNT - 1)),
		.tid = ring,
		.start_ns = number,
	};
	if (type == NA_RECORD_EXEC)
		record->size = fill_exec(random, (struct na_record_exec *)record);
	if (type == NA_RECORD_UNIX)
		((struct na_record_unix *)record)->length = (uint16_t)na_random_below(random, 113);
}

int na_record_compare(const void *a, const void *b)
{
	const struct na_record_header *left = *(const struct na_record_header *const *)a;
	const struct na_record_header *right = *(const struct na_record_header *const *)b;

	if (left->time_ns != right->time_ns)
		return left->time_ns < right->time_ns ? -1 : 1;
	return memcmp(left, right, left->size < right->size ? left->size : right->size);
}
