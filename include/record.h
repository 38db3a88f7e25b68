/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the kernel programs write and the agent reads: the contract between bpf/ and agent/capture. */
#ifndef NA_RECORD_H
#define NA_RECORD_H

#include <linux/types.h>

#define NA_LAYOUT_VERSION 6

/* Largest record: an EXEC with all its texts. A reader may rely on it. */
#define NA_RECORD_SIZE_MAX 16384

/* Of a task at a moment: it may have changed them since its exec. */
struct na_credentials {
	__u32 uid, gid, euid, egid;
};

/* Task is all zero where the moment has no process (softirq): never `current` there. */
struct na_record_header {
	__u16 size;     /* of the whole record, this header included */
	__u8 type;      /* enum na_record_type */
	__u8 program;   /* enum na_program */
	__u32 tid;
	__u64 time_ns;  /* CLOCK_BOOTTIME */
	__u64 start_ns; /* the process's start, CLOCK_BOOTTIME: with pid it is unique in a boot */
	__u32 pid;
	__s32 error;    /* negative errno of the operation, 0: none */
	struct na_credentials credentials;
};

enum na_record_type {
	NA_RECORD_NONE,
#define NA_RECORD(id, name) NA_RECORD_##id,
#define NA_MEMBER(type, name)
#define NA_ARRAY(type, name, count)
#define NA_RECORD_END(id, name)
#include "records.def"
	NA_RECORD_COUNT
};

#define NA_RECORD(id, name)         struct na_record_##name { struct na_record_header header;
#define NA_MEMBER(type, name)       type name;
#define NA_ARRAY(type, name, count) type name[count];
#define NA_RECORD_END(id, name)     };
#include "records.def"

/* No padding anywhere: what a program does not write would leak kernel memory into the ring. */
#define NA_RECORD(id, name)         _Static_assert(sizeof(struct na_record_##name) == sizeof(struct na_record_header)
#define NA_MEMBER(type, name)       + sizeof(type)
#define NA_ARRAY(type, name, count) + sizeof(type) * (count)
#define NA_RECORD_END(id, name)     , "padding in na_record_" #name);
#include "records.def"

enum na_operation {
	NA_OPERATION_NONE,
	NA_OPERATION_SOCKET,
	NA_OPERATION_BIND,
	NA_OPERATION_LISTEN,
	NA_OPERATION_CONNECT,
	NA_OPERATION_ACCEPT,
	NA_OPERATION_SHUTDOWN,
	NA_OPERATION_SEND,
	NA_OPERATION_SETSOCKOPT,
	NA_OPERATION_COUNT
};

/* The security hooks, rows of hooks.def. */
enum na_hook {
	NA_HOOK_NONE,
#define NA_HOOK(id, ...) NA_HOOK_##id,
#include "hooks.def"
	NA_HOOK_COUNT
};

/* What a hook's argument says. */
enum na_hook_argument {
	NA_HOOK_ARGUMENT_NO,
	NA_HOOK_ARGUMENT_FAMILY,
	NA_HOOK_ARGUMENT_TYPE,
	NA_HOOK_ARGUMENT_PROTOCOL,
	NA_HOOK_ARGUMENT_BACKLOG,
	NA_HOOK_ARGUMENT_HOW, /* of shutdown */
	NA_HOOK_ARGUMENT_SIZE, /* asked for, of a message */
	NA_HOOK_ARGUMENT_FLAGS, /* of a message */
	NA_HOOK_ARGUMENT_LEVEL,
	NA_HOOK_ARGUMENT_OPTION,
	NA_HOOK_ARGUMENT_SECID
};

enum na_hook_mode { NA_HOOK_MODE_OFF, NA_HOOK_MODE_DENIED, NA_HOOK_MODE_COUNT, NA_HOOK_MODE_EVENT };

enum na_loss {
	NA_LOSS_RING_FULL, /* a reservation failed */
	NA_LOSS_SKIPPED,   /* the kernel did not run the program: it was active on the CPU */
	NA_LOSS_TABLE,     /* a bounded table of the agent was full */
	NA_LOSS_INTERRUPTED, /* the agent was killed in the middle of it */
	NA_LOSS_NOT_RUNNING, /* no agent was there, or what it left could not be read; count 0: unknown */
	NA_LOSS_COUNT
};

/* Flags of several records. */
#define NA_FLAG_MAPPED      0x0001 /* the address was ::ffff:a.b.c.d on an IPv6 socket */
#define NA_FLAG_FIN         0x0002 /* the peer's FIN came */
#define NA_FLAG_SUBFLOW     0x0004 /* TCP socket of an MPTCP connection: same inode */
#define NA_FLAG_FD_RESOLVED 0x0008 /* socket found by descriptor: another thread may have swapped it */
#define NA_FLAG_ORPHAN      0x0010 /* no process ever had, or still has, the socket */
#define NA_FLAG_TRUNCATED   0x0020 /* a text was longer than its cap */
#define NA_FLAG_URING       0x0040 /* by io_uring */
#define NA_FLAG_SECCOMP     0x0080 /* a seccomp filter of the task may have refused it */
#define NA_FLAG_NO_LSM      0x0100 /* no LSM refused it: a program on the hook would have told */
#define NA_FLAG_KERNEL      0x0200 /* the kernel made the socket for itself */
#define NA_FLAG_NO_TOTALS   0x0400 /* this kernel does not count the connection's bytes */
#define NA_FLAG_UNSURE      0x0800 /* another program of cgroups may have refused it */
#define NA_FLAG_EXCLUDED    0x1000 /* a refusal that capture.exclude leaves out, with the call's result */

enum na_program {
	NA_PROGRAM_NONE,
#define NA_PROGRAM(id, tier, function, source, feeds, doc) NA_PROGRAM_##id,
#include "programs.def"
	NA_PROGRAM_COUNT
};

#define NA_PROGRAM_NUMBERS 256 /* that a header can name: its program is 8 bits */
_Static_assert(NA_PROGRAM_COUNT <= NA_PROGRAM_NUMBERS, "a header's program is 8 bits");

#endif
