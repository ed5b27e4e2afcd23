/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/registry_auth.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"

/*
 *     challenges = challenge *( "," challenge )
 *     challenge  = scheme [ token68 / param *( "," param ) ]
 *     param      = name "=" ( token / quoted-string )
 *
 * Commas separate both, so a word is a scheme where no "=" follows it.
 */
#define TOKEN_MAX  (32u << 10)
#define VALUE_MAX  2048
#define TOKEN_BYTE "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

DEFINE_CLEANUP(struct jsonc, jsonc_free);
#define AUTO_JSONC CLEANUP(cleanup_jsonc_free)

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t");
}

/* A quoted string or a token; NULL where there is none, or it is too long. */
static const char *take_value(const char *p, char out[VALUE_MAX])
{
	size_t n = 0;

	if (*p != '"') {
		n = strspn(p, TOKEN_BYTE);
		if (n == 0 || n >= VALUE_MAX)
			return NULL;
		memcpy(out, p, n);
		out[n] = '\0';
		return p + n;
	}
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		if (!*p || n + 1 >= VALUE_MAX || (unsigned char)*p < ' ' || *p == 0x7f)
			return NULL;
		out[n++] = *p;
	}
	out[n] = '\0';
	return p + 1;
}

static int keep(char *field, size_t size, const char *value, struct err *e)
{
	const size_t n = strlen(value);

	if (n >= size)
		return err_set(e, EBADMSG, "its challenge is too long");
	if (*field)
		return err_set(e, EBADMSG, "its challenge says the same thing twice");
	memcpy(field, value, n + 1);
	return 0;
}

static int take_param(struct challenge *c, const char *name, size_t n, const char *value,
		      struct err *e)
{
	if (n == 5 && strncasecmp(name, "realm", n) == 0)
		return keep(c->realm, sizeof(c->realm), value, e);
	if (n == 7 && strncasecmp(name, "service", n) == 0)
		return keep(c->service, sizeof(c->service), value, e);
	return 0;
}

static enum challenge_scheme scheme_of(const char *name, size_t n)
{
	if (n == 6 && strncasecmp(name, "bearer", n) == 0)
		return CHALLENGE_BEARER;
	return n == 5 && strncasecmp(name, "basic", n) == 0 ? CHALLENGE_BASIC : CHALLENGE_NONE;
}

/* What an unknown scheme may have instead of parameters: letters that end with '='. */
static const char *skip_token68(const char *p)
{
	const char *end = p + strspn(p, TOKEN_BYTE "/");

	end += strspn(end, "=");
	end = skip_space(end);
	return end > p && (!*end || *end == ',') && !memchr(p, '"', (size_t)(end - p)) ? end : p;
}

static void finish(const struct challenge *c, struct challenge *best)
{
	if (c->scheme > best->scheme)
		*best = *c;
}

int challenge_parse(const char *text, struct challenge *out, struct err *e)
{
	struct challenge now = { CHALLENGE_NONE, "", "" }, best = { CHALLENGE_NONE, "", "" };
	bool open = false;

	for (const char *p = text + strspn(text, " \t,"); *p; p += strspn(p, " \t,")) {
		const size_t n = strspn(p, TOKEN_BYTE);
		const char *after = skip_space(p + n);
		char value[VALUE_MAX];

		if (n == 0)
			return err_set(e, EBADMSG, "its challenge is malformed");
		if (*after != '=') {
			finish(&now, &best);
			now = (struct challenge){ scheme_of(p, n), "", "" };
			open = true;
			p = now.scheme == CHALLENGE_NONE && after > p + n ? skip_token68(after)
									  : after;
			continue;
		}
		after = take_value(skip_space(after + 1), value);
		if (!open || !after)
			return err_set(e, EBADMSG, "its challenge is malformed");
		if (take_param(&now, p, n, value, e) < 0)
			return -e->code;
		p = skip_space(after);
		if (*p && *p != ',')
			return err_set(e, EBADMSG, "its challenge is malformed");
	}
	finish(&now, &best);
	if (best.scheme == CHALLENGE_BEARER && !best.realm[0])
		return err_set(e, EBADMSG, "its challenge names no realm");
	*out = best;
	return 0;
}

static void put_escaped(struct buf *out, const char *s)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:";

	for (; *s; s++) {
		if (strchr(plain, *s))
			buf_putc(out, *s);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

int challenge_url(const struct challenge *c, const char *repository, struct buf *out, struct err *e)
{
	buf_printf(out, "%s%c", c->realm, strchr(c->realm, '?') ? '&' : '?');
	if (c->service[0]) {
		buf_puts(out, "service=");
		put_escaped(out, c->service);
		buf_putc(out, '&');
	}
	buf_puts(out, "scope=repository:");
	put_escaped(out, repository);
	buf_puts(out, ":pull");
	return buf_check(out, "address of a token server", e);
}

/* RFC 6750: b64token, and no more than a header has room for. */
static bool is_token(const char *s)
{
	const size_t n = s ? strlen(s) : 0;

	return n > 0 && n <= TOKEN_MAX && strspn(s, TOKEN_BYTE "/=") == n;
}

int token_read(const char *text, size_t n, char **out, struct err *e)
{
	AUTO_JSONC struct jsonc *j = NULL;
	const char *token;
	char *copy;

	if (jsonc_parse("the token server's answer", text, n, JSONC_STRICT, &j, e) < 0)
		return err_set(e, EBADMSG, "its token server's answer is no JSON");
	token = json_string_value(json_object_get(jsonc_root(j), "token"));
	if (!token)
		token = json_string_value(json_object_get(jsonc_root(j), "access_token"));
	if (!is_token(token))
		return err_set(e, EBADMSG, "its token server's answer holds no token");
	copy = strdup(token);
	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	*out = copy;
	return 0;
}

void registry_error_code(const char *text, size_t n, char out[48])
{
	AUTO_JSONC struct jsonc *j = NULL;
	struct err ignored = ERR_INIT;
	const char *code;

	out[0] = '\0';
	if (jsonc_parse("error", text ? text : "", text ? n : 0, JSONC_STRICT, &j, &ignored) < 0)
		return;
	code = json_string_value(json_object_get(
		json_array_get(json_object_get(jsonc_root(j), "errors"), 0), "code"));
	if (code && strlen(code) < 48 &&
	    strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(code))
		memcpy(out, code, strlen(code) + 1);
}
