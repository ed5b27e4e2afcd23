/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/values.h"
#include "agent/host/incident/values_impl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/percent.h"

/*
 * Theory of operation.  A text is a value as a whole, by its parts without
 * space, and by its words: an agent that copies only the name out of a message
 * has copied a value.  Words of fewer than three letters, numbers of fewer than
 * four digits and words that any program uses are structure.  What of the rest
 * stands in the repository is learned later, when its commit is known.
 */
#define WORD_LEAST   3
#define DIGITS_LEAST 5 /* of a number within a text; as a value of its own four are enough */
#define DEPTH_MAX    64
#define APART	     " \t\n\r\"'`()[]{}<>,;" /* between the parts of a text */

struct collect {
	struct redact *r;
	unsigned flags;
	struct err *e;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return n > 0;
}

static bool has_word(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_word(s[i]))
			return true;
	return false;
}

static int add(struct collect *c, const char *s, size_t n)
{
	return redact_add(c->r, s, n, c->flags, c->e);
}

static int add_word(struct collect *c, const char *s, size_t n)
{
	const bool personal = c->flags & REDACT_PERSONAL;

	if (all_digits(s, n) ? n < DIGITS_LEAST && !personal : n < WORD_LEAST && !personal)
		return 0;
	return word_is_common(s, n) ? 0 : add(c, s, n);
}

/* Nothing in it but words that any program says, and small numbers. */
static bool says_nothing(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t m = 0;

		while (i + m < n && is_word(s[i + m]))
			m++;
		if (m > 1 && !(all_digits(s + i, m) && m < 4) && !word_is_common(s + i, m))
			return false;
		i += m ? m : 1;
	}
	return true;
}

static size_t count_digits(const char *s, size_t n)
{
	size_t digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += isdigit((unsigned char)s[i]) != 0;
	return digits;
}

/* As a whole or as a part without space: nothing new where it is one word. */
static int add_part(struct collect *c, const char *s, size_t n)
{
	size_t word = 0;

	while (word < n && is_word(s[word]))
		word++;
	if (n < WORD_LEAST || word == n || !has_word(s, n))
		return 0;
	if (!(c->flags & REDACT_PERSONAL) && says_nothing(s, n) && count_digits(s, n) < 4)
		return 0;
	return add(c, s, n);
}

static int collect_plain(struct collect *c, const char *s, size_t n)
{
	int k = add_part(c, s, n);

	for (size_t i = 0; k == 0 && i < n;) { /* parts */
		size_t m = 0;

		while (i + m < n && s[i + m] && !strchr(APART, s[i + m]))
			m++;
		if (m && m < n)
			k = add_part(c, s + i, m);
		i += m ? m : 1;
	}
	for (size_t i = 0; k == 0 && i < n;) { /* words */
		size_t m = 0;

		while (i + m < n && is_word(s[i + m]))
			m++;
		if (m)
			k = add_word(c, s + i, m);
		i += m ? m : 1;
	}
	return k;
}

/* "Jean%20Dupont" has "20Dupont" for a word: what a program reads in it is learned, too. */
static int collect_text(struct collect *c, const char *s, size_t n)
{
	AUTO_BUF struct buf text = BUF_INIT(n);
	int k = collect_plain(c, s, n);

	if (k < 0 || !n || !memchr(s, '%', n))
		return k;
	percent_decode(s, n, true, &text);
	k = buf_check(&text, "an encoded text", c->e);
	return k < 0 ? k : collect_plain(c, text.p, text.n);
}

static int collect_string(struct collect *c, const char *s)
{
	return s ? collect_text(c, s, strlen(s)) : 0;
}

/* As programs write it. */
static int collect_real(struct collect *c, double v)
{
	char text[3][400];
	int k = 0;

	v = v < 0 ? -v : v;
	(void)snprintf(text[0], sizeof(text[0]), "%.15g", v);
	(void)snprintf(text[1], sizeof(text[1]), "%.17g", v);
	(void)snprintf(text[2], sizeof(text[2]), "%.2f", v);
	for (size_t i = 0; k == 0 && i < 3; i++) {
		size_t digits = 0;

		for (const char *p = text[i]; *p; p++)
			digits += isdigit((unsigned char)*p) != 0;
		if (digits >= 4 && strchr(text[i], '.'))
			k = add(c, text[i], strlen(text[i]));
	}
	if (k == 0 && v < 9e18 && v >= 1000)
		k = redact_add_integer(c->r, (long long)v, c->flags, c->e);
	return k;
}

static int collect_json(struct collect *c, const json_t *v, unsigned depth)
{
	const char *key;
	json_t *member;
	size_t i;
	int k = 0;

	if (depth > DEPTH_MAX)
		return err_set(c->e, E2BIG, "values nested deeper than %d", DEPTH_MAX);
	if (json_is_string(v))
		return collect_text(c, json_string_value(v), json_string_length(v));
	if (json_is_integer(v))
		return redact_add_integer(c->r, json_integer_value(v), c->flags, c->e);
	if (json_is_real(v))
		return collect_real(c, json_real_value(v));
	json_array_foreach(v, i, member) {
		k = collect_json(c, member, depth + 1);
		if (k < 0)
			return k;
	}
	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		k = collect_string(c, key);
		if (k == 0)
			k = collect_json(c, member, depth + 1);
		if (k < 0)
			return k;
	}
	return k;
}

/* ---- input ---- */

/* Of a call or a step: what it is given; what it calls has the name that the repository gives it.
 */
static int collect_call(struct collect *c, const json_t *call, unsigned depth)
{
	const json_t *receiver = json_object_get(call, "receiver");
	int k = collect_json(c, json_object_get(call, "args"), 0);

	if (k == 0)
		k = collect_json(c, json_object_get(call, "kwargs"), 0);
	if (k == 0 && json_is_object(receiver) && depth < 8)
		k = collect_call(c, receiver, depth + 1);
	return k;
}

static int collect_command(struct collect *c, const json_t *command)
{
	const json_t *argv = json_object_get(command, "argv");
	int k = collect_json(c, json_object_get(command, "stdin"), 0);

	for (size_t i = 1; k == 0 && i < json_array_size(argv); i++)
		k = collect_json(c, json_array_get(argv, i), 0);
	return k < 0 ? k : collect_json(c, json_object_get(command, "files"), 0);
}

static bool is_header(const json_t *pair, const char *name)
{
	const char *own = json_string_value(json_array_get(pair, 0));

	return json_array_size(pair) == 2 && own && strcasecmp(own, name) == 0;
}

/* Of a request: what it is called by has the protocol's names. */
static int collect_http(struct collect *c, const json_t *http)
{
	static const char *const whole[] = { "url", "path", "query", "body" };
	const char *key;
	json_t *v;
	size_t i;
	int k = 0;

	for (i = 0; k == 0 && i < sizeof(whole) / sizeof(whole[0]); i++)
		k = collect_json(c, json_object_get(http, whole[i]), 0);
	json_object_foreach(json_object_get(http, "headers"), key, v)
		if (k == 0 && strcasecmp(key, "content-type") != 0)
			k = collect_json(c, v, 0);
	json_array_foreach(json_object_get(http, "headers"), i, v)
		if (k == 0 && !is_header(v, "content-type"))
			k = collect_json(c, json_array_size(v) == 2 ? json_array_get(v, 1) : v, 0);
	return k;
}

static int collect_input(struct collect *c, const json_t *input)
{
	static const char *const whole[] = { "datagram", "state", "flags" };
	const json_t *steps = json_object_get(input, "script");
	int k = collect_http(c, json_object_get(input, "http"));

	for (size_t i = 0; k == 0 && i < sizeof(whole) / sizeof(whole[0]); i++)
		k = collect_json(c, json_object_get(input, whole[i]), 0);
	for (size_t i = 0; k == 0 && i < json_array_size(steps); i++)
		k = collect_call(c, json_array_get(steps, i), 0);
	if (k == 0)
		k = collect_call(c, json_object_get(input, "call"), 0);
	return k < 0 ? k : collect_command(c, json_object_get(input, "command"));
}

/* A JSON pointer (RFC 6901) into the input; NULL: it leads nowhere. */
static const json_t *pointed(const json_t *v, const char *pointer)
{
	AUTO_FREE char *copy = strdup(pointer);
	char *save = NULL;

	for (char *p = copy ? strtok_r(copy, "/", &save) : NULL; p && v;
	     p = strtok_r(NULL, "/", &save)) {
		char *to = p;

		for (const char *s = p; *s; s++) {
			if (*s == '~' && (s[1] == '0' || s[1] == '1'))
				*to++ = *++s == '0' ? '~' : '/';
			else
				*to++ = *s;
		}
		*to = '\0';
		v = json_is_array(v) ? json_array_get(v, strtoul(p, NULL, 10))
				     : json_object_get(v, p);
	}
	return copy ? v : NULL;
}

/* "/input/call/args/0" and "/call/args/0" mean the same. */
const json_t *values_personal(const struct incident *in, const char *pointer)
{
	const json_t *v = pointed(in->input, pointer);

	if (!v && strncmp(pointer, "/input/", 7) == 0)
		v = pointed(in->input, pointer + 6);
	return v;
}

/* ---- the rest ---- */

/* A path that is not the repository's: the names in it may be people's. */
static int collect_path(struct collect *c, const char *path)
{
	int k = 0;

	if (!path || strncmp(path, "node:", 5) == 0 || path[0] == '<' ||
	    strncmp(path, "/usr/lib", 8) == 0)
		return 0;
	while (k == 0 && *path) {
		const size_t n = strcspn(path, "/\\");

		if (n >= WORD_LEAST && !word_is_common(path, n))
			k = add(c, path, n);
		path += n + (path[n] != '\0');
	}
	return k;
}

static int collect_chain(struct collect *c, const struct incident *in)
{
	const struct exception *x = in->chain.v;
	int k = 0;

	for (size_t i = 0; k == 0 && i < in->chain.n; i++) {
		const struct frame *f = x[i].frames.v;

		k = collect_string(c, x[i].message);
		for (size_t n = 0; k == 0 && n < x[i].frames.n; n++) {
			k = collect_json(c, f[n].vars, 0);
			if (k == 0 && !f[n].in_app)
				k = collect_path(c, f[n].file);
		}
	}
	return k;
}

/* Other stacks: their frames are told from values by their shape. */
static int collect_threads(struct collect *c, const json_t *threads)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < json_array_size(threads); i++) {
		AUTO_JSON json_t *rest = json_copy(json_array_get(threads, i));
		const json_t *frames = json_object_get(rest, "frames");

		for (size_t n = 0; k == 0 && n < json_array_size(frames); n++) {
			const json_t *f = json_array_get(frames, n);

			k = collect_path(c, json_string_value(json_object_get(f, "file")));
			if (k == 0)
				k = collect_json(c, json_object_get(f, "vars"), 0);
		}
		if (json_is_object(rest) && json_is_array(frames))
			(void)json_object_del(rest, "frames");
		if (k == 0)
			k = collect_json(c, rest, 0);
	}
	return k;
}

int values_collect(const struct incident *i, struct redact *r, struct err *e)
{
	struct collect c = { .r = r, .e = e };
	const json_t *const more[] = { i->metrics, i->breadcrumbs, i->signal, i->source,
				       i->runtime };
	const char *const names[] = { i->environment, i->deploy.release, i->deploy.image,
				      i->deploy.known };
	int k = collect_chain(&c, i);

	if (k == 0)
		k = collect_input(&c, i->input);
	if (k == 0)
		k = collect_threads(&c, i->threads);
	for (size_t n = 0; k == 0 && n < sizeof(more) / sizeof(more[0]); n++)
		k = collect_json(&c, more[n], 0);
	for (size_t n = 0; k == 0 && n < sizeof(names) / sizeof(names[0]); n++)
		k = collect_string(&c, names[n]);
	c.flags = REDACT_PERSONAL;
	for (size_t n = 0; k == 0 && n < i->personal.n; n++)
		k = collect_json(&c, values_personal(i, i->personal.v[n]), 0);
	return k;
}

/* ---- masks ---- */

/* No value that was not learned elsewhere; what cannot be looked through is one. */
static bool is_known(const struct redact *r, const char *s, size_t n)
{
	struct err ignored = ERR_INIT;
	struct redact_hit hit;

	return redact_find(r, true, s, n, &hit, &ignored) == 0;
}

int values_template(const char *text, struct buf *out)
{
	return values_words(NULL, text, out);
}

int values_words(const struct redact *known, const char *text, struct buf *out)
{
	for (const char *s = text; *s;) {
		size_t n = strcspn(s, APART), end = n;

		while (end && strchr(".:!?", s[end - 1]))
			end--;
		if (says_nothing(s, end) || (known && is_known(known, s, end)))
			buf_put(out, s, end);
		else
			buf_puts(out, REDACT_MASK);
		buf_put(out, s + end, n - end);
		s += n;
		if (*s)
			buf_putc(out, (unsigned char)*s < ' ' ? ' ' : *s);
		s += *s != '\0';
	}
	return out->failed ? -out->failed : 0;
}

static json_t *mask_text(const struct redact *r, const char *s, size_t n, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(2u * REDACT_TEXT_MAX);

	if (redact_mask(r, true, s, n, &out, NULL, e) < 0)
		return NULL;
	return json_stringn(out.p ? out.p : "", out.n);
}

static json_t *mask_object(const struct redact *r, const json_t *v, struct err *e)
{
	json_t *copy = json_object(), *member;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		AUTO_JSON json_t *name = word_is_common(key, strlen(key))
						 ? json_string(key)
						 : mask_text(r, key, strlen(key), e);

		if (!name || json_object_set_new(copy, json_string_value(name),
						 values_mask(r, member, e)) < 0) {
			json_decref(copy);
			return NULL;
		}
	}
	return copy;
}

json_t *values_mask(const struct redact *r, const json_t *v, struct err *e)
{
	json_t *copy, *member;
	size_t i;

	if (json_is_string(v))
		return mask_text(r, json_string_value(v), json_string_length(v), e);
	if (json_is_object(v))
		return mask_object(r, v, e);
	if (!json_is_array(v))
		return json_incref((json_t *)(uintptr_t)v);
	copy = json_array();
	json_array_foreach((json_t *)(uintptr_t)v, i, member) {
		if (json_array_append_new(copy, values_mask(r, member, e)) < 0) {
			json_decref(copy);
			return NULL;
		}
	}
	return copy;
}
