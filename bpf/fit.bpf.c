/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether types from a file are those of the kernel that runs: fields are read by them whose values are
 * known otherwise. The agent runs this once, as itself, before it loads anything by that file. Types of
 * another kernel would be believed by all programs, and give wrong data.
 */
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

#define IPPROTO_UDP 17
#define LOOPBACK    0x7f000001
#define COMM_SIZE   16
#define CGROUP_V2(task) BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id)

/*
 * Of the agent: a UDP socket that is bound to loopback, and two more descriptors (-1: it has none). What
 * its executable is called is no name to compare: a file may be mounted under another, or be gone.
 */
struct {
	__u64 cookie, inode;
	__s32 fd, executable, named;
	__u32 netns;
	char name[COMM_SIZE]; /* of the file `named` */
	__u16 port;
	__u16 done;
	__u32 wrong; /* the first struct that is another: a FIT_ of below; 0: none */
} fit SEC(".data.fit");

enum { FIT_TASK = 1, FIT_CRED, FIT_CGROUP, FIT_MM, FIT_FILE, FIT_SOCKET, FIT_SOCK, FIT_NET, FIT_DENTRY };

static __always_inline bool differ(const char *left, const char *right)
{
	for (int i = 0; i < COMM_SIZE - 1; i++)
		if (left[i] != right[i])
			return true;
		else if (!left[i])
			break;
	return false;
}

static __always_inline bool task_fits(struct task_struct *task)
{
	__u64 ids = bpf_get_current_pid_tgid(), start = BPF_CORE_READ(task, group_leader, start_boottime);
	char comm[COMM_SIZE] = {}, name[COMM_SIZE] = {};

	bpf_get_current_comm(comm, sizeof(comm));
	BPF_CORE_READ_STR_INTO(&name, task, comm);
	return (__u32)BPF_CORE_READ(task, pid) == (__u32)ids &&
	       (__u32)BPF_CORE_READ(task, tgid) == ids >> 32 &&
	       (__u32)BPF_CORE_READ(task, group_leader, pid) == ids >> 32 && start &&
	       start <= bpf_ktime_get_boot_ns() && !differ(comm, name);
}

static __always_inline bool cred_fits(struct task_struct *task)
{
	__u64 ids = bpf_get_current_uid_gid();

	return BPF_CORE_READ(task, cred, uid.val) == (__u32)ids &&
	       BPF_CORE_READ(task, cred, gid.val) == ids >> 32;
}

static __always_inline struct file *file_of(struct task_struct *task, int fd)
{
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

static __always_inline bool name_fits(struct task_struct *task)
{
	char name[COMM_SIZE] = {}, known[COMM_SIZE];
	struct file *file = file_of(task, fit.named);

	if (fit.named < 0)
		return true;
	__builtin_memcpy(known, fit.name, sizeof(known));
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return !differ(name, known);
}

static __always_inline bool executable_fits(struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file), *known;

	if (fit.executable < 0)
		return true;
	known = file_of(task, fit.executable);
	return BPF_CORE_READ(file, f_path.dentry) == BPF_CORE_READ(known, f_path.dentry) &&
	       BPF_CORE_READ(file, f_inode) == BPF_CORE_READ(known, f_inode);
}

static __always_inline bool file_fits(struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_ino) == fit.inode &&
	       (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK;
}

static __always_inline bool socket_fits(struct file *file, struct socket *socket)
{
	struct inode *inode =
		(void *)socket + bpf_core_field_offset(struct socket_alloc, vfs_inode);

	return BPF_CORE_READ(socket, file) == file && BPF_CORE_READ(socket, type) == SOCK_DGRAM &&
	       BPF_CORE_READ(inode, i_ino) == fit.inode;
}

static __always_inline bool sock_fits(struct sock *sk, struct socket *socket)
{
	return BPF_CORE_READ(sk, sk_socket) == socket && BPF_CORE_READ(sk, sk_type) == SOCK_DGRAM &&
	       BPF_CORE_READ(sk, sk_protocol) == IPPROTO_UDP &&
	       BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET &&
	       BPF_CORE_READ(sk, __sk_common.skc_num) == fit.port &&
	       BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr) == bpf_htonl(LOOPBACK) &&
	       BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) == (__s64)fit.cookie &&
	       BPF_CORE_READ((struct inet_sock *)sk, inet_sport) == bpf_htons(fit.port);
}

static __always_inline __u32 find_wrong(struct task_struct *task)
{
	struct file *file;
	struct socket *socket;
	struct sock *sk;

	if (!task_fits(task))
		return FIT_TASK;
	if (!cred_fits(task))
		return FIT_CRED;
	if (CGROUP_V2(task) != bpf_get_current_cgroup_id())
		return FIT_CGROUP;
	file = file_of(task, fit.fd);
	if (!file_fits(file))
		return FIT_FILE;
	if (!name_fits(task))
		return FIT_DENTRY;
	if (!executable_fits(task))
		return FIT_MM;
	socket = BPF_CORE_READ(file, private_data);
	if (!socket_fits(file, socket))
		return FIT_SOCKET;
	sk = BPF_CORE_READ(socket, sk);
	if (!sock_fits(sk, socket))
		return FIT_SOCK;
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) == fit.netns ? 0 : FIT_NET;
}

SEC("raw_tp/sys_exit")
int raw_tp__fit(void *ctx)
{
	fit.wrong = find_wrong((struct task_struct *)bpf_get_current_task());
	fit.done = 1;
	return 0;
}
