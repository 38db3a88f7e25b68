/* SPDX-License-Identifier: Apache-2.0 */
/* Allowances. */
#include "ship/allowance.h"

/* The program itself, threads, what libraries need once. */
#define PROGRAM_BYTES (6u << 20)
/* A lane's reader, encoder and thread; its output without records. */
#define LANE_BYTES (2u << 20)
#define LEAST_BYTES (1u << 20)

#define BATCH_BYTES_MAX (4u << 20)

/* A record's places, in the window and in the output; and what a library keeps of it beside the
 * body (librdkafka: message, key and headers), unless it is in one piece with others'. */
#define PLACES_BYTES 256u
#define KEPT_BYTES 768u

struct na_allowance na_allowance_of(size_t outputs, bool copies)
{
	size_t fixed = PROGRAM_BYTES + outputs * LANE_BYTES, bytes = LEAST_BYTES;

	if (outputs && fixed + outputs * LEAST_BYTES < NA_ALLOWANCE_PROCESS_BYTES)
		bytes = (NA_ALLOWANCE_PROCESS_BYTES - fixed) / outputs;
	return (struct na_allowance){
		.bytes = bytes,
		.batch_bytes = bytes / 4 < BATCH_BYTES_MAX ? bytes / 4 : BATCH_BYTES_MAX,
		.record_bytes = PLACES_BYTES + (copies ? 0 : KEPT_BYTES),
	};
}

bool na_allowance_has_room(const struct na_allowance *allowance, size_t bytes, size_t records,
			   bool begun)
{
	if (!records)
		return true;
	bytes += records * allowance->record_bytes;
	if (!begun)
		bytes += allowance->batch_bytes / 4;
	return bytes < allowance->bytes;
}
