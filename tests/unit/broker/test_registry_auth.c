/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/registry_auth.h"
#include "agent/broker/registry_http.h"
#include "tests/tap.h"

static void challenges_are_read(void)
{
	static const struct {
		const char *text;
		enum challenge_scheme scheme;
		const char *realm, *service;
	} rows[] = {
		{ "Bearer "
		  "realm=\"https://a.example/token\",service=\"b\",scope=\"repository:x:pull\"",
		  CHALLENGE_BEARER, "https://a.example/token", "b" },
		{ "bearer Realm = \"r\" , SERVICE=token", CHALLENGE_BEARER, "r", "token" },
		{ "Basic realm=\"say \\\"hi\\\", please\"", CHALLENGE_BASIC, "say \"hi\", please",
		  "" },
		{ "Basic", CHALLENGE_BASIC, "", "" },
		{ "Negotiate, Basic realm=x", CHALLENGE_BASIC, "x", "" },
		{ "Negotiate YWJj==, Bearer realm=\"r\"", CHALLENGE_BEARER, "r", "" },
		{ "Basic realm=\"a\", Bearer realm=\"b\",service=\"s\"", CHALLENGE_BEARER, "b",
		  "s" },
		{ "Bearer realm=\"b\", Basic realm=\"a\"", CHALLENGE_BEARER, "b", "" },
		{ "Digest realm=\"a\", nonce=\"x=y\", qop=\"auth\"", CHALLENGE_NONE, "", "" },
		{ "", CHALLENGE_NONE, "", "" },
		{ " , ,", CHALLENGE_NONE, "", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct challenge c;
		struct err e = ERR_INIT;

		printf("# %s\n", rows[i].text);
		CHECK_INT(challenge_parse(rows[i].text, &c, &e), 0);
		CHECK_INT(c.scheme, rows[i].scheme);
		if (c.scheme != CHALLENGE_NONE) {
			CHECK_STR(c.realm, rows[i].realm);
			CHECK_STR(c.service, rows[i].service);
		}
	}
}

static void malformed_challenges_are_refused(void)
{
	static const char *const rows[] = {
		"Bearer realm=\"unfinished",
		"Bearer realm=\"a\\",
		"Bearer realm=\"a\nb\"",
		"realm=\"without a scheme\"",
		"Bearer service=\"no realm\"",
		"Bearer realm=\"a\" service=\"no comma\"",
		"Bearer realm=\"a\",realm=\"b\"",
		"Bearer realm=",
		"Bearer =\"a\"",
		"@",
	};
	char *long_one = malloc(4096);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct challenge c;
		struct err e = ERR_INIT;

		printf("# %s\n", rows[i]);
		CHECK_INT(challenge_parse(rows[i], &c, &e), -EBADMSG);
		CHECK(strstr(e.msg, "challenge") != NULL);
	}
	if (long_one) {
		struct challenge c;
		struct err e = ERR_INIT;

		(void)snprintf(long_one, 4096, "Bearer realm=\"%01500d\"", 0);
		CHECK_INT(challenge_parse(long_one, &c, &e), -EBADMSG);
		CHECK_STR(e.msg, "its challenge is too long");
	}
	free(long_one);
}

static void the_scope_is_our_own(void)
{
	AUTO_BUF struct buf url = BUF_INIT(4096);
	struct challenge c = { CHALLENGE_BEARER, "https://a.example/token", "a&b=c d" };
	struct err e = ERR_INIT;

	CHECK_INT(challenge_url(&c, "team/base", &url, &e), 0);
	CHECK_STR(url.p,
		  "https://a.example/token?service=a%26b%3Dc%20d&scope=repository:team/base:pull");
	buf_reset(&url);
	c = (struct challenge){ CHALLENGE_BEARER, "https://a.example/token?x=1", "" };
	CHECK_INT(challenge_url(&c, "base", &url, &e), 0);
	CHECK_STR(url.p, "https://a.example/token?x=1&scope=repository:base:pull");
}

static void tokens_are_read(void)
{
	static const struct {
		const char *text, *token; /* NULL: refused */
	} rows[] = {
		{ "{\"token\":\"abc.def-_~+/==\"}", "abc.def-_~+/==" },
		{ "{\"access_token\":\"x\",\"expires_in\":300}", "x" },
		{ "{\"token\":\"a\",\"access_token\":\"b\"}", "a" },
		{ "{\"token\":\"a b\"}", NULL },
		{ "{\"token\":\"a\\r\\nX-Header: b\"}", NULL },
		{ "{\"token\":\"\"}", NULL },
		{ "{\"token\":1}", NULL },
		{ "{}", NULL },
		{ "[]", NULL },
		{ "no json", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *token = NULL;
		struct err e = ERR_INIT;
		const int r = token_read(rows[i].text, strlen(rows[i].text), &token, &e);

		printf("# %s\n", rows[i].text);
		CHECK_INT(r, rows[i].token ? 0 : -EBADMSG);
		CHECK_STR(token ? token : "", rows[i].token ? rows[i].token : "");
		free(token);
	}
}

static void error_codes_are_read(void)
{
	static const struct {
		const char *text, *code;
	} rows[] = {
		{ "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"m\"}]}",
		  "MANIFEST_UNKNOWN" },
		{ "{\"errors\":[{\"code\":\"lower\"}]}", "" },
		{ "{\"errors\":[{\"code\":\"A\\u001b[2J\"}]}", "" },
		{ "{\"errors\":[]}", "" },
		{ "{\"errors\":{}}", "" },
		{ "<html>", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char code[48];

		registry_error_code(rows[i].text, strlen(rows[i].text), code);
		CHECK_STR(code, rows[i].code);
	}
}

static void redirects_stay_where_they_may(void)
{
	static const struct {
		const char *url, *location;
		bool loopback;
		const char *to; /* NULL: refused */
	} rows[] = {
		{ "https://r.example/v2/x", "https://b.example/y?z", false,
		  "https://b.example/y?z" },
		{ "https://r.example/v2/x", "/y", false, "https://r.example/y" },
		{ "https://r.example/v2/x", "//c.example/y", false, "https://c.example/y" },
		{ "https://r.example/v2/x", "http://b.example/y", false, NULL },
		{ "https://r.example/v2/x", "http://127.0.0.1:80/y", false, NULL },
		{ "https://r.example/v2/x", "https://127.0.0.1/y", false, NULL },
		{ "https://r.example/v2/x", "https://localhost/y", false, NULL },
		{ "https://r.example/v2/x", "https://[::1]/y", false, NULL },
		{ "https://r.example/v2/x", "https://u:p@b.example/y", false, NULL },
		{ "https://r.example/v2/x", "file:///etc/passwd", false, NULL },
		{ "https://r.example/v2/x", "gopher://b.example/", false, NULL },
		{ "http://127.0.0.1:5000/v2/x", "http://127.0.0.1:6000/y", true,
		  "http://127.0.0.1:6000/y" },
		{ "http://127.0.0.1:5000/v2/x", "http://b.example/y", true, NULL },
		{ "http://127.0.0.1:5000/v2/x", "https://b.example/y", true,
		  "https://b.example/y" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *to = NULL;
		struct err e = ERR_INIT;
		const int r = http_follow(rows[i].url, rows[i].location, rows[i].loopback, &to, &e);

		printf("# %s\n", rows[i].location);
		CHECK((r == 0) == (rows[i].to != NULL));
		CHECK_STR(to ? to : "", rows[i].to ? rows[i].to : "");
		free(to);
	}
}

TAP_MAIN(TEST(challenges_are_read), TEST(malformed_challenges_are_refused),
	 TEST(the_scope_is_our_own), TEST(tokens_are_read), TEST(error_codes_are_read),
	 TEST(redirects_stay_where_they_may))
