/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What events say about an execution. First all that is not a plain copy is built (command line,
 * numbers as texts), so that the size is known; then one block takes the struct, the list of
 * arguments and all bytes. Arguments are parts of the command line, the name is one of the
 * executable's path, the container one of the cgroup's: none of them is stored twice.
 */
#include "process/description.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "process/container.h"

#define LINE_SIZE 1024 /* of the first allocation */
#define NUMBER_SIZE 17 /* 64 bits in hexadecimal, and NUL */

struct slice {
	size_t offset, length;
};

/* Scratch space, so that an execution costs no allocation but its own. */
struct na_describer {
	uint64_t made; /* descriptions */
	struct na_users *users;
	struct na_redactor *redactor;
	struct na_buffer line;
	size_t arguments; /* all of them; slices only has the first */
	struct slice slices[NA_ARGUMENTS_MAX];
};

/* Texts that are made of numbers, until they are copied. */
struct numbers {
	char user[NUMBER_SIZE], effective[NUMBER_SIZE], group[NUMBER_SIZE];
	char capabilities[NUMBER_SIZE], login_uid[NUMBER_SIZE];
};

static void append_argument(struct na_describer *describer, const char *argument, size_t length,
			    bool *hide_next)
{
	size_t keep = length;
	bool hidden = *hide_next;

	if (describer->redactor)
		keep = na_redactor_keep(describer->redactor, argument, length, hide_next);
	na_buffer_append(&describer->line, argument, keep);
	if (keep < length || hidden)
		na_buffer_append_string(&describer->line, NA_REDACTED);
}

static int build_line(struct na_describer *describer, struct na_text arguments)
{
	const char *end = arguments.data + arguments.length;
	struct na_buffer *line = &describer->line;
	bool hide_next = false;
	size_t length;

	na_buffer_clear(line);
	describer->arguments = 0;
	if (!arguments.length)
		return 0;
	for (const char *at = arguments.data; at < end; at += length + 1) {
		size_t offset = line->length + (describer->arguments > 0);

		length = strlen(at);
		if (describer->arguments)
			na_buffer_append_char(line, ' ');
		append_argument(describer, at, length, &hide_next);
		if (describer->arguments < NA_ARGUMENTS_MAX)
			describer->slices[describer->arguments] =
				(struct slice){offset, line->length - offset};
		describer->arguments++;
	}
	return na_buffer_error(line);
}

static size_t kept_arguments(const struct na_describer *describer)
{
	return describer->arguments < NA_ARGUMENTS_MAX ? describer->arguments : NA_ARGUMENTS_MAX;
}

static struct na_text number_text(char *ret_digits, const char *format, uint64_t number)
{
	int length = snprintf(ret_digits, NUMBER_SIZE, format, number);

	return (struct na_text){ret_digits, (size_t)length};
}

static struct na_text basename_of(struct na_text path)
{
	const char *slash = memrchr(path.data, '/', path.length);
	size_t start = slash ? (size_t)(slash + 1 - path.data) : 0;

	return (struct na_text){path.data + start, path.length - start};
}

static struct na_text name_of_user(struct na_describer *describer, uint32_t uid)
{
	return describer->users ? na_users_name(describer->users, uid) : (struct na_text){0};
}

static void set_ids(struct na_describer *describer, const struct na_facts *facts,
		    struct numbers *numbers, struct na_description *description)
{
	if (facts->capabilities_known)
		description->capabilities =
			number_text(numbers->capabilities, "%" PRIx64, facts->capabilities);
	if (facts->login_uid != NA_ID_UNSET)
		description->login_uid =
			number_text(numbers->login_uid, "%" PRIu64, facts->login_uid);
	if (!facts->ids_known)
		return;
	description->uid = facts->uid;
	description->gid = facts->gid;
	description->euid = facts->euid;
	description->user_id = number_text(numbers->user, "%" PRIu64, facts->uid);
	description->group_id = number_text(numbers->group, "%" PRIu64, facts->gid);
	description->user_name = name_of_user(describer, facts->uid);
	if (facts->euid == facts->uid)
		return;
	description->effective_id = number_text(numbers->effective, "%" PRIu64, facts->euid);
	description->effective_name = name_of_user(describer, facts->euid);
}

static void set_numbers(const struct na_describer *describer, const struct na_facts *facts,
			struct na_description *description)
{
	description->arguments_count = -1;
	if (facts->arguments_known && !facts->arguments_cut)
		description->arguments_count = (int64_t)describer->arguments;
	description->session = facts->session;
	description->cgroup = facts->cgroup;
	description->pid_namespace = facts->pid_namespace;
	description->net_namespace = facts->net_namespace;
	description->mount_namespace = facts->mount_namespace;
	description->user_namespace = facts->user_namespace;
}

#define COPIES_MAX 12

/* The texts that get bytes of their own; the others are parts of these. */
static size_t list_copies(struct na_description *description,
			  struct na_text *ret_copies[COPIES_MAX])
{
	size_t count = 0;

	ret_copies[count++] = &description->executable;
	ret_copies[count++] = &description->command_line;
	ret_copies[count++] = &description->directory;
	ret_copies[count++] = &description->cgroup_path;
	ret_copies[count++] = &description->user_id;
	ret_copies[count++] = &description->user_name;
	ret_copies[count++] = &description->effective_id;
	ret_copies[count++] = &description->effective_name;
	ret_copies[count++] = &description->group_id;
	ret_copies[count++] = &description->capabilities;
	ret_copies[count++] = &description->login_uid;
	if (!description->executable.length)
		ret_copies[count++] = &description->name; /* comm */
	return count;
}

static size_t size_of_texts(struct na_description *description)
{
	struct na_text *copies[COPIES_MAX];
	size_t count = list_copies(description, copies), size = 0;

	for (size_t i = 0; i < count; i++)
		size += copies[i]->length;
	return size;
}

static void copy_texts(struct na_description *description, char *at)
{
	struct na_text *copies[COPIES_MAX];
	size_t count = list_copies(description, copies);

	for (size_t i = 0; i < count; i++) {
		if (!copies[i]->length)
			continue;
		memcpy(at, copies[i]->data, copies[i]->length);
		copies[i]->data = at;
		at += copies[i]->length;
	}
}

static void set_parts(const struct na_describer *describer, struct na_description *description,
		      struct na_text *items)
{
	size_t count = kept_arguments(describer);

	for (size_t i = 0; i < count; i++)
		items[i] = (struct na_text){description->command_line.data +
						    describer->slices[i].offset,
					    describer->slices[i].length};
	description->arguments = (struct na_texts){items, count};
	if (description->executable.length)
		description->name = basename_of(description->executable);
	description->container = na_container_id(description->cgroup_path);
}

/* One block of the draft, whose texts lie anywhere. */
static int finish(struct na_describer *describer, struct na_description *draft,
		  struct na_description **ret_description)
{
	size_t count = kept_arguments(describer);
	struct na_description *description = malloc(
		sizeof(*description) + count * sizeof(struct na_text) + size_of_texts(draft));
	struct na_text *items;

	if (!description)
		return -ENOMEM;
	*description = *draft;
	description->number = ++describer->made;
	items = (struct na_text *)(description + 1);
	copy_texts(description, (char *)(items + count));
	set_parts(describer, description, items);
	*ret_description = description;
	return 0;
}

/* Where an event's arguments lie in its command line: one blank apart. */
static void find_arguments(struct na_describer *describer, const struct na_texts *arguments,
			   struct na_text line)
{
	size_t offset = 0;

	describer->arguments = 0;
	for (size_t i = 0; i < arguments->count && i < NA_ARGUMENTS_MAX; i++) {
		struct na_text argument = arguments->items[i];

		if (offset + argument.length > line.length ||
		    memcmp(line.data + offset, argument.data, argument.length) != 0)
			return;
		describer->slices[describer->arguments++] = (struct slice){offset, argument.length};
		offset += argument.length + 1;
	}
}

static uint32_t number_of(struct na_text digits)
{
	uint32_t number = 0;

	for (size_t i = 0; i < digits.length; i++)
		number = number * 10 + (uint32_t)(digits.data[i] - '0');
	return number;
}

/* Fields that are the same thing in both. */
#define COPY(event, field, member)                                                                 \
	do {                                                                                       \
		if (na_event_has(event, NA_FIELD_##field))                                         \
			(member) = (event)->f_##field;                                             \
	} while (0)
#define COPY_NUMBER(event, field, member)                                                          \
	do {                                                                                       \
		if (na_event_has(event, NA_FIELD_##field))                                         \
			(member) = (uint32_t)(event)->f_##field;                                   \
	} while (0)

static void copy_user(const struct na_event *event, struct na_description *description)
{
	COPY(event, USER_ID, description->user_id);
	COPY(event, USER_NAME, description->user_name);
	COPY(event, USER_EFFECTIVE_ID, description->effective_id);
	COPY(event, USER_EFFECTIVE_NAME, description->effective_name);
	COPY(event, GROUP_ID, description->group_id);
	COPY(event, NA_PROCESS_CAPABILITIES, description->capabilities);
	COPY(event, NA_PROCESS_LOGIN_UID, description->login_uid);
	COPY_NUMBER(event, NA_PROCESS_SESSION, description->session);
	description->uid = description->euid = number_of(description->user_id);
	description->gid = number_of(description->group_id);
	if (description->effective_id.length)
		description->euid = number_of(description->effective_id);
}

static void copy_place(const struct na_event *event, struct na_description *description)
{
	COPY(event, NA_CGROUP_PATH, description->cgroup_path);
	COPY(event, NA_CGROUP_ID, description->cgroup);
	COPY_NUMBER(event, NA_PROCESS_PID_NAMESPACE, description->pid_namespace);
	COPY_NUMBER(event, NA_PROCESS_NET_NAMESPACE, description->net_namespace);
	COPY_NUMBER(event, NA_PROCESS_MOUNT_NAMESPACE, description->mount_namespace);
	COPY_NUMBER(event, NA_PROCESS_USER_NAMESPACE, description->user_namespace);
}

/* ------------------------------------------------------------------------------------------- */

struct na_describer *na_describer_new(struct na_users *users, struct na_redactor *redactor)
{
	struct na_describer *describer = calloc(1, sizeof(*describer));

	if (!describer)
		return NULL;
	describer->users = users;
	describer->redactor = redactor;
	if (na_buffer_reserve(&describer->line, LINE_SIZE) < 0) {
		na_describer_free(describer);
		return NULL;
	}
	return describer;
}

void na_describer_free(struct na_describer *describer)
{
	if (!describer)
		return;
	na_buffer_done(&describer->line);
	free(describer);
}

int na_description_new(struct na_describer *describer, const struct na_facts *facts,
		       struct na_description **ret_description)
{
	struct na_description draft = {
		.references = 1,
		.executable = facts->executable,
		.name = facts->comm,
		.directory = facts->directory,
		.cgroup_path = facts->cgroup_path,
	};
	struct numbers numbers;
	int error;

	error = build_line(describer, facts->arguments);
	if (error < 0)
		return error;
	draft.command_line = (struct na_text){describer->line.data, describer->line.length};
	set_ids(describer, facts, &numbers, &draft);
	set_numbers(describer, facts, &draft);
	return finish(describer, &draft, ret_description);
}

int na_description_restore(struct na_describer *describer, const struct na_event *event,
			   struct na_description **ret_description)
{
	struct na_description draft = {
		.references = 1, .session = NA_ID_UNSET, .arguments_count = -1};

	COPY(event, PROCESS_EXECUTABLE, draft.executable);
	COPY(event, PROCESS_NAME, draft.name);
	COPY(event, PROCESS_COMMAND_LINE, draft.command_line);
	COPY(event, PROCESS_WORKING_DIRECTORY, draft.directory);
	COPY(event, PROCESS_ARGS_COUNT, draft.arguments_count);
	copy_user(event, &draft);
	copy_place(event, &draft);
	describer->arguments = 0;
	if (na_event_has(event, NA_FIELD_PROCESS_ARGS))
		find_arguments(describer, &event->f_PROCESS_ARGS, draft.command_line);
	return finish(describer, &draft, ret_description);
}

struct na_description *na_description_ref(struct na_description *description)
{
	if (description)
		description->references++;
	return description;
}

void na_description_unref(struct na_description *description)
{
	if (description && --description->references == 0)
		free(description);
}
