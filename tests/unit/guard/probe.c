/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor's tests run as the child: tells about itself over descriptor 3, then does
 * what its first argument says. Usage: probe wait|stubborn|exit|violate
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guard/sandbox.h"

#define REPORT 3

extern char **environ;

/* Lines of /proc/self/status that begin with one of these. */
static int is_of_interest(const char *line)
{
	static const char *const names[] = {"Uid:",    "Gid:",       "Groups:", "Cap",
					    "NoNewPr", "Seccomp:\t", "SigBlk:", "SigIgn:"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			return 1;
	return 0;
}

static void report_status(FILE *out)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[512];

	while (status && fgets(line, sizeof(line), status))
		if (is_of_interest(line))
			fputs(line, out);
	if (status)
		fclose(status);
}

static void report_descriptors(FILE *out)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat status;

	fputs("descriptors:", out);
	for (int fd = 0; fd < 1024; fd++)
		if (fd != dirfd(folder) && fd != fileno(out) && fcntl(fd, F_GETFD) >= 0)
			fprintf(out, " %d", fd);
	while ((entry = readdir(folder)))
		if (atoi(entry->d_name) >= 1024)
			fprintf(out, " %s", entry->d_name);
	fputs("\ninodes:", out);
	for (int fd = REPORT + 1; fstat(fd, &status) == 0 && fd < dirfd(folder); fd++)
		fprintf(out, " %lu", (unsigned long)status.st_ino);
	fstat(STDIN_FILENO, &status);
	fprintf(out, "\nstdin: %lx\n", (unsigned long)status.st_rdev);
	closedir(folder);
}

/* One write, so that the reader has all or nothing. */
static void report(void)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	struct rlimit core;

	report_status(out);
	report_descriptors(out);
	for (char **variable = environ; *variable; variable++)
		fprintf(out, "environment: %s\n", *variable);
	getrlimit(RLIMIT_CORE, &core);
	fprintf(out, "umask: %03o\ncore: %llu\nparent: %d\nself: %d\n", umask(0),
		(unsigned long long)core.rlim_max, getppid(), getpid());
	fputs("end\n", out);
	fclose(out);
	if (write(REPORT, text, length) < 0)
		_exit(1);
	free(text);
}

static void violate(void)
{
	struct na_buffer why = {0};
	int version;

	if (na_sandbox_enter(NULL, 0, &version, &why) < 0) {
		fprintf(stderr, "%.*s\n", (int)why.length, why.data);
		_exit(1);
	}
	syscall(SYS_personality, 0xffffffff);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	sigset_t none;

	report();
	sigemptyset(&none);
	if (strcmp(what, "stubborn") != 0)
		sigprocmask(SIG_SETMASK, &none, NULL);
	if (strcmp(what, "violate") == 0)
		violate();
	if (strcmp(what, "exit") == 0)
		_exit(42);
	for (;;)
		pause();
}
