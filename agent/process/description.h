/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What events say about an execution, prepared once: never changed afterwards, shared by the
 * processes that were forked from it. One thread.
 */
#ifndef NA_PROCESS_DESCRIPTION_H
#define NA_PROCESS_DESCRIPTION_H

#include <stdint.h>

#include "process/facts.h"
#include "process/redact.h"
#include "process/users.h"

/* Arguments in process.args; the command line has them all. */
#define NA_ARGUMENTS_MAX 512

/* An empty text, and a number that is 0, is not known, unless said otherwise. */
struct na_description {
	uint64_t number; /* see struct na_process_origin */
	uint32_t references;
	uint32_t session; /* NA_ID_UNSET: none */
	struct na_text executable, name, command_line, directory, cgroup_path, container;
	struct na_text user_id, user_name, effective_id, effective_name, group_id;
	struct na_text capabilities, login_uid;
	struct na_texts arguments;
	int64_t arguments_count; /* -1: not known */
	uint64_t cgroup;
	uint32_t pid_namespace, net_namespace, mount_namespace, user_namespace;
	uint32_t uid, gid, euid; /* of the texts; known where user_id is */
};

struct na_describer;

/* Both may be NULL: no names, nothing hidden. They are borrowed. NULL: out of memory. */
struct na_describer *na_describer_new(struct na_users *users, struct na_redactor *redactor);
void na_describer_free(struct na_describer *describer);

/* One allocation that holds copies of all texts; the caller has the first reference. -ENOMEM. */
int na_description_new(struct na_describer *describer, const struct na_facts *facts,
		       struct na_description **ret_description);

/*
 * The same of process.*, user.* and the rest of an event that was made of a description: arguments
 * were cut and hidden then.
 */
int na_description_restore(struct na_describer *describer, const struct na_event *event,
			   struct na_description **ret_description);

/* NULL in, NULL out. */
struct na_description *na_description_ref(struct na_description *description);
void na_description_unref(struct na_description *description);

#endif
