/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C, by the CPU's instruction or by table. */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HAVE_INSTRUCTION 1
#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#include <sys/auxv.h>
#define HAVE_INSTRUCTION 1
#define WITH_INSTRUCTION
#define HWCAP_CRC32_BIT (1UL << 7) /* HWCAP_CRC32 of <asm/hwcap.h> */
#else
#define HAVE_INSTRUCTION 0
#endif

#if HAVE_INSTRUCTION
/* Asked each time: it is one load, and needs no state of ours. */
static bool has_instruction(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("sse4.2");
#else
	return getauxval(AT_HWCAP) & HWCAP_CRC32_BIT;
#endif
}

WITH_INSTRUCTION static inline uint32_t add_u64(uint32_t crc, uint64_t value)
{
#if defined(__x86_64__)
	return (uint32_t)_mm_crc32_u64(crc, value);
#else
	/* Not <arm_acle.h>: gcc and clang disagree on how one function alone gets the extension. */
	asm(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(value));
	return crc;
#endif
}

WITH_INSTRUCTION static inline uint32_t add_u8(uint32_t crc, uint8_t value)
{
#if defined(__x86_64__)
	return _mm_crc32_u8(crc, value);
#else
	asm(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(value));
	return crc;
#endif
}

WITH_INSTRUCTION static uint32_t by_instruction(uint32_t crc, const uint8_t *data, size_t length)
{
	crc = ~crc;
	for (; length >= sizeof(uint64_t); data += sizeof(uint64_t), length -= sizeof(uint64_t)) {
		uint64_t value;

		memcpy(&value, data, sizeof(value));
		crc = add_u64(crc, value);
	}
	for (; length > 0; data++, length--)
		crc = add_u8(crc, *data);
	return ~crc;
}
#endif

/* ------------------------------------------------------------------------------------------- */

uint32_t na_crc32c(uint32_t crc, const void *data, size_t length)
{
#if HAVE_INSTRUCTION
	if (has_instruction())
		return by_instruction(crc, data, length);
#endif
	return na_crc32c_by_table(crc, data, length);
}

/* Half a byte at a time: rarely needed, so a table that can be read is worth more than speed. */
uint32_t na_crc32c_by_table(uint32_t crc, const void *data, size_t length)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const uint8_t *bytes = data;

	crc = ~crc;
	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}
