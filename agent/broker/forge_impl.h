/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/forge.h"
#include "agent/broker/registry_http.h"
#include "agent/broker/vault.h"
#include "runtime/base/jmap.h"
#include "runtime/base/sha256.h"
#include "runtime/proto/broker_forge.h"

#define FORGE_JSON (4u << 20) /* bytes of one answer */
#define FORGE_PATH 1600	      /* bytes of a path with its query */

struct forge {
	struct forge_place at;
	struct secret token;
	char *basic; /* USER:TOKEN for git, in the vault */
	struct trust *trust;
	struct http *http;
	struct trust *system;
	/* http_exchange(), and waiting so many ms: others where no network is wanted */
	int (*exchange)(struct http *h, const struct http_ask *ask, struct http_answer *out,
			struct err *e);
	void (*wait)(uint64_t ms);
};

/* One verb under way. */
struct asking {
	const struct forge *f;
	const struct forge_backend *b;
	const struct forge_ask *a;
	int pack; /* descriptor, -1: none */
	struct forge_end *end;
	json_t *there;	  /* what the forge said of the pull request that was found */
	json_int_t from;  /* GitLab: the number of the fork */
	char scopes[512]; /* of the token, as the last answer told them */
};

/* ---- forge_call.c: one call of an API ---- */

struct forge_step {
	const char *method, *path;
	json_t *body;	  /* stolen; NULL: none */
	const char *what; /* "open a pull request": a refusal fails the verb */
	const char *wish; /* instead: "the labels were": a refusal is a note */
	bool once;	  /* what cannot be told to have failed is not asked again here */
};

/* What came of one call: status, and its JSON (NULL: none that can be read). */
struct said {
	long status;
	json_t *body;
	bool limited; /* asked too often */
	uint64_t wait_ms;
	char location[1024];
};

/*
 * A call, tried again where that can help.  0: it was done, or was only a wish;
 * *out (NULL: not wanted) is the answer's JSON, NULL where a wish was refused.
 * 1: it was not, and end says why; <0: it cannot go on at all.
 */
int forge_do(struct asking *k, const struct forge_step *s, json_t **out, struct err *e);
/* Fills end with what a status other than 2xx means. */
void forge_status(struct asking *k, const struct said *s, const char *what);
void forge_fail(struct asking *k, int result, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Wanted, and not had. */
void forge_note(struct asking *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *said_text(const json_t *o, const char *name);
/* A member that becomes a string of `end`. */
void forge_set(char **field, const char *value);
/* The path of what is below a repository. */
void forge_path(const struct asking *k, const char *repository, char out[FORGE_PATH],
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ---- forge_pull.c: pull requests, by the words of one forge ---- */

/*
 * What one forge calls things, and the little that it does in a way of its own.
 * A path of members is joined by dots.
 */
struct forge_backend {
	const char *git_user;			/* for a token */
	const char *auth;			/* prefix of its header line */
	const char *repository, *slash;		/* "/repos/", and what stands for "/" in a name */
	const char *pulls;			/* below a repository: "/pulls" */
	const char *comments[2];		/* below a repository, around a number */
	const char *page;			/* how many comments are wanted: "per_page=100" */
	const char *change;			/* method */
	const char *close[2];			/* member and value that close one */
	const char *draft;			/* prefix of a draft's title, or "" */
	const char *number, *url, *text, *head; /* members of one */
	const char *open_words[3];		/* states that are open */
	int pages;				/* of a list that are looked through */
	/* NULL: nothing. Before a list is asked for. */
	int (*prepare)(struct asking *k, struct err *e);
	void (*query)(const struct asking *k, int page, char out[FORGE_PATH]);
	bool (*is_ours)(const struct asking *k, const json_t *v);
	/* The body that opens one with this title and text, and where: *repository */
	int (*opening)(struct asking *k, json_t *title, json_t *text, json_t **body,
		       const char **repository, struct err *e);
	int (*dress)(struct asking *k, struct err *e); /* labels, reviewers of end->number */
	json_t *(*rights)(const json_t *repository);   /* NULL: it does not say */
};
extern const struct forge_backend forge_github, forge_gitlab, forge_gitea;

int forge_about(struct asking *k, struct err *e);
int forge_propose_pull(struct asking *k, struct err *e);
int forge_look_pull(struct asking *k, struct err *e);
int forge_close_pull(struct asking *k, struct err *e);
/* PATCH (PUT) of one, whose answer is read. */
int forge_change(struct asking *k, uint64_t number, json_t *body, const char *what, struct err *e);
/* What GitHub and Gitea have in common. */
bool forge_is_ours(const struct asking *k, const json_t *v);
int forge_dress_by_name(struct asking *k, struct err *e);
json_t *forge_rights(const json_t *repository);

/* Any verb of forge_ask, checked already: as forge_do(). */
int forge_run(struct asking *k, struct err *e);

/* ---- forge_text.c: what a person edited ---- */

/*
 * A text at a forge ends in a comment that nobody sees, with the digests of the
 * title and of the text before it: so it can be told what a person edited since.
 */
struct forge_written {
	bool title, text;	 /* as they were written */
	char digest[SHA256_HEX]; /* of the text that was written; "": not known */
};
/* Both may be NULL. */
void forge_text_read(const char *title, const char *text, struct forge_written *out);
/* New reference; NULL: out of memory. */
json_t *forge_text_mark(const char *title, const char *text);
void forge_text_digest(const char *text, size_t n, char out[SHA256_HEX]);

/* ---- forge_git.c: git's own protocol over HTTP ---- */

int forge_refs(struct asking *k, struct err *e);
int forge_push(struct asking *k, struct err *e);
bool git_oid_is_good(const char *p, size_t n);

/* Pure readers, for tests and fuzzing. The references of an advertisement; *old is that of `head`.
 */
int git_refs_read(const char *data, size_t n, const char *head, json_t **refs, char old[65],
		  struct err *e);
/* 0: the branch was taken; -EPERM: e says why not; -EBADMSG. */
int git_report_read(const char *data, size_t n, const char *head, struct err *e);
