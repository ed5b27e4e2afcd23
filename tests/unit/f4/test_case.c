/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/case.h"

#include <fcntl.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/sys.h"
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

static void a_case_moves_down_its_stages(void)
{
	struct err e = ERR_INIT;
	struct kase *k = NULL;
	json_t *v = NULL;

	make_dir();
	CHECK_INT(case_create(dir, "shop-7f3a", &k, &e), 0);
	CHECK_STR(case_id(k), "shop-7f3a-1");
	for (int i = 0; i < STAGE_N; i++) {
		CHECK_INT(case_stage(k), i);
		CHECK_INT(case_publish(k, i, json_pack("{s:i}", "n", i), &e), 0);
	}
	CHECK_INT(case_stage(k), STAGE_N);
	CHECK_INT(case_record(k, STAGE_PROOF, &v, &e), 0);
	CHECK_INT(json_integer_value(json_object_get(v, "n")), STAGE_PROOF);
	json_decref(v);
	CHECK_INT(case_publish(k, STAGE_PROOF, json_object(), &e), -EEXIST);
	case_close(k);
	CHECK_INT(case_create(dir, "shop-7f3a", &k, &e), 0);
	CHECK_STR(case_id(k), "shop-7f3a-2");
	case_close(k);
	remove_dir();
}

static void a_record_that_was_edited_is_found(void)
{
	struct err e = ERR_INIT;
	struct kase *k = NULL;
	json_t *v = NULL;

	make_dir();
	CHECK_INT(case_create(dir, "x", &k, &e), 0);
	CHECK_INT(case_publish(k, 0, json_object(), &e), 0);
	CHECK_INT(case_publish(k, 1, json_object(), &e), 0);
	CHECK_INT(case_write(k, "1-incident.json", "{}", 2, &e), 0);
	CHECK_INT(case_record(k, 1, &v, &e), -EBADMSG);
	CHECK_STR(e.msg, "case 'x-1': '2-replica.json' does not follow from the record before it: "
			 "the directory was changed by hand");
	case_close(k);
	remove_dir();
}

static void one_process_works_on_a_case(void)
{
	struct kase *k = NULL, *other = NULL;
	struct err e = ERR_INIT;

	make_dir();
	CHECK_INT(case_create(dir, "x", &k, &e), 0);
	CHECK_INT(case_open(dir, "x-1", true, &other, &e), -EBUSY);
	CHECK_STR(e.msg, "case 'x-1': another process is working on it");
	CHECK_INT(case_open(dir, "x-1", false, &other, &e), 0);
	case_close(other);
	case_close(k);
	CHECK_INT(case_open(dir, "../x", true, &other, &e), -EINVAL);
	CHECK_INT(case_open(dir, "y-1", true, &other, &e), -ENOENT);
	remove_dir();
}

static void the_ledger_sums_up(void)
{
	struct err e = ERR_INIT;
	struct kase *k = NULL;
	json_t *v = NULL;

	make_dir();
	CHECK_INT(case_create(dir, "x", &k, &e), 0);
	CHECK_INT(case_spent(k, &v, &e), 0);
	CHECK_INT(json_integer_value(json_object_get(v, "evaluations")), 0);
	json_decref(v);
	for (int i = 0; i < 3; i++)
		CHECK_INT(case_spend(k, json_pack("{s:i,s:i}", "evaluations", 1, "cpu_us", 10), &e),
			  0);
	CHECK_INT(case_spent(k, &v, &e), 0);
	CHECK_INT(json_integer_value(json_object_get(v, "cpu_us")), 30);
	json_decref(v);
	case_close(k);
	remove_dir();
}

#ifdef SYS_FAULTS
static void a_record_that_cannot_be_synced_is_not_there(void)
{
	struct err e = ERR_INIT;
	struct kase *k = NULL;

	make_dir();
	CHECK_INT(case_create(dir, "x", &k, &e), 0);
	sys_fault_arm("fsync", 1, EIO);
	CHECK_INT(case_publish(k, 0, json_object(), &e), -EIO);
	sys_fault_arm(NULL, 0, 0);
	CHECK_INT(case_stage(k), STAGE_INCIDENT);
	case_close(k);
	remove_dir();
}
#define WITH_FAULTS TEST(a_record_that_cannot_be_synced_is_not_there),
#else
#define WITH_FAULTS
#endif

TAP_MAIN(TEST(a_case_moves_down_its_stages), TEST(a_record_that_was_edited_is_found),
	 WITH_FAULTS TEST(one_process_works_on_a_case), TEST(the_ledger_sums_up))
