/* SPDX-License-Identifier: Apache-2.0 */
/* Valid configurations made at random, from the rows. */
#ifndef NA_RANDOM_CONFIG_H
#define NA_RANDOM_CONFIG_H

#include "base/buffer.h"

/* A YAML file with some of the keys; `seed` moves on. Outputs are those of fake_outputs.c. */
void na_random_config(unsigned int *seed, struct na_buffer *out);

#endif
