/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's log: levels, and how much of it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "kafka/log.h"

static uint64_t now_ns = 100 * NA_NS_PER_SEC;
static struct na_kafka_log kafka_log;
static char said[20000];

uint64_t __wrap_na_clock_boot_ns(void);

uint64_t __wrap_na_clock_boot_ns(void)
{
	return now_ns;
}

/* What `count` lines of the level are in our log. */
static const char *say(int level, int count)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t length;

	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	for (int i = 0; i < count; i++)
		na_kafka_log_line(&kafka_log, level, "FAIL", "[thrd:main]: it is down");
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	length = fread(said, 1, sizeof(said) - 1, file);
	said[length] = '\0';
	fclose(file);
	return said;
}

static size_t lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static int set_up(void **state)
{
	(void)state;
	na_log_set_level(NA_LOG_INFO);
	na_kafka_log_init(&kafka_log, "siem");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	na_kafka_log_done(&kafka_log);
	return 0;
}

/* Its errors are warnings of ours: the output's state says what follows. */
static void has_fitting_levels(void **state)
{
	(void)state;
	assert_string_equal(say(LOG_ERR, 1), "<4>netaudit: warning: output siem: librdkafka FAIL: "
					     "[thrd:main]: it is down\n");
	assert_memory_equal(say(LOG_EMERG, 1), "<3>", 3);
	assert_memory_equal(say(LOG_CRIT, 1), "<3>", 3);
	assert_memory_equal(say(LOG_WARNING, 1), "<4>", 3);
	assert_memory_equal(say(LOG_NOTICE, 1), "<5>", 3);
	assert_memory_equal(say(LOG_INFO, 1), "<6>", 3);
	assert_string_equal(say(LOG_DEBUG, 1), "");
}

static void leaves_out_what_is_too_much(void **state)
{
	(void)state;
	assert_int_equal(lines(say(LOG_ERR, 100)), NA_KAFKA_LOG_LINES);
	now_ns += 9 * NA_NS_PER_SEC;
	assert_string_equal(say(LOG_ERR, 1), "");
	now_ns += NA_NS_PER_SEC;
	say(LOG_ERR, 1);
	assert_int_equal(lines(said), 2);
	assert_non_null(strstr(said, "output siem: 91 lines of librdkafka were left out\n"));
	now_ns += 10 * NA_NS_PER_SEC;
	assert_int_equal(lines(say(LOG_ERR, 1)), 1);
}

/* Who asks for it gets it all. */
static void shows_all_of_debug(void **state)
{
	(void)state;
	na_log_set_level(NA_LOG_DEBUG);
	assert_int_equal(lines(say(LOG_DEBUG, 100)), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(has_fitting_levels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(leaves_out_what_is_too_much, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shows_all_of_debug, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
