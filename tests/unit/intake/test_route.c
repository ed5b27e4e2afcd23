/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/route.h"

#include <string.h>

#include "runtime/base/sha256.h"
#include "tests/tap.h"

static void test_paths(void)
{
	static const struct {
		const char *path;
		int kind;
	} t[] = {
		{ "/api/42/envelope/", INTAKE_SENTRY },
		{ "/api/42/envelope", INTAKE_SENTRY },
		{ "/api/42/store/", INTAKE_SENTRY_EVENT },
		{ "/v1/traces", INTAKE_OTLP_TRACES },
		{ "/v1/logs", INTAKE_OTLP_LOGS },
		{ "/alertmanager", INTAKE_ALERTMANAGER },
		{ "/v1/incidents", INTAKE_NATIVE },
		{ "/api//envelope/", -1 },
		{ "/api/4x/envelope/", -1 },
		{ "/api/42/envelope/x", -1 },
		{ "/api/123456789012345678901/store/", -1 },
		{ "/v1/traces/", -1 },
		{ "/", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CHECK(route_kind(t[i].path) == t[i].kind);
}

static bool same(const char *p, size_t n, const char *want)
{
	return want ? p && n == strlen(want) && memcmp(p, want, n) == 0 : p == NULL;
}

static void test_tokens(void)
{
	static const struct {
		const char *header, *token;
	} sentry[] = {
		{ "Sentry sentry_version=7, sentry_key=abc123, sentry_client=x/1", "abc123" },
		{ "Sentry sentry_key=abc", "abc" },
		{ "Sentry sentry_secret_key=no", NULL },
		{ "Basic sentry_key=abc", NULL },
		{ "Sentry sentry_key=", NULL },
		{ "Sentry ,,,,", NULL },
	};
	static const struct {
		const char *header, *token;
	} bearer[] = {
		{ "Bearer t-0_k.n~", "t-0_k.n~" },
		{ "bearer   t", "t" },
		{ "Bearer ", NULL },
		{ "Basic dDp0", NULL },
	};
	size_t n = 0;
	const char *p;

	for (size_t i = 0; i < sizeof(sentry) / sizeof(sentry[0]); i++) {
		p = route_sentry_key(sentry[i].header, &n);
		CHECK(same(p, n, sentry[i].token));
	}
	for (size_t i = 0; i < sizeof(bearer) / sizeof(bearer[0]); i++) {
		p = route_bearer(bearer[i].header, &n);
		CHECK(same(p, n, bearer[i].token));
	}
}

static void test_sources(void)
{
	uint8_t digest[SHA256_LEN];
	char hex[2][SHA256_HEX];
	struct intake_source v[2] = { { .name = (char[]){ "a" }, .token_sha256 = hex[0] },
				      { .name = (char[]){ "b" }, .token_sha256 = hex[1] } };
	const struct intake_setup s = { .sources = { .v = v, .n = 2 } };

	sha256_of("first", 5, digest);
	sha256_hex(digest, hex[0]);
	sha256_of("second", 6, digest);
	sha256_hex(digest, hex[1]);
	CHECK_INT(route_source(&s, "second", 6), 1);
	CHECK_INT(route_source(&s, "first", 5), 0);
	CHECK_INT(route_source(&s, "firs", 4), -1);
	CHECK_INT(route_source(&s, hex[0], 64), -1);
}

static void test_headers(void)
{
	CHECK_INT(route_encoding(NULL), INTAKE_PLAIN);
	CHECK_INT(route_encoding("gzip"), INTAKE_GZIP);
	CHECK_INT(route_encoding("GZIP"), INTAKE_GZIP);
	CHECK_INT(route_encoding("br"), -1);
	CHECK_INT(route_encoding("gzip, gzip"), -1);
	CHECK(route_is_protobuf("application/x-protobuf"));
	CHECK(route_is_protobuf("application/x-protobuf; v=1"));
	CHECK(!route_is_protobuf("application/x-protobuffer"));
	CHECK(!route_is_protobuf(NULL));
}

static void test_bucket(void)
{
	struct bucket b = { 0 };
	uint64_t taken = 0, wait = 0;

	for (int i = 0; i < 20; i++)
		taken += bucket_take(&b, 10, 5, 1000) == 0;
	CHECK(taken == 5);
	wait = bucket_take(&b, 10, 5, 1000);
	CHECK(wait == 1);
	CHECK(bucket_take(&b, 10, 5, 1100) == 0);
	CHECK(bucket_take(&b, 10, 5, 1100) != 0);
	taken = 0;
	for (int i = 0; i < 20; i++)
		taken += bucket_take(&b, 10, 5, 900000) == 0;
	CHECK(taken == 5);
	b = (struct bucket){ 0 };
	(void)bucket_take(&b, 1, 1, 5);
	CHECK(bucket_take(&b, 1, 1, 5) == 1);
}

TAP_MAIN({ "a path says what a report is", test_paths },
	 { "tokens are found in the two headers, and nowhere else", test_tokens },
	 { "a token names its source by its digest alone", test_sources },
	 { "encodings and content types are known by their whole names", test_headers },
	 { "a source gets its burst at once and its rate afterwards", test_bucket })
