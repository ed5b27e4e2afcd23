/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/source.h"
#include "tests/tap.h"

/*
 * The published schema against the tables that read a policy: the same keys,
 * required ones, words and bounds, all the way down.  Positions that the
 * tables read through a shorthand ("x" for {"path": "x"}) are named here.
 */
static json_t *schema;

static const json_t *resolved(const json_t *s)
{
	const char *ref = json_string_value(json_object_get(s, "$ref"));

	while (ref && strncmp(ref, "#/$defs/", 8) == 0) {
		s = json_object_get(json_object_get(schema, "$defs"), ref + 8);
		ref = json_string_value(json_object_get(s, "$ref"));
	}
	return s;
}

/* Of a choice between a string and an object, the object: the string is its shorthand. */
static const json_t *object_form(const json_t *s)
{
	const json_t *choice;
	size_t i;

	s = resolved(s);
	json_array_foreach(json_object_get(s, "oneOf"), i, choice) {
		const json_t *const c = resolved(choice);

		if (json_object_get(c, "properties"))
			return c;
	}
	return s;
}

static void failed(const char *at, const char *what)
{
	printf("# %s: %s\n", at, what);
	CHECK(!"schema and tables differ");
}

static bool required(const json_t *s, const char *key)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(s, "required"), i, item)
		if (strcmp(json_string_value(item), key) == 0)
			return true;
	return false;
}

static void compare_words(const struct jmap *m, const json_t *s, const char *at)
{
	const json_t *const constant = json_object_get(s, "const");
	const json_t *const list = json_object_get(s, "enum");
	const json_t *item;
	size_t n = 0, i;

	while (m->words[n])
		n++;
	if (constant) {
		if (n != 1 || strcmp(m->words[0], json_string_value(constant)) != 0)
			failed(at, "const differs");
		return;
	}
	if (json_array_size(list) != n)
		failed(at, "number of words differs");
	json_array_foreach(list, i, item) {
		size_t k = 0;

		while (k < n && strcmp(m->words[k], json_string_value(item)) != 0)
			k++;
		if (k == n)
			failed(at, json_string_value(item));
	}
}

static const char *type_of(enum jmap_kind kind)
{
	static const char *const types[] = {
		[JMAP_BOOL] = "boolean", [JMAP_U64] = "integer",     [JMAP_I64] = "integer",
		[JMAP_REAL] = "number",	 [JMAP_STR] = "string",	     [JMAP_ENUM] = "string",
		[JMAP_BYTES] = "string", [JMAP_DURATION] = "string", [JMAP_OBJECT] = "object",
		[JMAP_STRS] = "array",	 [JMAP_LIST] = "array",	     [JMAP_MAP] = "object",
		[JMAP_JSON] = "object",
	};

	return types[kind];
}

static void compare_object(const struct jmap *map, const json_t *s, const char *at);

static void compare_value(const struct jmap *m, const json_t *s, const char *at)
{
	const char *type;

	s = resolved(s);
	type = json_string_value(json_object_get(s, "type"));
	if (type && strcmp(type, type_of(m->kind)) != 0)
		failed(at, "type differs");
	if (m->kind == JMAP_ENUM)
		compare_words(m, s, at);
	if (m->kind == JMAP_U64 && json_object_get(s, "minimum") &&
	    json_integer_value(json_object_get(s, "minimum")) != (json_int_t)m->min)
		failed(at, "minimum differs");
	if (m->kind == JMAP_OBJECT)
		compare_object(m->sub, s, at);
	/* words and examples of a command are arrays of words, which have no keys */
	if (m->kind == JMAP_LIST &&
	    json_object_get(object_form(json_object_get(s, "items")), "properties"))
		compare_object(m->sub, object_form(json_object_get(s, "items")), at);
}

static void compare_object(const struct jmap *map, const json_t *s, const char *at)
{
	const json_t *const properties = json_object_get(s, "properties");
	const char *key;
	json_t *value;

	if (!json_is_false(json_object_get(s, "additionalProperties")))
		failed(at, "the schema lets unknown keys pass");
	for (const struct jmap *m = map; m->name; m++) {
		char deeper[200];

		(void)snprintf(deeper, sizeof(deeper), "%s/%s", at, m->name);
		if (!json_object_get(properties, m->name)) {
			failed(deeper, "not in the schema");
			continue;
		}
		if (required(s, m->name) != m->required)
			failed(deeper, "required differs");
		compare_value(m, json_object_get(properties, m->name), deeper);
	}
	json_object_foreach((json_t *)(uintptr_t)properties, key, value) {
		const struct jmap *m = map;

		while (m->name && strcmp(m->name, key) != 0)
			m++;
		if (!m->name) {
			printf("# %s/%s: not in the tables\n", at, key);
			CHECK(!"schema and tables differ");
		}
	}
}

static void schema_and_tables_say_the_same(void)
{
	json_error_t why;

	schema = json_loads(policy_schema(), JSON_REJECT_DUPLICATES, &why);
	CHECK(schema != NULL);
	compare_object(policy_map, schema, "");
	json_decref(schema);
}

/* Every leaf of the format that could be a rule has somebody who enforces it. */
static void enforced(const struct jmap *map, const char *at)
{
	static const char *const silent[] = { "$schema", "version", "name",  "description",
					      "extends", "roles",   "tests", NULL };

	for (; map->name; map++) {
		char deeper[200];
		bool skip = false;

		for (size_t i = 0; !*at && silent[i]; i++)
			skip = skip || strcmp(silent[i], map->name) == 0;
		if (skip)
			continue;
		(void)snprintf(deeper, sizeof(deeper), "%s/%s", at, map->name);
		if (map->kind == JMAP_OBJECT) {
			enforced(map->sub, deeper);
		} else if (!policy_mechanism(deeper)) {
			failed(deeper, "nobody enforces it");
		}
	}
}

static void every_key_has_a_mechanism(void)
{
	enforced(policy_map, "");
	CHECK(policy_mechanism("/governance") == NULL);
}

TAP_MAIN(TEST(schema_and_tables_say_the_same), TEST(every_key_has_a_mechanism))
