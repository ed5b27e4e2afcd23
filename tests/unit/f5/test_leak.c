/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/leak.h"

#include "policy/policy.h"
#include "tests/tap.h"

static struct redact *values(const char *value, unsigned flags)
{
	struct err e = ERR_INIT;
	struct redact *r = NULL;

	CHECK_INT(redact_new(&r, &e), 0);
	CHECK_INT(redact_add(r, value, strlen(value), flags, &e), 0);
	CHECK_INT(redact_build(r, &e), 0);
	return r;
}

static struct change change(const char *path, const char *before, const char *after)
{
	return (struct change){ .path = (char *)(uintptr_t)path,
				.kind = before ? CHANGE_MODIFY : CHANGE_ADD,
				.old_data = (char *)(uintptr_t)before,
				.old_len = before ? strlen(before) : 0,
				.new_data = (char *)(uintptr_t)after,
				.new_len = strlen(after) };
}

static void a_finding_is_named_by_its_place(void)
{
	struct change ch = change("test/a.js", NULL, "one\ntwo canary\n");
	const struct changes c = { &ch, 1 };
	struct redact *r = values("canary", 0);
	char where[256] = "", why[256] = "";
	struct err e = ERR_INIT;

	CHECK_INT(leak_find(r, &c, NULL, where, why, &e), 1);
	CHECK_STR(where, "'test/a.js', line 2");
	CHECK_STR(why,
		  "a value of the report stands here (as it is): put a made-up one in its place");
	redact_free(r);
}

static void a_path_with_a_value_is_not_repeated(void)
{
	struct change ch = change("test/canary.js", NULL, "one\n");
	const struct changes c = { &ch, 1 };
	struct redact *r = values("canary", 0);
	char where[256] = "", why[256] = "";
	struct err e = ERR_INIT;

	CHECK_INT(leak_find(r, &c, NULL, where, why, &e), 1);
	CHECK_STR(where, "the path of change 1, line 1");
	redact_free(r);
}

static void only_added_lines_count(void)
{
	struct change ch = change("a.js", "keep\ncanary\n", "keep\ncanary\nmore\n");
	const struct changes c = { &ch, 1 };
	struct redact *r = values("canary", REDACT_PERSONAL);
	char where[256] = "", why[256] = "";
	struct err e = ERR_INIT;

	CHECK_INT(redact_learn(r, "canary", 6, &e), 0);
	CHECK_INT(leak_find(r, &c, NULL, where, why, &e), 0);
	ch = change("a.js", "keep\ncanary\n", "keep\ncanary\nmore canary\n");
	CHECK_INT(leak_find(r, &c, NULL, where, why, &e), 1);
	CHECK_STR(where, "'a.js', line 3");
	redact_free(r);
}

static void prose_is_looked_through(void)
{
	const struct changes none = { 0 };
	char title[] = "price: a null canary";
	const struct gate_submit s = { .title = title };
	struct redact *r = values("canary", 0);
	char where[256] = "", why[256] = "";
	struct err e = ERR_INIT;

	CHECK_INT(leak_find(r, &none, &s, where, why, &e), 1);
	CHECK_STR(where, "title, line 1");
	CHECK_INT(leak_find(NULL, &none, &s, where, why, &e), 0);
	redact_free(r);
}

static void who_writes_the_patch_gets_no_values(void)
{
	struct exception x = { .type = (char[]){ "TypeError" },
			       .message = (char[]){ "cannot read 'length' of canary" } };
	const struct incident i = { .schema = (char[]){ "sickbay.incident/1" },
				    .id = (char[]){ "shop-1" },
				    .service = (char[]){ "shop" },
				    .chain = { &x, 1 } };
	struct redact *r = values("canary", 0);
	struct err e = ERR_INIT;
	AUTO_JSON json_t *patch = leak_incident(r, ROLE_PATCH, &i, &e);
	AUTO_JSON json_t *reproduce = leak_incident(r, ROLE_REPRODUCE, &i, &e);
	const json_t *of_patch = json_array_get(json_object_get(patch, "chain"), 0);
	const json_t *of_test = json_array_get(json_object_get(reproduce, "chain"), 0);

	CHECK_STR(json_string_value(json_object_get(of_patch, "message")),
		  "cannot read 'length' of [masked]");
	CHECK_STR(json_string_value(json_object_get(of_test, "message")), x.message);
	redact_free(r);
}

TAP_MAIN(TEST(a_finding_is_named_by_its_place), TEST(a_path_with_a_value_is_not_repeated),
	 TEST(only_added_lines_count), TEST(prose_is_looked_through),
	 TEST(who_writes_the_patch_gets_no_values))
