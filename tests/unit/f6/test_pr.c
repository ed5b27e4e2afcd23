/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pr/pr.h"

#include "agent/host/pipeline/stages.h"
#include "tests/tap.h"

/* What a report, a repository or an agent may bring: markup, a terminal's sequences, text that
 * reads as something else, and what `git am` takes for a patch. */
#define HOSTILE                                                                                \
	"[merge me](https://example.invalid/x)\n# Approved\n**all** `tick` <b>bold</b> | cell" \
	"\x1b[2J\xe2\x80\xaetxt\xe2\x80\x8b \xc2\x9b"                                          \
	"31m www.example.invalid\n---\ndiff --git a/x b/x\nSickbay-Case: other\n"

static char *render(const char *text)
{
	static char one[] = "node", test[] = "@test", *argv[] = { one, test, NULL };
	struct service_tests suite = { .one = { argv, 2 } };
	struct service service = { .name = one, .tests = { &suite, 1 } };
	static char path[] = "lib/a.js", old[] = "a\n", new[] = "b\n";
	struct change ch = { .path = path,
			     .kind = CHANGE_MODIFY,
			     .old_data = old,
			     .old_len = 2,
			     .new_data = new,
			     .new_len = 2 };
	const struct changes changes = { &ch, 1 }, none = { 0 };
	AUTO_JSON json_t *incident = json_pack(
		"{s:{s:{s:s,s:s,s:s,s:i},s:[{s:s,s:s}]}}", "incident", "coordinate", "type", text,
		"file", text, "function", text, "line", 7, "loss", "at", text, "why", text);
	AUTO_JSON json_t *replica = json_pack("{s:s,s:s,s:{s:[s]}}", "base", "0123", "head", "0123",
					      "source", "missing", text);
	AUTO_JSON json_t *match = json_pack("{s:s,s:s,s:{s:[s]}}", "match", "exact", "test_name",
					    text, "isolate", "seen", text);
	AUTO_JSON json_t *patch = json_pack("{s:s,s:s,s:s,s:{s:[{s:s,s:s,s:b}]}}", "title", text,
					    "cause", text, "change", text, "agent", "candidates",
					    "summary", text, "why_not", text, "plausible", 1);
	AUTO_JSON json_t *proof = json_pack("{s:{s:s,s:[s]},s:[{s:i,s:s,s:s,s:s}]}", "risk",
					    "level", "low", "reasons", text, "steps", "step", 1,
					    "name", "fails", "side", "base", "says", text);
	AUTO_JSON json_t *spent = json_pack("{s:s}", "usd", "0.00");
	const struct pr_input in = { .case_id = "x-1",
				     .service = &service,
				     .incident = incident,
				     .replica = replica,
				     .match = match,
				     .patch = patch,
				     .tried = patch,
				     .proof = proof,
				     .spent = spent,
				     .test_changes = &none,
				     .patch_changes = &changes,
				     .test_path = "test/a.js",
				     .evidence = "00",
				     .checkpoint_root = "00" };
	AUTO_BUF struct buf out = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;

	service.repository.target = one;
	service.repository.root = (char[]){ "" };
	CHECK(incident && replica && match && patch && proof && spent);
	CHECK_INT(pr_render(&in, &out, &e), 0);
	buf_puts(&out, "\n=====\n");
	CHECK_INT(pr_message(&in, &out, &e), 0);
	return buf_take(&out);
}

static bool has_line(const char *text, const char *begin)
{
	for (const char *p = text; (p = strstr(p, begin)); p++)
		if (p == text || p[-1] == '\n')
			return true;
	return false;
}

/* What a person has to decide stands where nobody scrolls. */
static void a_choice_stands_at_the_top(void)
{
	AUTO_FREE char *out = render("takes nothing in its place");

	CHECK(out != NULL);
	CHECK(out &&
	      strstr(out,
		     "\n**Please decide:** another change passed the new test, too, and no "
		     "test can tell which one is meant: takes nothing in its place.\nRisk: ") !=
		      NULL);
}

static void hostile_text_stays_text(void)
{
	AUTO_FREE char *all = render(HOSTILE);
	char *message = all ? strstr(all, "\n=====\n") : NULL;

	CHECK(message != NULL);
	if (!message)
		return;
	/* in both: nothing that a terminal obeys or that reads as something else */
	CHECK(!strchr(all, '\x1b'));
	CHECK(!strstr(all, "\xe2\x80\xae") && !strstr(all, "\xe2\x80\x8b"));
	CHECK(!strstr(all, "\xc2\x9b"));
	/* the commit's message: no patch, no second subject, no trailer of theirs */
	CHECK(!has_line(message + 7, "diff --git"));
	CHECK(!has_line(message + 7, "---"));
	CHECK(!has_line(message + 7, "Sickbay-Case: other"));
	CHECK(has_line(message + 7, "Sickbay-Case: x-1"));
	/* the text: no heading, link, element, table cell or address that links by itself */
	*message = '\0';
	CHECK(!has_line(all, "# Approved"));
	CHECK(!has_line(all, "Sickbay-Case"));
	CHECK(strstr(all, "\\[merge me\\](https\\://example.invalid/x) \\# Approved") != NULL);
	CHECK(strstr(all, "\\*\\*all\\*\\* \\`tick\\` \\<b\\>bold\\</b\\> \\| cell") != NULL);
	CHECK(strstr(all, "www\\.example.invalid") != NULL);
}

/* What a model may write to make a forge do something when people look at it, or merge it. */
static void prose_of_a_model_does_nothing(void)
{
	AUTO_FREE char *all = render("Fixes #12, closes GH-7 and o/r#8 !3; cc @all <!-- x --> "
				     "![i](https://example.invalid/i.png)");
	char *message = all ? strstr(all, "\n=====\n") : NULL;

	CHECK(message != NULL);
	if (!message)
		return;
	CHECK(strstr(message, "Fixes # 12, closes G H-7 and o/r# 8 ! 3; cc @ all") != NULL);
	CHECK(strstr(message, "https: //example") != NULL);
	*message = '\0';
	CHECK(strstr(all, "Fixes `#12`, closes `GH-7` and o/r`#8` `!3`; cc `@all` \\<\\!-- x") !=
	      NULL);
	CHECK(strstr(all, "\\!\\[i\\](https\\://example.invalid/i.png)") != NULL);
}

/* GitLab takes a line of a text for a command where it begins with a slash and a word. */
static void no_line_is_a_command(void)
{
	AUTO_FREE char *all = render("/merge");
	char *message = all ? strstr(all, "\n=====\n") : NULL;

	CHECK(message != NULL);
	if (message)
		*message = '\0';
	CHECK(all && !has_line(all, "/merge"));
	CHECK(all && strstr(all, "\n\\/merge") != NULL);
}

static void who_wrote_what_is_said(void)
{
	static const struct {
		const char *agent, *want, *mark;
	} rows[] = {
		{ "{\"author\":\"built-in\"}", "the built-in agent, without a model",
		  "no text by a model" },
		{ "{\"author\":\"command\",\"command\":[\"/bin/fix\",\"a\"]}",
		  "the command `/bin/fix a`", "text and change by the command" },
		{ "{\"author\":\"model\",\"model\":\"here/m-1\"}", "the model `here/m-1`",
		  "text by a model, which nobody checked" },
		{ "{\"author\":\"external\",\"model\":\"here/m-1\",\"command\":[\"x\"]}",
		  "the external agent `x` with `here/m-1`",
		  "text by a model, which nobody checked" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_JSON json_t *agent = json_loads(rows[i].agent, 0, NULL);
		AUTO_JSON json_t *record = json_pack("{s:O}", "agent", agent);
		const struct pr_input in = { .match = record, .patch = record };
		AUTO_BUF struct buf b = BUF_INIT(4096);
		char want[200];

		pr_authors(&in, &b);
		(void)snprintf(want, sizeof(want), "Test by %s; change by %s.\n", rows[i].want,
			       rows[i].want);
		CHECK_STR(b.p, want);
		pr_prose_source(&in, &b);
		CHECK(strstr(b.p, rows[i].mark) != NULL);
	}
}

static void what_else_was_tried_is_said(void)
{
	AUTO_JSON json_t *match =
		json_loads("{\"agent\":{\"author\":\"model\",\"model\":\"e/m\"},"
			   "\"also\":[{\"why\":\"none\",\"agent\":{\"author\":\"built-in\"}}]}",
			   0, NULL);
	AUTO_JSON json_t *tried = json_loads(
		"{\"changes\":[],\"agent\":{\"author\":\"built-in\"},\"more\":[{\"changes\":[],"
		"\"agent\":{\"author\":\"model\",\"model\":\"e/m\"}}]}",
		0, NULL);
	AUTO_JSON json_t *proof = json_loads("{\"candidate\":1,\"others\":[{\"candidate\":0,"
					     "\"says\":\"proof step 3 refused\"}]}",
					     0, NULL);
	const struct pr_input in = { .match = match, .tried = tried, .proof = proof };
	AUTO_BUF struct buf b = BUF_INIT(4096);

	pr_others(&in, &b);
	CHECK_STR(b.p, "- a test by the built-in agent, without a model: none\n"
		       "- a change by the built-in agent, without a model: proof step 3 refused\n");
}

static void what_was_paid_is_said(void)
{
	AUTO_JSON json_t *spent =
		json_loads("{\"usd\":\"0.04\",\"usd_exact\":\"0.0312\",\"tokens\":1500,\"input_"
			   "tokens\":1200,\"cached_tokens\":800,"
			   "\"output_tokens\":300,\"reasoning_tokens\":40,\"turns\":3}",
			   0, NULL);
	const struct pr_input in = { .spent = spent };
	AUTO_BUF struct buf b = BUF_INIT(4096);

	pr_spent(&in, &b);
	CHECK(strstr(b.p, "US$0.04 (0.0312 exactly), 1500 tokens (read 1200, of them 800 cached; "
			  "written 300, of "
			  "them 40 reasoning) in 3 calls of a model; ") == b.p);
}

static void a_title_cannot_begin_a_patch(void)
{
	AUTO_FREE char *all = render("diff --git a/x b/x");
	const char *message = all ? strstr(all, "\n=====\n") : NULL;

	CHECK(message && strstr(message, "\n diff --git a/x b/x\n"));
}

static void code_keeps_its_backticks_inside(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "a", "`a`" },
		{ "a`b", "``a`b``" },
		{ "``a", "``` ``a ```" },
		{ "`", "`` ` ``" },
		{ "a|b\nc\x1b", "`a?b?c?`" },
		{ "\xd8\x9c"
		  "a",
		  "`?a`" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf b = BUF_INIT(1024);

		md_code(&b, rows[i].text);
		CHECK_STR(b.p, rows[i].want);
	}
}

static void a_fence_is_longer_than_what_it_holds(void)
{
	static const char text[] = "a\n````\n# b\x1b\n";
	AUTO_BUF struct buf b = BUF_INIT(1024);

	md_fenced(&b, "diff", text, sizeof(text) - 1);
	CHECK_STR(b.p, "`````diff\na\n````\n# b?\n`````\n");
}

static void at_most_four_questions_are_asked(void)
{
	static char path[] = "a.py", old[] = "x\n";
	static char all[] = "try: return None\nexcept E: token()\nfor x in y: while (1) escape\n";
	static char little[] = "y\n";
	struct change ch = { .path = path, .kind = CHANGE_MODIFY, .old_data = old, .old_len = 2 };
	const struct changes changes = { &ch, 1 };
	const struct pr_input in = { .patch_changes = &changes };
	const struct {
		char *text;
		int want;
	} rows[] = { { all, 4 }, { little, 1 } };

	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF struct buf b = BUF_INIT(65536);
		int asked = 0;

		ch.new_data = rows[i].text;
		ch.new_len = strlen(rows[i].text);
		pr_questions(&in, &b);
		for (const char *p = b.p; p && (p = strstr(p, "- [ ] ")); p++)
			asked++;
		CHECK_INT(asked, rows[i].want);
		CHECK(b.p && strncmp(b.p, "- [ ] Intent: ", 14) == 0);
	}
}

static void changes_survive_their_record(void)
{
	static char latin[] = "caf\xe9\n", text[] = "text\n", nul[] = "a\0b", target[] = "../x";
	struct change rows[] = {
		{ .path = (char[]){ "a" },
		  .kind = CHANGE_ADD,
		  .type = CHANGE_FILE,
		  .old_type = -1,
		  .new_data = latin,
		  .new_len = 5 },
		{ .path = (char[]){ "b" },
		  .kind = CHANGE_MODIFY,
		  .type = CHANGE_EXECUTABLE,
		  .old_type = CHANGE_FILE,
		  .old_data = text,
		  .old_len = 5,
		  .new_data = nul,
		  .new_len = 3 },
		{ .path = (char[]){ "c" },
		  .kind = CHANGE_DELETE,
		  .type = CHANGE_FILE,
		  .old_type = CHANGE_FILE,
		  .old_data = latin,
		  .old_len = 5 },
		{ .path = (char[]){ "d" },
		  .kind = CHANGE_ADD,
		  .type = CHANGE_SYMLINK,
		  .old_type = -1,
		  .new_data = target,
		  .new_len = 4 },
		{ .path = (char[]){ "e" },
		  .kind = CHANGE_ADD,
		  .type = CHANGE_FILE,
		  .old_type = -1,
		  .new_data = (char[]){ "" },
		  .new_len = 0 },
	};
	const struct changes from = { rows, sizeof(rows) / sizeof(rows[0]) };
	AUTO_JSON json_t *v = changes_to_json(&from);
	AUTO_FREE char *dumped = v ? json_dumps(v, JSON_ENSURE_ASCII) : NULL;
	AUTO_JSON json_t *again = dumped ? json_loads(dumped, 0, NULL) : NULL;
	struct changes to = { 0 };
	struct err e = ERR_INIT;
	char one[65], two[65];

	CHECK(again != NULL);
	CHECK_INT(changes_from_json(again, &to, &e), 0);
	CHECK_INT((long long)to.n, (long long)from.n);
	for (size_t i = 0; i < to.n && i < from.n; i++) {
		const struct change *a = &from.v[i], *b = &to.v[i];

		CHECK_STR(b->path, a->path);
		CHECK_INT(b->kind, a->kind);
		CHECK_INT(b->type, a->type);
		CHECK_INT(b->old_type, a->old_type);
		CHECK_INT((long long)b->old_len, (long long)a->old_len);
		CHECK_INT((long long)b->new_len, (long long)a->new_len);
		CHECK((a->new_data == NULL) == (b->new_data == NULL));
		CHECK(!a->new_data || memcmp(a->new_data, b->new_data, a->new_len) == 0);
		CHECK(!a->old_data || memcmp(a->old_data, b->old_data, a->old_len) == 0);
	}
	changes_digest(&from, one);
	changes_digest(&to, two);
	CHECK_STR(two, one);
	changes_release(&to);
}

/* A program that is no agent of ours calls its files what it likes. */
static void a_name_that_is_no_text_has_a_record(void)
{
	struct change row = { .path = (char[]){ "lib/a\xff.js" },
			      .kind = CHANGE_ADD,
			      .type = CHANGE_OTHER,
			      .old_type = -1 };
	const struct changes from = { &row, 1 };
	AUTO_JSON json_t *v = changes_to_json(&from);
	struct changes to = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(changes_from_json(v, &to, &e), 0);
	CHECK_INT((long long)to.n, 1);
	CHECK_STR(to.n ? to.v[0].path : "", "lib/a\xef\xbf\xbd.js");
	CHECK_INT(to.n ? to.v[0].type : -1, CHANGE_OTHER);
	changes_release(&to);
}

static void changes_that_were_edited_are_refused(void)
{
	static const char *const bad[] = {
		"{}",
		"[{}]",
		"[{\"path\":\"a\",\"kind\":\"rename\",\"type\":\"file\"}]",
		"[{\"path\":\"a\",\"kind\":\"add\",\"type\":\"file\",\"old\":null,\"new\":7}]",
		"[{\"path\":\"a\",\"kind\":\"add\",\"type\":\"file\",\"old\":{\"hex\":\"zz\"}}]",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_JSON json_t *v = json_loads(bad[i], 0, NULL);
		struct changes to = { 0 };
		struct err e = ERR_INIT;

		CHECK_INT(changes_from_json(v, &to, &e), -EBADMSG);
		CHECK_STR(e.msg, "changes in a record: not as they were written");
	}
}

TAP_MAIN({ "hostile text stays text", hostile_text_stays_text },
	 { "a choice stands at the top", a_choice_stands_at_the_top },
	 { "prose of a model does nothing", prose_of_a_model_does_nothing },
	 { "no line is a command", no_line_is_a_command },
	 { "who wrote what is said", who_wrote_what_is_said },
	 { "what else was tried is said", what_else_was_tried_is_said },
	 { "what was paid is said", what_was_paid_is_said },
	 { "a cause cannot begin a patch", a_title_cannot_begin_a_patch },
	 { "code keeps its backticks inside", code_keeps_its_backticks_inside },
	 { "a fence is longer than what it holds", a_fence_is_longer_than_what_it_holds },
	 { "at most four questions are asked", at_most_four_questions_are_asked },
	 { "changes survive their record, whatever bytes they hold", changes_survive_their_record },
	 { "a name that is no text has a record", a_name_that_is_no_text_has_a_record },
	 { "changes that were edited are refused", changes_that_were_edited_are_refused })
