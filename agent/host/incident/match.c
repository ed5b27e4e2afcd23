/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/incident.h"

#include <fnmatch.h>
#include <string.h>

/*
 * DESIGN section 9.  Both sides choose their coordinate by the same rule, so
 * frames further out, asynchronous ones and messages cannot matter; a chain
 * whose outer exception stands where production reported the root cause has
 * its cause elsewhere, and is a different failure.
 */
static const char *const names[] = {
	[MATCH_EXACT] = "exact",	 [MATCH_SAME_FUNCTION] = "same-function",
	[MATCH_TYPE_ONLY] = "type-only", [MATCH_DIFFERENT] = "different",
	[MATCH_NONE] = "none",		 [MATCH_FLAKY] = "flaky",
};

const char *match_name(int m)
{
	return m >= 0 && m < MATCH_N ? names[m] : "?";
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/*
 * A core names the signal that ended production's build; the build with
 * sanitizers says what that signal would have been for.  Where it is said of the same
 * line of the same function, it is the same failure.
 */
static const struct {
	const char *signal, *shown; /* as fnmatch(3) has it */
} shown_as[] = {
	{ "SIGSEGV", "AddressSanitizer: *" }, /* whatever access it caught: kinds are accesses */
	{ "SIGSEGV", "UndefinedBehaviorSanitizer: null-pointer-use" },
	{ "SIGSEGV", "UndefinedBehaviorSanitizer: out-of-bounds-index" },
	{ "SIGSEGV", "UndefinedBehaviorSanitizer: pointer-overflow" },
	{ "SIGSEGV", "UndefinedBehaviorSanitizer: nonnull-attribute" },
	{ "SIGBUS", "AddressSanitizer: BUS" },
	{ "SIGBUS", "UndefinedBehaviorSanitizer: misaligned-pointer-use" },
	{ "SIGFPE", "AddressSanitizer: FPE" },
	{ "SIGFPE", "UndefinedBehaviorSanitizer: integer-divide-by-zero" },
	{ "SIGFPE", "UndefinedBehaviorSanitizer: signed-integer-overflow" },
	{ "SIGILL", "AddressSanitizer: ILL" },
	{ "SIGILL", "UndefinedBehaviorSanitizer: unreachable-call" },
	{ "SIGABRT", "AddressSanitizer: ABRT" },
	{ "SIGABRT", "AddressSanitizer: *free" },
	{ "SIGABRT", "Assertion" },
	{ "SIGABRT", "Abort" },
};

static bool same_type(const char *want, const char *seen)
{
	if (same(want, seen))
		return true;
	for (size_t i = 0; want && seen && i < sizeof(shown_as) / sizeof(shown_as[0]); i++)
		if (strcmp(shown_as[i].signal, want) == 0 &&
		    fnmatch(shown_as[i].shown, seen, 0) == 0)
			return true;
	return false;
}

/*
 * The receiver that a runtime puts before a method ("Object.encode") depends
 * on how it was called, so the last component decides.  "<anonymous>" names nothing.
 */
static const char *own_name(const char *function)
{
	const char *dot = strrchr(function, '.');
	const char *own = dot && dot[1] ? dot + 1 : function;

	return strcmp(own, "<anonymous>") == 0 ? NULL : own;
}

enum names { NAMES_EQUAL, NAMES_DIFFER, NAMES_UNKNOWN };

static enum names compare_functions(const char *want, const char *seen)
{
	const char *a = want ? own_name(want) : NULL, *b = seen ? own_name(seen) : NULL;

	if (!a)
		return b && want ? NAMES_DIFFER : NAMES_UNKNOWN;
	return same(a, b) ? NAMES_EQUAL : NAMES_DIFFER;
}

static bool in_range(const struct coordinate *want, uint64_t line)
{
	const uint64_t first = want->line_first ? want->line_first : want->line;
	const uint64_t last = want->line_last ? want->line_last : want->line;

	return line && first <= line && line <= last;
}

static enum match compare(const struct coordinate *want, const struct coordinate *seen)
{
	enum names functions;

	if (!same_type(want->type, seen->type))
		return MATCH_DIFFERENT;
	if (!same(want->file, seen->file))
		return MATCH_TYPE_ONLY;
	functions = compare_functions(want->function, seen->function);
	if (functions == NAMES_DIFFER)
		return MATCH_TYPE_ONLY;
	if (in_range(want, seen->line))
		return MATCH_EXACT;
	return functions == NAMES_EQUAL ? MATCH_SAME_FUNCTION : MATCH_TYPE_ONLY;
}

/* Does an exception further out stand exactly where the root cause was reported? */
static bool stands_further_out(const struct coordinate *want, const struct objlist *chain,
			       struct err *e)
{
	struct exception *x = chain->v;

	for (size_t i = 1; i < chain->n; i++) {
		const struct objlist one = { .v = &x[i], .n = 1 };
		struct coordinate c = { 0 };
		bool exact;

		if (coordinate_choose(&one, &c, e) < 0)
			return false;
		exact = compare(want, &c) == MATCH_EXACT;
		jmap_release(coordinate_map, &c);
		if (exact)
			return true;
	}
	return false;
}

int match_compare(const struct coordinate *want, const struct objlist *seen_chain,
		  struct coordinate *seen)
{
	struct coordinate c = { 0 };
	struct err e = ERR_INIT;
	int m;

	if (seen_chain->n == 0 || coordinate_choose(seen_chain, &c, &e) < 0)
		return MATCH_NONE;
	m = compare(want, &c);
	if (m != MATCH_EXACT && stands_further_out(want, seen_chain, &e))
		m = MATCH_DIFFERENT;
	if (seen)
		*seen = c;
	else
		jmap_release(coordinate_map, &c);
	return m;
}

int match_runs(const int *runs, size_t n, size_t *exact)
{
	int worst = n ? MATCH_EXACT : MATCH_NONE;

	*exact = 0;
	for (size_t i = 0; i < n; i++) {
		*exact += runs[i] == MATCH_EXACT;
		worst = runs[i] > worst ? runs[i] : worst;
	}
	return *exact && *exact < n ? MATCH_FLAKY : worst;
}
