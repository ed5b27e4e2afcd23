/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/incident.h"
#include "tests/tap.h"

/*
 * A real report (a service that wraps what a library threw) and, for each axis,
 * the same failure altered in exactly that: what it must count as.
 */
#define LIB_FRAMES                                                                                 \
	"{\"file\":\"/srv/app/lib/utils.js\",\"function\":\"encode\",\"line\":195,\"column\":28}," \
	"{\"file\":\"/srv/app/lib/stringify.js\",\"function\":\"stringify\",\"line\":143},"        \
	"{\"file\":\"node:internal/main\",\"function\":\"run\",\"line\":28}"
#define CAUSE(type, message, frames) \
	"{\"type\":\"" type "\",\"message\":\"" message "\",\"frames\":[" frames "]}"
#define WRAPPER                                                                     \
	"{\"type\":\"Error\",\"message\":\"request failed\",\"frames\":[{\"file\":" \
	"\"/srv/app/server.js\",\"function\":\"handler\",\"line\":12,\"async\":true}]}"
#define REPORTED "[" CAUSE("TypeError", "Cannot read null", LIB_FRAMES) "," WRAPPER "]"

#define FRAME(file, function, line) \
	"{\"file\":\"/srv/app/" file "\",\"function\":\"" function "\",\"line\":" #line "}"

static struct strpair pairs[] = { { (char[]){ "/srv/app" }, (char[]){ "" } } };
static const struct strmap paths = { .v = pairs, .n = 1 };
static const struct incident_paths where = { .paths = &paths };

static void chain_of(const char *text, struct objlist *out)
{
	AUTO_JSON json_t *v = json_loads(text, 0, NULL);
	struct err e = ERR_INIT;

	CHECK(v != NULL);
	CHECK_INT(chain_read(v, out, &e), 0);
	CHECK_INT(chain_resolve(out, &where, &e), 0);
	CHECK_STR(e.msg, "");
}

static int match_of(const char *reported, const char *shown)
{
	struct objlist want = { 0 }, seen = { 0 };
	struct coordinate c = { 0 };
	struct err e = ERR_INIT;
	int m;

	chain_of(reported, &want);
	chain_of(shown, &seen);
	CHECK_INT(coordinate_choose(&want, &c, &e), 0);
	m = match_compare(&c, &seen, NULL);
	jmap_release(coordinate_map, &c);
	chain_release(&want);
	chain_release(&seen);
	return m;
}

static const struct axis {
	const char *axis, *shown;
	enum match want;
} axes[] = {
	{ "nothing altered", REPORTED, MATCH_EXACT },
	{ "type", "[" CAUSE("RangeError", "Cannot read null", LIB_FRAMES) "," WRAPPER "]",
	  MATCH_DIFFERENT },
	{ "file",
	  "[" CAUSE("TypeError", "Cannot read null", FRAME("lib/other.js", "encode", 195)) "]",
	  MATCH_TYPE_ONLY },
	{ "function",
	  "[" CAUSE("TypeError", "Cannot read null", FRAME("lib/utils.js", "decode", 195)) "]",
	  MATCH_TYPE_ONLY },
	{ "line",
	  "[" CAUSE("TypeError", "Cannot read null", FRAME("lib/utils.js", "encode", 196)) "]",
	  MATCH_SAME_FUNCTION },
	{ "message only", "[" CAUSE("TypeError", "something else", LIB_FRAMES) "," WRAPPER "]",
	  MATCH_EXACT },
	{ "cause chain: the wrapper is gone",
	  "[" CAUSE("TypeError", "Cannot read null", LIB_FRAMES) "]", MATCH_EXACT },
	{ "cause chain: the cause is gone", "[" WRAPPER "]", MATCH_DIFFERENT },
	{ "cause chain: the cause is elsewhere",
	  "[" CAUSE("TypeError", "x", FRAME("lib/parse.js", "parse", 7)) "," CAUSE(
		  "TypeError", "Cannot read null", LIB_FRAMES) "]",
	  MATCH_DIFFERENT },
	{ "cause chain: the cause has another type",
	  "[" CAUSE("SyntaxError", "x", FRAME("lib/parse.js", "parse", 7)) "," CAUSE(
		  "TypeError", "Cannot read null", LIB_FRAMES) "]",
	  MATCH_DIFFERENT },
	{ "async frame: other callers resume it",
	  "[" CAUSE("TypeError", "Cannot read null",
		    FRAME("lib/utils.js", "encode",
			  195) ",{\"file\":\"/srv/app/test/x.js\",\"function\":"
			       "\"Test.run\",\"line\":3,\"async\":true}") "]",
	  MATCH_EXACT },
	{ "receiver: called as a method",
	  "[" CAUSE("TypeError", "x", FRAME("lib/utils.js", "Object.encode", 195)) "]",
	  MATCH_EXACT },
	{ "not in the repository: the same place in a dependency",
	  "[" CAUSE("TypeError", "x", FRAME("node_modules/qs/lib/utils.js", "encode", 195)) "]",
	  MATCH_TYPE_ONLY },
	{ "nothing was thrown", "[]", MATCH_NONE },
};

static void each_axis_alone_gets_its_match(void)
{
	for (size_t i = 0; i < sizeof(axes) / sizeof(axes[0]); i++) {
		const int m = match_of(REPORTED, axes[i].shown);

		if (m != (int)axes[i].want)
			printf("# %s\n", axes[i].axis);
		CHECK_STR(match_name(m), match_name(axes[i].want));
	}
}

static void a_plain_report_does_not_match_a_failure_with_a_cause_elsewhere(void)
{
	CHECK_INT(match_of("[" WRAPPER "]", REPORTED), MATCH_DIFFERENT);
}

static void an_inlined_frame_matches_within_its_lines(void)
{
	const struct coordinate want = { .type = (char[]){ "TypeError" },
					 .file = (char[]){ "lib/utils.js" },
					 .function = (char[]){ "encode" },
					 .line = 195,
					 .line_first = 190,
					 .line_last = 199 };
	static const struct {
		const char *shown;
		enum match want;
	} rows[] = {
		{ "[" CAUSE("TypeError", "", FRAME("lib/utils.js", "encode", 190)) "]",
		  MATCH_EXACT },
		{ "[" CAUSE("TypeError", "", FRAME("lib/utils.js", "encode", 199)) "]",
		  MATCH_EXACT },
		{ "[" CAUSE("TypeError", "", FRAME("lib/utils.js", "encode", 200)) "]",
		  MATCH_SAME_FUNCTION },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct coordinate seen = { 0 };
		struct objlist chain = { 0 };

		chain_of(rows[i].shown, &chain);
		CHECK_INT(match_compare(&want, &chain, &seen), rows[i].want);
		CHECK_STR(seen.function, "encode");
		jmap_release(coordinate_map, &seen);
		chain_release(&chain);
	}
}

static void an_anonymous_function_is_told_by_its_line(void)
{
	static const char anonymous[] =
		"[" CAUSE("TypeError", "", FRAME("lib/utils.js", "Array.<anonymous>", 195)) "]";

	CHECK_INT(match_of(anonymous, anonymous), MATCH_EXACT);
	CHECK_INT(
		match_of(anonymous, "[" CAUSE("TypeError", "",
					      FRAME("lib/utils.js", "Array.<anonymous>", 196)) "]"),
		MATCH_TYPE_ONLY);
}

static void a_signal_matches_what_a_sanitizer_says_of_the_same_line(void)
{
	static const char core[] = "[" CAUSE("SIGSEGV", "", FRAME("a.c", "f", 5)) "]";
	static const char aborted[] = "[" CAUSE("SIGABRT", "", FRAME("a.c", "f", 5)) "]";
	static const struct {
		const char *reported, *shown;
		enum match want;
	} rows[] = {
		{ core, "[" CAUSE("AddressSanitizer: SEGV", "", FRAME("a.c", "f", 5)) "]",
		  MATCH_EXACT },
		{ core,
		  "[" CAUSE("AddressSanitizer: heap-use-after-free", "", FRAME("a.c", "f", 5)) "]",
		  MATCH_EXACT },
		{ core,
		  "[" CAUSE("UndefinedBehaviorSanitizer: null-pointer-use", "",
			    FRAME("a.c", "f", 5)) "]",
		  MATCH_EXACT },
		{ core, "[" CAUSE("AddressSanitizer: SEGV", "", FRAME("a.c", "f", 6)) "]",
		  MATCH_SAME_FUNCTION },
		{ core, "[" CAUSE("Assertion", "", FRAME("a.c", "f", 5)) "]", MATCH_DIFFERENT },
		{ aborted, "[" CAUSE("Assertion", "", FRAME("a.c", "f", 5)) "]", MATCH_EXACT },
		{ aborted, "[" CAUSE("AddressSanitizer: double-free", "", FRAME("a.c", "f", 5)) "]",
		  MATCH_EXACT },
		{ aborted, "[" CAUSE("AddressSanitizer: SEGV", "", FRAME("a.c", "f", 5)) "]",
		  MATCH_DIFFERENT },
		{ "[" CAUSE("AddressSanitizer: SEGV", "", FRAME("a.c", "f", 5)) "]", core,
		  MATCH_DIFFERENT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_INT(match_of(rows[i].reported, rows[i].shown), rows[i].want);
}

static void a_failure_in_some_runs_only_is_flaky(void)
{
	static const int all[] = { MATCH_EXACT, MATCH_EXACT, MATCH_EXACT };
	static const int some[] = { MATCH_EXACT, MATCH_NONE, MATCH_EXACT };
	static const int weak[] = { MATCH_TYPE_ONLY, MATCH_SAME_FUNCTION };
	size_t k;

	CHECK_INT(match_runs(all, 3, &k), MATCH_EXACT);
	CHECK_INT((long long)k, 3);
	CHECK_INT(match_runs(some, 3, &k), MATCH_FLAKY);
	CHECK_INT((long long)k, 2);
	CHECK_INT(match_runs(weak, 2, &k), MATCH_TYPE_ONLY);
	CHECK_INT(match_runs(all, 0, &k), MATCH_NONE);
}

TAP_MAIN(TEST(each_axis_alone_gets_its_match),
	 TEST(a_plain_report_does_not_match_a_failure_with_a_cause_elsewhere),
	 TEST(an_inlined_frame_matches_within_its_lines),
	 TEST(an_anonymous_function_is_told_by_its_line),
	 TEST(a_signal_matches_what_a_sanitizer_says_of_the_same_line),
	 TEST(a_failure_in_some_runs_only_is_flaky))
