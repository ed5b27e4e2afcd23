/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/fault.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/*
 * Rows are tried in order; the first whose type and message fit decides.  In
 * `message`, text is searched for as it stands; a name between `before` and
 * `after` is kept.
 */
static const struct rule {
	const char *lang, *type, *message; /* NULL: any */
	unsigned classes;
	const char *before, *after; /* around the member's name, or NULL */
	const char *subject_end;    /* the message begins with the expression, up to this */
} rules[] = {
	{ "javascript", "TypeError", "(reading '", FAULT_NULL, "(reading '", "')", NULL },
	{ "javascript", "TypeError", "(setting '", FAULT_NULL, "(setting '", "')", NULL },
	{ "javascript", "TypeError", "undefined or null to object", FAULT_NULL, NULL, NULL, NULL },
	{ "javascript", "TypeError", "Cannot destructure", FAULT_NULL, NULL, NULL, NULL },
	{ "javascript", "TypeError", " is not iterable", FAULT_NULL | FAULT_TYPE, NULL, NULL,
	  " is not iterable" },
	{ "javascript", "TypeError", " is not a function", FAULT_TYPE, NULL, NULL,
	  " is not a function" },
	{ "javascript", "TypeError", " is not a constructor", FAULT_TYPE, NULL, NULL,
	  " is not a constructor" },
	{ "javascript", "TypeError", "Cannot convert", FAULT_TYPE | FAULT_CONVERT, NULL, NULL,
	  NULL },
	{ "javascript", "TypeError", NULL, FAULT_NULL | FAULT_TYPE, NULL, NULL, NULL },
	{ "javascript", "RangeError", "call stack", FAULT_DEPTH, NULL, NULL, NULL },
	{ "javascript", "RangeError", "Invalid time value", FAULT_CONVERT, NULL, NULL, NULL },
	{ "javascript", "RangeError", "BigInt", FAULT_CONVERT, NULL, NULL, NULL },
	{ "javascript", "RangeError", NULL, FAULT_INDEX | FAULT_CONVERT, NULL, NULL, NULL },
	{ "javascript", "URIError", NULL, FAULT_CONVERT, NULL, NULL, NULL },
	{ "javascript", "SyntaxError", NULL, FAULT_CONVERT, NULL, NULL, NULL },
	{ "python", "AttributeError", "'NoneType' object has no attribute", FAULT_NULL,
	  "has no attribute '", "'", NULL },
	{ "python", "AttributeError", NULL, FAULT_TYPE, "has no attribute '", "'", NULL },
	{ "python", "TypeError", "NoneType", FAULT_NULL | FAULT_TYPE, NULL, NULL, NULL },
	{ "python", "TypeError", NULL, FAULT_TYPE | FAULT_CONVERT, NULL, NULL, NULL },
	{ "python", "KeyError", NULL, FAULT_KEY, NULL, NULL, NULL },
	{ "python", "IndexError", NULL, FAULT_INDEX, NULL, NULL, NULL },
	{ "python", "ZeroDivisionError", NULL, FAULT_DIVIDE, NULL, NULL, NULL },
	{ "python", "OverflowError", NULL, FAULT_OVERFLOW | FAULT_CONVERT, NULL, NULL, NULL },
	{ "python", "UnboundLocalError", NULL, FAULT_NULL | FAULT_OTHER, "variable '", "'", NULL },
	{ "python", "RecursionError", NULL, FAULT_DEPTH, NULL, NULL, NULL },
	{ "python", "ValueError", "not enough values", FAULT_INDEX | FAULT_CONVERT, NULL, NULL,
	  NULL },
	{ "python", "ValueError", NULL, FAULT_CONVERT, NULL, NULL, NULL },
	{ "python", "DecodeError", NULL, FAULT_CONVERT, NULL, NULL, NULL },
	{ "python", "EncodeError", NULL, FAULT_CONVERT, NULL, NULL, NULL },
	{ "python", "StopIteration", NULL, FAULT_INDEX, NULL, NULL, NULL },
	{ "c", "null", NULL, FAULT_NULL, NULL, NULL, NULL },
	{ "c", "segv", NULL, FAULT_NULL, NULL, NULL, NULL },
	{ "c", NULL, "null pointer", FAULT_NULL, NULL, NULL, NULL },
	{ "c", "buffer", NULL, FAULT_INDEX, NULL, NULL, NULL },
	{ "c", "bounds", NULL, FAULT_INDEX, NULL, NULL, NULL },
	{ "c", NULL, "out of bounds", FAULT_INDEX, NULL, NULL, NULL },
	{ "c", "use-after", NULL, FAULT_MEMORY, NULL, NULL, NULL },
	{ "c", "free", NULL, FAULT_MEMORY, NULL, NULL, NULL },
	{ "c", "stack-overflow", NULL, FAULT_DEPTH, NULL, NULL, NULL },
	{ "c", "fpe", NULL, FAULT_DIVIDE, NULL, NULL, NULL },
	{ "c", "divi", NULL, FAULT_DIVIDE, NULL, NULL, NULL },
	{ "c", NULL, "division by zero", FAULT_DIVIDE, NULL, NULL, NULL },
	{ "c", "overflow", NULL, FAULT_OVERFLOW, NULL, NULL, NULL },
	{ "c", NULL, "overflow", FAULT_OVERFLOW, NULL, NULL, NULL },
	{ "c", NULL, "cannot be represented", FAULT_OVERFLOW, NULL, NULL, NULL },
	{ "c", NULL, "outside the range", FAULT_OVERFLOW, NULL, NULL, NULL },
	{ "c", "abrt", NULL, FAULT_OTHER, NULL, NULL, NULL },
};

static bool is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '$')
			return false;
	return n > 0;
}

static void keep(char *out, size_t cap, const char *from, size_t n)
{
	if (n < cap) {
		memcpy(out, from, n);
		out[n] = '\0';
	}
}

static void keep_names(const struct rule *r, const char *message, struct fault *out)
{
	if (r->before) {
		const char *a = strstr(message, r->before);
		const char *b = a ? strstr(a + strlen(r->before), r->after) : NULL;

		if (b) {
			a += strlen(r->before);
			/* a message may come with its names masked: then any member will do */
			if (is_name(a, (size_t)(b - a)))
				keep(out->member, sizeof(out->member), a, (size_t)(b - a));
		}
	}
	if (r->subject_end) {
		const char *b = strstr(message, r->subject_end);
		const char *a = b;

		while (a && a > message && a[-1] != ' ')
			a--;
		if (b)
			keep(out->subject, sizeof(out->subject), a, (size_t)(b - a));
	}
}

void fault_of(const struct lang *lang, const char *type, const char *message, struct fault *out)
{
	*out = (struct fault){ .classes = FAULT_OTHER };
	type = type ? type : "";
	message = message ? message : "";
	keep(out->type, sizeof(out->type), type, strlen(type));

	/* a class may be reported with its module: json.decoder.JSONDecodeError */
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *r = &rules[i];

		if (strcmp(r->lang, lang->name) != 0 || (r->type && !strcasestr(type, r->type)) ||
		    (r->message && !strcasestr(message, r->message)))
			continue;
		out->classes = r->classes;
		keep_names(r, message, out);
		return;
	}
}

const char *fault_words(unsigned classes)
{
	static const struct {
		unsigned classes;
		const char *words;
	} names[] = {
		{ FAULT_NULL, "a null value" },
		{ FAULT_KEY, "a missing key" },
		{ FAULT_INDEX, "an index out of range" },
		{ FAULT_DIVIDE, "a division by zero" },
		{ FAULT_OVERFLOW, "an overflow" },
		{ FAULT_CONVERT, "a value that cannot be converted" },
		{ FAULT_TYPE, "a value of another type" },
		{ FAULT_MEMORY, "memory that was freed" },
		{ FAULT_DEPTH, "recursion without end" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (classes & names[i].classes)
			return names[i].words;
	return "an unexpected value";
}
