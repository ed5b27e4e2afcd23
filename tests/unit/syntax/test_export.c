/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/export.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

static struct source *parse(const char *path, const char *text)
{
	struct source *s = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(source_open(path, lang_by_path(path), text, strlen(text), &s, &e), 0);
	return s;
}

/* want NULL: nobody can call what is at the line. */
static void expect_export(const char *path, const char *text, unsigned line, const char *want)
{
	AUTO_SOURCE struct source *s = parse(path, text);
	AUTO_FREE char *got = function_export(s, function_at_line(s, line));

	CHECK_STR(got ? got : "(none)", want ? want : "(none)");
}

static void common_js_exports_are_found(void)
{
	expect_export("a.js", "exports.a = function b(x) {\n};\n", 1, "a");
	expect_export("a.js", "module.exports.a = (x) => {\n};\n", 1, "a");
	expect_export("a.js", "module.exports = function (x) {\n};\n", 1, "");
	expect_export("a.js", "exports = module.exports = function (x) {\n};\n", 1, "");
	expect_export("a.js", "function a(x) {\n}\nmodule.exports = a;\n", 1, "");
	expect_export("a.js", "function a(x) {\n}\nmodule.exports = { b, a };\n", 1, "a");
	expect_export("a.js", "const a = (x) => {\n};\nmodule.exports = { c: a };\n", 1, "c");
	expect_export("a.js", "function a(x) {\n}\nexports.z = a;\n", 1, "z");
	expect_export("a.js", "module.exports = {\n a(x) {\n },\n b: function () {\n }\n};\n", 2,
		      "a");
	expect_export("a.js", "module.exports = {\n a(x) {\n },\n b: function () {\n }\n};\n", 4,
		      "b");
}

static void es_exports_are_found(void)
{
	expect_export("a.mjs", "export function a(x) {\n}\n", 1, "a");
	expect_export("a.mjs", "export const a = (x) => {\n};\n", 1, "a");
	expect_export("a.mjs", "export default function a(x) {\n}\n", 1, "default");
	expect_export("a.mjs", "export default (x) => {\n};\n", 1, "default");
	expect_export("a.mjs", "function a(x) {\n}\nexport { a as b };\n", 1, "b");
	expect_export("a.mjs", "function a(x) {\n}\nexport default a;\n", 1, "default");
}

static void what_nobody_can_call_has_no_name(void)
{
	expect_export("a.js", "function a(x) {\n}\n", 1, NULL);
	expect_export("a.js", "class A {\n b(x) {\n }\n}\nmodule.exports = A;\n", 2, NULL);
	expect_export("a.js", "exports.a = (l) => l.map((x) =>\n x.y\n);\n", 2, NULL);
	expect_export("a.js", "exports.a = () => {\n function b() {\n }\n};\n", 2, NULL);
	expect_export("a.js", "other.a = function (x) {\n};\n", 1, NULL);
	expect_export("a.c", "int a(void)\n{\n}\n", 1, NULL);
	expect_export("a.js", "const a = 1;\n", 1, NULL);
}

static void functions_of_a_python_module_are_its_names(void)
{
	expect_export("a.py", "def a(x):\n    pass\n", 1, "a");
	expect_export("a.py", "@cache\ndef a(x):\n    pass\n", 3, "a");
	expect_export("a.py", "class A:\n    def b(self):\n        pass\n", 2, NULL);
	expect_export("a.py", "def a():\n    def b():\n        pass\n", 2, NULL);
	expect_export("a.py", "a = lambda x: x\n", 1, NULL);
}

static void expect_takes(const char *path, const char *text, const char *want)
{
	static const char *const words[] = { "p", "r", "k", "kk", "/", "?" };
	AUTO_SOURCE struct source *s = parse(path, text);
	const TSNode f = function_at_line(s, 1);
	enum param_kind kind;
	char got[256] = "", *name = NULL;

	for (unsigned i = 0; function_takes(s, f, i, &kind, &name); i++) {
		AUTO_FREE char *own = name;

		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s:%s",
			       i ? " " : "", words[kind], own ? own : "");
	}
	CHECK_STR(got, want);
}

static void each_parameter_says_how_it_is_passed(void)
{
	expect_takes("a.js", "function f(a, b = 2, ...c) {\n}\n", "p:a p:b r:c");
	expect_takes("a.js", "const f = a => a;\n", "p:a");
	expect_takes("a.js", "const f = ({ a }, [b], { c } = {}) => a;\n", "?: ?: ?:");
	expect_takes("a.py", "def f(a, b: int, /, c=1, *, d, e: str = ''):\n    pass\n",
		     "p:a p:b /: p:c /: k:d k:e");
	expect_takes("a.py", "def f(*a, b, **c):\n    pass\n", "r:a k:b kk:c");
	expect_takes("a.py", "def f(*a: int, **c: int):\n    pass\n", "r:a kk:c");
	expect_takes("a.py", "def f():\n    pass\n", "");
}

static void expect_reassigns(const char *path, const char *body, bool want)
{
	AUTO_SOURCE struct source *s = parse(path, body);

	CHECK_INT(function_reassigns(s, function_at_line(s, 1), "a"), want);
}

static void parameter_that_is_given_another_value_is_noticed(void)
{
	expect_reassigns("a.js", "function f(a) {\n return a.b;\n}\n", false);
	expect_reassigns("a.js", "function f(a) {\n a.b = 1;\n a[0] = 2;\n}\n", false);
	expect_reassigns("a.js", "function f(a) {\n a = a || {};\n}\n", true);
	expect_reassigns("a.js", "function f(a) {\n a += 1;\n}\n", true);
	expect_reassigns("a.js", "function f(a) {\n a++;\n}\n", true);
	expect_reassigns("a.js", "function f(a) {\n [a] = a;\n}\n", true);
	expect_reassigns("a.js", "function f(a) {\n for (a of x) g(a);\n}\n", true);
	expect_reassigns("a.py", "def f(a):\n    return a.b\n", false);
	expect_reassigns("a.py", "def f(a):\n    a.b = 1\n    a['x'] = 2\n", false);
	expect_reassigns("a.py", "def f(a):\n    a = a or []\n", true);
	expect_reassigns("a.py", "def f(a):\n    a, b = g()\n", true);
	expect_reassigns("a.py", "def f(a):\n    a += 1\n", true);
	expect_reassigns("a.py", "def f(a):\n    for a in b:\n        pass\n", true);
	expect_reassigns("a.py", "def f(a):\n    with g() as a:\n        pass\n", true);
	expect_reassigns("a.py", "def f(a):\n    if (a := g()):\n        pass\n", true);
}

TAP_MAIN(TEST(common_js_exports_are_found), TEST(es_exports_are_found),
	 TEST(what_nobody_can_call_has_no_name), TEST(functions_of_a_python_module_are_its_names),
	 TEST(each_parameter_says_how_it_is_passed),
	 TEST(parameter_that_is_given_another_value_is_noticed))
