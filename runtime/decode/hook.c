/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/decode/reports.h"

/*
 * Webhooks of forges: which pull request a person ended, and nothing more; how
 * it ended is asked of the forge itself.  Sources: GitHub's "Webhook events and
 * payloads" (pull_request), GitLab's "Webhook events" (merge request events),
 * Gitea's "Webhooks", whose payloads have GitHub's shape.
 */
#define OURS	  "sickbay/" /* begins the branch of each proposal */
#define TEXT_MOST 256

static const json_t *in(const json_t *o, const char *name)
{
	return json_object_get(o, name);
}

static const char *str(const json_t *o, const char *name)
{
	const char *s = json_string_value(in(o, name));

	return s && strlen(s) <= TEXT_MOST ? s : NULL;
}

/* WHAT, and which one where its name is plain. */
static void ignore(struct findings *out, const char *what, const char *which)
{
	const size_t n = which ? strspn(which, "abcdefghijklmnopqrstuvwxyz_") : 0;
	char name[64];

	(void)snprintf(name, sizeof(name), "%s%s%s", what, n && !which[n] && n <= 40 ? " " : "",
		       n && !which[n] && n <= 40 ? which : "");
	findings_ignore(out, name);
}

static bool is_ours(const char *branch)
{
	return branch && strncmp(branch, OURS, strlen(OURS)) == 0;
}

static int told(const struct source *from, const char *repository, const json_t *number,
		const char *branch, struct findings *out, struct err *e)
{
	json_t *v;

	if (!repository || !json_is_integer(number) || json_integer_value(number) <= 0)
		return source_error(e, from, 1, 1,
				    "want the number of a pull request and its repository");
	v = json_pack("{s:s,s:O,s:s}", "repository", repository, "number", number, "branch",
		      branch);
	return !v || json_array_append_new(out->hooks, v) < 0 ? err_set(e, ENOMEM, "out of memory")
							      : 0;
}

/* Of Gitea the label is the branch's name also when the branch is gone; GitHub's is OWNER:BRANCH.
 */
static const char *branch_of(const json_t *head)
{
	const char *ref = str(head, "ref"), *label = str(head, "label");
	const char *colon = label ? strrchr(label, ':') : NULL;

	if (is_ours(ref))
		return ref;
	return colon ? colon + 1 : label;
}

int github_hook(const struct source *from, struct findings *out, struct err *e)
{
	AUTO_JSON json_t *root = NULL;
	const json_t *pull;
	const char *branch, *action;

	if (payload_json(from, from->text, from->n, &root, e) < 0)
		return -e->code;
	pull = in(root, "pull_request");
	action = str(root, "action");
	branch = branch_of(in(pull, "head"));
	if (!json_is_object(pull) || !in(root, "number"))
		ignore(out, str(root, "zen") ? "ping" : "event of another kind", NULL);
	else if (!is_ours(branch))
		ignore(out, "pull request of another branch", NULL);
	else if (!action || strcmp(action, "closed") != 0)
		ignore(out, "pull request", action);
	else
		return told(from, str(in(root, "repository"), "full_name"), in(root, "number"),
			    branch, out, e);
	return 0;
}

int gitlab_hook(const struct source *from, struct findings *out, struct err *e)
{
	AUTO_JSON json_t *root = NULL;
	const json_t *merge;
	const char *kind, *branch, *action;

	if (payload_json(from, from->text, from->n, &root, e) < 0)
		return -e->code;
	kind = str(root, "object_kind");
	merge = in(root, "object_attributes");
	branch = str(merge, "source_branch");
	action = str(merge, "action");
	if (!kind || strcmp(kind, "merge_request") != 0)
		ignore(out, "event", kind);
	else if (!is_ours(branch))
		ignore(out, "merge request of another branch", NULL);
	else if (!action || (strcmp(action, "merge") != 0 && strcmp(action, "close") != 0))
		ignore(out, "merge request", action);
	else
		return told(from, str(in(root, "project"), "path_with_namespace"), in(merge, "iid"),
			    branch, out, e);
	return 0;
}
