/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/hook.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/tap.h"

/* A request's headers: name, value, ... NULL. */
static const char *of(void *ctx, const char *name)
{
	for (const char *const *h = ctx; *h; h += 2)
		if (strcasecmp(h[0], name) == 0)
			return h[1];
	return NULL;
}

static struct err why;

static struct hook *with(int kind, const char *secret)
{
	char name[] = "hub", file[] = "/key";
	const struct intake_hook said = { .name = name, .kind = kind, .file = file, .place = 3 };
	const int fd = memfd_create("secret", MFD_CLOEXEC);
	struct hook *h = NULL;

	why = (struct err)ERR_INIT;
	if (fd < 0 || write(fd, secret, strlen(secret)) != (ssize_t)strlen(secret) ||
	    lseek(fd, 0, SEEK_SET) < 0 || hook_open(&said, fd, &h, &why) < 0)
		h = NULL;
	(void)close(fd);
	return h;
}

static bool is_good(const struct hook *h, const char *const *headers, const char *body)
{
	void *ctx = (void *)(uintptr_t)headers;

	return hook_shows_proof(h, of, ctx) && hook_is_genuine(h, of, ctx, body, strlen(body));
}
#define GOOD(h, body, ...) is_good(h, (const char *const[]){ __VA_ARGS__, NULL }, body)

/* GitHub, "Validating webhook deliveries": its secret, its payload, its signature. */
#define GITHUB_SECRET "It's a Secret to Everybody"
#define GITHUB_BODY   "Hello, World!"
#define GITHUB_MAC    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static void test_github(void)
{
	struct hook *h = with(FORGE_GITHUB, GITHUB_SECRET "\n");
	struct hook *other = with(FORGE_GITHUB, GITHUB_SECRET "!");

	CHECK(h && other);
	CHECK(GOOD(h, GITHUB_BODY, "x-hub-signature-256", "sha256=" GITHUB_MAC));
	CHECK(!GOOD(other, GITHUB_BODY, "X-Hub-Signature-256", "sha256=" GITHUB_MAC));
	CHECK(!GOOD(h, GITHUB_BODY ".", "X-Hub-Signature-256", "sha256=" GITHUB_MAC));
	CHECK(!GOOD(h, "", "X-Hub-Signature-256", "sha256=" GITHUB_MAC));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Hub-Signature-256", GITHUB_MAC));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Hub-Signature-256", "sha1=" GITHUB_MAC));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Hub-Signature-256", "sha256=" GITHUB_MAC "0"));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Hub-Signature-256", "sha256=757107ea"));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Hub-Signature-256", "sha256="));
	/* the header of the weaker digest proves nothing */
	CHECK(!GOOD(h, GITHUB_BODY, "X-Hub-Signature", "sha256=" GITHUB_MAC));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Gitlab-Token", GITHUB_SECRET));
	hook_close(h);
	hook_close(other);
}

static void test_gitea(void)
{
	struct hook *h = with(FORGE_GITEA, GITHUB_SECRET);

	CHECK(GOOD(h, GITHUB_BODY, "X-Gitea-Signature", GITHUB_MAC));
	CHECK(GOOD(h, GITHUB_BODY, "X-Forgejo-Signature", GITHUB_MAC));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Gitea-Signature", "sha256=" GITHUB_MAC));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Hub-Signature-256", "sha256=" GITHUB_MAC));
	hook_close(h);
}

static void test_gitlab_token(void)
{
	struct hook *h = with(FORGE_GITLAB, GITHUB_SECRET);

	CHECK(GOOD(h, GITHUB_BODY, "X-Gitlab-Token", GITHUB_SECRET));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Gitlab-Token", GITHUB_SECRET "!"));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Gitlab-Token", "It's a Secret"));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Gitlab-Token", ""));
	CHECK(!GOOD(h, GITHUB_BODY, "X-Hub-Signature-256", "sha256=" GITHUB_MAC));
	hook_close(h);
}

/* The vector that the libraries of Standard Webhooks share. */
#define KEY	 "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID	 "webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define AT	 "webhook-timestamp", "1614265330"
#define BODY	 "{\"test\": 2432232314}"
#define SIGNED	 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define NOT_THIS "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="

static void test_gitlab_signature(void)
{
	struct hook *h = with(FORGE_GITLAB, KEY);

	CHECK(GOOD(h, BODY, ID, AT, "webhook-signature", SIGNED));
	CHECK(GOOD(h, BODY, ID, AT, "webhook-signature", (NOT_THIS " v1a,x " SIGNED)));
	CHECK(!GOOD(h, BODY, ID, AT, "webhook-signature", NOT_THIS));
	CHECK(!GOOD(h, BODY " ", ID, AT, "webhook-signature", SIGNED));
	CHECK(!GOOD(h, BODY, ID, "webhook-timestamp", "1614265331", "webhook-signature", SIGNED));
	CHECK(!GOOD(h, BODY, "webhook-id", "msg_x", AT, "webhook-signature", SIGNED));
	CHECK(!GOOD(h, BODY, AT, "webhook-signature", SIGNED));
	CHECK(!GOOD(h, BODY, ID, "webhook-signature", SIGNED));
	CHECK(!GOOD(h, BODY, ID, AT, "webhook-signature", "v1a,g0hM9SsE"));
	CHECK(!GOOD(h, BODY, ID, AT, "webhook-signature", ""));
	/* what is signed cannot be cut at another place */
	CHECK(!GOOD(h, "1614265330." BODY, "webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek",
		    "webhook-timestamp", "", "webhook-signature", SIGNED));
	/* nor is the weaker way open beside it */
	CHECK(!GOOD(h, BODY, "X-Gitlab-Token", KEY));
	hook_close(h);
}

static void test_secrets(void)
{
	static const struct {
		int kind;
		const char *secret, *why;
	} t[] = {
		{ FORGE_GITHUB, "", "key file '/key' is empty" },
		{ FORGE_GITHUB, "\n", "key file '/key' is empty" },
		{ FORGE_GITHUB, "fifteen-letters", "fewer than 16 bytes could be guessed" },
		{ FORGE_GITHUB, "two\nlines of some length", "not one line of visible ASCII" },
		{ FORGE_GITLAB, "whsec_", "what follows whsec_ is not base 64" },
		{ FORGE_GITLAB, "whsec_====", "what follows whsec_ is not base 64" },
		{ FORGE_GITLAB, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
		  "what follows whsec_ is not base 64" },
		{ FORGE_GITLAB, "whsec_c2hvcnQ=", "fewer than 16 bytes could be guessed" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		CHECK(with(t[i].kind, t[i].secret) == NULL);
		CHECK(strstr(why.msg, t[i].why) != NULL);
		CHECK(*t[i].secret < ' ' || strstr(why.msg, t[i].secret) == NULL ||
		      strcmp(t[i].secret, "whsec_") == 0);
	}
	CHECK(strstr(why.msg, "forge 'hub'") != NULL);
}

static const char *event(int kind, const char *name, const char *value)
{
	const char *const headers[] = { name, value, NULL };
	struct hook *h = with(kind, GITHUB_SECRET);
	const char *text = hook_ignores(h, of, (void *)(uintptr_t)headers);

	hook_close(h);
	return text ? text : "(taken)";
}

static void test_events(void)
{
	CHECK_STR(event(FORGE_GITHUB, "X-GitHub-Event", "pull_request"), "(taken)");
	CHECK_STR(event(FORGE_GITHUB, "X-GitHub-Event", "ping"), "ping");
	CHECK_STR(event(FORGE_GITHUB, "X-GitHub-Event", "pull_request_review"),
		  "pull_request_review");
	CHECK_STR(event(FORGE_GITHUB, "X-GitHub-Event", "\"}"), "an event without a name");
	CHECK_STR(event(FORGE_GITHUB, "X-Other", "ping"), "(taken)");
	CHECK_STR(event(FORGE_GITLAB, "X-Gitlab-Event", "Merge Request Hook"), "(taken)");
	CHECK_STR(event(FORGE_GITLAB, "X-Gitlab-Event", "System Hook"), "(taken)");
	CHECK_STR(event(FORGE_GITLAB, "X-Gitlab-Event", "Push Hook"), "Push Hook");
	CHECK_STR(event(FORGE_GITEA, "X-Gitea-Event", "pull_request"), "(taken)");
	CHECK_STR(event(FORGE_GITEA, "X-Gitea-Event", "push"), "push");
}

static void test_paths(void)
{
	struct hook *v[] = { with(FORGE_GITLAB, GITHUB_SECRET) };

	CHECK_INT(hook_find(v, 1, "/forge/hub"), 0);
	CHECK_INT(hook_find(v, 1, "/forge/hub/"), -1);
	CHECK_INT(hook_find(v, 1, "/forge/"), -1);
	CHECK_INT(hook_find(v, 1, "hub"), -1);
	CHECK_INT(hook_find(v, 0, "/forge/hub"), -1);
	CHECK(hook_place(v[0]) == 3);
	CHECK_INT(hook_kind(v[0]), INTAKE_GITLAB);
	CHECK_STR(intake_kind_words[INTAKE_GITHUB + FORGE_GITEA], forge_kind_words[FORGE_GITEA]);
	hook_close(v[0]);
}

TAP_MAIN({ "GitHub's signature is checked over the whole body", test_github },
	 { "Gitea's and Forgejo's have no scheme in front", test_gitea },
	 { "GitLab's token is the whole secret", test_gitlab_token },
	 { "GitLab's signing key leaves no other way open", test_gitlab_signature },
	 { "a secret that could be guessed, or is damaged, is refused without being shown",
	   test_secrets },
	 { "events that are about no pull request are known by their names", test_events },
	 { "a path names one forge", test_paths })
