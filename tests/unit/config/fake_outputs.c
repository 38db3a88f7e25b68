/* SPDX-License-Identifier: Apache-2.0 */
/* Types of outputs with options of every kind. They have rows and a check: nobody opens them. */
#include "fake_outputs.h"

#include <errno.h>

#include "base/buffer.h"

#define ROW(owner, id, type, fallback, min, max, allowed)                                          \
	{                                                                                          \
#id, NA_OPTION_##type, fallback, min, max, allowed, "",                            \
			offsetof(struct owner, id), sizeof(((struct owner *)0)->id)                \
	}

static const struct na_option file_rows[] = {
	ROW(na_fake_file, path, TEXT, "", "1", "4095", NA_ABSOLUTE_PATH),
	ROW(na_fake_file, rotate_size, SIZE, "100MiB", "0B", "1TiB", ""),
	ROW(na_fake_file, rotate_age, DURATION, "1d", "0s", "365d", ""),
	ROW(na_fake_file, keep, NUMBER, "7", "1", "10000", ""),
};

static const struct na_option kafka_rows[] = {
	ROW(na_fake_kafka, topic, TEXT, "", "1", "249", ""),
	ROW(na_fake_kafka, key, ENUM, "host", "", "", "host|connection|none"),
	ROW(na_fake_kafka, brokers, TEXTS, "", "1", "8", ""),
	ROW(na_fake_kafka, codecs, NAMES, "gzip", "1", "3", "gzip|lz4|zstd"),
	ROW(na_fake_kafka, verify, BOOL, "true", "", "", ""),
	ROW(na_fake_kafka, memory, SHARE, "25%", "1MiB", "1GiB", ""),
	ROW(na_fake_kafka, first, FILTERS, "", "0", "4", ""),
	ROW(na_fake_kafka, kafka, MAP, "", "0", "8", NA_DOTTED_NAMES),
};

static int check_nothing(const void *options, struct na_buffer *why)
{
	(void)options;
	(void)why;
	return 0;
}

static int check_kafka(const void *options, struct na_buffer *why)
{
	const struct na_fake_kafka *kafka = options;

	if (!memchr(kafka->topic.data, ' ', kafka->topic.length))
		return 0;
	na_buffer_append_string(why, "a topic has no spaces");
	return -EINVAL;
}

static const struct na_output fake_stdout = {.name = "stdout", .check = check_nothing};
static const struct na_output fake_file = {
	.name = "file",
	.options = file_rows,
	.option_count = sizeof(file_rows) / sizeof(*file_rows),
	.options_size = sizeof(struct na_fake_file),
	.check = check_nothing,
};
static const struct na_output fake_kafka = {
	.name = "kafka",
	.options = kafka_rows,
	.option_count = sizeof(kafka_rows) / sizeof(*kafka_rows),
	.options_size = sizeof(struct na_fake_kafka),
	.check = check_kafka,
};

const struct na_output *const na_fake_outputs[] = {&fake_stdout, &fake_file, &fake_kafka, NULL};
