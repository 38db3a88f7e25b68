/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many 64-bit slots the arguments of a hook take in this kernel: the verdict is behind them,
 * and prototypes have changed. Where the kernel does not say, the row of hooks.def holds.
 */
#include <string.h>

#include <bpf/btf.h>

#include "base/cleanup.h"
#include "capture/capture_internal.h"

#define SLOT 8
#define SLOTS_MAX 6

#define BPF_LSM "bpf_lsm_"
#define SECURITY "security_"

static void free_btf(struct btf **btf)
{
	btf__free(*btf); /* takes errors too */
}

static uint8_t count_slots(const struct btf *kernel, const struct btf_type *prototype,
			   uint8_t otherwise)
{
	const struct btf_param *parameters = btf_params(prototype);
	size_t slots = 0;

	for (int i = 0; i < btf_vlen(prototype); i++) {
		long long size = btf__resolve_size(kernel, parameters[i].type);

		if (size <= 0)
			return otherwise;
		slots += ((size_t)size + SLOT - 1) / SLOT;
	}
	return slots <= SLOTS_MAX ? (uint8_t)slots : otherwise;
}

/* The hook whose function this is on the tier; NA_HOOK_NONE: none's. */
static enum na_hook hook_of(const char *function, enum na_tier tier)
{
	size_t prefix = strlen(BPF_LSM);
	enum na_hook hook;

	if (tier == NA_TIER_LSM) {
		if (strncmp(function, BPF_LSM, prefix) != 0 ||
		    na_hook_find(na_text_of(function + prefix), &hook) < 0)
			return NA_HOOK_NONE;
		return hook;
	}
	if (strncmp(function, SECURITY, strlen(SECURITY)) != 0)
		return NA_HOOK_NONE;
	for (int other = 1; other < NA_HOOK_COUNT; other++)
		if (strcmp(function, na_hook_rows[other].function) == 0)
			return (enum na_hook)other;
	return NA_HOOK_NONE;
}

static void find_slots(const struct btf *kernel, enum na_tier tier, uint8_t *slots)
{
	for (uint32_t id = 1; id < btf__type_cnt(kernel); id++) {
		const struct btf_type *type = btf__type_by_id(kernel, id), *prototype;
		enum na_hook hook;

		if (!btf_is_func(type))
			continue;
		hook = hook_of(btf__name_by_offset(kernel, type->name_off), tier);
		prototype = btf__type_by_id(kernel, type->type);
		if (hook && prototype && btf_is_func_proto(prototype))
			slots[hook] = count_slots(kernel, prototype, slots[hook]);
	}
}

/* ------------------------------------------------------------------------------------------- */

void na_hook_slots_find(const char *btf, enum na_tier tier, uint8_t ret_slots[NA_HOOK_COUNT])
{
	NA_CLEANUP(free_btf)
	struct btf *kernel = btf ? btf__parse(btf, NULL) : btf__load_vmlinux_btf();

	for (int hook = 0; hook < NA_HOOK_COUNT; hook++)
		ret_slots[hook] = na_hook_rows[hook].slots;
	if (kernel)
		find_slots(kernel, tier, ret_slots);
}

void na_hook_slots_set(struct bpf_object *object, const uint8_t slots[NA_HOOK_COUNT])
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	const struct btf *btf = bpf_object__btf(object);
	int section = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	int variable = btf__find_by_name_kind(btf, "hook_slots", BTF_KIND_VAR);
	const struct btf_type *type = section < 0 ? NULL : btf__type_by_id(btf, (uint32_t)section);
	size_t size;

	for (int i = 0; map && type && i < btf_vlen(type); i++) {
		const struct btf_var_secinfo *place = btf_var_secinfos(type) + i;

		if ((int)place->type == variable && place->size == NA_HOOK_COUNT)
			memcpy((char *)bpf_map__initial_value(map, &size) + place->offset, slots,
			       NA_HOOK_COUNT);
	}
}
