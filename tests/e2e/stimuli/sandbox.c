/* SPDX-License-Identifier: Apache-2.0 */
/* Surroundings for a case. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mntent.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "process.h"
#include "stimulus.h"

#define NOBODY 65534

void netns_enter(void)
{
	MUST(unshare(CLONE_NEWNET));
	if (command("ip link set lo up"))
		case_die("ip");
}

void veth_make(pid_t peer)
{
	const char *failed = "this kernel has no veth";

	if (command("ip link add v0 type veth peer name v1"))
		case_skip("%s", failed);
	if (peer && command("ip link set v1 netns %d && nsenter -t %d -n sh -c 'ip addr add "
			    "10.77.0.2/24 dev v1 && "
			    "ip link set v1 address 02:00:00:00:00:02 up && "
			    "ip neigh add 10.77.0.1 lladdr 02:00:00:00:00:01 dev v1 nud permanent'",
			    (int)peer, (int)peer))
		case_die("ip, other end");
	if (!peer && command("ip link set v1 up"))
		case_die("ip");
	if (command("ip addr add 10.77.0.1/24 dev v0 && ip link set v0 address 02:00:00:00:00:01 "
		    "up && "
		    "ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent"))
		case_die("ip");
}

void veth_break(void)
{
	/* The other end drops frames that are for another station. */
	if (command("ip neigh replace 10.77.0.2 lladdr 02:00:00:00:00:99 dev v0 nud permanent"))
		case_die("ip");
}

bool sysctl_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return false;
	MUST(fd);
	MUST(write(fd, value, strlen(value)));
	close(fd);
	return true;
}

void become_nobody(char **argv)
{
	if (geteuid() != 0)
		return;
	MUST(setgroups(0, NULL));
	MUST(setresgid(NOBODY, NOBODY, NOBODY));
	MUST(setresuid(NOBODY, NOBODY, NOBODY));
	execv("/proc/self/exe", argv);
	case_die("exec as nobody");
}

void seccomp_refuse(const int *calls, int count)
{
	struct sock_filter filter[32];
	struct sock_fprog program = {.filter = filter};
	unsigned short n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, nr));
	for (int i = 0; i < count; i++) {
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (unsigned int)calls[i], 0, 1);
		filter[n++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/* By number: the headers are older than its network rules (6.7). */
#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_TCP (1 | 2) /* LANDLOCK_ACCESS_NET_BIND_TCP, _CONNECT_TCP */
#define LANDLOCK_ABSTRACT 1  /* LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, from 6.12 */

/* Kernels refuse what they do not know, unless it is zero. */
static bool landlock_refuse(uint64_t network, uint64_t scope)
{
	const struct {
		uint64_t files, network, scope;
	} handled = {0, network, scope};
	long ruleset = syscall(LANDLOCK_CREATE_RULESET, &handled, sizeof(handled), 0);

	if (ruleset < 0)
		return false;
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0));
	MUST(close((int)ruleset));
	return true;
}

bool landlock_refuse_tcp(void)
{
	return landlock_refuse(LANDLOCK_TCP, 0);
}

bool landlock_refuse_abstract(void)
{
	return landlock_refuse(0, LANDLOCK_ABSTRACT);
}

/* Files and signals as ever, no socket. Of the kernel's features, not of those of a release. */
#define PROFILE                                                                                    \
	"abi <kernel>, profile netaudit-e2e flags=(attach_disconnected) "                          \
	"{ file, capability, signal, }"

bool apparmor_load(void)
{
	if (access("/sys/kernel/security/apparmor/profiles", F_OK) < 0 ||
	    command("command -v apparmor_parser"))
		return false;
	if (command("echo '%s' | apparmor_parser --quiet --skip-cache --replace", PROFILE))
		case_die("apparmor_parser");
	return true;
}

void apparmor_unload(void)
{
	if (command("echo '%s' | apparmor_parser --quiet --remove", PROFILE))
		case_die("apparmor_parser");
}

void apparmor_enter(void)
{
	const char *change = "changeprofile netaudit-e2e";
	int fd = open("/proc/self/attr/apparmor/current", O_WRONLY | O_CLOEXEC);

	if (fd < 0) /* before 5.1 AppArmor has no folder of its own */
		fd = MUST(open("/proc/self/attr/current", O_WRONLY | O_CLOEXEC));
	MUST(write(fd, change, strlen(change)));
	MUST(close(fd));
}

static char cgroup[512];

static void cgroup_find(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;

	while (mounts && (mount = getmntent(mounts)))
		if (!strcmp(mount->mnt_type, "cgroup2"))
			snprintf(cgroup, sizeof(cgroup), "%s/netaudit-e2e-%d", mount->mnt_dir,
				 (int)getpid());
	if (mounts)
		endmntent(mounts);
	if (!cgroup[0])
		case_skip("no cgroup2 is mounted");
}

static int program_load(union bpf_attr *attributes, const struct bpf_insn *program, __u32 count)
{
	attributes->insns = (__u64)(unsigned long)program;
	attributes->insn_cnt = count;
	attributes->license = (__u64)(unsigned long)"GPL";
	/* Before 5.11 programs count as locked memory; where it may not be set the load says so. */
	(void)setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, attributes, sizeof(*attributes));
}

static int program_load_for_cgroup(void)
{
	static const struct bpf_insn refuse[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		.expected_attach_type = BPF_CGROUP_INET4_CONNECT,
	};

	return MUST(program_load(&attributes, refuse, sizeof(refuse) / sizeof(*refuse)));
}

/* Without it in the list its programs load, and are never asked. */
static bool bpf_is_asked(void)
{
	FILE *list = fopen("/sys/kernel/security/lsm", "re");
	char name[32];
	bool found = false;

	while (list && !found && fscanf(list, "%31[^,\n],", name) == 1)
		found = !strcmp(name, "bpf");
	if (list)
		fclose(list);
	return found;
}

int lsm_refuse_created(void)
{
	const struct bpf_insn refuse[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_pid_tgid},
		{.code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = BPF_REG_0, .imm = 32},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -EACCES},
		{.code = BPF_JMP | BPF_JEQ | BPF_K,
		 .dst_reg = BPF_REG_1,
		 .off = 1,
		 .imm = getpid()},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int hook = libbpf_find_vmlinux_btf_id("socket_post_create", BPF_LSM_MAC);
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_LSM,
		.expected_attach_type = BPF_LSM_MAC,
		.attach_btf_id = (__u32)hook,
	};
	int program, link;

	if (hook < 0 || !bpf_is_asked())
		return -1;
	program = program_load(&attributes, refuse, sizeof(refuse) / sizeof(*refuse));
	if (program < 0)
		return -1;
	attributes = (union bpf_attr){.raw_tracepoint.prog_fd = (__u32)program};
	link = (int)syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attributes, sizeof(attributes));
	close(program);
	return link;
}

void cgroup_make_refusing(void)
{
	union bpf_attr attributes = {.attach_type = BPF_CGROUP_INET4_CONNECT,
				     .attach_flags = BPF_F_ALLOW_MULTI};

	cgroup_find();
	MUST(mkdir(cgroup, 0755));
	attributes.target_fd = (__u32)MUST(open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	attributes.attach_bpf_fd = (__u32)program_load_for_cgroup();
	MUST(syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof(attributes)));
	close((int)attributes.attach_bpf_fd);
	close((int)attributes.target_fd);
}

void cgroup_enter(void)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = MUST(open(path, O_WRONLY | O_CLOEXEC));
	MUST(write(fd, "0", 1));
	close(fd);
}

void cgroup_remove(void)
{
	MUST(rmdir(cgroup));
}
