/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of pins. */
#include "capture/pin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"

#define LINKS "link_"

struct na_pins {
	char *path;
	int fd; /* of it, and of the lock */
};

static bool is_bpffs(const char *path)
{
	struct statfs status;

	return statfs(path, &status) == 0 && status.f_type == BPF_FS_MAGIC;
}

static int open_folder(struct na_pins *pins, const char *bpffs, struct na_buffer *why)
{
	if (asprintf(&pins->path, "%s/" NA_PIN_FOLDER, bpffs) < 0) {
		pins->path = NULL;
		return -ENOMEM;
	}
	if (!is_bpffs(bpffs)) {
		na_buffer_printf(why, "no bpffs is mounted at %s", bpffs);
		return -ENODEV;
	}
	if (mkdir(pins->path, 0700) < 0 && errno != EEXIST) {
		int error = -errno;

		na_buffer_printf(why, "%s cannot be made: %s", pins->path, strerrordesc_np(-error));
		return error;
	}
	pins->fd = open(pins->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pins->fd >= 0 && flock(pins->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK) {
		na_buffer_printf(why, "another netaudit has %s", pins->path);
		return -EBUSY;
	}
	na_buffer_printf(why, "%s cannot be opened: %s", pins->path, strerrordesc_np(errno));
	return -errno;
}

static char *path_of(const struct na_pins *pins, const char *layout, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s/%s", pins->path, layout, name) < 0 ? NULL : path;
}

static int open_layout(const struct na_pins *pins, const char *layout, DIR **ret_folder)
{
	int fd = openat(pins->fd, layout, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder) {
		int error = -errno;

		na_cleanup_fd(&fd);
		return error;
	}
	*ret_folder = folder;
	return 0;
}

static int count_links(void *context, const char *layout);

struct counting {
	const struct na_pins *pins;
	size_t links;
};

static int count_links(void *context, const char *layout)
{
	struct counting *counting = context;
	NA_CLOSEDIR DIR *folder = NULL;
	const struct dirent *entry;

	if (open_layout(counting->pins, layout, &folder) < 0)
		return 0;
	while ((entry = readdir(folder)))
		counting->links += strncmp(entry->d_name, LINKS, strlen(LINKS)) == 0;
	return 0;
}

static int remove_one(void *context, const char *layout)
{
	return na_pins_remove(context, layout);
}

/* ------------------------------------------------------------------------------------------- */

bool na_pins_are_possible(const char *bpffs)
{
	return is_bpffs(bpffs);
}

int na_pins_open(const char *bpffs, struct na_pins **ret_pins, struct na_buffer *why)
{
	struct na_pins *pins = calloc(1, sizeof(*pins));
	int error;

	if (!pins)
		return -ENOMEM;
	pins->fd = -1;
	error = open_folder(pins, bpffs, why);
	if (error < 0)
		na_pins_close(&pins);
	else
		*ret_pins = pins;
	return error;
}

void na_pins_close(struct na_pins **pointer)
{
	struct na_pins *pins = NA_TAKE_POINTER(*pointer);

	if (!pins)
		return;
	na_cleanup_fd(&pins->fd);
	free(pins->path);
	free(pins);
}

const char *na_pins_path(const struct na_pins *pins)
{
	return pins->path;
}

int na_pins_put(const struct na_pins *pins, const char *layout, const char *name, int fd)
{
	NA_FREE char *path = path_of(pins, layout, name);

	if (!path)
		return -ENOMEM;
	if (mkdirat(pins->fd, layout, 0700) < 0 && errno != EEXIST)
		return -errno;
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

int na_pins_get(const struct na_pins *pins, const char *layout, const char *name)
{
	NA_FREE char *path = path_of(pins, layout, name);
	int fd = path ? bpf_obj_get(path) : -ENOMEM;

	return fd < 0 ? -errno : fd;
}

int na_pins_remove(const struct na_pins *pins, const char *layout)
{
	NA_CLOSEDIR DIR *folder = NULL;
	const struct dirent *entry;
	int error = open_layout(pins, layout, &folder);

	if (error < 0)
		return error;
	unlinkat(dirfd(folder), NA_PIN_MEMORY, 0);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.' && unlinkat(dirfd(folder), entry->d_name, 0) < 0 &&
		    errno != ENOENT && !error)
			error = -errno;
	if (unlinkat(pins->fd, layout, AT_REMOVEDIR) < 0 && !error)
		error = -errno;
	return error;
}

/* Names that begin with a dot cannot be in a bpffs. */
int na_pins_list(const struct na_pins *pins, na_pins_each *each, void *context)
{
	NA_CLOSEDIR DIR *folder = opendir(pins->path);
	const struct dirent *entry;
	int result = 0;

	if (!folder)
		return -errno;
	while (!result && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			result = each(context, entry->d_name);
	return result;
}

int na_pins_remove_all(const struct na_pins *pins, size_t *ret_links)
{
	struct counting counting = {.pins = pins};
	int error = na_pins_list(pins, count_links, &counting);

	if (!error)
		error = na_pins_list(pins, remove_one, (void *)pins);
	if (!error && rmdir(pins->path) < 0)
		error = -errno;
	if (!error)
		*ret_links = counting.links;
	return error;
}
