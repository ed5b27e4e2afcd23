/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/jmap.h"
#include "runtime/decode/reports.h"
#include "tests/tap.h"

/* What a payload comes to: "REPOSITORY NUMBER BRANCH", "left out: NAME" or the refusal. */
static const char *reads(payload_reader *reader, const char *text)
{
	static char out[600];
	AUTO_FINDINGS struct findings f = { 0 };
	const struct source in = { .name = "report", .text = text, .n = strlen(text) };
	struct err e = ERR_INIT;
	const json_t *hook;

	if (findings_init(&f, &e) < 0 || reader(&in, &f, &e) < 0) {
		(void)snprintf(out, sizeof(out), "%s", e.msg);
		return out;
	}
	hook = json_array_get(f.hooks, 0);
	if (hook)
		(void)snprintf(out, sizeof(out), "%s %d %s",
			       json_string_value(json_object_get(hook, "repository")),
			       (int)json_integer_value(json_object_get(hook, "number")),
			       json_string_value(json_object_get(hook, "branch")));
	else
		(void)snprintf(out, sizeof(out), "left out: %s",
			       json_object_iter_key(json_object_iter(f.ignored)));
	return out;
}

#define GITHUB(action, head)                                                              \
	"{\"action\":\"" action "\",\"number\":7,\"pull_request\":{\"head\":{" head "}}," \
	"\"repository\":{\"full_name\":\"acme/shop\"}}"
#define OURS "\"label\":\"bot:sickbay/shop-1-1\",\"ref\":\"sickbay/shop-1-1\""

static void test_github(void)
{
	CHECK_STR(reads(github_hook, GITHUB("closed", OURS)), "acme/shop 7 sickbay/shop-1-1");
	CHECK_STR(reads(github_hook, GITHUB("opened", OURS)), "left out: pull request opened");
	CHECK_STR(reads(github_hook, GITHUB("<b>", OURS)), "left out: pull request");
	CHECK_STR(reads(github_hook, GITHUB("closed", "\"ref\":\"fix\"")),
		  "left out: pull request of another branch");
	CHECK_STR(reads(github_hook, GITHUB("closed", "\"ref\":7")),
		  "left out: pull request of another branch");
	CHECK_STR(reads(github_hook, "{\"zen\":\"Speak like a human.\",\"hook_id\":1}"),
		  "left out: ping");
	CHECK_STR(reads(github_hook, "{\"pull_request\":{},\"review\":{}}"),
		  "left out: event of another kind");
	CHECK_STR(reads(github_hook, "[]"), "left out: event of another kind");
	CHECK_STR(reads(github_hook,
			"{\"action\":\"closed\",\"number\":-1,\"pull_request\":"
			"{\"head\":{" OURS "}},\"repository\":{\"full_name\":\"a/b\"}}"),
		  "report:1:1: want the number of a pull request and its repository");
	CHECK_STR(reads(github_hook, "{\"action\":\"closed\",\"number\":1,\"pull_request\":"
				     "{\"head\":{" OURS "}},\"repository\":[]}"),
		  "report:1:1: want the number of a pull request and its repository");
	CHECK(strncmp(reads(github_hook, "{\"action\":"), "report:1:", 9) == 0);
	CHECK(strncmp(reads(github_hook, "{\"number\":1,\"number\":2}"), "report:1:", 9) == 0);
}

/* Its branch is named by the label also once it is gone. */
static void test_gitea(void)
{
	CHECK_STR(reads(github_hook, GITHUB("closed", "\"label\":\"sickbay/shop-1-1\","
						      "\"ref\":\"refs/pull/7/head\"")),
		  "acme/shop 7 sickbay/shop-1-1");
}

#define GITLAB(kind, action, branch, number)                                                     \
	"{\"object_kind\":\"" kind "\",\"project\":{\"path_with_namespace\":\"acme/pay/shop\"}," \
	"\"object_attributes\":{\"iid\":" number ",\"action\":\"" action                         \
	"\",\"source_branch\":\"" branch "\"}}"

static void test_gitlab(void)
{
	CHECK_STR(reads(gitlab_hook, GITLAB("merge_request", "merge", "sickbay/a-1", "5")),
		  "acme/pay/shop 5 sickbay/a-1");
	CHECK_STR(reads(gitlab_hook, GITLAB("merge_request", "close", "sickbay/a-1", "5")),
		  "acme/pay/shop 5 sickbay/a-1");
	CHECK_STR(reads(gitlab_hook, GITLAB("merge_request", "approved", "sickbay/a-1", "5")),
		  "left out: merge request approved");
	CHECK_STR(reads(gitlab_hook, GITLAB("merge_request", "merge", "fix", "5")),
		  "left out: merge request of another branch");
	CHECK_STR(reads(gitlab_hook, GITLAB("push", "merge", "sickbay/a-1", "5")),
		  "left out: event push");
	CHECK_STR(reads(gitlab_hook, "{}"), "left out: event");
	CHECK_STR(reads(gitlab_hook, GITLAB("merge_request", "merge", "sickbay/a-1", "\"5\"")),
		  "report:1:1: want the number of a pull request and its repository");
}

TAP_MAIN({ "GitHub: the pull request that was closed, and nothing else", test_github },
	 { "Gitea: the same, when its branch is gone", test_gitea },
	 { "GitLab: the merge request that was merged or closed", test_gitlab })
