/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/route.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/sha256.h"

#define TOKEN_MAX 256

/* "/api/42/envelope/" and "/api/42/store/"; the slash at the end may be missing. */
static int sentry_kind(const char *path)
{
	const char *p = path + strlen("/api/");
	const size_t digits = strspn(p, "0123456789");
	size_t n;

	if (digits == 0 || digits > 20 || p[digits] != '/')
		return -1;
	p += digits + 1;
	n = strlen(p);
	n -= n && p[n - 1] == '/';
	if (n == strlen("envelope") && memcmp(p, "envelope", n) == 0)
		return INTAKE_SENTRY;
	return n == strlen("store") && memcmp(p, "store", n) == 0 ? INTAKE_SENTRY_EVENT : -1;
}

int route_kind(const char *path)
{
	static const struct {
		const char *path;
		int kind;
	} plain[] = {
		{ "/v1/traces", INTAKE_OTLP_TRACES },
		{ "/v1/logs", INTAKE_OTLP_LOGS },
		{ "/alertmanager", INTAKE_ALERTMANAGER },
		{ "/v1/incidents", INTAKE_NATIVE },
		{ "/v1/text", INTAKE_TEXT },
	};

	if (strncmp(path, "/api/", strlen("/api/")) == 0)
		return sentry_kind(path);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(path, plain[i].path) == 0)
			return plain[i].kind;
	return -1;
}

static bool is_token(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '~';
}

static const char *token_at(const char *p, size_t *n)
{
	*n = 0;
	while (is_token(p[*n]) && *n <= TOKEN_MAX)
		++*n;
	return *n && *n <= TOKEN_MAX ? p : NULL;
}

const char *route_sentry_key(const char *header, size_t *n)
{
	static const char name[] = "sentry_key=";
	const char *p = header;

	if (strncasecmp(p, "Sentry", strlen("Sentry")) != 0)
		return NULL;
	for (p += strlen("Sentry"); *p;) {
		p += strspn(p, " \t,");
		if (strncmp(p, name, strlen(name)) == 0)
			return token_at(p + strlen(name), n);
		p += strcspn(p, ",");
	}
	return NULL;
}

const char *route_bearer(const char *header, size_t *n)
{
	static const char scheme[] = "Bearer ";

	if (strncasecmp(header, scheme, strlen(scheme)) != 0)
		return NULL;
	header += strlen(scheme);
	return token_at(header + strspn(header, " "), n);
}

int route_encoding(const char *header)
{
	static const struct {
		const char *word;
		int encoding;
	} known[] = {
		{ "identity", INTAKE_PLAIN },
		{ "gzip", INTAKE_GZIP },
		{ "zstd", INTAKE_ZSTD },
		{ "", INTAKE_PLAIN },
	};

	for (size_t i = 0; header && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(header, known[i].word) == 0)
			return known[i].encoding;
	return header ? -1 : INTAKE_PLAIN;
}

static bool is_type(const char *content_type, const char *type)
{
	const size_t n = strlen(type);

	return content_type && strncasecmp(content_type, type, n) == 0 &&
	       (content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ');
}

bool route_is_protobuf(const char *content_type)
{
	return is_type(content_type, "application/x-protobuf");
}

bool route_is_json(const char *content_type)
{
	return is_type(content_type, "application/json");
}

int route_source(const struct intake_setup *s, const char *token, size_t n)
{
	const struct intake_source *const v = s->sources.v;
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	int found = -1;

	sha256_of(token, n, digest);
	sha256_hex(digest, hex);
	for (size_t i = 0; i < s->sources.n; i++) {
		const char *want = v[i].token_sha256;
		unsigned differs = 0;

		if (strlen(want) != SHA256_HEX - 1)
			continue; /* the configuration's matter, not the token's */
		for (size_t k = 0; k < SHA256_HEX - 1; k++)
			differs |= (unsigned char)want[k] ^ (unsigned char)hex[k];
		if (!differs)
			found = (int)i;
	}
	return found;
}

uint64_t bucket_take(struct bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ms)
{
	const uint64_t full = burst * 1000;
	const uint64_t gone = now_ms - b->at_ms;

	/* a millisecond earns `rate` thousandths */
	if (b->at_ms == 0 || gone > 3600000 || b->level + (gone * rate) > full)
		b->level = full;
	else
		b->level += gone * rate;
	b->at_ms = now_ms;
	if (b->level >= 1000) {
		b->level -= 1000;
		return 0;
	}
	if (rate == 0)
		return 1;
	return 1 + ((((1000 - b->level + rate - 1) / rate) - 1) / 1000);
}
