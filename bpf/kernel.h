/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel fields that are read, and nothing else of its types: CO-RE finds where the running
 * kernel keeps them, so building needs neither its BTF nor a generated vmlinux.h.
 */
#ifndef NA_KERNEL_H
#define NA_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

#include <stdbool.h>

#define __VMLINUX_H__ /* libbpf: struct pt_regs is the kernel's, below */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define AF_UNIX  1
#define AF_INET  2
#define AF_INET6 10

#define SOCK_STREAM 1
#define SOCK_DGRAM  2
#define SOCK_RAW    3

#define UNIX_PATH_MAX 108

#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT    2
#define TCP_SYN_RECV    3
#define TCP_CLOSE       7
#define TCP_LISTEN      10

#define EPERM       1
#define EACCES      13
#define EINVAL      22
#define EINPROGRESS 115
#define ENOSYS      38

#define S_IFMT   0170000
#define S_IFSOCK 0140000

#define MSG_PEEK 2

/* enum sock_flags: the peer's FIN came (tcp_fin sets it). */
#define SOCK_DONE 1

#define NA_CORE __attribute__((preserve_access_index))

/*
 * Objects are compiled twice. NA_UNTYPED: for kernels without BTF of their own, which know no types of
 * a tracepoint's arguments: all that is read through them takes a probe, and what a helper does with a
 * typed pointer alone (socket cookies, socket storage, iterators) cannot be had. CO-RE finds the fields
 * by a file then (--btf).
 */
#ifdef NA_UNTYPED
#define TRACEPOINT(name) SEC("raw_tp/" #name)
#else
#define TRACEPOINT(name) SEC("tp_btf/" #name)
#endif

/*
 * An argument of a tracepoint whose place depends on the kernel. Of a plain ctx[i] in two branches
 * clang makes one load from a moved context, which the verifier refuses.
 */
#define CONTEXT_READ(ctx, offset)                                                                   \
	({                                                                                          \
		__u64 value_;                                                                       \
		asm volatile("%0 = *(u64 *)(%1 + " #offset ")" : "=r"(value_) : "r"(ctx));          \
		value_;                                                                             \
	})

struct in6_addr {
	__u8 s6_addr[16];
};

struct ns_common {
	unsigned int inum;
} NA_CORE;

struct net {
	struct ns_common ns;
} NA_CORE;

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	int counter;
} atomic_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	unsigned long skc_flags;
	atomic64_t skc_cookie;
} NA_CORE;

struct inode {
	unsigned long i_ino;
	unsigned short i_mode;
} NA_CORE;

struct file_operations;

struct qstr {
	const unsigned char *name;
} NA_CORE;

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
} NA_CORE;

struct vfsmount {
	struct dentry *mnt_root;
} NA_CORE;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
} NA_CORE;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} NA_CORE;

struct file {
	struct inode *f_inode;
	void *private_data;
	const struct file_operations *f_op;
	struct path f_path;
} NA_CORE;

struct kiocb {
	struct file *ki_filp;
} NA_CORE;

struct callback_head {
	void *func;
} NA_CORE;

/* Before 6.7, under either name: files are freed by RCU. */
struct file___rcuhead {
	struct callback_head f_rcuhead;
} NA_CORE;

struct file___u {
	struct callback_head f_u;
} NA_CORE;

struct sock;

struct socket {
	short type;
	struct file *file;
	struct sock *sk;
} NA_CORE;

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
} NA_CORE;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
	int sk_err;
	__u32 sk_max_ack_backlog;
	unsigned char sk_kern_sock : 1;
	struct socket *sk_socket;
} NA_CORE;

struct msghdr {
	void *msg_name;
	int msg_namelen;
} NA_CORE;

struct sockaddr_un {
	unsigned short sun_family;
} NA_CORE;

struct unix_address {
	int len; /* of `name` */
	struct sockaddr_un name[];
} NA_CORE;

struct unix_sock {
	struct sock *peer;
	struct unix_address *addr;
} NA_CORE;

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
} NA_CORE;

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u32 segs_in;
	__u32 segs_out;
	__u32 srtt_us;
	__u32 total_retrans;
	bool is_mptcp;
} NA_CORE;

struct mptcp_sock {
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
} NA_CORE;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} NA_CORE;

struct files_struct {
	struct fdtable *fdt;
} NA_CORE;

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
} NA_CORE;

struct fs_struct {
	struct path root;
	struct path pwd;
} NA_CORE;

typedef struct {
	unsigned int val;
} kuid_t;

typedef struct {
	unsigned int val;
} kgid_t;

typedef struct {
	__u64 val;
} kernel_cap_t;

struct user_namespace {
	struct ns_common ns;
} NA_CORE;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	kgid_t egid;
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns;
} NA_CORE;

struct pid_namespace {
	unsigned int level;
	struct ns_common ns;
} NA_CORE;

struct mnt_namespace {
	struct ns_common ns;
} NA_CORE;

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
} NA_CORE;

struct upid {
	int nr;
	struct pid_namespace *ns;
} NA_CORE;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} NA_CORE;

struct signal_struct {
	atomic_t live;
} NA_CORE;

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	__u64 id;
} NA_CORE;

/* From 6.15 the parent is RCU-managed and has another name. */
struct kernfs_node___rcu {
	struct kernfs_node *__parent;
} NA_CORE;

struct cgroup {
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[];
} NA_CORE;

/* Before 6.1 ids and no pointers. */
struct cgroup___ids {
	__u64 ancestor_ids[1];
} NA_CORE;

struct css_set {
	struct cgroup *dfl_cgrp;
} NA_CORE;

struct thread_info {
	unsigned long flags;
	__u32 status; /* not on arm64 */
	__u64 preempt_count; /* on arm64 only */
} NA_CORE;

struct action_cache {
	unsigned long allow_native[8];
} NA_CORE;

/* Has the cache from 5.11. */
struct seccomp_filter {
	struct action_cache cache;
} NA_CORE;

struct seccomp {
	int mode;
	struct seccomp_filter *filter;
} NA_CORE;

struct task_struct {
	struct thread_info thread_info;
	struct seccomp seccomp;
	void *stack;
	unsigned int flags;
	int pid;
	int tgid;
	int exit_code;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	__u64 start_boottime;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	const struct cred *cred;
	struct css_set *cgroups;
	struct pid *thread_pid;
	kuid_t loginuid;
	unsigned int sessionid;
	char comm[16];
} NA_CORE;


struct kmem_cache;

struct bpf_sock_addr_kern {
	struct sock *sk;
	void *uaddr;
	int uaddrlen;
} NA_CORE;

struct io_cqe {
	int fd;
} NA_CORE;

struct io_kiocb {
	struct file *file;
	__u8 opcode;
} NA_CORE;

/* In the place of the request's first members, for its operation. */
struct io_socket {
	int domain;
	int type;
	int protocol;
} NA_CORE;

struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
	__u32 flags;
} NA_CORE;

/* Whole, for it to be the same kind as the kernel's: completions' types are compared. */
struct io_ring_ctx {
	unsigned int flags;
} NA_CORE;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} NA_CORE;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} NA_CORE;

struct bpf_map;

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
} NA_CORE;

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bx;
	unsigned long ax;
	unsigned long cx;
	unsigned long di;
	unsigned long si;
	unsigned long dx;
	unsigned long r10;
	unsigned long orig_ax;
} NA_CORE;
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
} NA_CORE;

/* As libbpf calls the part that holds a function's arguments. */
struct user_pt_regs {
	__u64 regs[31];
} NA_CORE;
#endif

#endif
