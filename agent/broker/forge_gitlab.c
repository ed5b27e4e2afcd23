/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/broker/forge_impl.h"

/* GitLab's REST API v4: a project is named by its path with %2F between its parts. */

static const char *project(const char *repository, char out[700])
{
	size_t n = 0;

	for (; *repository && n < 690; repository++) {
		if (*repository == '/')
			n += (size_t)snprintf(out + n, 700 - n, "%%2F");
		else
			out[n++] = *repository;
	}
	out[n] = '\0';
	return out;
}

static int take(struct asking *k, const json_t *v)
{
	const char *state = said_text(v, "state");
	const bool merged = state && strcmp(state, "merged") == 0;
	const char *into = said_text(v, "merge_commit_sha");

	/* "locked": it is being merged */
	const char *now = !state							 ? NULL
			  : merged							 ? "merged"
			  : strcmp(state, "closed") == 0				 ? "closed"
			  : strcmp(state, "opened") == 0 || strcmp(state, "locked") == 0 ? "open"
											 : NULL;

	if (forge_pull(k, json_object_get(v, "iid"), now))
		return 1;
	forge_set(&k->end->url, said_text(v, "web_url"));
	forge_set(&k->end->head, said_text(v, "sha"));
	forge_set(&k->end->into, merged ? (into ? into : said_text(v, "squash_commit_sha")) : NULL);
	return 0;
}

static int about(struct asking *k, struct err *e)
{
	struct said s;
	char path[800], name[700];
	int r;

	(void)snprintf(path, sizeof(path), "/projects/%s", project(k->a->repository, name));
	r = forge_call(k, "GET", path, NULL, &s, e);
	if (r == 0 && !said_ok(&s)) {
		forge_status(k, &s, "look at the project");
	} else if (r == 0 && !json_is_object(json_object_get(s.body, "permissions"))) {
		forge_fail(k, FORGE_INVALID, "it does not say what the token may do");
	} else if (r == 0) {
		const json_t *p = json_object_get(s.body, "permissions");
		const json_t *own =
			json_object_get(json_object_get(p, "project_access"), "access_level");
		const json_t *group =
			json_object_get(json_object_get(p, "group_access"), "access_level");
		const json_int_t level = json_integer_value(own) > json_integer_value(group)
						 ? json_integer_value(own)
						 : json_integer_value(group);

		/* 30: developer, who may push and merge what is not protected; 40: maintainer */
		k->end->about =
			json_pack("{s:{s:b,s:b,s:b},s:O*}", "permissions", "push", level >= 30,
				  "maintain", level >= 40, "admin", level >= 50, "default_branch",
				  json_object_get(s.body, "default_branch"));
	}
	said_release(&s);
	return r < 0 ? r : 0;
}

/* A project by its number. */
static int number_of(struct asking *k, const char *repository, json_int_t *id, struct err *e)
{
	struct said s;
	char path[800], name[700];
	int r;

	(void)snprintf(path, sizeof(path), "/projects/%s", project(repository, name));
	r = forge_call(k, "GET", path, NULL, &s, e);
	if (r == 0 && !said_ok(&s)) {
		forge_status(k, &s, "look at the project");
		r = 1;
	} else if (r == 0) {
		*id = json_integer_value(json_object_get(s.body, "id"));
		if (*id <= 0) {
			forge_fail(k, FORGE_INVALID, "its answer is no project");
			r = 1;
		}
	}
	said_release(&s);
	return r;
}

static int find(struct asking *k, struct err *e)
{
	struct said s;
	char path[1200], name[700];
	json_int_t from = 0;
	int r = number_of(k, k->a->fork, &from, e);

	if (r)
		return r;
	(void)snprintf(path, sizeof(path),
		       "/projects/%s/merge_requests?state=all&per_page=10&source_branch=%s",
		       project(k->a->repository, name), k->a->head);
	r = forge_call(k, "GET", path, NULL, &s, e);
	if (r == 0 && (!said_ok(&s) || !json_is_array(s.body))) {
		forge_status(k, &s, "list merge requests");
		r = 1;
	}
	for (size_t i = 0; r == 0 && !k->end->found && i < json_array_size(s.body); i++) {
		const json_t *v = json_array_get(s.body, i);

		/* anybody may have a branch of this name */
		if (json_integer_value(json_object_get(v, "source_project_id")) == from)
			r = take(k, v);
	}
	said_release(&s);
	return r;
}

static json_t *labels(const struct strlist *l)
{
	char text[1024] = "";
	size_t n = 0;

	for (size_t i = 0; i < l->n && n < sizeof(text) - 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.60s", n ? "," : "", l->v[i]);
	return json_string(text);
}

static json_t *draft_title(const char *title)
{
	return json_sprintf("Draft: %.240s", title);
}

static int open_request(struct asking *k, struct err *e)
{
	const struct forge_ask *a = k->a;
	struct said s;
	char path[800], name[700];
	json_int_t target = 0;
	int r = number_of(k, a->repository, &target, e);

	if (r)
		return r;
	(void)snprintf(path, sizeof(path), "/projects/%s/merge_requests", project(a->fork, name));
	r = forge_call(k, "POST", path,
		       json_pack("{s:s,s:s,s:I,s:o,s:s,s:o,s:b}", "source_branch", a->head,
				 "target_branch", a->base, "target_project_id", target, "title",
				 draft_title(a->title), "description", a->body, "labels",
				 labels(&a->labels), "allow_collaboration", 0),
		       &s, e);
	if (r == 0 && !said_ok(&s)) {
		forge_status(k, &s, "open a merge request");
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
	char path[900], name[700];
	int r;

	(void)snprintf(path, sizeof(path), "/projects/%s/merge_requests/%llu",
		       project(k->a->repository, name), (unsigned long long)number);
	r = forge_call(k, "PUT", path, body, &s, e);
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
		      json_pack("{s:o,s:s}", "title", draft_title(k->a->title), "description",
				k->a->body),
		      "bring a merge request up to date", e);
}

/* One user's number by its name; 0: there is none. */
static int user_of(struct asking *k, const char *name, json_int_t *id, struct err *e)
{
	struct said s;
	char path[300];
	int r;

	*id = 0;
	(void)snprintf(path, sizeof(path), "/users?username=%.100s", name);
	r = forge_call(k, "GET", path, NULL, &s, e);
	if (r == 0)
		*id = json_integer_value(json_object_get(json_array_get(s.body, 0), "id"));
	said_release(&s);
	return r;
}

static bool is_user(const char *s)
{
	return *s &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       strlen(s);
}

/* Reviewers go by number; labels went with the opening. */
static int dress(struct asking *k, struct err *e)
{
	AUTO_JSON json_t *ids = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && ids && i < k->a->reviewers.n; i++) {
		const char *name = k->a->reviewers.v[i] + (k->a->reviewers.v[i][0] == '@');
		json_int_t id = 0;

		if (is_user(name))
			r = user_of(k, name, &id, e);
		if (id)
			(void)json_array_append_new(ids, json_integer(id));
		else if (r == 0)
			forge_note(k, "no reviewer '%.60s'", name);
	}
	if (r || json_array_size(ids) == 0)
		return r;
	return change(k, k->end->number, json_pack("{s:O}", "reviewer_ids", ids),
		      "ask for reviewers", e);
}

static int look(struct asking *k, struct err *e)
{
	struct said s;
	char path[900], name[700];
	int r;

	(void)snprintf(path, sizeof(path), "/projects/%s/merge_requests/%llu",
		       project(k->a->repository, name), (unsigned long long)k->a->number);
	r = forge_call(k, "GET", path, NULL, &s, e);
	if (r == 0 && !said_ok(&s))
		forge_status(k, &s, "look at a merge request");
	else if (r == 0)
		r = take(k, s.body);
	said_release(&s);
	return r < 0 ? r : 0;
}

static int close_request(struct asking *k, struct err *e)
{
	struct said s;
	char path[900], name[700];
	int r = 0;

	if (k->a->body) {
		(void)snprintf(path, sizeof(path), "/projects/%s/merge_requests/%llu/notes",
			       project(k->a->repository, name), (unsigned long long)k->a->number);
		r = forge_call(k, "POST", path, json_pack("{s:s}", "body", k->a->body), &s, e);
		if (r == 0 && !said_ok(&s))
			forge_note(k, "the reason was refused (%ld)", s.status);
		said_release(&s);
	}
	return r ? r
		 : change(k, k->a->number, json_pack("{s:s}", "state_event", "close"),
			  "close a merge request", e);
}

const struct forge_backend forge_gitlab = { .about = about,
					    .find = find,
					    .open = open_request,
					    .update = update,
					    .dress = dress,
					    .look = look,
					    .close = close_request,
					    .git_user = "oauth2",
					    .auth = "PRIVATE-TOKEN: " };
