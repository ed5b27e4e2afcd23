/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/pipeline/stages.h"
#include "runtime/base/id.h"
#include "runtime/base/utf8.h"

/* Changes as they stand in records: text as text, contents that are not UTF-8 as hexadecimal; what
 * is not UTF-8 of a name, which a policy refuses by its type, is marked. */

static const char *const kinds[] = { "add", "modify", "delete" };
static const char *const types[] = { "file", "executable", "symlink", "other" };

static json_t *content(const char *data, size_t n)
{
	AUTO_BUF struct buf hex = BUF_INIT(256u << 20);
	json_t *text = data ? json_stringn(data, n) : json_null();

	if (text && (!data || !memchr(data, '\0', n)))
		return text;
	json_decref(text);
	for (size_t i = 0; i < n; i++)
		buf_printf(&hex, "%02x", (unsigned char)data[i]);
	return hex.failed ? NULL : json_pack("{s:s}", "hex", hex.p);
}

static json_t *name(const char *path)
{
	AUTO_BUF struct buf text = BUF_INIT(64u << 10);

	utf8_clean(path, strlen(path), &text);
	return json_string(text.p ? text.p : "");
}

json_t *changes_to_json(const struct changes *c)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < c->n; i++) {
		const struct change *ch = &c->v[i];
		json_t *row = json_pack("{s:o,s:s,s:s,s:i,s:o,s:o}", "path", name(ch->path), "kind",
					kinds[ch->kind], "type", types[ch->type], "old_type",
					ch->old_type, "old", content(ch->old_data, ch->old_len),
					"new", content(ch->new_data, ch->new_len));

		if (!row || json_array_append_new(list, row) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static int word(const json_t *v, const char *const *words, int n)
{
	const char *s = json_string_value(v);

	for (int i = 0; s && i < n; i++)
		if (strcmp(words[i], s) == 0)
			return i;
	return -1;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int from_hex(const char *hex, char **data, size_t *n)
{
	*n = strlen(hex) / 2;
	*data = calloc(1, *n + 1);
	if (!*data)
		return -ENOMEM;
	for (size_t i = 0; i < *n; i++) {
		const int high = nibble(hex[i * 2]), low = nibble(hex[i * 2 + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		(*data)[i] = (char)(high << 4 | low);
	}
	return 0;
}

static int take_content(const json_t *v, char **data, size_t *n)
{
	const char *hex = json_string_value(json_object_get(v, "hex"));

	*data = NULL;
	*n = 0;
	if (json_is_null(v))
		return 0;
	if (hex)
		return from_hex(hex, data, n);
	if (!json_is_string(v))
		return -EBADMSG;
	*data = strdup(json_string_value(v));
	*n = json_string_length(v);
	return *data ? 0 : -ENOMEM;
}

static int take_change(const json_t *v, struct change *ch)
{
	const char *path = json_string_value(json_object_get(v, "path"));
	int r;

	ch->kind = word(json_object_get(v, "kind"), kinds, 3);
	ch->type = word(json_object_get(v, "type"), types, 4);
	ch->old_type = (int)json_integer_value(json_object_get(v, "old_type"));
	if (!path || ch->kind < 0 || ch->type < 0)
		return -EBADMSG;
	ch->path = strdup(path);
	r = ch->path ? take_content(json_object_get(v, "old"), &ch->old_data, &ch->old_len)
		     : -ENOMEM;
	return r < 0 ? r : take_content(json_object_get(v, "new"), &ch->new_data, &ch->new_len);
}

int changes_from_json(const json_t *v, struct changes *out, struct err *e)
{
	struct changes made = { 0 };
	int r = json_is_array(v) ? 0 : -EBADMSG;

	for (size_t i = 0; r == 0 && i < json_array_size(v); i++) {
		struct change ch = { 0 };

		r = take_change(json_array_get(v, i), &ch);
		if (r == 0)
			r = changes_put(&made, &ch);
		if (r < 0) {
			free(ch.path);
			free(ch.old_data);
			free(ch.new_data);
		}
	}
	if (r < 0) {
		changes_release(&made);
		return err_set(e, -r, "changes in a record: %s",
			       r == -ENOMEM ? "out of memory" : "not as they were written");
	}
	*out = made;
	return 0;
}
