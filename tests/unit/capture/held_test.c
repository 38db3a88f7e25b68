/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager holds: how it is named, that another load's is not taken for this one's,
 * what is still attached. The store is a list of names, the kernel a list of numbers.
 */
#include "capture/held.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "base/fd_store.h"
#include "capture/capture_internal.h"

#define NAMES_MAX 4
#define ENTRY NA_PROGRAM_KPROBE_SOCKET_BIND
#define RETURN NA_PROGRAM_KRETPROBE_SOCKET_BIND

static struct na_capture *capture;
static struct na_memory memory;
static struct na_memory others[2];
static char names[NAMES_MAX][NA_FD_STORE_NAME_MAX + 1];
static size_t stored, removed, settled;
static int store_error;
static char but_prefix[64];
static bool dropped;
static uint32_t alive[NAMES_MAX], number; /* of the program that is put next */

int na_fd_store_put(const struct na_fd_store *store, const char *name, int fd)
{
	assert_ptr_equal(store, capture->options.store);
	assert_int_equal(fd, 77);
	if (!store_error)
		strcpy(names[stored++], name);
	return store_error;
}

int na_fd_store_get(const struct na_fd_store *store, const char *name)
{
	assert_ptr_equal(store, capture->options.store);
	for (size_t i = 0; i < stored; i++)
		if (!strcmp(names[i], name))
			return 50 + (int)i;
	return -ENOENT;
}

int na_fd_store_remove(const struct na_fd_store *store, const char *name)
{
	(void)store;
	assert_string_equal(name, names[removed]);
	removed++;
	return 0;
}

int na_fd_store_settle(const struct na_fd_store *store)
{
	(void)store;
	settled++;
	return store_error;
}

size_t na_fd_store_drop(struct na_fd_store *store, const char *prefix)
{
	(void)store;
	dropped = true;
	snprintf(but_prefix, sizeof(but_prefix), "%s", prefix ? prefix : "");
	return 0;
}

const char *na_program_function(enum na_program id)
{
	return id == ENTRY ? "kprobe__bind" : "kretprobe__bind";
}

int na_memory_open(const struct na_pins *pins, const char *layout, int *ret_fd,
		   struct na_memory **ret_memory)
{
	(void)pins;
	if (*layout == 'x')
		return -ESTALE;
	*ret_fd = -1;
	*ret_memory = &others[*layout - '0'];
	return 0;
}

void na_memory_close(struct na_memory **pointer)
{
	*pointer = NULL;
}

int na_pins_list(const struct na_pins *pins, na_pins_each *each, void *context)
{
	(void)pins;
	assert_int_equal(each(context, "0"), 0);
	assert_int_equal(each(context, "x"), 0);
	return each(context, "1");
}

int bpf_program__fd(const struct bpf_program *program)
{
	(void)program;
	return 60;
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	assert_int_equal(fd, 60);
	assert_int_equal(*size, sizeof(struct bpf_prog_info));
	((struct bpf_prog_info *)info)->id = number;
	return 0;
}

int bpf_prog_get_fd_by_id(__u32 id)
{
	for (size_t i = 0; i < NAMES_MAX; i++)
		if (id && alive[i] == id)
			return open("/dev/null", O_RDONLY | O_CLOEXEC);
	errno = ENOENT;
	return -1;
}

static int set_up(void **state)
{
	static char store;

	(void)state;
	capture = calloc(1, sizeof(*capture));
	assert_non_null(capture);
	capture->options.store = (struct na_fd_store *)&store;
	capture->memory = &memory;
	strcpy(capture->layout, "0123");
	memset(&memory, 0, sizeof(memory));
	memset(others, 0, sizeof(others));
	memset(alive, 0, sizeof(alive));
	stored = removed = settled = 0;
	store_error = 0;
	dropped = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(capture);
	return 0;
}

static void put(enum na_program id, uint32_t as)
{
	struct na_buffer why = {0};

	number = as;
	assert_int_equal(na_held_put(capture, id, 77, &why), 0);
	assert_null(why.data);
}

static void assert_why(struct na_buffer *why, const char *text)
{
	na_buffer_append_char(why, '\0');
	assert_non_null(strstr(why->data, text));
	na_buffer_done(why);
}

static void test_puts(void **state)
{
	struct na_buffer why = {0};

	(void)state;
	assert_int_equal(na_held_settle(capture, &why), 0);
	assert_int_equal(settled, 0); /* there is nothing to wait for */
	put(ENTRY, 7);
	put(RETURN, 8);
	assert_int_equal(na_held_settle(capture, &why), 0);
	assert_int_equal(settled, 1);
	assert_string_equal(names[0], "netaudit.0123.kprobe__bind.7");
	assert_string_equal(names[1], "netaudit.0123.kretprobe__bind.8");
	assert_int_equal(na_capture_held(capture), 0);
	capture->pinned = true;
	assert_int_equal(na_capture_held(capture), 2);
}

static void test_takes_its_own(void **state)
{
	(void)state;
	put(ENTRY, 7);
	put(RETURN, 8);
	alive[0] = 7;
	assert_int_equal(na_held_take(capture, ENTRY), 0);
	assert_true(capture->program_fds[ENTRY] >= 0);
	close(capture->program_fds[ENTRY]);
	assert_int_equal(na_held_take(capture, RETURN), -ENOENT); /* the kernel has it no more */
	memory.held[ENTRY] = 9;
	alive[1] = 9;
	assert_int_equal(na_held_take(capture, ENTRY), -ENOENT); /* the store has another one */
	memory.held[ENTRY] = 7;
	capture->options.store = NULL;
	assert_int_equal(na_held_take(capture, ENTRY), -ENOENT);
}

static void test_no_room(void **state)
{
	struct na_buffer why = {0};

	(void)state;
	put(RETURN, 8); /* by number of the rows, as they are removed */
	put(ENTRY, 7);
	store_error = -ENOSPC;
	assert_int_equal(na_held_settle(capture, &why), -ENOSPC);
	assert_why(&why, "FileDescriptorStoreMax= of the unit is too low");
	na_held_forget(capture);
	assert_int_equal(removed, 2);
	na_held_forget(capture);
	assert_int_equal(removed, 2);
}

static void test_cannot_be_put(void **state)
{
	struct na_buffer why = {0};

	(void)state;
	store_error = -EAGAIN;
	assert_int_equal(na_held_put(capture, ENTRY, 77, &why), -EAGAIN);
	assert_why(&why, "the service manager does not keep them: Resource temporarily");
}

static void test_drops_others(void **state)
{
	(void)state;
	na_held_drop_others(capture);
	assert_true(dropped);
	assert_string_equal(but_prefix, "");
	capture->taken_over = true;
	na_held_drop_others(capture);
	assert_string_equal(but_prefix, "netaudit.0123.");
	dropped = false;
	capture->options.store = NULL;
	na_held_drop_others(capture);
	assert_false(dropped);
}

static void test_counts(void **state)
{
	size_t attached = 0;

	(void)state;
	others[0].held[ENTRY] = 7;
	others[0].held[RETURN] = 8;
	others[1].held[RETURN] = 9;
	alive[0] = 8;
	alive[1] = 9;
	assert_int_equal(na_held_count(&others[0], &attached), 2);
	assert_int_equal(attached, 1);
	assert_int_equal(na_held_count(&memory, &attached), 0);
	assert_int_equal(attached, 0);
	assert_int_equal(na_pins_held(NULL), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(puts),          TEST(takes_its_own), TEST(no_room),
					   TEST(cannot_be_put), TEST(drops_others),  TEST(counts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
