/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Its errors are our warnings at most: what follows from them is the output's state, which the host
 * tells.
 */
#include "kafka/log.h"

#include <stdbool.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"

#define WINDOW_NS (10 * NA_NS_PER_SEC)

static enum na_log_level level_of(int level)
{
	if (level <= LOG_CRIT)
		return NA_LOG_ERROR;
	if (level <= LOG_WARNING)
		return NA_LOG_WARNING;
	if (level == LOG_NOTICE)
		return NA_LOG_NOTICE;
	return level == LOG_INFO ? NA_LOG_INFO : NA_LOG_DEBUG;
}

/* May one more be shown? *ret_left_out: how many were not, before. */
static bool take(struct na_kafka_log *log, unsigned int *ret_left_out)
{
	uint64_t now_ns = na_clock_boot_ns();
	bool shown;

	pthread_mutex_lock(&log->mutex);
	if (now_ns - log->begun_ns >= WINDOW_NS) {
		*ret_left_out = log->left_out;
		log->begun_ns = now_ns;
		log->shown = log->left_out = 0;
	}
	shown = log->shown < NA_KAFKA_LOG_LINES;
	log->shown += shown;
	log->left_out += !shown;
	pthread_mutex_unlock(&log->mutex);
	return shown;
}

/* ------------------------------------------------------------------------------------------- */

void na_kafka_log_init(struct na_kafka_log *log, const char *name)
{
	*log = (struct na_kafka_log){.name = name};
	pthread_mutex_init(&log->mutex, NULL);
}

void na_kafka_log_done(struct na_kafka_log *log)
{
	pthread_mutex_destroy(&log->mutex);
}

void na_kafka_log_line(struct na_kafka_log *log, int level, const char *facility, const char *text)
{
	enum na_log_level ours = level_of(level);
	unsigned int left_out = 0;

	/* Who asks for `debug` wants it all. */
	if (!na_log_enabled(ours) || (ours != NA_LOG_DEBUG && !take(log, &left_out)))
		return;
	if (left_out)
		na_log_warning("output %s: %u lines of librdkafka were left out", log->name,
			       left_out);
	na_log(ours, "output %s: librdkafka %s: %s", log->name, facility, text);
}
