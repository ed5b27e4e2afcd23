/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/front/front.h"
#include "runtime/proto/model.h"

#define VALUES_MAX 200000 /* a tree takes up to 250 bytes for each */

/* Before anything is built: how deep it is and how many values it may have. */
static const char *scan(const char *text, size_t n, char why[static 256])
{
	size_t depth = 0, values = 1;
	bool string = false;

	for (size_t i = 0; i < n; i++) {
		const char b = text[i];

		if (string) {
			i += b == '\\';
			string = b != '"';
			continue;
		}
		string = b == '"';
		values += b == ',' || b == '[' || b == '{';
		depth += b == '[' || b == '{';
		if ((b == ']' || b == '}') && depth)
			depth--;
		if (depth > MODEL_MAX_DEPTH) {
			(void)snprintf(why, 256, "the JSON is nested deeper than %d",
				       MODEL_MAX_DEPTH);
			return "json-too-deep";
		}
		if (values > VALUES_MAX) {
			(void)snprintf(why, 256, "the JSON has more than %d values", VALUES_MAX);
			return "json-too-large";
		}
	}
	return NULL;
}

json_t *json_read_body(const struct buf *text, const char **name, char why[static 256])
{
	const char *p = text->p ? text->p : "";
	json_error_t bad;
	json_t *v;

	*name = scan(p, text->n, why);
	if (*name)
		return NULL;
	v = json_loadb(p, text->n, JSON_REJECT_DUPLICATES, &bad);
	if (!v) {
		(void)snprintf(why, 256, "the body is no JSON: line %d, column %d: %.150s",
			       bad.line, bad.column, bad.text);
		*name = "bad-json";
	}
	return v;
}
