/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/depth.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent/host/case/decide.h"
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

static const struct service service = {
	.name = (char *)(uintptr_t) "shop",
	.audit = { .share = 10, .untouched = 5 },
};

static void publish(struct kase *k, int stage, json_t *record)
{
	struct err e = ERR_INIT;

	CHECK_INT(case_publish(k, stage, record, &e), 0);
}

/* A case as far as its proof. */
static struct kase *proven(const char *id, const char *policy, int refusals)
{
	struct err e = ERR_INIT;
	struct kase *k = NULL;
	json_t *list = json_array();

	for (int i = 0; i < refusals; i++)
		(void)json_array_append_new(list, json_object());
	CHECK_INT(case_create(dir, id, &k, &e), 0);
	publish(k, STAGE_INCIDENT, json_pack("{s:{s:s}}", "service", "name", "shop"));
	publish(k, STAGE_REPLICA,
		json_pack("{s:{s:{s:s}}}", "policies", "patch", "digest", policy));
	publish(k, STAGE_MATCH, json_object());
	publish(k, STAGE_PATCH, json_pack("{s:{s:o}}", "agent", "refusals", list));
	publish(k, STAGE_PROOF, json_object());
	return k;
}

/* And one that was proposed; decided: the line that people wrote, or NULL. */
static void proposed(const char *id, const char *policy, int required, const char *decision)
{
	struct kase *k = proven(id, policy, 0);
	struct err e = ERR_INIT;
	char digest[65];

	publish(k, STAGE_PULLREQ,
		json_pack("{s:{s:{s:b}}}", "measured", "audit", "required", required));
	publish(k, STAGE_OUTCOME, json_pack("{s:s}", "outcome", "proposed"));
	if (decision) {
		AUTO_FREE char *text = NULL;

		CHECK_INT(case_record_digest(k, STAGE_OUTCOME, digest, &e), 0);
		if (asprintf(&text,
			     "{\"schema\":\"sickbay.decision/"
			     "1\",\"decision\":\"%s\",\"at\":\"2026-11-22T10:00:%sZ\",\"prev\":"
			     "\"sha256:%s\"}\n",
			     decision, id + 1, digest) < 0)
			abort();
		CHECK_INT(case_write(k, "decisions.ndjson", text, strlen(text), &e), 0);
	}
	case_close(k);
}

static json_t *judged(struct kase *k)
{
	struct err e = ERR_INIT;
	json_t *v = NULL;

	CHECK_INT(depth_judge(dir, &service, k, &v, &e), 0);
	return v;
}

static bool says(const json_t *v, const char *text)
{
	const json_t *why = json_object_get(v, "why");

	for (size_t i = 0; i < json_array_size(why); i++)
		if (strstr(json_string_value(json_array_get(why, i)), text))
			return true;
	return false;
}

static void the_first_under_a_policy_is_looked_at(void)
{
	struct kase *k;
	json_t *v;

	make_dir();
	k = proven("a10", "p1", 0);
	v = judged(k);
	CHECK(json_is_true(json_object_get(v, "required")));
	CHECK(says(v, "the first proposal under its policy"));
	json_decref(v);
	case_close(k);
	proposed("a20", "p1", 1, NULL);
	k = proven("a30", "p1", 2);
	v = judged(k);
	CHECK(!says(v, "the first proposal under its policy"));
	CHECK(says(v, "an agent was refused something 2 times"));
	json_decref(v);
	v = judged(k); /* again: the same */
	CHECK_INT(json_integer_value(json_object_get(v, "share")), 10);
	json_decref(v);
	case_close(k);
	remove_dir();
}

static void what_waits_is_counted_until_a_person_looked(void)
{
	struct err e = ERR_INIT;
	char first[128] = "";
	size_t n = 0;

	make_dir();
	proposed("a10", "p1", 1, "audited");
	proposed("a20", "p1", 1, "merged");
	proposed("a30", "p1", 0, NULL);
	proposed("a40", "p1", 1, NULL);
	CHECK_INT(depth_due(dir, "shop", NULL, &n, first, &e), 0);
	CHECK_INT(n, 2);
	CHECK_STR(first, "a20-1");
	CHECK_INT(depth_due(dir, "mail", NULL, &n, first, &e), 0);
	CHECK_INT(n, 0);
	remove_dir();
}

static json_int_t share_of(const char *id)
{
	struct kase *k = proven(id, "p1", 0);
	json_t *v = judged(k);
	const json_int_t share = json_integer_value(json_object_get(v, "share"));

	json_decref(v);
	case_close(k);
	return share;
}

static void the_share_rises_with_merges_that_nobody_touched(void)
{
	static const char *const ids[] = { "a10", "a11", "a12", "a13" };

	make_dir();
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		proposed(ids[i], "p1", 0, "merged");
	CHECK_INT(share_of("x1"), 10);
	proposed("a14", "p1", 0, "merged");
	CHECK_INT(share_of("x2"), 20);
	proposed("a15", "p1", 0, "merged-edited"); /* someone read it */
	CHECK_INT(share_of("x3"), 10);
	remove_dir();
}

TAP_MAIN(TEST(the_first_under_a_policy_is_looked_at),
	 TEST(what_waits_is_counted_until_a_person_looked),
	 TEST(the_share_rises_with_merges_that_nobody_touched))
