/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/hold.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "runtime/sandbox/cgroup.h"
#include "tests/unit/sandbox/box.h"

/* Long beside what two members take to start and run for a second, on a slow machine too. */
#define STANDS_MS 6000

static struct {
	int fd, calls, fail;
} held;

/* What an operator's pause does: everything stands still, longer than the members may run. */
static int stand_still(void *ctx, struct err *e)
{
	uint64_t n;

	(void)ctx;
	(void)!read(held.fd, &n, sizeof(n));
	held.calls++;
	if (held.fail)
		return err_set(e, ECANCELED, "enough");
	CHECK_INT(sandbox_hold_all(true, e), 0);
	(void)poll(NULL, 0, STANDS_MS);
	CHECK_INT(sandbox_hold_all(false, e), 0);
	return 0;
}

static void begin(int fail)
{
	held.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	held.calls = 0;
	held.fail = fail;
	sandbox_set_hold(held.fd, stand_still, NULL);
}

static void end(void)
{
	sandbox_set_hold(-1, NULL, NULL);
	cleanup_close(&held.fd);
}

static int count(void *ctx, struct sandbox *s, struct err *e)
{
	(void)e;
	CHECK_STR(sandbox_name(s), "test");
	++*(int *)ctx;
	return 0;
}

/* In each mode that this host offers. */
static void stands_still_in(int mode)
{
	const char *const argv[] = { "/bin/sh", "-c", "sleep 1; echo on time", NULL };
	struct err e = ERR_INIT;
	struct sandbox *a = NULL, *b = NULL;
	struct exit_record end_a = { 0 }, end_b = { 0 };
	struct box box;
	int n = 0;

	box_make(&box);
	box.spec.argv = (char *const *)(uintptr_t)argv;
	box.spec.limits.wall_ms = STANDS_MS - 100; /* less than it stands still */
	box.spec.limits.idle_ms = STANDS_MS - 200;
	cgroup_force(mode);
	begin(0);
	if (sandbox_start(&box.spec, &a, &e) < 0 && e.code == ENOTSUP) {
		printf("# %s: not on this host\n", cgroup_mode_name(mode));
	} else {
		CHECK_INT(sandbox_start(&box.spec, &b, &e), 0);
		CHECK_INT(sandbox_each(count, &n, &e), 0);
		CHECK_INT(n, 2);
		CHECK_INT(sandbox_wait(a, &end_a, &e), 0);
		CHECK_INT(sandbox_wait(b, &end_b, &e), 0);
		CHECK_INT(held.calls, 1);
		CHECK_STR(exit_kind_name(end_a.kind), "exited");
		CHECK_STR(exit_kind_name(end_b.kind), "exited");
		CHECK(end_a.wall_us < STANDS_MS * 1000);
	}
	end();
	sandbox_close(a);
	sandbox_close(b);
	cgroup_force(CGROUP_AUTO);
	box_remove(&box);
}

static void a_pause_stops_members_and_their_clocks(void)
{
	stands_still_in(CGROUP_AUTO);
}

static void also_by_the_legacy_freezer(void)
{
	stands_still_in(CGROUP_V1);
}

static void a_cancel_ends_the_member(void)
{
	const char *const argv[] = { "sleep", "100", NULL };
	struct err e = ERR_INIT;
	struct sandbox *s = NULL;
	struct exit_record x;
	struct box box;

	box_make(&box);
	box.spec.argv = (char *const *)(uintptr_t)argv;
	begin(1);
	CHECK_INT(sandbox_start(&box.spec, &s, &e), 0);
	CHECK_INT(sandbox_wait(s, &x, &e), -ECANCELED);
	CHECK_STR(e.msg, "enough");
	CHECK_STR(exit_kind_name(sandbox_exit(s)->kind), "cancelled");
	end();
	sandbox_close(s);
	box_remove(&box);
}

TAP_MAIN(TEST(a_pause_stops_members_and_their_clocks), TEST(also_by_the_legacy_freezer),
	 TEST(a_cancel_ends_the_member))
