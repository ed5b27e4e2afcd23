/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/broker_registry.h"
#include "tests/tap.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void references_are_read(void)
{
	static const struct {
		const char *text, *host, *repository, *tag, *digest;
	} rows[] = {
		{ "r.example/base:1", "r.example", "base", "1", "" },
		{ "r.example:5000/a/b-c/d__e.f:v1.2-x_y", "r.example:5000", "a/b-c/d__e.f",
		  "v1.2-x_y", "" },
		{ "localhost/base@sha256:" HEX, "localhost", "base", "", "sha256:" HEX },
		{ "[::1]:5000/base:x@sha256:" HEX, "[::1]:5000", "base", "x", "sha256:" HEX },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct registry_ref r;
		struct err e = ERR_INIT;

		printf("# %s\n", rows[i].text);
		CHECK_INT(registry_ref_parse(rows[i].text, &r, &e), 0);
		CHECK_STR(r.host, rows[i].host);
		CHECK_STR(r.repository, rows[i].repository);
		CHECK_STR(r.tag, rows[i].tag);
		CHECK_STR(r.digest, rows[i].digest);
	}
}

static void other_references_are_refused(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "base", "names no registry" },
		{ "a/base:1", "names no registry" },
		{ "", "names no registry" },
		{ "r.example/base", "names neither a tag nor a digest" },
		{ "r.example/:1", "is no name of a repository" },
		{ "r.example/a//b:1", "is no name of a repository" },
		{ "r.example/a/:1", "is no name of a repository" },
		{ "r.example/a-:1", "is no name of a repository" },
		{ "r.example/a___b:1", "is no name of a repository" },
		{ "r.example/a..b:1", "is no name of a repository" },
		{ "r.example/A:1", "is no name of a repository" },
		{ "r.example/a?b:1", "is no name of a repository" },
		{ "r.example/a:1@", "nothing stands after the last '@'" },
		{ "r.example/a:", "nothing stands after the last ':'" },
		{ "r.example/a:-x", "is no tag" },
		{ "r.example/a:b c", "is no tag" },
		{ "r.example/a@sha256:" HEX "0", "its digest is too long" },
		{ "r.example/a@sha512:" HEX, "is no digest" },
		{ "r.example/a@sha256:ABCDEF", "is no digest" },
		{ "u@r.example/a:1", "names no registry" },
		{ "r.example:/a:1", "is no host" },
		{ "r.example:123456/a:1", "is no host" },
		{ ".example/a:1", "is no host" },
		{ "[::1/a:1", "is no host" },
		{ "https://r.example/a:1", "is no host" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct registry_ref r;
		struct err e = ERR_INIT;

		printf("# %s: ", rows[i].text);
		CHECK_INT(registry_ref_parse(rows[i].text, &r, &e), -EINVAL);
		printf("%s\n", e.msg);
		CHECK(strstr(e.msg, rows[i].why) != NULL);
	}
}

static void loopback_is_what_it_says(void)
{
	static const struct {
		const char *host;
		bool near;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "127.0.0.1:5000", true },
		{ "127.255.0.9", true },
		{ "localhost", true },
		{ "localhost:1", true },
		{ "[::1]", true },
		{ "[::1]:5", true },
		{ "128.0.0.1", false },
		{ "127.0.0.1.example", false },
		{ "127.0.0", false },
		{ "127.0.0.1.1", false },
		{ "localhost.example", false },
		{ "127.example", false },
		{ "[::2]", false },
		{ "[::1].example", false },
		{ "1270.0.0.1", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		printf("# %s\n", rows[i].host);
		CHECK_INT(registry_is_loopback(rows[i].host), rows[i].near);
	}
}

TAP_MAIN(TEST(references_are_read), TEST(other_references_are_refused),
	 TEST(loopback_is_what_it_says))
