/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "agent/syntax/fault.h"
#include "agent/syntax/hunks.h"
#include "agent/syntax/splice.h"
#include "agent/syntax/style.h"
#include "tests/tap.h"

static void edits_apply_in_the_order_of_the_text(void)
{
	struct splice s = { 0 };
	AUTO_BUF struct buf out = BUF_INIT(100);
	struct err e = ERR_INIT;

	CHECK_INT(splice_add(&s, 6, 11, "there", &e), 0);
	CHECK_INT(splice_add(&s, 0, 0, ">", &e), 0);
	CHECK_INT(splice_add(&s, 11, 11, "!", &e), 0);
	CHECK_INT(splice_apply(&s, "hello world", 11, &out, &e), 0);
	CHECK_STR(out.p, ">hello there!");
	CHECK_INT((long long)splice_size(&s), 12);
	splice_release(&s);
}

static void edits_that_overlap_are_refused(void)
{
	struct splice s = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(splice_add(&s, 2, 6, "x", &e), 0);
	CHECK_INT(splice_add(&s, 5, 8, "y", &e), -EINVAL);
	CHECK_STR(e.msg, "edits overlap at byte 5");
	CHECK_INT(splice_add(&s, 1, 3, "y", &e), -EINVAL);
	CHECK_INT(splice_add(&s, 9, 8, "y", &e), -EINVAL);
	CHECK_INT((long long)s.n, 1);
	splice_release(&s);
}

static void differences_are_found_by_lines(void)
{
	const char a[] = "one\ntwo\nthree\nfour\nfive\n";
	const char b[] = "one\n2\nthree\nfour\nand\nfive\n";
	struct hunks h;
	struct err e = ERR_INIT;

	CHECK_INT(hunks_between(a, strlen(a), b, strlen(b), &h, &e), 0);
	CHECK_INT((long long)h.n, 2);
	CHECK_INT((long long)(h.v[0].a_end - h.v[0].a), 4);
	CHECK_INT((long long)(h.v[0].b_end - h.v[0].b), 2);
	CHECK_INT((long long)(h.v[1].a_end - h.v[1].a), 0);
	CHECK(strncmp(b + h.v[1].b, "and\n", 4) == 0);
	CHECK_INT(hunks_between(a, strlen(a), a, strlen(a), &h, &e), 0);
	CHECK_INT((long long)h.n, 0);
	CHECK_INT(hunks_between("", 0, b, strlen(b), &h, &e), 0);
	CHECK_INT((long long)h.n, 1);
}

/* One row: a text, and how a guard for x is written in its manner. */
static const struct {
	const char *path, *text, *guard;
} manners[] = {
	{ "a.js", "function f(x) {\n    if (x === 'a') {\n        return 1;\n    }\n}\n",
	  "if (x === null || typeof x === 'undefined') {\n    return;\n}\n" },
	{ "b.js", "function f(x) {\n  if (y == null) {\n    return \"a\"\n  }\n}\n",
	  "if (x == null) {\n  return\n}\n" },
	{ "c.js", "function f(x) {\n\tif (y === undefined) return 1;\n}\n",
	  "if (x === null || x === undefined)\n\treturn;\n" },
	{ "d.py", "def f(x):\n  if x:\n    return 1\n", "if x is None:\n  return\n" },
	{ "e.c", "void f(int *x)\n{\n\tif (!y)\n\t\treturn;\n}\n", "if (!x)\n\treturn;\n" },
	{ "f.c",
	  "void f(int *x)\n{\n  if (y == NULL)\n  {\n    g();\n  }\n  if (z)\n  {\n    g();\n  "
	  "}\n}\n",
	  "if (x == NULL)\n{\n  return;\n}\n" },
};

static void guards_are_written_in_the_manner_of_the_file(void)
{
	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		AUTO_SOURCE struct source *s = NULL;
		AUTO_BUF struct buf cond = BUF_INIT(256), out = BUF_INIT(256);
		struct style st;
		struct err e = ERR_INIT;

		CHECK_INT(source_open(manners[i].path, lang_by_path(manners[i].path),
				      manners[i].text, strlen(manners[i].text), &s, &e),
			  0);
		style_of(s, &st);
		render_null_test(&st, "x", true, false, &cond);
		render_guard(&st, "", cond.p, "return", &out);
		CHECK_STR(out.p, manners[i].guard);
	}
}

static const struct {
	const char *lang, *type, *message;
	unsigned classes;
	const char *member, *subject;
} faults[] = {
	{ "javascript", "TypeError", "Cannot read properties of null (reading 'length')",
	  FAULT_NULL, "length", "" },
	{ "javascript", "TypeError", "a.b is not a function", FAULT_TYPE, "", "a.b" },
	{ "javascript", "URIError", NULL, FAULT_CONVERT, "", "" },
	{ "javascript", "Oops", NULL, FAULT_OTHER, "", "" },
	{ "python", "AttributeError", "'NoneType' object has no attribute 'name'", FAULT_NULL,
	  "name", "" },
	{ "python", "AttributeError", "'NoneType' object has no attribute '[masked]'", FAULT_NULL,
	  "", "" },
	{ "python", "json.decoder.JSONDecodeError", NULL, FAULT_CONVERT, "", "" },
	{ "python", "OverflowError", "", FAULT_OVERFLOW | FAULT_CONVERT, "", "" },
	{ "c", "AddressSanitizer: SEGV", "", FAULT_NULL, "", "" },
	{ "c", "AddressSanitizer: heap-buffer-overflow", "", FAULT_INDEX, "", "" },
	{ "c", "AddressSanitizer: stack-overflow", "", FAULT_DEPTH, "", "" },
	{ "c", "AddressSanitizer: heap-use-after-free", "", FAULT_MEMORY, "", "" },
	{ "c", "UndefinedBehaviorSanitizer: null-pointer-use", "", FAULT_NULL, "", "" },
	{ "c", "UndefinedBehaviorSanitizer: integer-divide-by-zero", "", FAULT_DIVIDE, "", "" },
	{ "c", "UndefinedBehaviorSanitizer: signed-integer-overflow", "", FAULT_OVERFLOW, "", "" },
	{ "c", "UndefinedBehaviorSanitizer: out-of-bounds-index", "", FAULT_INDEX, "", "" },
};

static void faults_are_classed_by_type_and_message(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct fault f;

		fault_of(lang_by_name(faults[i].lang), faults[i].type, faults[i].message, &f);
		CHECK_INT(f.classes, faults[i].classes);
		CHECK_STR(f.member, faults[i].member);
		CHECK_STR(f.subject, faults[i].subject);
	}
}

TAP_MAIN(TEST(edits_apply_in_the_order_of_the_text), TEST(edits_that_overlap_are_refused),
	 TEST(differences_are_found_by_lines), TEST(guards_are_written_in_the_manner_of_the_file),
	 TEST(faults_are_classed_by_type_and_message))
