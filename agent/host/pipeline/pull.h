/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/case.h"
#include "agent/host/case/decide.h"
#include "agent/host/pipeline/forge.h"

/*
 * The pull request that a case opened at a forge, and how one is closed from
 * here.  A closing is owed (STATE/closing/CASE.json) before it is decided on, and
 * paid once the forge has taken it: where somebody is killed in between, or the
 * forge is away, `sickbay forge poll` pays.
 */
struct pull {
	json_t *record; /* 6-pullreq.json, owned; the texts are in it */
	char *service;	/* its name */
	const char *forge, *repository;
	const char *branch, *commit; /* as it was proposed */
	uint64_t number;
};

/* 1: the case has one, release it; 0: it has none. */
int pull_of(const struct kase *k, struct pull *out);
void pull_release(struct pull *p);
/* A number means something in one repository of one forge only: -EINVAL where the service names
 * another by now. */
int pull_check_place(const struct pull *p, const struct service *s, struct err *e);

struct pull_host {
	const char *state;
	const struct host_config *config;
	const struct service *service;
	struct audit *audit;
};

/* Where a proposal goes that takes the place of an earlier one. */
struct pull_at {
	char branch[128]; /* of the earlier one; "": that is not at the forge */
	char commit[65];  /* as it was proposed */
	char head[65];	  /* as it is now */
	uint64_t number;
};
/*
 * How the earlier one stands.  0: *out says where it is open, or that there is
 * none; 1: it is closed or merged, why says so; <0: unknown, now.
 */
int pull_standing(const struct pull_host *h, const struct kase *earlier, struct pull_at *out,
		  char why[512], struct err *e);
/* Whether somebody pushed to it; then it is theirs. */
bool pull_is_edited(const struct pull_at *at);

/*
 * Decides, and owes the closing of the case's pull request: 1.  0: it is decided,
 * and was before: its pull request may be that of a case which took its place.
 * reason: for people at the forge, as Markdown.
 */
int pull_refuse(const char *state, struct kase *k, const char *reason,
		const struct decision_note *d, struct audit *a, struct err *e);
/*
 * Closes what is owed and decided; what was never decided is forgotten.  0: nothing
 * is owed any more; 1: the forge does not do it, why says so; <0: later.
 */
int pull_pay(const struct pull_host *h, const struct kase *k, char why[512], struct err *e);
/* Whether something is owed. */
bool pull_is_owed(const char *state, const char *id);
