/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"
#include "agent/host/queue/group.h"

/*
 * Whether a repair may begin.  Asked by `heal` and by the worker before a case
 * is made; each refusal is one sentence that says what a person can do.
 */
enum queue_verdict {
	QUEUE_GO,
	QUEUE_WAIT,   /* something has to end first: a pause, a storm, another repair, a bound */
	QUEUE_CLOSED, /* never, unless a person changes their mind: it is suppressed */
};

#define QUEUE_WHY 512

/* Verdict without doing anything; nothing is locked, so it may be another one a moment later. */
int queue_check(const struct queue *q, const struct service *s, const struct group *g,
		char why[QUEUE_WHY], struct err *e);

/* A repair that may begin: it has the lease of its incident and its first paths, and nobody else
 * begins one before admission_close(). */
struct admission {
	int lock;
	struct claim *claim;
	struct group group;
};
#define ADMISSION_INIT     \
	{                  \
		.lock = -1 \
	}

/* An incident that is there (id), or a report that a person brings (report; counted). QUEUE_GO:
 * *out is filled; above: refused, why says so; <0: unknown, so do not begin. */
struct queue_ask {
	const struct service *service;
	const char *id;			   /* or NULL */
	const struct queue_report *report; /* where id is NULL */
	const char *replaces;		   /* a case that the new one takes the place of, or NULL */
};
int queue_admit(const struct queue *q, const struct queue_ask *ask, struct admission *out,
		char why[QUEUE_WHY], struct err *e);
/* Which case it is: before that one's first record, so that a kill never hides one. */
int admission_case(const struct queue *q, struct admission *a, const char *kase, struct err *e);
/* Lets others begin; the claim is the caller's. */
void admission_close(struct admission *a);

/* The lease of a case that exists, to go on with it: of the incident that its first record names.
 * -EBUSY while another process has it. */
struct kase;
int queue_reclaim(const struct queue *q, const struct kase *k, const struct service *s,
		  struct claim **out, struct err *e);
/* How a run went, for the worker: failures are counted until one does not fail. */
int queue_ran(const struct queue *q, const char *id, bool failed, struct err *e);
