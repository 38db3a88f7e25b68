/* SPDX-License-Identifier: Apache-2.0 */
/* Output stdout: into pipes with readers that are quick, slow or gone, and into files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "fake_host.h"
#include "stdout/stdout.h"

static struct fake_host host;
static struct na_output_instance *instance;
static int saved = -1; /* the real stdout */

/* The output's stdout is `fd` from here to restore. */
static void redirect(int fd)
{
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	assert_true(saved >= 0);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	close(fd);
}

static void restore(void)
{
	if (saved < 0)
		return;
	dup2(saved, STDOUT_FILENO);
	close(saved);
	saved = -1;
}

static int tear_down(void **state)
{
	(void)state;
	restore();
	if (instance)
		na_output_stdout.close(instance);
	instance = NULL;
	return 0;
}

static void open_output(void)
{
	struct na_buffer why = {0};

	fake_host_init(&host);
	assert_int_equal(na_output_stdout.open(NULL, &host.host, &instance, &why), 0);
}

static enum na_output_verdict put(uint64_t from, uint64_t to, size_t *ret_taken)
{
	return fake_host_put(&host, &na_output_stdout, instance, from, to, ret_taken);
}

/* The next `count` lines are {"n":<from>} and so on. */
static void expect_lines(FILE *file, uint64_t from, uint64_t count)
{
	char line[64], expected[64];

	for (uint64_t number = from; number < from + count; number++) {
		assert_non_null(fgets(line, sizeof(line), file));
		snprintf(expected, sizeof(expected), "{\"n\":%llu}\n", (unsigned long long)number);
		assert_string_equal(line, expected);
	}
}

static FILE *open_pipe(void)
{
	int ends[2];
	FILE *reader;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 8192) > 0);
	reader = fdopen(ends[0], "r");
	assert_non_null(reader);
	redirect(ends[1]);
	return reader;
}

static void writes_lines(void **state)
{
	FILE *reader = open_pipe();
	size_t taken;

	(void)state;
	open_output();
	assert_int_equal(put(1, 5, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(taken, 5);
	assert_int_equal(fake_host_count(&host), 5);
	assert_int_equal(put(6, 7, &taken), NA_OUTPUT_TAKEN);
	restore();
	expect_lines(reader, 1, 7);
	fclose(reader);
}

/* A reader that does not read: nothing blocks, only what is in the pipe is acknowledged. */
static void waits_for_a_slow_reader(void **state)
{
	FILE *reader = open_pipe();
	uint64_t in_the_pipe;
	size_t taken;

	(void)state;
	open_output();
	assert_int_equal(put(1, 1000, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(taken, 1000);
	in_the_pipe = fake_host_count(&host);
	assert_in_range(in_the_pipe, 200, 900);
	assert_int_equal(put(1001, 1001, &taken), NA_OUTPUT_LATER);
	assert_int_equal(taken, 0);
	assert_string_equal(host.why, "the standard output's reader does not keep up");
	expect_lines(reader, 1, in_the_pipe);
	while (fake_host_count(&host) < 1000) {
		uint64_t before = fake_host_count(&host);

		assert_int_equal(na_output_stdout.work(instance, 10 * NA_NS_PER_MS),
				 NA_OUTPUT_TAKEN);
		expect_lines(reader, before + 1, fake_host_count(&host) - before);
	}
	assert_int_equal(put(1001, 1001, &taken), NA_OUTPUT_TAKEN);
	restore();
	expect_lines(reader, 1001, 1);
	assert_int_equal(fgetc(reader), EOF);
	fclose(reader);
}

static void drains_until_the_deadline(void **state)
{
	FILE *reader = open_pipe();
	uint64_t count;
	size_t taken;

	(void)state;
	open_output();
	assert_int_equal(put(1, 1000, &taken), NA_OUTPUT_TAKEN);
	count = fake_host_count(&host);
	na_output_stdout.drain(instance, na_clock_boot_ns());
	assert_int_equal(fake_host_count(&host), count);
	expect_lines(reader, 1, count);
	na_output_stdout.drain(instance, na_clock_boot_ns() + 10 * NA_NS_PER_MS);
	assert_true(fake_host_count(&host) > count);
	restore();
	fclose(reader);
}

static void ends_without_a_reader(void **state)
{
	FILE *reader = open_pipe();
	char why[256];
	size_t taken;

	(void)state;
	open_output();
	assert_int_equal(put(1, 1, &taken), NA_OUTPUT_TAKEN);
	fclose(reader);
	assert_int_equal(put(2, 3, &taken), NA_OUTPUT_BROKEN);
	restore();
	assert_int_equal(fake_host_state(&host, why), NA_OUTPUT_ENDED);
	assert_string_equal(why, "nobody reads the standard output any more");
	assert_int_equal(fake_host_count(&host), 1);
}

/* A reader that goes while lines are in hand. */
static void ends_in_work(void **state)
{
	FILE *reader = open_pipe();
	char why[256];
	size_t taken;

	(void)state;
	open_output();
	assert_int_equal(put(1, 1000, &taken), NA_OUTPUT_TAKEN);
	fclose(reader);
	assert_int_equal(na_output_stdout.work(instance, 0), NA_OUTPUT_BROKEN);
	restore();
	assert_int_equal(fake_host_state(&host, why), NA_OUTPUT_ENDED);
}

static void waits_for_a_full_disk(void **state)
{
	size_t taken;

	(void)state;
	redirect(open("/dev/full", O_WRONLY | O_CLOEXEC));
	open_output();
	assert_int_equal(put(1, 2, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(fake_host_count(&host), 0);
	assert_int_equal(put(3, 3, &taken), NA_OUTPUT_LATER);
	restore();
	assert_string_equal(host.why,
			    "the standard output cannot be written: No space left on device");
}

static void writes_files(void **state)
{
	FILE *file = tmpfile();
	size_t taken;

	(void)state;
	assert_non_null(file);
	redirect(dup(fileno(file)));
	open_output();
	assert_int_equal(put(1, 5000, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(fake_host_count(&host), 5000);
	restore();
	rewind(file);
	expect_lines(file, 1, 5000);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(writes_lines, tear_down),
		cmocka_unit_test_teardown(waits_for_a_slow_reader, tear_down),
		cmocka_unit_test_teardown(drains_until_the_deadline, tear_down),
		cmocka_unit_test_teardown(ends_without_a_reader, tear_down),
		cmocka_unit_test_teardown(ends_in_work, tear_down),
		cmocka_unit_test_teardown(waits_for_a_full_disk, tear_down),
		cmocka_unit_test_teardown(writes_files, tear_down),
	};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGPIPE, &ignore, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
