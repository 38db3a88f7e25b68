/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lsm tier: programs that are hooks of the BPF LSM. It is the last of the list, so they see what the
 * earlier LSMs allowed; what those refused shows in the results (fexit.bpf.c). They return the verdict
 * that they were given: we observe, we never decide.
 */
#include "hook.h"
#include "lifecycle.h"

char LICENSE[] SEC("license") = "GPL";

#define NA_HOOK(id, name, function, slots, about, address, first, first_is, second, second_is, returns,  \
		where, operation, mode)                                                            \
	SEC("lsm/" #name)                                                                          \
	int lsm__##name(unsigned long long *ctx)                                                   \
	{                                                                                          \
		HOOK_BODY(ctx, id, about, address, first, second, where, operation,                \
			  HOOK_RETURNS_##returns(ctx, id), NA_PROGRAM_LSM_##id);                   \
		return HOOK_RETURNS_##returns(ctx, id);                                            \
	}
#include "hooks.def"

SEC("lsm/sock_graft")
int BPF_PROG(lsm__accepted, struct sock *sk, struct socket *parent)
{
	return accepted__by_hook(sk, parent, NA_PROGRAM_LSM_ACCEPTED, true);
}
