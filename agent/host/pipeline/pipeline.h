/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/case.h"
#include "agent/host/case/host_config.h"
#include "agent/host/proof/proof.h"
#include "agent/host/queue/queue.h"

/*
 * From an incident to an outcome.  Each stage reads the records before it and
 * publishes its own; nothing else survives between stages, so running the
 * pipeline again resumes a case.
 */
struct pipeline {
	const char *state;
	const struct service *service; /* borrowed, as is the rest */
	struct store *store;
	struct audit *audit;
	struct kase *kase;
	struct claim *claim;		  /* lease of its incident, or NULL */
	const struct host_config *config; /* for the models; NULL: none may be asked */
	const char *refreshes; /* pipeline_begin(): the case that this one begins again, or NULL */
};

struct pipeline_end {
	int outcome; /* enum outcome */
	char reason[512];
	bool no_sandbox; /* set on failure: a replica could not be built */
	bool goal;	 /* the goal of the service's mode was reached */
};

/* Publishes 1-incident.json of a new case; the incident must be resolved. */
int pipeline_begin(const struct pipeline *p, const struct incident *i, struct err *e);
/* The incident of an earlier case, with its values. -EIDRM: they were erased. */
int pipeline_incident_of(const struct pipeline *p, const struct kase *old, struct incident *out,
			 struct err *e);
/* Runs the stages that are left. A failure (<0) leaves the case where it is: it can be resumed. */
int pipeline_run(const struct pipeline *p, struct pipeline_end *out, struct err *e);
/* Ends a case that has not ended. */
int pipeline_cancel(const struct pipeline *p, const char *reason, struct err *e);
