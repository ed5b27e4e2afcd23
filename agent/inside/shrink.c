/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/shrink.h"

#include <string.h>

#include "agent/inside/input.h"

/*
 * Theory of operation.  An input is edited on a deep copy by one edit at a
 * time: the question is asked, and the copy becomes the input when the answer
 * is yes.  Places are numbered in one fixed order (a walk over the document), so
 * an edit is named by the number of its place; after a yes the same number is
 * tried again, since what followed has moved up.
 */
enum visit { VISIT_ON, VISIT_DONE };

int shrink_ask(struct shrink *s, json_t **input, json_t *candidate, struct err *e)
{
	AUTO_FREE char *key = json_dumps(candidate, JSON_COMPACT);
	int r;

	if (!s->refused)
		s->refused = json_object();
	if (!key || !s->refused)
		return err_set(e, ENOMEM, "out of memory");
	if (s->budget == 0 || json_object_get(s->refused, key))
		return 0;
	s->budget--;
	r = s->still(s->arg, candidate, e);
	if (r == 1) {
		json_decref(*input);
		*input = json_incref(candidate);
	} else if (r == 0) {
		(void)json_object_set_new(s->refused, key, json_true());
	}
	return r;
}

void shrink_release(struct shrink *s)
{
	json_decref(s->refused);
	s->refused = NULL;
}

/* ---- removal ---- */

static enum visit remove_nth(json_t *v, size_t *n);

#define TEXT_LONG   80 /* bytes of a text that is worth cutting */
#define CHUNK_LEAST 4  /* members that are dropped at one time; below that one by one */

/* Halves, quarters and so on of a long array. */
static enum visit remove_chunk(json_t *v, size_t *n)
{
	const size_t all = json_array_size(v);

	for (size_t size = all / 2; size >= CHUNK_LEAST; size /= 2) {
		for (size_t at = 0; at + size <= all; at += size) {
			if ((*n)-- > 0)
				continue;
			for (size_t i = 0; i < size; i++)
				(void)json_array_remove(v, at);
			return VISIT_DONE;
		}
	}
	return VISIT_ON;
}

/* The nearest place at or before `at` where a character of UTF-8 begins. */
static size_t boundary(const char *s, size_t at)
{
	while (at > 0 && ((unsigned char)s[at] & 0xc0) == 0x80)
		at--;
	return at;
}

/* Halves, quarters and so on of a long text: a short one is readable as it is. */
static enum visit remove_from_text(json_t *v, size_t *n)
{
	const char *s = json_string_value(v);
	const size_t all = json_string_length(v);

	for (size_t size = all >= TEXT_LONG ? all / 2 : 0; size >= TEXT_LONG / 4; size /= 2) {
		for (size_t at = 0; at < all; at += size) {
			AUTO_BUF struct buf text = BUF_INIT(1u << 20);
			const size_t from = boundary(s, at);
			const size_t to = boundary(s, at + size < all ? at + size : all);

			if ((*n)-- > 0)
				continue;
			buf_put(&text, s, from);
			buf_put(&text, s + to, all - to);
			(void)json_string_setn(v, text.p ? text.p : "", text.n);
			return VISIT_DONE;
		}
	}
	return VISIT_ON;
}

static enum visit remove_from_array(json_t *v, size_t *n)
{
	if (remove_chunk(v, n) == VISIT_DONE)
		return VISIT_DONE;
	for (size_t i = json_array_size(v); i-- > 0;) {
		if ((*n)-- == 0) {
			(void)json_array_remove(v, i);
			return VISIT_DONE;
		}
	}
	for (size_t i = 0; i < json_array_size(v); i++)
		if (remove_nth(json_array_get(v, i), n) == VISIT_DONE)
			return VISIT_DONE;
	return VISIT_ON;
}

static enum visit remove_from_object(json_t *v, size_t *n)
{
	const char *key;
	json_t *member;

	json_object_foreach(v, key, member) {
		if ((*n)-- == 0) {
			(void)json_object_del(v, key);
			return VISIT_DONE;
		}
	}
	json_object_foreach(v, key, member)
		if (remove_nth(member, n) == VISIT_DONE)
			return VISIT_DONE;
	return VISIT_ON;
}

/* Removes the nth removable thing below v; VISIT_ON: there are fewer, and *n counts down. */
static enum visit remove_nth(json_t *v, size_t *n)
{
	const char *text = NULL;

	if (value_kind(v, &text) != VALUE_PLAIN)
		return VISIT_ON;
	if (json_is_string(v))
		return remove_from_text(v, n);
	if (json_is_array(v))
		return remove_from_array(v, n);
	return json_is_object(v) ? remove_from_object(v, n) : VISIT_ON;
}

static bool is_used(const json_t *steps, size_t from, const char *name)
{
	char quoted[300];
	AUTO_FREE char *text = NULL;

	(void)snprintf(quoted, sizeof(quoted), "\"$%s\"", name);
	for (size_t i = from; i < json_array_size(steps); i++) {
		free(text);
		text = json_dumps(json_array_get(steps, i), JSON_COMPACT);
		if (!text || strstr(text, quoted))
			return true;
	}
	return false;
}

/* A step may go when nothing after it names its value; never the last one, which fails. */
static enum visit remove_step(json_t *steps, size_t *n)
{
	for (size_t i = json_array_size(steps); i-- > 1;) {
		const json_t *step = json_array_get(steps, i - 1);
		const char *let = json_string_value(json_object_get(step, "let"));

		if (let && is_used(steps, i, let))
			continue;
		if ((*n)-- == 0) {
			(void)json_array_remove(steps, i - 1);
			return VISIT_DONE;
		}
	}
	return VISIT_ON;
}

static enum visit remove_below(json_t *args, size_t *n)
{
	json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg)
		if (remove_nth(arg, n) == VISIT_DONE)
			return VISIT_DONE;
	return VISIT_ON;
}

static enum visit remove_anywhere(json_t *input, bool fixed, size_t n)
{
	json_t *steps = json_object_get(input, "script"), *step;
	json_t *command = json_object_get(input, "command");
	size_t i;

	if (remove_step(steps, &n) == VISIT_DONE)
		return VISIT_DONE;
	json_array_foreach(steps, i, step) {
		json_t *args = json_object_get(step, "args");
		const bool whole = fixed || json_is_true(json_object_get(step, "request"));

		if ((whole ? remove_below(args, &n) : remove_nth(args, &n)) == VISIT_DONE ||
		    remove_nth(json_object_get(step, "kwargs"), &n) == VISIT_DONE)
			return VISIT_DONE;
	}
	if (command && json_object_get(command, "stdin") &&
	    remove_nth(json_object_get(command, "stdin"), &n) == VISIT_DONE)
		return VISIT_DONE;
	return remove_nth(json_object_get(command, "files"), &n);
}

static int removal_pass(struct shrink *s, json_t **input, bool *changed, struct err *e)
{
	for (size_t n = 0; s->budget > 0;) {
		AUTO_JSON json_t *candidate = json_deep_copy(*input);
		int r;

		if (!candidate)
			return err_set(e, ENOMEM, "out of memory");
		if (remove_anywhere(candidate, s->fixed, n) == VISIT_ON)
			return 0;
		r = shrink_ask(s, input, candidate, e);
		if (r < 0)
			return r;
		if (r == 1)
			*changed = true;
		else
			n++;
	}
	return 0;
}

int shrink_input(struct shrink *s, json_t **input, struct err *e)
{
	bool changed = true;
	int r = 0;

	while (changed && r == 0) {
		changed = false;
		r = removal_pass(s, input, &changed, e);
	}
	return r;
}
