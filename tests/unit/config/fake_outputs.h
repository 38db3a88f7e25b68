/* SPDX-License-Identifier: Apache-2.0 */
/* Types of outputs with options of every kind, for the configuration alone. */
#ifndef NA_FAKE_OUTPUTS_H
#define NA_FAKE_OUTPUTS_H

#include "output.h"

/* stdout, file and kafka; NULL behind them. */
extern const struct na_output *const na_fake_outputs[];

struct na_fake_file {
	na_option_TEXT path;
	na_option_SIZE rotate_size;
	na_option_DURATION rotate_age;
	na_option_NUMBER keep;
};

struct na_fake_kafka {
	na_option_TEXT topic;
	na_option_ENUM key;
	na_option_TEXTS brokers;
	na_option_NAMES codecs;
	na_option_BOOL verify;
	na_option_SHARE memory;
	na_option_FILTERS first;
	na_option_MAP kafka;
};

#endif
