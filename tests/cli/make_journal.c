/* SPDX-License-Identifier: Apache-2.0 */
/* A journal for the tests of commands: make_journal SEGMENTS EVENTS; prints its folder. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "made.h"

/* Numbers 5 to 9 of the third segment were never written, as the event behind them says. */
static void lose(struct made *made)
{
	struct na_event event;

	made->sequence += 5;
	na_event_init(&event, NA_EVENT_EVENTS_LOST, 0);
	NA_SET(&event, TIMESTAMP, made->wall_ns);
	NA_SET(&event, EVENT_SEQUENCE, (int64_t)made->sequence);
	NA_SET(&event, NA_LOST_COUNT, 5);
	NA_SET(&event, NA_LOST_FIRST_SEQUENCE, (int64_t)made->sequence - 5);
	NA_SET(&event, NA_LOST_LAST_SEQUENCE, (int64_t)made->sequence - 1);
	assert(na_encoder_event(made->encoder, &event, &made->segment) == 0);
	made->sequence++;
}

int main(int argc, char **argv)
{
	struct na_event constants = {0};
	struct made made;

	if (argc != 3)
		return EXIT_FAILURE;
	made_init(&made);
	NA_SET_TEXT(&constants, HOST_HOSTNAME, "web-1");
	NA_SET_TEXT(&constants, LABELS, "{\"environment\":\"production\"}");
	made.constants = &constants;
	for (long i = 0; i < strtol(argv[1], NULL, 10); i++) {
		made_begin(&made);
		made_events(&made, strtoul(argv[2], NULL, 10));
		if (i == 2)
			lose(&made);
		made_seal(&made);
		made_write(&made);
	}
	puts(made.folder);
	na_encoder_free(made.encoder);
	na_buffer_done(&made.segment);
	return EXIT_SUCCESS;
}
