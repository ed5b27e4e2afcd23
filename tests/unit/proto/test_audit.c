/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/audit.h"
#include "tests/tap.h"

static char state[PATH_MAX];

static void make_state(void)
{
	(void)snprintf(state, sizeof(state), "/tmp/sickbay-test-audit-XXXXXX");
	if (!mkdtemp(state) || chmod(state, 0755) < 0)
		abort();
}

static void remove_state(void)
{
	struct err e = ERR_INIT;
	AUTO_CLOSE int tmp = fd_open_dir("/tmp", &e);

	CHECK_INT(tree_remove_at(tmp, state + strlen("/tmp/"), &e), 0);
	CHECK_STR(e.msg, "");
}

static char *first_segment(void)
{
	struct buf b = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;
	char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/audit/events/%020d.ndjson", state, 0);
	CHECK_INT(file_read_at(AT_FDCWD, path, 1u << 20, &b, &e), 0);
	CHECK_STR(e.msg, "");
	return buf_take(&b);
}

static void an_effect_is_in_the_log_when_the_call_returns(void)
{
	struct audit *a = NULL;
	struct err e = ERR_INIT;

	make_state();
	CHECK_INT(audit_open(state, &a, &e), 0);
	CHECK_STR(e.msg, "");
	if (!a)
		return;
	audit_set_case(a, "c-1");
	CHECK_INT(audit_commit(a, "replica.start", json_pack("{s:s,s:i}", "image", "host", "n", 3),
			       &e),
		  0);
	AUTO_FREE char *text = first_segment();

	CHECK(text && strstr(text, "\"type\":\"replica.start\",\"case\":\"c-1\",\"image\":\"host\","
				   "\"n\":3,\"prev\":\""));
	CHECK(text && strstr(text, "\"type\":\"operator.command\",\"login_uid\":"));
	audit_close(a);
	remove_state();
}

static void closing_signs_what_was_not_signed(void)
{
	struct audit *a = NULL;
	struct err e = ERR_INIT;
	char path[PATH_MAX + 64];

	make_state();
	CHECK_INT(audit_open(state, &a, &e), 0);
	if (!a)
		return;
	CHECK_INT(audit_note(a, "exit", json_pack("{s:s}", "kind", "exited"), &e), 0);
	audit_close(a);
	(void)snprintf(path, sizeof(path), "%s/audit/checkpoint", state);
	CHECK_INT(access(path, F_OK), 0);
	remove_state();
}

static void a_checkpoint_counts_every_record(void)
{
	struct audit_checkpoint c = { 0 };
	struct audit *a = NULL;
	struct err e = ERR_INIT;

	make_state();
	CHECK_INT(audit_open(state, &a, &e), 0);
	if (!a)
		return;
	for (int i = 0; i < 1100; i++)
		CHECK_INT(audit_note(a, "exit", json_pack("{s:i}", "code", i), &e), 0);
	CHECK_INT(audit_checkpoint(a, &c, &e), 0);
	CHECK_INT(c.size, 1102); /* log.open, operator.command */
	CHECK_INT(strlen(c.root), 64);
	CHECK(c.note && strstr(c.note, "/sickbay/audit\n1102\n"));
	audit_checkpoint_release(&c);
	audit_close(a);
	remove_state();
}

static void several_orchestrators_share_one_log(void)
{
	struct err e = ERR_INIT;
	struct audit *a = NULL;
	struct audit_checkpoint c = { 0 };

	make_state();
	for (int k = 0; k < 4; k++)
		if (fork() == 0) {
			int bad = audit_open(state, &a, &e) < 0;

			for (int i = 0; i < 20 && !bad; i++)
				bad = audit_commit(a, "exit",
						   json_pack("{s:i,s:i}", "who", k, "i", i),
						   &e) < 0;
			if (!bad)
				audit_close(a);
			_exit(bad);
		}
	for (int k = 0; k < 4; k++) {
		int status = -1;

		(void)wait(&status);
		CHECK_INT(status, 0);
	}
	CHECK_INT(audit_open(state, &a, &e), 0);
	CHECK_INT(a ? audit_checkpoint(a, &c, &e) : -1, 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(c.size, 1 + 4 * 21 + 1);
	audit_checkpoint_release(&c);
	audit_close(a);
	remove_state();
}

static void an_event_that_cannot_be_recorded_fails_the_effect_and_all_after_it(void)
{
	struct audit *a = NULL;
	struct err e = ERR_INIT;

	make_state();
	CHECK_INT(audit_open(state, &a, &e), 0);
	if (!a)
		return;
	CHECK(audit_commit(a, "replica.start", json_pack("{s:f}", "cost", 1.5), &e) < 0);
	CHECK_STR(e.msg, "audit log: event 'replica.start': field 'cost': only strings, integers, "
			 "booleans, null and arrays of strings");
	e = (struct err)ERR_INIT;
	CHECK(audit_commit(a, "replica.start", json_object(), &e) < 0);
	CHECK(strstr(e.msg, "field 'cost'"));
	audit_close(a);
	remove_state();
}

static void a_log_that_was_changed_fails_the_effect(void)
{
	struct audit *a = NULL;
	struct err e = ERR_INIT;
	char path[PATH_MAX + 64];
	int fd;

	make_state();
	CHECK_INT(audit_open(state, &a, &e), 0);
	audit_close(a);
	(void)snprintf(path, sizeof(path), "%s/audit/events/%020d.ndjson", state, 0);
	fd = open(path, O_WRONLY);
	CHECK_INT(pwrite(fd, "X", 1, 60), 1);
	close(fd);
	a = NULL;
	CHECK_INT(audit_open(state, &a, &e), 0);
	CHECK(a && audit_commit(a, "replica.start", json_object(), &e) < 0);
	CHECK(strstr(e.msg, "the audit log was changed: record "));
	audit_close(a);
	remove_state();
}

static void the_log_belongs_to_its_own_user_and_is_private(void)
{
	struct audit *a = NULL;
	struct err e = ERR_INIT;
	char path[PATH_MAX + 64];
	struct stat st = { 0 };

	make_state();
	CHECK_INT(audit_open(state, &a, &e), 0);
	audit_close(a);
	(void)snprintf(path, sizeof(path), "%s/audit", state);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK_INT(st.st_uid, geteuid() == 0 ? AUDIT_UID : geteuid());
	(void)snprintf(path, sizeof(path), "%s/audit/key", state);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(st.st_uid, geteuid() == 0 ? AUDIT_UID : geteuid());
	remove_state();
}

TAP_MAIN(TEST(an_effect_is_in_the_log_when_the_call_returns),
	 TEST(closing_signs_what_was_not_signed), TEST(a_checkpoint_counts_every_record),
	 TEST(several_orchestrators_share_one_log),
	 TEST(an_event_that_cannot_be_recorded_fails_the_effect_and_all_after_it),
	 TEST(a_log_that_was_changed_fails_the_effect),
	 TEST(the_log_belongs_to_its_own_user_and_is_private))
