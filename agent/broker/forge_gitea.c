/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/broker/forge_impl.h"

/* Gitea's and Forgejo's API v1. What has a title that begins with "WIP:" is a draft there. */

/* There is no search by branch over forks that all versions have: the newest are looked through. */
static void query(const struct asking *k, int page, char out[FORGE_PATH])
{
	(void)k;
	(void)snprintf(out, FORGE_PATH, "sort=recentupdate&limit=50&page=%d", page);
}

static int opening(struct asking *k, json_t *title, json_t *text, json_t **body,
		   const char **repository, struct err *e)
{
	const struct forge_ask *a = k->a;

	(void)repository;
	*body = json_pack("{s:o,s:o,s:o,s:s}", "title", title, "body", text, "head",
			  json_sprintf("%.*s:%s", (int)strcspn(a->fork, "/"), a->fork, a->head),
			  "base", a->base);
	return *body ? 0 : err_set(e, ENOMEM, "out of memory");
}

const struct forge_backend forge_gitea = {
	.git_user = "token",
	.auth = "Authorization: token ",
	.repository = "/repos/",
	.slash = "/",
	.pulls = "/pulls",
	.comments = { "/issues/", "/comments" },
	.page = "limit=50",
	.change = "PATCH",
	.close = { "state", "closed" },
	.draft = "WIP: ",
	.number = "number",
	.url = "html_url",
	.text = "body",
	.head = "head.sha",
	.open_words = { "open" },
	.pages = 10,
	.query = query,
	.is_ours = forge_is_ours,
	.opening = opening,
	.dress = forge_dress_by_name,
	.rights = forge_rights,
};
