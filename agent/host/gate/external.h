/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/monitor.h"

/*
 * An agent program that brings its own loop, whoever made it.  It runs in a
 * replica with its policy as a command does (collect.h), and finds there:
 *     SICKBAY_TASK      the file with its task: role, incident, accepted test
 *     SICKBAY_BASE_URL  where it asks models, in the protocol of its first model
 *     SICKBAY_MCP_URL   the gate's tools, as an MCP server
 * and what the service file's `env` says.  Both addresses are one listener on
 * the replica's loopback, made by the host before the program runs and served
 * by sickbay-front.  Its own end submits its tree, unless it submitted or gave
 * up by MCP before.
 */
int external_start(struct monitor *m);
int external_cut(struct monitor *m);
/* From now on it may end by itself for a while; then its tree is read. */
int external_tree(struct monitor *m);
int external_grace_fd(const struct monitor *m);
int external_late(struct monitor *m);
void external_close(struct monitor *m);

/*
 * A text of the service file with @base, @mcp, @key, @model and @task replaced:
 * each stands alone, neither after a letter or a digit, nor before a letter, a
 * digit, '-' or '_', nor as a folder's name, between two '/'.  model: as its
 * provider calls it, or NULL.
 */
int external_expand(const char *text, const char *model, struct strlist *out, struct err *e);
