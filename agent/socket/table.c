/* SPDX-License-Identifier: Apache-2.0 */
/* Two hash indexes with chains, grown together; a socket is in one, the other, or both. */
#include "socket/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "process/process.h"

#define BUCKETS_MIN 256

static size_t hash(uint64_t number)
{
	return (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static struct na_socket **key_bucket(const struct na_socket_table *table, uint64_t key)
{
	return &table->by_key[hash(key) & table->mask];
}

static struct na_socket **inode_bucket(const struct na_socket_table *table, uint64_t inode)
{
	return &table->by_inode[hash(inode) & table->mask];
}

static void link_key(struct na_socket_table *table, struct na_socket *socket)
{
	struct na_socket **bucket = key_bucket(table, socket->key);

	socket->next_by_key = *bucket;
	*bucket = socket;
}

static void link_inode(struct na_socket_table *table, struct na_socket *socket)
{
	struct na_socket **bucket = inode_bucket(table, socket->inode);

	socket->next_by_inode = *bucket;
	*bucket = socket;
}

static void unlink_key(struct na_socket_table *table, struct na_socket *socket)
{
	struct na_socket **at = key_bucket(table, socket->key);

	while (*at != socket)
		at = &(*at)->next_by_key;
	*at = socket->next_by_key;
}

static void unlink_inode(struct na_socket_table *table, struct na_socket *socket)
{
	struct na_socket **at = inode_bucket(table, socket->inode);

	while (*at != socket)
		at = &(*at)->next_by_inode;
	*at = socket->next_by_inode;
}

/* Failure leaves longer chains, no more. */
static void grow(struct na_socket_table *table)
{
	size_t buckets = (table->mask + 1) * 2;
	NA_FREE struct na_socket **by_key = calloc(buckets, sizeof(struct na_socket *));
	NA_FREE struct na_socket **by_inode = calloc(buckets, sizeof(struct na_socket *));
	struct na_socket_table old = *table;

	if (!by_key || !by_inode)
		return;
	table->by_key = NA_TAKE_POINTER(by_key);
	table->by_inode = NA_TAKE_POINTER(by_inode);
	table->mask = buckets - 1;
	for (size_t i = 0; i <= old.mask; i++) {
		for (struct na_socket *socket = old.by_key[i], *next; socket; socket = next) {
			next = socket->next_by_key;
			link_key(table, socket);
		}
		for (struct na_socket *socket = old.by_inode[i], *next; socket; socket = next) {
			next = socket->next_by_inode;
			link_inode(table, socket);
		}
	}
	free(old.by_key);
	free(old.by_inode);
}

static void free_socket(struct na_socket *socket)
{
	na_process_unref(&socket->creator);
	na_process_unref(&socket->owner);
	na_process_unref(&socket->closer);
	free(socket->path[0]);
	free(socket->path[1]);
	free(socket);
}

/* ------------------------------------------------------------------------------------------- */

int na_socket_table_init(struct na_socket_table *table, size_t max)
{
	*table = (struct na_socket_table){.max = max, .mask = BUCKETS_MIN - 1};
	table->by_key = calloc(BUCKETS_MIN, sizeof(struct na_socket *));
	table->by_inode = calloc(BUCKETS_MIN, sizeof(struct na_socket *));
	if (table->by_key && table->by_inode)
		return 0;
	na_socket_table_done(table);
	return -ENOMEM;
}

static int free_visited(void *context, struct na_socket *socket)
{
	na_socket_table_remove(context, socket);
	return 0;
}

void na_socket_table_done(struct na_socket_table *table)
{
	if (table->by_key && table->by_inode)
		na_socket_table_each(table, free_visited, table);
	free(NA_TAKE_POINTER(table->by_key));
	free(NA_TAKE_POINTER(table->by_inode));
}

struct na_socket *na_socket_table_by_key(const struct na_socket_table *table, uint64_t key)
{
	struct na_socket *socket = key ? *key_bucket(table, key) : NULL;

	while (socket && socket->key != key)
		socket = socket->next_by_key;
	return socket;
}

struct na_socket *na_socket_table_by_inode(const struct na_socket_table *table, uint64_t inode)
{
	struct na_socket *socket = inode ? *inode_bucket(table, inode) : NULL;

	while (socket && socket->inode != inode)
		socket = socket->next_by_inode;
	return socket;
}

struct na_socket *na_socket_table_add(struct na_socket_table *table, uint64_t key, uint64_t inode)
{
	struct na_socket *socket = NULL;

	assert(key || inode);
	if (table->count < table->max)
		socket = calloc(1, sizeof(*socket));
	if (!socket) {
		table->dropped++;
		return NULL;
	}
	if (table->count++ > table->mask)
		grow(table);
	na_socket_table_set_key(table, socket, key);
	na_socket_table_set_inode(table, socket, inode);
	return socket;
}

void na_socket_table_set_key(struct na_socket_table *table, struct na_socket *socket, uint64_t key)
{
	if (socket->key)
		unlink_key(table, socket);
	socket->key = key;
	if (key)
		link_key(table, socket);
}

void na_socket_table_set_inode(struct na_socket_table *table, struct na_socket *socket,
			       uint64_t inode)
{
	if (socket->inode)
		unlink_inode(table, socket);
	socket->inode = inode;
	if (inode)
		link_inode(table, socket);
}

void na_socket_set_path(struct na_socket *socket, int end, const char *path, size_t length)
{
	char *copy;

	assert(length <= UINT8_MAX);
	if (length && path[0]) /* a path ends with its NUL; an abstract name may have several */
		length = strnlen(path, length);
	copy = malloc(length ? length : 1);
	if (!copy)
		return;
	memcpy(copy, path, length);
	free(socket->path[end]);
	socket->path[end] = copy;
	socket->path_length[end] = (uint8_t)length;
}

void na_socket_table_remove(struct na_socket_table *table, struct na_socket *socket)
{
	assert(!socket->flows);
	if (socket->key)
		unlink_key(table, socket);
	if (socket->inode)
		unlink_inode(table, socket);
	table->count--;
	free_socket(socket);
}

int na_socket_table_each(struct na_socket_table *table, na_socket_visit *visit, void *context)
{
	int result = 0;

	for (size_t i = 0; i <= table->mask && !result; i++) {
		for (struct na_socket *socket = table->by_key[i], *next; socket && !result;
		     socket = next) {
			next = socket->next_by_key;
			result = visit(context, socket);
		}
		for (struct na_socket *socket = table->by_inode[i], *next; socket && !result;
		     socket = next) {
			next = socket->next_by_inode;
			if (!socket->key) /* else it was visited by its key */
				result = visit(context, socket);
		}
	}
	return result;
}

uint64_t na_socket_key_of_child(uint64_t cookie, const struct na_address *remote, uint16_t port)
{
	uint64_t halves[2];

	memcpy(halves, remote->bytes, sizeof(halves));
	halves[0] = (halves[0] ^ port) * UINT64_C(0x9e3779b97f4a7c15);
	halves[1] = (halves[1] ^ cookie) * UINT64_C(0xc2b2ae3d27d4eb4f);
	return (halves[0] ^ halves[1] ^ halves[1] >> 31) | UINT64_C(1) << 63; /* never a cookie */
}
