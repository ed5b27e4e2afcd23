/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/calls.h"
#include "agent/host/gate/model.h"
#include "runtime/base/sha256.h"
#include "runtime/proto/broker.h"

/* What the parts of the door to models (model*.c) share. */

#define MODEL_DIGEST 72 /* "sha256:" and 64 digits, with the NUL */

/* Strings, by digest, in which one policy and production's values found nothing: a request holds
 * all that the one before it held. */
#define MODEL_CLEAN 8192
struct model_clean {
	const struct policy *of;
	uint8_t digest[MODEL_CLEAN][SHA256_LEN];
};

struct model_looking {
	const struct policy *p;
	const struct redact *values; /* may be NULL */
	struct model_clean *clean;   /* may be NULL */
};

/* Where a call goes and what it costs. Borrowed from the configuration and the service file. */
struct model_place {
	const struct model_endpoint *endpoint;
	const struct model_price *price;
	const char *name; /* ENDPOINT/MODEL */
};

struct model_call {
	struct model_call *next;
	uint64_t key, id; /* as the broker and as the caller know it */
	struct model_listener to;
	bool gone; /* nobody listens any more */
	struct model_place at;
	char *name; /* ENDPOINT/MODEL */
	const struct policy *policy;
	const struct strlist *models;
	uint64_t total_ms; /* what is left to whoever listens; 0: no end is known */
	int protocol;	   /* enum model_protocol */
	bool stream, retried, ended;
	const char *stopped; /* "cancelled" or "paused": that was asked of the broker */
	/* masked, and of what is said of it its digest and size */
	json_t *body;
	char request[MODEL_DIGEST];
	size_t request_bytes, masked;
	uint64_t max_output; /* what may be written, within the budget */
	struct money_rates rates;
	char call[CALL_ID];
	struct call_most most;
	json_t *events; /* [{"name","data"}]; the first `told` were heard */
	size_t told, bytes;
	struct gate_model_end end;
};

struct model_door {
	struct model_setup s;
	char *state; /* directory */
	struct calls *calls;
	struct model_clean clean;
	struct broker *broker;
	const struct policy *linked; /* of the role whose endpoints the broker has */
	const struct strlist *linked_models;
	int epoll, wake; /* what model_fd() is made of */
	uint64_t last_key;
	uint64_t beyond; /* most tokens of a request that were counted and not foreseen */
	struct model_call *first;
};

/* model_check.c. Fills in a refusal; returns 1, as model_ask() does. */
int model_refuse(struct policy_verdict *why, const char *rule, const char *place, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));
/* 0: *out is where it goes; 1: refused. */
int model_resolve(const struct host_config *c, const struct policy *p, const struct strlist *models,
		  const struct gate_model *rq, struct model_place *out, struct policy_verdict *why);
/* model_bounds.c: whether the host lets such a body out. 0 or 1. */
int model_bounds(int protocol, const json_t *body, struct policy_verdict *why);
/* What the body itself says is the most of an answer; 0: nothing. */
uint64_t model_wants(int protocol, const json_t *body);
/* model_mask.c: a copy of the body without secrets; NULL and e: it could not be looked through. */
json_t *model_mask(const struct model_looking *at, const json_t *body, size_t *masked,
		   struct err *e);
/* model_budget.c: what this call may cost at most, and how much it may write. 0 or 1. */
int model_budget(const struct model_door *d, struct model_call *c, struct policy_verdict *why);
const char *model_role(const struct model_door *d);
/* model_log.c */
int model_log_call(const struct model_door *d, const struct model_call *c, struct err *e);
int model_log_replay(const struct model_door *d, const struct model_call *c, const char *of,
		     struct err *e);
/* Settles in the ledger, keeps the answer for a resumed case, tells the log. */
int model_settle(struct model_door *d, struct model_call *c, const struct broker_end *end,
		 struct err *e);
/* model_link.c: the broker. Starts it where there is none for what this call's role may ask. */
int model_link(struct model_door *d, const struct model_call *c, struct err *e);
int model_send(struct model_door *d, struct model_call *c, struct err *e);
/* Takes what the broker said, for at most wait_ms; a broker that died ends its calls. */
int model_receive(struct model_door *d, int wait_ms, struct err *e);
/* Waits for the ends of calls that were cancelled, of all or of those that nobody listens to any
 * more; what does not end is charged as reserved. */
void model_await(struct model_door *d, bool gone);
/* Cancels what is under way and waits for it. */
void model_stop(struct model_door *d, const char *kind);
/* model.c: reserves, logs and sends. 0 or 1 or <0, as model_ask(). */
int model_start(struct model_door *d, struct model_call *c, struct policy_verdict *why,
		struct err *e);
void model_wake(const struct model_door *d);
int model_no_memory(struct err *e);
