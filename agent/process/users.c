/* SPDX-License-Identifier: Apache-2.0 */
/* Names of users, from a passwd file: a hash of uid to the place of the name in the file's text. */
#include "process/users.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define CHECK_NS NA_NS_PER_SEC
#define FILE_SIZE_MAX (8 << 20) /* of a larger file the rest has no names */

struct user {
	uint32_t uid;
	uint32_t name;        /* offset in text */
	uint32_t name_length; /* 0: the slot is free */
};

struct table {
	char *text;
	struct user *slots; /* open addressing, at most half full */
	uint32_t mask;
};

struct na_users {
	const char *path;
	uint64_t next_check_ns;
	struct stat read; /* what the file was when it was read */
	struct table table;
};

static void table_done(struct table *table)
{
	free(table->text);
	free(table->slots);
}

static struct user *slot_of(const struct table *table, uint32_t uid)
{
	uint32_t i = (uid * UINT32_C(2654435761)) & table->mask;

	while (table->slots[i].name_length && table->slots[i].uid != uid)
		i = (i + 1) & table->mask;
	return &table->slots[i];
}

/* The first line of a uid counts, as for getpwuid. NIS lines ("+", "-") name nobody here. */
static void add_line(struct table *table, const char *line, const char *end)
{
	const char *password = memchr(line, ':', (size_t)(end - line));
	const char *uid = password ? memchr(password + 1, ':', (size_t)(end - password - 1)) : NULL;
	struct user *user;
	unsigned long value;
	char *rest;

	if (!uid || password == line || strchr("+-#", *line) || !isdigit((unsigned char)uid[1]))
		return;
	value = strtoul(uid + 1, &rest, 10);
	if (*rest != ':' || value >= UINT32_MAX)
		return;
	user = slot_of(table, (uint32_t)value);
	if (user->name_length)
		return;
	*user = (struct user){(uint32_t)value, (uint32_t)(line - table->text),
			      (uint32_t)(password - line)};
}

static void add_lines(struct table *table, size_t length)
{
	const char *end = table->text + length, *newline;

	for (const char *line = table->text; line < end; line = newline + 1) {
		newline = memchr(line, '\n', (size_t)(end - line));
		if (!newline)
			newline = end;
		add_line(table, line, newline);
	}
}

/* Reads at most `size` bytes, and ends them by NUL. Negative errno, or the length. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t got = read(fd, text + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	text[length] = '\0';
	return (ssize_t)length;
}

static uint32_t slots_for(const char *text, size_t length)
{
	uint32_t lines = 1, slots = 16;

	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	while (slots < 2 * lines)
		slots *= 2;
	return slots;
}

static int table_read(struct table *table, int fd, size_t size)
{
	uint32_t slots;
	ssize_t length;

	table->text = malloc(size + 1);
	if (!table->text)
		return -ENOMEM;
	length = read_all(fd, table->text, size);
	if (length < 0)
		return (int)length;
	slots = slots_for(table->text, (size_t)length);
	table->slots = calloc(slots, sizeof(table->slots[0]));
	if (!table->slots)
		return -ENOMEM;
	table->mask = slots - 1;
	add_lines(table, (size_t)length);
	return 0;
}

static int read_again(struct na_users *users)
{
	NA_CLEANUP(table_done) struct table table = {0};
	NA_CLOSE int fd = open(users->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat now;
	int error;

	if (fd < 0 || fstat(fd, &now) < 0)
		return -errno;
	if (!S_ISREG(now.st_mode))
		return -EINVAL;
	error = table_read(&table, fd,
			   now.st_size < FILE_SIZE_MAX ? (size_t)now.st_size : FILE_SIZE_MAX);
	if (error < 0)
		return error;
	table_done(&users->table);
	users->table = table;
	users->read = now;
	table = (struct table){0};
	return 0;
}

static bool has_changed(const struct na_users *users)
{
	const struct stat *before = &users->read;
	struct stat now;

	if (stat(users->path, &now) < 0)
		return false;
	return !users->table.slots || now.st_ino != before->st_ino ||
	       now.st_dev != before->st_dev || now.st_size != before->st_size ||
	       now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
}

/* ------------------------------------------------------------------------------------------- */

struct na_users *na_users_new(const char *path)
{
	struct na_users *users = calloc(1, sizeof(*users));

	if (users)
		users->path = path;
	return users;
}

void na_users_free(struct na_users *users)
{
	if (!users)
		return;
	table_done(&users->table);
	free(users);
}

struct na_text na_users_name(struct na_users *users, uint32_t uid)
{
	uint64_t now_ns = na_clock_boot_ns();
	const struct user *user;

	if (now_ns >= users->next_check_ns) {
		users->next_check_ns = now_ns + CHECK_NS;
		if (has_changed(users))
			(void)read_again(users); /* the names last read stay */
	}
	if (!users->table.slots)
		return (struct na_text){0};
	user = slot_of(&users->table, uid);
	return (struct na_text){users->table.text + user->name, user->name_length};
}
