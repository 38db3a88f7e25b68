/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Community ID v1 (github.com/corelight/community-id-spec), seed 0: a text that is the same for
 * both directions of a flow, and in every tool that computes it. Any thread.
 */
#ifndef NA_COMMUNITY_ID_H
#define NA_COMMUNITY_ID_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* "1:", 20 bytes in base64, NUL. */
#define NA_COMMUNITY_ID_SIZE 31

/*
 * Writes the id and a NUL, returns its length. `protocol` is the one on the wire: IPPROTO_TCP for
 * an MPTCP socket. Ports count for TCP, UDP and SCTP only, as the specification says. ICMP and
 * ICMPv6 are hashed by type and code, which a socket does not know: 0 for them, and no id.
 */
size_t na_community_id(const struct na_address *source, uint16_t source_port,
		       const struct na_address *destination, uint16_t destination_port,
		       uint8_t protocol, char ret_text[NA_COMMUNITY_ID_SIZE]);

#endif
