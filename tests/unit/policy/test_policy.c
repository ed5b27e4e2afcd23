/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"
#include "tests/tap.h"

#define HEAD "{\"version\":1,\"name\":\"x\","

static int parse(const char *text, struct policy **p, struct err *e)
{
	return policy_parse("p.json", text, strlen(text), p, e);
}

/* Each row is one thing an author can get wrong, and the text owed to them. */
static void mistakes_are_named_with_their_place(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "{\n  \"version\": 1,\n  \"name\": \"x\",\n  \"filesystem\": {\n    \"wirte\": "
		  "[]\n  }\n}",
		  "p.json:5:5: error: unknown key \"wirte\" in filesystem; did you mean "
		  "\"write\"?" },
		{ HEAD "\n\"netwrok\":{}}",
		  "p.json:2:1: error: unknown key \"netwrok\"; did you mean \"network\"?" },
		{ HEAD "\"code\":{\"tests\":{\"paths\":[],\"zzzzzzzz\":1}}}",
		  "p.json:1:53: error: unknown key \"zzzzzzzz\" in code.tests" },
		{ HEAD
		  "\"commands\":[{\"argv\":[\"a\"],\"decision\":\"deny\",\"raeson\":\"abc\"}]}",
		  "p.json:1:69: error: unknown key \"raeson\" in commands; did you mean "
		  "\"reason\"?" },
		{ "{\"version\":1}", "p.json:1:1: error: \"name\" is missing" },
		{ "{\"version\":2,\"name\":\"x\"}", "p.json:1:2: error: 2 is not within 1..1" },
		{ "{\"version\":1,\"name\":\"X y\"}",
		  "p.json:1:14: error: \"X y\": a name is lower-case letters, digits and '-'" },
		{ "{\"version\":1,\"version\":1,\"name\":\"x\"}",
		  "p.json:1:22: error: duplicate object key near '\"version\"'" },
		{ HEAD "\"roles\":[\"pach\"]}",
		  "p.json:1:34: error: \"pach\" is not known; did you mean \"patch\"?" },
		{ HEAD "\"roles\":[\"patch\",\"patch\"]}",
		  "p.json:1:42: error: \"patch\" stands here twice" },
		{ HEAD "\"devices\":[\"kvmclock\"]}",
		  "p.json:1:36: error: \"kvmclock\" is not known" },
		{ HEAD "\"extends\":[\"preset:pach\"]}",
		  "p.json:1:36: error: no preset \"preset:pach\"; did you mean \"preset:patch\"?" },
		{ HEAD "\"extends\":[\"../a.json\"]}",
		  "p.json:1:36: error: \"../a.json\": want \"preset:NAME\" or \"./FILE.json\"" },
		{ HEAD "\"extends\":[\"./a.json\"]}", "p.json:1:36: error: \"./a.json\": only a "
						      "policy read from a file extends files" },
		{ HEAD "\"extends\":[\"preset:patch\"],\"roles\":[\"verify\"]}",
		  "p.json:1:52: error: no role is left: what it extends is for other roles" },
		/* what no mechanism could enforce */
		{ HEAD "\"filesystem\":{\"read\":[\"@repo/**/*.c\"]}}",
		  "p.json:1:47: error: \"@repo/**/*.c\": neither mounts nor Landlock can enforce "
		  "this; "
		  "globs here end in '/**' or name a file that exists" },
		{ HEAD "\"filesystem\":{\"read\":[\"usr/**\"]}}",
		  "p.json:1:47: error: \"usr/**\": a path begins with '/', '@image', '@repo', "
		  "'@build' or "
		  "'@tmp'" },
		{ HEAD "\"filesystem\":{\"write\":[\"@repo/../etc/**\"]}}",
		  "p.json:1:48: error: \"@repo/../etc/**\": a path has no '..' component" },
		{ HEAD "\"filesystem\":{\"deny\":[\"/**\"]}}",
		  "p.json:1:47: error: \"/**\": this hides the whole replica" },
		{ HEAD "\"filesystem\":{\"mask\":[{\"path\":\"/etc/passwd\",\"pattern\":\"x\"}]}}",
		  "p.json:1:48: error: \"/etc/passwd\": mask edits the source layer as it is "
		  "written; the "
		  "path must be below '@repo/'" },
		{ HEAD "\"filesystem\":{\"mask\":[{\"path\":\"@repo/a\",\"pattern\":\"(\"}]}}",
		  "p.json:1:65: error: \"(\": not a POSIX extended regular expression" },
		{ HEAD "\"filesystem\":{\"tmpfs\":[{\"path\":\"@tmp\",\"size\":\"0B\"}]}}",
		  "p.json:1:63: error: '0B' is outside the allowed range" },
		{ HEAD "\"filesystem\":{\"tmpfs\":[{\"path\":\"@tmp/**\",\"size\":\"1MiB\"}]}}",
		  "p.json:1:49: error: \"@tmp/**\": want a directory without wildcards" },
		{ HEAD "\"code\":{\"deny\":[{\"path\":\"/etc\"}]}}",
		  "p.json:1:41: error: \"/etc\": paths of code are relative to the repository's "
		  "root" },
		{ HEAD "\"code\":{\"allow\":[\"src/[ab].c\"]}}",
		  "p.json:1:42: error: \"src/[ab].c\": globs know '?', '*' and '**' only" },
		{ HEAD "\"code\":{\"tests\":{\"paths\":[],\"skip_markers\":[\"\"]}}}",
		  "p.json:1:53: error: an empty marker is in every file" },
		{ HEAD "\"resources\":{\"memory\":\"0B\"}}",
		  "p.json:1:38: error: '0B' is outside the allowed range" },
		{ HEAD "\"resources\":{\"pids\":0}}",
		  "p.json:1:38: error: 0 is not within 1..4194304" },
		{ HEAD "\"resources\":{\"cpus\":0}}", "p.json:1:38: error: want at least 0.01" },
		{ HEAD "\"resources\":{\"memory\":4}}",
		  "p.json:1:38: error: want a size such as \"16MiB\"" },
		{ HEAD "\"syscalls\":{\"deny\":[\"ptrac\"]}}", "p.json:1:45: error: " },
		{ HEAD "\"syscalls\":{\"allow\":[\"io_uring_setup\"]}}", "p.json:1:46: error: " },
		{ HEAD "\"syscalls\":{\"preset\":\"minimal\",\"notify\":[\"connect\"]}}",
		  "p.json:1:66: error: " },
		{ HEAD "\"syscalls\":{\"preset\":\"build\",\"deny\":[\"connect\"],\"notify\":["
		       "\"connect\"]}}",
		  "p.json:1:83: error: 'connect' is denied here too: deny wins, so nothing is left "
		  "to "
		  "notify" },
		{ HEAD "\"model\":{\"max_cost_usd\":\"4,00\"}}",
		  "p.json:1:34: error: \"4,00\" is not an amount such as \"4.00\"" },
		{ HEAD "\"model\":{\"max_turns\":0}}", "p.json:1:34: error: 0 is not within 1.." },
		{ HEAD "\"model\":{\"allow\":[\"fixer\"]}}",
		  "p.json:1:43: error: \"fixer\" is not well formed" },
		{ HEAD "\"environment\":{\"pass\":[\"A B\"]}}",
		  "p.json:1:48: error: \"A B\" is not well formed" },
		{ HEAD "\"environment\":{\"redact\":[{\"name\":\"a\",\"regex\":\"(a)\\\\1\"}]}}",
		  "p.json:1:62: error: \"(a)\\1\": back references are not known here" },
		{ HEAD "\"environment\":{\"redact\":[{\"name\":\"a\",\"regex\":\"((a{99}){99}){99}"
		       "\"}]}}",
		  "p.json:1:62: error: \"((a{99}){99}){99}\": repetitions are at most 255, all of "
		  "them "
		  "together 4096" },
		{ HEAD "\"environment\":{\"redact\":[{\"name\":\"a\",\"regex\":\"a{,300}\"}]}}",
		  "p.json:1:62: error: \"a{,300}\": repetitions are at most 255, all of them "
		  "together "
		  "4096" },
		{ HEAD "\"commands\":[{\"argv\":[{\"any\":[\"a\"]}],\"decision\":\"deny\"}]}",
		  "p.json:1:46: error: want a word or an array of words" },
		{ HEAD
		  "\"commands\":[{\"argv\":[\"git\",[\"push\"]],\"decision\":\"deny\",\"match\":"
		  "[[\"git\",\"pull\"]]}]}",
		  "p.json:1:89: error: the rule does not match this command" },
		{ HEAD
		  "\"commands\":[{\"argv\":[\"git\"],\"decision\":\"deny\",\"not_match\":[[\"git\","
		  "\"pull\"]]}]}",
		  "p.json:1:84: error: the rule matches this command" },
		{ HEAD "\"roles\":[\"verify\"],\"commands_default\":\"allow\"}",
		  "p.json:1:44: error: nothing can enforce \"commands_default\": no agent runs in "
		  "role "
		  "verify" },
		{ HEAD "\"tests\":[{\"name\":\"t\",\"when\":{},\"expect\":\"deny\"}]}",
		  "p.json:1:46: error: want exactly one question" },
		{ HEAD "\"tests\":[{\"name\":\"t\",\"when\":{\"write\":\"@repo/"
		       "a\"},\"expect\":\"allow\"}]}",
		  "p.json:1:34: error: test \"t\": want allow, got deny (p.json)" },
		{ HEAD "\"tests\":[{\"name\":\"t\",\"when\":{\"reach\":\"a:1\"},\"expect\":"
		       "\"deny\",\"rule\":"
		       "\"/network/backing/0\"}]}",
		  "p.json:1:34: error: test \"t\": want rule /network/backing/0, got none "
		  "(p.json)" },
		{ HEAD
		  "\"tests\":[{\"name\":\"t\",\"when\":{\"patch\":\"../a\"},\"expect\":\"deny\"}]}",
		  "p.json:1:34: error: test \"t\": '../a' is not a path within the repository" },
		{ "[]", "p.json:1:1: error: want an object" },
		{ "{\"version\":1,", "p.json:1:13: error: " },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct err e = ERR_INIT;
		struct policy *p = NULL;
		const size_t n = strlen(row[i].want);

		CHECK(parse(row[i].text, &p, &e) < 0);
		CHECK(p == NULL);
		CHECK(strchr(row[i].want, 0) > row[i].want);
		/* a wording that is another floor's ends here after "error: " or ".." */
		if (row[i].want[n - 1] == ' ' || row[i].want[n - 1] == '.') {
			CHECK(strlen(e.msg) > n);
			e.msg[n] = '\0';
		}
		CHECK_STR(e.msg, row[i].want);
	}
}

static void ask(const struct policy *p, const char *what, const char *arg, int decision,
		const char *rule)
{
	struct policy_verdict v;
	struct err e = ERR_INIT;

	CHECK_INT(policy_ask(p, what, &arg, 1, &v, &e), 0);
	CHECK_STR(e.msg, "");
	if (v.decision != decision || strcmp(v.rule, rule) != 0)
		printf("# %s %s: %s by '%s' at %s\n", what, arg, policy_decision_name(v.decision),
		       v.rule, v.place);
	CHECK_INT(v.decision, decision);
	CHECK_STR(v.rule, rule);
}

static struct policy *good(const char *text)
{
	struct err e = ERR_INIT;
	struct policy *p = NULL;

	CHECK_INT(parse(text, &p, &e), 0);
	CHECK_STR(e.msg, "");
	return p;
}

static void the_strictest_matching_rule_wins(void)
{
	struct policy *p =
		good(HEAD "\"filesystem\":{\"read\":[\"@repo/**\"],\"deny\":[\"@repo/keys/**\"]},"
			  "\"code\":{\"allow\":[\"src/**\"],\"deny\":[\"src/"
			  "a.c\"],\"sensitive\":[\"src/pay/**\"]},"
			  "\"syscalls\":{\"preset\":\"build\",\"deny\":[\"@debug\"],\"notify\":["
			  "\"connect\"]},"
			  "\"commands\":[{\"argv\":[\"git\"],\"decision\":\"allow\"},"
			  "{\"argv\":[\"git\",\"push\"],\"decision\":\"deny\"},"
			  "{\"argv\":[\"git\",\"fetch\"],\"decision\":\"needs-scope\"}],"
			  "\"commands_default\":\"needs-scope\"}");
	static const char *const push[] = { "git", "push", "origin" };
	struct policy_verdict v;
	struct err e = ERR_INIT;

	ask(p, "read", "@repo/a", POLICY_ALLOW, "/filesystem/read/0");
	ask(p, "read", "@repo/keys/a", POLICY_DENY, "/filesystem/deny/0");
	ask(p, "write", "@repo/a", POLICY_DENY, "");
	ask(p, "patch", "src/b.c", POLICY_ALLOW, "/code/allow/0");
	ask(p, "patch", "src/a.c", POLICY_DENY, "/code/deny/0");
	ask(p, "patch", "src/pay/a.c", POLICY_DENY, "/code/sensitive/0");
	ask(p, "patch", "doc/a", POLICY_DENY, "");
	ask(p, "syscall", "connect", POLICY_NOTIFY, "/syscalls/notify/0");
	ask(p, "syscall", "ptrace", POLICY_DENY, "/syscalls/deny/0");
	ask(p, "syscall", "read", POLICY_ALLOW, "/syscalls/preset");
	ask(p, "exec", "git", POLICY_ALLOW, "/commands/0");
	ask(p, "exec", "make", POLICY_NEEDS_SCOPE, "/commands_default");
	CHECK_INT(policy_ask(p, "exec", push, 3, &v, &e), 0);
	CHECK_STR(v.rule, "/commands/1");
	CHECK_STR(v.mechanism, "gate");
	policy_free(p);
}

static void every_place_is_within_the_image(void)
{
	struct policy *p = good(HEAD "\"filesystem\":{\"read\":[\"@image/**\"],"
				     "\"write\":[\"@image/var/**\"]}}");

	ask(p, "read", "/etc/passwd", POLICY_ALLOW, "/filesystem/read/0");
	ask(p, "read", "@repo/a", POLICY_ALLOW, "/filesystem/read/0");
	ask(p, "write", "/var/x", POLICY_ALLOW, "/filesystem/write/0");
	ask(p, "write", "@repo/x", POLICY_DENY, "");
	policy_free(p);
}

static void no_source_widens_another(void)
{
	struct policy *wide =
		good(HEAD "\"code\":{\"allow\":[\"**\"],\"max_files\":50},"
			  "\"filesystem\":{\"write\":[\"/**\"]},"
			  "\"network\":{\"backing\":[\"db\",\"mail\"],\"loopback\":true},"
			  "\"model\":{\"allow\":[\"a/b\",\"a/c\"],\"max_turns\":9}}");
	struct policy *narrow =
		good(HEAD "\"code\":{\"allow\":[\"src/**\"],\"max_files\":99},"
			  "\"network\":{\"backing\":[\"db\",\"cache\"],\"loopback\":false},"
			  "\"model\":{\"allow\":[\"a/c\",\"a/d\"],\"max_turns\":3}}");
	char before[80];
	struct policy_budget budget;
	struct err e = ERR_INIT;

	(void)snprintf(before, sizeof(before), "%s", policy_digest(wide));
	CHECK_INT(policy_narrow(wide, narrow, &e), 0);
	CHECK(strcmp(before, policy_digest(wide)) != 0);
	policy_free(narrow);
	ask(wide, "patch", "src/a", POLICY_ALLOW, "/code/allow/0");
	ask(wide, "patch", "doc/a", POLICY_DENY, "");
	ask(wide, "write", "/var/a", POLICY_ALLOW, "/filesystem/write/0");
	ask(wide, "reach", "db:5432", POLICY_ALLOW, "/network/backing/0");
	ask(wide, "reach", "mail:25", POLICY_DENY, "");
	ask(wide, "reach", "cache:1", POLICY_DENY, "");
	ask(wide, "reach", "localhost:1", POLICY_DENY, "/network/loopback");
	CHECK(policy_backing_allowed(wide, "db"));
	CHECK(!policy_backing_allowed(wide, "mail"));
	CHECK(policy_model_allowed(wide, "a/c"));
	CHECK(!policy_model_allowed(wide, "a/b"));
	CHECK(!policy_model_allowed(wide, "a/d"));
	policy_budget(wide, &budget);
	CHECK_INT((long long)budget.max_turns, 3);
	policy_free(wide);
}

static void nothing_said_is_nothing_allowed(void)
{
	struct policy *p = good("{\"version\":1,\"name\":\"x\"}");

	ask(p, "read", "/a", POLICY_DENY, "");
	ask(p, "patch", "a", POLICY_DENY, "");
	ask(p, "exec", "true", POLICY_DENY, "");
	ask(p, "reach", "127.0.0.1:1", POLICY_DENY, "");
	CHECK(!policy_model_allowed(p, "a/b"));
	CHECK(policy_weakening_denied(p, NULL));
	CHECK(policy_has_role(p, ROLE_PATCH));
	policy_free(p);
}

static void what_is_not_a_question_is_refused(void)
{
	static const struct {
		const char *what, *arg, *want;
	} row[] = {
		{ "smell", "a",
		  "'smell' is not a question; ask read, write, exec, syscall, patch, add, "
		  "delete or reach" },
		{ "read", "a",
		  "'a': a path begins with '/', '@image', '@repo', '@build' or '@tmp'" },
		{ "read", "/a/*", "'/a/*': ask about one path, without wildcards" },
		{ "patch", "/a", "'/a' is not a path within the repository" },
		{ "syscall", "smell", "'smell' is not a system call" },
	};
	struct policy *p = good("{\"version\":1,\"name\":\"x\"}");

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct policy_verdict v;
		struct err e = ERR_INIT;

		CHECK_INT(policy_ask(p, row[i].what, &row[i].arg, 1, &v, &e), -EINVAL);
		CHECK_STR(e.msg, row[i].want);
	}
	policy_free(p);
}

static void equal_documents_have_equal_digests(void)
{
	struct policy *a = good("{\"version\":1,\"name\":\"x\"}");
	struct policy *b = good("// words\n{\n  \"name\": \"x\", \"version\": 1,\n}");
	struct policy *c = good("{\"version\":1,\"name\":\"y\"}");

	CHECK_STR(policy_digest(a), policy_digest(b));
	CHECK(strcmp(policy_digest(a), policy_digest(c)) != 0);
	policy_free(a);
	policy_free(b);
	policy_free(c);
}

static void any_source_may_end_an_exhausted_agent(void)
{
	struct policy *stop = good(HEAD "\"model\":{\"on_exhausted\":\"stop\"}}");
	struct policy *give_up = good(HEAD "\"model\":{\"on_exhausted\":\"give-up\"}}");
	struct err e = ERR_INIT;

	CHECK(policy_stops_exhausted(stop));
	CHECK(!policy_stops_exhausted(give_up));
	CHECK_INT(policy_narrow(give_up, stop, &e), 0);
	CHECK(policy_stops_exhausted(give_up));
	policy_free(stop);
	policy_free(give_up);
}

static void masked_and_redacted_values_are_gone(void)
{
	struct policy *p = good(HEAD "\"filesystem\":{\"mask\":[{\"path\":\"@repo/config/"
				     "*.env\",\"pattern\":\"^[A-Z_]+=(.+)$\"}]},"
				     "\"environment\":{\"redact\":[{\"name\":\"b\",\"regex\":\"[Bb]"
				     "earer [a-z0-9]{4,}\"}]}}");
	struct buf text = BUF_INIT(1 << 16);
	struct err e = ERR_INIT;
	bool hit;

	buf_puts(&text, "# x\nKEY=secret\nOTHER=s=t\n");
	CHECK_INT(policy_mask(p, "config/a.env", &text, &hit, &e), 0);
	CHECK(hit);
	CHECK_STR(text.p, "# x\nKEY=********\nOTHER=********\n");
	buf_reset(&text);
	buf_puts(&text, "KEY=secret\n");
	CHECK_INT(policy_mask(p, "src/a.env", &text, &hit, &e), 0);
	CHECK(!hit);
	CHECK_STR(text.p, "KEY=secret\n");
	buf_reset(&text);
	buf_puts(&text, "a Bearer abcd1 b bearer xyz12, bearer a");
	CHECK_INT(policy_redact(p, &text, &hit, &e), 0);
	CHECK_STR(text.p, "a ******** b ********, bearer a");
	buf_reset(&text);
	buf_put(&text, "x\0bearer abcd1\ny\n", 17);
	CHECK_INT(policy_redact(p, &text, &hit, &e), 0);
	CHECK_STR(text.p, "********\ny\n");
	policy_free(p);
	p = good(HEAD "\"environment\":{\"redact\":[{\"name\":\"z\",\"regex\":\"z*\"}]}}");
	buf_reset(&text);
	buf_puts(&text, "abzzc z\n");
	CHECK_INT(policy_redact(p, &text, &hit, &e), 0);
	CHECK_STR(text.p, "ab********c ********\n");
	buf_release(&text);
	policy_free(p);
}

TAP_MAIN(TEST(mistakes_are_named_with_their_place), TEST(the_strictest_matching_rule_wins),
	 TEST(every_place_is_within_the_image), TEST(no_source_widens_another),
	 TEST(nothing_said_is_nothing_allowed), TEST(what_is_not_a_question_is_refused),
	 TEST(equal_documents_have_equal_digests), TEST(any_source_may_end_an_exhausted_agent),
	 TEST(masked_and_redacted_values_are_gone))
