/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of agent/capture share about one struct na_capture. */
#ifndef NA_CAPTURE_INTERNAL_H
#define NA_CAPTURE_INTERNAL_H

#include <bpf/libbpf.h>

#include "capture/capture.h"
#include "capture/own.h"
#include "cgroup.skel.h"

#define RINGS_MAX 16 /* of lifecycle records; one more for messages */

struct na_capture {
	struct na_capture_options options;
	struct cgroup_bpf *bpf;
	struct bpf_program *programs[NA_PROGRAM_COUNT]; /* NULL: not one of the object's */
	struct bpf_link *links[NA_PROGRAM_COUNT];
	struct na_program_state states[NA_PROGRAM_COUNT];
	struct {
		uint64_t lost, skipped;
	} reported[NA_PROGRAM_COUNT];
	uint64_t losses_since_ns;
	int ring_fds[RINGS_MAX + 1];
	size_t ring_count; /* all of them */
	struct na_rings *rings;
	int connect_unix_link; /* libbpf 1.1 has no object for it */
	int cgroup_fd;
	bool no_flow_iterator, no_file_iterator; /* the kernel refuses to load them */
	bool no_task_storage;                    /* in programs of cgroups */
	int statistics_fd;

	/* Sockets that were there, sorted by time, not yet passed on. */
	struct na_record_found *found;
	size_t found_count, found_next;

	/* Of the self-test that was last; NULL: none, or long ago. */
	struct na_own *own;
};

/* calibrate.c: teaches tp_btf/kmem_cache_free which slab and operations a socket's file has. */
int na_calibrate(struct na_capture *capture);

/* read.c: the sockets that the iterator finds, of one process (0: of all). Caller frees. */
int na_found_read(const struct na_capture *capture, uint32_t pid,
		  struct na_record_found **ret_found, size_t *ret_count);

/* read.c: runs an iterator and returns a descriptor to read its output from. */
int na_iterator_open(const struct bpf_program *program, const struct bpf_iter_attach_opts *options);

/* rules.c: into the object's read-only data, before load; and into its maps, after. */
void na_rules_set_knobs(const struct na_rules *rules, struct cgroup_bpf *bpf);
int na_rules_fill_maps(const struct na_rules *rules, struct cgroup_bpf *bpf);
/* Processes that run an excluded executable already; after attach, so that none is missed. */
int na_rules_mark_processes(const struct na_rules *rules, struct cgroup_bpf *bpf);

#endif
