/* SPDX-License-Identifier: Apache-2.0 */
/* What events say about processes: everything was prepared, here it is only set. */
#include "process/entry.h"

/* A text that may not be known. */
#define SET_KNOWN(event, field, text)                                                              \
	do {                                                                                       \
		if ((text).length)                                                                 \
			NA_SET(event, field, text);                                                \
	} while (0)

#define SET_NUMBER(event, field, number)                                                           \
	do {                                                                                       \
		if (number)                                                                        \
			NA_SET(event, field, number);                                              \
	} while (0)

static struct na_text entity_id_of(const struct na_process *process)
{
	return (struct na_text){process->entity_id, process->entity_id_length};
}

static void fill_program(const struct na_description *description, struct na_event *event)
{
	SET_KNOWN(event, PROCESS_EXECUTABLE, description->executable);
	SET_KNOWN(event, PROCESS_NAME, description->name);
	SET_KNOWN(event, PROCESS_COMMAND_LINE, description->command_line);
	SET_KNOWN(event, PROCESS_WORKING_DIRECTORY, description->directory);
	if (description->arguments.count)
		NA_SET(event, PROCESS_ARGS, description->arguments);
	if (description->arguments_count >= 0)
		NA_SET(event, PROCESS_ARGS_COUNT, description->arguments_count);
}

static void fill_user(const struct na_description *description, struct na_event *event)
{
	SET_KNOWN(event, USER_ID, description->user_id);
	SET_KNOWN(event, USER_NAME, description->user_name);
	SET_KNOWN(event, USER_EFFECTIVE_ID, description->effective_id);
	SET_KNOWN(event, USER_EFFECTIVE_NAME, description->effective_name);
	SET_KNOWN(event, GROUP_ID, description->group_id);
	SET_KNOWN(event, NA_PROCESS_CAPABILITIES, description->capabilities);
	SET_KNOWN(event, NA_PROCESS_LOGIN_UID, description->login_uid);
	if (description->session != NA_ID_UNSET)
		NA_SET(event, NA_PROCESS_SESSION, description->session);
}

static void fill_place(const struct na_description *description, struct na_event *event)
{
	SET_KNOWN(event, CONTAINER_ID, description->container);
	SET_KNOWN(event, NA_CGROUP_PATH, description->cgroup_path);
	SET_NUMBER(event, NA_CGROUP_ID, description->cgroup);
	SET_NUMBER(event, NA_PROCESS_PID_NAMESPACE, description->pid_namespace);
	SET_NUMBER(event, NA_PROCESS_NET_NAMESPACE, description->net_namespace);
	SET_NUMBER(event, NA_PROCESS_MOUNT_NAMESPACE, description->mount_namespace);
	SET_NUMBER(event, NA_PROCESS_USER_NAMESPACE, description->user_namespace);
}

static void fill_parent(const struct na_process *process, struct na_event *event)
{
	const struct na_process *parent = process->parent;

	SET_NUMBER(event, PROCESS_PARENT_PID, process->parent_pid);
	if (!parent)
		return;
	SET_KNOWN(event, PROCESS_PARENT_ENTITY_ID, entity_id_of(parent));
	if (!parent->description)
		return;
	SET_KNOWN(event, PROCESS_PARENT_EXECUTABLE, parent->description->executable);
	SET_KNOWN(event, PROCESS_PARENT_NAME, parent->description->name);
	SET_KNOWN(event, PROCESS_PARENT_COMMAND_LINE, parent->description->command_line);
}

/* All that is filled below is named: an identity, descriptions, and whose child it is. */
static struct na_process_origin origin_of(const struct na_process *process)
{
	const struct na_process *parent = process->parent;
	struct na_process_origin origin = {.process = process->number,
					   .parent_pid = process->parent_pid};

	if (process->description)
		origin.description = process->description->number;
	if (parent)
		origin.parent = parent->number;
	if (parent && parent->description)
		origin.parent_description = parent->description->number;
	return origin;
}

/* ------------------------------------------------------------------------------------------- */

void na_process_fill(const struct na_process *process, struct na_event *event)
{
	if (!process)
		return;
	event->origin = origin_of(process);
	NA_SET(event, PROCESS_PID, process->pid);
	if (process->start != NA_START_UNKNOWN)
		NA_SET(event, PROCESS_START, process->start_wall_ns);
	SET_KNOWN(event, PROCESS_ENTITY_ID, entity_id_of(process));
	fill_parent(process, event);
	if (!process->description)
		return;
	event->user_origin = process->description->number;
	fill_program(process->description, event);
	fill_user(process->description, event);
	fill_place(process->description, event);
}

void na_process_fill_creator(const struct na_process *process, struct na_event *event)
{
	if (!process)
		return;
	NA_SET(event, NA_CREATOR_PID, process->pid);
	SET_KNOWN(event, NA_CREATOR_ENTITY_ID, entity_id_of(process));
	if (!process->description)
		return;
	SET_KNOWN(event, NA_CREATOR_EXECUTABLE, process->description->executable);
	SET_KNOWN(event, NA_CREATOR_NAME, process->description->name);
}

void na_process_fill_closer(const struct na_process *process, struct na_event *event)
{
	if (!process)
		return;
	NA_SET(event, NA_CLOSER_PID, process->pid);
	SET_KNOWN(event, NA_CLOSER_ENTITY_ID, entity_id_of(process));
	if (!process->description)
		return;
	SET_KNOWN(event, NA_CLOSER_EXECUTABLE, process->description->executable);
	SET_KNOWN(event, NA_CLOSER_NAME, process->description->name);
}
