/* SPDX-License-Identifier: Apache-2.0 */
/* Recognises the records of the self-test. */
#include "capture/own.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

static __u32 bit(enum na_own_version version, enum na_own_kind kind)
{
	return UINT32_C(1) << (version * 8 + kind);
}

static void see(struct na_own *own, unsigned int program, enum na_own_version version,
		enum na_own_kind kind)
{
	own->seen[program] |= bit(version, kind);
}

static bool find(const struct na_own *own, __u64 cookie, __u64 inode,
		 enum na_own_version *ret_version)
{
	for (size_t i = 0; i < own->count; i++) {
		bool same = (cookie && cookie == own->sockets[i].cookie) ||
			    (inode && inode == own->sockets[i].inode);

		if (!same)
			continue;
		*ret_version = own->sockets[i].version;
		return true;
	}
	return false;
}

/* The programs that know the peer make no record; that a flow has its peer shows that they ran. */
static void see_flow(struct na_own *own, const struct na_record_flow *flow,
		     enum na_own_version version)
{
	bool v6 = version == NA_OWN_V6;

	see(own, flow->header.program, version, NA_OWN_ANY);
	if (flow->sent_packets) {
		see(own, NA_PROGRAM_SEND_LENGTH, version, NA_OWN_ANY);
		if (flow->remote_port)
			see(own, v6 ? NA_PROGRAM_SENDMSG6 : NA_PROGRAM_SENDMSG4, version,
			    NA_OWN_ANY);
	}
	if (flow->received_packets) {
		see(own, NA_PROGRAM_RECV_LENGTH, version, NA_OWN_ANY);
		if (flow->remote_port)
			see(own, v6 ? NA_PROGRAM_RECVMSG6 : NA_PROGRAM_RECVMSG4, version,
			    NA_OWN_ANY);
	}
}

static enum na_own_kind kind_of(const struct na_record_header *record)
{
	switch (record->type) {
	case NA_RECORD_STATE:
		return ((const struct na_record_state *)record)->now == TCP_LISTEN
			       ? NA_OWN_LISTENING
			       : NA_OWN_ESTABLISHED;
	case NA_RECORD_ENDED:
		return NA_OWN_ENDED;
	case NA_RECORD_RESULT:
		if (record->program != NA_PROGRAM_SYS_EXIT &&
		    record->program != NA_PROGRAM_URING_COMPLETE)
			return NA_OWN_ANY;
		return ((const struct na_record_result *)record)->operation == NA_OPERATION_SHUTDOWN
			       ? NA_OWN_SHUTDOWN
			       : NA_OWN_NOT_NEEDED;
	case NA_RECORD_CREATED: /* of sys_exit: other families' */
		return record->program == NA_PROGRAM_SYS_EXIT ? NA_OWN_NOT_NEEDED : NA_OWN_ANY;
	default:
		return NA_OWN_ANY;
	}
}

/* Every record of a socket begins with its cookie, and all but BIND's go on with its inode. */
static bool takes_socket(struct na_own *own, const struct na_record_header *record)
{
	const __u64 *ids = (const __u64 *)(record + 1);
	enum na_own_version version;

	if (!find(own, ids[0], record->type == NA_RECORD_BIND ? 0 : ids[1], &version)) {
		/* One that could not be made has neither, nor one that is still to be. */
		return (record->type == NA_RECORD_CREATED || record->type == NA_RECORD_HOOK) &&
		       !ids[0] && !ids[1] && record->pid == own->agent_pid;
	}
	if (record->type == NA_RECORD_FLOW)
		see_flow(own, (const struct na_record_flow *)record, version);
	else
		see(own, record->program, version, kind_of(record));
	return true;
}

static bool takes_process(struct na_own *own, const struct na_record_header *record)
{
	bool ours = own->child_pid && record->pid == own->child_pid;

	if (record->type == NA_RECORD_FORKED && record->pid == own->agent_pid && !own->child_pid) {
		own->child_pid = ((const struct na_record_forked *)record)->child_pid;
		ours = true;
	}
	if (record->type == NA_RECORD_EXEC && !own->child_pid &&
	    ((const struct na_record_exec *)record)->parent_pid == own->agent_pid) {
		own->child_pid = record->pid;
		ours = true;
	}
	if (ours)
		see(own, record->program, NA_OWN_OTHER, NA_OWN_ANY);
	return ours;
}

/* ------------------------------------------------------------------------------------------- */

int na_own_add(struct na_own *own, enum na_own_version version, int fd)
{
	struct stat status;
	__u64 cookie = 0;
	socklen_t size = sizeof(cookie);

	assert(own->count < NA_OWN_SOCKETS_MAX);
	if (fstat(fd, &status) < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0)
		return -errno;
	own->sockets[own->count].cookie = cookie;
	own->sockets[own->count].inode = status.st_ino;
	own->sockets[own->count++].version = version;
	return 0;
}

void na_own_need(struct na_own *own, enum na_program program, enum na_own_version version,
		 enum na_own_kind kind)
{
	own->needed[program] |= bit(version, kind);
}

bool na_own_takes(struct na_own *own, const struct na_record_header *record)
{
	switch (record->type) {
	case NA_RECORD_LOST:
		return false;
	case NA_RECORD_FORKED:
	case NA_RECORD_EXEC:
	case NA_RECORD_EXITED:
		return takes_process(own, record);
	default:
		return takes_socket(own, record);
	}
}
