/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/mode.h"
#include "agent/host/case/service_state.h"
#include "runtime/base/fd.h"
#include "tests/tap.h"

static char state[] = "/tmp/sickbay-mode.XXXXXX";
static char shop[] = "shop", file[] = "/etc/shop.json";

static int now_of(int ceiling)
{
	const struct service s = { .name = shop, .mode = ceiling };
	struct err e = ERR_INIT;
	int mode = -1;

	CHECK_INT(service_mode_now(state, &s, &mode, &e), 0);
	return mode;
}

static void demote(void)
{
	struct err e = ERR_INIT;

	CHECK_INT(service_demote(state, shop, "it was reverted", &e), 0);
}

static void a_service_file_is_the_ceiling(void)
{
	CHECK_INT(now_of(MODE_OBSERVE), MODE_OBSERVE);
	CHECK_INT(now_of(MODE_PROPOSE), MODE_PROPOSE);
}

static void a_demotion_goes_one_rung_down_and_stops_at_observe(void)
{
	demote();
	CHECK_INT(now_of(MODE_PROPOSE), MODE_REPRODUCE);
	CHECK_INT(now_of(MODE_OBSERVE), MODE_OBSERVE);
	demote();
	CHECK_INT(now_of(MODE_PROPOSE), MODE_OBSERVE);
	demote();
	CHECK_INT(now_of(MODE_PROPOSE), MODE_OBSERVE);
}

static void a_rung_above_the_ceiling_counts_as_the_ceiling(void)
{
	struct err e = ERR_INIT;

	CHECK_INT(service_set_rung(state, shop, MODE_PROPOSE, "promoted", &e), 0);
	CHECK_INT(now_of(MODE_REPRODUCE), MODE_REPRODUCE);
	CHECK_INT(now_of(MODE_PROPOSE), MODE_PROPOSE);
}

static void a_demotion_starts_from_the_ceiling_that_the_check_saw(void)
{
	AUTO_JSON json_t *check = json_pack("{s:s,s:s,s:s}", "schema", CHECK_SCHEMA, "mode",
					    "reproduce", "passed", "now");
	struct err e = ERR_INIT;

	CHECK_INT(service_set_rung(state, shop, MODE_PROPOSE, "promoted", &e), 0);
	CHECK_INT(service_state_write(state, shop, CHECK_FILE, check, &e), 0);
	demote();
	CHECK_INT(now_of(MODE_PROPOSE), MODE_OBSERVE);
}

static void what_the_last_case_saw_counts_more_than_the_check(void)
{
	const struct service s = { .name = shop, .mode = MODE_PROPOSE };
	struct err e = ERR_INIT;

	CHECK_INT(service_set_rung(state, shop, MODE_PROPOSE, "promoted", &e), 0);
	CHECK_INT(service_note_ceiling(state, &s, &e), 0);
	CHECK_INT(service_note_ceiling(state, &s, &e), 0);
	demote();
	CHECK_INT(now_of(MODE_PROPOSE), MODE_REPRODUCE);
}

static void a_record_that_says_no_mode_is_refused(void)
{
	AUTO_JSON json_t *bad =
		json_pack("{s:s,s:s}", "schema", "sickbay.mode/1", "rung", "proposed");
	const struct service s = { .name = shop };
	struct err e = ERR_INIT;
	int mode = -1;

	CHECK_INT(service_state_write(state, shop, "mode.json", bad, &e), 0);
	CHECK_INT(service_mode_now(state, &s, &mode, &e), -EBADMSG);
	CHECK_STR(e.msg, "service 'shop': mode.json has no \"rung\" that is a mode");
	CHECK_INT(mode, -1);
}

static void a_service_that_never_passed_is_told_what_to_run(void)
{
	AUTO_JSON json_t *failed =
		json_pack("{s:s,s:s}", "schema", CHECK_SCHEMA, "mode", "observe");
	AUTO_JSON json_t *passed =
		json_pack("{s:s,s:s}", "schema", CHECK_SCHEMA, "passed", "2026-11-22T11:00:00Z");
	char other[] = "other";
	struct service s = { .name = other, .file = file };
	struct err e = ERR_INIT;

	CHECK_INT(service_checked(state, &s, &e), -EPERM);
	CHECK(strstr(e.msg, "run 'sickbay service check /etc/shop.json --state ") != NULL);
	CHECK_INT(service_state_write(state, other, CHECK_FILE, failed, &e), 0);
	CHECK_INT(service_checked(state, &s, &e), -EPERM);
	CHECK(strstr(e.msg, "service 'other' never passed") != NULL);
	CHECK_INT(service_state_write(state, other, CHECK_FILE, passed, &e), 0);
	CHECK_INT(service_checked(state, &s, &e), 0);
}

static void a_service_is_named_by_file_or_by_name(void)
{
	char path[4096];
	struct err e = ERR_INIT;

	CHECK_INT(service_file_of(NULL, "shop", path, &e), 0);
	CHECK_STR(path, "/etc/sickbay/services/shop.json");
	CHECK_INT(service_file_of("/srv", "shop", path, &e), 0);
	CHECK_STR(path, "/srv/shop.json");
	CHECK_INT(service_file_of("/srv", "shop.json", path, &e), 0);
	CHECK_STR(path, "shop.json");
	CHECK_INT(service_file_of("/srv", "./shop", path, &e), 0);
	CHECK_STR(path, "./shop");
	CHECK_INT(service_file_of("/srv", "Shop", path, &e), -EINVAL);
}

static void make_state(void)
{
	CHECK(mkdtemp(state) != NULL);
}

static void nothing_is_left(void)
{
	struct err e = ERR_INIT;

	CHECK_INT(chdir("/tmp"), 0);
	CHECK_INT(tree_remove_at(AT_FDCWD, state + strlen("/tmp/"), &e), 0);
}

TAP_MAIN(TEST(make_state), TEST(a_service_file_is_the_ceiling),
	 TEST(a_demotion_goes_one_rung_down_and_stops_at_observe),
	 TEST(a_rung_above_the_ceiling_counts_as_the_ceiling),
	 TEST(a_demotion_starts_from_the_ceiling_that_the_check_saw),
	 TEST(what_the_last_case_saw_counts_more_than_the_check),
	 TEST(a_record_that_says_no_mode_is_refused),
	 TEST(a_service_that_never_passed_is_told_what_to_run),
	 TEST(a_service_is_named_by_file_or_by_name), TEST(nothing_is_left))
