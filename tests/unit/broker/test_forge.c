/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/broker/forge_scene.h"

/* What is asked of each kind of forge, and what is made of its answers, as they are documented. */
/* digests of "A title" and "text" */
#define MARKS                                                               \
	"0a9a20f49dbd422283b6a858111d86882d94027385d849a3dfd5bf3d6c1dd71f " \
	"982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
#define NONE "[]"
#define GH(n, st)                                                                             \
	"{'number':" #n ",'state':'" st "','html_url':'https://forge.invalid/" #n "',"        \
	"'title':'A title','body':'text\\n\\n<!-- sickbay " MARKS " -->','head':{'sha':'" OID \
	"','ref':'sickbay/c',"                                                                \
	"'repo':{'full_name':'Bot/shop'}}}"
#define GL(n, st)                                                                                \
	"{'iid':" #n ",'state':'" st "','web_url':'https://forge.invalid/" #n "',"               \
	"'title':'Draft: A title','description':'text\\n<!-- sickbay " MARKS " -->','sha':'" OID \
	"','source_project_id':7}"
#define EXISTS                                                                                \
	"{'message':'Validation Failed','errors':[{'resource':'PullRequest','code':'custom'," \
	"'message':'A pull request already exists for bot:sickbay/c.'}],'status':'422'}"
#define LIST                                         \
	{                                            \
		"GET", "/pulls?state=all", 200, NONE \
	}
#define POST_PULLS "POST", "/repos/acme/shop/pulls"

static struct forge_ask proposal(void)
{
	return (struct forge_ask){ .verb = FORGE_PROPOSE,
				   .repository = TEXT("acme/shop"),
				   .fork = TEXT("bot/shop"),
				   .head = TEXT("sickbay/c"),
				   .base = TEXT("main"),
				   .title = TEXT("A title"),
				   .body = TEXT("text") };
}

static struct forge_ask about(void)
{
	return (struct forge_ask){ .verb = FORGE_ABOUT, .repository = TEXT("acme/shop") };
}

static struct forge_ask closing(void)
{
	return (struct forge_ask){ .verb = FORGE_CLOSE,
				   .repository = TEXT("acme/shop"),
				   .number = 3,
				   .body = TEXT("why") };
}

#define OPENED(end)                                     \
	do {                                            \
		CHECK_INT((end)->result, FORGE_OK);     \
		CHECK(!(end)->message);                 \
		CHECK_INT((long long)(end)->number, 3); \
		CHECK_STR((end)->state, "open");        \
		CHECK_STR((end)->head, OID);            \
		jmap_release(forge_end_map, end);       \
	} while (0)
#define FAILED(end, how, text)                                         \
	do {                                                           \
		CHECK_INT((end)->result, how);                         \
		CHECK_STR((end)->message ? (end)->message : "", text); \
		jmap_release(forge_end_map, end);                      \
	} while (0)

/* ---- opening, once ---- */

static void a_draft_is_opened(void)
{
	struct forge_ask a = proposal();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end,
	      { "GET", "/repos/acme/shop/pulls?state=all&per_page=10&head=bot:sickbay/c", 200,
		NONE },
	      { POST_PULLS, 201, GH(3, "open"), "\"draft\":true" });
	CHECK(!end.found);
	OPENED(&end);
	SCENE(FORGE_GITLAB, &a, &end, { "GET", "/projects/bot%2Fshop", 200, "{'id':7}" },
	      { "GET", "/projects/acme%2Fshop/merge_requests?state=all", 200, NONE },
	      { "GET", "/projects/acme%2Fshop", 200, "{'id':5}" },
	      { "POST", "/projects/bot%2Fshop/merge_requests", 201, GL(3, "opened"),
		"\"title\":\"Draft: A title\"" });
	OPENED(&end);
	SCENE(FORGE_GITEA, &a, &end, { "GET", "limit=50&page=1", 200, NONE },
	      { POST_PULLS, 201, GH(3, "open"), "\"title\":\"WIP: A title\"" });
	OPENED(&end);
}

/* The forge took it, and the answer was lost. */
static void a_lost_answer_opens_no_second_one(void)
{
	struct forge_ask a = proposal();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, LIST, { POST_PULLS, 0 },
	      { "GET", "head=bot:sickbay/c", 200, "[" GH(3, "open") "]" });
	CHECK(end.found);
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITLAB, &a, &end, { "GET", "bot%2Fshop", 200, "{'id':7}" },
	      { "GET", "merge_requests?", 200, NONE }, { "GET", "acme%2Fshop", 200, "{'id':5}" },
	      { "POST", "/merge_requests", 0 }, { "GET", "bot%2Fshop", 200, "{'id':7}" },
	      { "GET", "merge_requests?", 200, "[" GL(3, "opened") "]" });
	CHECK(end.found);
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITEA, &a, &end, { "GET", "page=1", 200, NONE }, { POST_PULLS, 502, "<html>" },
	      { "GET", "page=1", 200, "[" GH(3, "open") "]" });
	CHECK(end.found);
	jmap_release(forge_end_map, &end);
}

static void one_that_was_never_taken_is_opened_again(void)
{
	struct forge_ask a = proposal();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, LIST, { POST_PULLS, 0 }, LIST, { POST_PULLS, 503 }, LIST,
	      { POST_PULLS, 201, GH(3, "open") });
	CHECK(!end.found);
	CHECK_INT((long long)scene_waits_, 2);
	OPENED(&end);
	SCENE(FORGE_GITHUB, &a, &end, LIST, { POST_PULLS, 0 }, LIST, { POST_PULLS, 0 }, LIST,
	      { POST_PULLS, 0 }, LIST);
	FAILED(&end, FORGE_UNREACHED, "'hub' cannot be reached: it broke off");
}

/* The list is behind: what it says is there is believed. */
static void one_that_is_said_to_be_there_is_looked_for(void)
{
	struct forge_ask a = proposal();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, LIST, { POST_PULLS, 0 }, LIST, { POST_PULLS, 422, EXISTS },
	      { "GET", "/pulls?", 200, "[" GH(3, "open") "]" });
	CHECK(end.found);
	CHECK(!end.message);
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITHUB, &a, &end, LIST, { POST_PULLS, 0 }, { "GET", "/pulls?", 401, "{}" });
	FAILED(&end, FORGE_UNREACHED, "'hub' cannot be reached: it broke off");
}

static void a_closed_one_stays_closed(void)
{
	struct forge_ask a = proposal();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/pulls?", 200, "[" GH(3, "closed") "]" });
	CHECK_STR(end.state, "closed");
	jmap_release(forge_end_map, &end);
}

static void another_s_branch_is_not_ours(void)
{
	struct forge_ask a = proposal();
	struct forge_end end;

	a.fork = TEXT("other/shop");
	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/pulls?", 200, "[" GH(3, "open") "]" },
	      { POST_PULLS, 201, GH(4, "open") });
	CHECK_INT((long long)end.number, 4);
	jmap_release(forge_end_map, &end);
}

static void labels_and_reviewers_are_wishes(void)
{
	char *labels[] = { TEXT("bug"), TEXT("sickbay") };
	char *people[] = { TEXT("@ada"), TEXT("@acme/pay") };
	struct forge_ask a = proposal();
	struct forge_end end;

	a.labels = (struct strlist){ .v = labels, .n = 2 };
	a.reviewers = (struct strlist){ .v = people, .n = 2 };
	SCENE(FORGE_GITHUB, &a, &end, LIST, { POST_PULLS, 201, GH(3, "open") },
	      { "POST", "/issues/3/labels", 422, "{}", "{\"labels\":[\"bug\",\"sickbay\"]}" },
	      { "POST", "/pulls/3/requested_reviewers", 200, "{}",
		"{\"reviewers\":[\"ada\"],\"team_reviewers\":[\"pay\"]}" });
	CHECK_INT((long long)end.notes.n, 1);
	CHECK_STR(end.notes.v[0], "the labels were refused (422)");
	OPENED(&end);
	SCENE(FORGE_GITLAB, &a, &end, { "GET", "bot%2Fshop", 200, "{'id':7}" },
	      { "GET", "merge_requests?", 200, NONE }, { "GET", "acme%2Fshop", 200, "{'id':5}" },
	      { "POST", "/merge_requests", 201, GL(3, "opened") },
	      { "GET", "/users?username=ada", 200, "[{'id':11}]" },
	      { "PUT", "/projects/acme%2Fshop/merge_requests/3", 200, "{}",
		"{\"add_labels\":\"bug,sickbay\",\"reviewer_ids\":[11]}" });
	CHECK_STR(end.notes.v[0], "no reviewer 'acme/pay'");
	OPENED(&end);
}

static void a_repository_without_drafts_is_for_an_operator(void)
{
	static const char no[] =
		"{'message':'Validation Failed','errors':[{'resource':'PullRequest',"
		"'message':'Draft pull requests are not supported in this repository.'}]}";
	struct forge_ask a = proposal();
	struct forge_end end;
	const struct scene s[] = { LIST,
				   { POST_PULLS, 422, no, "\"draft\":true" },
				   { POST_PULLS, 201, GH(3, "open"), "\"draft\":false" } };
	const struct scene refused[] = { s[0], s[1], s[0] };

	scene_run(FORGE_GITHUB, &a, refused, 3, &end);
	FAILED(&end, FORGE_INVALID,
	       "'acme/shop' takes no drafts (its plan has none): where a proposal may be one that "
	       "is "
	       "not marked as a draft, say \"draft\": \"where-possible\" in the service's "
	       "\"forge\"");
	a.plain = true;
	scene_run(FORGE_GITHUB, &a, s, 3, &end);
	CHECK_STR(end.notes.v[0], "it is no draft: the repository takes none");
	OPENED(&end);
}

/* ---- bringing one up to date ---- */

/* One that was found with this title and text. */
static json_t *found(const char *title, json_t *text)
{
	return json_pack("[{s:i,s:s,s:s,s:o,s:{s:s,s:s,s:{s:s}}}]", "number", 3, "state", "open",
			 "title", title, "body", text, "head", "sha", OID, "ref", "sickbay/c",
			 "repo", "full_name", "bot/shop");
}

static void update(const char *title, json_t *text, const struct scene *then, size_t n,
		   struct forge_end *end)
{
	AUTO_JSON json_t *list = found(title, text);
	AUTO_FREE char *answer = json_dumps(list, 0);
	struct scene s[4] = { { "GET", "/pulls?", 200, answer } };
	struct forge_ask a = proposal();

	a.title = TEXT("A new title");
	a.body = TEXT("new text");
	for (size_t i = 0; i < n; i++)
		s[i + 1] = then[i];
	scene_run(FORGE_GITHUB, &a, s, n + 1, end);
	CHECK_INT(end->result, FORGE_OK);
}

static const char *marked(const char *title, const char *text)
{
	static char out[400];
	AUTO_JSON json_t *v = forge_text_mark(title, text);

	(void)snprintf(out, sizeof(out), "%s", json_string_value(v));
	return out;
}

static void what_nobody_edited_is_brought_up_to_date(void)
{
	const struct scene patch = { "PATCH", "/pulls/3", 200, GH(3, "open"),
				     "\"title\":\"A new title\"" };
	struct forge_end end;

	update("A title", forge_text_mark("A title", "text"), &patch, 1, &end);
	CHECK_INT((long long)end.notes.n, 0);
	jmap_release(forge_end_map, &end);
	/* as a browser sends it back */
	update("A title", json_sprintf("text\r\n\r\n%s", strstr(marked("A title", "text"), "<!--")),
	       &patch, 1, &end);
	CHECK_INT((long long)end.notes.n, 0);
	jmap_release(forge_end_map, &end);
}

static void what_a_person_edited_stays(void)
{
	const struct scene patch = { "PATCH", "/pulls/3", 200, GH(3, "open"),
				     "{\"body\":\"new text" };
	const struct scene comment[] = {
		{ "GET", "/issues/3/comments?per_page=100", 200, "[{'body':'hm'}]" },
		{ "POST", "/issues/3/comments", 201, "{}", "{\"body\":\"new text\"}" },
	};
	const struct scene said = { "GET", "/issues/3/comments", 200,
				    "[{'body':'new text\\r\\n'}]" };
	struct forge_end end;

	update("My title", forge_text_mark("A title", "text"), &patch, 1, &end);
	CHECK_STR(end.notes.v[0], "its title was edited: it stays");
	jmap_release(forge_end_map, &end);
	update("A title", json_string("my text"), comment, 2, &end);
	CHECK_STR(end.notes.v[0], "its text was edited: it stays, the new one is a comment");
	jmap_release(forge_end_map, &end);
	update("A title", json_sprintf("%s I add this", marked("A title", "text")), &said, 1, &end);
	jmap_release(forge_end_map, &end);
	/* an edited one of the very text that is to be there */
	update("A title", json_sprintf("I add this. %s", marked("x", "new text")), NULL, 0, &end);
	jmap_release(forge_end_map, &end);
}

/* ---- closing ---- */

static void it_is_closed_with_a_reason(void)
{
	struct forge_ask a = closing();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/pulls/3", 200, GH(3, "open") },
	      { "GET", "/issues/3/comments?per_page=100", 200, NONE },
	      { "POST", "/issues/3/comments", 201, "{}", "{\"body\":\"why\"}" },
	      { "PATCH", "/pulls/3", 200, GH(3, "closed"), "{\"state\":\"closed\"}" });
	CHECK_STR(end.state, "closed");
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITLAB, &a, &end,
	      { "GET", "/projects/acme%2Fshop/merge_requests/3", 200, GL(3, "opened") },
	      { "GET", "/merge_requests/3/notes?per_page=100", 200, NONE },
	      { "POST", "/merge_requests/3/notes", 201, "{}", "{\"body\":\"why\"}" },
	      { "PUT", "/merge_requests/3", 200, GL(3, "closed"), "{\"state_event\":\"close\"}" });
	CHECK_STR(end.state, "closed");
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITEA, &a, &end, { "GET", "/pulls/3", 200, GH(3, "open") },
	      { "GET", "/issues/3/comments?limit=50", 200, NONE },
	      { "POST", "/issues/3/comments", 201, "{}" },
	      { "PATCH", "/pulls/3", 200, GH(3, "open") });
	FAILED(&end, FORGE_INVALID, "it says that 3 is still open");
}

static void what_is_closed_already_is_left(void)
{
	struct forge_ask a = closing();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/pulls/3", 200, GH(3, "closed") });
	CHECK_STR(end.state, "closed");
	jmap_release(forge_end_map, &end);
}

static void the_reason_is_said_once(void)
{
	struct forge_ask a = closing();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/pulls/3", 200, GH(3, "open") },
	      { "GET", "/comments", 200, NONE }, { "POST", "/comments", 0 },
	      { "GET", "/comments", 200, "[{'body':'why'}]" },
	      { "PATCH", "/pulls/3", 200, GH(3, "closed") });
	CHECK_INT(end.result, FORGE_OK);
	CHECK(!end.message);
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/pulls/3", 200, GH(3, "open") },
	      { "GET", "/comments", 200, NONE }, { "POST", "/comments", 403, "{}" },
	      { "PATCH", "/pulls/3", 200, GH(3, "closed") });
	CHECK_STR(end.notes.v[0], "the reason was refused (403)");
	jmap_release(forge_end_map, &end);
}

/* ---- refusals, as each forge documents them ---- */

struct refusal {
	int kind;
	long status;
	const char *answer;
	int result;
	const char *text;
};

static void refusals_say_what_happened(void)
{
	static const struct refusal rows[] = {
		{ FORGE_GITHUB, 401, "{'message':'Bad credentials','status':'401'}", FORGE_REFUSED,
		  "it does not know the token (401): put a new one in place" },
		{ FORGE_GITHUB, 403,
		  "{'message':'Resource not accessible by personal access token'}", FORGE_REFUSED,
		  "the token may not open a pull request (403): Resource not accessible by "
		  "personal "
		  "access token" },
		{ FORGE_GITHUB, 404, "{'message':'Not Found','status':'404'}", FORGE_UNKNOWN,
		  "'acme/shop' is not there, or the token does not see it (404)" },
		{ FORGE_GITHUB, 410, "{'message':'Gone'}", FORGE_UNKNOWN,
		  "'acme/shop' is not there, or the token does not see it (410)" },
		{ FORGE_GITHUB, 422, EXISTS, FORGE_INVALID,
		  "it does not open a pull request (422): Validation Failed: A pull request "
		  "already "
		  "exists for bot:sickbay/c." },
		{ FORGE_GITHUB, 422,
		  "{'message':'Validation "
		  "Failed','errors':[{'resource':'PullRequest','code':'custom',"
		  "'message':'No commits between main and bot:sickbay/c'}]}",
		  FORGE_INVALID,
		  "it does not open a pull request (422): Validation Failed: No commits between "
		  "main "
		  "and bot:sickbay/c" },
		{ FORGE_GITHUB, 422,
		  "{'message':'Validation "
		  "Failed','errors':[{'resource':'PullRequest','field':'head',"
		  "'code':'invalid'}]}",
		  FORGE_INVALID,
		  "it does not open a pull request (422): Validation Failed: head is invalid" },
		{ FORGE_GITHUB, 422,
		  "{'message':'Validation Failed','errors':['fork collab cannot be "
		  "granted']}",
		  FORGE_INVALID,
		  "it does not open a pull request (422): Validation Failed: fork collab cannot be "
		  "granted" },
		{ FORGE_GITHUB, 201, "{'message':", FORGE_INVALID,
		  "its answer is no JSON, or more than 4 MiB of it: is \"api\" the address of its "
		  "API?" },
		{ FORGE_GITHUB, 200, "<!DOCTYPE html><title>Sign in</title>", FORGE_INVALID,
		  "its answer is no JSON, or more than 4 MiB of it: is \"api\" the address of its "
		  "API?" },
		{ FORGE_GITHUB, 201, "{'number':3}", FORGE_INVALID,
		  "its answer is not the pull request that was asked for: is \"api\" the address "
		  "of "
		  "its API?" },
		{ FORGE_GITEA, 409, "{'message':'pull request already exists for these targets'}",
		  FORGE_INVALID,
		  "it does not open a pull request (409): pull request already exists for these "
		  "targets" },
		{ FORGE_GITEA, 403,
		  "{'message':'token does not have at least one of required "
		  "scope(s)'}",
		  FORGE_REFUSED,
		  "the token may not open a pull request (403): token does not have at least one "
		  "of "
		  "required scope(s)" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct scene list = LIST;
		const struct scene s[] = { list,
					   { POST_PULLS, rows[i].status, rows[i].answer },
					   list };
		struct forge_ask a = proposal();
		struct forge_end end;

		scene_run(rows[i].kind, &a, s, 3, &end);
		FAILED(&end, rows[i].result, rows[i].text);
	}
}

static void gitlab_s_refusals_are_lists(void)
{
	struct forge_ask a = proposal();
	struct forge_end end;

	SCENE(FORGE_GITLAB, &a, &end, { "GET", "bot%2Fshop", 200, "{'id':7}" },
	      { "GET", "merge_requests?", 200, NONE }, { "GET", "acme%2Fshop", 200, "{'id':5}" },
	      { "POST", "/merge_requests", 409,
		"{'message':['Another open merge request already exists for this source branch: "
		"!3']}" },
	      { "GET", "bot%2Fshop", 200, "{'id':7}" }, { "GET", "merge_requests?", 200, NONE });
	FAILED(&end, FORGE_INVALID,
	       "it does not open a pull request (409): [\"Another open merge request already "
	       "exists "
	       "for this source branch: !3\"]");
	SCENE(FORGE_GITLAB, &a, &end,
	      { "GET", "bot%2Fshop", 404, "{'message':'404 Project Not Found'}" });
	FAILED(&end, FORGE_UNKNOWN, "'acme/shop' is not there, or the token does not see it (404)");
	SCENE(FORGE_GITLAB, &a, &end,
	      { "GET", "bot%2Fshop", 403, "{'error':'insufficient_scope'}" });
	FAILED(&end, FORGE_REFUSED,
	       "the token may not look at the project (403): insufficient_scope");
	SCENE(FORGE_GITLAB, &a, &end, { "GET", "bot%2Fshop", 200, "{'id':0}" });
	FAILED(&end, FORGE_INVALID, "its answer is no project");
}

static void lists_that_are_none_are_refused(void)
{
	struct forge_ask a = proposal();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/pulls?", 200, "{}" });
	FAILED(&end, FORGE_INVALID,
	       "its answer is no list of pull requests: is \"api\" the address of its API?");
	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/pulls?", 200, NONE, .pad = 5u << 20 });
	FAILED(&end, FORGE_INVALID,
	       "its answer is no JSON, or more than 4 MiB of it: is \"api\" the address of its "
	       "API?");
	SCENE(FORGE_GITHUB, &a, &end,
	      { "GET", "/pulls?", 301, "{}", .location = "https://elsewhere.invalid/1" });
	FAILED(&end, FORGE_INVALID,
	       "it redirects to 'https://elsewhere.invalid/1' (301), which is not followed: name "
	       "the "
	       "repository, or \"api\", as it is called now");
}

/* Cut in whole characters: what is no text could not be passed on. */
static void long_refusals_are_cut(void)
{
	char said[2000];
	size_t n = (size_t)snprintf(said, sizeof(said), "{'message':'x");
	const struct scene s = { "GET", "/repos/", 422, said };
	struct forge_ask a = about();
	struct forge_end end;
	AUTO_JSON json_t *v = NULL;

	for (int i = 0; i < 400; i++)
		n += (size_t)snprintf(said + n, sizeof(said) - n, "\xc3\xa9");
	(void)snprintf(said + n, sizeof(said) - n, "'}");
	scene_run(FORGE_GITHUB, &a, &s, 1, &end);
	v = jmap_write(forge_end_map, &end);
	CHECK(v != NULL);
	CHECK(strlen(end.message) <= 440);
	jmap_release(forge_end_map, &end);
}

/* ---- limits and failures ---- */

static void limits_are_waited_for(void)
{
	struct forge_ask a = about();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/repos/acme/shop", 429, "{}", .after = "7" },
	      { "GET", "/repos/acme/shop", 200, "{}" });
	CHECK(scene_waited_ >= 7000);
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/repos/", 403, "{}", .after = "9" },
	      { "GET", "/repos/", 200, "{}" });
	CHECK(scene_waited_ >= 9000);
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITHUB, &a, &end,
	      { "GET", "/repos/", 403, "{}", .remaining = "0", .reset_in = 20 },
	      { "GET", "/repos/", 200, "{}" });
	CHECK(scene_waited_ >= 19000);
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITHUB, &a, &end,
	      { "GET", "/repos/", 403, "{'message':'You have exceeded a secondary rate limit.'}" },
	      { "GET", "/repos/", 200, "{}" });
	CHECK_INT((long long)scene_waited_, RETRY_AFTER_MS);
	jmap_release(forge_end_map, &end);
}

static void long_limits_are_not(void)
{
	struct forge_ask a = about();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/repos/", 403, "{}", .after = "3600" });
	FAILED(&end, FORGE_UNREACHED, "its limit of rate is used up (403): later, in 3600 s");
	SCENE(FORGE_GITLAB, &a, &end, { "GET", "/projects/", 429, "{}", .after = "120" });
	FAILED(&end, FORGE_UNREACHED, "its limit of rate is used up (429): later, in 120 s");
	SCENE(FORGE_GITHUB, &a, &end, { "GET", "/repos/", 429 }, { "GET", "/repos/", 429 },
	      { "GET", "/repos/", 429 }, { "GET", "/repos/", 429 }, { "GET", "/repos/", 429 });
	FAILED(&end, FORGE_UNREACHED, "its limit of rate is used up (429): later");
}

static void a_forge_that_stumbles_is_asked_again(void)
{
	static const int kinds[] = { FORGE_GITHUB, FORGE_GITLAB, FORGE_GITEA };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct forge_ask a = about();
		struct forge_end end;

		SCENE(kinds[i], &a, &end, { "GET", "shop", 503, "<html>" }, { "GET", "shop", 0 },
		      { "GET", "shop", 200, "{'permissions':{'push':true}}" });
		CHECK_INT(end.result, FORGE_OK);
		CHECK_INT((long long)end.attempts, 3);
		jmap_release(forge_end_map, &end);
		SCENE(kinds[i], &a, &end, { "GET", "shop", 0 }, { "GET", "shop", 0 },
		      { "GET", "shop", 0 }, { "GET", "shop", 0 },
		      { "GET", "shop", 500, "{'message':'out of order'}" });
		FAILED(&end, FORGE_UNREACHED,
		       "it does not look at the repository (500): out of order");
	}
}

/* ---- what the token may ---- */

static void rights_are_what_is_said(void)
{
	struct forge_ask a = about();
	struct forge_end end;

	SCENE(FORGE_GITHUB, &a, &end,
	      { "GET", "/repos/", 200,
		"{'permissions':{'pull':true,'push':false,'more':{'a':[]}}}" });
	CHECK(json_is_true(json_object_get(json_object_get(end.about, "permissions"), "pull")));
	CHECK(!json_object_get(json_object_get(end.about, "permissions"), "more"));
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITLAB, &a, &end,
	      { "GET", "/projects/", 200,
		"{'permissions':{'project_access':null,'group_access':{'access_level':40}}}" });
	CHECK(json_is_true(json_object_get(json_object_get(end.about, "permissions"), "maintain")));
	CHECK(json_is_false(json_object_get(json_object_get(end.about, "permissions"), "admin")));
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITLAB, &a, &end, { "GET", "/projects/", 200, "{}" });
	CHECK(!json_object_get(end.about, "permissions"));
	jmap_release(forge_end_map, &end);
}

static void states_are_read(void)
{
	struct forge_ask a = { .verb = FORGE_LOOK, .repository = TEXT("acme/shop"), .number = 3 };
	struct forge_end end;

	SCENE(FORGE_GITLAB, &a, &end,
	      { "GET", "/merge_requests/3", 200,
		"{'iid':3,'state':'merged','sha':'" OID
		"','merge_commit_sha':null,'squash_commit_sha':'" OID "'}" });
	CHECK_STR(end.state, "merged");
	CHECK_STR(end.into, OID);
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITLAB, &a, &end, { "GET", "/merge_requests/3", 200, GL(3, "locked") });
	CHECK_STR(end.state, "open");
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITHUB, &a, &end,
	      { "GET", "/pulls/3", 200,
		"{'number':3,'state':'closed','merged':true,'merge_commit_sha':'not "
		"one','html_url':'javascript:1'}" });
	CHECK_STR(end.state, "merged");
	CHECK(!end.into && !end.url && !end.head);
	jmap_release(forge_end_map, &end);
	SCENE(FORGE_GITEA, &a, &end, { "GET", "/pulls/3", 200, GH(3, "locked") });
	CHECK_INT(end.result, FORGE_INVALID);
	jmap_release(forge_end_map, &end);
}

TAP_MAIN({ "a draft is opened, in the words of each forge", a_draft_is_opened },
	 { "one whose answer was lost is taken over", a_lost_answer_opens_no_second_one },
	 { "one that was never taken is opened again, a few times",
	   one_that_was_never_taken_is_opened_again },
	 { "one that is said to be there is looked for",
	   one_that_is_said_to_be_there_is_looked_for },
	 { "one that a person closed stays closed", a_closed_one_stays_closed },
	 { "a branch of the same name in another fork is not ours", another_s_branch_is_not_ours },
	 { "labels and reviewers that are refused are notes", labels_and_reviewers_are_wishes },
	 { "a repository without drafts is for an operator to allow",
	   a_repository_without_drafts_is_for_an_operator },
	 { "what nobody edited is brought up to date", what_nobody_edited_is_brought_up_to_date },
	 { "what a person edited stays", what_a_person_edited_stays },
	 { "one is closed with a reason", it_is_closed_with_a_reason },
	 { "one that is closed already is left as it is", what_is_closed_already_is_left },
	 { "the reason is said once", the_reason_is_said_once },
	 { "refusals say what happened, and what can be done", refusals_say_what_happened },
	 { "GitLab's refusals are lists", gitlab_s_refusals_are_lists },
	 { "lists that are none are refused", lists_that_are_none_are_refused },
	 { "long refusals are cut in whole characters", long_refusals_are_cut },
	 { "limits of rate are waited for", limits_are_waited_for },
	 { "limits that last are not", long_limits_are_not },
	 { "a forge that stumbles is asked again", a_forge_that_stumbles_is_asked_again },
	 { "the rights of the token are those that are said", rights_are_what_is_said },
	 { "what a pull request is, is read from documented members", states_are_read })
