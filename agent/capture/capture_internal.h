/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of agent/capture share about one struct na_capture. */
#ifndef NA_CAPTURE_INTERNAL_H
#define NA_CAPTURE_INTERNAL_H

#include <sys/types.h>

#include <bpf/libbpf.h>

#include "capture/capture.h"
#include "capture/own.h"
#include "capture/pin.h"
#include "cgroup.skel.h"

#define RINGS_MAX 16 /* of lifecycle records; one more for messages */

struct na_capture {
	struct na_capture_options options;
	struct cgroup_bpf *bpf;
	struct bpf_object *tiers[NA_TIER_COUNT]; /* NULL: not loaded */
	enum na_tier tier;                       /* of the hooks; NA_TIER_AUTO: none */
	char tier_reasons[NA_TIER_COUNT][256];   /* why one that seemed possible was given up */
	/* Bits of enum na_operation that programs nearer to it tell than the exit of system calls.
	 */
	uint32_t told_successes, told_failures;
	struct bpf_program *programs[NA_PROGRAM_COUNT]; /* NULL: not one of the object's */
	struct bpf_link *links[NA_PROGRAM_COUNT];
	struct na_program_state states[NA_PROGRAM_COUNT];
	struct na_hook_setting hooks[NA_HOOK_COUNT];
	struct {
		uint64_t lost, skipped, seen; /* seen: skips at the last look */
	} reported[NA_PROGRAM_COUNT];
	struct na_skips {
		uint64_t runs;     /* that the kernel skipped */
		uint64_t unmarked; /* that the stand-in did before the program was attached */
	} skips[NA_PROGRAM_COUNT];
	uint64_t losses_since_ns;
	struct na_counting {
		uint64_t positions, next_ns; /* of the rings at the last look; not later than */
		bool moved, looked;
	} counting;
	uint64_t read_ns; /* what happened before was passed on; 0: nothing was read yet */
	int ring_fds[RINGS_MAX + 1];
	size_t ring_count; /* all of them */
	struct na_rings *rings;
	int connect_unix_link; /* libbpf 1.1 has no object for it */
	int cgroup_fd;
	pid_t detacher; /* detach.c: the process that lets go of the links; 0: there is none */
	int detacher_fd;
	bool untyped;                            /* the kernel has no BTF of its own */
	bool no_flow_iterator, no_file_iterator; /* the kernel refuses to load them */
	bool no_task_storage;                    /* in programs of cgroups */
	bool no_tracing_cookies;                 /* made by programs of tracepoints */
	int statistics_fd;

	/* Sockets that were there, sorted by time, not yet passed on. */
	struct na_record_found *found;
	size_t found_count, found_next;

	/* Of the self-test that was last; NULL: none, or long ago. */
	struct na_own *own;

	/* What stays for the next agent: takeover.h. */
	char layout[NA_PIN_LAYOUT_MAX];
	struct na_memory *memory; /* NULL: nothing does */
	int memory_fd;
	bool taken_over, pinned;
	int program_fds[NA_PROGRAM_COUNT]; /* of what was taken over; else -1 */
};

/* programs.c: the rows of programs.def. */
const char *na_program_function(enum na_program id);
const char *na_program_source(enum na_program id);
bool na_program_is_of(enum na_program id, enum na_tier tier);
bool na_program_is_trampoline(enum na_program id);
/* The hook that the program is on for its own sake, NA_HOOK_NONE: it is none of these. */
enum na_hook na_program_hook(enum na_program id);
/* What is wanted, by the options. */
void na_programs_init(struct na_capture *capture);
/* One that this kernel needs after all; what was disabled by request stays so. */
void na_program_want(struct na_capture *capture, enum na_program id);
/* It has a reason not to be attached. The first reason stays. */
bool na_program_off(const struct na_program_state *state);
void na_program_leave_out(struct na_capture *capture, enum na_program id, const char *reason);

/* objects.c: how libbpf is to be used; before anything else. */
void na_objects_init(void);
/* The compiled object of a tier, for a kernel with types or without. */
const void *na_object_bytes(enum na_tier tier, bool untyped, size_t *ret_size);
/* The object of the cgroup tier anew, with its knobs, not loaded. 0 or negative errno. */
int na_object_open(struct na_capture *capture);
/* Programs that the kernel refuses are left out. Negative errno: nothing could be loaded. */
int na_object_load(struct na_capture *capture, struct na_buffer *why);
/* The same of another tier, on the maps of the first; the reasons stand with the programs. */
int na_object_load_tier(struct na_capture *capture, enum na_tier tier);
void na_object_close(struct na_capture *capture, enum na_tier tier);

/* tiers.c: chooses the tier and loads it. */
void na_tiers_load(struct na_capture *capture);
/* No program of capture->tier can be attached: gives it up, and loads the next, if there is one. */
void na_tiers_next(struct na_capture *capture);
/* The tier is attached: leaves out the others, but for hooks that it was refused. */
void na_tiers_settle(struct na_capture *capture);
/* After attaching. -EOPNOTSUPP: not the tier that capture.attach fixes; `why` got a sentence. */
int na_tiers_check(const struct na_capture *capture, struct na_buffer *why);

/* stand_in.c: NA_PROGRAM_NONE: it is no stand-in. */
enum na_program na_stand_in_first(enum na_program stand_in);
/* And the other way round. */
enum na_program na_stand_in_of(enum na_program first);
/* Leaves out those that most kernels do not need. */
void na_stand_ins_init(struct na_capture *capture);
/* After the first load: true when this kernel needs them, and they are to be loaded too. */
bool na_stand_ins_want(struct na_capture *capture);
/* Before trampolines are loaded: wants those behind them, where this kernel needs them. */
void na_stand_ins_want_behind_trampolines(struct na_capture *capture);
/* Runs of the program leave marks from now on, if its stand-in is not left out. */
void na_stand_in_expect(struct na_capture *capture, enum na_program first);
/* After attaching or detaching: a stand-in without its program goes, as does its use. */
void na_stand_ins_settle(struct na_capture *capture);
/* After the self-test. -ENOTSUP: some, in `why`, ran in front of their programs and were detached.
 */
int na_stand_ins_check(struct na_capture *capture, struct na_buffer *why);
/* Runs that the kernel skipped the program for and its stand-in did. */
uint64_t na_stand_in_worked(const struct na_capture *capture, enum na_program first);
/* hooks.c: the settings, from the options or their defaults; and into the kernel, when it is
 * loaded. */
void na_hooks_init(struct na_capture *capture);
void na_hooks_apply(struct na_capture *capture);
/* Tells the kernel's programs of which operations the attached hooks tell what LSMs refuse. */
void na_hooks_tell(struct na_capture *capture);
/* Returns that a probe on them did not see, as far as the entries noticed. */
uint64_t na_hooks_missed(const struct na_capture *capture, enum na_program id);

/* hook_slots.c: of each hook's arguments in this kernel; before load, into the tier's object. */
void na_hook_slots_find(const char *btf, enum na_tier tier, uint8_t ret_slots[NA_HOOK_COUNT]);
void na_hook_slots_set(struct bpf_object *object, const uint8_t slots[NA_HOOK_COUNT]);

/* calibrate.c: teaches raw_tp/kmem_cache_free which slab and operations a socket's file has. */
int na_calibrate(struct na_capture *capture);

/* read.c: the sockets that the iterator finds, of one process (0: of all). Caller frees. */
int na_found_read(const struct na_capture *capture, uint32_t pid,
		  struct na_record_found **ret_found, size_t *ret_count);

/* read.c: na_capture_flush_flows of a map of flows. */
int na_flows_iterate(const struct na_capture *capture, int flows_fd);

/* read.c: runs an iterator and returns a descriptor to read its output from. */
int na_iterator_open(const struct bpf_program *program, const struct bpf_iter_attach_opts *options);

/* rules.c: all that the rules say, added to a hash. */
uint64_t na_rules_hash(const struct na_rules *rules, uint64_t hash);
/* rules.c: into the object's read-only data, before load; and into its maps, after. */
void na_rules_set_knobs(const struct na_rules *rules, struct cgroup_bpf *bpf);
int na_rules_fill_maps(const struct na_rules *rules, struct cgroup_bpf *bpf);
/* Processes that run an excluded executable already; after attach, so that none is missed. */
int na_rules_mark_processes(const struct na_rules *rules, struct cgroup_bpf *bpf);

#endif
