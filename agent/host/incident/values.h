/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/incident/incident.h"
#include "agent/host/incident/redact.h"

/*
 * What of an incident are production's values (and so may not leave), and what
 * is left of it without them.  Names of code (types, functions, repository
 * paths, what a call calls), the service's and the incident's own name, times
 * and counts are none.
 */

/* Every string, number and key, whole and by its words, of messages, variables, input, breadcrumbs,
 * metrics, signal, threads, runtime, deploy and foreign paths. Not built yet. -E2BIG: more than can
 * be looked for. */
int values_collect(const struct incident *i, struct redact *r, struct err *e);

/*
 * The incident as a record may hold it: valid sickbay.incident/1 with the same coordinate, frames
 * and kind; values are {"type","length"|"sign"|"members"}, personal ones {"type"} alone; messages
 * are templates; what names people's places (foreign paths) is gone.
 */
json_t *values_shape(const struct incident *i);

/* The words of a message that any program of its language may say; the rest is REDACT_MASK. */
int values_template(const char *text, struct buf *out);
/* The same, and words that are no value of `known` (may be NULL) stay as well. */
int values_words(const struct redact *known, const char *text, struct buf *out);

/* A word of languages, runtimes or sickbay itself. */
bool word_is_common(const char *s, size_t n);

/* A copy of a value in which all strings and keys are masked; NULL without memory, or where one
 * cannot be looked through: then e says why. */
json_t *values_mask(const struct redact *r, const json_t *v, struct err *e);
