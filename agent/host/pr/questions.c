/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/pr/pr.h"

/*
 * What a reviewer must ask of this very diff.  Each row looks for a trait of
 * the added lines; at most four questions are asked, in the order of the
 * table.  The first one, intent, always is: no test can answer it.
 */
#define QUESTIONS_MAX 4

struct trait {
	const char *kind;
	const char *const *any; /* words of added lines; NULL-terminated; NULL: always */
	const char *text;
};

static const char *const catches[] = { "catch", "except", "rescue", NULL };
static const char *const null_words[] = { "null", "undefined", "None", "NULL", "nullptr", NULL };
static const char *const returns[] = { "return", NULL };
static const char *const loops[] = { "for (",	  "while (", ".map(", ".forEach(",
				     "maybeMap(", "for ",    NULL };
static const char *const trust[] = { "permission", "auth",     "token", "password", "escape",
				     "encode",	   "sanitize", "valid", NULL };

static const struct trait traits[] = {
	{ "Intent", NULL,
	  "is the result that the failing call now gives the one its callers want? The tests show "
	  "only that it no longer fails." },
	{ "Security", catches,
	  "can anyone who controls the input gain from an error that is now turned into a value?" },
	{ "Debt", null_words,
	  "should this value have been able to be empty here at all, or should its producer be "
	  "changed?" },
	{ "Security", trust,
	  "does the changed line still treat every input that it must escape or check?" },
	{ "Performance", loops, "the added code runs once an element: is the input bounded?" },
	{ "Roadmap", returns,
	  "is another change to this behaviour planned, so that an early return here would hide "
	  "it?" },
};

static bool added_line_has(const struct change *ch, const char *word)
{
	/* a word that the old text lacks, or has less often, is one that the change brings */
	size_t before = 0, after = 0;

	for (const char *p = ch->old_data; p && (p = strstr(p, word)); p++)
		before++;
	for (const char *p = ch->new_data; p && (p = strstr(p, word)); p++)
		after++;
	return after > before;
}

static bool applies(const struct trait *t, const struct changes *c)
{
	if (!t->any)
		return true;
	for (size_t i = 0; i < c->n; i++)
		for (const char *const *w = t->any; *w; w++)
			if (added_line_has(&c->v[i], *w))
				return true;
	return false;
}

static const char choice[] =
	"**Please decide:** another change passed the new test, too, and no test "
	"can tell which one is meant: ";

/* The one question that cannot wait until the end: which of two that hold. */
void pr_choice(const struct pr_input *in, struct buf *b)
{
	const json_t *agent = json_object_get(in->patch, "agent"), *c;
	size_t i;

	json_array_foreach(json_object_get(agent, "candidates"), i, c) {
		if (!json_is_true(json_object_get(c, "plausible")) || !*pr_str(c, "why_not"))
			continue;
		buf_puts(b, choice);
		pr_prose(b, agent, pr_str(c, "summary"));
		buf_puts(b, ".\n");
		return;
	}
}

void pr_questions(const struct pr_input *in, struct buf *b)
{
	size_t asked = 0;

	for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]) && asked < QUESTIONS_MAX; i++) {
		if (!applies(&traits[i], in->patch_changes))
			continue;
		buf_printf(b, "- [ ] %s: %s\n", traits[i].kind, traits[i].text);
		asked++;
	}
}

void pr_question_words(struct buf *b)
{
	buf_puts(b, choice);
	for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++)
		buf_printf(b, "%s %s ", traits[i].kind, traits[i].text);
}
