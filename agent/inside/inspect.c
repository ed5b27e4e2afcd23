/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inside/inspect_parts.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"

#define INPUT_MAX (1u << 20)

/* Words of the command line: those without dashes in order, and options with one value each. */
struct words {
	const char *plain[3];
	size_t n_plain;
	const char *original, *lines, *lang, *input, *seed, *count, *framework, *module, *out;
};

static const char **option_of(struct words *w, const char *name)
{
	struct {
		const char *name;
		const char **value;
	} const known[] = {
		{ "--original", &w->original },
		{ "--lines", &w->lines },
		{ "--lang", &w->lang },
		{ "--input", &w->input },
		{ "--seed", &w->seed },
		{ "--count", &w->count },
		{ "--framework", &w->framework },
		{ "--module", &w->module },
		{ "--out", &w->out },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].value;
	return NULL;
}

static int words_read(int argc, char **argv, struct words *w, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		const char **value = option_of(w, argv[i]);

		if (value && i + 1 < argc)
			*value = argv[++i];
		else if (value || strncmp(argv[i], "--", 2) == 0)
			return err_set(e, EINVAL,
				       value ? "'%s' needs a value" : "unknown option '%s'",
				       argv[i]);
		else if (w->n_plain == sizeof(w->plain) / sizeof(w->plain[0]))
			return err_set(e, EINVAL, "too many arguments at '%s'", argv[i]);
		else
			w->plain[w->n_plain++] = argv[i];
	}
	return 0;
}

static int number(const char *text, const char *what, unsigned long long max,
		  unsigned long long *out, struct err *e)
{
	char *end = NULL;
	unsigned long long n;

	errno = 0;
	n = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
	if (!end || *end || errno || n > max)
		return err_set(e, EINVAL, "%s: '%s' is not a number up to %llu", what,
			       text ? text : "", max);
	*out = n;
	return 0;
}

/* A file that is named on the command line: by its suffix, the named language, or like another. */
static int inspect_open(const char *path, const char *lang, const struct source *like,
			struct source **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(SOURCE_MAX);
	const struct lang *l = like ? like->lang : lang ? lang_by_name(lang) : lang_by_path(path);

	if (!l)
		return err_set(e, EINVAL, "no grammar for '%s'", lang ? lang : path);
	if (file_read_at(AT_FDCWD, path, SOURCE_MAX, &text, e) < 0)
		return -e->code;
	return source_open(path, l, text.p ? text.p : "", text.n, out, e);
}

static int run_mutants(const struct words *w, json_t **out, struct err *e)
{
	AUTO_SOURCE struct source *now = NULL, *was = NULL;
	AUTO_FREE char *first = w->lines ? strdup(w->lines) : NULL;
	char *dash = first ? strchr(first, '-') : NULL;
	unsigned long long a, b;

	if (w->n_plain != 1 || !w->original || !dash)
		return err_set(e, EINVAL, "mutants needs FILE --lines FIRST-LAST --original FILE");
	*dash = '\0';
	if (number(first, "--lines", 10000000, &a, e) < 0 ||
	    number(dash + 1, "--lines", 10000000, &b, e) < 0 ||
	    inspect_open(w->plain[0], w->lang, NULL, &now, e) < 0 ||
	    inspect_open(w->original, NULL, now, &was, e) < 0)
		return -e->code;
	return mutants_of(now, was, (unsigned)a, (unsigned)b, out, e);
}

static int run_weakening(const struct words *w, json_t **out, struct err *e)
{
	AUTO_SOURCE struct source *was = NULL, *now = NULL;

	if (w->n_plain != 2)
		return err_set(e, EINVAL, "weakening needs OLD NEW [--lang LANGUAGE]");
	if (inspect_open(w->plain[0], w->lang, NULL, &was, e) < 0 ||
	    inspect_open(w->plain[1], NULL, was, &now, e) < 0)
		return -e->code;
	return weakening_of(was, now, out, e);
}

static int run_outline(const struct words *w, json_t **out, struct err *e)
{
	AUTO_SOURCE struct source *s = NULL;

	if (w->n_plain != 1)
		return err_set(e, EINVAL, "outline needs FILE");
	if (inspect_open(w->plain[0], w->lang, NULL, &s, e) < 0)
		return -e->code;
	return outline_of(s, out, e);
}

static int run_variants(const struct words *w, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(INPUT_MAX);
	struct variants_request q = {
		.lang = w->lang, .framework = w->framework, .module = w->module, .out = w->out
	};
	struct jsonc *j = NULL;
	unsigned long long count = 24;
	int r;

	if (w->n_plain != 0 || !w->input || !w->lang || !w->out)
		return err_set(e, EINVAL, "variants needs --lang LANGUAGE --input FILE --out FILE");
	if ((w->seed && number(w->seed, "--seed", ~0ull, &q.seed, e) < 0) ||
	    (w->count && number(w->count, "--count", 200, &count, e) < 0) ||
	    file_read_at(AT_FDCWD, w->input, INPUT_MAX, &text, e) < 0 ||
	    jsonc_parse(w->input, text.p ? text.p : "", text.n, JSONC_STRICT, &j, e) < 0)
		return -e->code;
	q.count = (size_t)count;
	q.input = jsonc_root(j);
	r = variants_of(&q, out, e);
	jsonc_free(j);
	return r;
}

static const struct question {
	const char *name;
	int (*run)(const struct words *w, json_t **out, struct err *e);
} questions[] = {
	{ "mutants", run_mutants },
	{ "variants", run_variants },
	{ "weakening", run_weakening },
	{ "outline", run_outline },
};

int inspect_run(int argc, char **argv, FILE *out, struct err *e)
{
	struct words w = { 0 };
	AUTO_JSON json_t *doc = NULL;
	int r = words_read(argc, argv, &w, e);

	for (size_t i = 0; r == 0 && i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (strcmp(argv[0], questions[i].name) != 0)
			continue;
		r = questions[i].run(&w, &doc, e);
		if (r < 0)
			return err_wrap(e, "%s", argv[0]);
		if (json_dumpf(doc, out, JSON_COMPACT) < 0 || fputc('\n', out) == EOF ||
		    fflush(out) == EOF)
			return err_set(e, EIO, "the answer cannot be written");
		return 0;
	}
	return r < 0 ? r
		     : err_set(e, EINVAL,
			       "'%s' is not one of mutants, variants, weakening, outline", argv[0]);
}
