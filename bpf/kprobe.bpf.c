/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kprobe tier, where there are no trampolines: entries of functions. What came of a call is told by
 * the exit of system calls, since probes of returns run out of instances in calls that wait.
 */
#include "lifecycle.h"

char LICENSE[] SEC("license") = "GPL";

SEC("kprobe/security_sock_graft")
int BPF_KPROBE(kprobe__accepted, struct sock *sk, struct socket *parent)
{
	return accepted__by_hook(sk, parent, NA_PROGRAM_KPROBE_ACCEPTED);
}

SEC("kprobe/sock_close")
int BPF_KPROBE(kprobe__sock_close, struct inode *inode)
{
	return file__closed(BPF_CORE_READ(inode, i_ino), NA_PROGRAM_KPROBE_CLOSE);
}
