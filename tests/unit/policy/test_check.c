/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"
#include "tests/tap.h"

static struct policy *load(const char *text)
{
	struct err e = ERR_INIT;
	struct policy *p = NULL;

	if (strncmp(text, "preset:", 7) == 0)
		CHECK_INT(policy_load(text, &p, &e), 0);
	else
		CHECK_INT(policy_parse("p.json", text, strlen(text), &p, &e), 0);
	CHECK_STR(e.msg, "");
	return p;
}

static void put(struct changes *c, const char *path, const char *old, const char *new)
{
	struct change ch = {
		.path = strdup(path),
		.kind = !old   ? CHANGE_ADD
			: !new ? CHANGE_DELETE
			       : CHANGE_MODIFY,
		.type = CHANGE_FILE,
		.old_type = old ? CHANGE_FILE : -1,
		.old_data = old ? strdup(old) : NULL,
		.old_len = old ? strlen(old) : 0,
		.new_data = new ? strdup(new) : NULL,
		.new_len = new ? strlen(new) : 0,
	};

	CHECK_INT(changes_put(c, &ch), 0);
}

/* One change against a policy: the decision and the rule that took it. */
struct row {
	const char *path, *old, *new, *rule;
	int decision;
};

static void judge(struct policy *p, const struct row *row, const char *own)
{
	struct policy_verdict v;
	struct err e = ERR_INIT;
	struct changes c = { 0 };

	put(&c, row->path, row->old, row->new);
	CHECK_INT(policy_check_changes(p, &c, own, &v, &e), 0);
	if (v.decision != row->decision || strcmp(v.rule, row->rule) != 0)
		printf("# %s: %s by %s at %s: %s\n", row->path, policy_decision_name(v.decision),
		       v.rule, v.place, v.reason);
	CHECK_INT(v.decision, row->decision);
	CHECK_STR(v.rule, row->rule);
	changes_release(&c);
}

static void the_patch_preset_lets_sources_change(void)
{
	static const struct row rows[] = {
		{ "lib/utils.js", "a\nb\n", "a\nc\n", "/code/allow/0", POLICY_ALLOW },
		{ "src/jinja2/filters.py", "a\n", "a\nb\n", "/code/allow/0", POLICY_ALLOW },
		{ "cJSON.c", "a\n", "b\n", "/code/allow/0", POLICY_ALLOW },
		{ "test/new.js", NULL, "t\n", "/code/allow/0", POLICY_ALLOW },
		{ "test/exits.js", NULL, "process.exit(0); model.fit(x);\n", "/code/allow/0",
		  POLICY_ALLOW },
		{ "src/jinja2/tests.py", "a\n", "b\n", "/code/allow/0", POLICY_ALLOW },
		{ "docs/note.md", NULL, "t\n", "/code/allow/0", POLICY_ALLOW },
	};
	struct policy *p = load("preset:patch");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		judge(p, &rows[i], NULL);
	policy_free(p);
}

static void the_patch_preset_refuses_what_cheats_need(void)
{
	static const struct row rows[] = {
		{ "test/old.js", "a\n", "a\nb\n", "/code/tests/modify", POLICY_DENY },
		{ "test/old.js", "a\n", NULL, "/code/tests/delete", POLICY_DENY },
		{ "test/new.js", NULL, "it.skip('x')\n", "/code/tests/skip_markers", POLICY_DENY },
		{ "tests/conftest.py", NULL, "x\n", "/code/deny/12", POLICY_DENY },
		{ "src/.mocharc.json", NULL, "{}\n", "/code/deny/2", POLICY_DENY },
		{ "sitecustomize.py", NULL, "x\n", "/code/deny/18", POLICY_DENY },
		{ ".gitattributes", NULL, "* -diff\n", "/code/deny/2", POLICY_DENY },
		{ ".gitmodules", NULL, "x\n", "/code/deny/1", POLICY_DENY },
		{ ".github/workflows/ci.yml", "a\n", "b\n", "/code/deny/4", POLICY_DENY },
		{ ".husky/pre-commit", NULL, "b\n", "/code/deny/9", POLICY_DENY },
		{ ".git/hooks/post-checkout", NULL, "b\n", "/code", POLICY_DENY },
		{ "sub/.GIT/config", NULL, "b\n", "/code", POLICY_DENY },
		{ "package.json", "{\n \"a\": 1\n}\n", "{\n \"a\": 1,\n \"b\": 2\n}\n",
		  "/code/dependencies/add", POLICY_DENY },
		{ "requirements.txt", "a==1\n", "a==2\n", "/code/dependencies/upgrade",
		  POLICY_NEEDS_SCOPE },
		{ "requirements.txt", "a==1\nb==1\n", "a==1\n", "/code/dependencies/remove",
		  POLICY_NEEDS_SCOPE },
		{ "requirements.txt", "a==1\n", "evil==1\n", "/code/dependencies/add",
		  POLICY_DENY },
		{ "tests/CMakeLists.txt", "a\n", "b\n", "/code/tests/register/2", POLICY_DENY },
		{ "Makefile", "test:\n\trun\n", "test:\n\ttrue\n", "/code/tests/register/0",
		  POLICY_DENY },
		{ "Makefile", "a\n", "a\nb\n", "/code/tests/register/0", POLICY_DENY },
		{ "src/a.c", "int x;\n", "int x; /* \xe2\x80\xae */\n",
		  "/code/file_types/bidi_controls", POLICY_DENY },
	};
	struct policy *p = load("preset:patch");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		judge(p, &rows[i], NULL);
	policy_free(p);
}

static void the_reproduce_preset_lets_a_test_be_added_only(void)
{
	static const struct row rows[] = {
		{ "test/new.js", NULL, "t\n", "/code/tests/add", POLICY_ALLOW },
		{ "regress/new.js", NULL, "t\n", "/code/tests/add", POLICY_ALLOW },
		{ "lib/utils.js", "a\n", "b\n", "", POLICY_DENY },
		{ "test/old.js", "a\n", "a\nb\n", "/code/tests/modify", POLICY_DENY },
	};
	struct policy *p = load("preset:reproduce");

	/* the second lies outside every known place of tests: the case's own may */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		judge(p, &rows[i], rows[i].path);
	judge(p, &(struct row){ "regress/new.js", NULL, "t\n", "", POLICY_DENY }, "test/other.js");
	/* nor may it sit on what decides how tests run */
	judge(p, &(struct row){ "test/conftest.py", NULL, "t\n", "/code/deny/12", POLICY_DENY },
	      "test/conftest.py");
	policy_free(p);
}

static void the_verify_preset_grants_no_change(void)
{
	struct policy *p = load("preset:verify");

	judge(p, &(struct row){ "a.js", "a\n", "b\n", "", POLICY_DENY }, NULL);
	judge(p, &(struct row){ "test/a.js", NULL, "b\n", "", POLICY_DENY }, "test/a.js");
	policy_free(p);
}

static void a_new_test_is_registered_by_lines_beside_it(void)
{
	struct policy *p = load("preset:reproduce");
	struct policy_verdict v;
	struct err e = ERR_INIT;
	struct changes c = { 0 };

	put(&c, "tests/null_item.c", NULL, "int main(void) { return 0; }\n");
	put(&c, "tests/CMakeLists.txt", "set(t\n  a\n)\n", "set(t\n  a\n  null_item\n)\n");
	CHECK_INT(policy_check_changes(p, &c, "tests/null_item.c", &v, &e), 0);
	CHECK_INT(v.decision, POLICY_ALLOW);
	changes_release(&c);
	policy_free(p);
}

static void limits_count_all_but_the_cases_own_test(void)
{
	static const char text[] =
		"{\"version\":1,\"name\":\"x\",\"code\":{\"allow\":[\"**\"],"
		"\"max_files\":1,\"max_changed_lines\":3,\"max_file_bytes\":\"40B\","
		"\"tests\":{\"paths\":[\"t/**\"],\"add\":true}}}";
	struct policy *p = load(text);
	struct policy_verdict v;
	struct err e = ERR_INIT;
	struct changes c = { 0 };

	put(&c, "a", "1\n", "2\n");
	put(&c, "t/own", NULL, "1\n2\n3\n4\n");
	CHECK_INT(policy_check_changes(p, &c, "t/own", &v, &e), 0);
	CHECK_INT(v.decision, POLICY_ALLOW);
	CHECK_INT(policy_check_changes(p, &c, NULL, &v, &e), 0);
	CHECK_STR(v.rule, "/code/max_files");
	CHECK_STR(v.reason, "2 files change, at most 1 may");
	CHECK_STR(v.place, "p.json:1:48");
	CHECK_STR(v.mechanism, "diff");
	put(&c, "a", "1\n2\n", "3\n4\n");
	CHECK_INT(policy_check_changes(p, &c, "t/own", &v, &e), 0);
	CHECK_STR(v.rule, "/code/max_changed_lines");
	CHECK_STR(v.reason, "4 lines change, at most 3 may");
	put(&c, "a", "1\n", "0123456789012345678901234567890123456789\n");
	CHECK_INT(policy_check_changes(p, &c, "t/own", &v, &e), 0);
	CHECK_STR(v.rule, "/code/max_file_bytes");
	changes_release(&c);
	policy_free(p);
}

static void kinds_of_files_are_told_apart(void)
{
	static const char allow[] =
		"{\"version\":1,\"name\":\"x\",\"code\":{\"allow\":[\"**\"],\"file_types\":{"
		"\"symlinks\":\"allow-inside\",\"binaries\":\"allow\",\"mode_changes\":\"allow\","
		"\"renames\":\"allow\"}}}";
	const struct {
		struct change ch;
		const char *strict, *loose;
	} row[] = {
		{ { .path = (char[]){ "l" },
		    .type = CHANGE_SYMLINK,
		    .old_type = -1,
		    .new_data = (char[]){ "a/b" },
		    .new_len = 3 },
		  "/code/file_types/symlinks",
		  "/code/allow/0" },
		{ { .path = (char[]){ "d/l" },
		    .type = CHANGE_SYMLINK,
		    .old_type = -1,
		    .new_data = (char[]){ "../../b" },
		    .new_len = 7 },
		  "/code/file_types/symlinks",
		  "/code/file_types/symlinks" },
		{ { .path = (char[]){ "l" },
		    .type = CHANGE_SYMLINK,
		    .old_type = -1,
		    .new_data = (char[]){ "/etc" },
		    .new_len = 4 },
		  "/code/file_types/symlinks",
		  "/code/file_types/symlinks" },
		{ { .path = (char[]){ "s" },
		    .type = CHANGE_OTHER,
		    .old_type = -1,
		    .new_data = (char[]){ "x" },
		    .new_len = 1 },
		  "/code/file_types/submodules",
		  "" },
		{ { .path = (char[]){ "m" },
		    .kind = CHANGE_MODIFY,
		    .type = CHANGE_EXECUTABLE,
		    .old_type = CHANGE_FILE,
		    .old_data = (char[]){ "x" },
		    .old_len = 1,
		    .new_data = (char[]){ "x" },
		    .new_len = 1 },
		  "/code/file_types/mode_changes",
		  "/code/allow/0" },
		{ { .path = (char[]){ "b" },
		    .type = CHANGE_FILE,
		    .old_type = -1,
		    .new_data = (char[]){ "x\0y" },
		    .new_len = 3 },
		  "/code/file_types/binaries",
		  "/code/allow/0" },
	};
	struct policy *strict = load("preset:patch"), *loose = load(allow);

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct change ch = row[i].ch;
		struct changes c = { .v = &ch, .n = 1 };
		struct policy_verdict v;
		struct err e = ERR_INIT;

		CHECK_INT(policy_check_changes(strict, &c, NULL, &v, &e), 0);
		CHECK_INT(v.decision, POLICY_DENY);
		CHECK_STR(v.rule, row[i].strict);
		CHECK_INT(policy_check_changes(loose, &c, NULL, &v, &e), 0);
		CHECK_INT(v.decision,
			  strcmp(row[i].loose, "/code/allow/0") == 0 ? POLICY_ALLOW : POLICY_DENY);
	}
	policy_free(strict);
	policy_free(loose);
}

static void a_rename_is_seen_as_one(void)
{
	struct policy *p = load("preset:patch");
	struct policy_verdict v;
	struct err e = ERR_INIT;
	struct changes c = { 0 };

	put(&c, "lib/a.js", "text\n", NULL);
	put(&c, "lib/b.js", NULL, "text\n");
	CHECK_INT(policy_check_changes(p, &c, NULL, &v, &e), 0);
	CHECK_STR(v.rule, "/code/file_types/renames");
	CHECK_STR(v.reason, "'lib/a.js' is renamed to 'lib/b.js'");
	changes_release(&c);
	policy_free(p);
}

static void tests_that_may_grow_may_not_weaken(void)
{
	static const char text[] =
		"{\"version\":1,\"name\":\"x\",\"code\":{\"allow\":[\"**\"],\"tests\":{"
		"\"paths\":[\"t/"
		"**\"],\"add\":true,\"modify\":\"any\",\"min_assertions\":\"not-fewer\","
		"\"skip_markers\":[\"@skip\"]}}}";
	static const char additions[] =
		"{\"version\":1,\"name\":\"x\",\"code\":{\"allow\":[\"**\"],\"tests\":{"
		"\"paths\":[\"t/**\"],\"modify\":\"additions-only\"}}}";
	static const struct row rows[] = {
		{ "t/a", "assert(1)\nassert(2)\n", "assert(1)\n", "/code/tests/min_assertions",
		  POLICY_DENY },
		{ "t/a", "assert(1)\n", "@skip\nassert(1)\n", "/code/tests/skip_markers",
		  POLICY_DENY },
		{ "t/a", "assert(1)\n", "assert(2)\n", "/code/tests/modify", POLICY_ALLOW },
		{ "src/a", "assert(1)\nassert(2)\n", "@skip\n", "/code/allow/0", POLICY_ALLOW },
	};
	struct policy *p = load(text), *q = load(additions);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* an allowed test is allowed twice: by its kind and by its path */
		struct row r = rows[i];

		if (strcmp(r.rule, "/code/tests/modify") == 0)
			r.rule = "/code/allow/0";
		judge(p, &r, NULL);
	}
	judge(q, &(struct row){ "t/a", "1\n2\n", "1\n", "/code/tests/modify", POLICY_DENY }, NULL);
	judge(q, &(struct row){ "t/a", "1\n2\n", "1\n2\n3\n", "/code/allow/0", POLICY_ALLOW },
	      NULL);
	policy_free(p);
	policy_free(q);
}

static void the_public_interface_may_be_closed_or_only_grow(void)
{
	static const char closed[] =
		"{\"version\":1,\"name\":\"x\",\"code\":{\"allow\":[\"**\"],"
		"\"public_api\":{\"paths\":[\"include/**\"],\"change\":\"deny\"}}}";
	static const char grows[] =
		"{\"version\":1,\"name\":\"x\",\"code\":{\"allow\":[\"**\"],"
		"\"public_api\":{\"paths\":[\"include/**\"],\"change\":\"additive\"}}}";
	const struct row more = { "include/a.h", "a\n", "a\nb\n", "/code/public_api/change",
				  POLICY_DENY };
	const struct row other = { "include/a.h", "a\n", "b\n", "/code/public_api/change",
				   POLICY_DENY };
	struct policy *p = load(closed), *q = load(grows);

	judge(p, &more, NULL);
	judge(q, &other, NULL);
	judge(q, &(struct row){ "include/a.h", "a\n", "a\nb\n", "/code/allow/0", POLICY_ALLOW },
	      NULL);
	policy_free(p);
	policy_free(q);
}

TAP_MAIN(TEST(the_patch_preset_lets_sources_change),
	 TEST(the_patch_preset_refuses_what_cheats_need),
	 TEST(the_reproduce_preset_lets_a_test_be_added_only),
	 TEST(the_verify_preset_grants_no_change),
	 TEST(a_new_test_is_registered_by_lines_beside_it),
	 TEST(limits_count_all_but_the_cases_own_test), TEST(kinds_of_files_are_told_apart),
	 TEST(a_rename_is_seen_as_one), TEST(tests_that_may_grow_may_not_weaken),
	 TEST(the_public_interface_may_be_closed_or_only_grow))
