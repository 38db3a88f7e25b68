/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same hooks with programs that do nothing: what is attached in this guest now is listed, and
 * when a line comes on stdin (its owner is gone then), an empty program is attached in each place,
 * until stdin ends. What these cost, nobody can be below who wants to be told there.
 *
 * Prints a line for what it found: programs, the sum of the instructions that the verifier looked
 * at, and those of the dearest program; and one when the empty ones are attached.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"

#define PLACES_MAX 256
#define CGROUP_ROOT "/sys/fs/cgroup"
#define KPROBE_TYPE "/sys/bus/event_source/devices/kprobe/type"
#define PERF_EVENT_KRETPROBE 4 /* BPF_PERF_EVENT_KRETPROBE, of 6.6 */

/* Where a program is attached. */
struct place {
	enum bpf_prog_type type;
	enum bpf_attach_type attach_type; /* also what the verifier expects */
	uint32_t btf_id;                  /* of a function that is traced */
	char name[128];                   /* of a tracepoint or a function with a kprobe */
	bool kprobe, at_return;
};

struct found {
	uint32_t programs, most, places;
	uint32_t kprobes; /* programs of kprobes that have no link, as before 5.15 */
	uint64_t verified;
	struct place place[PLACES_MAX];
};

static int program_info(uint32_t id, struct bpf_prog_info *ret_info)
{
	uint32_t size = sizeof(*ret_info);
	NA_CLOSE int fd = bpf_prog_get_fd_by_id(id);

	memset(ret_info, 0, sizeof(*ret_info));
	return fd < 0 || bpf_obj_get_info_by_fd(fd, ret_info, &size) < 0 ? -errno : 0;
}

static int find_programs(struct found *found)
{
	struct bpf_prog_info info;

	for (uint32_t id = 0; bpf_prog_get_next_id(id, &id) == 0;) {
		int error = program_info(id, &info);

		if (error < 0)
			return error;
		found->programs++;
		found->kprobes += info.type == BPF_PROG_TYPE_KPROBE;
		found->verified += info.verified_insns;
		if (info.verified_insns > found->most)
			found->most = info.verified_insns;
	}
	return 0;
}

/* With room for what later kernels tell, and what 6.6 and later tell of a kprobe. */
union link {
	struct bpf_link_info info;
	struct {
		uint32_t type, id, prog_id, padding, kind, more_padding;
		uint64_t func_name;
		uint32_t name_len;
	} kprobe;
	char room[256];
};

/* The kernel writes the name of a tracepoint or function into place->name. */
static int link_info(uint32_t id, union link *ret_link, struct place *place)
{
	uint32_t size = sizeof(*ret_link);
	NA_CLOSE int fd = bpf_link_get_fd_by_id(id);

	memset(ret_link, 0, sizeof(*ret_link));
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, ret_link, &size) < 0)
		return -errno;
	if (ret_link->info.type == BPF_LINK_TYPE_RAW_TRACEPOINT) {
		ret_link->info.raw_tracepoint.tp_name = (uintptr_t)place->name;
		ret_link->info.raw_tracepoint.tp_name_len = sizeof(place->name);
	} else if (ret_link->info.type == BPF_LINK_TYPE_PERF_EVENT) {
		ret_link->kprobe.func_name = (uintptr_t)place->name;
		ret_link->kprobe.name_len = sizeof(place->name);
	} else {
		return 0;
	}
	size = sizeof(*ret_link);
	return bpf_obj_get_info_by_fd(fd, ret_link, &size) < 0 ? -errno : 0;
}

static int find_place(uint32_t id, struct place *place)
{
	union link any;
	const struct bpf_link_info *link = &any.info;
	struct bpf_prog_info program = {0};
	int error = link_info(id, &any, place);

	if (!error)
		error = program_info(link->prog_id, &program);
	if (error < 0)
		return error;
	place->type = program.type;
	if (link->type == BPF_LINK_TYPE_CGROUP) {
		place->attach_type = link->cgroup.attach_type;
	} else if (link->type == BPF_LINK_TYPE_TRACING) {
		place->attach_type = link->tracing.attach_type;
		place->btf_id = link->tracing.target_btf_id;
	} else if (link->type == BPF_LINK_TYPE_RAW_TRACEPOINT) {
		place->type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	} else {
		place->kprobe = true;
		place->at_return = any.kprobe.kind == PERF_EVENT_KRETPROBE;
	}
	return 0;
}

static int find_places(struct found *found)
{
	for (uint32_t id = 0; bpf_link_get_next_id(id, &id) == 0; found->places++) {
		int error = -E2BIG;

		if (found->places < PLACES_MAX)
			error = find_place(id, &found->place[found->places]);
		if (error < 0)
			return error;
		if (found->place[found->places].kprobe)
			found->kprobes = 0;
	}
	return 0;
}

/* ---- The empty programs */

static int load_empty(const struct place *place)
{
	bool cgroup = place->type == BPF_PROG_TYPE_CGROUP_SOCK ||
		      place->type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	/* A program at a cgroup says 1 to allow, a hook 0. */
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = cgroup},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = place->attach_type,
		    .attach_btf_id = place->btf_id);

	return bpf_prog_load(place->type, "empty", "GPL", code, sizeof(code) / sizeof(code[0]),
			     &options);
}

static int open_kprobe(const struct place *place)
{
	struct perf_event_attr attributes = {
		.size = sizeof(attributes),
		.kprobe_func = (uintptr_t)place->name,
		.config = place->at_return, /* .../kprobe/format/retprobe */
	};
	NA_FCLOSE FILE *file = fopen(KPROBE_TYPE, "re");

	if (!file || fscanf(file, "%u", &attributes.type) != 1)
		return -ENOENT;
	return (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

/* The descriptors stay open until the end of this program, which detaches. */
static int attach_empty(const struct place *place)
{
	int program = load_empty(place), target;

	if (program < 0)
		return -1;
	if (place->type == BPF_PROG_TYPE_RAW_TRACEPOINT)
		return bpf_raw_tracepoint_open(place->name, program);
	if (place->btf_id)
		return bpf_raw_tracepoint_open(NULL, program);
	target = place->kprobe ? open_kprobe(place) : open(CGROUP_ROOT, O_RDONLY | O_CLOEXEC);
	return target < 0
		       ? -1
		       : bpf_link_create(program, target,
					 place->kprobe ? BPF_PERF_EVENT : place->attach_type, NULL);
}

static uint32_t attach_all(const struct found *found)
{
	uint32_t attached = 0;

	for (uint32_t i = 0; i < found->places; i++) {
		const struct place *place = &found->place[i];

		if (attach_empty(place) >= 0)
			attached++;
		else
			fprintf(stderr, "hollow: type %d, attach type %d, %u %s: %m\n", place->type,
				place->attach_type, place->btf_id, place->name);
	}
	return attached;
}

static bool read_line(void)
{
	char line[16];

	return fgets(line, sizeof(line), stdin);
}

int main(void)
{
	static struct found found;
	int error = find_programs(&found);

	if (!error)
		error = find_places(&found);
	if (error < 0) {
		fprintf(stderr, "hollow: %s\n", strerrordesc_np(-error));
		return 1;
	}
	printf("%u %" PRIu64 " %u\n", found.programs, found.verified, found.most);
	fflush(stdout);
	if (!read_line())
		return 0;
	printf("%u of %u\n", attach_all(&found), found.places + found.kprobes);
	fflush(stdout);
	while (read_line())
		;
	return 0;
}
