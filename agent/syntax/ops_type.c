/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/ops.h"

/* Operators for a value of a type that the code does not expect. */

#define AT_FAULT	 (1u << SITE_FAULT)
#define AT_FAULT_OR_CALL (AT_FAULT | 1u << SITE_CALLER)

/* How the language asks whether x can be used as the code around it does. */
static bool type_test(const struct site *site, struct buf *cond, struct buf *why)
{
	const struct source *s = site->src;
	const TSNode parent = node_parent(site->subject);
	const bool called = node_is(s, parent, C_CALL) &&
			    ts_node_eq(node_field(parent, "function"), site->subject);
	const char q = site->style->quote;

	if (strcmp(s->lang->name, "javascript") == 0) {
		if (called)
			buf_printf(cond, "typeof %s !== %cfunction%c", site->name, q, q);
		else if (node_is(s, parent, C_LOOP) || node_is_type(parent, "spread_element"))
			buf_printf(cond, "!Array.isArray(%s)", site->name);
		else if (node_is(s, parent, C_MEMBER))
			buf_printf(cond, "typeof %s !== %cstring%c", site->name, q, q);
		else
			return false;
	} else if (called) {
		buf_printf(cond, "not callable(%s)", site->name);
	} else if (site->fault->member[0] && node_is(s, parent, C_MEMBER)) {
		buf_printf(cond, "not hasattr(%s, %c%s%c)", site->name, q, site->fault->member, q);
	} else if (node_is(s, parent, C_INDEX) || node_is(s, parent, C_LOOP)) {
		buf_printf(cond, "not isinstance(%s, (list, tuple, dict, str))", site->name);
	} else {
		return false;
	}
	buf_printf(why, "'%s' is not of the type that is needed", site->name);
	return cond->p && why->p && !cond->failed;
}

static void type_guard(const struct site *site, struct candidates *out)
{
	AUTO_BUF struct buf cond = BUF_INIT(4096), why = BUF_INIT(1024);

	if (site->name && expression_pure(site->src, site->subject) && type_test(site, &cond, &why))
		add_guards(site, out, cond.p, CAND_GENERAL, why.p);
}

/* x -> str(x), int(x): with conversions that the file itself uses. */
static void type_convert(const struct site *site, struct candidates *out)
{
	static const struct {
		const char *lang, *format;
	} ways[] = {
		{ "python", "str(%s)" },
		{ "python", "int(%s)" },
		{ "python", "list(%s)" },
		{ "javascript", "String(%s)" },
	};
	unsigned order = 0;

	for (size_t i = 0; site->name && i < sizeof(ways) / sizeof(ways[0]); i++) {
		AUTO_BUF struct buf text = BUF_INIT(4096), what = BUF_INIT(1024);
		const char *mark = strstr(ways[i].format, "%s");
		const int head = (int)(mark - ways[i].format);

		if (strcmp(ways[i].lang, site->src->lang->name) != 0)
			continue;
		buf_printf(&text, "%.*s%s%s", head, ways[i].format, site->name, mark + 2);
		buf_printf(&what, "converts '%s' with %.*s)", site->name, head, ways[i].format);
		if (text.p && what.p)
			add_rewrite(site, out, site->subject, text.p, order++, what.p);
	}
}

/* sep.join(xs) -> sep.join(map(str, xs)) */
static void join_of_texts(const struct site *site, TSNode call, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode callee = node_field(call, "function"), arg = call_argument(s, call, 0);
	AUTO_FREE char *x = node_text(s, arg);
	AUTO_BUF struct buf text = BUF_INIT(4096);

	if (!x || ts_node_is_null(arg) ||
	    !node_eq(s, node_field(callee, s->lang->member_name), "join"))
		return;
	buf_printf(&text, "map(str, %s)", x);
	if (text.p)
		add_rewrite(site, out, arg, text.p, CAND_GENERAL,
			    "converts each element to text before joining");
}

static void join_convert(const struct site *site, struct candidates *out)
{
	each_target(site, C_CALL, 4, join_of_texts, out);
}

const struct op ops_type[] = {
	{ "join-convert", "python", FAULT_TYPE, AT_FAULT, 12, join_convert },
	{ "type-guard", "javascript python", FAULT_TYPE, AT_FAULT_OR_CALL, 18, type_guard },
	{ "type-convert", "javascript python", FAULT_TYPE, AT_FAULT_OR_CALL, 26, type_convert },
	{ 0 },
};
