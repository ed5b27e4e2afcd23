/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/incident/incident.h"
#include "agent/host/incident/redact.h"
#include "policy/change.h"
#include "runtime/proto/gate.h"

/*
 * What an agent hands over, looked through for production's values: the path
 * and the added lines of each change, and the prose.  Whatever kind of agent it
 * was, this is decided here.  A finding is named by its place, never by itself.
 */
#define LEAK_RULE "production-data"

/* 1: it holds one, and `where` and `why` say so; 0: none. `prose` may be NULL. */
int leak_find(const struct redact *values, const struct changes *c, const struct gate_submit *prose,
	      char where[256], char why[256], struct err *e);
/* The incident as the task of a role names it: who writes the test needs the values, who writes the
 * patch has the test, and gets their shapes and masked messages. NULL: e says why. */
json_t *leak_incident(const struct redact *values, int role, const struct incident *i,
		      struct err *e);
/* Masks a text of an agent in place; values NULL: as it is. */
int leak_mask(const struct redact *values, char **text, struct err *e);
