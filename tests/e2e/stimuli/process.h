/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, threads and shared memory of a case; they wait for each other through gates, never for
 * time. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/* Zeroed memory that forked processes share. */
void *shared_new(size_t size);

/* A process that runs `work` and ends; its pid is from now on our own. */
pid_t process_start(void (*work)(void *), void *argument);
/* Until it ended well. */
void process_wait(pid_t pid);
/* The same, in one. For work that is not to be expected (set-ups), whose pid is not our own. */
void process_unseen(void (*work)(void *), void *argument);
/* Runs a command, not our own; returns its exit status. `why` may hold no user input: sh -c. */
int command(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A thread that runs `work`; returns when it is done. */
void thread_run(void *(*work)(void *), void *argument);

/* A gate lets a waiting process go on. Make it before the fork. */
struct gate {
	int fds[2];
};
void gate_make(struct gate *gate);
void gate_open(const struct gate *gate);
void gate_wait(const struct gate *gate);

void pin_to_cpu(int cpu);

#endif
