/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/broker/registry_auth.h"
#include "agent/broker/registry_impl.h"
#include "runtime/base/cleanup.h"

/*
 * A registry that says 401 names, as its realm, a server that gives a token
 * for a scope.  That server gets the registry's credential (or nothing, where
 * none is configured), over https or on this host, and is asked for the right
 * to pull from one repository, whatever the registry would have us ask.
 */
#define MOST 3 /* 401s in one request: the first one, an expired token, a last try */

static int keep_token(struct fetching *f, const struct http_answer *a, struct err *e)
{
	struct registry_known *k = f->known;
	struct err why = ERR_INIT;
	char *token = NULL;

	if (token_read(a->body.p ? a->body.p : "", a->body.n, &token, &why) < 0) {
		registry_fail(f, REGISTRY_FAILED, "%s", why.msg);
		return 0;
	}
	free(k->token);
	free(k->token_for);
	k->token = token;
	k->token_for = strdup(f->ask->repository);
	return k->token_for ? 1 : err_set(e, ENOMEM, "out of memory");
}

static int look_at_token(struct fetching *f, const struct http_answer *a, struct err *e)
{
	const char *who = f->known->basic ? "the credential" : "a request without credential";

	if (a->status == 200)
		return keep_token(f, a, e);
	if (a->status == 401 || a->status == 403)
		registry_fail(f, REGISTRY_REFUSED,
			      "its token server refused %s (%ld): look at \"credential\" under "
			      "\"registries\" in the host's configuration",
			      who, a->status);
	else if (a->status == 0)
		registry_fail(f, REGISTRY_UNREACHED, "its token server cannot be reached (%s)",
			      a->why);
	else
		registry_fail(f, REGISTRY_FAILED, "its token server answered %ld", a->status);
	return 0;
}

static int ask_for_token(struct fetching *f, const struct challenge *c, struct err *e)
{
	AUTO_BUF struct buf url = BUF_INIT(4096);
	const struct registry_known *k = f->known;
	struct http_ask ask = { .basic = k->basic,
				.proxy = k->proxy,
				.trust = registry_trust(f, true) };
	struct http_answer a;
	struct err why = ERR_INIT;
	int r;

	if (challenge_url(c, f->ask->repository, &url, &why) < 0 ||
	    http_check_url(url.p, registry_is_loopback(f->ask->host), &why) < 0) {
		registry_fail(f, REGISTRY_FAILED, "its token server: %s", why.msg);
		return 0;
	}
	ask.url = url.p;
	r = http_exchange(f->all->http, &ask, &a, e);
	if (r == 0)
		r = look_at_token(f, &a, e);
	if (a.body.p)
		explicit_bzero(a.body.p, a.body.cap);
	http_answer_release(&a);
	return r;
}

int registry_authenticate(struct fetching *f, const struct http_answer *a, struct err *e)
{
	struct registry_known *k = f->known;
	struct challenge c;
	struct err why = ERR_INIT;

	if (challenge_parse(a->challenge, &c, &why) < 0) {
		registry_fail(f, REGISTRY_FAILED, "%s", why.msg);
		return 0;
	}
	if (++f->authentications >= MOST || (c.scheme == CHALLENGE_BASIC && f->authentications > 1))
		registry_fail(
			f, REGISTRY_REFUSED,
			"the registry refuses %s for '%s' (401): look at \"credential\" under "
			"\"registries\" in the host's configuration",
			k->basic ? "the credential" : "a request without credential",
			f->ask->repository);
	else if (c.scheme == CHALLENGE_BEARER)
		return ask_for_token(f, &c, e);
	else if (c.scheme == CHALLENGE_NONE)
		registry_fail(f, REGISTRY_REFUSED,
			      "the registry wants to know who asks, in no way that is known here");
	else if (!k->basic)
		registry_fail(f, REGISTRY_REFUSED,
			      "the registry wants a user and password: name a file with them as "
			      "\"credential\" of the host '%s' under \"registries\" in the host's "
			      "configuration",
			      f->ask->host);
	else
		return 1;
	return 0;
}
