/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/broker/forge_impl.h"

/* Gitea's and Forgejo's API v1. What has a title that begins with "WIP:" is a draft there. */
#define PAGES 10

static int take(struct asking *k, const json_t *v)
{
	const char *state = said_text(v, "state");
	const bool merged = json_is_true(json_object_get(v, "merged"));

	const char *now = state && strcmp(state, "open") == 0	  ? "open"
			  : state && strcmp(state, "closed") == 0 ? "closed"
								  : NULL;

	if (forge_pull(k, json_object_get(v, "number"), merged ? "merged" : now))
		return 1;
	forge_set(&k->end->url, said_text(v, "html_url"));
	forge_set(&k->end->head, said_text(json_object_get(v, "head"), "sha"));
	forge_set(&k->end->into, merged ? said_text(v, "merge_commit_sha") : NULL);
	return 0;
}

static int about(struct asking *k, struct err *e)
{
	struct said s;
	char path[400];
	int r;

	(void)snprintf(path, sizeof(path), "/repos/%s", k->a->repository);
	r = forge_call(k, "GET", path, NULL, &s, e);
	if (r == 0 && !said_ok(&s))
		forge_status(k, &s, "look at the repository");
	else if (r == 0)
		k->end->about = json_pack("{s:O*,s:O*,s:O*}", "permissions",
					  json_object_get(s.body, "permissions"), "default_branch",
					  json_object_get(s.body, "default_branch"), "fork",
					  json_object_get(s.body, "fork"));
	said_release(&s);
	return r < 0 ? r : 0;
}

/* There is no search by branch over forks that all versions have: the newest are looked through. */
static int find(struct asking *k, struct err *e)
{
	char path[400];
	int r = 0;

	for (int page = 1; r == 0 && !k->end->found && page <= PAGES; page++) {
		struct said s;
		size_t n = 0;

		(void)snprintf(path, sizeof(path),
			       "/repos/%s/pulls?state=all&sort=recentupdate&limit=50&page=%d",
			       k->a->repository, page);
		r = forge_call(k, "GET", path, NULL, &s, e);
		if (r == 0 && (!said_ok(&s) || !json_is_array(s.body))) {
			forge_status(k, &s, "list pull requests");
			r = 1;
		}
		if (r == 0)
			n = json_array_size(s.body);
		for (size_t i = 0; r == 0 && i < n && !k->end->found; i++)
			if (forge_is_ours(k, json_array_get(s.body, i)))
				r = take(k, json_array_get(s.body, i));
		said_release(&s);
		if (n == 0)
			break;
	}
	return r;
}

static json_t *draft_title(const char *title)
{
	return json_sprintf("WIP: %.240s", title);
}

static int open_pull(struct asking *k, struct err *e)
{
	const struct forge_ask *a = k->a;
	struct said s;
	char path[400], head[600];
	int r;

	(void)snprintf(path, sizeof(path), "/repos/%s/pulls", a->repository);
	(void)snprintf(head, sizeof(head), "%.*s:%s", (int)strcspn(a->fork, "/"), a->fork, a->head);
	r = forge_call(k, "POST", path,
		       json_pack("{s:o,s:s,s:s,s:s}", "title", draft_title(a->title), "head", head,
				 "base", a->base, "body", a->body),
		       &s, e);
	if (r == 0 && !said_ok(&s)) {
		forge_status(k, &s, "open a pull request");
		r = 1;
	} else if (r == 0) {
		r = take(k, s.body);
		k->end->found = false;
	}
	said_release(&s);
	return r;
}

static int change(struct asking *k, uint64_t number, json_t *body, const char *what, struct err *e)
{
	struct said s;
	char path[400];
	int r;

	(void)snprintf(path, sizeof(path), "/repos/%s/pulls/%llu", k->a->repository,
		       (unsigned long long)number);
	r = forge_call(k, "PATCH", path, body, &s, e);
	if (r == 0 && !said_ok(&s)) {
		forge_status(k, &s, what);
		r = 1;
	} else if (r == 0) {
		r = take(k, s.body);
	}
	said_release(&s);
	return r;
}

static int update(struct asking *k, struct err *e)
{
	return change(k, k->end->number,
		      json_pack("{s:o,s:s}", "title", draft_title(k->a->title), "body", k->a->body),
		      "bring a pull request up to date", e);
}

static int dress(struct asking *k, struct err *e)
{
	const struct strlist *want = &k->a->reviewers;
	json_t *users = json_array();
	struct said s;
	char path[400];
	int r;

	if (k->a->labels.n)
		forge_note(k, "labels go by number at this forge: none was set");
	for (size_t i = 0; users && i < want->n; i++)
		if (!strchr(want->v[i], '/'))
			(void)json_array_append_new(
				users, json_string(want->v[i] + (want->v[i][0] == '@')));
	if (json_array_size(users) == 0) {
		json_decref(users);
		return 0;
	}
	(void)snprintf(path, sizeof(path), "/repos/%s/pulls/%llu/requested_reviewers",
		       k->a->repository, (unsigned long long)k->end->number);
	r = forge_call(k, "POST", path, json_pack("{s:o}", "reviewers", users), &s, e);
	if (r == 0 && !said_ok(&s))
		forge_note(k, "the reviewers were refused (%ld)", s.status);
	said_release(&s);
	return r;
}

static int look(struct asking *k, struct err *e)
{
	struct said s;
	char path[400];
	int r;

	(void)snprintf(path, sizeof(path), "/repos/%s/pulls/%llu", k->a->repository,
		       (unsigned long long)k->a->number);
	r = forge_call(k, "GET", path, NULL, &s, e);
	if (r == 0 && !said_ok(&s))
		forge_status(k, &s, "look at a pull request");
	else if (r == 0)
		r = take(k, s.body);
	said_release(&s);
	return r < 0 ? r : 0;
}

static int close_pull(struct asking *k, struct err *e)
{
	struct said s;
	char path[400];
	int r = 0;

	if (k->a->body) {
		(void)snprintf(path, sizeof(path), "/repos/%s/issues/%llu/comments",
			       k->a->repository, (unsigned long long)k->a->number);
		r = forge_call(k, "POST", path, json_pack("{s:s}", "body", k->a->body), &s, e);
		if (r == 0 && !said_ok(&s))
			forge_note(k, "the reason was refused (%ld)", s.status);
		said_release(&s);
	}
	return r ? r
		 : change(k, k->a->number, json_pack("{s:s}", "state", "closed"),
			  "close a pull request", e);
}

const struct forge_backend forge_gitea = { .about = about,
					   .find = find,
					   .open = open_pull,
					   .update = update,
					   .dress = dress,
					   .look = look,
					   .close = close_pull,
					   .git_user = "token",
					   .auth = "Authorization: token " };
