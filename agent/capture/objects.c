/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading. libbpf loads an object whole or not at all. So a program that the kernel refuses is
 * named by libbpf's message, marked with the reason, left out, and the object is opened again.
 *
 * The object of the cgroup tier has everything that is shared. Objects of other tiers are loaded
 * after it, take over its maps by name, and get its knobs: whatever tier a program is of, it fills
 * the same rings and knows the same rules.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "base/log.h"
#include "capture/capture_internal.h"
#include "cgroup_untyped.skel.h"
#include "fexit.skel.h"
#include "kprobe.skel.h"
#include "kprobe_untyped.skel.h"
#include "lsm.skel.h"

/* Of one source: maps and programs are the same, and so is what the skeleton of one says of both.
 */
_Static_assert(sizeof(struct cgroup_bpf__rodata) == sizeof(struct cgroup_untyped_bpf__rodata),
	       "the layout of the knobs");

#define CONNECT_UNIX_ATTACH_TYPE                                                                   \
	49 /* BPF_CGROUP_UNIX_CONNECT, from 6.7; libbpf 1.1 does not know it */

#define RODATA ".rodata"

/* What libbpf said last about a program, so that its refusal can be explained. Capture thread only.
 */
static struct {
	char program[64];
	char reason[160];
	int error;      /* negative errno */
	bool is_absent; /* there is nothing to attach it to */
} refusal;

static void note_refusal(const char *line)
{
	char program[64];
	int error;

	if (sscanf(line, "libbpf: prog '%63[^']': failed to load: %d", program, &error) != 2 &&
	    sscanf(line, "libbpf: prog '%63[^']': failed to prepare load attributes: %d", program,
		   &error) != 2)
		return;
	snprintf(refusal.program, sizeof(refusal.program), "%s", program);
	refusal.error = error;
	refusal.is_absent = error == -ESRCH || error == -ENOENT;
	if (refusal.is_absent)
		snprintf(refusal.reason, sizeof(refusal.reason),
			 "this kernel has no such function");
	else
		snprintf(refusal.reason, sizeof(refusal.reason),
			 "the kernel refuses to load it: %s", strerrordesc_np(-error));
}

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[2048];

	vsnprintf(line, sizeof(line), format, arguments);
	if (level == LIBBPF_WARN)
		note_refusal(line);
	if (level != LIBBPF_DEBUG)
		na_log_debug("%s", line);
	return 0;
}

static void find_programs(struct na_capture *capture, const struct bpf_object *object)
{
	struct bpf_program *program;

	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		program = bpf_object__find_program_by_name(
			object, na_program_function((enum na_program)id));
		if (!program)
			continue;
		capture->programs[id] = program;
		bpf_program__set_autoload(program, !na_program_off(&capture->states[id]));
	}
}

/* They are gone with their object. */
static void forget_programs(struct na_capture *capture, const struct bpf_object *object)
{
	for (int id = 0; object && id < NA_PROGRAM_COUNT; id++)
		if (bpf_object__find_program_by_name(object,
						     na_program_function((enum na_program)id)))
			capture->programs[id] = NULL;
}

static void set_knobs(struct na_capture *capture)
{
	struct cgroup_bpf *bpf = capture->bpf;

	bpf->rodata->families = capture->options.families;
	bpf->rodata->ring_count = (uint32_t)capture->ring_count - 1;
	bpf->rodata->flow_interval_ns = capture->options.flow_interval_ns;
	bpf->rodata->peers_in_task_storage = !capture->no_task_storage;
	bpf->rodata->cookies_in_tracing = !capture->no_tracing_cookies;
	bpf_map__set_autocreate(bpf->maps.flow_peers, !capture->no_task_storage);
	if (capture->options.rules)
		na_rules_set_knobs(capture->options.rules, bpf);
	bpf_program__set_type(bpf->progs.cgroup__connect_unix, BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
	bpf_program__set_expected_attach_type(bpf->progs.cgroup__connect_unix,
					      (enum bpf_attach_type)CONNECT_UNIX_ATTACH_TYPE);
	/* Iterators cost nothing until they are run; calibration needs the one of files. */
	bpf_program__set_autoload(bpf->progs.iter__flows, !capture->no_flow_iterator);
	bpf_program__set_autoload(bpf->progs.iter__task_file, !capture->no_file_iterator);
}

/* Programs of cgroups may not use task storage on all kernels: then peers are kept by thread. */
static bool do_without_task_storage(struct na_capture *capture)
{
	static const enum na_program users[] = {NA_PROGRAM_SENDMSG4, NA_PROGRAM_SENDMSG6,
						NA_PROGRAM_RECVMSG4, NA_PROGRAM_RECVMSG6};

	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++)
		if (!capture->no_task_storage &&
		    !strcmp(na_program_function(users[i]), refusal.program))
			return capture->no_task_storage = true;
	return false;
}

/*
 * Programs of tracepoints may not make cookies before 5.12: then they read those that programs of
 * cgroups made, of which one more is needed.
 */
static bool do_without_tracing_cookies(struct na_capture *capture)
{
	if (capture->no_tracing_cookies ||
	    strcmp(na_program_function(NA_PROGRAM_SET_STATE), refusal.program) != 0)
		return false;
	na_program_want(capture, NA_PROGRAM_SOCK_OPS);
	return capture->no_tracing_cookies = true;
}

/*
 * What a kernel has not yet is no failure: nothing is missing that this kernel could tell, or
 * another program tells it.
 */
static const struct {
	enum na_program id;
	int error;
	const char *reason;
} not_there[] = {
	{NA_PROGRAM_CONNECT_UNIX, -EINVAL, "this kernel has no such programs (they are from 6.7)"},
	{NA_PROGRAM_SEND_LENGTH, -ESRCH,
	 "this kernel has no such tracepoint (6.3 has): exits of functions or of calls count"},
	{NA_PROGRAM_RECV_LENGTH, -ESRCH,
	 "this kernel has no such tracepoint (6.3 has): exits of functions or of calls count"},
};

static void leave_out(struct na_program_state *state, enum na_program id)
{
	snprintf(state->reason, sizeof(state->reason), "%s", refusal.reason);
	if (refusal.is_absent && na_program_hook(id))
		state->wanted = false; /* a hook that this kernel has not is not missing */
	for (size_t i = 0; i < sizeof(not_there) / sizeof(*not_there); i++) {
		if (not_there[i].id != id || not_there[i].error != refusal.error)
			continue;
		state->wanted = false;
		snprintf(state->reason, sizeof(state->reason), "%s", not_there[i].reason);
	}
}

/* Marks the program that libbpf named. False when it named none that is still on. */
static bool leave_out_refused(struct na_capture *capture)
{
	bool found = false;

	if (!strcmp(refusal.program, "iter__flows") && !capture->no_flow_iterator)
		found = capture->no_flow_iterator = true;
	if (!strcmp(refusal.program, "iter__task_file") && !capture->no_file_iterator)
		found = capture->no_file_iterator = true;
	for (int id = 0; id < NA_PROGRAM_COUNT && refusal.program[0]; id++) {
		struct na_program_state *state = &capture->states[id];

		if (strcmp(na_program_function((enum na_program)id), refusal.program) != 0 ||
		    na_program_off(state))
			continue;
		leave_out(state, (enum na_program)id);
		found = true;
	}
	return found;
}

static bool same_name(const struct btf *const btfs[2], __u32 left, __u32 right)
{
	const char *names[2] = {
		btf__name_by_offset(btfs[0], btf__type_by_id(btfs[0], left)->name_off),
		btf__name_by_offset(btfs[1], btf__type_by_id(btfs[1], right)->name_off),
	};

	return !strcmp(names[0], names[1]);
}

/* Each variable of `to`, with the value that the one of its name has. */
static void copy_variables(struct bpf_object *to, const struct bpf_object *from)
{
	struct bpf_map *maps[] = {bpf_object__find_map_by_name(to, RODATA),
				  bpf_object__find_map_by_name(from, RODATA)};
	const struct btf *btfs[] = {bpf_object__btf(to), bpf_object__btf(from)};
	const struct btf_type *sections[2];
	const struct btf_var_secinfo *left, *right;
	size_t size;

	for (int i = 0; i < 2; i++) {
		int section = btf__find_by_name_kind(btfs[i], RODATA, BTF_KIND_DATASEC);

		if (!maps[i] || section < 0)
			return;
		sections[i] = btf__type_by_id(btfs[i], (__u32)section);
	}
	for (int i = 0; i < btf_vlen(sections[0]); i++)
		for (int j = 0; j < btf_vlen(sections[1]); j++) {
			left = btf_var_secinfos(sections[0]) + i;
			right = btf_var_secinfos(sections[1]) + j;
			if (left->size == right->size && same_name(btfs, left->type, right->type))
				memcpy((char *)bpf_map__initial_value(maps[0], &size) +
					       left->offset,
				       (char *)bpf_map__initial_value(maps[1], &size) +
					       right->offset,
				       left->size);
		}
}

static int share_maps(struct bpf_object *to, const struct bpf_object *from)
{
	const struct bpf_map *shared;
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map(map, to)
	{
		if (!strcmp(bpf_map__name(map), RODATA))
			continue;
		shared = bpf_object__find_map_by_name(from, bpf_map__name(map));
		if (shared && !bpf_map__autocreate(shared))
			bpf_map__set_autocreate(map, false);
		else if (shared && !error)
			error = bpf_map__reuse_fd(map, bpf_map__fd(shared));
	}
	return error;
}

static int load_tier_once(struct na_capture *capture, enum na_tier tier, const uint8_t *slots)
{
	struct bpf_object **object = &capture->tiers[tier];
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = na_tier_name(tier),
		    .btf_custom_path = capture->options.btf);
	const void *bytes;
	size_t size;
	int error;

	refusal.program[0] = '\0';
	na_object_close(capture, tier);
	bytes = na_object_bytes(tier, capture->untyped, &size);
	*object = bpf_object__open_mem(bytes, size, &options);
	if (!*object)
		return -errno;
	find_programs(capture, *object);
	copy_variables(*object, capture->bpf->obj);
	na_hook_slots_set(*object, slots);
	error = share_maps(*object, capture->bpf->obj);
	return error ? error : bpf_object__load(*object);
}

/*
 * What takes types of the kernel's own: iterators, storage and cookies of a tracepoint's sockets.
 * The snapshot stays wanted, for nothing else tells what it would.
 */
static void do_without_types(struct na_capture *capture)
{
	static const enum na_program lengths[] = {NA_PROGRAM_SEND_LENGTH, NA_PROGRAM_RECV_LENGTH};
	struct na_program_state *snapshot = &capture->states[NA_PROGRAM_SNAPSHOT];

	capture->no_task_storage = capture->no_tracing_cookies = true;
	capture->no_flow_iterator = capture->no_file_iterator = true;
	na_program_want(capture, NA_PROGRAM_SOCK_OPS);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		na_program_leave_out(capture, lengths[i],
				     "the kernel has no BTF of its own: the exit of system calls "
				     "counts instead");
	if (!na_program_off(snapshot))
		snprintf(snapshot->reason, sizeof(snapshot->reason),
			 "the kernel has no BTF of its own, which iterators need");
}

/* As cgroup_bpf__open_opts, of either of the two objects. */
static struct cgroup_bpf *open_cgroup(bool untyped, const struct bpf_object_open_opts *options)
{
	struct cgroup_bpf *bpf = calloc(1, sizeof(*bpf));
	int error = bpf ? cgroup_bpf__create_skeleton(bpf) : -ENOMEM;

	if (!error) {
		bpf->skeleton->data =
			(void *)na_object_bytes(NA_TIER_CGROUP, untyped, &bpf->skeleton->data_sz);
		error = bpf_object__open_skeleton(bpf->skeleton, options);
	}
	if (!error)
		return bpf;
	cgroup_bpf__destroy(bpf);
	errno = -error;
	return NULL;
}

static int load(struct na_capture *capture)
{
	int error;

	do {
		error = na_object_open(capture);
		if (!error)
			error = cgroup_bpf__load(capture->bpf);
	} while (error < 0 && (do_without_task_storage(capture) ||
			       do_without_tracing_cookies(capture) || leave_out_refused(capture)));
	return error;
}

/* ------------------------------------------------------------------------------------------- */

const void *na_object_bytes(enum na_tier tier, bool untyped, size_t *ret_size)
{
	if (untyped && tier == NA_TIER_KPROBE)
		return kprobe_untyped_bpf__elf_bytes(ret_size);
	if (untyped && tier == NA_TIER_CGROUP)
		return cgroup_untyped_bpf__elf_bytes(ret_size);
	switch (tier) {
	case NA_TIER_FEXIT:
		return fexit_bpf__elf_bytes(ret_size);
	case NA_TIER_LSM:
		return lsm_bpf__elf_bytes(ret_size);
	case NA_TIER_KPROBE:
		return kprobe_bpf__elf_bytes(ret_size);
	default:
		return cgroup_bpf__elf_bytes(ret_size);
	}
}

void na_object_close(struct na_capture *capture, enum na_tier tier)
{
	forget_programs(capture, capture->tiers[tier]);
	bpf_object__close(capture->tiers[tier]);
	capture->tiers[tier] = NULL;
}

int na_object_load_tier(struct na_capture *capture, enum na_tier tier)
{
	uint8_t slots[NA_HOOK_COUNT];
	int error;

	na_hook_slots_find(capture->options.btf, tier, slots);
	do {
		error = load_tier_once(capture, tier, slots);
	} while (error < 0 && leave_out_refused(capture));
	if (error < 0)
		na_object_close(capture, tier);
	return error;
}

int na_object_open(struct na_capture *capture)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = capture->options.btf);

	refusal.program[0] = '\0';
	forget_programs(capture, capture->bpf ? capture->bpf->obj : NULL);
	cgroup_bpf__destroy(capture->bpf);
	capture->bpf = open_cgroup(capture->untyped, &options);
	if (!capture->bpf)
		return -errno;
	find_programs(capture, capture->bpf->obj);
	set_knobs(capture);
	return 0;
}

int na_object_load(struct na_capture *capture, struct na_buffer *why)
{
	int error;

	capture->no_task_storage = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL) != 1;
	if (capture->untyped)
		do_without_types(capture);
	error = load(capture);
	/* Most kernels need no more stand-ins: there they cost no time of the verifier. */
	if (!error && na_stand_ins_want(capture))
		error = load(capture);
	if (error < 0)
		na_buffer_printf(why, "cannot load the kernel programs: %s",
				 strerrordesc_np(-error));
	return error;
}

void na_objects_init(void)
{
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(print_libbpf);
}
