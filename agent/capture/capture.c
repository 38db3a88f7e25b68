/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel programs: load, attach, read, detach.
 *
 * libbpf loads an object whole or not at all. So a program that the kernel refuses is named by
 * libbpf's message, marked with the reason, left out, and the object is opened again.
 */
#include "capture/capture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "capture/capture_internal.h"
#include "capture/cgroup_root.h"
#include "capture/preflight.h"

#define CONNECT_UNIX_ATTACH_TYPE                                                                   \
	49 /* BPF_CGROUP_UNIX_CONNECT, from 6.7; libbpf 1.1 does not know it */

#define FAMILY(number) (UINT64_C(1) << (number))
#define FAMILIES_INET (FAMILY(AF_INET) | FAMILY(AF_INET6))

#define TIER_CGROUP "cgroup"
#define TIER_PROCESS "process"
#define TIER_SNAPSHOT "snapshot"
#define TIER_AGENT "agent"

/* By name: rows and members do not shadow each other. */
#define NA_PROGRAM_STATE(tier_, source_, feeds_, doc_)                                             \
	{                                                                                          \
		.tier = tier_, .source = source_, .feeds = feeds_, .doc = doc_                     \
	}

static const struct {
	const char *function;
	struct na_program_state state;
} rows[NA_PROGRAM_COUNT] = {
	[NA_PROGRAM_NONE] = {"", {.tier = "", .source = "", .feeds = "", .doc = ""}},
#define NA_PROGRAM(id, tier, function, source, feeds, doc)                                         \
	[NA_PROGRAM_##id] = {#function, NA_PROGRAM_STATE(TIER_##tier, source, feeds, doc)},
#include "programs.def"
};

/* What libbpf said last about a program, so that its refusal can be explained. Capture thread only.
 */
static struct {
	char program[64];
	char reason[160];
} refusal;

static void note_refusal(const char *line)
{
	char program[64];
	int error;

	if (sscanf(line, "libbpf: prog '%63[^']': failed to load: %d", program, &error) != 2)
		return;
	snprintf(refusal.program, sizeof(refusal.program), "%s", program);
	snprintf(refusal.reason, sizeof(refusal.reason), "the kernel refuses to load it: %s",
		 strerrordesc_np(-error));
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

static bool name_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (list && *list) {
		if (strncmp(list, name, length) == 0 &&
		    (list[length] == ',' || list[length] == '\0'))
			return true;
		list = strchr(list, ',');
		list += list ? 1 : 0;
	}
	return false;
}

/* Programs that only some families need cost nothing when those are off. */
static bool program_wanted(enum na_program id, const struct na_capture_options *options)
{
	uint64_t families = options->families;

	switch (id) {
	case NA_PROGRAM_NONE:
	case NA_PROGRAM_AGENT:
		return false;
	case NA_PROGRAM_BIND4:
	case NA_PROGRAM_POST_BIND4:
	case NA_PROGRAM_CONNECT4:
		return families & FAMILY(AF_INET);
	case NA_PROGRAM_BIND6:
	case NA_PROGRAM_POST_BIND6:
	case NA_PROGRAM_CONNECT6:
	case NA_PROGRAM_SENDMSG6:
	case NA_PROGRAM_RECVMSG6:
		return families & FAMILY(AF_INET6);
	case NA_PROGRAM_SENDMSG4: /* of an IPv6 socket too, when the address is a mapped one */
	case NA_PROGRAM_RECVMSG4:
	case NA_PROGRAM_SOCK_CREATE:
	case NA_PROGRAM_SOCK_RELEASE:
	case NA_PROGRAM_SET_STATE:
		return families & FAMILIES_INET;
	case NA_PROGRAM_CONNECT_UNIX:
		return families & FAMILY(AF_UNIX);
	case NA_PROGRAM_FILE_FREE:
		return families & ~FAMILIES_INET;
	case NA_PROGRAM_SNAPSHOT:
		return options->snapshot;
	default:
		return true;
	}
}

static void init_states(struct na_capture *capture)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		struct na_program_state *state = &capture->states[id];

		*state = rows[id].state;
		state->wanted = program_wanted((enum na_program)id, &capture->options);
		if (!state->wanted)
			snprintf(state->reason, sizeof(state->reason), "%s",
				 id == NA_PROGRAM_SNAPSHOT ? "not asked for"
							   : "not needed for these families");
		else if (name_listed(capture->options.disable, state->source))
			snprintf(state->reason, sizeof(state->reason), "disabled by request");
	}
}

static bool program_off(const struct na_program_state *state)
{
	return state->reason[0] != '\0';
}

static void find_programs(struct na_capture *capture)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		capture->programs[id] =
			bpf_object__find_program_by_name(capture->bpf->obj, rows[id].function);
}

static void set_knobs(struct na_capture *capture)
{
	struct cgroup_bpf *bpf = capture->bpf;

	bpf->rodata->families = capture->options.families;
	bpf->rodata->ring_count = (uint32_t)capture->ring_count - 1;
	bpf->rodata->flow_interval_ns = capture->options.flow_interval_ns;
	bpf->rodata->peers_in_task_storage = !capture->no_task_storage;
	if (capture->options.rules)
		na_rules_set_knobs(capture->options.rules, bpf);
	bpf_program__set_type(bpf->progs.cgroup__connect_unix, BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
	bpf_program__set_expected_attach_type(bpf->progs.cgroup__connect_unix,
					      (enum bpf_attach_type)CONNECT_UNIX_ATTACH_TYPE);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (capture->programs[id])
			bpf_program__set_autoload(capture->programs[id],
						  !program_off(&capture->states[id]));
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
		if (!capture->no_task_storage && !strcmp(rows[users[i]].function, refusal.program))
			return capture->no_task_storage = true;
	return false;
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

		if (strcmp(rows[id].function, refusal.program) != 0 || program_off(state))
			continue;
		snprintf(state->reason, sizeof(state->reason), "%s", refusal.reason);
		found = true;
	}
	return found;
}

static int load(struct na_capture *capture, struct na_buffer *why)
{
	int error;

	do {
		refusal.program[0] = '\0';
		cgroup_bpf__destroy(capture->bpf);
		capture->bpf = cgroup_bpf__open();
		if (!capture->bpf) {
			error = -errno;
			break;
		}
		find_programs(capture);
		set_knobs(capture);
		error = cgroup_bpf__load(capture->bpf);
	} while (error < 0 && (do_without_task_storage(capture) || leave_out_refused(capture)));
	if (error < 0)
		na_buffer_printf(why, "cannot load the kernel programs: %s",
				 strerrordesc_np(-error));
	return error;
}

static int make_rings(struct na_capture *capture, struct na_buffer *why)
{
	int rings_fd = bpf_map__fd(capture->bpf->maps.rings);

	for (uint32_t i = 0; i < capture->ring_count; i++) {
		int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "na_ring", 0, 0,
					(uint32_t)capture->options.ring_bytes, NULL);

		if (fd < 0 || bpf_map_update_elem(rings_fd, &i, &fd, BPF_ANY) < 0) {
			int error = -errno;

			na_buffer_printf(why, "cannot make a ring of %zu bytes: %s",
					 capture->options.ring_bytes, strerrordesc_np(-error));
			if (fd >= 0)
				close(fd);
			return error;
		}
		capture->ring_fds[i] = fd;
	}
	return na_rings_open(capture->ring_fds, capture->ring_count, capture->options.ring_bytes,
			     bpf_map__fd(capture->bpf->maps.data_doorbell), &capture->rings);
}

static bool is_cgroup_program(enum na_program id)
{
	return strncmp(rows[id].state.source, "cgroup/", 7) == 0;
}

/* libbpf 1.1 cannot make a link object of this attach type: the bare descriptor is kept. */
static bool attach_connect_unix(struct na_capture *capture)
{
	int fd = bpf_link_create(bpf_program__fd(capture->programs[NA_PROGRAM_CONNECT_UNIX]),
				 capture->cgroup_fd, (enum bpf_attach_type)CONNECT_UNIX_ATTACH_TYPE,
				 NULL);

	if (fd >= 0)
		capture->connect_unix_link = fd;
	return fd >= 0;
}

static bool attach_program(struct na_capture *capture, enum na_program id)
{
	struct bpf_program *program = capture->programs[id];

	if (id == NA_PROGRAM_SNAPSHOT) /* attached for each run */
		return true;
	if (id == NA_PROGRAM_CONNECT_UNIX)
		return attach_connect_unix(capture);
	capture->links[id] = is_cgroup_program(id)
				     ? bpf_program__attach_cgroup(program, capture->cgroup_fd)
				     : bpf_program__attach(program);
	return capture->links[id] != NULL;
}

static void explain_attach(struct na_program_state *state, enum na_program id, int error)
{
	if (error == EPERM && is_cgroup_program(id))
		snprintf(state->reason, sizeof(state->reason),
			 "another program is attached exclusively at the cgroup root (not "
			 "BPF_F_ALLOW_MULTI): %s",
			 strerrordesc_np(error));
	else
		snprintf(state->reason, sizeof(state->reason), "cannot be attached: %s",
			 strerrordesc_np(error));
}

static void attach(struct na_capture *capture, enum na_program id)
{
	struct na_program_state *state = &capture->states[id];

	if (state->attached || program_off(state) || !capture->programs[id])
		return;
	state->attached = attach_program(capture, id);
	if (!state->attached)
		explain_attach(state, id, errno);
}

/* What it cannot recognise would cost every free of the host and report nothing. */
static void calibrate(struct na_capture *capture)
{
	struct na_program_state *state = &capture->states[NA_PROGRAM_FILE_FREE];
	int error = state->attached ? na_calibrate(capture) : 0;

	if (!error)
		return;
	bpf_link__destroy(NA_TAKE_POINTER(capture->links[NA_PROGRAM_FILE_FREE]));
	state->attached = false;
	snprintf(state->reason, sizeof(state->reason), "cannot learn where files are freed: %s",
		 strerrordesc_np(-error));
}

static int explain_none(const struct na_capture *capture, struct na_buffer *why)
{
	const char *reason = "none is wanted";

	for (int id = NA_PROGRAM_COUNT - 1; id >= 0; id--)
		if (capture->states[id].wanted)
			reason = capture->states[id].reason;
	na_buffer_printf(why, "no kernel program could be attached; the first reason: %s", reason);
	return -EOPNOTSUPP;
}

static size_t choose_rings(uint32_t wanted)
{
	size_t rings = wanted ? wanted : (size_t)get_nprocs_conf();

	return (rings > RINGS_MAX ? RINGS_MAX : rings) + 1;
}

static int open_parts(struct na_capture *capture, struct na_buffer *why)
{
	int error = na_preflight(why);

	if (!error)
		error = na_tier_check(capture->options.attach, why);
	if (error < 0)
		return error;
	capture->cgroup_fd = na_cgroup_root_open();
	if (capture->cgroup_fd < 0) {
		na_buffer_printf(why, "there is no cgroup2 hierarchy and none can be mounted: %s",
				 strerrordesc_np(-capture->cgroup_fd));
		return capture->cgroup_fd;
	}
	if (capture->options.statistics)
		na_capture_set_statistics(capture, true); /* without them the times read 0 */
	init_states(capture);
	error = load(capture, why);
	if (!error)
		error = make_rings(capture, why);
	if (!error && capture->options.rules)
		error = na_rules_fill_maps(capture->options.rules, capture->bpf);
	if (!error && na_capture_attach(capture) < 0)
		error = explain_none(capture, why);
	if (!error && capture->options.rules)
		error = na_rules_mark_processes(capture->options.rules, capture->bpf);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_capture_open(const struct na_capture_options *options, struct na_capture **ret_capture,
		    struct na_buffer *why)
{
	struct na_capture *capture = calloc(1, sizeof(*capture));
	int error;

	if (!capture)
		return -ENOMEM;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(print_libbpf);
	capture->options = *options;
	capture->ring_count = choose_rings(options->rings);
	capture->cgroup_fd = capture->statistics_fd = capture->connect_unix_link = -1;
	for (size_t i = 0; i < capture->ring_count; i++)
		capture->ring_fds[i] = -1;
	capture->losses_since_ns = na_clock_boot_ns();
	error = open_parts(capture, why);
	if (error < 0) {
		if (!why->length)
			na_buffer_printf(why, "cannot capture: %s", strerrordesc_np(-error));
		na_capture_close(&capture);
		return error;
	}
	*ret_capture = capture;
	return 0;
}

/*
 * What needs a socket of our own first, so that nobody reports it; then processes: whoever opens a
 * socket is known.
 */
int na_capture_attach(struct na_capture *capture)
{
	static const enum na_program processes[] = {NA_PROGRAM_FORK, NA_PROGRAM_EXEC,
						    NA_PROGRAM_EXIT};
	int attached = 0;

	attach(capture, NA_PROGRAM_FILE_FREE);
	calibrate(capture);
	for (size_t i = 0; i < sizeof(processes) / sizeof(*processes); i++)
		attach(capture, processes[i]);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		attach(capture, (enum na_program)id);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		attached += capture->states[id].attached && id != NA_PROGRAM_SNAPSHOT;
	return attached ? 0 : -EOPNOTSUPP;
}

void na_capture_detach(struct na_capture *capture)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		bpf_link__destroy(capture->links[id]);
		capture->links[id] = NULL;
		capture->states[id].attached = false;
	}
	na_cleanup_fd(&capture->connect_unix_link);
	capture->connect_unix_link = -1;
}

void na_capture_close(struct na_capture **pointer)
{
	struct na_capture *capture = NA_TAKE_POINTER(*pointer);

	if (!capture)
		return;
	na_capture_detach(capture);
	na_rings_close(&capture->rings);
	for (size_t i = 0; i < capture->ring_count; i++)
		na_cleanup_fd(&capture->ring_fds[i]);
	cgroup_bpf__destroy(capture->bpf);
	na_cleanup_fd(&capture->cgroup_fd);
	na_cleanup_fd(&capture->statistics_fd);
	free(capture->own);
	free(capture->found);
	free(capture);
}

const struct na_program_state *na_capture_programs(struct na_capture *capture)
{
	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		struct na_program_state *state = &capture->states[id];
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		int fd = capture->programs[id] ? bpf_program__fd(capture->programs[id]) : -1;

		state->lost = capture->bpf->data_lost->lost[id];
		state->skipped_known = size >= offsetof(struct bpf_prog_info, recursion_misses);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
			continue;
		state->runs = info.run_cnt;
		state->run_ns = info.run_time_ns;
		state->skipped = info.recursion_misses;
		/* Cgroup programs are never skipped; before 5.12 the kernel does not return the
		 * field. */
		state->skipped_known = size > offsetof(struct bpf_prog_info, recursion_misses);
	}
	return capture->states;
}

static int pass_loss(enum na_program id, enum na_loss reason, uint64_t count, uint64_t since_ns,
		     uint64_t now_ns, na_record_take *take, void *context)
{
	struct na_record_lost record = {
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_LOST,
			   .program = (uint8_t)id,
			   .time_ns = now_ns},
		.count = count,
		.since_ns = since_ns,
		.reason = reason,
	};

	return count ? take(context, &record.header) : 0;
}

int na_capture_losses(struct na_capture *capture, uint64_t now_ns, na_record_take *take,
		      void *context)
{
	const struct na_program_state *states = na_capture_programs(capture);
	uint64_t since_ns = capture->losses_since_ns;
	int result = 0;

	for (int id = 0; id < NA_PROGRAM_COUNT && !result; id++) {
		uint64_t lost = states[id].lost - capture->reported[id].lost;
		uint64_t skipped = states[id].skipped - capture->reported[id].skipped;

		result = pass_loss((enum na_program)id, NA_LOSS_RING_FULL, lost, since_ns, now_ns,
				   take, context);
		if (!result)
			result = pass_loss((enum na_program)id, NA_LOSS_SKIPPED, skipped, since_ns,
					   now_ns, take, context);
		capture->reported[id].lost += lost;
		capture->reported[id].skipped += skipped;
	}
	capture->losses_since_ns = now_ns;
	return result;
}

uint64_t na_capture_positions(const struct na_capture *capture)
{
	return na_rings_positions(capture->rings);
}

int na_capture_set_statistics(struct na_capture *capture, bool on)
{
	na_cleanup_fd(&capture->statistics_fd);
	capture->statistics_fd = on ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;
	return on && capture->statistics_fd < 0 ? -errno : 0;
}
