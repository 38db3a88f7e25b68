/* SPDX-License-Identifier: Apache-2.0 */
/* Whether bytes from a ring or a file are a record. */
#include "capture/record_check.h"

/* By type; of EXEC the part that every one has. */
static const __u16 fixed_sizes[NA_RECORD_COUNT] = {
#define NA_RECORD(id, name) [NA_RECORD_##id] = sizeof(struct na_record_##name),
#define NA_MEMBER(type, name)
#define NA_ARRAY(type, name, count)
#define NA_RECORD_END(id, name)
#include "records.def"
};

static bool exec_valid(const struct na_record_exec *exec)
{
	size_t texts = (size_t)exec->executable_length + exec->directory_length +
		       exec->arguments_length + exec->cgroup_length;

	return texts <= exec->header.size - sizeof(*exec);
}

/* ------------------------------------------------------------------------------------------- */

bool na_record_valid(const struct na_record_header *record, size_t available)
{
	if (available < sizeof(*record) || record->size > available ||
	    record->size > NA_RECORD_SIZE_MAX)
		return false;
	if (record->type == NA_RECORD_NONE || record->type >= NA_RECORD_COUNT ||
	    record->program == NA_PROGRAM_NONE || record->program >= NA_PROGRAM_COUNT)
		return false;
	if (record->type == NA_RECORD_EXEC)
		return record->size >= fixed_sizes[NA_RECORD_EXEC] &&
		       exec_valid((const struct na_record_exec *)record);
	if (record->size != fixed_sizes[record->type])
		return false;
	if (record->type == NA_RECORD_UNIX) {
		const struct na_record_unix *named = (const struct na_record_unix *)record;

		return named->length <= sizeof(named->path);
	}
	return true;
}
