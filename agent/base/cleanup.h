/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup attributes: what a function acquired is released on every way out of it. */
#ifndef NA_CLEANUP_H
#define NA_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NA_CLEANUP(function) __attribute__((cleanup(function)))

static inline void na_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void na_cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void na_cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void na_cleanup_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

#define NA_FREE NA_CLEANUP(na_cleanup_free)
#define NA_CLOSE NA_CLEANUP(na_cleanup_fd)
#define NA_FCLOSE NA_CLEANUP(na_cleanup_file)
#define NA_CLOSEDIR NA_CLEANUP(na_cleanup_folder)

/* Hands ownership on: the value, and the variable holds `none` from then on. */
#define NA_TAKE(variable, none)                                                                    \
	({                                                                                         \
		__typeof__(variable) taken_ = (variable);                                          \
		(variable) = (none);                                                               \
		taken_;                                                                            \
	})
#define NA_TAKE_POINTER(variable) NA_TAKE(variable, NULL)
#define NA_TAKE_FD(variable) NA_TAKE(variable, -1)

#endif
