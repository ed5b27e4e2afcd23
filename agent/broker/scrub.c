/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/scrub.h"

#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"

#define TEXT_MAX (16u << 20)

static bool has(const char *p, size_t n, const struct secret *s)
{
	return memmem(p, n, s->key, s->key_n) != NULL;
}

static bool scrub_string(json_t *v, const struct secret *s)
{
	const char *p = json_string_value(v);
	size_t n = json_string_length(v);
	AUTO_BUF struct buf out = BUF_INIT(TEXT_MAX);
	const char *at;

	if (!has(p, n, s))
		return true;
	while ((at = memmem(p, n, s->key, s->key_n))) {
		buf_put(&out, p, (size_t)(at - p));
		buf_puts(&out, SCRUBBED);
		n -= (size_t)(at - p) + s->key_n;
		p = at + s->key_n;
	}
	buf_put(&out, p, n);
	return !out.failed && json_string_setn(v, out.p, out.n) == 0;
}

static bool scrub_object(json_t *v, const struct secret *s)
{
	const char *key;
	json_t *item;
	void *next;

	json_object_foreach_safe(v, next, key, item) {
		if (!scrub_value(item, s))
			return false;
		if (has(key, strlen(key), s)) {
			(void)json_object_del(v, key);
			if (json_object_set_new(v, SCRUBBED, json_null()) < 0)
				return false;
		}
	}
	return true;
}

/* As deep as what was read: MODEL_MAX_DEPTH. */
bool scrub_value(json_t *v, const struct secret *s)
{
	bool fine = true;
	json_t *item;
	size_t i;

	if (!v || !s->key_n)
		return true;
	if (json_is_string(v))
		return scrub_string(v, s);
	if (json_is_object(v))
		return scrub_object(v, s);
	json_array_foreach(v, i, item)
		fine = fine && scrub_value(item, s);
	return fine;
}

void scrub_text(char *text, const struct secret *s)
{
	char *at;

	while (s->key_n && (at = memmem(text, strlen(text), s->key, s->key_n)))
		memset(at, '*', s->key_n);
}
