/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the process cache share: records, a /proc of their own, a clock that stands still.
 */
#ifndef NA_TEST_PROCESS_SUPPORT_H
#define NA_TEST_PROCESS_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/process.h"
#include "record.h"

#define BYTES(literal)                                                                             \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	} /* for constants */
#define TEXT(literal) ((struct na_text)BYTES(literal))

#define BOOT_ID UINT64_C(0x00c0ffee12345678)
#define WALL_OFFSET UINT64_C(1700000000000000000)

/* What na_clock_boot_ns tells; support.c replaces clock.c. */
extern uint64_t test_now_ns;

/* Texts may hold NUL. Numbers not given are 0. */
struct test_exec {
	uint32_t pid;
	uint64_t start_ns, time_ns;
	struct na_text executable, directory, arguments, cgroup; /* as in the record: leaf first */
	const char *comm;
	uint32_t parent_pid;
	uint64_t parent_start_ns;
	uint32_t uid, euid, gid, login_uid, session;
	uint32_t arguments_total; /* 0: as many as there are */
	uint16_t flags;
};

union test_record {
	struct na_record_header header;
	struct na_record_exec exec;
	struct na_record_forked forked;
	struct na_record_exited exited;
	uint8_t bytes[65536];
};

void test_make_exec(union test_record *record, const struct test_exec *exec);

int test_exec(struct na_processes *processes, const struct test_exec *exec);
int test_fork(struct na_processes *processes, uint32_t pid, uint64_t start_ns, uint32_t child,
	      uint64_t child_start_ns, uint64_t time_ns);
int test_exit(struct na_processes *processes, uint32_t pid, uint64_t start_ns, uint64_t time_ns);

/* A process that runs /usr/bin/<name> with its name as the only argument, as root. */
int test_exec_simple(struct na_processes *processes, uint32_t pid, uint64_t start_ns,
		     uint64_t time_ns, const char *name);

/* Options without /proc, passwd and patterns. */
struct na_processes_options test_options(size_t max);

/* The event after na_process_fill of what na_processes_get gives. */
struct na_event test_get_event(struct na_processes *processes, uint32_t pid, uint64_t start_ns,
			       uint64_t time_ns);

/* cmocka assertions. NULL: the field must be absent. */
#define assert_field(event, field, expected)                                                       \
	test_assert_text(na_event_has(&(event), NA_FIELD_##field), (event).f_##field, expected,    \
			 #field)
#define assert_absent(event, field) assert_false(na_event_has(&(event), NA_FIELD_##field))
#define assert_number(event, field, expected)                                                      \
	do {                                                                                       \
		assert_true(na_event_has(&(event), NA_FIELD_##field));                             \
		assert_int_equal((event).f_##field, expected);                                     \
	} while (0)
void test_assert_text(bool present, struct na_text text, const char *expected, const char *field);

/* ---- a folder like /proc ---- */

/* A new folder in /tmp, and its removal with all that is in it. */
char *test_folder_new(void);
void test_folder_free(char *folder);

void test_write(const char *folder, const char *name, struct na_text content);
void test_link(const char *folder, const char *name, const char *target);
void test_remove(const char *folder, const char *name);

struct test_proc {
	uint32_t pid, parent;
	uint64_t ticks;
	const char *comm;
	char state;
	unsigned int threads;
	const char *executable; /* NULL: none, as kernel threads */
	struct na_text arguments;
};

/* Everything that a process has there. */
void test_proc_add(const char *folder, const struct test_proc *process);

#endif
