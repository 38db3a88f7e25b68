/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which arguments must not be stored (process.redact). One thread.
 *
 * A pattern (fnmatch, no flags) is compared with every argument. Of one that matches, what is
 * behind its first '=' is hidden; when it has none, it is an option whose value is the argument
 * that follows, and that is hidden. "--password=*" is meant for both ways to write the option: of a
 * pattern that ends in "=*" the part before is compared with arguments without '='.
 */
#ifndef NA_PROCESS_REDACT_H
#define NA_PROCESS_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "event.h"

#define NA_REDACTED "[redacted]"

struct na_redactor;

/* Copies the patterns. NULL: out of memory. */
struct na_redactor *na_redactor_new(const struct na_text *patterns, size_t count);
void na_redactor_free(struct na_redactor *redactor);

/*
 * How many bytes of `argument` (a C string) may be kept: NA_REDACTED stands for the others. Called
 * for the arguments in order; *hide_next, false at first, is what one tells about the next.
 * The whole length when nothing is hidden.
 */
size_t na_redactor_keep(const struct na_redactor *redactor, const char *argument, size_t length,
			bool *hide_next);

#endif
