/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/broker/forge_impl.h"
#include "agent/broker/retry.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/utf8.h"

/* What can be asked of a pull request, by the words of one forge. */
#define OPENINGS    3
#define SAYINGS	    2
#define TITLE_BYTES 240
#define URL_BYTES   2000

/* ---- what an answer says ---- */

static const json_t *member(const json_t *v, const char *path)
{
	char name[64];

	for (; *path; path += strcspn(path, "."), path += *path == '.') {
		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, "."), path);
		v = json_object_get(v, name);
	}
	return v;
}

static const char *text_at(const json_t *v, const char *path)
{
	return json_string_value(member(v, path));
}

static const char *oid_at(const json_t *v, const char *path)
{
	const char *s = text_at(v, path);

	return s && git_oid_is_good(s, strlen(s)) ? s : NULL;
}

static const char *link_at(const json_t *v, const char *path)
{
	const char *s = text_at(v, path);
	size_t n = 0;

	if (!s || (strncmp(s, "https://", 8) != 0 && strncmp(s, "http://", 7) != 0))
		return NULL;
	while (s[n] > ' ' && s[n] < 0x7f)
		n++;
	return s[n] || n > URL_BYTES ? NULL : s;
}

/* "open", "closed", "merged"; NULL: what it says is not known. */
static const char *state_of(const struct asking *k, const json_t *v)
{
	const char *s = said_text(v, "state");

	if (!s)
		return NULL;
	if (json_is_true(member(v, "merged")) || json_is_string(member(v, "merged_at")) ||
	    strcmp(s, "merged") == 0)
		return "merged";
	for (size_t i = 0; k->b->open_words[i]; i++)
		if (strcmp(s, k->b->open_words[i]) == 0)
			return "open";
	return strcmp(s, "closed") == 0 ? "closed" : NULL;
}

/* 1: it is none, or another than was asked for; end says so. */
static int take(struct asking *k, json_t *v)
{
	const json_int_t n = json_integer_value(member(v, k->b->number));
	const char *state = state_of(k, v);
	const char *into = oid_at(v, "merge_commit_sha");

	if (n <= 0 || !state || (k->a->number && (uint64_t)n != k->a->number)) {
		forge_fail(k, FORGE_INVALID,
			   "its answer is not the pull request that was asked for: is \"api\" the "
			   "address of its API?");
		return 1;
	}
	into = into ? into : oid_at(v, "squash_commit_sha");
	json_decref(k->there);
	k->there = json_incref(v);
	k->end->number = (uint64_t)n;
	forge_set(&k->end->state, state);
	forge_set(&k->end->url, link_at(v, k->b->url));
	forge_set(&k->end->head, oid_at(v, k->b->head));
	forge_set(&k->end->into, strcmp(state, "merged") == 0 ? into : NULL);
	return 0;
}

/* As if nothing had gone wrong so far. */
static void clear(struct asking *k)
{
	forge_set(&k->end->message, NULL);
	k->end->result = FORGE_OK;
}

static bool is_open(const struct asking *k)
{
	return k->end->state && strcmp(k->end->state, "open") == 0;
}

bool forge_is_ours(const struct asking *k, const json_t *v)
{
	const char *branch = text_at(v, "head.ref");
	const char *from = text_at(v, "head.repo.full_name");

	/* a forge does not tell apart names by their case */
	return branch && strcmp(branch, k->a->head) == 0 && from &&
	       strcasecmp(from, k->a->fork) == 0;
}

json_t *forge_rights(const json_t *repository)
{
	static const char *const known[] = { "admin", "maintain", "push", "triage", "pull" };
	const json_t *p = json_object_get(repository, "permissions");
	json_t *out = json_is_object(p) ? json_object() : NULL;

	for (size_t i = 0; out && i < sizeof(known) / sizeof(known[0]); i++)
		(void)json_object_set_new(out, known[i],
					  json_boolean(json_is_true(json_object_get(p, known[i]))));
	return out;
}

/* ---- asking ---- */

int forge_about(struct asking *k, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	char path[FORGE_PATH];
	const struct forge_step s = { .method = "GET",
				      .path = path,
				      .what = "look at the repository" };
	int r;

	forge_path(k, k->a->repository, path, "%s", "");
	r = forge_do(k, &s, &v, e);
	if (r == 0)
		k->end->about = json_pack("{s:o*,s:s*}", "permissions", k->b->rights(v), "scopes",
					  k->scopes[0] ? k->scopes : NULL);
	return r;
}

static int ask_pull(struct asking *k, const char *method, uint64_t number, json_t *body,
		    const char *what, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	char path[FORGE_PATH];
	const struct forge_step s = { method, path, body, .what = what };
	int r;

	forge_path(k, k->a->repository, path, "%s/%llu", k->b->pulls, (unsigned long long)number);
	r = forge_do(k, &s, &v, e);
	return r ? r : take(k, v);
}

int forge_change(struct asking *k, uint64_t number, json_t *body, const char *what, struct err *e)
{
	return ask_pull(k, k->b->change, number, body, what, e);
}

int forge_look_pull(struct asking *k, struct err *e)
{
	return ask_pull(k, "GET", k->a->number, NULL, "show a pull request", e);
}

/* ---- one text beside it, once ---- */

static int is_said(struct asking *k, const char *path, const char *text, bool *yes, struct err *e)
{
	AUTO_JSON json_t *list = NULL;
	char whole[FORGE_PATH];
	const struct forge_step s = { "GET", whole, .wish = "the comments there were" };
	char want[SHA256_HEX], have[SHA256_HEX];
	size_t i;
	const json_t *v;
	int r;

	(void)snprintf(whole, sizeof(whole), "%.1500s?%s", path, k->b->page);
	r = forge_do(k, &s, &list, e);
	forge_text_digest(text, strlen(text), want);
	*yes = false;
	json_array_foreach(list, i, v) {
		const char *body = said_text(v, "body");

		if (!body)
			continue;
		forge_text_digest(body, strlen(body), have);
		*yes = *yes || strcmp(want, have) == 0;
	}
	return r;
}

/* An answer that was lost may have been a yes: that is looked for before it is said again. */
static int say(struct asking *k, uint64_t number, const char *text, const char *wish, struct err *e)
{
	const char *const *at = k->b->comments;
	char path[FORGE_PATH];
	struct forge_step s = { "POST", path, .wish = wish, .once = true };
	bool yes = false;
	int r = 1;

	forge_path(k, k->a->repository, path, "%s%llu%s", at[0], (unsigned long long)number, at[1]);
	for (int i = 0; r == 1 && i < SAYINGS; i++) {
		clear(k);
		r = is_said(k, path, text, &yes, e);
		if (r || yes)
			return r;
		s.body = json_pack("{s:s}", "body", text);
		r = forge_do(k, &s, NULL, e);
	}
	return r;
}

int forge_close_pull(struct asking *k, struct err *e)
{
	int r = forge_look_pull(k, e);

	if (r || !is_open(k))
		return r;
	r = say(k, k->a->number, k->a->body, "the reason was", e);
	if (r == 0)
		r = forge_change(k, k->a->number,
				 json_pack("{s:s}", k->b->close[0], k->b->close[1]),
				 "close a pull request", e);
	if (r == 0 && is_open(k)) {
		forge_fail(k, FORGE_INVALID, "it says that %llu is still open",
			   (unsigned long long)k->a->number);
		r = 1;
	}
	return r;
}

/* ---- proposing ---- */

/* By its number where that is known, else by its branch. */
static int find(struct asking *k, struct err *e)
{
	int r = 0;

	if (k->a->number) {
		r = forge_look_pull(k, e);
		k->end->found = r == 0;
		return r;
	}
	r = k->b->prepare ? k->b->prepare(k, e) : 0;

	for (int page = 1; r == 0 && !k->end->found && page <= k->b->pages; page++) {
		AUTO_JSON json_t *list = NULL;
		char query[FORGE_PATH], path[FORGE_PATH];
		const struct forge_step s = { "GET", path, .what = "list pull requests" };
		size_t i;
		json_t *v;

		k->b->query(k, page, query);
		forge_path(k, k->a->repository, path, "%s?state=all&%s", k->b->pulls, query);
		r = forge_do(k, &s, &list, e);
		if (r == 0 && !json_is_array(list)) {
			forge_fail(k, FORGE_INVALID,
				   "its answer is no list of pull requests: is \"api\" the address "
				   "of its API?");
			r = 1;
		}
		json_array_foreach(list, i, v) {
			if (r || k->end->found || !k->b->is_ours(k, v))
				continue;
			r = take(k, v);
			k->end->found = r == 0;
		}
		if (json_array_size(list) == 0)
			break;
	}
	return r;
}

/* In whole characters, within what all forges take. */
static json_t *title_of(const struct asking *k, const char *prefix)
{
	AUTO_BUF struct buf b = BUF_INIT(1024);

	buf_puts(&b, prefix);
	utf8_head(k->a->title, TITLE_BYTES, &b);
	return b.failed ? NULL : json_string(b.p);
}

static bool wants_no_draft(const struct asking *k)
{
	const char *s = k->end->result == FORGE_INVALID ? k->end->message : NULL;

	return s && strcasestr(s, "draft pull requests are not supported");
}

/* Some plans have no drafts. What is none may be merged by a rule of the repository's, so that is
 * for an operator to allow. */
static int without_draft(struct asking *k, struct forge_step *s, json_t *body, json_t **out,
			 struct err *e)
{
	if (!k->a->plain) {
		forge_fail(k, FORGE_INVALID,
			   "'%.100s' takes no drafts (its plan has none): where a proposal may be "
			   "one that is not marked as a draft, say \"draft\": \"where-possible\" "
			   "in the service's \"forge\"",
			   k->a->repository);
		return 1;
	}
	clear(k);
	forge_note(k, "it is no draft: the repository takes none");
	(void)json_object_set_new(body, "draft", json_false());
	s->body = json_incref(body);
	return forge_do(k, s, out, e);
}

static int open_once(struct asking *k, struct err *e)
{
	const char *repository = k->a->repository;
	AUTO_JSON json_t *body = NULL;
	AUTO_JSON json_t *v = NULL;
	char path[FORGE_PATH];
	struct forge_step s = { "POST", path, .what = "open a pull request", .once = true };
	int r = k->b->opening(k, title_of(k, k->b->draft), forge_text_mark(k->a->title, k->a->body),
			      &body, &repository, e);

	if (r)
		return r;
	forge_path(k, repository, path, "%s", k->b->pulls);
	s.body = json_incref(body);
	r = forge_do(k, &s, &v, e);
	if (r == 1 && wants_no_draft(k))
		r = without_draft(k, &s, body, &v, e);
	return r ? r : take(k, v);
}

/* 0: there is one; 1: there is none; 2: that cannot be told. Then end is as it was. */
static int find_instead(struct asking *k, struct err *e)
{
	char *const why = k->end->message;
	const int result = k->end->result;
	int r;

	k->end->message = NULL;
	k->end->result = FORGE_OK;
	r = find(k, e);
	if (r < 0 || k->end->found) {
		forge_set(&k->end->message, NULL);
		free(why);
		return r < 0 ? r : 0;
	}
	forge_set(&k->end->message, NULL);
	k->end->message = why;
	k->end->result = result;
	return r + 1;
}

/*
 * Two are never opened: where an answer says no, or is lost, what was to be
 * opened is looked for by its branch, and taken over where it is there.  Only
 * when it is known not to be there is it asked for again.
 */
static int open_pull(struct asking *k, struct err *e)
{
	for (unsigned i = 1;; i++) {
		int r = open_once(k, e);
		const bool lost = r == 1 && k->end->result == FORGE_UNREACHED;

		if (r != 1)
			return r;
		r = find_instead(k, e);
		if (r <= 0)
			return r;
		if (r == 2 || !lost || i == OPENINGS)
			return 1;
		k->f->wait(RETRY_BASE_MS << i);
		clear(k);
	}
}

/* A title without the prefix that makes a draft; *prefix: what it has of that. */
static const char *bare_title(const struct asking *k, const char *title, const char **prefix)
{
	const size_t n = strlen(k->b->draft);
	const bool has = title && n && strncmp(title, k->b->draft, n) == 0;

	*prefix = has ? k->b->draft : "";
	return has ? title + n : title;
}

/* What a person edited stays as it is; a new text is then said beside it. */
static int update(struct asking *k, struct err *e)
{
	const struct forge_ask *a = k->a;
	const char *prefix, *title = bare_title(k, said_text(k->there, "title"), &prefix);
	struct forge_written was;
	char now[SHA256_HEX];
	json_t *body;

	forge_text_read(title, said_text(k->there, k->b->text), &was);
	forge_text_digest(a->body, strlen(a->body), now);
	if (strcmp(now, was.digest) == 0)
		return 0;
	if (!was.text) {
		forge_note(k, "its text was edited: it stays, the new one is a comment");
		return say(k, k->end->number, a->body, "the new text was", e);
	}
	if (!was.title)
		forge_note(k, "its title was edited: it stays");
	body = json_pack("{s:o,s:o*}", k->b->text, forge_text_mark(a->title, a->body), "title",
			 was.title ? title_of(k, prefix) : NULL);
	if (!body)
		return err_set(e, ENOMEM, "out of memory");
	return forge_change(k, k->end->number, body, "bring a pull request up to date", e);
}

/* What is there is brought up to date; what a person closed stays closed. */
int forge_propose_pull(struct asking *k, struct err *e)
{
	int r = find(k, e);

	if (r == 0 && !k->end->found)
		r = open_pull(k, e);
	if (r == 0 && k->end->found && is_open(k))
		r = update(k, e);
	if (r == 0 && is_open(k))
		r = k->b->dress(k, e);
	return r;
}

/* ---- labels and reviewers ---- */

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

static json_t *names_of(const struct strlist *l)
{
	json_t *out = json_array();

	for (size_t i = 0; out && i < l->n; i++)
		(void)json_array_append_new(out, json_string(l->v[i]));
	return out;
}

int forge_dress_by_name(struct asking *k, struct err *e)
{
	const struct forge_ask *a = k->a;
	const unsigned long long number = k->end->number;
	char path[FORGE_PATH];
	struct forge_step s = { "POST", path, .wish = "the labels were" };
	int r = 0;

	if (a->labels.n) {
		forge_path(k, a->repository, path, "/issues/%llu/labels", number);
		s.body = json_pack("{s:o}", "labels", names_of(&a->labels));
		r = forge_do(k, &s, NULL, e);
	}
	if (r == 0 && a->reviewers.n) {
		forge_path(k, a->repository, path, "%s/%llu/requested_reviewers", k->b->pulls,
			   number);
		s.wish = "the reviewers were";
		s.body = json_pack("{s:o,s:o}", "reviewers", list_of(&a->reviewers, false),
				   "team_reviewers", list_of(&a->reviewers, true));
		r = forge_do(k, &s, NULL, e);
	}
	return r;
}
