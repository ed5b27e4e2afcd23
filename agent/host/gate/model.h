/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/case.h"
#include "agent/host/case/host_config.h"
#include "agent/host/incident/redact.h"
#include "policy/policy.h"
#include "runtime/proto/audit.h"
#include "runtime/proto/gate.h"

/*
 * One case's way to models: the only code that speaks to sickbay-broker about
 * them.  Each call is checked against the policy (model, budgets) and the
 * host's bounds (tools, size, depth, output), masked (production's values and
 * the policy's redaction rules, failing closed), priced at its most, reserved
 * in the case's ledger, logged, sent; streamed back; settled and logged again.
 * The cap is hard across parallel calls, retries and restarts.  What a settled
 * call answered is kept in the case (calls/NNNN.json) until the case ends: a
 * resumed case that asks the same again gets that, and pays nothing.
 */
struct model_door;

struct model_setup {
	const struct host_config *config;
	struct kase *kase;
	struct audit *audit;
	const struct redact *values; /* production's; NULL: none */
};

/* What a caller hears; calls never come from within model_ask(). */
struct model_listener {
	void *ctx;
	int (*on_event)(void *ctx, const struct gate_event *ev, struct err *e);
	int (*on_end)(void *ctx, const struct gate_model_end *end, struct err *e);
	/* How long there is somebody who listens: no call is given more. NULL: for ever. */
	uint64_t (*left_ms)(void *ctx);
};

/* Nothing is started before the first call. */
int model_open(const struct model_setup *s, struct model_door **out, struct err *e);
#define MODEL_BUDGET "budget" /* the rule of a refusal for want of it */

/* 0: under way, its end will come; 1: refused, `why` says by which rule; <0: this host failed. The
 * policy is that of the agent's role and outlives the call; models: what its service file lets it
 * ask, ENDPOINT/MODEL.  Rules of refusals: "models" (not the agent's), "/models" (not configured),
 * "/model/allow", "protocol", "request", "sampling", "tools", "/environment/redact" (it could not
 * be masked), "budget" (the policy's, of all that this role asked in this case; of wall clock, what
 * is left to the listener).  The broker is given the endpoints of `models` that the policy allows,
 * and the keys of no others: a role that may ask others gets a broker of its own. */
int model_ask(struct model_door *d, const struct policy *p, const struct strlist *models,
	      const struct gate_model *rq, const struct model_listener *to,
	      struct policy_verdict *why, struct err *e);
/* Nobody waits for that call any more; its end still comes. Of calls that share an id, all. */
int model_cancel(struct model_door *d, uint64_t id, struct err *e);
/* Whoever listens goes away: its calls are cancelled and settled, and it hears nothing more. */
int model_forget(struct model_door *d, const void *ctx, struct err *e);
/* To poll on, -1: nothing is under way; and what to do then. */
int model_fd(const struct model_door *d);
int model_step(struct model_door *d, struct err *e);
/* What is left for a role's policy, for the budget tool: {"usd","input","output","turns"}. */
json_t *model_left(struct model_door *d, const struct policy *p);
/* What the endpoint of the first of these speaks: a word of model_protocol_words; NULL: it is not
 * configured. */
const char *model_protocol(const struct model_door *d, const struct strlist *models);
/* Cancels what is under way and settles it. NULL is fine. */
void model_close(struct model_door *d);
