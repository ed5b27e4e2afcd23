/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/group.h"

/*
 * Several new fingerprints of one service, or of one deploy, within a short
 * time are one storm: production is on fire, and a repair a fingerprint is not
 * what it needs.  STATE/storms/ID.json names its incidents; while it is open no
 * repair of that service or deploy begins.  Only a person ends it.
 */
struct storm {
	char *schema, *id;
	int scope;		     /* enum storm_scope */
	char *of;		     /* the service, or the commit or release */
	char *opened;		     /* by the host's clock */
	char *resumed, *reason, *by; /* when a person ended it, why, their login uid */
	struct strlist incidents;
};
enum storm_scope { STORM_SERVICE, STORM_DEPLOY };

/* A new incident: joins an open storm, or, where it may, makes one with those that are there (in
 * the log first: storm.open). The queue's lock is held. */
int storm_consider(const struct queue *q, struct group *g, bool may_open, struct err *e);
/* 1: an open storm holds repairs of this incident, why says which; 0: none. */
int storm_holds(const char *state, const struct group *g, char why[256], struct err *e);
/* Ends a storm (in the log first: storm.resume). -ENOENT, -EALREADY. */
int storm_resume(const struct queue *q, const char *id, const char *reason, struct err *e);
/* All of them, as they are on disk; open_only: only those that hold repairs. */
int storm_list(const char *state, bool open_only, json_t **out, struct err *e);
