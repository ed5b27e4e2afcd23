/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/manifest.h"

#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"
#include "runtime/decode/decode_formats.h"

/*
 * What a repository says of itself in the files that its tools read: names and
 * words for a draft that a person completes.  None of these files is understood
 * as its tool would; what is not recognised is left out.
 */
DEFINE_CLEANUP(struct jsonc, jsonc_free);

/* At most FINDING_BYTES, on one line, cut between characters. */
static json_t *clean(const char *s, size_t n)
{
	char out[FINDING_BYTES + 1];
	size_t k = n < FINDING_BYTES ? n : FINDING_BYTES;

	while (k && k < n && ((unsigned char)s[k] & 0xc0) == 0x80)
		k--;
	for (size_t i = 0; i < k; i++)
		out[i] = (char)((unsigned char)s[i] < ' ' || s[i] == 0x7f ? '?' : s[i]);
	return json_stringn(out, k);
}

void finding_set(json_t *f, const char *key, const char *s, size_t n)
{
	if (n)
		(void)json_object_set_new(f, key, clean(s, n));
}

void finding_add(json_t *f, const char *list, const char *s, size_t n)
{
	AUTO_JSON json_t *v = n ? clean(s, n) : NULL;
	json_t *a = json_object_get(f, list);
	const json_t *old;
	size_t i;

	if (!v || json_array_size(a) >= FINDINGS_MAX)
		return;
	if (!a) {
		a = json_array();
		(void)json_object_set_new(f, list, a);
	}
	json_array_foreach(a, i, old)
		if (json_equal(old, v))
			return;
	(void)json_array_append(a, v);
}

void finding_pair(json_t *f, const char *map, const char *key, size_t key_len, const char *value,
		  size_t value_len)
{
	AUTO_JSON json_t *k = key_len ? clean(key, key_len) : NULL;
	json_t *o = json_object_get(f, map);

	if (!k || json_object_size(o) >= FINDINGS_MAX)
		return;
	if (!o) {
		o = json_object();
		(void)json_object_set_new(f, map, o);
	}
	(void)json_object_set_new(o, json_string_value(k), clean(value, value_len));
}

void finding_requirement(json_t *f, const char *list, const char *s, size_t n)
{
	size_t k = 0;

	while (k < n &&
	       (s[k] == '_' || s[k] == '-' || s[k] == '.' || (s[k] >= '0' && s[k] <= '9') ||
		((s[k] | 32) >= 'a' && (s[k] | 32) <= 'z')))
		k++;
	if (k)
		finding_add(f, list, s, k);
}

/* ---- npm ---- */

static void set_string(json_t *f, const char *key, const json_t *v)
{
	if (json_is_string(v))
		finding_set(f, key, json_string_value(v), json_string_length(v));
}

static void add_keys(json_t *f, const char *list, const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		finding_add(f, list, key, strlen(key));
}

static void npm(const json_t *v, json_t *f)
{
	const char *key;
	json_t *value;

	set_string(f, "name", json_object_get(v, "name"));
	set_string(f, "main", json_object_get(v, "main"));
	add_keys(f, "needs", json_object_get(v, "dependencies"));
	add_keys(f, "dev", json_object_get(v, "devDependencies"));
	json_object_foreach(json_object_get(v, "scripts"), key, value)
		if (json_is_string(value))
			finding_pair(f, "scripts", key, strlen(key), json_string_value(value),
				     json_string_length(value));
}

static void npm_lock(const json_t *v, json_t *f)
{
	const json_int_t version = json_integer_value(json_object_get(v, "lockfileVersion"));

	(void)json_object_set_new(f, "lock",
				  json_integer(version > 0 && version < 100 ? version : 0));
}

static int read_json(const struct source *in, void (*read)(const json_t *, json_t *), json_t *f,
		     struct err *e)
{
	CLEANUP(cleanup_jsonc_free) struct jsonc *j = NULL;
	const int r = jsonc_parse(in->name, in->text, in->n, JSONC_STRICT, &j, e);

	if (r == 0)
		read(jsonc_root(j), f);
	return r;
}

/* ---- which file is what ---- */

static const struct kind {
	const char *name; /* of the file, or of the folder it lies in with '/' */
	const char *kind;
	void (*text)(const struct text *, json_t *); /* one of these two */
	void (*json)(const json_t *, json_t *);
} kinds[] = {
	{ "package.json", "npm", NULL, npm },
	{ "package-lock.json", "npm-lock", NULL, npm_lock },
	{ "npm-shrinkwrap.json", "npm-lock", NULL, npm_lock },
	{ "pyproject.toml", "python", manifest_toml, NULL },
	{ "setup.cfg", "python", manifest_ini, NULL },
	{ "tox.ini", "python", manifest_ini, NULL },
	{ "pytest.ini", "python", manifest_ini, NULL },
	{ "requirements", "requirements", manifest_requirements, NULL },
	{ "Makefile", "make", manifest_make, NULL },
	{ "GNUmakefile", "make", manifest_make, NULL },
	{ "CMakeLists.txt", "cmake", manifest_cmake, NULL },
	{ "Dockerfile", "docker", manifest_docker, NULL },
	{ "Containerfile", "docker", manifest_docker, NULL },
	{ ".github/workflows/", "ci", manifest_ci, NULL },
	{ ".gitlab-ci.yml", "ci", manifest_ci, NULL },
	{ ".travis.yml", "ci", manifest_ci, NULL },
	{ ".circleci/", "ci", manifest_ci, NULL },
};

static const struct kind *kind_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *const want = kinds[i].name;
		const bool folder = strchr(want, '/');

		if (folder ? text_starts(path, want)
			   : strcmp(name, want) == 0 ||
				     (strcmp(want, "requirements") == 0 &&
				      text_starts(name, want) && text_ends(name, ".txt")))
			return &kinds[i];
	}
	return NULL;
}

int manifest_decode(const struct source *in, json_t **out, struct err *e)
{
	const struct kind *k = kind_of(source_option(in, "path", in->name));
	AUTO_JSON json_t *f = json_object();
	AUTO_TEXT struct text t = { 0 };
	int r;

	if (!k)
		return err_set(e, EINVAL, "%s: not a file that a manifest is read from", in->name);
	if (!f || json_object_set_new(f, "kind", json_string(k->kind)) < 0)
		return err_set(e, ENOMEM, "%s: out of memory", in->name);
	if (k->json) {
		r = read_json(in, k->json, f, e);
	} else {
		r = text_read(in->name, in->text, in->n, &t, e);
		if (r == 0)
			k->text(&t, f);
	}
	if (r < 0)
		return r;
	*out = take_ptr(f);
	return 0;
}
