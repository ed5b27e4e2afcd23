/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/front/front.h"

/* The gate's requests as MCP tools: one table; their schemas are those of the messages' own
 * tables, so what is offered is what is accepted. */
struct tool;

const struct tool *tool_find(const char *name); /* NULL: there is none */
json_t *tools_list(const struct front_state *f);
/*
 * Begins a call. 1: the gate was asked, *call will be answered; 0: *result is the answer already;
 * -EINVAL: an argument is wrong, e says which.
 */
int tool_begin(struct front_state *f, struct conn *c, const struct tool *t, const json_t *args,
	       struct call **call, json_t **result, struct err *e);
/* What the gate answered, as the result of the call; NULL: out of memory. */
json_t *tool_result(struct front_state *f, const struct call *k, uint16_t type, const json_t *body);
