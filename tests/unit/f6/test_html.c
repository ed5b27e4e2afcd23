/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pr/html.h"
#include "runtime/base/jmap.h"
#include "tests/tap.h"

static void text_is_no_markup(void)
{
	static const struct {
		const char *text;
		size_t n;
		const char *want;
	} rows[] = {
		{ "plain", 5, "plain" },
		{ "<script>alert(1)</script>", 25, "&lt;script&gt;alert(1)&lt;/script&gt;" },
		{ "\" onload='x' `y`", 16, "&quot; onload=&#39;x&#39; &#96;y&#96;" },
		{ "a&amp;b", 7, "a&amp;amp;b" },
		{ "\xe2\x80\xae", 3, "<span class=\"hid\">U+202E</span>" },
		{ "\xe2\x81\xa6x", 4, "<span class=\"hid\">U+2066</span>x" },
		{ "\xe2\x80\x8b", 3, "<span class=\"hid\">U+200B</span>" },
		{ "\xc2\x85", 2, "<span class=\"hid\">U+0085</span>" },
		{ "\x1b[2J", 4, "<span class=\"hid\">U+001B</span>[2J" },
		{ "a\0b", 3, "a<span class=\"hid\">U+0000</span>b" },
		{ "a\r\nb\tc", 6, "a<span class=\"hid\">U+000D</span>\nb\tc" },
		{ "\xff<", 2, "\xef\xbf\xbd&lt;" },
		{ "\xc0\xbc", 2, "\xef\xbf\xbd\xef\xbf\xbd" }, /* an overlong "<" */
		{ "\xc3\xa9", 2, "\xc3\xa9" },
		{ "\xe2\x80", 2, "\xef\xbf\xbd\xef\xbf\xbd" }, /* cut off */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf b = BUF_INIT(4096);

		html_text(&b, rows[i].text, rows[i].n);
		CHECK_STR(b.p, rows[i].want);
	}
}

static void every_text_of_a_format_is_escaped(void)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);

	html(&b, "<i class=\"%s\">%s|%.*s|%d|%u|%zu|%lld|%.1f|%%</i>", "\"<", "<b>", 2, "<&>", -1,
	     2u, (size_t)3, 4LL, 0.25);
	CHECK_STR(b.p, "<i class=\"&quot;&lt;\">&lt;b&gt;|&lt;&amp;|-1|2|3|4|0.2|%</i>");
}

/* Every string that a page can be made of, as somebody who means harm would write it. */
#define EVIL "</title></script><script>evil()</script><img src=x onerror=evil()>\"'\xe2\x80\xae"

static json_t *evil(void)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:[s,s],s:[{s:s,s:s,s:s,s:b,s:i}"
			 ",{s:s,s:b}],"
			 "s:[{s:s,s:s,s:s,s:s,s:s}]}",
			 "author", EVIL, "reason", EVIL, "rule", EVIL, "class", EVIL, "type", EVIL,
			 "file", EVIL, "function", EVIL, "outcome", EVIL, "service", EVIL,
			 "patch_by", EVIL, "notes", EVIL, EVIL, "candidates", "summary", EVIL,
			 "why_not", EVIL, "operator", EVIL, "plausible", 1, "line", 3, "summary",
			 EVIL, "plausible", 1, "refusals", "path", EVIL, "reason", EVIL, "rule",
			 EVIL, "place", EVIL, "decision", EVIL);
}

static void no_evil_in(const struct buf *b)
{
	CHECK(b->p != NULL);
	CHECK(b->p && strstr(b->p, "evil()") != NULL);
	CHECK(b->p && strstr(b->p, "<script>evil") == NULL);
	CHECK(b->p && strstr(b->p, "<img") == NULL);
	CHECK(b->p && strstr(b->p, "onerror=evil()>") == NULL);
	CHECK(b->p && strstr(b->p, "\xe2\x80\xae") == NULL);
}

static void a_hostile_case_is_text(void)
{
	AUTO_JSON json_t *o = evil();
	AUTO_JSON json_t *incident = json_pack(
		"{s:{s:O,s:s,s:[{s:s,s:s,s:[O]}],s:[{s:s,s:s}],s:s},s:O}", "incident", "coordinate",
		o, "fingerprint", EVIL, "chain", "type", EVIL, "message", EVIL, "frames", o, "loss",
		"at", EVIL, "why", EVIL, "first_seen", EVIL, "triage", o);
	AUTO_JSON json_t *match =
		json_pack("{s:O,s:s,s:{s:i,s:{s:i},s:[s]}}", "agent", o, "match", EVIL, "isolate",
			  "runs", 2, "match", EVIL, 2, "seen", EVIL);
	AUTO_JSON json_t *patch = json_pack("{s:O,s:s,s:s,s:s}", "agent", o, "title", EVIL, "cause",
					    EVIL, "change", EVIL);
	AUTO_JSON json_t *proof = json_pack(
		"{s:s,s:[{s:i,s:s,s:s,s:s,s:s,s:b,s:{s:s,s:[s]}}],s:{s:s,s:[s]},s:[{s:s,s:s}]}",
		"verdict", EVIL, "steps", "step", 1, "name", EVIL, "side", EVIL, "commit", EVIL,
		"says", EVIL, "holds", 0, "detail", EVIL, EVIL, "list", EVIL, "risk", "level", EVIL,
		"reasons", EVIL, "others", "verdict", EVIL, "says", EVIL);
	AUTO_JSON json_t *pullreq =
		json_pack("{s:{s:s,s:{s:s,s:s,s:i}}}", "measured", "commit", EVIL, "checkpoint",
			  "root", EVIL, "note", EVIL, "size", 3);
	AUTO_JSON json_t *events = json_pack(
		"[{s:s,s:s,s:s,s:s},{s:s,s:s,s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s}]", "ts",
		"2026-11-22T10:00:00Z", "type", "record.publish", "record", EVIL, EVIL, EVIL, "ts",
		"2026-11-22T10:00:01Z", "type", "replica.start", "replica", EVIL, "purpose", EVIL,
		"x", EVIL, "ts", "2026-11-22T10:00:02Z", "type", "replica.exit", "replica", EVIL,
		"ts", EVIL, "type", EVIL, "reason", EVIL);
	AUTO_JSON json_t *facts =
		json_pack("{s:s,s:s,s:s,s:[{s:s,s:s,s:s}]}", "outcome", EVIL, "reason", EVIL,
			  "service", EVIL, "decisions", "at", EVIL, "decision", EVIL, "note", EVIL);
	char path[] = EVIL, before[] = "a\n", after[] = EVIL "\n";
	struct change one = { path, CHANGE_MODIFY, 0, 0, before, 2, after, sizeof(after) - 1 };
	const struct changes changes = { &one, 1 };
	const struct html_case in = { .id = EVIL,
				      .record = { incident, NULL, match, patch, proof, pullreq },
				      .facts = facts,
				      .events = events,
				      .log = EVIL,
				      .test = &changes,
				      .patch = &changes };
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;

	CHECK(o && incident && match && patch && proof && pullreq && events && facts);
	CHECK_INT(html_case(&in, &b, &e), 0);
	no_evil_in(&b);
}

static void hostile_figures_are_text(void)
{
	AUTO_JSON json_t *facts = json_pack("[{s:s,s:s,s:s,s:s,s:s,s:{s:{s:s}}}]", "case", EVIL,
					    "outcome", EVIL, "decision", EVIL, "patch_by", EVIL,
					    "reason", EVIL, "policies", EVIL, "digest", EVIL);
	AUTO_JSON json_t *stats = json_pack("{s:{s:i,s:{s:i},s:{s:i}},s:{s:{s:{s:i}}}}", "all",
					    "cases", 1, "outcomes", EVIL, 1, "decisions", EVIL, 2,
					    "by", "service", EVIL, "cases", 1);
	AUTO_JSON json_t *drift =
		json_pack("[{s:s,s:[{s:s,s:s,s:i,s:i}]}]", "service", EVIL, "paths", "path", EVIL,
			  "module", EVIL, "added", 1, "removed", 2);
	AUTO_JSON json_t *policies = json_pack("{s:[{s:s,s:{s:[s,{s:s}]}}]}", EVIL, "name", EVIL,
					       "code", "allow", EVIL, "path", EVIL);
	AUTO_JSON json_t *first = json_pack("{s:f,s:f}", EVIL, 3.0, "b", 90.0);
	const struct html_stats in = { EVIL, facts, stats, drift, policies, first, 0 };
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;

	CHECK(facts && stats && drift && policies && first);
	CHECK_INT(html_stats(&in, &b, &e), 0);
	no_evil_in(&b);
	CHECK(strstr(b.p, "code that may change") != NULL);
}

static void what_is_very_long_is_cut_in_whole_characters(void)
{
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);

	html_cut(&b, "abc\xc3\xa9xyz", 8, 4);
	CHECK_STR(b.p, "abc (cut here, 5 bytes more)");
	buf_reset(&b);
	html_cut(&b, "abc", 3, 3);
	CHECK_STR(b.p, "abc");
	buf_reset(&b);
	for (int i = 0; i < 10000; i++)
		buf_putc(&text, 'w');
	html(&b, "%s", text.p);
	CHECK_STR(b.p + 8000, " (cut here, 2000 bytes more)");
}

static void a_difference(const char *before, size_t n, const char *after, size_t m, struct buf *b)
{
	char path[] = "a.sql";
	struct change one = {
		path, CHANGE_MODIFY, 0, 0, (char *)(uintptr_t)before, n, (char *)(uintptr_t)after, m
	};

	html_diff(b, "it", &(struct changes){ &one, 1 });
}

static void lines_of_a_difference_have_their_numbers(void)
{
	static const char before[] = "one\n-- two\nthree\n", after[] = "one\n++ two\nthree\n";
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);

	a_difference(before, sizeof(before) - 1, after, sizeof(after) - 1, &b);
	CHECK(strstr(b.p, "1 file, 1 lines added, 1 removed.") != NULL);
	CHECK(strstr(b.p, "<span class=\"file\">--- a/a.sql</span>") != NULL);
	CHECK(strstr(b.p, "<span class=\"ctx\" data-l=\"    1     1 \"> one</span>") != NULL);
	/* a line that looks like the name of a file is still a line */
	CHECK(strstr(b.p, "<span class=\"del\" data-l=\"    2       \">--- two</span>") != NULL);
	CHECK(strstr(b.p, "<span class=\"add\" data-l=\"          2 \">+++ two</span>") != NULL);
	CHECK(strstr(b.p, "<span class=\"ctx\" data-l=\"    3     3 \"> three</span>") != NULL);
	buf_reset(&b);
	a_difference("a\0b\nc\n", 6, "a\0b\nd\n", 6, &b);
	CHECK(strstr(b.p, "cannot be shown: &#39;a.sql&#39;: a binary file") != NULL);
}

static void a_very_long_difference_says_where_it_is_cut(void)
{
	AUTO_BUF struct buf after = BUF_INIT(1u << 20);
	AUTO_BUF struct buf b = BUF_INIT(4u << 20);

	for (int i = 0; i < 5000; i++)
		buf_printf(&after, "line %d\n", i);
	a_difference("", 0, after.p, after.n, &b);
	CHECK(strstr(b.p, "+line 3000</span>") != NULL);
	CHECK(strstr(b.p, "+line 4999</span>") == NULL);
	CHECK(strstr(b.p, "cut here: 1004 more lines stand in the case's records") != NULL);
}

/* Of very many entries those at both ends are shown, and how many are not. */
static void a_long_log_is_cut_in_its_middle(void)
{
	AUTO_JSON json_t *events = json_array();
	AUTO_JSON json_t *facts = json_object();
	AUTO_BUF struct buf b = BUF_INIT(16u << 20);
	struct html_case in = { .id = "a-1", .facts = facts, .events = events };
	struct err e = ERR_INIT;

	for (int i = 0; i < 6000; i++)
		(void)json_array_append_new(events, json_pack("{s:s,s:i,s:s,s:i}", "ts",
							      "2026-11-22T10:00:00Z", "seq", i,
							      "type", "gate.deny", "role", i));
	in.events_left_out = 1000;
	CHECK_INT(html_case(&in, &b, &e), 0);
	CHECK(strstr(b.p, "7000 entries of this case") != NULL);
	CHECK(strstr(b.p, ">1499</td>") != NULL && strstr(b.p, ">1500</td>") == NULL);
	CHECK(strstr(b.p, ">4499</td>") == NULL && strstr(b.p, ">4500</td>") != NULL);
	CHECK(strstr(b.p, "4000 entries are left out here") != NULL);
	CHECK(strstr(b.p, "5900 more like") != NULL);
}

/* A case that was interrupted, or that never came far, has a page, too. */
static void an_empty_case_has_a_page(void)
{
	AUTO_JSON json_t *facts = json_object();
	AUTO_JSON json_t *events = json_array();
	const struct html_case in = { .id = "a-1", .facts = facts, .events = events };
	const struct html_stats figures = { .title = "none" };
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;

	CHECK_INT(html_case(&in, &b, &e), 0);
	CHECK(strstr(b.p, "Nothing came as far as a proof") != NULL);
	buf_reset(&b);
	CHECK_INT(html_stats(&figures, &b, &e), 0);
	CHECK(strstr(b.p, "No case made a proposal") != NULL);
}

TAP_MAIN(TEST(text_is_no_markup), TEST(every_text_of_a_format_is_escaped),
	 TEST(a_hostile_case_is_text), TEST(hostile_figures_are_text),
	 TEST(what_is_very_long_is_cut_in_whole_characters),
	 TEST(lines_of_a_difference_have_their_numbers),
	 TEST(a_very_long_difference_says_where_it_is_cut), TEST(a_long_log_is_cut_in_its_middle),
	 TEST(an_empty_case_has_a_page))
