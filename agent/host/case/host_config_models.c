/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/host_config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/host/case/money.h"
#include "runtime/base/id.h"

/* What a table cannot say of the places where models are. */

#define CREDENTIAL "credential:"

struct check {
	char at[64]; /* JSON pointer of the endpoint or model */
	struct err *e;
};

static int wrong(const struct check *c, const char *key, const char *value, const char *what)
{
	return err_set(c->e, EINVAL, "%s/%s: '%.200s' %s", c->at, key, value, what);
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if (!isgraph((unsigned char)*s))
			return false;
	return true;
}

/* ---- URLs ---- */

/* An address: where a name leads is not known here. */
static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* The host of what follows "//": its length, 0 where there is none. */
static size_t host_of(const char *s, char out[256])
{
	const bool v6 = *s == '[';
	const size_t n = strcspn(s + v6, v6 ? "]" : ":/");

	if (n == 0 || n > 255 || (v6 && s[1 + n] != ']'))
		return 0;
	(void)snprintf(out, 256, "%.*s", (int)n, s + v6);
	return n + 2u * v6;
}

/* ":8080" or nothing, then a path or nothing. */
static bool ends_well(const char *s)
{
	if (*s == ':') {
		const size_t n = strspn(s + 1, "0123456789");
		unsigned long port = 0;

		if (n == 0 || n > 5)
			return false;
		for (size_t i = 1; i <= n; i++)
			port = port * 10 + (unsigned long)(s[i] - '0');
		if (port == 0 || port > 65535)
			return false;
		s += 1 + n;
	}
	return *s == '\0' || *s == '/';
}

static int check_url(const struct check *c, const char *key, const char *url, bool proxy)
{
	const bool tls = strncmp(url, "https://", 8) == 0;
	const char *rest = url + (tls ? 8 : 7);
	char host[256];
	size_t n;

	if (!is_plain(url) || strpbrk(url, "@?#\\\"<>"))
		return wrong(c, key, "the URL",
			     "has a user, a query, a fragment or something that no URL has: a key "
			     "belongs into the file that \"credential\" names");
	if ((!tls && strncmp(url, "http://", 7) != 0) || (tls && proxy))
		return wrong(c, key, url,
			     proxy ? "is not http://HOST:PORT" : "is neither https nor http");
	n = host_of(rest, host);
	if (n == 0 || !ends_well(rest + n) || (proxy && rest[n] != ':'))
		return wrong(c, key, url, "names no host and port");
	if (!tls && !proxy && !is_loopback(host))
		return wrong(
			c, key, url,
			"is http, and not to a loopback address: keys and code would be read on "
			"their way; use https");
	return 0;
}

static int check_credential(const struct check *c, const char *said)
{
	const size_t n = strlen(CREDENTIAL);

	if (strncmp(said, CREDENTIAL, n) == 0)
		return name_is_safe(said + n)
			       ? 0
			       : wrong(c, "credential", said, "names no credential of the unit");
	/* A key that somebody pasted here must not be printed. */
	return said[0] == '/' ? 0
			      : wrong(c, "credential", "what is said",
				      "is neither the absolute path of a file with the key nor "
				      "credential:NAME");
}

/* ---- prices ---- */

static int check_price(const struct check *c, const char *key, const char *value)
{
	money m;

	return !value || money_price(value, &m) == 0
		       ? 0
		       : wrong(c, key, value,
			       "is no price such as \"3.00\" (US dollars for a million tokens, at "
			       "most six decimals)");
}

static int check_model(struct check *c, const struct model_price *all, size_t i)
{
	const struct model_price *m = &all[i];
	int r = is_plain(m->name) ? 0 : wrong(c, "name", m->name, "has spaces");

	for (size_t k = 0; r == 0 && k < i; k++)
		if (strcmp(all[k].name, m->name) == 0)
			r = wrong(c, "name", m->name, "is there twice");
	if (r == 0)
		r = check_price(c, "input", m->input);
	if (r == 0)
		r = check_price(c, "output", m->output);
	if (r == 0)
		r = check_price(c, "cached", m->cached);
	return r < 0 ? r : check_price(c, "cache_write", m->cache_write);
}

/* ---- endpoints ---- */

/* As policies write it: ENDPOINT/MODEL. */
static int check_name(const struct check *c, const struct model_endpoint *all, size_t i)
{
	const char *name = all[i].name;

	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return wrong(c, "name", name, "is not made of a-z, 0-9 and -");
	for (size_t k = 0; k < i; k++)
		if (strcmp(all[k].name, name) == 0)
			return wrong(c, "name", name, "is there twice");
	return 0;
}

static int check_places(const struct check *c, const struct model_endpoint *ep)
{
	int r = check_url(c, "url", ep->url, false);

	if (r == 0 && ep->proxy)
		r = check_url(c, "proxy", ep->proxy, true);
	if (r == 0 && ep->credential)
		r = check_credential(c, ep->credential);
	if (r == 0 && ep->ca && ep->ca[0] != '/')
		r = wrong(c, "ca", ep->ca, "is not an absolute path");
	return r;
}

int host_config_check_models(const struct host_config *config, struct err *e)
{
	const struct model_endpoint *ep = config->models.v;
	struct check c = { .e = e };
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->models.n; i++) {
		(void)snprintf(c.at, sizeof(c.at), "/models/%zu", i);
		r = check_name(&c, ep, i);
		if (r == 0 && ep[i].protocol == MODEL_TURN)
			r = wrong(&c, "protocol", "turn", "is what no server speaks");
		if (r == 0)
			r = check_places(&c, &ep[i]);
		for (size_t k = 0; r == 0 && k < ep[i].models.n; k++) {
			(void)snprintf(c.at, sizeof(c.at), "/models/%zu/models/%zu", i, k);
			r = check_model(&c, ep[i].models.v, k);
		}
	}
	return r;
}
