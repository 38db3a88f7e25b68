/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes: fork, exec and exit, with the whole description taken at exec. */
#ifndef NA_PROCESS_H
#define NA_PROCESS_H

#include "filter.h"

#define EXECUTABLE_MAX 2048 /* bytes of path components */
#define DIRECTORY_MAX  2048
#define ARGUMENTS_MAX  8192
#define CGROUP_MAX     1024
#define COMPONENT_MAX  256
#define DEPTH_MAX      32   /* components of a path */
#define MOUNTS_MAX     8    /* mount points crossed on the way to the root */

/*
 * EXEC is built here and copied out with its real length. A scratch buffer per CPU is safe in this
 * one program: sched_process_exec is never raised in an interrupt, and tracepoints run with
 * preemption off, so it cannot meet itself.
 */
#define TEXTS_MAX  (EXECUTABLE_MAX + DIRECTORY_MAX + ARGUMENTS_MAX + CGROUP_MAX)
#define TEXTS_MASK 16383

struct exec_scratch {
	struct na_record_exec fixed;
	__u8 texts[TEXTS_MASK + 1 + ARGUMENTS_MAX]; /* masked offset + longest text: the verifier's view */
};

_Static_assert(sizeof(struct na_record_exec) + TEXTS_MAX <= NA_RECORD_SIZE_MAX, "EXEC is too large");
_Static_assert(TEXTS_MAX <= TEXTS_MASK, "the mask would cut texts");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_scratch);
} exec_scratches SEC(".maps");

/* Executables that rules of capture.exclude name: FNV-1a of the path's components, leaf first, to rules. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NA_RULE_EXECUTABLES);
	__type(key, __u64);
	__type(value, __u32);
} rules_of_executable SEC(".maps");

/*
 * Appends a component with its NUL at `at`; returns the new end, or `at` when it does not fit. The
 * mask never changes a value: with it the verifier sees the same range after every component and
 * stops following the loop, without it 40 components cost it a million instructions.
 */
static __always_inline __u32 component__append(struct exec_scratch *scratch, __u32 at, __u32 limit,
					       const unsigned char *name)
{
	long length;

	at &= TEXTS_MASK;
	if (at + COMPONENT_MAX > limit)
		return at;
	length = bpf_probe_read_kernel_str(scratch->texts + at, COMPONENT_MAX, name);
	return length > 1 ? (at + (__u32)length) & TEXTS_MASK : at;
}

/*
 * The obvious bpf_d_path is refused in programs of tracepoints (kernel/trace/bpf_trace.c,
 * btf_allowlist_d_path, all kernels so far). So: from the leaf up, over mount points, to the root.
 */
static __noinline __u32 path__fill(struct exec_scratch *scratch, __u32 at, __u32 size,
				   struct dentry *dentry, struct vfsmount *vfsmount)
{
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	__u32 limit = at + size;

	for (int i = 0; i < DEPTH_MAX + MOUNTS_MAX; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		struct dentry *root = BPF_CORE_READ(mount, mnt.mnt_root);

		if (dentry == root || dentry == parent) {
			struct mount *up = BPF_CORE_READ(mount, mnt_parent);

			if (up == mount || !up || dentry != root)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = up;
			continue;
		}
		__u32 end = component__append(scratch, at, limit, BPF_CORE_READ(dentry, d_name.name));
		if (end == at) {
			scratch->fixed.flags |= NA_FLAG_TRUNCATED;
			break;
		}
		at = end;
		dentry = parent;
	}
	return at;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___rcu *rcu = (void *)node;

	if (bpf_core_field_exists(rcu->__parent))
		return BPF_CORE_READ(rcu, __parent);
	return BPF_CORE_READ(node, parent);
}

static __noinline __u32 cgroup__fill(struct exec_scratch *scratch, __u32 at, struct kernfs_node *node)
{
	__u32 limit = at + CGROUP_MAX;

	for (int i = 0; i < DEPTH_MAX; i++) {
		struct kernfs_node *parent = kernfs_parent(node);
		__u32 end;

		if (!parent) /* the root has no name */
			break;
		end = component__append(scratch, at, limit, (const unsigned char *)BPF_CORE_READ(node, name));
		if (end == at) {
			scratch->fixed.flags |= NA_FLAG_TRUNCATED;
			break;
		}
		at = end;
		node = parent;
	}
	return at;
}

static __always_inline __u32 arguments__fill(struct exec_scratch *scratch, __u32 at, struct mm_struct *mm)
{
	unsigned long start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);
	__u32 length = end - start;

	scratch->fixed.arguments_total = length;
	if (length > ARGUMENTS_MAX) {
		length = ARGUMENTS_MAX;
		scratch->fixed.flags |= NA_FLAG_TRUNCATED;
	}
	at &= TEXTS_MASK;
	asm volatile("" : "+r"(length)); /* keeps the bound below in the program */
	if (length == 0 || length > ARGUMENTS_MAX)
		return at;
	if (bpf_probe_read_user(scratch->texts + at, length, (void *)start)) {
		scratch->fixed.flags |= NA_FLAG_TRUNCATED;
		return at;
	}
	return at + length;
}

static __always_inline void exec__fill_ids(struct na_record_exec *record, struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent, group_leader);
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct nsproxy *namespaces = BPF_CORE_READ(task, nsproxy);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	record->parent_pid = BPF_CORE_READ(parent, tgid);
	record->parent_start_ns = BPF_CORE_READ(parent, start_boottime);
	record->uid = BPF_CORE_READ(cred, uid.val);
	record->gid = BPF_CORE_READ(cred, gid.val);
	record->euid = BPF_CORE_READ(cred, euid.val);
	record->egid = BPF_CORE_READ(cred, egid.val);
	bpf_probe_read_kernel(&record->capabilities, sizeof(record->capabilities),
			      (void *)cred + bpf_core_field_offset(struct cred, cap_effective));
	record->user_namespace = BPF_CORE_READ(cred, user_ns, ns.inum);
	record->login_uid = BPF_CORE_READ(task, loginuid.val);
	record->session = BPF_CORE_READ(task, sessionid);
	record->mount_namespace = BPF_CORE_READ(namespaces, mnt_ns, ns.inum);
	record->net_namespace = BPF_CORE_READ(namespaces, net_ns, ns.inum);
	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      (level & 31) * bpf_core_type_size(struct upid));
	record->namespace_pid = upid.nr;
	record->pid_namespace = BPF_CORE_READ(upid.ns, ns.inum);
	BPF_CORE_READ_STR_INTO(&record->comm, task, comm);
}

/* The key of rules_of_executable; the agent computes the same (agent/capture/rules.c). */
static __noinline __u64 executable__hash(const struct exec_scratch *scratch, __u32 length)
{
	__u64 hash = 0xcbf29ce484222325;

	for (__u32 i = 0; i < EXECUTABLE_MAX; i++) {
		if (i >= length)
			break;
		hash = (hash ^ scratch->texts[i]) * 0x100000001b3;
	}
	return hash;
}

static __always_inline void exec__apply_rules(const struct exec_scratch *scratch, __u32 length)
{
	__u64 hash = executable__hash(scratch, length);
	__u32 *rules = bpf_map_lookup_elem(&rules_of_executable, &hash);
	__u32 pid = scratch->fixed.header.pid;

	if (rules)
		bpf_map_update_elem(&rules_of_process, &pid, rules, BPF_ANY);
	else
		bpf_map_delete_elem(&rules_of_process, &pid);
}

static __always_inline int exec__fill_texts(struct exec_scratch *scratch, struct task_struct *task)
{
	struct na_record_exec *record = &scratch->fixed;
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	__u32 at = 0, end;

	end = path__fill(scratch, at, EXECUTABLE_MAX, BPF_CORE_READ(file, f_path.dentry),
			 BPF_CORE_READ(file, f_path.mnt));
	record->executable_length = end - at;
	at = end;
	end = path__fill(scratch, at, DIRECTORY_MAX, BPF_CORE_READ(task, fs, pwd.dentry),
			 BPF_CORE_READ(task, fs, pwd.mnt));
	record->directory_length = end - at;
	at = end;
	end = arguments__fill(scratch, at, BPF_CORE_READ(task, mm));
	record->arguments_length = end - at;
	at = end;
	record->cgroup = BPF_CORE_READ(node, id);
	end = cgroup__fill(scratch, at, node);
	record->cgroup_length = end - at;
	return end;
}

static __always_inline int exec__report(struct task_struct *task, __u8 program)
{
	__u32 zero = 0, ring = ring_of_cpu();
	struct exec_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &zero);
	void *map = bpf_map_lookup_elem(&rings, &ring);
	__u32 size;

	if (!scratch || !map)
		return 0;
	scratch->fixed.flags = 0;
	scratch->fixed.reserved = 0;
	header__fill(&scratch->fixed.header, 0, NA_RECORD_EXEC, program, 0);
	exec__fill_ids(&scratch->fixed, task);
	size = exec__fill_texts(scratch, task);
	if (size > TEXTS_MAX)
		return 0;
	if (rule_count)
		exec__apply_rules(scratch, scratch->fixed.executable_length);
	size += sizeof(scratch->fixed);
	scratch->fixed.header.size = size;
	if (bpf_ringbuf_output(map, scratch, size, wakeup_flags()))
		count_lost(program);
	return 0;
}

static __always_inline int fork__report(struct task_struct *child, __u8 program)
{
	struct na_record_forked *record;
	__u32 pid = TRUSTED(child, tgid), parent = bpf_get_current_pid_tgid() >> 32, *rules;

	if ((__u32)TRUSTED(child, pid) != pid)
		return 0; /* a thread */
	if (rule_count) {
		rules = bpf_map_lookup_elem(&rules_of_process, &parent);
		if (rules)
			bpf_map_update_elem(&rules_of_process, &pid, rules, BPF_ANY);
	}
	record = RESERVE(forked, program);
	if (!record)
		return 0;
	HEADER(record, FORKED, program, 0);
	record->child_start_ns = TRUSTED(child, start_boottime);
	record->child_pid = pid;
	record->reserved = 0;
	record_submit(record);
	return 0;
}

static __always_inline int exit__report(struct task_struct *task, __u8 program)
{
	struct na_record_exited *record;
	struct signal_struct *signal = TRUSTED(task, signal);
	__u32 pid = TRUSTED(task, tgid);

	if (TRUSTED(signal, live.counter))
		return 0; /* other threads live on */
	if (rule_count)
		bpf_map_delete_elem(&rules_of_process, &pid);
	record = RESERVE(exited, program);
	if (!record)
		return 0;
	HEADER(record, EXITED, program, 0);
	record->exit_code = TRUSTED(task, exit_code);
	record->reserved = 0;
	record_submit(record);
	return 0;
}

#endif
