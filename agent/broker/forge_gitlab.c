/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/broker/forge_impl.h"
#include "runtime/base/cleanup.h"

/* GitLab's REST API v4: a project is named by its path with %2F between its parts. */

static json_int_t level_in(const json_t *permissions, const char *by)
{
	return json_integer_value(
		json_object_get(json_object_get(permissions, by), "access_level"));
}

static json_t *rights(const json_t *project)
{
	const json_t *p = json_object_get(project, "permissions");
	const json_int_t own = level_in(p, "project_access"), group = level_in(p, "group_access");
	const json_int_t level = own > group ? own : group;

	/* 30: developer, who may push and merge what is not protected; 40: maintainer */
	return json_is_object(p) ? json_pack("{s:b,s:b,s:b}", "push", level >= 30, "maintain",
					     level >= 40, "admin", level >= 50)
				 : NULL;
}

/* A project by its number. */
static int number_of(struct asking *k, const char *repository, json_int_t *id, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	char path[FORGE_PATH];
	const struct forge_step s = { .method = "GET",
				      .path = path,
				      .what = "look at the project" };
	int r;

	forge_path(k, repository, path, "%s", "");
	r = forge_do(k, &s, &v, e);
	*id = json_integer_value(json_object_get(v, "id"));
	if (r == 0 && *id <= 0) {
		forge_fail(k, FORGE_INVALID, "its answer is no project");
		r = 1;
	}
	return r;
}

static int prepare(struct asking *k, struct err *e)
{
	return number_of(k, k->a->fork, &k->from, e);
}

static void query(const struct asking *k, int page, char out[FORGE_PATH])
{
	(void)page;
	(void)snprintf(out, FORGE_PATH, "per_page=10&source_branch=%s", k->a->head);
}

/* Anybody may have a branch of this name. */
static bool is_ours(const struct asking *k, const json_t *v)
{
	return json_integer_value(json_object_get(v, "source_project_id")) == k->from;
}

static int opening(struct asking *k, json_t *title, json_t *text, json_t **body,
		   const char **repository, struct err *e)
{
	const struct forge_ask *a = k->a;
	json_int_t target = 0;
	const int r = number_of(k, a->repository, &target, e);

	if (r) {
		json_decref(title);
		json_decref(text);
		return r;
	}
	*repository = a->fork;
	*body = json_pack("{s:o,s:o,s:s,s:s,s:I,s:b}", "title", title, "description", text,
			  "source_branch", a->head, "target_branch", a->base, "target_project_id",
			  target, "allow_collaboration", 0);
	return *body ? 0 : err_set(e, ENOMEM, "out of memory");
}

static bool is_user(const char *s)
{
	return *s &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       strlen(s);
}

/* Reviewers go by number. */
static int add_reviewer(struct asking *k, const char *name, json_t *ids, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	char path[300];
	const struct forge_step s = { .method = "GET",
				      .path = path,
				      .wish = "names of users were" };
	json_int_t id;
	int r = 0;

	(void)snprintf(path, sizeof(path), "/users?username=%.100s", name);
	if (is_user(name))
		r = forge_do(k, &s, &v, e);
	id = json_integer_value(json_object_get(json_array_get(v, 0), "id"));
	if (r == 0 && id > 0)
		(void)json_array_append_new(ids, json_integer(id));
	else if (r == 0)
		forge_note(k, "no reviewer '%.60s'", name);
	return r;
}

static json_t *joined(const struct strlist *l)
{
	AUTO_BUF struct buf b = BUF_INIT(8192);

	for (size_t i = 0; i < l->n; i++)
		buf_printf(&b, "%s%.100s", i ? "," : "", l->v[i]);
	return b.failed ? NULL : json_string(b.p);
}

static int dress(struct asking *k, struct err *e)
{
	const struct forge_ask *a = k->a;
	AUTO_JSON json_t *ids = json_array();
	json_t *body = json_object();
	char path[FORGE_PATH];
	struct forge_step s = { .method = "PUT",
				.path = path,
				.wish = "labels and reviewers were" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->reviewers.n; i++)
		r = add_reviewer(k, a->reviewers.v[i] + (a->reviewers.v[i][0] == '@'), ids, e);
	if (a->labels.n)
		(void)json_object_set_new(body, "add_labels", joined(&a->labels));
	if (json_array_size(ids))
		(void)json_object_set(body, "reviewer_ids", ids);
	if (r || json_object_size(body) == 0) {
		json_decref(body);
		return r;
	}
	forge_path(k, a->repository, path, "%s/%llu", k->b->pulls,
		   (unsigned long long)k->end->number);
	s.body = body;
	return forge_do(k, &s, NULL, e);
}

const struct forge_backend forge_gitlab = {
	.git_user = "oauth2",
	.auth = "PRIVATE-TOKEN: ",
	.repository = "/projects/",
	.slash = "%2F",
	.pulls = "/merge_requests",
	.comments = { "/merge_requests/", "/notes" },
	.page = "per_page=100",
	.change = "PUT",
	.close = { "state_event", "close" },
	.draft = "Draft: ",
	.number = "iid",
	.url = "web_url",
	.text = "description",
	.head = "sha",
	.open_words = { "opened", "locked" }, /* "locked": it is being merged */
	.pages = 1,
	.prepare = prepare,
	.query = query,
	.is_ours = is_ours,
	.opening = opening,
	.dress = dress,
	.rights = rights,
};
