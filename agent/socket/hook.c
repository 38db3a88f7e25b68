/* SPDX-License-Identifier: Apache-2.0 */
/* What security hooks say: a refusal is told here, with the hook, and the call's result no more. */
#include "socket/fill.h"

static const struct {
	struct na_text name;
	uint8_t operation;
} hooks[NA_HOOK_COUNT] = {
#define NA_HOOK(id, name, function, arguments, about, first, second, returns, where, operation,    \
		mode)                                                                              \
	[NA_HOOK_##id] = {{#name, sizeof(#name) - 1}, NA_OPERATION_##operation},
#include "hooks.def"
};

static struct na_socket *find_of_hook(struct na_sockets *sockets,
				      const struct na_record_hook *record)
{
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);

	if (socket)
		return socket;
	socket = na_sockets_add(sockets, record->cookie, record->cookie, record->inode,
				record->header.time_ns);
	socket->family = record->family;
	socket->type = record->type;
	socket->protocol = record->protocol;
	socket->netns = record->netns;
	return socket;
}

/* ------------------------------------------------------------------------------------------- */

/* The result of the call comes after it, and is told by this. */
int na_take_hook(struct na_sockets *sockets, const struct na_record_hook *record)
{
	const struct na_record_header *header = &record->header;
	enum na_operation operation;
	struct na_socket *socket;
	int error;

	if (header->error >= 0 || record->hook >= NA_HOOK_COUNT)
		return 0;
	operation = (enum na_operation)hooks[record->hook].operation;
	socket = find_of_hook(sockets, record);
	socket->touched_ns = header->time_ns;
	if (operation == NA_OPERATION_CONNECT && socket->link == NA_LINK_ATTEMPTED)
		socket->link = NA_LINK_NONE;
	if (header->tid)
		*na_sockets_call(sockets, header->tid) = (struct na_call){
			.cookie = operation == NA_OPERATION_SOCKET ? 0 : socket->cookie,
			.tid = header->tid,
			.operation = (uint8_t)operation,
			.told = true,
		};
	error = na_denied_begin(sockets, socket, header, operation, "lsm", NULL);
	if (error)
		return error;
	NA_SET(&sockets->event, NA_HOOK, hooks[record->hook].name);
	return na_fill_put(sockets);
}
