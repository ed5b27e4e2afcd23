/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inside/shrink.h"

/* A word that stands in several places of an input gets another name in all of them at once. */

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

size_t shrink_word_length(const char *s)
{
	size_t n = 0;

	while (is_word_byte(s[n]))
		n++;
	return n;
}

static bool has_word(const char *text, const char *word)
{
	for (const char *s = text; *s;) {
		const size_t n = shrink_word_length(s) ? shrink_word_length(s) : 1;

		if (n == strlen(word) && strncmp(s, word, n) == 0)
			return true;
		s += n;
	}
	return false;
}

static void blank_word(char *text, const char *word)
{
	for (char *s = text; *s;) {
		const size_t n = shrink_word_length(s) ? shrink_word_length(s) : 1;

		if (n == strlen(word) && strncmp(s, word, n) == 0)
			memset(s, ' ', n);
		s += n;
	}
}

static bool is_unknown_word(const struct corpus *repo, const char *s, size_t n)
{
	return n > 1 && !isdigit((unsigned char)*s) && !corpus_has_word(repo, s, n);
}

/* The first word of a text that the repository does not have; "" when there is none. */
static void unknown_word(const struct corpus *repo, const char *s, char out[64])
{
	out[0] = '\0';
	while (s && *s) {
		const size_t n = shrink_word_length(s);

		if (n > 0 && n < 64 && is_unknown_word(repo, s, n)) {
			(void)snprintf(out, 64, "%.*s", (int)n, s);
			return;
		}
		s += n > 0 ? n : 1;
	}
}

static json_t *renamed_text(const char *s, const char *word, const char *to)
{
	AUTO_BUF struct buf out = BUF_INIT(1u << 20);

	while (*s) {
		const size_t n = shrink_word_length(s) ? shrink_word_length(s) : 1;

		if (n == strlen(word) && strncmp(s, word, n) == 0)
			buf_puts(&out, to);
		else
			buf_put(&out, s, n);
		s += n;
	}
	return json_string(out.p ? out.p : "");
}

/* A copy in which a word has another name wherever it stands. */
static json_t *renamed(json_t *v, const char *word, const char *to)
{
	json_t *copy = NULL, *member;
	const char *key;
	size_t i;

	if (json_is_string(v))
		return renamed_text(json_string_value(v), word, to);
	if (json_is_array(v)) {
		copy = json_array();
		json_array_foreach(v, i, member)
			(void)json_array_append_new(copy, renamed(member, word, to));
	} else if (json_is_object(v)) {
		copy = json_object();
		json_object_foreach(v, key, member) {
			AUTO_JSON json_t *name = renamed_text(key, word, to);

			(void)json_object_set_new(copy, json_string_value(name),
						  renamed(member, word, to));
		}
	} else {
		copy = json_incref(v);
	}
	return copy;
}

static json_t *copy_with(const json_t *step, const char *member, json_t *value)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)step);

	(void)json_object_set_new(copy, member, value);
	return copy;
}

/* Only in what steps are given: what they call has the name that the repository gives it. */
static json_t *renamed_input(json_t *input, const char *word, const char *to)
{
	json_t *steps = json_object_get(input, "script"), *step, *list = json_array();
	size_t i;

	json_array_foreach(steps, i, step) {
		AUTO_JSON json_t *with_args =
			json_object_get(step, "args")
				? copy_with(step, "args",
					    renamed(json_object_get(step, "args"), word, to))
				: json_incref(step);

		(void)json_array_append_new(
			list,
			json_object_get(step, "kwargs")
				? copy_with(with_args, "kwargs",
					    renamed(json_object_get(step, "kwargs"), word, to))
				: json_incref(with_args));
	}
	return json_pack("{s:o}", "script", list);
}

int shrink_rename(struct shrink *s, const struct corpus *repo, json_t **input, const char *text,
		  struct err *e)
{
	AUTO_JSON json_t *candidate = json_deep_copy(*input);
	AUTO_FREE char *rest = strdup(text);
	char word[64];

	if (!candidate || !rest || !json_object_get(*input, "script"))
		return candidate && rest ? 0 : err_set(e, ENOMEM, "out of memory");
	for (int letter = 'a'; letter <= 'z'; letter++) {
		const char to[2] = { (char)letter, '\0' };
		AUTO_FREE char *all = json_dumps(candidate, JSON_COMPACT);
		json_t *next;

		unknown_word(repo, rest, word);
		if (!word[0])
			break;
		if (!all || has_word(all, to))
			continue;
		next = renamed_input(candidate, word, to);
		json_decref(candidate);
		candidate = next;
		blank_word(rest, word);
	}
	return json_equal(candidate, *input) ? 0 : shrink_ask(s, input, candidate, e);
}
