/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/stub.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/jsonc.h"

#define AT(field) .offset = offsetof(struct stub_answer, field)

/* clang-format off */
static const struct jmap answer_map[] = {
	{ .name = "method", .kind = JMAP_STR, AT(method), .min = 1, .max = 15, .help = "of the request; GET where it is not said" },
	{ .name = "path", .kind = JMAP_STR, AT(path), .required = 1, .min = 1, .max = 2000, .help = "of the request, with its query where that has to be the same" },
	{ .name = "status", .kind = JMAP_U64, AT(status), .min = 200, .max = 599, .help = "of the answer; 200 where it is not said" },
	{ .name = "headers", .kind = JMAP_MAP, AT(headers), .max = 64, .help = "of the answer" },
	{ .name = "body", .kind = JMAP_STR, AT(body), .max = 1u << 20, .help = "of the answer, as text" },
	{ .name = "json", .kind = JMAP_JSON, AT(json), .help = "of the answer, as JSON" },
	{ 0 },
};
static const struct jmap stub_map[] = {
	{ .name = "version", .kind = JMAP_U64, .offset = offsetof(struct stub, version), .required = 1, .min = 1, .max = 1, .help = "format version" },
	{ .name = "answers", .kind = JMAP_LIST, .offset = offsetof(struct stub, answers), .required = 1, .max = 1000, .sub = answer_map, .size = sizeof(struct stub_answer), .help = "what was recorded" },
	{ 0 },
};
/* clang-format on */

static bool is_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* The server says where a body ends. */
static bool is_header(const struct strpair *h)
{
	const size_t n = strspn(h->key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789-");

	return n > 0 && h->key[n] == '\0' && is_line(h->value) &&
	       strcasecmp(h->key, "content-length") != 0 && strcasecmp(h->key, "connection") != 0 &&
	       strcasecmp(h->key, "transfer-encoding") != 0;
}

static int check(const struct stub *s, struct err *e)
{
	const struct stub_answer *a = s->answers.v;

	for (size_t i = 0; i < s->answers.n; i++) {
		if (a[i].path[0] != '/' || !is_line(a[i].path) || strchr(a[i].path, ' '))
			return err_set(e, EINVAL, "/answers/%zu/path: '%s' is not a path", i,
				       a[i].path);
		if (a[i].body && a[i].json)
			return err_set(e, EINVAL, "/answers/%zu/json: there is a \"body\" already",
				       i);
		for (size_t k = 0; k < a[i].headers.n; k++)
			if (!is_header(&a[i].headers.v[k]))
				return err_set(e, EINVAL,
					       "/answers/%zu/headers/%s: this header cannot be "
					       "given",
					       i, a[i].headers.v[k].key);
	}
	return 0;
}

int stub_parse(const char *name, const char *text, size_t n, struct stub *out, struct err *e)
{
	struct jsonc *j = NULL;
	struct stub s = { 0 };
	int r = jsonc_parse(name, text, n, JSONC_COMMENTS, &j, e);

	if (r == 0) {
		r = jmap_read(stub_map, jsonc_root(j), &s, "", e);
		if (r == 0)
			r = check(&s, e);
		if (r < 0)
			(void)jsonc_locate(j, e);
	}
	jsonc_free(j);
	if (r < 0) {
		stub_release(&s);
		return r;
	}
	*out = s;
	return 0;
}

void stub_release(struct stub *s)
{
	jmap_release(stub_map, s);
	*s = (struct stub){ 0 };
}
