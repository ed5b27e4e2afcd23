/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/broker/forge_impl.h"

/* GitHub's REST API, version 2022-11-28. */

static int owner_of(const char *repository)
{
	return (int)strcspn(repository, "/");
}

static void query(const struct asking *k, int page, char out[FORGE_PATH])
{
	(void)page;
	(void)snprintf(out, FORGE_PATH, "per_page=10&head=%.*s:%s", owner_of(k->a->fork),
		       k->a->fork, k->a->head);
}

static int opening(struct asking *k, json_t *title, json_t *text, json_t **body,
		   const char **repository, struct err *e)
{
	const struct forge_ask *a = k->a;

	(void)repository;
	*body = json_pack("{s:o,s:o,s:o,s:s,s:b,s:b}", "title", title, "body", text, "head",
			  json_sprintf("%.*s:%s", owner_of(a->fork), a->fork, a->head), "base",
			  a->base, "draft", 1, "maintainer_can_modify", 0);
	return *body ? 0 : err_set(e, ENOMEM, "out of memory");
}

const struct forge_backend forge_github = {
	.git_user = "x-access-token",
	.auth = "Authorization: Bearer ",
	.repository = "/repos/",
	.slash = "/",
	.pulls = "/pulls",
	.comments = { "/issues/", "/comments" },
	.page = "per_page=100",
	.change = "PATCH",
	.close = { "state", "closed" },
	.draft = "",
	.number = "number",
	.url = "html_url",
	.text = "body",
	.head = "head.sha",
	.open_words = { "open" },
	.pages = 1,
	.query = query,
	.is_ours = forge_is_ours,
	.opening = opening,
	.dress = forge_dress_by_name,
	.rights = forge_rights,
};
