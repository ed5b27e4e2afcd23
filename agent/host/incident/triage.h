/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/incident/incident.h"
#include "runtime/base/buf.h"

/*
 * Does an incident deserve a repair?  Decided before anything is run, from what
 * the report says about types, codes, frames, signals and metrics; a message is
 * never read.  Only TRIAGE_CODE is patched: the other classes close the case as
 * not-code, with the rule, its reason and the evidence.
 */
enum triage_class {
	TRIAGE_CODE,	    /* own code failed */
	TRIAGE_OPERATIONAL, /* a resource, a peer, the host or an operator */
	TRIAGE_EXPECTED,    /* a refusal by design */
	TRIAGE_DEPENDENCY,  /* own code only passed data through to what failed */
	TRIAGE_UNKNOWN,	    /* nothing in the report points at own code */
	TRIAGE_N
};

struct triage {
	int class;	  /* enum triage_class */
	const char *rule; /* a row of the table, static */
	char reason[320];
	json_t *evidence; /* array of strings: names and numbers, no values of production */
};

const char *triage_class_name(int class);
/* The incident must be resolved.  The first row that applies decides; the last one always does. */
int triage_incident(const struct incident *i, struct triage *out, struct err *e);
void triage_release(struct triage *t);
/* {"class","rule","reason","evidence"}; NULL when out of memory. */
json_t *triage_write(const struct triage *t);
/* Names and reasons of the table, as text: they are no values of production. */
void triage_words(struct buf *out);
/* Name of the n-th row and its class; NULL past the last. */
const char *triage_rule(size_t n, int *class);
