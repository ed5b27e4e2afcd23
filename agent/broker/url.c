/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"

DEFINE_CLEANUP(CURLU, curl_url_cleanup);

static void cleanup_curl(char **p)
{
	curl_free(*p);
}
#define AUTO_PART __attribute__((cleanup(cleanup_curl)))

/* 4, 6: a literal address, written to out; 0: a name. */
static int literal(const char *host, unsigned char out[16])
{
	if (inet_pton(AF_INET, host, out) == 1)
		return 4;
	return inet_pton(AF_INET6, host, out) == 1 ? 6 : 0;
}

static bool is_loopback(const char *host)
{
	static const unsigned char one[16] = { [15] = 1 };
	unsigned char raw[16];
	const int family = literal(host, raw);

	return (family == 4 && raw[0] == 127) || (family == 6 && memcmp(raw, one, 16) == 0);
}

static int read_host(const CURLU *u, struct url *out, struct err *e)
{
	AUTO_PART char *host = NULL;
	AUTO_PART char *port = NULL;
	unsigned char raw[16];
	size_t n;

	if (curl_url_get((CURLU *)(uintptr_t)u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get((CURLU *)(uintptr_t)u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) !=
		    CURLUE_OK)
		return err_set(e, EINVAL, "it names no host");
	n = strlen(host);
	if (host[0] == '[' && n > 2 && host[n - 1] == ']') {
		host[n - 1] = '\0';
		memmove(host, host + 1, n - 1);
	}
	n = strlen(host);
	if (n >= sizeof(out->host))
		return err_set(e, ENAMETOOLONG, "the name of its host is too long");
	if (host[strspn(host,
			"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:")])
		return err_set(e, EINVAL, "the name of its host is not plain ASCII");
	memcpy(out->host, host, n + 1);
	out->port = (uint16_t)strtoul(port, NULL, 10);
	out->literal = literal(host, raw) != 0;
	return 0;
}

static int forbid(const CURLU *u, struct err *e)
{
	static const struct {
		CURLUPart part;
		const char *name;
	} parts[] = { { CURLUPART_USER, "a user" },
		      { CURLUPART_PASSWORD, "a password" },
		      { CURLUPART_FRAGMENT, "a fragment" } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		AUTO_PART char *text = NULL;

		if (curl_url_get((CURLU *)(uintptr_t)u, parts[i].part, &text, 0) == CURLUE_OK)
			return err_set(e, EINVAL, "it must not have %s", parts[i].name);
	}
	return 0;
}

static int read_any(const char *text, struct url *out, struct err *e)
{
	CLEANUP(cleanup_curl_url_cleanup) CURLU *u = curl_url();
	AUTO_PART char *scheme = NULL;

	*out = (struct url){ 0 };
	if (!u)
		return err_set(e, ENOMEM, "out of memory");
	if (curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return err_set(e, EINVAL, "it is no URL like https://HOST/");
	if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		return err_set(e, EINVAL, "its scheme is not https");
	out->tls = strcmp(scheme, "https") == 0;
	if (forbid(u, e) < 0)
		return -e->code;
	return read_host(u, out, e);
}

int url_read(const char *text, struct url *out, struct err *e)
{
	if (read_any(text, out, e) < 0)
		return -e->code;
	if (!out->tls && !is_loopback(out->host))
		return err_set(e, EINVAL,
			       "plain http is sent to loopback addresses (127.0.0.1, [::1]) only: "
			       "use https");
	return 0;
}

int url_read_proxy(const char *text, struct url *out, struct err *e)
{
	if (read_any(text, out, e) < 0)
		return -e->code;
	if (out->tls)
		return err_set(e, EINVAL, "a proxy is http://HOST:PORT");
	return 0;
}
