/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* SHA-256 (FIPS 180-4); uses the CPU's SHA instructions where it has them. */
#define SHA256_LEN 32
#define SHA256_HEX 65 /* with the NUL */

struct sha256 {
	uint32_t h[8];
	uint64_t total;
	uint8_t block[64];
	size_t fill;
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t n);
void sha256_final(struct sha256 *s, uint8_t out[SHA256_LEN]);
void sha256_of(const void *data, size_t n, uint8_t out[SHA256_LEN]);
void sha256_hex(const uint8_t digest[SHA256_LEN], char out[SHA256_HEX]);
/* HMAC-SHA256 (RFC 2104). */
void hmac_sha256(const void *key, size_t key_n, const void *data, size_t n,
		 uint8_t out[SHA256_LEN]);
/* Digest of the rest of a file, as lower-case hex. */
int sha256_fd(int fd, char out[SHA256_HEX], struct err *e);
