/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/queue.h"

/* What the files of the queue share: its directories, its one lock, its records. */
#define SPOOL_RECORD_MAX (16u << 20)
#define REPORT_SCHEMA	 "sickbay.report/1"

/* Makes the queue's directories, takes its lock (closing the descriptor frees it). */
int spool_enter(const char *state, struct err *e);
/* A directory of the queue ("spool/new", "incidents/ID"), made when it is missing: an fd. */
int spool_dir(const char *state, const char *name, struct err *e);
/* Names that end in .json, sorted; a missing directory is an empty one. */
int spool_names(const char *state, const char *dir, struct strlist *out, struct err *e);
/* One record of ours; its "schema" must be the one wanted. */
int spool_read(int dir, const char *name, const char *schema, json_t **out, struct err *e);
/* The reference is stolen. */
int spool_write(int dir, const char *name, json_t *record, struct err *e);
/* queue_lock() for who has the queue's lock. */
int claim_paths(struct claim *c, const char *repository, const struct strlist *paths, char why[256],
		struct err *e);
