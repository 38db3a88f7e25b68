/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, threads and shared memory of a case. */
#include "process.h"

#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "facts.h"
#include "stimulus.h"

void *shared_new(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		case_die("mmap");
	return memory;
}

static pid_t fork_for(void (*work)(void *), void *argument)
{
	pid_t pid = MUST(fork());

	if (pid == 0) {
		work(argument);
		_exit(0);
	}
	return pid;
}

pid_t process_start(void (*work)(void *), void *argument)
{
	pid_t pid = fork_for(work, argument);

	own_pid(pid);
	return pid;
}

void process_wait(pid_t pid)
{
	int status;

	MUST(waitpid(pid, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		case_die("process %d ended with status %#x", (int)pid, status);
}

void process_unseen(void (*work)(void *), void *argument)
{
	process_wait(fork_for(work, argument));
}

int command(const char *format, ...)
{
	char line[1024];
	va_list arguments;
	int status;
	pid_t pid;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	pid = MUST(fork());
	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	MUST(waitpid(pid, &status, 0));
	return status;
}

void thread_run(void *(*work)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, argument) || pthread_join(thread, NULL))
		case_die("thread");
}

void gate_make(struct gate *gate)
{
	MUST(pipe2(gate->fds, O_CLOEXEC));
}

void gate_open(const struct gate *gate)
{
	MUST(write(gate->fds[1], "", 1));
}

void gate_wait(const struct gate *gate)
{
	char byte;

	if (MUST(read(gate->fds[0], &byte, 1)) != 1)
		case_die("a gate was never opened");
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	MUST(sched_setaffinity(0, sizeof(set), &set));
}
