/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/drift.h"

#include <fcntl.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "tests/tap.h"

static char dir[64];

static void make_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/sickbay-test-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

static void remove_dir(void)
{
	struct err e = ERR_INIT;

	CHECK_INT(chdir("/tmp"), 0);
	CHECK_INT(tree_remove_at(AT_FDCWD, dir + strlen("/tmp/"), &e), 0);
}

/* A line as it is written for a proposal so many days ago. */
static void line(int days, const char *id, const char *op, const char *path, const char *module)
{
	char now[CLOCK_RFC3339], file[96];
	FILE *f;

	(void)snprintf(file, sizeof(file), "%s/drift.ndjson", dir);
	clock_rfc3339(clock_real_ns() - (uint64_t)days * 86400000000000u, now);
	f = fopen(file, "ae");
	if (!f)
		abort();
	(void)fprintf(f,
		      "{\"schema\":\"sickbay.drift/1\",\"at\":\"%s\",\"service\":\"shop\","
		      "\"case\":\"%s\",\"operator\":\"%s\",\"paths\":[{\"path\":\"%s\","
		      "\"module\":\"%s\",\"added\":1,\"removed\":0}]}\n",
		      now, id, op, path, module);
	(void)fclose(f);
}

static struct service service = {
	.name = (char *)(uintptr_t) "shop",
	.drift = { .window_days = 60, .per_file = 3, .per_module = 5 },
};

static void weigh(const char *path, const char *op, struct drift_view *v)
{
	struct change ch = { .path = (char *)(uintptr_t)path, .kind = CHANGE_MODIFY };
	const struct changes patch = { .v = &ch, .n = 1 };
	const struct drift_change c = { "shop", "now-1", op, &patch };
	struct err e = ERR_INIT;

	CHECK_INT(drift_weigh(dir, &service, &c, v, &e), 0);
}

static const char *reason(const struct drift_view *v)
{
	const char *s = json_string_value(json_array_get(v->reasons, 0));

	return s ? s : "";
}

static void nothing_is_held_against_the_first(void)
{
	struct drift_view v;

	make_dir();
	weigh("lib/pricing.py", "null-guard", &v);
	CHECK(!v.over);
	CHECK_INT(v.risk, 0);
	CHECK_INT(json_array_size(v.reasons), 0);
	json_decref(v.reasons);
	remove_dir();
}

static void the_third_guard_of_a_file_is_named(void)
{
	struct drift_view v;

	make_dir();
	line(50, "a-1", "null-guard", "lib/pricing.py", "lib");
	line(20, "b-1", "null-guard", "lib/pricing.py", "lib");
	line(90, "c-1", "null-guard", "lib/pricing.py", "lib");	 /* too long ago */
	line(1, "now-1", "null-guard", "lib/pricing.py", "lib"); /* its own, of a run before */
	weigh("lib/pricing.py", "null-guard", &v);
	CHECK(!v.over);
	CHECK_INT(v.risk, 2);
	CHECK_STR(reason(&v), "third null-guard in lib/pricing.py in 60 days");
	json_decref(v.reasons);
	weigh("lib/pricing.py", "null-default", &v);
	CHECK_STR(reason(&v), "third change by an agent in lib/pricing.py in 60 days");
	json_decref(v.reasons);
	remove_dir();
}

static void a_file_has_a_budget(void)
{
	struct drift_view v;

	make_dir();
	line(3, "a-1", "x", "pricing.py", ".");
	line(2, "b-1", "x", "pricing.py", ".");
	line(1, "c-1", "x", "pricing.py", ".");
	weigh("pricing.py", "x", &v);
	CHECK(v.over);
	CHECK_STR(v.why,
		  "agents changed 'pricing.py' 3 times in 60 days, the budget of its service "
		  "(drift.per_file): a person should look at it as a whole");
	json_decref(v.reasons);
	remove_dir();
}

static void a_directory_has_one_too(void)
{
	struct drift_view v;
	char id[16], path[32];

	make_dir();
	for (int i = 0; i < 5; i++) {
		(void)snprintf(id, sizeof(id), "a-%d", i + 1);
		(void)snprintf(path, sizeof(path), "lib/%d.py", i);
		line(1, id, "x", path, "lib");
	}
	weigh("lib/other.py", "x", &v);
	CHECK(v.over);
	CHECK_STR(v.why, "agents changed 'lib' 5 times in 60 days, the budget of its service "
			 "(drift.per_module): a person should look at it as a whole");
	json_decref(v.reasons);
	weigh("other/x.py", "x", &v);
	CHECK(!v.over);
	json_decref(v.reasons);
	remove_dir();
}

static void a_ledger_that_was_changed_is_no_licence(void)
{
	struct change ch = { .path = (char *)(uintptr_t) "a.py", .kind = CHANGE_MODIFY };
	const struct changes patch = { .v = &ch, .n = 1 };
	const struct drift_change c = { "shop", "now-1", "x", &patch };
	struct err e = ERR_INIT;
	struct drift_view v;

	make_dir();
	line(1, "a-1\",", "x", "a.py", ".");
	CHECK_INT(drift_weigh(dir, &service, &c, &v, &e), -EBADMSG);
	CHECK_STR(e.msg, "drift.ndjson: line 1 is not as it was written");
	remove_dir();
}

TAP_MAIN(TEST(nothing_is_held_against_the_first), TEST(the_third_guard_of_a_file_is_named),
	 TEST(a_file_has_a_budget), TEST(a_directory_has_one_too),
	 TEST(a_ledger_that_was_changed_is_no_licence))
