/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/lines.h"

#include <string.h>

#include "tests/tap.h"

static char got[8][4096];
static size_t n_got;

static void keep(struct lines *l)
{
	if (n_got < 8)
		(void)snprintf(got[n_got++], sizeof(got[0]), "%.*s", (int)l->piece.n, l->piece.p);
}

static void feed(int form, const char *text)
{
	struct lines l;

	n_got = 0;
	lines_init(&l, form);
	while (*text) {
		const size_t n = strcspn(text, "\n");

		if (lines_add(&l, text, n))
			keep(&l);
		text += n + (text[n] == '\n');
	}
	if (lines_idle(&l))
		keep(&l);
	lines_release(&l);
}

static void test_python(void)
{
	feed(LINES_PYTHON,
	     "started\nTraceback (most recent call last):\n  File \"/a.py\", line 1, in f\n"
	     "    g()\nValueError: one\nserving\nTraceback (most recent call last):\n"
	     "  File \"/a.py\", line 2, in f\n    h()\nKeyError: 'x'\n\nDuring handling of the "
	     "above exception, another exception occurred:\n\nTraceback (most recent call "
	     "last):\n  File \"/b.py\", line 3, in g\n    i()\nTypeError: two\nserving\n");
	CHECK_INT(n_got, 2);
	CHECK(strstr(got[0], "ValueError: one") != NULL);
	CHECK(strstr(got[0], "serving") == NULL);
	CHECK(strstr(got[1], "KeyError: 'x'") != NULL);
	CHECK(strstr(got[1], "TypeError: two\n") != NULL);
	CHECK(strstr(got[1], "ValueError") == NULL);
}

static void test_node(void)
{
	feed(LINES_NODE,
	     "listening\nTypeError: no\n    at f (/a.js:1:2)\n    at g (/a.js:2:2)\nnext line\n"
	     "Error: outer\n    at h (/a.js:3:1) {\n  [cause]: Error: inner\n      at i "
	     "(/b.js:1:1)\n"
	     "}\nlistening\n");
	CHECK_INT(n_got, 2);
	CHECK(strstr(got[0], "TypeError: no\n    at f") != NULL);
	CHECK(strstr(got[0], "next line") == NULL);
	CHECK(strstr(got[1], "Error: outer\n") != NULL);
	CHECK(strstr(got[1], "at i (/b.js:1:1)\n}\n") != NULL);
}

static void test_sanitizer(void)
{
	feed(LINES_SANITIZER,
	     "==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x6\n"
	     "    #0 0x5 in price /a.c:4\n    #1 0x6 in main /a.c:9\n0x602 is inside of a "
	     "region\nfreed by thread T0 here:\n    #0 0x7 in free\n\nSUMMARY: x\nok\n");
	CHECK_INT(n_got, 1);
	CHECK(strstr(got[0], "SUMMARY: x") != NULL);
}

static void test_events(void)
{
	feed(LINES_NODE, "{\"level\":\"info\"}\n{\"err\":{\"stack\":\"x\"}}\nhello\n");
	CHECK_INT(n_got, 1);
	CHECK_STR(got[0], "{\"err\":{\"stack\":\"x\"}}\n");
}

static void test_bounds(void)
{
	static char long_text[600000];
	struct lines l;
	size_t whole = 0;

	memset(long_text, 'x', sizeof(long_text));
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a line has a length */
	memcpy(long_text, "    at ", 7);
	lines_init(&l, LINES_NODE);
	for (int i = 0; i < 100; i++)
		whole += lines_add(&l, long_text, sizeof(long_text));
	CHECK_INT(whole, 0);
	CHECK(l.piece.n <= LINES_MOST && l.recent.n <= LINES_MOST);
	for (int i = 0; i < 100; i++)
		whole += lines_add(&l, "  below", 7);
	CHECK(whole >= 1); /* it does not wait for its end for ever */
	lines_release(&l);
}

static void test_long(void)
{
	static char line[LINES_MOST + 1];
	struct lines l;

	memset(line, 'x', sizeof(line));
	lines_init(&l, LINES_NODE);
	CHECK(!lines_add(&l, line, sizeof(line)));
	CHECK(!lines_add(&l, line, sizeof(line)));
	CHECK(!lines_add(&l, "E: e", 4));
	CHECK(!lines_add(&l, "    at f (a.js:1:1)", 19));
	CHECK(lines_idle(&l));
	CHECK(l.piece.n == 25 && memcmp(l.piece.p, "E: e\n", 5) == 0);
	lines_release(&l);
}

TAP_MAIN({ "Python's traces are cut out with what follows from them", test_python },
	 { "Node's with their causes", test_node },
	 { "a sanitizer's with all its stacks", test_sanitizer },
	 { "a line of JSON with an error is one event", test_events },
	 { "a trace has a bound, and an end", test_bounds },
	 { "a line that is longer than a piece is left out of it", test_long })
