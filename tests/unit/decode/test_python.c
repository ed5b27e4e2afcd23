/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/decode/summary.h"

static void reports_of_the_corpus_come_to_the_right_chain(void)
{
	static const struct report_row rows[] = {
		{ "json.txt",
		  "OverflowError: cannot convert float infinity to integer @ "
		  "/usr/lib/python3/dist-packages/jinja2/filters.py:961 do_int x2",
		  0, 1 },
		{ "cause.txt",
		  "TypeError: 'NoneType' object is not subscriptable @ /srv/shop/p.py:2 price x2 | "
		  "ValueError: bad\ncart @ /srv/shop/p.py:7 handler x2",
		  0, 0 },
		{ "group.txt",
		  "ExceptionGroup: many (2 sub-exceptions) @ /srv/shop/p.py:16 <module> x1", 1, 0 },
		{ "groupcause.txt",
		  "TypeError: 'NoneType' object is not subscriptable @ /srv/shop/p.py:2 price x2 | "
		  "ExceptionGroup: many (1 sub-exception) @ /srv/shop/p.py:19 <module> x1",
		  1, 0 },
		{ "handling.txt",
		  "ValueError: could not convert string to float: 'x' @ /srv/shop/p.py:8 handler "
		  "x2",
		  0, 1 },
		{ "import.txt", "SyntaxError: invalid syntax @ /srv/shop/badmod.py:1 ? x2", 0, 0 },
		{ "main.txt", "SyntaxError: invalid syntax @ /srv/shop/bad.js:1 ? x1", 0, 0 },
		{ "multi.txt", "ValueError: a\n\nb: c @ /srv/shop/p.py:21 <module> x1", 0, 0 },
		{ "none.txt", "KeyboardInterrupt:  @ /srv/shop/p.py:20 <module> x1", 0, 0 },
		{ "note.txt", "ValueError: a\nnote1 @ /srv/shop/p.py:23 <module> x1", 0, 0 },
		{ "plain.txt",
		  "TypeError: 'NoneType' object is not subscriptable @ /srv/shop/p.py:2 price x2",
		  0, 0 },
		{ "rec.txt",
		  "RecursionError: maximum recursion depth exceeded @ /srv/shop/p.py:9 rec x4", 1,
		  0 },
		{ "syntax.txt", "SyntaxError: invalid syntax @ f.py:1 ? x2", 0, 0 },
	};

	check_reports("python", rows, sizeof(rows) / sizeof(rows[0]), python_decode);
}

TAP_MAIN(TEST(reports_of_the_corpus_come_to_the_right_chain))
