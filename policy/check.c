/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "policy/diff.h"
#include "policy/glob.h"
#include "policy/source.h"

/*
 * A set of changes against `code`: paths, sizes, kinds of files, tests,
 * dependency files, public interface.  By text alone: what a change means is
 * the proof's to find out.  The first refusal in the order of the paths is
 * reported, the strictest rule of that path first.
 */
struct checking {
	const struct policy *p;
	const char *new_test; /* the case's own; NULL: none */
	const struct changes *all;
};

static void deny(struct policy_verdict *out, const struct source *s, const char *pointer,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void deny(struct policy_verdict *out, const struct source *s, const char *pointer,
		 const char *fmt, ...)
{
	struct policy_verdict v;
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	verdict_set(&v, POLICY_DENY, s, pointer, why);
	if (!s)
		v.rule[0] = '\0';
	verdict_strictest(out, &v);
}

static bool is_own_test(const struct checking *c, const struct change *ch)
{
	return c->new_test && strcmp(c->new_test, ch->path) == 0 && ch->kind == CHANGE_ADD;
}

/* ---- kinds of files ---- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* A marker that begins with a letter begins a word: "xit(" is not in "exit(". */
static size_t count_marker(const char *data, size_t n, const char *marker)
{
	const size_t len = strlen(marker);
	const char *p = data;
	size_t k = 0;

	while (p && (p = memmem(p, n - (size_t)(p - data), marker, len))) {
		k += p == data || !is_word(marker[0]) || !is_word(p[-1]);
		p += len;
	}
	return k;
}

/* Controls that show a reviewer other text than the compiler reads (U+061C, U+200E, U+200F, U+202A
 * to E, U+2066 to 9). */
static size_t count_bidi(const char *data, size_t n)
{
	const unsigned char *const p = (const unsigned char *)data;
	size_t k = 0;

	for (size_t i = 0; i + 1 < n; i++) {
		if (p[i] == 0xd8 && p[i + 1] == 0x9c)
			k++;
		if (i + 2 >= n || p[i] != 0xe2)
			continue;
		if (p[i + 1] == 0x80)
			k += p[i + 2] == 0x8e || p[i + 2] == 0x8f ||
			     (p[i + 2] >= 0xaa && p[i + 2] <= 0xae);
		else if (p[i + 1] == 0x81)
			k += p[i + 2] >= 0xa6 && p[i + 2] <= 0xa9;
	}
	return k;
}

/* Whether a link's target stays within the repository, seen from where the link is. */
static bool stays_inside(const char *path, const char *target, size_t n)
{
	long depth = 0;

	if (n == 0 || target[0] == '/' || memchr(target, 0, n))
		return false;
	for (; *path; path++)
		depth += *path == '/';
	for (size_t i = 0; i < n;) {
		const char *const slash = memchr(target + i, '/', n - i);
		const size_t len = slash ? (size_t)(slash - target) - i : n - i;

		if (len == 2 && memcmp(target + i, "..", 2) == 0)
			depth--;
		else if (len > 0 && !(len == 1 && target[i] == '.'))
			depth++;
		if (depth < 0)
			return false;
		i += len + 1;
	}
	return true;
}

static bool has_nul(const char *data, size_t n)
{
	return data && memchr(data, 0, n);
}

/* The source whose word stands; *value is "deny" (0) when nobody says anything. */
#define TYPE_RULE(c, member, value) \
	(*(value) = 0, STRICT((c)->p, int, code.types.member, code.types.has_##member, value))

static void check_type(const struct checking *c, const struct change *ch,
		       struct policy_verdict *out)
{
	const struct source *s;
	int rule;

	if (ch->type == CHANGE_OTHER || ch->old_type == CHANGE_OTHER) {
		s = TYPE_RULE(c, submodules, &rule);
		deny(out, s, "/code/file_types/submodules", "'%s' is neither a file nor a link",
		     ch->path);
		return;
	}
	if (ch->type == CHANGE_SYMLINK && ch->kind != CHANGE_DELETE) {
		s = TYPE_RULE(c, symlinks, &rule);
		if (rule == 0 || !stays_inside(ch->path, ch->new_data, ch->new_len))
			deny(out, s, "/code/file_types/symlinks", "'%s' is a symbolic link%s",
			     ch->path, rule ? " that leaves the repository" : "");
		return;
	}
	if (ch->kind == CHANGE_MODIFY && ch->type != ch->old_type) {
		s = TYPE_RULE(c, mode_changes, &rule);
		if (rule == 0)
			deny(out, s, "/code/file_types/mode_changes", "the mode of '%s' changes",
			     ch->path);
	}
	if (has_nul(ch->new_data, ch->new_len) || has_nul(ch->old_data, ch->old_len)) {
		s = TYPE_RULE(c, binaries, &rule);
		if (rule == 0)
			deny(out, s, "/code/file_types/binaries", "'%s' is a binary file",
			     ch->path);
	}
	s = TYPE_RULE(c, bidi, &rule);
	if (count_bidi(ch->new_data, ch->new_len) > count_bidi(ch->old_data, ch->old_len))
		deny(out, s, "/code/file_types/bidi_controls",
		     "'%s' gains characters that change the direction of text", ch->path);
}

static void check_rename(const struct checking *c, const struct change *ch,
			 struct policy_verdict *out)
{
	const struct source *s;
	int rule;

	if (ch->kind != CHANGE_DELETE || ch->old_len == 0)
		return;
	s = TYPE_RULE(c, renames, &rule);
	for (size_t i = 0; rule == 0 && i < c->all->n; i++) {
		const struct change *const to = &c->all->v[i];

		if (to->kind == CHANGE_ADD && to->new_len == ch->old_len &&
		    memcmp(to->new_data, ch->old_data, ch->old_len) == 0)
			deny(out, s, "/code/file_types/renames", "'%s' is renamed to '%s'",
			     ch->path, to->path);
	}
}

/* ---- tests ---- */

/* Words that state an expectation in the common frameworks, wherever they stand. */
static size_t count_assertions(const char *data, size_t n)
{
	static const char *const roots[] = { "assert", "expect", "should", "equal",
					     "throws", "raises", "check",  "verify" };
	size_t k = 0;

	for (size_t i = 0; data && i < n;) {
		char word[64];
		size_t len = 0;

		while (i < n && !is_word(data[i]))
			i++;
		while (i + len < n && is_word(data[i + len])) {
			if (len < sizeof(word) - 1)
				word[len] = (char)tolower((unsigned char)data[i + len]);
			len++;
		}
		word[len < sizeof(word) ? len : sizeof(word) - 1] = '\0';
		for (size_t r = 0; len && r < sizeof(roots) / sizeof(roots[0]); r++) {
			if (strstr(word, roots[r])) {
				k++;
				break;
			}
		}
		i += len;
	}
	return k;
}

static void check_test_file(const struct source *s, const struct change *ch,
			    struct policy_verdict *out)
{
	const struct doc_tests *const t = &s->doc.code.tests;
	size_t added, removed;

	for (size_t i = 0; i < t->skip_markers.n; i++) {
		const char *const m = t->skip_markers.v[i];

		if (count_marker(ch->new_data, ch->new_len, m) <=
		    count_marker(ch->old_data, ch->old_len, m))
			continue;
		deny(out, s, "/code/tests/skip_markers", "'%s' gains \"%s\"", ch->path, m);
		break;
	}
	if (ch->kind != CHANGE_MODIFY)
		return;
	change_line_counts(ch, &added, &removed);
	if (t->has_modify && t->modify == TESTS_ADDITIONS && removed)
		deny(out, s, "/code/tests/modify", "%zu lines of the test '%s' go away", removed,
		     ch->path);
	if (t->has_min_assertions && t->min_assertions == 0 &&
	    count_assertions(ch->new_data, ch->new_len) <
		    count_assertions(ch->old_data, ch->old_len))
		deny(out, s, "/code/tests/min_assertions", "'%s' states fewer expectations",
		     ch->path);
}

static void check_registration(const struct checking *c, const struct source *s,
			       const struct change *ch, struct policy_verdict *out)
{
	const struct doc_tests *const t = &s->doc.code.tests;

	for (size_t i = 0; i < t->reg.n; i++) {
		size_t added, removed;
		char pointer[64];

		if (ch->kind != CHANGE_MODIFY ||
		    !glob_match(OBJ(struct register_rule, t->reg, i)->path, ch->path))
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/code/tests/register/%zu", i);
		change_line_counts(ch, &added, &removed);
		if (removed)
			deny(out, s, pointer, "'%s' may only gain lines; %zu go away", ch->path,
			     removed);
		else if (!c->new_test || !changes_find(c->all, c->new_test))
			deny(out, s, pointer,
			     "'%s' gains lines, but there is no new test to register", ch->path);
		return;
	}
}

static void check_tests(const struct checking *c, const struct change *ch,
			struct policy_verdict *out)
{
	for (size_t i = 0; i < c->p->n; i++) {
		const struct source *const s = c->p->v[i];
		size_t which;

		if (!s->doc.code.has_tests)
			continue;
		if (is_own_test(c, ch) || strlist_glob(&s->doc.code.tests.paths, ch->path, &which))
			check_test_file(s, ch, out);
		check_registration(c, s, ch, out);
	}
}

/* ---- dependency files, public interface ---- */

/* What a line of a dependency file is about: its first word, without quotes. */
static size_t line_key(const struct line *l, char *out, size_t size)
{
	size_t i = 0, k = 0;

	while (i < l->n && !isalnum((unsigned char)l->p[i]) && l->p[i] != '@' && l->p[i] != '#')
		i++;
	while (i < l->n && k + 1 < size && l->p[i] != '#' &&
	       (is_word(l->p[i]) || strchr("@/.-", l->p[i])))
		out[k++] = l->p[i++];
	out[k] = '\0';
	return k;
}

static bool has_key(const struct line *lines, const bool *flags, size_t n, const char *key)
{
	char other[128];

	for (size_t i = 0; i < n; i++)
		if (flags[i] && line_key(&lines[i], other, sizeof(other)) &&
		    strcmp(key, other) == 0)
			return true;
	return false;
}

enum { DEP_ADD = 1, DEP_UPGRADE = 2, DEP_REMOVE = 4 };

/* Lines that are about something new, something known, or something gone. */
static unsigned dependency_kinds(const struct change *ch, struct err *e)
{
	unsigned kinds = 0;
	char key[128];
	struct diff d;

	if (ch->kind != CHANGE_MODIFY)
		return ch->kind == CHANGE_ADD ? DEP_ADD : DEP_REMOVE;
	if (diff_lines(ch->old_data, ch->old_len, ch->new_data, ch->new_len, &d, e) < 0)
		return DEP_ADD | DEP_UPGRADE | DEP_REMOVE;
	for (size_t i = 0; i < d.nb; i++)
		if (d.added[i] && line_key(&d.b[i], key, sizeof(key)))
			kinds |= has_key(d.a, d.removed, d.na, key) ? DEP_UPGRADE : DEP_ADD;
	for (size_t i = 0; i < d.na; i++)
		if (d.removed[i] && line_key(&d.a[i], key, sizeof(key)) &&
		    !has_key(d.b, d.added, d.nb, key))
			kinds |= DEP_REMOVE;
	diff_release(&d);
	return kinds ? kinds : DEP_UPGRADE;
}

static void check_dependencies(const struct checking *c, const struct change *ch,
			       struct policy_verdict *out, struct err *e)
{
	for (size_t i = 0; i < c->p->n; i++) {
		const struct doc_dependencies *const d = &c->p->v[i]->doc.code.dependencies;
		const struct {
			unsigned kind;
			bool stated;
			int rule;
			const char *pointer, *what;
		} rows[] = {
			{ DEP_ADD, d->has_add, d->add, "/code/dependencies/add", "gains" },
			{ DEP_UPGRADE, d->has_upgrade, d->upgrade, "/code/dependencies/upgrade",
			  "changes" },
			{ DEP_REMOVE, d->has_remove, d->remove, "/code/dependencies/remove",
			  "loses" },
		};
		unsigned kinds;
		size_t which;

		if (!strlist_glob(&d->manifests, ch->path, &which))
			continue;
		kinds = dependency_kinds(ch, e);
		for (size_t k = 0; k < 3; k++) {
			struct policy_verdict v;
			char why[512];

			if (!(kinds & rows[k].kind))
				continue;
			(void)snprintf(why, sizeof(why), "'%s' %s a dependency", ch->path,
				       rows[k].what);
			verdict_set(&v,
				    rows[k].stated ? strict_decision(rows[k].rule) : POLICY_DENY,
				    c->p->v[i], rows[k].pointer, why);
			if (v.decision != POLICY_ALLOW)
				verdict_strictest(out, &v);
		}
	}
}

static void check_api(const struct checking *c, const struct change *ch, struct policy_verdict *out)
{
	for (size_t i = 0; i < c->p->n; i++) {
		const struct doc_api *const api = &c->p->v[i]->doc.code.api;
		size_t which, added, removed;

		if (!strlist_glob(&api->paths, ch->path, &which) || api->change == API_ALLOW)
			continue;
		change_line_counts(ch, &added, &removed);
		if (api->change == API_ADDITIVE && ch->kind != CHANGE_DELETE && !removed)
			continue;
		deny(out, c->p->v[i], "/code/public_api/change",
		     "'%s' is part of the public interface", ch->path);
	}
}

/* The agent saw asterisks where values are: what it made of the file would put them there for good.
 */
static void check_masked(const struct checking *c, const struct change *ch,
			 struct policy_verdict *out)
{
	for (size_t i = 0; i < c->p->n; i++) {
		const int k = policy_mask_find(c->p->v[i], ch->path);
		char pointer[48];

		(void)snprintf(pointer, sizeof(pointer), "/filesystem/mask/%d", k);
		if (k >= 0)
			deny(out, c->p->v[i], pointer, "'%s' is masked", ch->path);
	}
}

/* ---- sizes ---- */

static void check_size(const struct checking *c, const struct change *ch,
		       struct policy_verdict *out)
{
	uint64_t max;
	const struct source *const s =
		STRICT(c->p, u64, code.max_file_bytes, code.has_max_file_bytes, &max);

	/* A file that is large already may be mended, not grown past the limit. */
	if (s && ch->new_len > max && ch->new_len > ch->old_len)
		deny(out, s, "/code/max_file_bytes", "'%s' is %zu bytes of at most %llu", ch->path,
		     ch->new_len, (unsigned long long)max);
}

/* The case's own test counts towards neither: the limits are for what a reviewer must judge as a
 * change. */
static void check_totals(const struct checking *c, struct policy_verdict *out)
{
	const struct source *s;
	uint64_t max;
	size_t files = 0, lines = 0;

	for (size_t i = 0; i < c->all->n; i++) {
		size_t added, removed;

		if (is_own_test(c, &c->all->v[i]))
			continue;
		change_line_counts(&c->all->v[i], &added, &removed);
		files++;
		lines += added + removed;
	}
	s = STRICT(c->p, u64, code.max_files, code.has_max_files, &max);
	if (s && files > max)
		deny(out, s, "/code/max_files", "%zu files change, at most %llu may", files,
		     (unsigned long long)max);
	s = STRICT(c->p, u64, code.max_changed_lines, code.has_max_changed_lines, &max);
	if (s && lines > max)
		deny(out, s, "/code/max_changed_lines", "%zu lines change, at most %llu may", lines,
		     (unsigned long long)max);
}

/* ---- all of it ---- */

/* Says which path a rule of paths refused; the rule's own words stay. */
static void name_path(struct policy_verdict *v, const char *path)
{
	char why[sizeof(v->reason)];

	(void)snprintf(why, sizeof(why), "%s", v->reason);
	(void)snprintf(v->reason, sizeof(v->reason), "'%.150s'%s%.350s", path, why[0] ? ": " : "",
		       why);
}

/* Every policy stands on it: see add_floor(). */
static const struct source *floor_of(const struct policy *p)
{
	size_t i = p->n - 1;

	while (i > 0 && strcmp(jsonc_name(p->v[i]->json), FLOOR_NAME) != 0)
		i--;
	return p->v[i];
}

static void check_one(const struct checking *c, const struct change *ch, struct policy_verdict *out,
		      struct err *e)
{
	struct policy_verdict path = { .decision = VERDICT_NONE };

	if (!path_is_clean(ch->path)) {
		verdict_set(out, POLICY_DENY, floor_of(c->p), "/code",
			    "a path that no repository should hold");
		name_path(out, ch->path);
		return;
	}
	code_ask(c->p, ch->path, ch->kind, is_own_test(c, ch), &path);
	if (path.decision == VERDICT_NONE) {
		verdict_set(&path, POLICY_DENY, c->p->v[0], "/code",
			    "no source allows this change");
		path.rule[0] = '\0';
	}
	name_path(&path, ch->path);
	*out = path;
	check_type(c, ch, out);
	check_rename(c, ch, out);
	check_tests(c, ch, out);
	check_dependencies(c, ch, out, e);
	check_api(c, ch, out);
	check_masked(c, ch, out);
	check_size(c, ch, out);
}

int policy_check_changes(const struct policy *p, const struct changes *c, const char *new_test,
			 struct policy_verdict *out, struct err *e)
{
	const struct checking it = { .p = p, .new_test = new_test, .all = c };
	struct policy_verdict best = { .decision = VERDICT_NONE };

	for (size_t i = 0; i < c->n; i++) {
		struct policy_verdict v = { .decision = VERDICT_NONE };
		struct err why = ERR_INIT;

		check_one(&it, &c->v[i], &v, &why);
		if (why.code)
			return err_set(e, why.code, "%s: %s", c->v[i].path, why.msg);
		verdict_strictest(&best, &v);
	}
	if (best.decision != POLICY_DENY)
		check_totals(&it, &best);
	if (best.decision == VERDICT_NONE)
		verdict_set(&best, POLICY_ALLOW, NULL, "", "nothing changes");
	*out = best;
	return 0;
}
