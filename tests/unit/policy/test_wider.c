/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "policy/glob.h"
#include "policy/policy.h"
#include "policy/wider.h"
#include "tests/tap.h"

static unsigned long long seed = 88172645463325252ull;

static unsigned any(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % n;
}

static struct policy *parse(const char *name, const char *text)
{
	struct policy *p = NULL;
	struct err e = ERR_INIT;

	if (policy_parse(name, text, strlen(text), &p, &e) < 0)
		printf("# %s\n# %s\n", e.msg, text);
	CHECK(p != NULL);
	return p;
}

/* Few letters, few names: patterns and paths meet often. */
static void random_component(struct buf *b, bool wild)
{
	const unsigned n = 1 + any(3);

	for (unsigned i = 0; i < n; i++)
		buf_putc(b, wild && !any(4) ? (any(2) ? '*' : '?') : "ab."[any(3)]);
}

/* The patterns are well formed: "a" where chance made another. */
static void random_pattern(struct buf *b, bool wild)
{
	AUTO_BUF struct buf text = BUF_INIT(200);
	const unsigned n = 1 + any(3);

	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_putc(&text, '/');
		if (wild && !any(4))
			buf_puts(&text, "**");
		else
			random_component(&text, wild);
	}
	buf_puts(b, glob_check(text.p) ? "a" : text.p);
}

static void random_list(struct buf *b, const char *key, unsigned most)
{
	const unsigned n = any(most + 1);

	buf_printf(b, "\"%s\":[", key);
	for (unsigned i = 0; i < n; i++) {
		AUTO_BUF struct buf one = BUF_INIT(200);

		random_pattern(&one, true);
		buf_printf(b, "%s\"%s\"", i ? "," : "", one.p);
	}
	buf_puts(b, "],");
}

static const char *word(const char *a, const char *b, const char *c)
{
	const char *const w[] = { a, b, c };

	return w[any(3)];
}

/* One document; with some luck it extends a preset, so that several sources answer. */
static void random_policy(struct buf *b)
{
	buf_puts(b, "{\"version\":1,\"name\":\"r\",");
	if (!any(4))
		buf_puts(b, "\"extends\":[\"preset:code\"],");
	buf_puts(b, "\"code\":{");
	if (any(4))
		random_list(b, "allow", 4);
	random_list(b, "deny", 3);
	random_list(b, "sensitive", 1);
	buf_puts(b, "\"tests\":{");
	random_list(b, "paths", 3);
	if (any(2))
		buf_printf(b, "\"add\":%s,", any(2) ? "true" : "false");
	if (any(2))
		buf_printf(b, "\"modify\":\"%s\",", word("never", "additions-only", "any"));
	if (any(2))
		buf_puts(b, "\"register\":[{\"path\":\"**/a\",\"change\":\"append-lines\"}],");
	buf_puts(b, "},\"dependencies\":{");
	random_list(b, "manifests", 2);
	if (any(2))
		buf_printf(b, "\"add\":\"%s\",", word("deny", "needs-scope", "allow"));
	if (any(2))
		buf_printf(b, "\"upgrade\":\"%s\",", word("deny", "needs-scope", "allow"));
	buf_puts(b, "},\"public_api\":{");
	random_list(b, "paths", 1);
	if (any(2))
		buf_printf(b, "\"change\":\"%s\"", word("deny", "additive", "allow"));
	buf_puts(b, "}},\"filesystem\":{\"read\":[\"@repo/a/**\",\"/b/a\"],");
	buf_printf(b, "\"deny\":[\"%s\"]}", word("/b/**", "@repo/a/b", "@image/b/a"));
	if (any(2))
		buf_printf(b,
			   ",\"commands\":[{\"argv\":[\"a\",[\"b\",\"%s\"]],\"decision\":\"%s\"}]",
			   any(2) ? "c" : "d", word("deny", "needs-scope", "allow"));
	if (any(2))
		buf_printf(b, ",\"commands_default\":\"%s\"", any(2) ? "allow" : "deny");
	buf_puts(b, "}");
}

static bool allows(const struct policy *p, const char *what, const char *const *args, size_t n)
{
	struct policy_verdict v = { .decision = POLICY_DENY };
	struct err e = ERR_INIT;

	if (policy_ask(p, what, args, n, &v, &e) < 0)
		return false;
	return v.decision == POLICY_ALLOW || v.decision == POLICY_NOTIFY;
}

static const char *const questions[] = { "read", "write", "patch", "add", "delete" };

static const char *witness_of(const json_t *rows, const char *what)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(json_string_value(json_object_get(row, "what")), what) == 0)
			return json_string_value(json_object_get(row, "witness"));
	return NULL;
}

/* No path contradicts "no wider". */
static void ask_at_random(const struct policy *a, const struct policy *b, const json_t *rows)
{
	for (int i = 0; i < 60; i++) {
		AUTO_BUF struct buf path = BUF_INIT(300);
		const char *const what = questions[any(5)];
		const char *args[1];

		if (strcmp(what, "read") == 0 || strcmp(what, "write") == 0)
			buf_puts(&path, any(2) ? "/" : "@repo/");
		random_pattern(&path, false);
		args[0] = path.p;
		if (!witness_of(rows, what) && allows(b, what, args, 1) &&
		    !allows(a, what, args, 1)) {
			printf("# %s %s is allowed by B only, and no witness was named\n", what,
			       path.p);
			CHECK(false);
		}
	}
}

static void a_witness_is_allowed_by_b_and_not_by_a(void)
{
	unsigned wider = 0, narrower = 0;

	for (int i = 0; i < 60; i++) {
		AUTO_BUF struct buf ta = BUF_INIT(65536);
		AUTO_BUF struct buf tb = BUF_INIT(65536);
		struct policy *a, *b;
		struct err e = ERR_INIT;
		json_t *rows = NULL;

		random_policy(&ta);
		random_policy(&tb);
		a = parse("a.json", ta.p);
		b = parse("b.json", tb.p);
		if (!a || !b)
			break;
		CHECK_INT(policy_wider(a, b, &rows, &e), 0);
		if (e.code)
			printf("# %s\n# %s\n# %s\n", e.msg, ta.p, tb.p);
		for (size_t k = 0; k < 5; k++) {
			const char *const path = witness_of(rows, questions[k]);

			wider += path != NULL;
			narrower += path == NULL;
			CHECK(!path || (allows(b, questions[k], &path, 1) &&
					!allows(a, questions[k], &path, 1)));
		}
		ask_at_random(a, b, rows);
		json_decref(rows);
		policy_free(a);
		policy_free(b);
	}
	/* both answers were met, often */
	CHECK(wider > 30);
	CHECK(narrower > 30);
}

static void check_pair(const char *a, const char *b, const char *what, const char *witness)
{
	struct policy *const pa = parse("a.json", a), *const pb = parse("b.json", b);
	struct err e = ERR_INIT;
	json_t *rows = NULL;
	const char *got;

	CHECK_INT(policy_wider(pa, pb, &rows, &e), 0);
	got = rows && json_array_size(rows) ? witness_of(rows, what ? what : "") : NULL;
	if (!what)
		CHECK_INT((long long)json_array_size(rows), 0);
	else
		CHECK_STR(got ? got : "none", witness);
	json_decref(rows);
	policy_free(pa);
	policy_free(pb);
}

#define P(rest)	   "{\"version\":1,\"name\":\"x\"," rest "}"
#define CODE(rest) P("\"code\":{" rest "}")

static void each_kind_of_question_has_its_witness(void)
{
	static const struct {
		const char *a, *b, *what, *witness;
	} row[] = {
		{ CODE("\"allow\":[\"**\"]"), CODE("\"allow\":[\"**\"]"), NULL, NULL },
		/* the same set of paths, said in other words */
		{ CODE("\"allow\":[\"a/**\"]"), CODE("\"allow\":[\"a\",\"a/*\",\"a/*/**\"]"), NULL,
		  NULL },
		{ CODE("\"allow\":[\"**\"],\"deny\":[\"a/**\"]"),
		  CODE("\"allow\":[\"**\"],\"deny\":[\"a/b\"]"), "patch", "a" },
		{ CODE("\"allow\":[\"src/*.c\"]"), CODE("\"allow\":[\"src/**\"]"), "patch", "src" },
		{ CODE("\"allow\":[\"src/?.c\"]"), CODE("\"allow\":[\"src/*.c\"]"), "patch",
		  "src/.c" },
		/* what the floor refuses is no witness */
		{ CODE("\"allow\":[\"a\"]"), CODE("\"allow\":[\"a\",\".github/**\"]"), NULL, NULL },
		{ CODE("\"allow\":[\"**\"],\"dependencies\":{\"manifests\":[\"m\"],\"add\":"
		       "\"deny\",\"upgrade\":\"needs-scope\",\"remove\":\"deny\"}"),
		  CODE("\"allow\":[\"**\"],\"dependencies\":{\"manifests\":[\"m\"],\"add\":"
		       "\"deny\",\"upgrade\":\"allow\",\"remove\":\"deny\"}"),
		  "upgrade a dependency", "m" },
		{ CODE("\"allow\":[\"**\"],\"tests\":{\"paths\":[\"t/**\"],\"modify\":"
		       "\"additions-only\"}"),
		  CODE("\"allow\":[\"**\"],\"tests\":{\"paths\":[\"t/**\"],\"modify\":\"any\"}"),
		  "rewrite", "t" },
		{ P("\"filesystem\":{\"read\":[\"@repo/**\"]}"),
		  P("\"filesystem\":{\"read\":[\"@image/**\"],\"deny\":[\"@repo/a\"]}"), "read",
		  "/" },
		{ P("\"filesystem\":{\"read\":[\"/**\"]}"),
		  P("\"filesystem\":{\"read\":[\"@image/**\",\"@repo/**\"]}"), NULL, NULL },
		{ P("\"filesystem\":{\"exec\":[\"/usr/bin/**\"]},\"commands_default\":\"deny\""),
		  P("\"filesystem\":{\"exec\":[\"/usr/**\"]},\"commands_default\":\"deny\""),
		  "exec", "/usr" },
		{ P("\"commands_default\":\"allow\",\"commands\":[{\"argv\":[\"git\",\"push\"],"
		    "\"decision\":\"deny\"}]"),
		  P("\"commands_default\":\"allow\",\"commands\":[{\"argv\":[\"git\",\"push\","
		    "\"origin\"],\"decision\":\"deny\"}]"),
		  "run", "git push" },
		{ P("\"commands_default\":\"needs-scope\""), P("\"commands_default\":\"allow\""),
		  "run", "another" },
		{ P("\"commands_default\":\"deny\""), P("\"commands_default\":\"needs-scope\""),
		  NULL, NULL },
		{ P("\"resources\":{\"pids\":10}"), P("\"resources\":{\"pids\":11}"),
		  "/resources/pids", "11" },
		{ P("\"resources\":{\"pids\":10}"), P("\"devices\":[]"), "/resources/pids", "11" },
		{ P("\"devices\":[]"), P("\"resources\":{\"pids\":10}"), NULL, NULL },
		{ P("\"network\":{\"loopback\":true,\"backing\":[\"db\"]}"),
		  P("\"network\":{\"loopback\":true,\"backing\":[\"db\",\"mq\"]}"),
		  "/network/backing", "mq" },
		{ P("\"syscalls\":{\"preset\":\"build\",\"notify\":[\"connect\"]}"),
		  P("\"syscalls\":{\"preset\":\"build\"}"), "syscall", "connect" },
		{ P("\"environment\":{\"pass\":[\"A\"]}"), P("\"environment\":{\"pass\":[\"*\"]}"),
		  "/environment/pass", "ANOTHER_VARIABLE" },
		{ P("\"filesystem\":{\"mask\":[{\"path\":\"@repo/*.env\",\"pattern\":\"x\"}]}"),
		  P("\"filesystem\":{\"mask\":[{\"path\":\"@repo/a.env\",\"pattern\":\"x\"}]}"),
		  "/filesystem/mask", ".env" },
		{ P("\"model\":{\"max_cost_usd\":\"4.00\"}"),
		  P("\"model\":{\"max_cost_usd\":\"10\"}"), "/model/max_cost_usd", "10" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		check_pair(row[i].a, row[i].b, row[i].what, row[i].witness);
}

/* The presets hold a hundred patterns: said again one by one, none of them is lost. */
static void large_policies_are_compared_exactly(void)
{
	static const char b[] = P("\"extends\":[\"preset:patch\"],\"code\":{\"allow\":[\"src/**\","
				  "\"lib/**/*.js\",\"**/*.c\"]}");
	struct policy *wide = NULL, *narrow = parse("b.json", b);
	struct err e = ERR_INIT;
	json_t *rows = NULL;
	const char *path;

	CHECK_INT(policy_load("preset:patch", &wide, &e), 0);
	CHECK_INT(policy_wider(wide, narrow, &rows, &e), 0);
	CHECK_INT((long long)json_array_size(rows), 0);
	json_decref(rows);
	CHECK_INT(policy_wider(narrow, wide, &rows, &e), 0);
	path = witness_of(rows, "patch");
	CHECK(path && allows(wide, "patch", &path, 1) && !allows(narrow, "patch", &path, 1));
	json_decref(rows);
	policy_free(wide);
	policy_free(narrow);
}

TAP_MAIN({ "each kind of question has its witness", each_kind_of_question_has_its_witness },
	 { "a witness is allowed by B and not by A, and no path contradicts what has none",
	   a_witness_is_allowed_by_b_and_not_by_a },
	 { "large policies are compared exactly", large_policies_are_compared_exactly })
