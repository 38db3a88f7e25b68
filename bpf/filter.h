/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capture.exclude in the kernel. The rules are numbered 0…31; each criterion gives the set of rules
 * that it satisfies, as a mask, and a rule holds when it is in all of them. A criterion that a rule
 * does not name is satisfied: the agent puts such rules into every mask of that criterion. The
 * address tables hold unions (a longer prefix includes the rules of the shorter ones).
 *
 * Without rules `rule_count` is 0 and the verifier removes everything here.
 */
#ifndef NA_FILTER_H
#define NA_FILTER_H

#include "fill.h"

#define NA_RULES_MAX          32
#define NA_RULE_CGROUPS_MAX   32
#define NA_RULE_EXECUTABLES   1024

const volatile __u32 rule_count = 0;
/* Rules that do not name the criterion. */
const volatile __u32 rules_any_family = 0, rules_any_uid = 0, rules_any_exe = 0, rules_any_cgroup = 0,
		     rules_any_address = 0, rules_any_port = 0;
const volatile __u32 rules_of_family[64] = {};
/* Rules that need neither an address nor a port: decidable before either is known. */
const volatile __u32 rules_addressless = 0;

/* Without a name, so that the skeleton describes it to the agent. */
const volatile struct {
	__u64 id;
	__u32 level;
	__u32 rules;
} rule_cgroups[NA_RULE_CGROUPS_MAX] = {};
const volatile __u32 rule_cgroup_count = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} rules_of_uid SEC(".maps");

/* tgid to rules, set at exec by path, copied at fork, gone at exit. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} rules_of_process SEC(".maps");

struct rule_address {
	__u32 prefix;
	__u8 address[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rule_address);
	__type(value, __u32);
} rules_of_address SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u16);
	__type(value, __u32);
} rules_of_port SEC(".maps");

/*
 * Sockets that are excluded, for the records made in softirq, where no task can be asked. When the
 * map is full their records come.
 */
enum exclusion {
	EXCLUDED_WHOLE = 1, /* nothing of it is reported */
	EXCLUDED_LATER = 2, /* it was reported as created, before its address was known: so is its release */
	EXCLUDED_RELEASED = 4, /* or'ed: no process has it, its end forgets it */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} excluded_sockets SEC(".maps");

/* Both ends of a socket, in record form; the half that is not known is all zero. */
struct endpoints {
	__u8 local[16], remote[16];
	__u16 local_port, remote_port;
};

/*
 * Where a cgroup's ancestor at a level stands. Behind a barrier each: else clang takes both offsets
 * before it asks which there is, and the kernel refuses a program that gets to the one that is not.
 */
static __always_inline __u32 offset_of_ancestors(void)
{
	__u32 offset;

	if (bpf_core_field_exists(struct cgroup___ids, ancestor_ids)) {
		asm volatile("" ::: "memory");
		offset = bpf_core_field_offset(struct cgroup___ids, ancestor_ids);
		asm volatile("" : "+r"(offset));
	} else {
		asm volatile("" ::: "memory");
		offset = bpf_core_field_offset(struct cgroup, ancestors);
		asm volatile("" : "+r"(offset));
	}
	return offset;
}

/* The id of the ancestor at a level, which the cgroup has. */
static __always_inline __u64 ancestor_id(struct cgroup *cgroup, __u32 level)
{
	struct cgroup *ancestor = NULL; /* or its id */

	bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
			      (void *)cgroup + offset_of_ancestors() + level * sizeof(ancestor));
	if (bpf_core_field_exists(struct cgroup___ids, ancestor_ids))
		return (__u64)ancestor;
	return BPF_CORE_READ(ancestor, kn, id);
}

static __always_inline __u32 rules_of_cgroup(struct task_struct *task)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	int level = BPF_CORE_READ(cgroup, level);
	__u32 rules = rules_any_cgroup;

	for (int i = 0; i < NA_RULE_CGROUPS_MAX; i++) {
		__u32 want = rule_cgroups[i].level;

		if ((__u32)i >= rule_cgroup_count)
			break;
		if ((int)want > level || want > 64)
			continue;
		if (ancestor_id(cgroup, want) == rule_cgroups[i].id)
			rules |= rule_cgroups[i].rules;
	}
	return rules;
}

static __always_inline __u32 rules_of_family_number(__u16 family)
{
	__u32 index = family;

	asm volatile("" : "+r"(index)); /* else the compiler, who knows it is below 64, drops the mask */
	return rules_any_family | rules_of_family[index & 63];
}

/* Rules that hold for the task and family, whatever the addresses. */
static __always_inline __u32 rules_of_task(__u16 family)
{
	struct task_struct *task = current_task();
	__u32 uid = bpf_get_current_uid_gid(), pid = CURRENT_READ(task, tgid), *found;
	__u32 rules = rules_of_family_number(family);

	found = bpf_map_lookup_elem(&rules_of_uid, &uid);
	rules &= found ? *found : rules_any_uid;
	found = bpf_map_lookup_elem(&rules_of_process, &pid);
	rules &= found ? *found | rules_any_exe : rules_any_exe;
	if (rule_cgroup_count)
		rules &= rules_of_cgroup(task);
	return rules;
}

static __always_inline __u32 rules_of_endpoint(const __u8 *address, __u16 port, __u32 *ports)
{
	struct rule_address key = {.prefix = 128};
	__u32 *found;

	__builtin_memcpy(key.address, address, sizeof(key.address));
	found = bpf_map_lookup_elem(&rules_of_port, &port);
	*ports = found ? *found : rules_any_port;
	found = bpf_map_lookup_elem(&rules_of_address, &key);
	return found ? *found : rules_any_address;
}

/*
 * Rules do not hold for this process, the agent while it tests itself: its loopback connections must
 * be seen where 127.0.0.0/8 is excluded.
 */
struct {
	__u32 pid;
} exempt SEC(".data.exempt");

static __always_inline bool current_is_exempt(void)
{
	return exempt.pid && exempt.pid == bpf_get_current_pid_tgid() >> 32;
}

/* An enum exclusion, 0: not excluded. */
static __always_inline __u8 excluded_socket(__u64 cookie)
{
	__u8 *how;

	if (!rule_count || !cookie)
		return 0;
	how = bpf_map_lookup_elem(&excluded_sockets, &cookie);
	return how ? *how : 0;
}

/* Of two exclusions the first stays. */
static __always_inline void excluded_remember(__u64 cookie, __u8 how)
{
	if (cookie)
		bpf_map_update_elem(&excluded_sockets, &cookie, &how, BPF_NOEXIST);
}

/* The socket is gone, or does something that no rule excludes. */
static __always_inline void excluded_forget(__u64 cookie)
{
	if (rule_count && cookie)
		bpf_map_delete_elem(&excluded_sockets, &cookie);
}

/*
 * The last process let go. True: do not say so. A TCP connection lives on, all else is gone now; a
 * connect that failed leaves a socket that may be used again.
 */
static __always_inline bool excluded_released(__u64 cookie, __u8 state)
{
	__u8 *how, value;

	if (!rule_count || !cookie)
		return false;
	how = bpf_map_lookup_elem(&excluded_sockets, &cookie);
	if (!how)
		return false;
	value = *how;
	if (state == TCP_CLOSE || state == TCP_LISTEN)
		bpf_map_delete_elem(&excluded_sockets, &cookie);
	else
		*how = value | EXCLUDED_RELEASED;
	return value == EXCLUDED_WHOLE;
}

static __always_inline bool excluded_task(__u16 family)
{
	return rule_count && !current_is_exempt() && rules_of_task(family) & rules_addressless;
}

/* Before addresses are known: true when a rule holds that needs none. */
static __always_inline bool excluded_created(__u64 cookie, __u16 family)
{
	if (!excluded_task(family))
		return false;
	excluded_remember(cookie, EXCLUDED_WHOLE);
	return true;
}

/* A call on a socket, which says nothing about what others do with it. */
static __always_inline bool excluded_call(__u64 cookie, __u16 family)
{
	return excluded_socket(cookie) || excluded_task(family);
}

/* As the filter language: an address or port of either end satisfies `address` and `port`. */
static __always_inline bool rules_hold(__u32 rules, const struct endpoints *ends)
{
	__u32 ports[2], addresses;

	if (rules & rules_addressless)
		return true;
	addresses = rules_of_endpoint(ends->local, ends->local_port, &ports[0]);
	addresses |= rules_of_endpoint(ends->remote, ends->remote_port, &ports[1]);
	return rules & addresses & (ports[0] | ports[1]);
}

/* One message: the next one of the socket may go elsewhere. */
static __always_inline bool excluded_message(__u16 family, const struct endpoints *ends)
{
	return rule_count && !current_is_exempt() && rules_hold(rules_of_task(family), ends);
}

/*
 * The whole decision, for what the socket does from now on: made anew at each bind, connect and
 * accept, so that nobody hides behind an excluded address that the socket had before.
 */
static __always_inline bool excluded_decide(__u64 cookie, __u16 family, const struct endpoints *ends,
					    __u8 how)
{
	if (!rule_count)
		return false;
	if (excluded_message(family, ends)) {
		excluded_remember(cookie, how);
		return true;
	}
	excluded_forget(cookie);
	return false;
}

/* A child that nobody accepted: only rules that name no task can hold. */
static __always_inline bool excluded_orphan(__u16 family, const struct endpoints *ends)
{
	__u32 rules = rules_any_uid & rules_any_exe & rules_any_cgroup;

	return rule_count && rules && rules_hold(rules & rules_of_family_number(family), ends);
}

/* Both ends as the socket has them. */
static __always_inline void endpoints__fill(struct endpoints *ends, const struct sock *sk)
{
	ends->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	ends->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (!ends->local_port) /* skc_num is 0 at CLOSE, inet_sport is not */
		ends->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&ends->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&ends->remote, sk, __sk_common.skc_v6_daddr);
	} else {
		address__fill_v4(ends->local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		address__fill_v4(ends->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
}

#endif
