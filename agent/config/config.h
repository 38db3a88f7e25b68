/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: a member for each row of options.def. Made and loaded by one thread; immutable
 * from then on, any thread may read. A reload makes a second one.
 */
#ifndef NA_CONFIG_H
#define NA_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "event.h"
#include "option_row.h"
#include "output_common.h"

struct na_output;

/* Indexes of ENUM members in the `allowed` of their row; those of log.level are enum na_log_level,
 * those of journal.* in journal/journal.h. */
enum na_config_attach {
	NA_CONFIG_ATTACH_AUTO,
	NA_CONFIG_ATTACH_CGROUP,
	NA_CONFIG_ATTACH_FEXIT,
	NA_CONFIG_ATTACH_LSM,
	NA_CONFIG_ATTACH_KPROBE,
	NA_CONFIG_ATTACH_COUNT
};

/* An item of `outputs`. */
struct na_config_output {
	const struct na_output *type;
	struct na_output_common common;
	void *options; /* the type's own struct */
	struct na_config_origin origin;
	struct na_config_origin *origins; /* of each row of output_options.def, then of the type's
					   */
};

struct na_config {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, reload, doc) na_option_##type id;
#include "options.def"
	struct na_config_state *state; /* the module's own */
};

/* After so many mistakes the load stops: what follows is seldom news. */
#define NA_CONFIG_ERRORS_MAX 100

/* One line for each mistake: `file:line:column: message`, each with its newline. */
struct na_config_errors {
	struct na_buffer text;
	size_t count;
};

void na_config_errors_done(struct na_config_errors *errors);

/*
 * All defaults. `types` are the outputs that this program has, with a NULL behind, as constant as
 * the program; NULL: none. NULL is returned when there is no memory.
 */
struct na_config *na_config_new(const struct na_output *const *types);
void na_config_free(struct na_config *config);

/*
 * Who calls the `check` of an output's type while its configuration is loaded: 0, -ENOMEM, or
 * another negative errno and `why` got one sentence. Without it, the type's own is called here.
 */
typedef int na_config_check_output(const struct na_output *type, const void *options,
				   struct na_buffer *why);
void na_config_set_check_output(struct na_config *config, na_config_check_output *check);

/*
 * Load over what is there: maps merge, outputs append, of other keys the last one stays. -EINVAL:
 * `errors` got a line for each mistake; more may be loaded, to find theirs, but the configuration
 * is not to be used. A file that cannot be read is a mistake too. -ENOMEM.
 */
int na_config_load_file(struct na_config *config, const char *path,
			struct na_config_errors *errors);

/* The folder's files whose names end in .yaml, in byte order of the names. */
int na_config_load_folder(struct na_config *config, const char *path,
			  struct na_config_errors *errors);

/* What na_config_show printed for another process; `name` stands for the file's. Reads to the end,
 * of the descriptor at most 64 MiB. */
int na_config_load_text(struct na_config *config, struct na_text text, const char *name,
			struct na_config_errors *errors);
int na_config_load_descriptor(struct na_config *config, int fd, const char *name,
			      struct na_config_errors *errors);

/*
 * "key.path=value", or "labels.name=value"; lists as [a, b]. "outputs=[{name: x, type: file, …}]"
 * takes the place of all outputs of the files.
 */
int na_config_set(struct na_config *config, const char *assignment,
		  struct na_config_errors *errors);

/* Limits between keys, when all is loaded: their mistakes as above. */
int na_config_check(const struct na_config *config, struct na_config_errors *errors);

/* How many files were loaded: 0 means that there is no configuration. */
size_t na_config_file_count(const struct na_config *config);

/* capture.families as bits of AF_*; `all` is every bit. */
uint64_t na_config_families(const struct na_config *config);

/* The effective values as YAML that can be loaded again; comments say where each came from.
 * -ENOMEM. */
int na_config_show(const struct na_config *config, struct na_buffer *out);

/* The same for people: values of maps of outputs whose names tell of a secret are '***'. */
int na_config_show_masked(const struct na_config *config, struct na_buffer *out);

#endif
