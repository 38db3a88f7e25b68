/* SPDX-License-Identifier: Apache-2.0 */
/* Where the kernel's types (BTF) are, and whether those of a file can be this kernel's. Any thread.
 */
#ifndef NA_KERNEL_BTF_H
#define NA_KERNEL_BTF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

#define NA_KERNEL_BTF "/sys/kernel/btf/vmlinux"

/*
 * The file for this kernel: `given` itself, or, of a folder laid out as BTFHub's archive, its
 * ID/VERSION_ID/MACHINE/RELEASE.btf (of os-release and uname). 0; negative errno: `why` got a
 * sentence.
 */
int na_kernel_btf_find(const char *given, char *ret_path, size_t size, struct na_buffer *why);

/*
 * 0: the file is BTF of a kernel, and not of another one as far as can be told: where the running
 * kernel shows its own, structs that programs read must have the same size. -EINVAL and others:
 * `why` got a sentence.
 */
int na_kernel_btf_check(const char *path, struct na_buffer *why);

/* The running kernel shows types of its own. */
bool na_kernel_btf_exists(void);

/*
 * Asks the kernel: a program reads by the file's types what is known of this process, and sizes of
 * slabs are compared. -EINVAL: it is of another kernel, and `why` got a sentence. 0 also where it
 * cannot be asked (no rights, no loopback).
 */
int na_kernel_btf_try(const char *path, struct na_buffer *why);

#endif
