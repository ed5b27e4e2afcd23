/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/broker/registry_auth.h"
#include "runtime/proto/broker_registry.h"

/* The first byte chooses: a reference, a challenge, a token server's answer, an error body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void trap_unless(int fine)
{
	if (!fine)
		__builtin_trap();
}

/* What is accepted says the same when it is written again. */
static void fuzz_ref(const char *text)
{
	struct registry_ref r, again;
	struct err e = ERR_INIT;
	char back[900];

	if (registry_ref_parse(text, &r, &e) < 0) {
		trap_unless(e.code == EINVAL && e.msg[0]);
		return;
	}
	(void)snprintf(back, sizeof(back), "%s/%s%s%s%s%s", r.host, r.repository,
		       r.tag[0] ? ":" : "", r.tag, r.digest[0] ? "@" : "", r.digest);
	trap_unless(strcmp(back, text) == 0 && registry_ref_parse(back, &again, &e) == 0 &&
		    strcmp(again.host, r.host) == 0 && strcmp(again.repository, r.repository) == 0);
}

/* Whatever it holds, only what may stand in a URL goes into the query. */
static void fuzz_challenge(const char *text)
{
	AUTO_BUF struct buf url = BUF_INIT(8192);
	struct challenge c;
	struct err e = ERR_INIT;

	if (challenge_parse(text, &c, &e) < 0) {
		trap_unless(e.code == EBADMSG && e.msg[0]);
		return;
	}
	trap_unless(c.scheme != CHALLENGE_BEARER || c.realm[0]);
	if (c.scheme == CHALLENGE_BEARER && challenge_url(&c, "a/b", &url, &e) == 0)
		for (const char *p = url.p + strlen(c.realm); *p; p++)
			trap_unless((unsigned char)*p > ' ' && (unsigned char)*p < 0x7f);
}

static void fuzz_token(const char *text, size_t n)
{
	struct err e = ERR_INIT;
	char *token = NULL;

	if (token_read(text, n, &token, &e) < 0) {
		trap_unless(e.msg[0] && !token);
		return;
	}
	for (const char *p = token; *p; p++)
		trap_unless(isgraph((unsigned char)*p));
	free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, code[48];

	if (size == 0)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 4) {
	case 0:
		fuzz_ref(text);
		break;
	case 1:
		fuzz_challenge(text);
		break;
	case 2:
		fuzz_token(text, size - 1);
		break;
	default:
		registry_error_code(text, size - 1, code);
		trap_unless(strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(code));
	}
	free(text);
	return 0;
}
