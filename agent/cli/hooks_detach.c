/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit hooks --detach`: removes the kernel programs that an agent left for the next one. */
#include "cli/hooks_detach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/pinned.h"
#include "cli/command.h"

static int refuse(int error, const struct na_buffer *why)
{
	if (error == -ENODEV) {
		printf("nothing is attached: %.*s\n", (int)why->length, why->data);
		return NA_EXIT_DONE;
	}
	if (error == -EBUSY) {
		fprintf(stderr, "netaudit: %.*s: stop it first\n", (int)why->length, why->data);
		return NA_EXIT_TRY_AGAIN;
	}
	fprintf(stderr, "netaudit: %.*s\n", (int)why->length, why->length ? why->data : "");
	return error == -EPERM || error == -EACCES ? NA_EXIT_NOT_PERMITTED : NA_EXIT_CANNOT_CREATE;
}

/* Only the service itself can ask for them; they report into rings that nobody reads. */
static int tell_held(size_t held)
{
	fprintf(stderr,
		"netaudit: %zu kprobes stay attached, for the service manager keeps them:\n"
		"it lets go of them when it has stopped the unit, with\n"
		"FileDescriptorStorePreserve=yes when it is told to\n"
		"(systemctl clean --what=fdstore UNIT), and the next start detaches them\n",
		held);
	return NA_EXIT_TRY_AGAIN;
}

static int remove_all(const struct na_pins *pins)
{
	size_t links = 0, held = na_pins_held(pins);
	int error = na_pins_remove_all(pins, &links);

	if (error < 0) {
		fprintf(stderr, "netaudit: %s cannot be removed: %s\n", na_pins_path(pins),
			strerrordesc_np(-error));
		return NA_EXIT_CANNOT_CREATE;
	}
	if (links)
		printf("%zu kernel programs detached, %s removed\n", links, na_pins_path(pins));
	else if (!held)
		printf("nothing is attached: %s holds no kernel programs\n", na_pins_path(pins));
	return held ? tell_held(held) : NA_EXIT_DONE;
}

/* ------------------------------------------------------------------------------------------- */

int na_hooks_detach(void)
{
	const char *bpffs = getenv("NETAUDIT_TEST_BPFFS");
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_pins *pins;
	int error = na_pins_open(bpffs ? bpffs : NA_PIN_BPFFS, &pins, &why);

	if (error < 0)
		return refuse(error, &why);
	error = remove_all(pins);
	na_pins_close(&pins);
	return error;
}
