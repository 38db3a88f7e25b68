/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli), as in iSCSI and ext4: with the CPU's instruction where there is one. Any
 * thread. Our own because zlib has none, and the libraries that have it bring C++ or assembler for
 * what is one instruction here.
 */
#ifndef NA_CRC32C_H
#define NA_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of `data` behind what `crc` was computed of; begin with 0. */
uint32_t na_crc32c(uint32_t crc, const void *data, size_t length);

/* The same without the instruction: for CPUs that lack it, and to test one against the other. */
uint32_t na_crc32c_by_table(uint32_t crc, const void *data, size_t length);

#endif
