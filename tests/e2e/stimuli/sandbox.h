/* SPDX-License-Identifier: Apache-2.0 */
/* Surroundings for a case: network namespace, user, cgroup program, LSMs, seccomp. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

/* A network namespace of its own, loopback up. It goes with the process. */
void netns_enter(void);

/*
 * A link to 10.77.0.2 (10.77.0.1 here); the namespace at its other end is that of `peer`, 0: ours,
 * where nobody answers. link_break makes what is sent vanish without any error.
 */
void veth_make(pid_t peer);
void veth_break(void);

/* One sysctl of the current network namespace; false: this kernel has none of that name. */
bool sysctl_write(const char *path, const char *value);

/* From now on nobody (65534), executed afresh: returns in the new program, at the start of its
 * case. */
void become_nobody(char **argv);

/* Refuses each of these system calls with EPERM, for this process; none: a filter that lets all
 * pass. */
void seccomp_refuse(const int *calls, int count);

/* Landlock refuses TCP to this process from now on, bind and connect; false: this kernel cannot. */
bool landlock_refuse_tcp(void);
/* The same of abstract unix sockets of others. */
bool landlock_refuse_abstract(void);

/*
 * A profile of AppArmor that allows no socket; false: none can be had here. The process
 * that enters it stays in it, so another one unloads it.
 */
bool apparmor_load(void);
void apparmor_enter(void);
void apparmor_unload(void);

/*
 * A program of the BPF LSM refuses this process every socket that was just made, with EACCES. A
 * descriptor whose close ends that; negative: none can be had here.
 */
int lsm_refuse_created(void);

/* A cgroup with a program that refuses connect(2) over IPv4. */
void cgroup_make_refusing(void);
void cgroup_enter(void);
void cgroup_remove(void);

#endif
