/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/ops.h"

/* Operators for a key that a mapping lacks. */

#define AT_FAULT (1u << SITE_FAULT)

static bool is_lookup(const struct source *s, TSNode access)
{
	const TSNode parent = node_parent(access);

	return !node_is_type(node_field(access, s->lang->index_key), "slice") &&
	       !(node_is(s, parent, C_ASSIGN) && ts_node_eq(node_field(parent, "left"), access)) &&
	       !node_is_type(parent, "delete_statement");
}

/* The default that the file passes where it asks for the same key with get(). */
struct same_key {
	TSNode key;
	char *value;
};

static enum walk find_get(const struct source *s, TSNode node, void *ctx)
{
	struct same_key *k = ctx;
	const TSNode callee = node_field(node, "function");

	if (!node_is(s, node, C_CALL) || !node_is(s, callee, C_MEMBER) ||
	    !node_eq(s, node_field(callee, s->lang->member_name), "get") ||
	    !node_same(s, call_argument(s, node, 0), k->key) ||
	    !node_is(s, call_argument(s, node, 1), C_LITERAL))
		return WALK_ON;
	k->value = node_text(s, call_argument(s, node, 1));
	return WALK_STOP;
}

static void get_instead(const struct site *site, TSNode access, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode object = node_field(access, s->lang->index_object);
	struct same_key k = { .key = node_field(access, s->lang->index_key) };
	AUTO_FREE char *d = node_text(s, object), *key = node_text(s, k.key);

	if (!d || !key || !is_lookup(s, access))
		return;
	source_walk(s, s->root, find_get, &k);

	AUTO_FREE char *value = k.value;
	const char *const defaults[] = { value, NULL, "\"\"", "0", "{}", "[]" };

	for (unsigned i = value ? 0 : 1; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		AUTO_BUF struct buf text = BUF_INIT(4096), what = BUF_INIT(1024);

		buf_printf(&text, defaults[i] ? "%s.get(%s, %s)" : "%s.get(%s)", d, key,
			   defaults[i] ? defaults[i] : "");
		buf_printf(&what, "takes %s when '%s' has no such key",
			   defaults[i] ? defaults[i] : s->lang->null, d);
		if (text.p && what.p)
			add_rewrite(site, out, access, text.p, CAND_GENERAL | i, what.p);
	}
}

static void key_get(const struct site *site, struct candidates *out)
{
	each_target(site, C_INDEX, 4, get_instead, out);
}

static void guard_key(const struct site *site, TSNode access, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode object = node_field(access, s->lang->index_object);
	const TSNode key = node_field(access, s->lang->index_key);
	AUTO_FREE char *d = node_text(s, object), *k = node_text(s, key);
	AUTO_BUF struct buf cond = BUF_INIT(4096), why = BUF_INIT(1024);

	if (!d || !k || !is_lookup(s, access) || !expression_pure(s, object) ||
	    !expression_pure(s, key))
		return;
	buf_printf(&cond, "%s not in %s", k, d);
	buf_printf(&why, "'%s' lacks the key", d);
	if (cond.p && why.p)
		add_guards(site, out, cond.p, CAND_GENERAL, why.p);
}

static void key_guard(const struct site *site, struct candidates *out)
{
	each_target(site, C_INDEX, 4, guard_key, out);
}

const struct op ops_key[] = {
	{ "key-get", "python", FAULT_KEY, AT_FAULT, 14, key_get },
	{ "key-guard", "python", FAULT_KEY, AT_FAULT, 16, key_guard },
	{ 0 },
};
