/* SPDX-License-Identifier: Apache-2.0 */
/* A file as a gzip file beside it. Any thread. */
#ifndef NA_FILE_GZIP_H
#define NA_FILE_GZIP_H

#include <stdatomic.h>

/*
 * Writes `to`, whole and on disk, with the mode of `from`. On failure there is no `to`. Negative
 * errno; -ECANCELED: *stop became true.
 */
int na_file_gzip(const char *from, const char *to, const atomic_bool *stop);

#endif
