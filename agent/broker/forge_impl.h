/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/forge.h"
#include "agent/broker/registry_http.h"
#include "agent/broker/vault.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/broker_forge.h"

#define FORGE_JSON (4u << 20) /* bytes of one answer */

struct forge {
	struct forge_place at;
	struct secret token;
	char *basic; /* USER:TOKEN for git, in the vault */
	struct trust *trust;
	struct http *http;
	struct trust *system;
};

/* One verb under way. */
struct asking {
	const struct forge *f;
	const struct forge_ask *a;
	int pack; /* descriptor, -1: none */
	struct forge_end *end;
};

/* What came of one call: status, and its JSON (NULL: none that can be read). */
struct said {
	long status;
	json_t *body;
	char scopes[512];
};
void said_release(struct said *s);

/*
 * METHOD PATH of the forge's API with a body (stolen; NULL: none), tried again
 * where that can help.  0: *out has an answer of whatever status; 1: there is
 * none, and end says why; <0: it cannot go on at all.
 */
int forge_call(struct asking *k, const char *method, const char *path, json_t *body,
	       struct said *out, struct err *e);
/* Fills end with what a status other than 2xx means; what: "open a pull request". */
void forge_status(struct asking *k, const struct said *s, const char *what);
void forge_fail(struct asking *k, int result, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Wanted, and not had. */
void forge_note(struct asking *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool said_ok(const struct said *s);
const char *said_text(const json_t *o, const char *name);
/* A member that becomes a string of `end`. */
void forge_set(char **field, const char *value);

/* What an answer says of a pull request: its number, and "open", "closed" or "merged" (NULL: what
 * it says is not known).  1: it is none, or another than was asked for; end says so. */
int forge_pull(struct asking *k, const json_t *number, const char *state);
/* Whether `v`, as GitHub and Gitea write it, is from our branch of our fork. */
bool forge_is_ours(const struct asking *k, const json_t *v);

/* One forge's way of saying things; each returns as forge_call() does. */
struct forge_backend {
	int (*about)(struct asking *k, struct err *e);
	int (*find)(struct asking *k, struct err *e); /* fills end where there is one: found */
	int (*open)(struct asking *k, struct err *e);
	int (*update)(struct asking *k, struct err *e); /* end->number */
	int (*dress)(struct asking *k, struct err *e);	/* labels, reviewers of end->number */
	int (*look)(struct asking *k, struct err *e);
	int (*close)(struct asking *k, struct err *e);
	const char *git_user; /* for a token */
	const char *auth;     /* prefix of its header line */
};
extern const struct forge_backend forge_github, forge_gitlab, forge_gitea;

/* Git's own protocol over HTTP. */
int forge_refs(struct asking *k, struct err *e);
int forge_push(struct asking *k, struct err *e);

/* Pure readers, for tests and fuzzing. The references of an advertisement; *old is that of `head`.
 */
int git_refs_read(const char *data, size_t n, const char *head, json_t **refs, char old[65],
		  struct err *e);
/* 0: the branch was taken; -EPERM: e says why not; -EBADMSG. */
int git_report_read(const char *data, size_t n, const char *head, struct err *e);
