/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/*
 * An MCP server over standard input and output (one JSON-RPC message a line)
 * for clients that start their servers: each line is posted to url, where
 * sickbay-front serves the same over HTTP, and what it answers is written as a
 * line.  Several may be under way.  url: http://ADDRESS:PORT/PATH, an IPv4
 * address or "localhost".  Returns at the end of input, once all was answered.
 */
int mcp_bridge(const char *url, int in, int out, struct err *e);
