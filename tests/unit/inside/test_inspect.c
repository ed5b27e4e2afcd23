/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/inspect_parts.h"

#include <stdbool.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/inside/vary.h"
#include "agent/syntax/splice.h"
#include "runtime/base/jmap.h"
#include "tests/tap.h"

static struct source *parse(const char *path, const char *text)
{
	struct source *s = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(source_open(path, lang_by_path(path), text, strlen(text), &s, &e), 0);
	return s;
}

/* ---- mutants ---- */

static const char was_js[] =
	"function f(x) {\n  if (x.n === 0) {\n    return x;\n  }\n  return g(x);\n}\n";
static const char now_js[] =
	"function f(x) {\n  if (x === null || x.n === 0) {\n    return x;\n  }\n"
	"  return g(x);\n}\n";

static char *mutated(const struct source *s, const json_t *m)
{
	struct splice sp = { 0 };
	AUTO_BUF struct buf out = BUF_INIT(4096);
	struct err e = ERR_INIT;

	CHECK_INT(splice_add(&sp, (size_t)json_integer_value(json_object_get(m, "start")),
			     (size_t)json_integer_value(json_object_get(m, "end")),
			     json_string_value(json_object_get(m, "text")), &e),
		  0);
	CHECK_INT(splice_apply(&sp, s->text, s->n, &out, &e), 0);
	splice_release(&sp);
	return buf_take(&out);
}

static bool has_mutant(const struct source *now, const json_t *list, const char *text,
		       bool essential)
{
	size_t i;
	const json_t *m;

	json_array_foreach(list, i, m) {
		AUTO_FREE char *got = mutated(now, m);

		if (strstr(got, text) && json_is_true(json_object_get(m, "essential")) == essential)
			return true;
	}
	return false;
}

static void changed_lines_have_mutants_and_one_takes_the_change_away(void)
{
	AUTO_SOURCE struct source *was = parse("a.js", was_js), *now = parse("a.js", now_js);
	AUTO_JSON json_t *doc = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(mutants_of(now, was, 2, 2, &doc, &e), 0);

	const json_t *list = json_object_get(doc, "mutants");

	CHECK(has_mutant(now, list, was_js, true));
	CHECK(has_mutant(now, list, "if (x === null) {", false));
	CHECK(has_mutant(now, list, "if (!(x === null || x.n === 0)) {", false));
	CHECK(has_mutant(now, list, "if (x !== null || x.n === 0) {", false));
	CHECK(!has_mutant(now, list, "return null", false)); /* not in the lines */
}

static void each_part_of_a_change_is_reverted_and_each_caught_type_dropped(void)
{
	AUTO_SOURCE struct source *was = parse(
		"a.py",
		"try:\n    a()\nexcept A:\n    b()\nc()\ntry:\n    d()\nexcept A:\n    e()\n");
	AUTO_SOURCE struct source *now =
		parse("a.py", "try:\n    a()\nexcept (A, B):\n    b()\nc()\ntry:\n    d()\nexcept "
			      "(A, B):\n    e()\n");
	AUTO_JSON json_t *doc = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(mutants_of(now, was, 3, 8, &doc, &e), 0);

	const json_t *list = json_object_get(doc, "mutants");

	CHECK(has_mutant(now, list, was->text, true));
	CHECK(has_mutant(now, list,
			 "except A:\n    b()\nc()\ntry:\n    d()\nexcept (A, B):", false));
	CHECK(has_mutant(now, list,
			 "except (A, B):\n    b()\nc()\ntry:\n    d()\nexcept A:", false));
	CHECK(has_mutant(now, list, "except (B, ):", false));
}

/* ---- weakening ---- */

static const struct {
	const char *path, *was, *now, *kinds; /* in order, separated by blanks */
} changes[] = {
	{ "a.js", "function f(x) { if (!x) { throw new Error('x'); } return x; }",
	  "function f(x) { return x; }", "raise-removed" },
	{ "b.js", "f(validate(x)); g();", "f(x);  g();", "check-removed" },
	{ "j.js", "check(x);", "check(x || y);", "" },
	{ "c.js", "f();", "try { f(); } catch (e) { }", "swallow-added catch-all-added" },
	{ "d.js", "try { f(); } catch (e) { return 1; }", "try { f( ); } catch (e) { return  1; }",
	  "" },
	{ "e.py", "assert x\nraise V(x)\n", "pass\n", "assertion-removed raise-removed" },
	{ "f.py", "try:\n    f()\nexcept (A, B):\n    g()\n",
	  "try:\n    f()\nexcept (A, B, C):\n    g()\n", "" },
	{ "g.py", "try:\n    f()\nexcept A:\n    g()\n",
	  "try:\n    f()\nexcept Exception:\n    pass\n", "swallow-added catch-all-added" },
	{ "h.c", "void f(int x)\n{\n\tassert(x > 0);\n\tg(x);\n}\n",
	  "void f(int x)\n{\n\tg(x);\n}\n", "assertion-removed" },
	{ "i.py", "f(x)\n", "if x is None:\n    return\nf(x)\n", "" },
	/* the condition in front of a raise */
	{ "k.js", "if (x < 0) throw e;", "if (x < -9) throw e;", "guard-changed" },
	{ "l.js", "if (x < 0) { throw e; }", "if (x && x < 0) { throw e; }", "" },
	{ "m.js", "if (x < 0) { throw e; }", "if (x < 0 || !x) { throw e; }", "" },
	{ "n.py", "if x < 0:\n    raise V\n", "if x < -9:\n    raise V\n", "guard-changed" },
	{ "o.py", "if x < 0:\n    raise V\n", "if x < 0 or y:\n    raise V\n", "" },
	{ "p.js", "if (x < 0) return;", "if (x < -9) return;", "" },
	/* what refuses, in each language */
	{ "q.js", "if (!x) { reject(new Error('x')); }", "g();", "raise-removed" },
	{ "r.js", "if (!x) { process.exit(1); }", "g();", "raise-removed" },
	{ "s.py", "answer.raise_for_status()\n", "pass\n", "raise-removed" },
	{ "t.py", "self.assertEqual(a, b)\n", "pass\n", "assertion-removed" },
	{ "u.py", "@login_required\ndef f():\n    pass\n", "def f():\n    pass\n",
	  "check-removed" },
	{ "v.py", "@permission_required('a')\ndef f():\n    pass\n", "def f():\n    pass\n",
	  "check-removed" },
	{ "w.c", "int f(int x)\n{\n\tif (!x)\n\t\treturn -EPERM;\n\treturn 0;\n}\n",
	  "int f(int x)\n{\n\treturn 0;\n}\n", "raise-removed" },
	{ "x.c", "void f(void)\n{\n\tabort();\n}\n", "void f(void)\n{\n}\n", "raise-removed" },
	{ "y.c", "void f(void)\n{\n\tcheck_owner(x);\n}\n", "void f(void)\n{\n}\n",
	  "check-removed" },
	{ "z.c", "void f(void)\n{\n\tg();\n}\n",
	  "void f(void)\n{\n\tsignal(SIGSEGV, SIG_IGN);\n\tg();\n}\n", "swallow-added" },
	{ "z1.c", "void f(void)\n{\n\tBUG_ON(x);\n}\n", "void f(void)\n{\n}\n",
	  "assertion-removed" },
	/* checks that are turned off */
	{ "a1.py", "get(u)\n", "get(u, verify=False)\n", "check-disabled" },
	{ "a2.py", "c = C()\n", "c = C()\nc.check_hostname = False\n", "check-disabled" },
	{ "a3.js", "get(u, { a: 1 });", "get(u, { a: 1, rejectUnauthorized: false });",
	  "check-disabled" },
	{ "a4.js", "get(u, { strict: false });", "get(u, { strict: false, a: 1 });", "" },
	/* handlers by other means */
	{ "a5.py", "f()\n", "with suppress(Exception):\n    f()\n", "catch-all-added" },
	{ "a6.py", "f()\n", "with contextlib.suppress(KeyError):\n    f()\n", "" },
	{ "a7.js", "f();", "f().catch(() => {});", "swallow-added" },
	{ "a8.js", "f();", "f().catch((e) => { log(e); });", "" },
	/* checkers of the code that are told to look away */
	{ "a9.py", "f(x)\n", "f(x)  # type: ignore\n", "checker-silenced" },
	{ "b1.js", "f(x);", "// eslint-disable-next-line\nf(x);", "checker-silenced" },
	{ "b2.c", "int x;\n", "int x; /* NOLINT */\n", "checker-silenced" },
	{ "b3.c", "int x;\n", "int x; /* checked above */\n", "" },
};

static void what_a_change_checks_less_is_found(void)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		AUTO_SOURCE struct source *was = parse(changes[i].path, changes[i].was);
		AUTO_SOURCE struct source *now = parse(changes[i].path, changes[i].now);
		AUTO_JSON json_t *doc = NULL;
		struct err e = ERR_INIT;
		char kinds[256] = "";
		size_t k;
		const json_t *f;

		CHECK_INT(weakening_of(was, now, &doc, &e), 0);
		json_array_foreach(json_object_get(doc, "findings"), k, f)
			(void)snprintf(kinds + strlen(kinds), sizeof(kinds) - strlen(kinds), "%s%s",
				       k ? " " : "", json_string_value(json_object_get(f, "kind")));
		CHECK_STR(kinds, changes[i].kinds);
	}
}

/* ---- variants ---- */

static json_t *vary(const char *lang, const char *input, unsigned long long seed, size_t count)
{
	AUTO_JSON json_t *in = json_loads(input, 0, NULL), *normal = NULL;
	json_t *list = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(input_normal(in, &normal, &e), 0);
	CHECK_INT(vary_input(normal, lang, seed, count, &list, &e), 0);
	return list;
}

static bool has_input(const json_t *list, const char *args)
{
	size_t i;
	const json_t *one;

	json_array_foreach(list, i, one) {
		AUTO_FREE char *text =
			json_dumps(json_object_get(one, "input"), JSON_COMPACT | JSON_SORT_KEYS);

		if (text && strstr(text, args))
			return true;
	}
	return false;
}

static const char call_js[] =
	"{\"call\":{\"module\":\"m\",\"export\":\"f\",\"args\":[{\"a\":[null,\"b\"]}]}}";

static void absent_values_are_first_made_absent_in_the_other_way(void)
{
	AUTO_JSON json_t *list = vary("javascript", call_js, 1, 1);

	CHECK(has_input(list, "\"args\":[{\"a\":[{\"$undefined\":true},\"b\"]}]"));
}

static void variants_follow_from_the_seed_alone(void)
{
	AUTO_JSON json_t *a = vary("javascript", call_js, 7, 24);
	AUTO_JSON json_t *b = vary("javascript", call_js, 7, 24);
	AUTO_JSON json_t *c = vary("javascript", call_js, 8, 24);

	CHECK_INT((long long)json_array_size(a), 24);
	CHECK(json_equal(a, b));
	CHECK(!json_equal(a, c));
	CHECK(!has_input(a, "\"args\":[{\"a\":[null,\"b\"]}]")); /* never the input itself */
}

static void c_gets_only_values_that_c_can_write(void)
{
	AUTO_JSON json_t *list =
		vary("c",
		     "{\"script\":[{\"let\":\"x\",\"call\":\"make\",\"args\":[\"text\",3]},"
		     "{\"call\":\"use\",\"args\":[\"$x\",null]}]}",
		     3, 24);

	CHECK(json_array_size(list) >= 20);
	CHECK(has_input(list, "\"args\":[null,null],\"call\":\"use\""));
	CHECK(!has_input(list, "undefined"));
	CHECK(!has_input(list, "[]"));
}

TAP_MAIN(TEST(changed_lines_have_mutants_and_one_takes_the_change_away),
	 TEST(each_part_of_a_change_is_reverted_and_each_caught_type_dropped),
	 TEST(what_a_change_checks_less_is_found),
	 TEST(absent_values_are_first_made_absent_in_the_other_way),
	 TEST(variants_follow_from_the_seed_alone), TEST(c_gets_only_values_that_c_can_write))
