/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/inside/input.h"
#include "agent/inside/reproduce.h"

#define ASYNC_FILES 16 /* files of the trace that are read for the entry's declaration */
#define PATH_NAME \
	120 /* bytes of a file name before its ending: a request has a path of any length */

/* The last part of a dotted name: what a reader calls the entry. */
static const char *last_part(const char *dotted)
{
	const char *dot = dotted ? strrchr(dotted, '.') : NULL;

	return dot ? dot + 1 : dotted;
}

static const char *entry_of(const struct subject *s, const json_t *normal)
{
	const json_t *steps = json_object_get(normal, "script");
	const json_t *step = json_array_get(steps, json_array_size(steps) - 1);
	const char *call = last_part(json_string_value(json_object_get(step, "call")));
	const json_t *argv = json_object_get(json_object_get(normal, "command"), "argv");
	const char *program = json_string_value(json_array_get(argv, 0));

	if (call)
		return call;
	if (program)
		return strrchr(program, '/') ? strrchr(program, '/') + 1 : program;
	return s->function ? last_part(s->function) : "call";
}

/* "POST /orders", where the last step sends a request: by a client of its framework, or by the
 * test itself. */
static bool put_request(const json_t *normal, struct buf *out)
{
	const json_t *steps = json_object_get(normal, "script");
	const json_t *step = json_array_get(steps, json_array_size(steps) - 1);
	const json_t *args = json_object_get(step, "args");
	const bool own = json_is_true(json_object_get(step, "request"));
	const char *on = json_string_value(json_object_get(step, "on"));
	const char *method =
		json_string_value(own ? json_array_get(args, 0) : json_object_get(step, "call"));
	const char *path = json_string_value(json_array_get(args, own));

	if (!method || !path || path[0] != '/' || (!own && (!on || strcmp(on, "$client") != 0)))
		return false;
	for (; *method; method++)
		buf_putc(out, (char)toupper((unsigned char)*method));
	buf_printf(out, " %.*s", (int)strcspn(path, "?"), path);
	return true;
}

/* "doInt_x" -> "do-int-x" */
static void put_words(struct buf *out, const char *s, char join)
{
	bool between = false;
	size_t in_word = 0;

	for (const char *p = s; *p; p++) {
		const unsigned char c = (unsigned char)*p;

		if (!isalnum(c)) {
			between = true;
			continue;
		}
		if (in_word > 1 && isupper(c) && islower((unsigned char)p[-1]))
			between = true;
		if (between && out->n > 0 && out->p[out->n - 1] != join)
			buf_putc(out, join);
		in_word = between ? 1 : in_word + 1;
		buf_putc(out, (char)tolower(c));
		between = false;
	}
}

/* Does the failing function have a name that says more than the entry's own? */
static bool is_named(const char *function, const char *entry)
{
	return function && function[0] && !strchr(function, '<') && !strchr(function, '(') &&
	       strcmp(last_part(function), entry) != 0;
}

void style_name(const struct subject *s, const json_t *normal, char join, struct buf *out)
{
	AUTO_BUF struct buf what = BUF_INIT(256), request = BUF_INIT(256);

	put_words(out, put_request(normal, &request) ? request.p : entry_of(s, normal), join);
	input_describe(normal, &what);
	if (what.n > 0) {
		buf_putc(out, join);
		put_words(out, what.p, join);
		return;
	}
	if (is_named(s->function, entry_of(s, normal))) {
		buf_putc(out, join);
		put_words(out, last_part(s->function), join);
	}
	if (s->type) {
		buf_putc(out, join);
		put_words(out, last_part(s->type), join);
	}
}

int style_path(const struct subject *s, const json_t *normal, const char *prefix, char join,
	       const char *suffix, char **out, struct err *e)
{
	const char *dir = s->task->test_dir ? s->task->test_dir : "";
	AUTO_BUF struct buf name = BUF_INIT(PATH_NAME);

	style_name(s, normal, join, &name);
	for (unsigned n = 1; n < 100; n++) {
		AUTO_BUF struct buf path = BUF_INIT(8192);
		struct stat st;

		buf_printf(&path, "%s%s%s", dir, dir[0] ? "/" : "", prefix);
		buf_puts(&path, name.p ? name.p : "regression");
		if (n > 1)
			buf_printf(&path, "%c%u", join, n);
		buf_puts(&path, suffix);
		if (buf_check(&path, "path of the test", e) < 0)
			return -e->code;
		if (fstatat(s->dir, path.p, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			*out = buf_take(&path);
			return 0;
		}
	}
	return err_set(e, EEXIST, "'%s' has too many tests of this name", dir);
}

static const char *article(const char *word)
{
	return strchr("aeiouAEIOU", word[0]) ? "an" : "a";
}

void style_title(const struct subject *s, const json_t *normal, struct buf *out)
{
	AUTO_BUF struct buf what = BUF_INIT(256);
	const char *type = s->type ? last_part(s->type) : NULL;

	if (!put_request(normal, out))
		buf_printf(out, "%s()", entry_of(s, normal));
	input_describe(normal, &what);
	if (what.n > 0) {
		for (char *p = what.p; *p; p++)
			*p = *p == '-' ? ' ' : *p;
		buf_printf(out, " with %s %s", article(what.p), what.p);
		return;
	}
	if (type)
		buf_printf(out, " without %s %s", article(type), type);
	if (type && is_named(s->function, entry_of(s, normal)))
		buf_printf(out, " in %s", last_part(s->function));
}

static size_t count_calls(const char *text, const char *entry)
{
	const size_t len = strlen(entry);
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, entry)); p += len)
		n += p[len] == '(';
	return n;
}

int style_sibling(const struct subject *s, const char *suffix, const char *must, const char *entry,
		  struct buf *text, struct err *e)
{
	const char *dir = s->task->test_dir ? s->task->test_dir : "";
	struct strlist names = { 0 };
	size_t best = 0;
	int r = tools_list(s->dir, dir, suffix, &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		AUTO_BUF struct buf one = BUF_INIT(4u << 20);
		AUTO_BUF struct buf path = BUF_INIT(8192);
		struct err ignored = ERR_INIT;
		size_t score;

		buf_printf(&path, "%s%s%s", dir, dir[0] ? "/" : "", names.v[i]);
		if (buf_check(&path, "path", &ignored) < 0 ||
		    tools_read(s->dir, path.p, &one, &ignored) < 0 || !one.p ||
		    (must && !strstr(one.p, must)))
			continue;
		score = 1 + (entry && *entry ? count_calls(one.p, entry) : 0);
		if (score <= best)
			continue;
		best = score;
		buf_reset(text);
		buf_put(text, one.p, one.n);
		r = buf_check(text, names.v[i], e);
	}
	strlist_release(&names);
	return r;
}

int style_suffix(const struct subject *s, const char *kind, char out[16], struct err *e)
{
	static const char *const infixes[] = { ".test", ".spec" };
	const char *dir = s->task->test_dir ? s->task->test_dir : "";
	struct strlist all = { 0 };
	int r = tools_list(s->dir, dir, kind, &all, e);

	(void)snprintf(out, 16, "%s", kind);
	for (size_t i = 0; r == 0 && i < sizeof(infixes) / sizeof(infixes[0]); i++) {
		struct strlist some = { 0 };
		char suffix[16];

		(void)snprintf(suffix, sizeof(suffix), "%s%s", infixes[i], kind);
		r = tools_list(s->dir, dir, suffix, &some, e);
		if (some.n * 2 > all.n)
			(void)snprintf(out, 16, "%s", suffix);
		strlist_release(&some);
	}
	strlist_release(&all);
	return r;
}

void style_indent(const char *text, const char *fallback, char out[17])
{
	size_t lines[9] = { 0 }, tabs = 0, spaces = 0, width = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		size_t n;

		line += *line == '\n';
		n = strspn(line, " ");
		tabs += *line == '\t';
		if (n > 0 && n <= 8 && !strchr("\n*", line[n])) {
			lines[n]++;
			spaces++;
		}
	}
	/* the outermost level is the rarer one: text in a comment is rarer still */
	if (lines[2] * 4 > lines[4])
		width = 2;
	else if (lines[4] > 0)
		width = 4;
	else if (lines[8] > 0)
		width = 8;
	if (tabs > spaces)
		(void)snprintf(out, 17, "\t");
	else if (width > 0)
		(void)snprintf(out, 17, "%*s", (int)width, "");
	else
		(void)snprintf(out, 17, "%s", fallback);
}

char style_quote(const char *text, char fallback)
{
	size_t single = 0, twice = 0;

	for (const char *p = text; p && *p; p++) {
		single += *p == '\'';
		twice += *p == '"';
	}
	if (single == twice)
		return fallback;
	return single > twice ? '\'' : '"';
}

/* From an opening parenthesis to after its partner; strings are skipped. NULL: there is none. */
static const char *skip_parens(const char *p)
{
	unsigned depth = 0;

	for (; *p; p++) {
		if (*p == '\'' || *p == '"' || *p == '`') {
			const char quote = *p;

			for (p++; *p && *p != quote; p++)
				p += *p == '\\' && p[1];
			if (!*p)
				return NULL;
		} else if (*p == '(') {
			depth++;
		} else if (*p == ')' && --depth == 0) {
			return p + 1;
		}
	}
	return NULL;
}

static enum result_kind literal_kind(const char *p)
{
	static const struct {
		const char *word;
		enum result_kind kind;
	} words[] = { { "true", RESULT_BOOLEAN }, { "false", RESULT_BOOLEAN },
		      { "True", RESULT_BOOLEAN }, { "False", RESULT_BOOLEAN },
		      { "[", RESULT_ARRAY },	  { "{", RESULT_OBJECT },
		      { "'", RESULT_STRING },	  { "\"", RESULT_STRING },
		      { "u'", RESULT_STRING },	  { "`", RESULT_STRING } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(p, words[i].word, strlen(words[i].word)) == 0)
			return words[i].kind;
	return isdigit((unsigned char)*p) ? RESULT_NUMBER : RESULT_UNKNOWN;
}

enum result_kind style_result(const char *text, const char *entry)
{
	size_t votes[RESULT_OBJECT + 1] = { 0 }, all = 0;
	const size_t len = strlen(entry);

	for (const char *p = text; p && (p = strstr(p, entry)); p += len) {
		const char *after = p[len] == '(' ? skip_parens(p + len) : NULL;
		enum result_kind kind;

		if (!after)
			continue;
		after += strspn(after, " \n\t");
		if (*after != ',' && strncmp(after, "==", 2) != 0)
			continue;
		after += strspn(after, ",= \n\t");
		kind = literal_kind(after);
		votes[kind]++;
		all += kind != RESULT_UNKNOWN;
	}
	for (size_t k = RESULT_STRING; k <= RESULT_OBJECT; k++)
		if (votes[k] >= 3 && votes[k] * 10 >= all * 9)
			return (enum result_kind)k;
	return RESULT_UNKNOWN;
}

/* Is a call of the entry awaited somewhere in the text? */
static bool is_awaited(const char *text, const char *entry)
{
	const size_t len = strlen(entry);

	for (const char *p = text; p && (p = strstr(p, entry)); p += len) {
		const char *line = p;

		while (line > text && line[-1] != '\n')
			line--;
		if (p[len] == '(' && memmem(line, (size_t)(p - line), "await ", 6))
			return true;
	}
	return false;
}

static bool declares_async(const char *text, const char *entry)
{
	static const struct {
		const char *before, *after;
	} forms[] = { { "async function ", "(" }, { "async function ", " (" },
		      { "async def ", "(" },	  { "async ", "(" },
		      { "", " = async " },	  { "", ": async " } };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char form[300];

		(void)snprintf(form, sizeof(form), "%s%s%s", forms[i].before, entry,
			       forms[i].after);
		if (strstr(text, form))
			return true;
	}
	return false;
}

bool style_is_async(const struct subject *s, const char *sibling, const char *entry)
{
	const json_t *chain = json_object_get(s->task->incident, "chain"), *exception, *frame;
	size_t i, k, files = 0;

	if (!entry || !*entry)
		return false;
	if (is_awaited(sibling, entry))
		return true;
	json_array_foreach(chain, i, exception) {
		json_array_foreach(json_object_get(exception, "frames"), k, frame) {
			const char *file = json_string_value(json_object_get(frame, "file"));
			AUTO_BUF struct buf text = BUF_INIT(4u << 20);
			struct err ignored = ERR_INIT;

			if (!file || files == ASYNC_FILES ||
			    !json_is_true(json_object_get(frame, "in_app")) ||
			    tools_read(s->dir, file, &text, &ignored) < 0)
				continue;
			files++;
			if (text.p && declares_async(text.p, entry))
				return true;
		}
	}
	return false;
}

void style_string(struct buf *out, const char *s, size_t n, char quote)
{
	buf_putc(out, quote);
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c == (unsigned char)quote || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_puts(out, "\\n");
		else if (c == '\r')
			buf_puts(out, "\\r");
		else if (c == '\t')
			buf_puts(out, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, quote);
}

int style_script(const struct subject *s, const json_t *normal, script_renderer *render,
		 struct rendered *out, struct err *e)
{
	struct script script = { 0 };
	int r;

	if (!json_object_get(normal, "script"))
		return err_set(e, EINVAL, "a command cannot be replayed by a %s test",
			       s->task->framework);
	r = jmap_read(script_map, normal, &script, "", e);
	if (r == 0)
		r = render(s, &script, normal, out, e);
	jmap_release(script_map, &script);
	return r;
}
