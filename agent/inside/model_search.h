/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/inside/model_impl.h"

/*
 * Lines that hold a text, over the tree with the agent's changes, files in the
 * order of their paths: {"hits": [{"file","line","text"}], "truncated"}.
 * Dependencies, build output and hidden directories are left out unless `path`
 * leads into them; links are not followed; files, lines and hits are bounded.
 */
int model_search(const struct model_agent *a, const char *pattern, bool regex, const char *path,
		 json_t **out, struct err *e);
