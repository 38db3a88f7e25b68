/* SPDX-License-Identifier: Apache-2.0 */
/* In builds without the kernel programs: nothing can be attached. */
#include <errno.h>
#include <stddef.h>

#include "with_capture.h"

int bench_capture_open(struct bench_capture **ret_capture)
{
	(void)ret_capture;
	return -EOPNOTSUPP;
}

void bench_capture_close(struct bench_capture **capture)
{
	(void)capture;
}

struct bench_toggle bench_capture_toggle(struct bench_capture *capture)
{
	(void)capture;
	return bench_toggle_nothing;
}

void bench_capture_count(struct bench_capture *capture, uint64_t *ret_read, uint64_t *ret_lost)
{
	(void)capture;
	*ret_read = 0;
	*ret_lost = 0;
}
