/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/broker/forge_impl.h"

/* GitHub's REST API, version 2022-11-28. */

static int owner_of(const char *repository)
{
	return (int)strcspn(repository, "/");
}

static int take_pull(struct asking *k, const json_t *v)
{
	const char *state = said_text(v, "state");
	const bool merged = json_is_true(json_object_get(v, "merged")) ||
			    json_is_string(json_object_get(v, "merged_at"));

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
		k->end->about = json_pack("{s:O*,s:O*,s:O*,s:s*}", "permissions",
					  json_object_get(s.body, "permissions"), "default_branch",
					  json_object_get(s.body, "default_branch"), "fork",
					  json_object_get(s.body, "fork"), "scopes",
					  s.scopes[0] ? s.scopes : NULL);
	said_release(&s);
	return r < 0 ? r : 0;
}

static int find(struct asking *k, struct err *e)
{
	struct said s;
	char path[1000];
	int r;

	(void)snprintf(path, sizeof(path), "/repos/%s/pulls?state=all&per_page=10&head=%.*s:%s",
		       k->a->repository, owner_of(k->a->fork), k->a->fork, k->a->head);
	r = forge_call(k, "GET", path, NULL, &s, e);
	if (r == 0 && (!said_ok(&s) || !json_is_array(s.body))) {
		forge_status(k, &s, "list pull requests");
		r = 1;
	}
	for (size_t i = 0; r == 0 && !k->end->found && i < json_array_size(s.body); i++)
		if (forge_is_ours(k, json_array_get(s.body, i)))
			r = take_pull(k, json_array_get(s.body, i));
	said_release(&s);
	return r;
}

static int open_pull(struct asking *k, struct err *e)
{
	const struct forge_ask *a = k->a;
	struct said s;
	char path[400], head[600];
	int r;

	(void)snprintf(path, sizeof(path), "/repos/%s/pulls", a->repository);
	(void)snprintf(head, sizeof(head), "%.*s:%s", owner_of(a->fork), a->fork, a->head);
	r = forge_call(k, "POST", path,
		       json_pack("{s:s,s:s,s:s,s:s,s:b,s:b}", "title", a->title, "head", head,
				 "base", a->base, "body", a->body, "draft", 1,
				 "maintainer_can_modify", 0),
		       &s, e);
	if (r == 0 && !said_ok(&s)) {
		forge_status(k, &s, "open a pull request");
		r = 1;
	} else if (r == 0) {
		r = take_pull(k, s.body);
		k->end->found = false;
	}
	said_release(&s);
	return r;
}

static int update(struct asking *k, struct err *e)
{
	struct said s;
	char path[400];
	int r;

	(void)snprintf(path, sizeof(path), "/repos/%s/pulls/%llu", k->a->repository,
		       (unsigned long long)k->end->number);
	r = forge_call(k, "PATCH", path,
		       json_pack("{s:s,s:s}", "title", k->a->title, "body", k->a->body), &s, e);
	if (r == 0 && !said_ok(&s)) {
		forge_status(k, &s, "bring a pull request up to date");
		r = 1;
	}
	said_release(&s);
	return r;
}

static json_t *list_of(const struct strlist *l, bool teams)
{
	json_t *out = json_array();

	for (size_t i = 0; out && i < l->n; i++) {
		const char *name = l->v[i] + (l->v[i][0] == '@');
		const char *slash = strchr(name, '/');

		if ((slash != NULL) == teams)
			(void)json_array_append_new(out, json_string(slash ? slash + 1 : name));
	}
	return out;
}

static int dress(struct asking *k, struct err *e)
{
	const struct forge_ask *a = k->a;
	struct said s = { 0 };
	char path[400];
	int r = 0;

	if (a->labels.n) {
		(void)snprintf(path, sizeof(path), "/repos/%s/issues/%llu/labels", a->repository,
			       (unsigned long long)k->end->number);
		r = forge_call(k, "POST", path,
			       json_pack("{s:o}", "labels", list_of(&a->labels, false)), &s, e);
		if (r == 0 && !said_ok(&s))
			forge_note(k, "the labels were refused (%ld)", s.status);
		said_release(&s);
	}
	if (r == 0 && a->reviewers.n) {
		(void)snprintf(path, sizeof(path), "/repos/%s/pulls/%llu/requested_reviewers",
			       a->repository, (unsigned long long)k->end->number);
		r = forge_call(k, "POST", path,
			       json_pack("{s:o,s:o}", "reviewers", list_of(&a->reviewers, false),
					 "team_reviewers", list_of(&a->reviewers, true)),
			       &s, e);
		if (r == 0 && !said_ok(&s))
			forge_note(k, "the reviewers were refused (%ld)", s.status);
		said_release(&s);
	}
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
		r = take_pull(k, s.body);
	said_release(&s);
	return r;
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
	if (r)
		return r;
	(void)snprintf(path, sizeof(path), "/repos/%s/pulls/%llu", k->a->repository,
		       (unsigned long long)k->a->number);
	r = forge_call(k, "PATCH", path, json_pack("{s:s}", "state", "closed"), &s, e);
	if (r == 0 && !said_ok(&s))
		forge_status(k, &s, "close a pull request");
	else if (r == 0)
		r = take_pull(k, s.body);
	said_release(&s);
	return r;
}

const struct forge_backend forge_github = { .about = about,
					    .find = find,
					    .open = open_pull,
					    .update = update,
					    .dress = dress,
					    .look = look,
					    .close = close_pull,
					    .git_user = "x-access-token",
					    .auth = "Authorization: Bearer " };
