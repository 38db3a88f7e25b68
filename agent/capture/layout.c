/* SPDX-License-Identifier: Apache-2.0 */
/* The name of a layout: a hash of all that a load fixes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "capture/capture_internal.h"
#include "capture/hash.h"
#include "capture/takeover.h"

static uint64_t add_text(uint64_t hash, const char *text)
{
	return text ? na_hash_add(hash, text, strlen(text) + 1) : na_hash_add(hash, "", 1);
}

static uint64_t add_objects(uint64_t hash, bool untyped)
{
	for (int tier = NA_TIER_CGROUP; tier < NA_TIER_COUNT; tier++) {
		size_t size;
		const void *bytes = na_object_bytes((enum na_tier)tier, untyped, &size);

		hash = na_hash_add(hash, bytes, size);
	}
	return hash;
}

static uint64_t add_options(uint64_t hash, const struct na_capture *capture)
{
	const struct na_capture_options *options = &capture->options;
	const uint64_t numbers[] = {options->attach, options->families, capture->ring_count,
				    options->ring_bytes, options->seccomp};

	hash = na_hash_add(hash, numbers, sizeof(numbers));
	hash = add_text(hash, options->btf);
	return options->rules ? na_rules_hash(options->rules, hash) : hash;
}

/* Which are wanted, by families, modes and request. */
static uint64_t add_programs(uint64_t hash, const struct na_capture *capture)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		hash = add_text(hash, na_program_function((enum na_program)id));
		hash = add_text(hash, capture->states[id].reason);
	}
	for (int hook = 0; hook < NA_HOOK_COUNT; hook++)
		hash = na_hash_add(hash, &capture->hooks[hook].mode,
				   sizeof(capture->hooks[hook].mode));
	return hash;
}

/* ------------------------------------------------------------------------------------------- */

uint64_t na_memory_version(void)
{
	const uint64_t numbers[] = {NA_LAYOUT_VERSION, NA_RECORD_COUNT, NA_PROGRAM_COUNT,
				    sizeof(struct na_memory)};
	uint64_t hash = na_hash_add(NA_HASH_BEGIN, numbers, sizeof(numbers));

	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		hash = add_text(hash, na_program_function((enum na_program)id));
	return hash;
}

int na_layout_name(struct na_capture *capture)
{
	struct utsname host = {.release = ""};
	uint64_t hash = na_memory_version();
	int error = na_object_open(capture);

	if (error < 0)
		return error;
	uname(&host);
	hash = add_text(hash, host.release);
	hash = na_hash_add(hash, capture->bpf->rodata, sizeof(*capture->bpf->rodata));
	hash = add_objects(hash, capture->untyped);
	hash = add_programs(add_options(hash, capture), capture);
	snprintf(capture->layout, sizeof(capture->layout), "%016llx", (unsigned long long)hash);
	return 0;
}
