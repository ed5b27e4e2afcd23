/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "agent/inside/inspect_parts.h"
#include "runtime/base/jmap.h"

#define FUNCTIONS_MAX 5000

static json_t *parameters(const struct source *s, TSNode function)
{
	json_t *list = json_array();
	TSNode param, name;

	for (unsigned i = 0; list && i < 64 && function_param(s, function, i, &param, &name); i++) {
		AUTO_FREE char *text = node_text(s, name);

		if (!text || json_array_append_new(list, json_string(text)) < 0)
			break; /* not UTF-8: the rest is left out */
	}
	return list;
}

static enum walk each_function(const struct source *s, TSNode node, void *ctx)
{
	json_t *list = ctx;

	if (!node_is(s, node, C_FUNCTION))
		return WALK_ON;
	if (json_array_size(list) >= FUNCTIONS_MAX)
		return WALK_STOP;

	AUTO_FREE char *name = function_name(s, node);
	json_t *one = json_pack("{s:s*, s:i, s:i, s:o}", "name", name && *name ? name : NULL,
				"line", (int)node_line(node), "last", (int)node_line_end(node),
				"parameters", parameters(s, node));

	return one && json_array_append_new(list, one) == 0 ? WALK_ON : WALK_STOP;
}

int outline_of(const struct source *s, json_t **out, struct err *e)
{
	json_t *list = json_array();

	if (list)
		source_walk(s, s->root, each_function, list);
	*out = list ? json_pack("{s:s, s:b, s:o}", "language", s->lang->name, "errors",
				ts_node_has_error(s->root), "functions", list)
		    : NULL;
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}
