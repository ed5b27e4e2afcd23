/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/format.h"
#include "tests/tap.h"

#define HEAD "\"version\": 1,\n  \"name\": \"x\",\n"

static void comments_stay_with_what_they_are_about(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "{\"name\":\"x\",\"version\":1}",
		  "{\n  \"version\": 1,\n  \"name\": \"x\",\n}\n" },
		{ "// head\n{ // of name\n\"name\":\"x\", // x\n/* of version */ \"version\":1 /* "
		  "one */\n"
		  "// last\n} // tail\n",
		  "// head\n{\n  /* of version */\n  \"version\": 1, /* one */\n  // of name\n"
		  "  \"name\": \"x\", // x\n  // last\n}\n// tail\n" },
		{ "{\"version\":1,\"name\":/* why */\"x\",\n\n\n\"devices\":[\"null\"]}",
		  "{\n  \"version\": 1,\n  /* why */\n  \"name\": \"x\",\n\n  \"devices\": "
		  "[\"null\"],\n"
		  "}\n" },
		{ "{\"version\":1,\"name\":\"x\",\"devices\":[\"null\", // needed\n\"zero\"]}",
		  "{\n  " HEAD
		  "  \"devices\": [\n    \"null\", // needed\n    \"zero\",\n  ],\n}\n" },
		{ "{\"version\":1,\"name\":\"x\",\"devices\":[/* none */],\"network\":{}}",
		  "{\n  " HEAD "  \"devices\": [\n    /* none */\n  ],\n  \"network\": {},\n}\n" },
		/* what is not known has no order: a value's own members keep theirs */
		{ "{\"version\":1,\"name\":\"x\",\"environment\":{\"set\":{\"B\":\"1\",\"A\":\"//"
		  "2\"},"
		  "\"pass\":[]}}",
		  "{\n  " HEAD "  \"environment\": { \"pass\": [], \"set\": { \"B\": \"1\", \"A\": "
		  "\"//2\" } },\n}\n" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		AUTO_BUF struct buf out = BUF_INIT(1 << 16);
		struct err e = ERR_INIT;

		CHECK_INT(policy_format("p.json", row[i].text, strlen(row[i].text), &out, &e), 0);
		if (e.code)
			printf("# %s\n", e.msg);
		CHECK_STR(out.p ? out.p : "", row[i].want);
	}
}

static unsigned long long seed = 88172645463325252ull;

static unsigned any(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % n;
}

/* A comment before some of the tokens, numbered. */
static unsigned sprinkle(const char *text, struct buf *out)
{
	unsigned n = 0;
	bool quoted = false, comment = false;

	for (const char *p = text; *p; p++) {
		comment = comment ? *p != '\n' : !quoted && p[0] == '/' && p[1] == '/';
		if (!quoted && !comment && strchr("{}[],:\"", *p) && !any(12))
			buf_printf(out, any(2) ? " /*=%u=*/ " : " //=%u=\n", n++);
		buf_putc(out, *p);
		if (!comment && *p == '"' && (p == text || p[-1] != '\\'))
			quoted = !quoted;
	}
	return n;
}

static void no_comment_is_lost_wherever_it_stands(void)
{
	const char *text, *name;
	unsigned total = 0;

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; (name = policy_preset(i, &text)); i++) {
			AUTO_BUF struct buf in = BUF_INIT(1 << 20);
			AUTO_BUF struct buf out = BUF_INIT(1 << 20);
			struct err e = ERR_INIT;
			const unsigned n = sprinkle(text, &in);

			CHECK_INT(policy_format(name, in.p, in.n, &out, &e), 0);
			if (e.code)
				printf("# %s\n", e.msg);
			for (unsigned k = 0; out.p && k < n; k++) {
				char want[32];
				const char *at;

				(void)snprintf(want, sizeof(want), "=%u=", k);
				at = strstr(out.p, want);
				CHECK(at && !strstr(at + 1, want));
			}
			total += n;
		}
	}
	CHECK(total > 1000);
}

static void what_is_no_policy_is_not_formatted(void)
{
	AUTO_BUF struct buf out = BUF_INIT(1 << 16);
	struct err e = ERR_INIT;
	const char *const text = "{\"version\":1,\"name\":\"x\",\"netwrok\":{}}";

	CHECK_INT(policy_format("p.json", text, strlen(text), &out, &e), -EINVAL);
	CHECK_STR(e.msg, "p.json:1:25: error: unknown key \"netwrok\"; did you mean \"network\"?");
	CHECK_INT((long long)out.n, 0);
}

TAP_MAIN({ "comments stay with what they are about", comments_stay_with_what_they_are_about },
	 { "no comment is lost, wherever it stands", no_comment_is_lost_wherever_it_stands },
	 { "what is no policy is not formatted", what_is_no_policy_is_not_formatted })
