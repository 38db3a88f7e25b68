/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small record in a file that survives a crash in the middle of its write: two checksummed slots,
 * far enough apart that a torn write spoils one of them only. One thread a file.
 */
#ifndef NA_JOURNAL_SLOTS_H
#define NA_JOURNAL_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NA_SLOTS_SIZE_MAX 4080 /* of a record */

/* A slot: magic, version, CRC-32C of the record, record. */
struct na_slots {
	uint64_t magic;
	uint32_t version;
	size_t distance;   /* the second slot begins here; more than a record and 16 bytes */
	size_t size;       /* of the record */
	size_t generation; /* where a uint64_t is in it: of two that are whole the higher counts */
	bool strict; /* a slot that cannot be read is an error, though the other one is whole */
};

/*
 * The record that counts. Returns its place, 0 or 1. -EBADMSG: none is whole; other negative errno:
 * none that could be read is.
 */
int na_slots_load(int fd, const struct na_slots *slots, void *ret_record);

/* Writes one slot; what makes it durable is the caller's. 0 or negative errno. */
int na_slots_store(int fd, const struct na_slots *slots, unsigned int place, const void *record);

#endif
