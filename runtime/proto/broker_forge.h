/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/proto/broker.h"
#include "runtime/proto/broker_registry.h"

/*
 * Pull requests at a forge, and the one branch that they are about: the
 * messages of a broker that was set up with `forges`, and the client end.  There
 * is no verb that merges, and none that takes a path or URL: what can be asked is
 * this list.  Each verb may be asked again after a crash: a pull request is
 * looked for by its branch before one is opened.
 * Sources: GitHub's REST API (2022-11-28), GitLab's REST API v4, Gitea's API v1;
 * git's documentation of the HTTP protocol and of pack protocol v0.
 */
enum forge_msg {
	FORGE_ASK = BROKER_REGISTRY + 16, /* struct forge_ask -> FORGE_END */
	FORGE_END			  /* struct forge_end */
};

enum forge_kind { FORGE_GITHUB, FORGE_GITLAB, FORGE_GITEA, FORGE_KIND_N };
extern const char *const forge_kind_words[]; /* "github", "gitlab", "gitea", NULL */

/* One row of the host configuration's "forges", and of the setup. */
struct forge_place {
	char *name;
	int kind;	  /* enum forge_kind */
	char *api;	  /* base URL of its API */
	char *git;	  /* base URL of its repositories; NOT stated: nothing is pushed by it */
	char *credential; /* file with the token; NULL: none */
	char *user;	  /* for git's basic authentication; NULL: what the kind wants */
	char *ca, *proxy; /* as of registries */
	char *webhook_secret; /* file with the secret of its webhooks, which no broker reads; NULL
			       */
};

enum forge_verb {
	FORGE_ABOUT, /* what the token may do with `repository`: `about` */
	FORGE_REFS,  /* what git has there: `about`: {"refs": [oid, ...], "old": oid or null} */
	FORGE_PUSH,  /* the pack of the descriptor, `oid` becomes refs/heads/`head` of `repository`
		      */
	FORGE_PROPOSE, /* a draft of `fork`'s `head` into `base`; the one there is is brought up to
			  date */
	FORGE_LOOK,    /* how `number` stands */
	FORGE_CLOSE,   /* `number` where it is open, with `body` as the reason */
	FORGE_VERB_N
};
extern const char *const forge_verb_words[];
#define FORGE_BRANCH "sickbay/" /* no branch without it can be pushed or proposed */

struct forge_ask {
	uint64_t id;
	int verb;	    /* enum forge_verb */
	char *place;	    /* name of the forge */
	char *repository;   /* OWNER/NAME; of GitLab with its groups */
	char *fork;	    /* PROPOSE: where the branch is */
	char *head, *base;  /* branches */
	char *title, *body; /* text */
	char *oid, *old;    /* PUSH: new and present object, old NULL: it is not there */
	struct strlist labels, reviewers; /* wanted; what the forge refuses of them is no failure */
	uint64_t number; /* of the pull request; PROPOSE: 0: whatever is there for `head` */
	bool plain;	 /* PROPOSE: where the repository takes no drafts, one that is none */
};

enum forge_result {
	FORGE_OK,
	FORGE_UNKNOWN,	/* no such repository or pull request */
	FORGE_REFUSED,	/* who asks may not */
	FORGE_INVALID,	/* it does not take what was asked: a person has to look */
	FORGE_UNREACHED /* later, perhaps */
};

struct forge_end {
	uint64_t id;
	int result;	 /* enum forge_result */
	char *message;	 /* of a failure: what happened, and what can be done */
	uint64_t number; /* of the pull request */
	char *url;
	char *state;	      /* "open", "closed" or "merged" */
	char *head, *into;    /* commits: of its branch now; that it became */
	bool found;	      /* PROPOSE: there was one */
	struct strlist notes; /* what was wanted and refused: labels, reviewers */
	json_t *about; /* ABOUT: {"permissions": {"push": true, ...}, "scopes"}, what is not told
			  is absent; REFS: see there */
	uint64_t attempts;
};

extern const struct jmap forge_place_map[], forge_ask_map[], forge_end_map[];

/* Asks one thing and waits; fd is PUSH's pack, else -1.  0: *out is filled (release it with
 * forge_end_map); <0: the broker is gone. */
int forge_ask(struct broker *b, const struct forge_ask *a, int fd, struct forge_end *out,
	      struct err *e);
/* OWNER/NAME (or GROUP/.../NAME), nothing else. */
bool forge_repository_is_good(const char *s);
/* FORGE_BRANCH and a plain name. */
bool forge_branch_is_good(const char *s);
