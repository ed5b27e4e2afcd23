/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/shown.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host/gate/leak.h"
#include "runtime/base/utf8.h"

#define RAW_MAX	 (4u << 20) /* bytes that are looked at: the end */
#define TEXT_MAX (16u << 20)

int shown_text(const struct gate_session *s, const char *raw, size_t n, size_t max, char **out,
	       struct err *e)
{
	const size_t from = n > RAW_MAX ? n - RAW_MAX : 0;
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX), clean = BUF_INIT(3u * TEXT_MAX);
	AUTO_BUF struct buf tail = BUF_INIT(max + 1);
	AUTO_FREE char *whole = NULL;
	bool hit;
	int r;

	if (n)
		utf8_clean(raw + from, n - from, &text);
	buf_puts(&text, "");
	r = policy_redact(s->world->policy[s->role], &text, &hit, e);
	if (r < 0)
		return r;
	utf8_clean(text.p ? text.p : "", text.n, &clean); /* an expression may cut a character */
	r = buf_check(&clean, "an output", e);
	whole = clean.p ? buf_take(&clean) : strdup("");
	if (r == 0)
		r = whole ? leak_mask(s->values, &whole, e) : err_set(e, ENOMEM, "out of memory");
	if (r < 0)
		return r;
	utf8_tail(whole, max, &tail);
	*out = tail.p ? buf_take(&tail) : strdup("");
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}

int shown_json(const struct gate_session *s, json_t *v, struct err *e)
{
	const char *key;
	json_t *member;
	size_t i;
	int r = 0;

	if (json_is_string(v)) {
		AUTO_FREE char *text = NULL;

		r = shown_text(s, json_string_value(v), json_string_length(v), RAW_MAX, &text, e);
		return r == 0 && json_string_set(v, text) < 0 ? err_set(e, ENOMEM, "out of memory")
							      : r;
	}
	json_array_foreach(v, i, member)
		r = r < 0 ? r : shown_json(s, member, e);
	json_object_foreach(v, key, member)
		r = r < 0 ? r : shown_json(s, member, e);
	return r;
}
