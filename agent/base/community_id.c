/* SPDX-License-Identifier: Apache-2.0 */
/* Community ID v1: SHA-1 over the ordered five-tuple, in base64. */

/*
 * The obvious EVP_Digest looks its algorithm up in each call: 300 ns, or 136 ns with one fetched
 * before, which somebody would have to own. The functions below take 50 ns and no state. They are
 * deprecated since OpenSSL 3.0; this may go when EVP can do the same without a context.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/community_id.h"

#include <netinet/in.h>
#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define SEED_SIZE 2
#define TUPLE_SIZE                                                                                 \
	(SEED_SIZE + 2 * 16 + 2 + 2 * 2) /* both addresses, protocol and padding, ports */

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static uint8_t *append(uint8_t *at, const void *data, size_t length)
{
	memcpy(at, data, length);
	return at + length;
}

static uint8_t *append_port(uint8_t *at, uint16_t port)
{
	*at++ = (uint8_t)(port >> 8);
	*at++ = (uint8_t)port;
	return at;
}

/* The smaller address and port come first, so that both directions give the same. */
static bool is_swapped(const struct na_address *source, uint16_t source_port,
		       const struct na_address *destination, uint16_t destination_port)
{
	int order = memcmp(source->bytes, destination->bytes, sizeof(source->bytes));

	return order > 0 || (order == 0 && source_port > destination_port);
}

static size_t build_tuple(const struct na_address *first, uint16_t first_port,
			  const struct na_address *second, uint16_t second_port, uint8_t protocol,
			  uint8_t ret_tuple[TUPLE_SIZE])
{
	bool v4 = na_address_is_v4(first) && na_address_is_v4(second);
	size_t skip = v4 ? 12 : 0;
	uint8_t *at = ret_tuple;

	at = append(at, "\0", SEED_SIZE);
	at = append(at, first->bytes + skip, sizeof(first->bytes) - skip);
	at = append(at, second->bytes + skip, sizeof(second->bytes) - skip);
	*at++ = protocol;
	*at++ = 0;
	if (has_ports(protocol)) {
		at = append_port(at, first_port);
		at = append_port(at, second_port);
	}
	return (size_t)(at - ret_tuple);
}

/* ------------------------------------------------------------------------------------------- */

size_t na_community_id(const struct na_address *source, uint16_t source_port,
		       const struct na_address *destination, uint16_t destination_port,
		       uint8_t protocol, char ret_text[NA_COMMUNITY_ID_SIZE])
{
	uint8_t tuple[TUPLE_SIZE], digest[SHA_DIGEST_LENGTH];
	size_t length;
	SHA_CTX sha;

	ret_text[0] = '\0';
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		return 0;
	if (is_swapped(source, source_port, destination, destination_port))
		length = build_tuple(destination, destination_port, source, source_port, protocol,
				     tuple);
	else
		length = build_tuple(source, source_port, destination, destination_port, protocol,
				     tuple);
	SHA1_Init(&sha);
	SHA1_Update(&sha, tuple, length);
	SHA1_Final(digest, &sha);
	memcpy(ret_text, "1:", 2);
	return 2 + (size_t)EVP_EncodeBlock((unsigned char *)ret_text + 2, digest, sizeof(digest));
}
