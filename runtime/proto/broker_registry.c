/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/broker_registry.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/id.h"

#define COUNT_MAX   (1ull << 53)
#define PATH_BYTES  4096
#define PROSE_BYTES (16u << 10)

const char *const registry_kind_words[] = { "ok",	 "unknown", "refused", "mismatch",
					    "unreached", "failed",  NULL };

#define AT(type, field) .name = #field, .offset = offsetof(struct type, field)
/* A table reads best with one row a line. */
/* clang-format off */
const struct jmap registry_place_map[] = {
	{ AT(registry_place, host), .kind = JMAP_STR, .required = 1, .min = 1, .max = 255, .help = "HOST or HOST:PORT, as references name it" },
	{ AT(registry_place, credential), .kind = JMAP_STR, .min = 2, .max = PATH_BYTES, .help = "file with USER:PASSWORD, or credential:NAME of the unit" },
	{ AT(registry_place, ca), .kind = JMAP_STR, .min = 2, .max = PATH_BYTES, .help = "PEM file of authorities; not stated: the system's" },
	{ AT(registry_place, proxy), .kind = JMAP_STR, .min = 8, .max = 2000, .help = "HTTP proxy" },
	{ AT(registry_place, image), .kind = JMAP_BYTES, .min = 1u << 20, .help = "most that one image may take on the way" },
	{ 0 },
};
const struct jmap registry_get_map[] = {
	{ AT(registry_get, id), .kind = JMAP_U64, .max = COUNT_MAX, .help = "repeated by what comes back" },
	{ AT(registry_get, host), .kind = JMAP_STR, .required = 1, .max = 255, .help = "the registry" },
	{ AT(registry_get, repository), .kind = JMAP_STR, .required = 1, .max = 255, .help = "name within it" },
	{ AT(registry_get, manifest), .kind = JMAP_BOOL, .help = "a manifest, not a blob" },
	{ AT(registry_get, reference), .kind = JMAP_STR, .required = 1, .max = 128, .help = "tag or digest" },
	{ AT(registry_get, size), .kind = JMAP_U64, .max = COUNT_MAX, .help = "bytes that it has; 0: not known" },
	{ AT(registry_get, most), .kind = JMAP_U64, .max = COUNT_MAX, .help = "most bytes" },
	{ AT(registry_get, have), .kind = JMAP_U64, .max = COUNT_MAX, .help = "bytes that are there" },
	{ 0 },
};
const struct jmap registry_progress_map[] = {
	{ AT(registry_progress, id), .kind = JMAP_U64, .max = COUNT_MAX, .help = "of the request" },
	{ AT(registry_progress, bytes), .kind = JMAP_U64, .max = COUNT_MAX, .help = "that are there" },
	{ 0 },
};
const struct jmap registry_end_map[] = {
	{ AT(registry_end, id), .kind = JMAP_U64, .max = COUNT_MAX, .help = "of the request" },
	{ AT(registry_end, kind), .kind = JMAP_ENUM, .required = 1, .words = registry_kind_words, .help = "how it ended" },
	{ AT(registry_end, message), .kind = JMAP_STR, .max = PROSE_BYTES, .help = "what went wrong" },
	{ AT(registry_end, digest), .kind = JMAP_STR, .max = 71, .help = "of what was written" },
	{ AT(registry_end, media), .kind = JMAP_STR, .max = 200, .help = "media type" },
	{ AT(registry_end, bytes), .kind = JMAP_U64, .max = COUNT_MAX, .help = "in the file" },
	{ AT(registry_end, fetched), .kind = JMAP_U64, .max = COUNT_MAX, .help = "by this request" },
	{ AT(registry_end, attempts), .kind = JMAP_U64, .max = COUNT_MAX, .help = "attempts" },
	{ 0 },
};
/* clang-format on */

/* ---- references ---- */

/* Letters and digits, between which stand '.', '_', '__' or any number of '-'. */
static const char *skip_component(const char *s)
{
	for (;;) {
		const char *from = s;

		s += strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789");
		if (s == from)
			return NULL;
		from = s;
		if (*s == '.')
			s++;
		else if (*s == '_')
			s += s[1] == '_' ? 2 : 1;
		else
			s += strspn(s, "-");
		if (s == from)
			return s;
	}
}

bool registry_repository_is_good(const char *s)
{
	if (strlen(s) > 255)
		return false;
	for (;;) {
		s = skip_component(s);
		if (!s || (*s && *s != '/'))
			return false;
		if (!*s++)
			return true;
	}
}

bool registry_tag_is_good(const char *s)
{
	static const char word[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	const size_t n = strlen(s);

	return n > 0 && n <= 128 && strspn(s, word) == n && *s != '.' && *s != '-';
}

bool registry_digest_is_good(const char *s)
{
	return strncmp(s, "sha256:", 7) == 0 && strlen(s + 7) == 64 && is_object_id(s + 7);
}

static bool port_is_good(const char *s)
{
	const size_t n = strlen(s);

	return n > 0 && n <= 5 && strspn(s, "0123456789") == n;
}

bool registry_host_is_good(const char *s)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t n = strspn(s, name);

	if (*s == '[') {
		n = 1 + strspn(s + 1, "0123456789abcdefABCDEF:");
		if (n < 3 || s[n] != ']')
			return false;
		n++;
	} else if (n == 0 || *s == '.' || *s == '-') {
		return false;
	}
	return !s[n] || (s[n] == ':' && port_is_good(s + n + 1));
}

bool registry_is_loopback(const char *host)
{
	char name[256];
	size_t n;

	if (strncmp(host, "[::1]", 5) == 0)
		return !host[5] || host[5] == ':';
	n = strcspn(host, ":");
	if (n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	if (strcmp(name, "localhost") == 0)
		return true;
	/* four numbers and nothing else: "127.0.0.1.example" is a name */
	for (int part = 0, at = 0; part < 4; part++) {
		const size_t digits = strspn(name + at, "0123456789");

		if (digits == 0 || digits > 3 || (part == 0 && strncmp(name, "127.", 4) != 0))
			return false;
		at += (int)digits;
		if (part < 3 && name[at++] != '.')
			return false;
		if (part == 3)
			return name[at] == '\0';
	}
	return false;
}

/* Cuts what follows a separator off the text. */
static int take_tail(char *text, char *sep, char *out, size_t n, const char *what, struct err *e)
{
	const size_t len = strlen(sep + 1);

	if (len >= n)
		return err_set(e, EINVAL, "'%.200s': its %s is too long", text, what);
	if (len == 0)
		return err_set(e, EINVAL, "'%.200s': nothing stands after the last '%c'", text,
			       *sep);
	memcpy(out, sep + 1, len + 1);
	*sep = '\0';
	return 0;
}

static int check_ref(const char *text, const struct registry_ref *r, struct err *e)
{
	if (!registry_host_is_good(r->host))
		return err_set(e, EINVAL, "'%.200s': '%.100s' is no host of a registry", text,
			       r->host);
	if (!registry_repository_is_good(r->repository))
		return err_set(e, EINVAL,
			       "'%.200s': '%.100s' is no name of a repository (a-z, 0-9, '.', '_', "
			       "'-', '/')",
			       text, r->repository);
	if (r->tag[0] && !registry_tag_is_good(r->tag))
		return err_set(e, EINVAL, "'%.200s': '%.100s' is no tag", text, r->tag);
	if (r->digest[0] && !registry_digest_is_good(r->digest))
		return err_set(
			e, EINVAL,
			"'%.200s': '%.100s' is no digest (sha256: and 64 hexadecimal digits)", text,
			r->digest);
	if (!r->tag[0] && !r->digest[0])
		return err_set(e, EINVAL,
			       "'%.200s' names neither a tag nor a digest: add :TAG, or better "
			       "@sha256:HEX",
			       text);
	return 0;
}

int registry_ref_parse(const char *text, struct registry_ref *out, struct err *e)
{
	struct registry_ref r = { .tag = "" };
	char copy[800];
	char *slash, *sep;

	if (strlen(text) >= sizeof(copy))
		return err_set(e, EINVAL, "'%.100s...' is too long for a reference", text);
	memcpy(copy, text, strlen(text) + 1);
	sep = strchr(copy, '@');
	if (sep && take_tail(copy, sep, r.digest, sizeof(r.digest), "digest", e) < 0)
		return -e->code;
	slash = strchr(copy, '/');
	if (!slash ||
	    (!memchr(copy, '.', (size_t)(slash - copy)) &&
	     !memchr(copy, ':', (size_t)(slash - copy)) && strncmp(copy, "localhost/", 10) != 0))
		return err_set(e, EINVAL,
			       "'%.200s' names no registry: write HOST/REPOSITORY:TAG or "
			       "HOST/REPOSITORY@sha256:HEX",
			       text);
	sep = strrchr(slash, ':');
	if (sep && take_tail(copy, sep, r.tag, sizeof(r.tag), "tag", e) < 0)
		return -e->code;
	if (strlen(slash + 1) >= sizeof(r.repository))
		return err_set(e, EINVAL, "'%.200s': the name of its repository is too long", text);
	memcpy(r.repository, slash + 1, strlen(slash + 1) + 1);
	if ((size_t)(slash - copy) >= sizeof(r.host))
		return err_set(e, EINVAL, "'%.200s': its host is too long", text);
	memcpy(r.host, copy, (size_t)(slash - copy));
	if (check_ref(text, &r, e) < 0)
		return -e->code;
	*out = r;
	return 0;
}

/* ---- the client end ---- */

/* 1: that was the end; 0: more comes. */
static int take_answer(const struct registry_get *g, const struct msg *m, registry_progress_fn *fn,
		       void *ctx, struct registry_end *out, struct err *e)
{
	struct registry_progress p = { 0 };
	struct registry_end end = { 0 };

	if (m->type == REGISTRY_PROGRESS) {
		if (jmap_read(registry_progress_map, m->body, &p, "", e) < 0)
			return err_wrap(e, "sickbay-broker");
		if (fn)
			fn(ctx, p.bytes);
		return 0;
	}
	if (m->type != REGISTRY_END)
		return err_set(e, EPROTO, "sickbay-broker answered with message %u", m->type);
	if (jmap_read(registry_end_map, m->body, &end, "", e) < 0 || end.id != g->id) {
		jmap_release(registry_end_map, &end);
		return e->code ? err_wrap(e, "sickbay-broker")
			       : err_set(e, EPROTO, "sickbay-broker answered another request");
	}
	*out = end;
	return 1;
}

int registry_fetch(struct broker *b, const struct registry_get *g, int fd, registry_progress_fn *fn,
		   void *ctx, struct registry_end *out, struct err *e)
{
	AUTO_JSON json_t *body = jmap_write(registry_get_map, g);
	int r = 0;

	if (!body)
		return err_set(e, ENOMEM, "out of memory");
	if (msg_send(broker_fd(b), REGISTRY_GET, body, NULL, 0, fd, e) < 0)
		return err_wrap(e, "sickbay-broker");
	while (r == 0) {
		AUTO_MSG struct msg m = MSG_INIT;

		r = msg_recv(broker_fd(b), -1, &m, e);
		if (r == 0)
			return err_set(e, EPIPE,
				       "sickbay-broker ended while it fetched; what it wrote is "
				       "kept: run this again");
		if (r > 0)
			r = take_answer(g, &m, fn, ctx, out, e);
	}
	return r < 0 ? r : 0;
}
