/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/sha256.h"
#include "tests/tap.h"

static const char *mac(const void *key, size_t key_n, const char *data)
{
	static char hex[SHA256_HEX];
	uint8_t out[SHA256_LEN];

	hmac_sha256(key, key_n, data, strlen(data), out);
	sha256_hex(out, hex);
	return hex;
}

/* RFC 4231, cases 1, 2, 6 and 7. */
static void signatures_are_those_of_the_rfc(void)
{
	uint8_t key[131];

	memset(key, 0x0b, sizeof(key));
	CHECK_STR(mac(key, 20, "Hi There"),
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	CHECK_STR(mac("Jefe", 4, "what do ya want for nothing?"),
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	CHECK_STR(mac(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First"),
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	CHECK_STR(mac(key, 131,
		      "This is a test using a larger than block-size key and a larger than "
		      "block-size data. The key needs to be hashed before being used by the HMAC "
		      "algorithm."),
		  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TAP_MAIN(TEST(signatures_are_those_of_the_rfc))
