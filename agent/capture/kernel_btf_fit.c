/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the kernel itself whether types from a file are its own (bpf/fit.bpf.c). */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "base/cleanup.h"
#include "capture/kernel_btf.h"
#include "fit.skel.h"

#define OWN_NETWORK "/proc/self/ns/net"
#define OWN_EXECUTABLE "/proc/self/exe"
#define NAME "netaudit"
#define KERNELS_NAME "memfd:" NAME /* of the file, in the kernel */
#define SLABS "/sys/kernel/slab/"

/* By what the program finds wrong. */
static const char *const structs[] = {NULL,   "task_struct", "cred", "cgroup", "mm_struct",
				      "file", "socket",      "sock", "net",    "dentry"};

/* Slabs of one struct alone, with its size. */
static const struct {
	const char *slab, *name;
} slabs[] = {{"TCP", "tcp_sock"}, {"UDP", "udp_sock"}};

static int explain(const char *path, const char *name, struct na_buffer *why)
{
	na_buffer_printf(why, "%s is of another kernel: struct %s is not as it says", path, name);
	return -EINVAL;
}

/* Not there where the kernel was built without SLUB's part of /sys. */
static int check_slabs(const char *path, const struct btf *btf, struct na_buffer *why)
{
	for (size_t i = 0; i < sizeof(slabs) / sizeof(*slabs); i++) {
		char file_path[128];
		int id = btf__find_by_name_kind(btf, slabs[i].name, BTF_KIND_STRUCT);
		long long size;

		snprintf(file_path, sizeof(file_path), SLABS "%s/object_size", slabs[i].slab);
		NA_FCLOSE FILE *file = fopen(file_path, "re");
		if (id < 0 || !file || fscanf(file, "%lld", &size) != 1)
			continue;
		if (size != btf__resolve_size(btf, (__u32)id))
			return explain(path, slabs[i].name, why);
	}
	return 0;
}

/* A socket of which all is known; the caller closes it. */
static int find_socket(struct fit_bpf *bpf)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address), cookie_size = sizeof(__u64);
	struct stat status, network;
	__u64 cookie;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0 || fstat(fd, &status) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &cookie_size) < 0 ||
	    stat(OWN_NETWORK, &network) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	bpf->data_fit->fit.fd = fd;
	bpf->data_fit->fit.cookie = cookie;
	bpf->data_fit->fit.inode = status.st_ino;
	bpf->data_fit->fit.netns = (__u32)network.st_ino;
	bpf->data_fit->fit.port = ntohs(address.sin_port);
	return fd;
}

static int ask(struct fit_bpf *bpf, const char *path, struct na_buffer *why)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	volatile __typeof__(bpf->data_fit->fit) *fit = &bpf->data_fit->fit;
	NA_CLOSE int fd = find_socket(bpf);
	NA_CLOSE int executable = open(OWN_EXECUTABLE, O_PATH | O_CLOEXEC);
	NA_CLOSE int named = memfd_create(NAME, MFD_CLOEXEC);
	size_t wrong;

	if (fd < 0)
		return 0;
	bpf->data_fit->fit.executable = executable;
	bpf->data_fit->fit.named = named;
	memcpy(bpf->data_fit->fit.name, KERNELS_NAME, sizeof(KERNELS_NAME));
	if (bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.raw_tp__fit), &options) < 0 ||
	    !fit->done)
		return 0;
	wrong = fit->wrong < sizeof(structs) / sizeof(*structs) ? fit->wrong : 1;
	return wrong ? explain(path, structs[wrong], why) : 0;
}

_Static_assert(sizeof(KERNELS_NAME) <= sizeof(((struct fit_bpf__data_fit *)NULL)->fit.name),
	       "the name is compared whole");

/* ------------------------------------------------------------------------------------------- */

int na_kernel_btf_try(const char *path, struct na_buffer *why)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = path);
	struct fit_bpf *bpf = fit_bpf__open_opts(&options);
	struct btf *btf = btf__parse(path, NULL);
	int error = btf ? check_slabs(path, btf, why) : 0;
	int loaded = bpf ? fit_bpf__load(bpf) : -ENOMEM;

	if (!error && loaded == 0)
		error = ask(bpf, path, why);
	else if (!error && loaded == -EINVAL) /* what libbpf did not find */
		error = explain(path, "that programs read", why);
	fit_bpf__destroy(bpf);
	btf__free(btf);
	return error;
}
