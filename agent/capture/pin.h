/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of pins: kernel programs and maps that stay when the agent ends. Below it a folder for
 * each layout (capture/layout.h), flat: `link_…`, `map_…`, and `memory`, which is put last and
 * taken first, so that a folder without it is half made. Main thread.
 *
 * A lock on the folder says that an agent runs: two never share pins.
 */
#ifndef NA_PIN_H
#define NA_PIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

#define NA_PIN_BPFFS "/sys/fs/bpf"
#define NA_PIN_FOLDER "netaudit"
#define NA_PIN_MEMORY "memory"
#define NA_PIN_LAYOUT_MAX 32 /* bytes of a layout's name, NUL included */

struct na_pins;

/* Is a bpffs mounted there? */
bool na_pins_are_possible(const char *bpffs);

/*
 * Makes the folder below `bpffs` and locks it. -ENODEV: no bpffs is mounted there; -EBUSY: an agent
 * has it; others: it cannot be made; `why` got a sentence.
 */
int na_pins_open(const char *bpffs, struct na_pins **ret_pins, struct na_buffer *why);
void na_pins_close(struct na_pins **pins);

/* Of the folder, as people know it. Borrowed. */
const char *na_pins_path(const struct na_pins *pins);

/* Pins a map or link, and makes the layout's folder for it. 0 or negative errno. */
int na_pins_put(const struct na_pins *pins, const char *layout, const char *name, int fd);

/* A descriptor of what is pinned, or negative errno. The caller closes it. */
int na_pins_get(const struct na_pins *pins, const char *layout, const char *name);

/*
 * Unpins all of a layout: what nobody holds open is detached, which may take seconds. 0 or the
 * first failure; then the rest is gone all the same.
 */
int na_pins_remove(const struct na_pins *pins, const char *layout);

/* Calls for each layout that is there, whole or not; it may be removed. The first non-zero value.
 */
typedef int na_pins_each(void *context, const char *layout);
int na_pins_list(const struct na_pins *pins, na_pins_each *each, void *context);

/* Removes all layouts and the folder. `ret_links`: how many programs were pinned. */
int na_pins_remove_all(const struct na_pins *pins, size_t *ret_links);

#endif
