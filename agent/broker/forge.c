/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/forge.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/broker/forge_impl.h"
#include "agent/broker/trust.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/utf8.h"

#define PLACES_MAX 16
#define TEXT_BYTES 440 /* of what is said: whoever passes it on cuts nothing */

static const struct forge_backend *const backends[FORGE_KIND_N] = {
	[FORGE_GITHUB] = &forge_github,
	[FORGE_GITLAB] = &forge_gitlab,
	[FORGE_GITEA] = &forge_gitea,
};

struct forges {
	struct forge v[PLACES_MAX];
	size_t n;
	struct http *http;
	struct trust *system;
};

void forges_close(struct forges *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		jmap_release(forge_place_map, &f->v[i].at);
		trust_close(f->v[i].trust);
	}
	trust_close(f->system);
	http_close(f->http);
	free(f);
}

static int open_place(struct forge *f, struct vault *v, struct err *e)
{
	const struct forge_backend *b = backends[f->at.kind];
	const char *user = f->at.user ? f->at.user : b->git_user;
	size_t n;

	if (http_check_url(f->at.api, true, e) < 0 ||
	    (f->at.git && http_check_url(f->at.git, true, e) < 0) ||
	    (f->at.ca && trust_open(f->at.ca, &f->trust, e) < 0))
		return -e->code;
	if (!f->at.credential)
		return 0;
	if (vault_read(v, b->auth, f->at.credential, &f->token, e) < 0)
		return -e->code;
	n = strlen(user) + 1 + f->token.key_n + 1;
	f->basic = vault_room(v, n);
	if (!f->basic)
		return err_set(e, ENOMEM, "no room for another key");
	(void)snprintf(f->basic, n, "%s:%.*s", user, (int)f->token.key_n, f->token.key);
	return 0;
}

static void wait_ms(uint64_t ms)
{
	(void)poll(NULL, 0, (int)ms);
}

int forges_open(const json_t *list, struct vault *v, int resolver, struct forges **out,
		struct err *e)
{
	struct forges *f = calloc(1, sizeof(*f));
	struct err ignored = ERR_INIT;
	const json_t *row;
	size_t i;
	int r = f ? http_open(resolver, &f->http, e) : err_set(e, ENOMEM, "out of memory");

	if (r == 0 && json_array_size(list) > PLACES_MAX)
		r = err_set(e, E2BIG, "forges: more than %d", PLACES_MAX);
	if (r == 0 && trust_open(NULL, &f->system, &ignored) < 0)
		f->system = NULL; /* those on this host, and those with an authority of their own */
	if (r == 0)
		json_array_foreach(list, i, row) {
			char at[32];

			(void)snprintf(at, sizeof(at), "/forges/%zu", i);
			r = jmap_read(forge_place_map, row, &f->v[f->n].at, at, e);
			f->v[f->n].http = f->http;
			f->v[f->n].system = f->system;
			f->v[f->n].exchange = http_exchange;
			f->v[f->n].wait = wait_ms;
			if (r == 0)
				r = open_place(&f->v[f->n], v, e);
			f->n++;
			if (r < 0)
				break;
		}
	if (r < 0) {
		forges_close(f);
		return r;
	}
	*out = f;
	return 0;
}

/* ---- ends ---- */

void forge_set(char **field, const char *value)
{
	free(*field);
	*field = value ? strdup(value) : NULL;
}

/* One line of whole characters, whatever a server said and wherever it was cut. */
static char *harmless(const char *fmt, va_list ap)
{
	AUTO_BUF struct buf clean = BUF_INIT(4096);
	AUTO_BUF struct buf out = BUF_INIT(4096);
	struct err flat = ERR_INIT;
	char text[600];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	(void)err_set(&flat, EIO, "%s", text);
	utf8_clean(flat.msg, strlen(flat.msg), &clean);
	utf8_head(clean.p ? clean.p : "", TEXT_BYTES, &out);
	return buf_take(&out);
}

void forge_fail(struct asking *k, int result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	free(k->end->message);
	k->end->message = harmless(fmt, ap);
	k->end->result = result;
	va_end(ap);
}

void forge_note(struct asking *k, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = harmless(fmt, ap);
	va_end(ap);
	if (text && k->end->notes.n < 40)
		(void)strlist_add(&k->end->notes, text);
}

/* ---- verbs ---- */

static int run_verb(struct asking *k, struct err *e)
{
	switch ((enum forge_verb)k->a->verb) {
	case FORGE_ABOUT:
		return forge_about(k, e);
	case FORGE_REFS:
		return forge_refs(k, e);
	case FORGE_PUSH:
		return forge_push(k, e);
	case FORGE_PROPOSE:
		return forge_propose_pull(k, e);
	case FORGE_LOOK:
		return forge_look_pull(k, e);
	case FORGE_CLOSE:
		return forge_close_pull(k, e);
	case FORGE_VERB_N:
	default:
		return err_set(e, EPROTO, "a verb that is not known");
	}
}

int forge_run(struct asking *k, struct err *e)
{
	int r;

	k->b = backends[k->f->at.kind];
	r = run_verb(k, e);
	json_decref(k->there);
	k->there = NULL;
	return r;
}

static bool needs_head(int verb)
{
	return verb == FORGE_REFS || verb == FORGE_PUSH || verb == FORGE_PROPOSE;
}

/* What the orchestrator asks is checked as if it were not to be trusted. */
static int check_ask(const struct forge_ask *a, struct err *e)
{
	if (!forge_repository_is_good(a->repository) ||
	    (a->fork && !forge_repository_is_good(a->fork)))
		return err_set(e, EPROTO, "a repository that is none");
	if (needs_head(a->verb) && (!a->head || !forge_branch_is_good(a->head)))
		return err_set(e, EPERM,
			       "only branches '" FORGE_BRANCH "NAME' are pushed and proposed");
	if (a->verb == FORGE_PUSH && !a->oid)
		return err_set(e, EPROTO, "a push of nothing");
	if (a->verb == FORGE_PROPOSE && (!a->fork || !a->base || !a->title || !a->body))
		return err_set(e, EPROTO, "a proposal that is not whole");
	if (a->verb == FORGE_CLOSE && !a->body)
		return err_set(e, EPROTO, "a closing without a reason");
	if ((a->verb == FORGE_LOOK || a->verb == FORGE_CLOSE) && !a->number)
		return err_set(e, EPROTO, "a pull request without a number");
	return 0;
}

static const struct forge *find(const struct forges *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].at.name, name) == 0)
			return &f->v[i];
	return NULL;
}

static int answer_one(struct forges *all, int sock, const struct msg *m, struct err *e)
{
	struct forge_ask a = { 0 };
	struct forge_end end = { 0 };
	struct asking k = { .a = &a, .end = &end, .pack = m->fd };
	AUTO_JSON json_t *body = NULL;
	int r = jmap_read(forge_ask_map, m->body, &a, "", e);

	if (r == 0)
		r = check_ask(&a, e);
	end.id = a.id;
	if (r == 0) {
		k.f = find(all, a.place);
		if (!k.f)
			forge_fail(&k, FORGE_INVALID, "no forge '%.60s' is configured", a.place);
		else
			r = forge_run(&k, e);
	}
	if (r >= 0) {
		body = jmap_write(forge_end_map, &end);
		r = body ? msg_send(sock, FORGE_END, body, NULL, 0, -1, e)
			 : err_set(e, ENOMEM, "out of memory");
	}
	jmap_release(forge_ask_map, &a);
	jmap_release(forge_end_map, &end);
	return r;
}

int forges_serve(struct forges *f, int sock, struct err *e)
{
	for (;;) {
		AUTO_MSG struct msg m = MSG_INIT;
		int r = msg_recv(sock, -1, &m, e);

		if (r <= 0)
			return r;
		r = m.type == FORGE_ASK ? answer_one(f, sock, &m, e)
					: err_set(e, EPROTO, "a message of type %u", m.type);
		if (r < 0)
			return r;
	}
}
