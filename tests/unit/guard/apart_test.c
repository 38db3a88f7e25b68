/* SPDX-License-Identifier: Apache-2.0 */
/* Functions in processes of their own: what comes back, what they may not do. */
#include "guard/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define LONG_NS (60 * NA_NS_PER_SEC)

static struct na_sandbox_identity who(void)
{
	struct na_sandbox_identity identity;

	if (getuid() == 0)
		return (struct na_sandbox_identity){.uid = NA_SANDBOX_NOBODY,
						    .gid = NA_SANDBOX_NOBODY};
	na_sandbox_self(&identity);
	return identity;
}

static int run(na_apart_function *function, void *context, uint64_t timeout_ns,
	       struct na_buffer *out)
{
	struct na_sandbox_identity identity = who();
	int result = na_apart_run(&identity, function, context, timeout_ns, out);

	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
	na_buffer_append_char(out, '\0');
	return result;
}

static int say(void *context, struct na_buffer *out)
{
	na_buffer_append_string(out, "words");
	return *(const int *)context;
}

static void brings_result_and_text(void **state)
{
	static const int results[] = {0, 1, 125, -EINVAL, -ENOMEM};

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
		NA_CLEANUP(na_buffer_done) struct na_buffer out = {0};
		int result = results[i];

		na_buffer_append_string(&out, "kept ");
		assert_int_equal(run(say, &result, LONG_NS, &out), result);
		assert_string_equal(out.data, "kept words");
	}
}

static int say_much(void *context, struct na_buffer *out)
{
	for (size_t i = 0; i < *(const size_t *)context; i++)
		na_buffer_append_char(out, 'x');
	return 0;
}

static void limits_the_text(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer most = {0}, more = {0};
	size_t length = NA_APART_TEXT_MAX - 4096;

	(void)state;
	assert_int_equal(run(say_much, &length, LONG_NS, &most), 0);
	assert_int_equal(most.length, length + 1);
	length = 2 * NA_APART_TEXT_MAX;
	assert_int_equal(run(say_much, &length, LONG_NS, &more), -EFBIG);
}

static int be_killed(void *context, struct na_buffer *out)
{
	(void)context;
	na_buffer_append_string(out, "half a word");
	raise(SIGKILL);
	return 0;
}

static void tells_what_killed_it(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer out = {0};

	(void)state;
	assert_int_equal(run(be_killed, NULL, LONG_NS, &out), -ECHILD);
	assert_string_equal(out.data, "killed by signal 9 (Killed)");
}

static int hang(void *context, struct na_buffer *out)
{
	(void)context;
	(void)out;
	pause(); /* until it is killed */
	return 0;
}

static void ends_what_hangs(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer out = {0};

	(void)state;
	assert_int_equal(run(hang, NULL, NA_NS_PER_MS, &out), -ETIME);
}

/* 0: it is somebody without rights and without our descriptors. */
static int look(void *context, struct na_buffer *out)
{
	const int *fd = context;

	(void)out;
	if (fcntl(*fd, F_GETFD) >= 0)
		return 1;
	if (getuid() == 0 || geteuid() == 0)
		return 2;
	return setuid(0) == 0 ? 3 : 0;
}

static void has_no_rights(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer out = {0};
	NA_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(run(look, &fd, LONG_NS, &out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(brings_result_and_text), cmocka_unit_test(limits_the_text),
		cmocka_unit_test(tells_what_killed_it),   cmocka_unit_test(ends_what_hangs),
		cmocka_unit_test(has_no_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
