/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/decode/summary.h"

static void reports_of_the_corpus_come_to_the_right_chain(void)
{
	static const struct report_row rows[] = {
		{ "json-cause.txt",
		  "TypeError: x is null @ /srv/shop/lib/utils.js:195 Object.encode x2 | Error: "
		  "request failed @ "
		  "/srv/shop/my app/server.mjs:9 handler x1",
		  1, 0 },
		{ "log-prefix.txt", "TypeError: x is null @ /srv/shop/a.js:3 f x1", 0, 0 },
		{ "json-no-stack.txt", "TimeoutError: no answer @ ?:0 ? x0", 1, 0 },
		{ "agg.txt",
		  "TypeError: a @ /srv/shop/a.js:12 Object.<anonymous> x7 | AggregateError: All "
		  "promises were rejected @ ?:0 ? x0",
		  1, 0 },
		{ "agg2.txt", "AggregateError: many @ /srv/shop/a.js:13 Object.<anonymous> x7", 1,
		  0 },
		{ "assert.txt",
		  "AssertionError: [ERR_ASSERTION] Expected values to be st @ /srv/shop/a.js:15 "
		  "Object.<anonymous> x7",
		  0, 0 },
		{ "cause.txt",
		  "TypeError: Cannot read properties of null (reading  @ /srv/shop/a.js:2 price x3 "
		  "| Error: checkout failed @ /srv/shop/a.js:5 handler x1",
		  0, 0 },
		{ "code.txt",
		  "TypeError: [ERR_INVALID_ARG_TYPE] The \"size\" argume @ node:buffer:392 "
		  "Function.alloc x8",
		  0, 0 },
		{ "eval.txt",
		  "TypeError: Cannot read properties of undefined (rea @ /srv/shop/a.js:2 price "
		  "x10",
		  0, 0 },
		{ "internal.txt",
		  "Error: ENOENT: no such file or directory, open  @ node:fs:573 Object.openSync "
		  "x9",
		  0, 0 },
		{ "line.txt",
		  "TypeError: Cannot read properties of null (reading  @ /srv/shop/a.js:2 price x9",
		  0, 0 },
		{ "new.txt",
		  "TypeError: Cannot read properties of null (reading  @ /srv/shop/a.js:2 price x9",
		  0, 0 },
		{ "sort.txt",
		  "TypeError: Cannot read properties of null (reading  @ /srv/shop/a.js:2 price "
		  "x10",
		  0, 0 },
		{ "syntax.txt", "SyntaxError: Unexpected token ';' @ /srv/shop/bad.js:1 ? x11", 0,
		  0 },
		{ "uncaught.txt",
		  "TypeError: Cannot read properties of null (reading  @ /srv/shop/a.js:2 price x9",
		  0, 0 },
	};

	check_reports("node", rows, sizeof(rows) / sizeof(rows[0]), node_decode);
}

TAP_MAIN(TEST(reports_of_the_corpus_come_to_the_right_chain))
