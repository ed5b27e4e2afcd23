/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/broker/registry_auth.h"
#include "agent/broker/registry_impl.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"

/*
 * One thing from a registry.  Each turn asks one URL and looks at what came:
 *
 *     200, 206   written and hashed as it comes; cut off: again, from where it stands
 *     401        once a token (or the credential) is found: again
 *     3xx        of a blob: to the place that is named, without a credential
 *     429, 5xx   later: as Retry-After says, or twice as late as last time
 *     the rest   what the registry says, in words
 *
 * Attempts are counted anew whenever bytes came: a slow line ends by itself.
 */
#define TRIES	   5
#define HOPS	   5
#define WAIT_MS	   500
#define WAIT_MAX_S 120
#define SHOW_NS	   200000000ull

static const char accepted[] = "application/vnd.oci.image.index.v1+json, "
			       "application/vnd.oci.image.manifest.v1+json, "
			       "application/vnd.docker.distribution.manifest.list.v2+json, "
			       "application/vnd.docker.distribution.manifest.v2+json";

enum turn { AGAIN, DONE };

void registry_fail(struct fetching *f, int kind, const char *fmt, ...)
{
	struct registry_end *end = f->end;
	struct err flat = ERR_INIT;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)err_set(&flat, EIO, "%s", text); /* bytes of the server become harmless */
	free(end->message);
	end->message = strdup(flat.msg);
	end->kind = kind;
}

/* ---- writing ---- */

static int start_over(struct fetching *f)
{
	sha256_init(&f->hash);
	f->at = 0;
	return ftruncate(f->fd, 0) < 0 ? -errno : 0;
}

/* What an earlier time left counts as if it came now. */
static int hash_what_is_there(struct fetching *f, struct err *e)
{
	AUTO_FREE char *block = malloc(1u << 20);

	if (!block)
		return err_set(e, ENOMEM, "out of memory");
	sha256_init(&f->hash);
	while (f->at < f->ask->have) {
		const uint64_t rest = f->ask->have - f->at;
		const ssize_t n = pread(f->fd, block, rest < (1u << 20) ? (size_t)rest : 1u << 20,
					(off_t)f->at);

		if (n < 0)
			return err_sys(e, "read what was fetched before");
		if (n == 0)
			break;
		sha256_update(&f->hash, block, (size_t)n);
		f->at += (uint64_t)n;
	}
	return 0;
}

static void show(struct fetching *f)
{
	const struct registry_progress p = { f->ask->id, f->at };
	const uint64_t now = clock_mono_ns();
	AUTO_JSON json_t *body = NULL;
	struct err ignored = ERR_INIT;

	if (now - f->shown_ns < SHOW_NS)
		return;
	f->shown_ns = now;
	body = jmap_write(registry_progress_map, &p);
	if (body && msg_send(f->sock, REGISTRY_PROGRESS, body, NULL, 0, -1, &ignored) < 0)
		f->abandoned = true;
}

/* A number of at most 18 digits; NULL: there is none. */
static const char *take_number(const char *p, uint64_t *out)
{
	const size_t n = p ? strspn(p, "0123456789") : 0;

	if (n == 0 || n > 18)
		return NULL;
	*out = strtoull(p, NULL, 10);
	return p + n;
}

static const char *take_mark(const char *p, char mark)
{
	return p && *p == mark ? p + 1 : NULL;
}

/* "bytes FROM-TO/TOTAL" is what was asked for, or it would be put in the wrong place. */
static bool range_fits(const struct fetching *f, const char *range)
{
	uint64_t from = 0, to = 0, total = f->ask->size;
	const char *p = strncmp(range, "bytes ", 6) == 0 ? range + 6 : NULL;

	p = take_mark(take_number(p, &from), '-');
	p = take_mark(take_number(p, &to), '/');
	if (p && *p == '*') /* it does not say: the size that was asked for holds */
		p++;
	else
		p = take_number(p, &total);
	return p && !*p && from == f->from && to >= from && (total == 0 || to < total) &&
	       (f->ask->size == 0 || total == f->ask->size);
}

/* Before the first byte: whether it is what was asked for, and where it goes. */
static int first_byte(struct fetching *f, const struct http_answer *a, struct err *e)
{
	const uint64_t want = f->ask->size, most = f->ask->most;

	if (a->status == 206 && !range_fits(f, a->range))
		return err_set(e, EBADMSG,
			       "it sent '%.60s' where bytes from %" PRIu64 " on were "
			       "asked for",
			       a->range, f->from);
	if (a->status == 200 && f->from > 0 && start_over(f) < 0)
		return err_sys(e, "empty the file");
	if (a->length == UINT64_MAX)
		return 0;
	if (want && f->at + a->length != want)
		return err_set(e, EBADMSG, "it is %" PRIu64 " bytes long, not %" PRIu64,
			       f->at + a->length, want);
	if (f->at + a->length > most)
		return err_set(e, EFBIG,
			       "it is %" PRIu64 " bytes long, and at most %" PRIu64 " are taken",
			       f->at + a->length, most);
	return 0;
}

static int put_bytes(struct fetching *f, const char *data, size_t n, struct err *e)
{
	const uint64_t most = f->ask->size ? f->ask->size : f->ask->most;

	if (n > most - f->at)
		return err_set(e, EFBIG, "it sends more than the %" PRIu64 " bytes that %s", most,
			       f->ask->size ? "were stated" : "are taken");
	sha256_update(&f->hash, data, n);
	while (n > 0) {
		const ssize_t done = pwrite(f->fd, data, n, (off_t)f->at);

		if (done < 0)
			return err_sys(e, "write what was fetched");
		data += done;
		n -= (size_t)done;
		f->at += (uint64_t)done;
		f->end->fetched += (uint64_t)done;
	}
	return 0;
}

static int on_bytes(void *ctx, struct http_answer *a, const void *data, size_t n)
{
	struct fetching *f = ctx;
	int r = 0;

	if (!f->begun)
		r = first_byte(f, a, &f->failure);
	f->begun = true;
	if (r == 0)
		r = put_bytes(f, data, n, &f->failure);
	if (r < 0) {
		const int code = f->failure.code;

		f->failed_as =
			code == EBADMSG || code == EFBIG ? REGISTRY_MISMATCH : REGISTRY_FAILED;
		return r;
	}
	show(f);
	return f->abandoned ? -1 : 0;
}

static int on_tick(void *ctx)
{
	struct fetching *f = ctx;
	struct pollfd p = { f->sock, 0, 0 };

	if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)))
		f->abandoned = true;
	return f->abandoned ? -1 : 0;
}

/* ---- what came ---- */

static void keep_text(char **field, const char *value)
{
	free(*field);
	*field = value[0] ? strdup(value) : NULL;
}

/* The digest of what is in the file must be the one that was asked for, and the stated one. */
static enum turn conclude(struct fetching *f, const char *type, const char *stated)
{
	uint8_t raw[SHA256_LEN];
	char digest[80] = "sha256:";

	sha256_final(&f->hash, raw);
	sha256_hex(raw, digest + 7);
	keep_text(&f->end->digest, digest);
	keep_text(&f->end->media, type);
	if (f->ask->size && f->at != f->ask->size)
		registry_fail(f, REGISTRY_MISMATCH, "it is %" PRIu64 " bytes long, not %" PRIu64,
			      f->at, f->ask->size);
	else if (strncmp(f->ask->reference, "sha256:", 7) == 0 &&
		 strcmp(f->ask->reference, digest) != 0)
		registry_fail(f, REGISTRY_MISMATCH,
			      "what came has the digest %s: the registry, or what lies between, "
			      "changed it",
			      digest);
	else if (strncmp(stated, "sha256:", 7) == 0 && strcmp(stated, digest) != 0)
		registry_fail(f, REGISTRY_MISMATCH,
			      "what came has the digest %s, but was announced as %.80s", digest,
			      stated);
	else
		f->end->kind = REGISTRY_OK;
	return DONE;
}

static void wait_a_while(struct fetching *f, uint64_t ms)
{
	const uint64_t until = clock_mono_ns() + ms * 1000000;

	while (!f->abandoned && clock_mono_ns() < until) {
		struct pollfd p = { f->sock, 0, 0 };

		if (poll(&p, 1, 100) > 0)
			(void)on_tick(f);
	}
}

/* Seconds, or a date, which no registry was seen to send: that counts as not stated. */
static uint64_t wait_stated(const char *after)
{
	char *end;
	const unsigned long s = strtoul(after, &end, 10);

	return *after < '0' || *after > '9' || *end ? 0 : (uint64_t)s;
}

static enum turn again_later(struct fetching *f, const char *after, unsigned tries,
			     const char *what)
{
	const uint64_t stated = wait_stated(after);
	uint64_t ms = (uint64_t)WAIT_MS << tries;

	if (stated > WAIT_MAX_S) {
		registry_fail(f, REGISTRY_UNREACHED,
			      "%s, and to come back after %" PRIu64 " seconds: pull again then",
			      what, stated);
		return DONE;
	}
	if (tries + 1 >= TRIES) {
		registry_fail(f, REGISTRY_UNREACHED,
			      "%s, %u times; what was fetched is kept: pull again later", what,
			      TRIES);
		return DONE;
	}
	if (stated)
		ms = stated * 1000;
	ms += clock_mono_ns() / 1000 % (ms / 4 + 1); /* many at once should not come back at once */
	wait_a_while(f, ms);
	f->tries = tries + 1;
	/* the address that a registry redirects to is short-lived: it is asked for anew */
	f->anew = f->redirected;
	return AGAIN;
}

static enum turn redirect(struct fetching *f, const struct http_answer *a)
{
	struct err why = ERR_INIT;
	char *next = NULL;

	if (f->ask->manifest) {
		registry_fail(f, REGISTRY_FAILED, "it redirects a manifest, which is not followed");
	} else if (++f->hops > HOPS) {
		registry_fail(f, REGISTRY_FAILED, "it redirects more than %d times", HOPS);
	} else if (!a->location[0]) {
		registry_fail(f, REGISTRY_FAILED, "it redirects to nowhere");
	} else if (http_follow(f->url, a->location, registry_is_loopback(f->ask->host), &next,
			       &why) < 0) {
		registry_fail(f, REGISTRY_FAILED, "%s", why.msg);
	} else {
		free(f->url);
		f->url = next;
		f->redirected = true;
		return AGAIN;
	}
	return DONE;
}

static enum turn refused(struct fetching *f, const struct http_answer *a)
{
	char code[48];
	const struct registry_get *g = f->ask;

	registry_error_code(a->body.p, a->body.n, code);
	if (a->status == 404 && g->manifest)
		registry_fail(
			f, REGISTRY_UNKNOWN,
			"the registry has no manifest '%s' in '%s' (404%s%s): look at the "
			"name and tag; it would answer the same where its only manifest is of "
			"an old format (docker schema 1), or where the repository is private "
			"and no credential is configured",
			g->reference, g->repository, code[0] ? " " : "", code);
	else if (a->status == 404)
		registry_fail(f, REGISTRY_UNKNOWN,
			      "the registry has no blob %s in '%s' (404%s%s), which the image's "
			      "manifest names: push the image again",
			      g->reference, g->repository, code[0] ? " " : "", code);
	else if (a->status == 403)
		registry_fail(f, REGISTRY_REFUSED,
			      "the registry does not let %s read '%s' (403%s%s): give the user of "
			      "the credential the right to pull",
			      f->known->basic ? "its user" : "anonymous users", g->repository,
			      code[0] ? " " : "", code);
	else
		registry_fail(f, REGISTRY_FAILED, "it answered %ld%s%s", a->status,
			      code[0] ? " " : "", code);
	return DONE;
}

static int unauthorized(struct fetching *f, const struct http_answer *a, enum turn *turn,
			struct err *e)
{
	int r;

	if (f->redirected) {
		registry_fail(f, REGISTRY_FAILED,
			      "the place that it redirects to wants a credential");
		*turn = DONE;
		return 0;
	}
	r = registry_authenticate(f, a, e);
	*turn = r > 0 ? AGAIN : DONE;
	return r < 0 ? r : 0;
}

/* Nothing is fetched anew that was cut off, as long as each attempt brings something. */
static enum turn cut_off(struct fetching *f, const struct http_answer *a)
{
	char what[340];

	(void)snprintf(what, sizeof(what), "the connection failed (%s)", a->why);
	return again_later(f, "", f->at > f->from ? 0 : f->tries, what);
}

static void distrust(struct fetching *f, const struct http_answer *a)
{
	if (a->stranger)
		registry_fail(f, REGISTRY_UNREACHED,
			      "its certificate is not trusted (%s): name its authority as \"ca\" "
			      "of the host '%s' under \"registries\" in the host's configuration",
			      a->why, f->ask->host);
	else
		registry_fail(f, REGISTRY_UNREACHED,
			      "its certificate is not valid (%s): it has to be renewed, or the "
			      "registry asked by a name that stands in it",
			      a->why);
}

static int look_at(struct fetching *f, const struct http_answer *a, enum turn *turn, struct err *e)
{
	char what[64];

	*turn = DONE;
	if (f->failure.code)
		registry_fail(f, f->failed_as, "%s", f->failure.msg);
	else if (a->tls)
		distrust(f, a);
	else if (a->broken)
		*turn = cut_off(f, a);
	else if (a->status == 200 || a->status == 206)
		*turn = conclude(f, a->type, f->ask->manifest ? a->digest : "");
	else if (a->status == 401)
		return unauthorized(f, a, turn, e);
	else if (a->status >= 300 && a->status < 400)
		*turn = redirect(f, a);
	else if (a->status == 416 && f->from > 0 && start_over(f) == 0)
		*turn = AGAIN;
	else if (a->status == 429 || (a->status >= 500 && a->status < 600)) {
		(void)snprintf(what, sizeof(what), "it answered %ld", a->status);
		*turn = again_later(f, a->after, f->tries, what);
	} else
		*turn = refused(f, a);
	return 0;
}

/* ---- one turn ---- */

static int set_url(struct fetching *f, struct err *e)
{
	const struct registry_get *g = f->ask;
	/* plain only where nothing but this host hears it, and no authority was named */
	const bool plain = registry_is_loopback(g->host) && !f->known->trust;

	free(f->url);
	f->url = NULL;
	f->redirected = f->anew = false;
	f->hops = 0;
	if (asprintf(&f->url, "%s://%s/v2/%s/%s/%s", plain ? "http" : "https", g->host,
		     g->repository, g->manifest ? "manifests" : "blobs", g->reference) < 0) {
		f->url = NULL;
		return err_set(e, ENOMEM, "out of memory");
	}
	return http_check_url(f->url, registry_is_loopback(g->host), e);
}

/* Whether a redirect leads to the registry itself. */
static bool is_own_place(const struct fetching *f)
{
	const char *host = strstr(f->url, "://");
	const size_t n = strlen(f->ask->host);

	return host && strncmp(host + 3, f->ask->host, n) == 0 && host[3 + n] == '/';
}

static int one_turn(struct fetching *f, enum turn *turn, struct err *e)
{
	const struct registry_known *k = f->known;
	const bool token =
		k->token && k->token_for && strcmp(k->token_for, f->ask->repository) == 0;
	struct http_ask ask = {
		.url = f->url,
		.accept = f->ask->manifest ? accepted : NULL,
		.bearer = token && !f->redirected ? k->token : NULL,
		.basic = !token && !f->redirected && f->authentications ? k->basic : NULL,
		.proxy = k->proxy,
		.trust = registry_trust(f, !f->redirected || is_own_place(f)),
		.from = f->from = f->at,
		.sink = on_bytes,
		.tick = on_tick,
		.ctx = f,
	};
	struct http_answer a;
	int r;

	f->attempts++;
	f->begun = false;
	r = http_exchange(f->all->http, &ask, &a, e);
	if (r == 0)
		r = look_at(f, &a, turn, e);
	http_answer_release(&a);
	return r;
}

int registry_run(struct fetching *f, struct err *e)
{
	enum turn turn = AGAIN;
	int r = hash_what_is_there(f, e);

	if (r == 0 && f->ask->size && f->at == f->ask->size) {
		(void)conclude(f, "", "");
		return 0;
	}
	if (r == 0)
		r = set_url(f, e);
	while (r == 0 && turn == AGAIN && !f->abandoned) {
		if (f->anew)
			r = set_url(f, e);
		if (r == 0)
			r = one_turn(f, &turn, e);
	}
	return r;
}
