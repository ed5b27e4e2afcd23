/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/forge_impl.h"
#include "runtime/base/buf.h"
#include "tests/tap.h"

#define A    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ZERO "0000000000000000000000000000000000000000"
#define HEAD "001f# service=git-receive-pack\n0000"

/* A line with its length; "" is a flush. */
static void pkt(struct buf *b, const char *text, size_t n)
{
	buf_printf(b, "%04zx", n ? n + 4 : 0);
	buf_put(b, text, n);
}
#define PKT(b, text) pkt(b, text, sizeof(text) - 1)

static void references_are_read(void)
{
	AUTO_BUF struct buf b = BUF_INIT(65536);
	AUTO_JSON json_t *refs = NULL;
	struct err e = ERR_INIT;
	char old[65];

	buf_puts(&b, HEAD);
	PKT(&b, A " refs/heads/main\0 report-status delete-refs");
	PKT(&b, B " refs/heads/sickbay/x-1\n");
	PKT(&b, "");
	CHECK_INT(git_refs_read(b.p, b.n, "sickbay/x-1", &refs, old, &e), 0);
	CHECK_INT((long long)json_array_size(refs), 2);
	CHECK_STR(json_string_value(json_array_get(refs, 0)), A);
	CHECK_STR(old, B);
}

static void an_empty_repository_has_none(void)
{
	AUTO_BUF struct buf b = BUF_INIT(65536);
	AUTO_JSON json_t *refs = NULL;
	struct err e = ERR_INIT;
	char old[65];

	buf_puts(&b, HEAD);
	PKT(&b, ZERO " capabilities^{}\0 report-status");
	PKT(&b, "");
	CHECK_INT(git_refs_read(b.p, b.n, "sickbay/x", &refs, old, &e), 0);
	CHECK_INT((long long)json_array_size(refs), 0);
	CHECK_STR(old, "");
}

static void other_answers_are_refused(void)
{
	static const char *const want[][2] = {
		{ "", "it is no smart HTTP server of git" },
		{ "<html>", "it is no smart HTTP server of git" },
		{ "001e# service=git-upload-pack\n0000", "it is no smart HTTP server of git" },
		{ HEAD, "byte 35: the references are cut short" },
		{ HEAD "0003", "byte 35: the references are cut short" },
		{ HEAD "ffff" A, "byte 35: the references are cut short" },
		{ HEAD "0010hello world\n0000", "byte 51: not a reference" },
		{ HEAD "0031" A "refs\n0000", "byte 84: not a reference" },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		json_t *refs = NULL;
		struct err e = ERR_INIT;
		char old[65];

		CHECK(git_refs_read(want[i][0], strlen(want[i][0]), "sickbay/x", &refs, old, &e) <
		      0);
		CHECK_STR(e.msg, want[i][1]);
		CHECK(!refs);
	}
}

static void a_report_says_whether_the_branch_was_taken(void)
{
	static const char *const want[][2] = {
		{ "000eunpack ok\n001bok refs/heads/sickbay/x\n0000", "" },
		{ "000eunpack ok\n0000", "it does not say that the branch was taken" },
		{ "", "it does not say that the branch was taken" },
		{ "0012unpack broken\n0000", "it said 'unpack broken'" },
		{ "000eunpack ok\n0027ng refs/heads/sickbay/x pre-receive\n0000",
		  "it said 'ng refs/heads/sickbay/x pre-receive'" },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct err e = ERR_INIT;

		(void)git_report_read(want[i][0], strlen(want[i][0]), "sickbay/x", &e);
		CHECK_STR(e.msg, want[i][1]);
	}
}

TAP_MAIN(TEST(references_are_read), TEST(an_empty_repository_has_none),
	 TEST(other_answers_are_refused), TEST(a_report_says_whether_the_branch_was_taken))
