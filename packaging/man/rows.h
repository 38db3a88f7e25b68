/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the tree as mdoc(7), to stdout. One thread. */
#ifndef NA_PAGE_ROWS_H
#define NA_PAGE_ROWS_H

/* A line of text, or of the rest of a macro's line: nothing in it is taken for roff. */
void page_text(const char *text);

/* The end: the page would not be whole. */
void page_die(const char *why) __attribute__((noreturn));

void page_options(void);        /* options.def */
void page_output_options(void); /* output_options.def */
void page_outputs(void);        /* each type of output: promise and options */
void page_events(void);         /* events.def, but for those of hooks */
void page_fields(void);         /* fields.def */
void page_counters(void);       /* stats.def */

#endif
