/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"
#include "runtime/decode/decode_formats.h"

#define INCIDENT_SCHEMA "sickbay.incident/1"
#define POINTER_MAX	255 /* what a message takes as the name of a member */

DEFINE_CLEANUP(struct jsonc, jsonc_free);
#define AUTO_JSONC CLEANUP(cleanup_jsonc_free)

/* One step of a JSON pointer, escaped (RFC 6901). */
static void pointer_add(struct buf *at, const char *key)
{
	buf_putc(at, '/');
	for (; *key; key++) {
		if (*key == '~')
			buf_puts(at, "~0");
		else if (*key == '/')
			buf_puts(at, "~1");
		else
			buf_putc(at, *key);
	}
}

static void pointer_cut(struct buf *at, size_t n)
{
	at->n = n;
	at->p[n] = '\0';
}

/* Notes where v and everything below it stands.  Depth is bounded by the parser. */
static int where_fill(const struct jsonc *j, const json_t *v, struct buf *at, json_t *where)
{
	const struct jsonc_pos pos = jsonc_where(j, at->p);
	const size_t n = at->n;
	const char *key;
	json_t *item;
	size_t i;

	if (at->failed ||
	    json_object_set_new(where, at->p, json_pack("[ii]", (int)pos.line, (int)pos.column)) <
		    0)
		return -1;
	json_object_foreach((json_t *)(uintptr_t)v, key, item) {
		pointer_add(at, key);
		if (where_fill(j, item, at, where) < 0)
			return -1;
		pointer_cut(at, n);
	}
	json_array_foreach(v, i, item) {
		buf_printf(at, "/%zu", i);
		if (where_fill(j, item, at, where) < 0)
			return -1;
		pointer_cut(at, n);
	}
	return 0;
}

static int with_places(const struct source *in, const struct jsonc *j, json_t **out, struct err *e)
{
	AUTO_BUF struct buf at = BUF_INIT(POINTER_MAX);
	AUTO_JSON json_t *where = json_object();
	json_t *both;

	buf_puts(&at, "");
	if (!where || where_fill(j, jsonc_root(j), &at, where) < 0)
		return source_error(e, in, 1, 1, "out of memory, or member names too long");
	both = json_pack("{s:O, s:O}", "value", jsonc_root(j), "where", where);
	if (!both)
		return err_set(e, ENOMEM, "%s: out of memory", in->name);
	*out = both;
	return 0;
}

static int read_as(const struct source *in, unsigned flags, bool places, json_t **out,
		   struct err *e)
{
	AUTO_JSONC struct jsonc *j = NULL;
	int r = jsonc_parse(in->name, in->text, in->n, flags, &j, e);

	if (r < 0)
		return r;
	if (places)
		return with_places(in, j, out, e);
	*out = json_deep_copy(jsonc_root(j));
	return *out ? 0 : err_set(e, ENOMEM, "%s: out of memory", in->name);
}

int json_decode(const struct source *in, json_t **out, struct err *e)
{
	return read_as(in, JSONC_STRICT, false, out, e);
}

int jsonc_decode(const struct source *in, json_t **out, struct err *e)
{
	return read_as(in, JSONC_COMMENTS, true, out, e);
}

/* The members are checked by the table of the incident floor; with "places" it can say where. */
int incident_decode(const struct source *in, json_t **out, struct err *e)
{
	AUTO_JSONC struct jsonc *j = NULL;
	struct jsonc_pos pos;
	const json_t *schema;
	int r = jsonc_parse(in->name, in->text, in->n, JSONC_STRICT, &j, e);

	if (r < 0)
		return r;
	schema = json_object_get(jsonc_root(j), "schema");
	if (!schema)
		return source_error(e, in, 1, 1, "'schema' is missing; want \"%s\"",
				    INCIDENT_SCHEMA);
	pos = jsonc_where(j, "/schema");
	if (!json_is_string(schema) || strcmp(json_string_value(schema), INCIDENT_SCHEMA) != 0)
		return source_error(e, in, pos.line, pos.column, "'schema' is not \"%s\"",
				    INCIDENT_SCHEMA);
	if (json_is_true(json_object_get(in->options, "places")))
		return with_places(in, j, out, e);
	*out = json_deep_copy(jsonc_root(j));
	return *out ? 0 : err_set(e, ENOMEM, "%s: out of memory", in->name);
}
