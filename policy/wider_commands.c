/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "policy/wider_impl.h"
#include "runtime/base/buf.h"

/*
 * Commands are begun word by word, breadth first.  A word that no rule names
 * is like any other such word, and two beginnings that leave the same rules
 * open and have met the same decisions have the same futures: so each is
 * looked at once, and the walk ends.
 */
#define WORDS_MAX  64
#define NODES_MAX  50000
#define OTHER_SIZE 600 /* bytes: one for each rule */

struct begun {
	size_t parent; /* index + 1; 0: the empty command */
	const char *word;
};

struct walk {
	const struct comparison *c;
	struct begun *v;
	size_t n, cap;
	json_t *seen;
	char other[OTHER_SIZE]; /* a word that no rule names */
};

typedef void rule_fn(void *ctx, const struct command_rule *r, size_t source);

static void each_rule(const struct comparison *c, rule_fn *fn, void *ctx)
{
	const struct policy *const both[] = { c->a, c->b };

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < both[k]->n; i++)
			for (size_t j = 0; j < both[k]->v[i]->doc.commands.n; j++)
				fn(ctx, OBJ(struct command_rule, both[k]->v[i]->doc.commands, j),
				   k * 64 + i);
}

static size_t argv_of(const struct walk *w, size_t node, const char **argv)
{
	const char *back[WORDS_MAX];
	size_t n = 0;

	for (; node; node = w->v[node - 1].parent)
		back[n++] = w->v[node - 1].word;
	for (size_t i = 0; i < n; i++)
		argv[i] = back[n - 1 - i];
	return n;
}

/* The rule's words agree with a command that goes no further than the rule does. */
static bool is_open(const struct command_rule *r, const char *const *argv, size_t n)
{
	if (n >= r->argv.n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strlist_has(&OBJ(struct command_word, r->argv, i)->any, argv[i]))
			return false;
	return true;
}

struct state {
	const char *const *argv;
	size_t n;
	struct buf key;
	int met[128]; /* the strictest decision of each source, -1: none */
};

static void note_rule(void *ctx, const struct command_rule *r, size_t source)
{
	struct state *const s = ctx;

	buf_putc(&s->key, is_open(r, s->argv, s->n) ? '1' : '0');
	if (command_matches(r, s->argv, s->n) &&
	    (s->met[source] < 0 || r->decision < s->met[source]))
		s->met[source] = r->decision;
}

static int key_of(const struct walk *w, const char *const *argv, size_t n, struct buf *out)
{
	struct state s = { .argv = argv, .n = n, .key = BUF_INIT(64u << 10) };

	memset(s.met, -1, sizeof(s.met));
	each_rule(w->c, note_rule, &s);
	buf_putc(&s.key, n ? '+' : '-');
	for (size_t i = 0; i < sizeof(s.met) / sizeof(s.met[0]); i++)
		buf_putc(&s.key, (char)('b' + s.met[i]));
	*out = s.key;
	return out->failed ? -ENOMEM : 0;
}

static int push(struct walk *w, size_t parent, const char *word)
{
	if (w->n == NODES_MAX)
		return -E2BIG;
	if (w->n == w->cap) {
		const size_t cap = w->cap ? 2 * w->cap : 256;
		struct begun *const v = reallocarray(w->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		w->v = v;
		w->cap = cap;
	}
	w->v[w->n++] = (struct begun){ .parent = parent, .word = word };
	return 0;
}

struct next {
	struct walk *w;
	const char **argv;
	size_t n, parent;
	int r;
};

static void try_word(struct next *x, const char *word)
{
	AUTO_BUF struct buf key = BUF_INIT(0);

	if (x->r < 0)
		return;
	x->argv[x->n] = word;
	x->r = key_of(x->w, x->argv, x->n + 1, &key);
	if (x->r < 0 || json_object_get(x->w->seen, key.p))
		return;
	if (json_object_set_new(x->w->seen, key.p, json_true()) < 0)
		x->r = -ENOMEM;
	else
		x->r = push(x->w, x->parent, word);
}

static void try_words(void *ctx, const struct command_rule *r, size_t source)
{
	struct next *const x = ctx;

	(void)source;
	if (!is_open(r, x->argv, x->n))
		return;
	for (size_t i = 0; i < OBJ(struct command_word, r->argv, x->n)->any.n; i++)
		try_word(x, OBJ(struct command_word, r->argv, x->n)->any.v[i]);
}

static int begin_longer(struct walk *w, size_t node)
{
	const char *argv[WORDS_MAX + 1];
	struct next x = { .w = w, .argv = argv, .parent = node };

	x.n = argv_of(w, node, argv);
	if (x.n == WORDS_MAX)
		return 0;
	each_rule(w->c, try_words, &x);
	try_word(&x, w->other);
	return x.r;
}

static int compare_command(const struct walk *w, size_t node, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(64u << 10);
	struct policy_verdict in_a, in_b;
	const char *argv[WORDS_MAX];
	const size_t n = argv_of(w, node, argv);

	commands_ask(w->c->a, argv, n, &in_a);
	commands_ask(w->c->b, argv, n, &in_b);
	if (wider_rank(&in_b) <= wider_rank(&in_a))
		return 0;
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", argv[i]);
	if (buf_check(&text, "a command", e) < 0)
		return -e->code;
	return wider_verdicts(w->c, e, "run", text.p, &in_a, &in_b) < 0 ? -e->code : 1;
}

/* Longer by one '-' where a rule knows the word. */
static void avoid_words(void *ctx, const struct command_rule *r, size_t source)
{
	char *const other = ctx;

	(void)source;
	for (size_t i = 0; i < r->argv.n; i++) {
		const size_t n = strlen(other);

		if (n + 2 > OTHER_SIZE ||
		    !strlist_has(&OBJ(struct command_word, r->argv, i)->any, other))
			continue;
		other[n] = '-';
		other[n + 1] = '\0';
	}
}

int wider_commands(const struct comparison *c, struct err *e)
{
	struct walk w = { .c = c, .other = "another", .seen = json_object() };
	int r = w.seen ? 0 : -ENOMEM;
	size_t n;

	do {
		n = strlen(w.other);
		each_rule(c, avoid_words, w.other);
	} while (strlen(w.other) != n);
	if (r == 0)
		r = begin_longer(&w, 0);
	for (size_t i = 1; r == 0 && i <= w.n; i++) {
		const int found = compare_command(&w, i, e);

		if (found != 0) {
			r = found;
			break;
		}
		r = begin_longer(&w, i);
	}
	json_decref(w.seen);
	free(w.v);
	if (r < 0 && e->code == 0)
		return err_set(e, -r, "comparing commands: %s",
			       r == -E2BIG ? "the rules are too many to compare exactly"
					   : "out of memory");
	return r < 0 ? r : 0;
}
