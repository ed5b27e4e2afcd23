/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/inside/shrink.h"

/*
 * Theory of operation.  Every string, number and key of an input is a place;
 * they are numbered in one fixed order.  A place whose value the repository does
 * not have is given simpler synthetic values until the question says yes.  A
 * word that several places share is renamed in all of them at once (rename.c).
 */
enum visit { VISIT_ON, VISIT_DONE };

struct place {
	json_t *parent;	 /* array or object */
	const char *key; /* object member, borrowed */
	size_t index;
	bool is_key; /* the name of the member, not its value */
};

struct hunt {
	size_t wanted; /* counts down to the place that is looked for */
	struct place found;
	struct buf *pointer; /* of the walk so far */
};

static enum visit hunt_in(struct hunt *h, json_t *v);

static enum visit hunt_here(struct hunt *h, const struct place *p)
{
	if (h->wanted-- > 0)
		return VISIT_ON;
	h->found = *p;
	return VISIT_DONE;
}

static enum visit hunt_array(struct hunt *h, json_t *v)
{
	const size_t mark = h->pointer->n;

	for (size_t i = 0; i < json_array_size(v); i++) {
		const struct place p = { .parent = v, .index = i };

		h->pointer->n = mark;
		buf_printf(h->pointer, "/%zu", i);
		if (hunt_here(h, &p) == VISIT_DONE ||
		    hunt_in(h, json_array_get(v, i)) == VISIT_DONE)
			return VISIT_DONE;
	}
	h->pointer->n = mark;
	return VISIT_ON;
}

static enum visit hunt_object(struct hunt *h, json_t *v)
{
	const size_t mark = h->pointer->n;
	const char *key;
	json_t *member;

	json_object_foreach(v, key, member) {
		const struct place name = { .parent = v, .key = key, .is_key = true };
		const struct place value = { .parent = v, .key = key };

		h->pointer->n = mark;
		buf_printf(h->pointer, "/%s", key);
		if (hunt_here(h, &name) == VISIT_DONE || hunt_here(h, &value) == VISIT_DONE ||
		    hunt_in(h, member) == VISIT_DONE)
			return VISIT_DONE;
	}
	h->pointer->n = mark;
	return VISIT_ON;
}

static enum visit hunt_in(struct hunt *h, json_t *v)
{
	const char *text = NULL;
	const enum value_kind kind = value_kind(v, &text);

	if (kind != VALUE_PLAIN && kind != VALUE_BIGINT && kind != VALUE_DATE &&
	    kind != VALUE_BYTES)
		return VISIT_ON;
	if (json_is_array(v))
		return hunt_array(h, v);
	return json_is_object(v) ? hunt_object(h, v) : VISIT_ON;
}

static enum visit hunt_input(struct hunt *h, json_t *input)
{
	json_t *steps = json_object_get(input, "script"), *step;
	json_t *command = json_object_get(input, "command");
	json_t *argv = json_object_get(command, "argv");
	const struct place input_text = { .parent = command, .key = "stdin" };
	size_t i;

	json_array_foreach(steps, i, step) {
		buf_reset(h->pointer);
		buf_printf(h->pointer, "/script/%zu", i);
		if (hunt_in(h, json_object_get(step, "args")) == VISIT_DONE ||
		    hunt_in(h, json_object_get(step, "kwargs")) == VISIT_DONE)
			return VISIT_DONE;
	}
	for (i = 1; i < json_array_size(argv);
	     i++) { /* the program itself is named by the service */
		const struct place p = { .parent = argv, .index = i };

		buf_reset(h->pointer);
		buf_printf(h->pointer, "/command/argv/%zu", i);
		if (hunt_here(h, &p) == VISIT_DONE)
			return VISIT_DONE;
	}
	buf_reset(h->pointer);
	buf_puts(h->pointer, "/command/stdin");
	if (json_object_get(command, "stdin") && hunt_here(h, &input_text) == VISIT_DONE)
		return VISIT_DONE;
	buf_reset(h->pointer);
	buf_puts(h->pointer, "/command/files");
	return hunt_in(h, json_object_get(command, "files"));
}

static const char *place_text(const struct place *p)
{
	if (p->is_key)
		return p->key;
	return json_string_value(p->key ? json_object_get(p->parent, p->key)
					: json_array_get(p->parent, p->index));
}

/* Keeps the members in their order: a renamed member stays where it was. */
static void rename_key(json_t *object, const char *from, const char *to)
{
	AUTO_JSON json_t *copy = json_copy(object);
	AUTO_FREE char *name = strdup(from); /* it may be the object's own key */
	const char *key;
	json_t *member;

	if (!copy || !name)
		return;
	(void)json_object_clear(object);
	json_object_foreach(copy, key, member)
		(void)json_object_set(object, strcmp(key, name) == 0 ? to : key, member);
}

static void place_set(const struct place *p, json_t *value)
{
	if (p->is_key)
		rename_key(p->parent, p->key, json_string_value(value));
	else if (p->key)
		(void)json_object_set(p->parent, p->key, value);
	else
		(void)json_array_set(p->parent, p->index, value);
}

static bool starts_number(const char *s)
{
	return isdigit((unsigned char)*s);
}

static size_t number_length(const char *s)
{
	size_t n = 0;

	while (isdigit((unsigned char)s[n]) || s[n] == '.' ||
	       ((s[n] == 'e' || s[n] == 'E') &&
		(isdigit((unsigned char)s[n + 1]) || s[n + 1] == '-' || s[n + 1] == '+')) ||
	       ((s[n] == '-' || s[n] == '+') && n > 0 && strchr("eE", s[n - 1])))
		n++;
	return n;
}

/*
 * The same shape without the content: words that the repository does not use
 * become a, b, c...; digits of numbers become 9, which keeps their magnitude;
 * punctuation and space are structure and stay.
 */
static void synthetic_text(const struct corpus *repo, const char *s, struct buf *out)
{
	unsigned words = 0;

	while (*s) {
		size_t n = 1;

		if (starts_number(s)) {
			n = number_length(s);
			for (size_t i = 0; i < n; i++)
				buf_putc(out, isdigit((unsigned char)s[i]) ? '9' : s[i]);
		} else if (shrink_word_length(s) > 0) {
			n = shrink_word_length(s);
			if (n == 1 || corpus_has_word(repo, s, n))
				buf_put(out, s, n);
			else
				buf_putc(out, (char)('a' + words++ % 26));
		} else {
			buf_putc(out, *s);
		}
		s += n;
	}
}

/* A value of a person, wherever it stands by now: one letter or digit is nobody's. */
static bool is_personal(const struct shrink *s, const struct place *p)
{
	const json_t *v =
		p->key ? json_object_get(p->parent, p->key) : json_array_get(p->parent, p->index);
	const char *text = place_text(p);
	const json_t *one;
	size_t i;

	json_array_foreach(s->personal, i, one) {
		if (text ? json_is_string(one) && text[0] && text[1] &&
				    strcmp(text, json_string_value(one)) == 0
			 : json_is_number(v) && json_equal(v, one) &&
				    (json_number_value(v) >= 10 || json_number_value(v) <= -10))
			return true;
	}
	return false;
}

/* Does this value stand in the repository, or is it structure (0, 1, -1, a single letter)? */
static bool is_known(const struct corpus *repo, const struct place *p)
{
	const json_t *v =
		p->key ? json_object_get(p->parent, p->key) : json_array_get(p->parent, p->index);
	const char *text = place_text(p), *name = NULL;
	AUTO_BUF struct buf same = BUF_INIT(1u << 20);

	if (!p->is_key && json_is_integer(v)) {
		char digits[32];
		const json_int_t i = json_integer_value(v);

		(void)snprintf(digits, sizeof(digits), "%lld", i < 0 ? -i : i);
		return (i >= -1 && i <= 1) || corpus_has_word(repo, digits, strlen(digits));
	}
	if (!p->is_key && json_is_real(v))
		return false;
	if (!text || !text[0] || !text[1] ||
	    (p->is_key && value_kind(p->parent, &name) != VALUE_PLAIN) ||
	    (!p->is_key && value_kind(v, &name) == VALUE_NAME))
		return true;
	if (input_is_protocol(text, p->is_key))
		return true;
	synthetic_text(repo, text, &same);
	return strcmp(same.p ? same.p : "", text) == 0 || corpus_has(repo, text, strlen(text));
}

/* For the payload of {"$date"} and the like, which has a form of its own. */
static const char *typed_stand_in(const struct place *p)
{
	if (!p->key || p->is_key)
		return NULL;
	if (strcmp(p->key, "$date") == 0)
		return "2000-01-01T00:00:00Z";
	if (strcmp(p->key, "$bytes") == 0)
		return "00ff";
	return strcmp(p->key, "$bigint") == 0 ? "1" : NULL;
}

static json_t *synthetic_string(const struct corpus *repo, const char *text, unsigned nth)
{
	AUTO_BUF struct buf out = BUF_INIT(1u << 20);

	if (nth == 0)
		return json_string("a");
	if (nth > 1)
		return NULL;
	synthetic_text(repo, text, &out);
	return strcmp(out.p ? out.p : "", text) == 0 ? NULL : json_stringn(out.p, out.n);
}

static json_t *synthetic_integer(json_int_t i, unsigned nth)
{
	json_int_t nines = 9;

	while (nines < i / 10 || (i < 0 && nines < -(i / 10)))
		nines = nines * 10 + 9;
	if (nth == 0)
		return json_integer(i < 0 ? -1 : 1);
	return nth == 1 ? json_integer(i < 0 ? -nines : nines) : NULL;
}

/* The nth synthetic value to try for a place, simplest first; NULL: no more. */
static json_t *synthetic(const struct corpus *repo, const struct place *p, unsigned nth)
{
	const json_t *v =
		p->key ? json_object_get(p->parent, p->key) : json_array_get(p->parent, p->index);
	const char *text = place_text(p), *typed = typed_stand_in(p);

	if (text && typed)
		return nth == 0 ? json_string(typed) : NULL;
	if (text)
		return synthetic_string(repo, text, nth);
	if (json_is_integer(v))
		return synthetic_integer(json_integer_value(v), nth);
	if (json_is_real(v) && nth == 0)
		return json_real(json_real_value(v) < 0 ? -0.5 : 0.5);
	return NULL;
}

/* Edits a copy at the nth place and asks; 1: replaced, 0: nothing worked. */
static int replace_place(struct shrink *s, const struct corpus *repo, json_t **input, size_t n,
			 struct err *e)
{
	for (unsigned nth = 0;; nth++) {
		AUTO_JSON json_t *candidate = json_deep_copy(*input);
		AUTO_BUF struct buf pointer = BUF_INIT(1u << 16);
		struct hunt h = { .wanted = n, .pointer = &pointer };
		AUTO_JSON json_t *value = NULL;
		bool personal;
		int r;

		if (!candidate)
			return err_set(e, ENOMEM, "out of memory");
		if (hunt_input(&h, candidate) != VISIT_DONE)
			return 0;
		personal = is_personal(s, &h.found);
		if (personal && nth > 0)
			return 0;
		value = synthetic(repo, &h.found, nth);
		if (!value) {
			AUTO_FREE char *text =
				strdup(place_text(&h.found) ? place_text(&h.found) : "");

			return text ? shrink_rename(s, repo, input, text, e)
				    : err_set(e, ENOMEM, "out of memory");
		}
		if (h.found.is_key && json_object_get(h.found.parent, json_string_value(value)))
			continue;
		place_set(&h.found, value);
		r = shrink_ask(s, input, candidate, e);
		if (r != 0)
			return r;
	}
}

int shrink_synthesise(struct shrink *s, const struct corpus *repo, json_t **input, struct buf *kept,
		      struct err *e)
{
	for (size_t n = 0;; n++) {
		AUTO_BUF struct buf pointer = BUF_INIT(1u << 16);
		struct hunt h = { .wanted = n, .pointer = &pointer };
		int r;

		if (hunt_input(&h, *input) != VISIT_DONE)
			return 0;
		if (!is_personal(s, &h.found) && is_known(repo, &h.found))
			continue;
		r = replace_place(s, repo, input, n, e);
		if (r < 0)
			return r;
		if (r == 0 && kept->n == 0)
			buf_puts(kept, pointer.p);
	}
}
