/* SPDX-License-Identifier: Apache-2.0 */
/* Prints random events as ECS JSON, for schema_test.py: random_lines COUNT */
#include <stdio.h>
#include <stdlib.h>

#include "format/ecs.h"
#include "random_event.h"
#include "samples.h"

int main(int argc, char **argv)
{
	static struct na_random_event random;
	struct na_event constants = na_sample_constants();
	struct na_ecs *ecs = na_ecs_new(&constants);
	struct na_buffer text = {0};
	uint64_t state = 1;
	int count = argc > 1 ? atoi(argv[1]) : 1;

	if (!ecs)
		return EXIT_FAILURE;
	for (int i = 0; i < count; i++) {
		na_random_event_make(&random, 50, &state);
		if (na_ecs_encode(ecs, &random.event, &text) < 0)
			return EXIT_FAILURE;
	}
	fwrite(text.data, 1, text.length, stdout);
	na_buffer_done(&text);
	na_ecs_free(ecs);
	return EXIT_SUCCESS;
}
