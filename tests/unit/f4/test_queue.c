/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/queue.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent/host/queue/group.h"
#include "agent/host/queue/spool.h"
#include "agent/host/queue/storm.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/sys.h"
#include "tests/tap.h"

#define NOON   1795348800ull /* 2026-11-22T12:00:00Z */
#define MINUTE 60ull

static char dir[64];
static struct host_config config;

static void begin(void)
{
	struct err e = ERR_INIT;

	(void)snprintf(dir, sizeof(dir), "/tmp/sickbay-test-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT(host_config_load(NULL, &config, &e), 0);
}

static void end(void)
{
	struct err e = ERR_INIT;

	host_config_release(&config);
	CHECK_INT(chdir("/tmp"), 0);
	CHECK_INT(tree_remove_at(AT_FDCWD, dir + strlen("/tmp/"), &e), 0);
}

static struct queue at(uint64_t seconds)
{
	return (struct queue){ .state = dir, .config = &config, .now_ns = seconds * 1000000000 };
}

/* A report as if production had seen it `seen` seconds since the epoch; 0: it does not say. */
static void enqueue(const struct queue *q, const char *service, const char *print,
		    const char *release, uint64_t seen)
{
	char when[CLOCK_RFC3339];
	struct incident i = { .schema = (char[]){ "sickbay.incident/1" },
			      .id = (char[]){ "x" },
			      .service = (char *)(uintptr_t)service,
			      .fingerprint = (char *)(uintptr_t)print,
			      .kind = INCIDENT_TIMEOUT,
			      .count = 2 };
	const struct queue_report r = { service, "/etc/x.json", &i };
	struct err e = ERR_INIT;

	clock_rfc3339(seen * 1000000000, when);
	i.first_seen = seen ? when : NULL;
	i.deploy.release = (char *)(uintptr_t)release;
	CHECK_INT(queue_enqueue(q, &r, &e), 0);
}

static size_t absorb(const struct queue *q)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	CHECK_INT(queue_absorb(q, &n, &e), 0);
	return n;
}

static struct group load(const char *service, const char *print)
{
	char id[GROUP_ID_LEN];
	struct group g = { 0 };
	struct err e = ERR_INIT;

	group_id(service, print, id);
	CHECK_INT(group_load(dir, id, &g, &e), 0);
	return g;
}

static size_t storms(void)
{
	json_t *open = NULL;
	struct err e = ERR_INIT;
	size_t n;

	CHECK_INT(storm_list(dir, true, &open, &e), 0);
	n = json_array_size(open);
	json_decref(open);
	return n;
}

static void many_reports_are_one_incident(void)
{
	const struct queue q = at(NOON);
	struct group g;

	begin();
	for (int i = 0; i < 9; i++)
		enqueue(&q, "shop", "p1", "c", NOON - 100 + (uint64_t)i);
	enqueue(&q, "till", "p1", "d", 0);
	CHECK_INT(queue_length(dir), 10);
	CHECK_INT(absorb(&q), 10);
	CHECK_INT(queue_length(dir), 0);
	g = load("shop", "p1");
	CHECK_INT(g.reports, 9);
	CHECK_INT(g.count, 18);
	CHECK_INT(g.samples.n, 5);
	CHECK_STR(g.first_seen, "2026-11-22T11:58:20.000000000Z");
	CHECK_STR(g.last_seen, "2026-11-22T11:58:28.000000000Z");
	group_release(&g);
	g = load("till", "p1");
	CHECK_INT(g.reports, 1);
	group_release(&g);
	end();
}

static void a_time_to_come_is_the_hosts(void)
{
	const struct queue q = at(NOON);
	struct group g;

	begin();
	enqueue(&q, "shop", "p1", NULL, NOON + 365 * 24 * 60 * MINUTE);
	CHECK_INT(absorb(&q), 1);
	g = load("shop", "p1");
	CHECK_STR(g.first_seen, "2026-11-22T12:00:00.000000000Z");
	group_release(&g);
	end();
}

/* What a kill between counting and removing leaves. */
static void a_report_is_never_counted_twice(void)
{
	const struct queue q = at(NOON);
	struct err e = ERR_INIT;
	struct group g;
	char *name;
	int spool;

	begin();
	enqueue(&q, "shop", "p1", NULL, 0);
	CHECK_INT(absorb(&q), 1);
	g = load("shop", "p1");
	CHECK_INT(g.absorbed.n, 1);
	name = g.absorbed.v[0];
	spool = spool_dir(dir, "spool/new", &e);
	CHECK(spool >= 0);
	CHECK_INT(spool_write(spool, name,
			      json_pack("{s:s,s:s,s:s,s:{s:s,s:s,s:s,s:s,s:s,s:[]}}", "schema",
					REPORT_SCHEMA, "service", "shop", "service_file",
					"/etc/x.json", "incident", "schema", "sickbay.incident/1",
					"id", "x", "service", "shop", "kind", "timeout",
					"fingerprint", "p1", "chain"),
			      &e),
		  0);
	(void)close(spool);
	group_release(&g);
	CHECK_INT(absorb(&q), 1);
	CHECK_INT(queue_length(dir), 0);
	g = load("shop", "p1");
	CHECK_INT(g.reports, 1);
	group_release(&g);
	end();
}

static void three_new_ones_within_half_an_hour_are_a_storm(void)
{
	struct queue q = at(NOON);
	struct group g;
	struct err e = ERR_INIT;
	char why[256];

	begin();
	enqueue(&q, "shop", "p1", NULL, NOON - 29 * MINUTE);
	enqueue(&q, "shop", "p2", NULL, NOON - 10 * MINUTE);
	CHECK_INT(absorb(&q), 2);
	CHECK_INT(storms(), 0);
	enqueue(&q, "shop", "p3", NULL, NOON);
	CHECK_INT(absorb(&q), 1);
	CHECK_INT(storms(), 1);
	g = load("shop", "p1");
	CHECK_INT(storm_holds(dir, &g, why, &e), 1);
	CHECK_STR(why, "storm 'shop-20261122t120000': 3 new incidents of one service; repairs wait "
		       "until a person runs 'sickbay storm resume shop-20261122t120000'");
	CHECK_STR(g.storm, "shop-20261122t120000");
	group_release(&g);
	q = at(NOON + 90 * MINUTE); /* while it is open, what is new joins it */
	enqueue(&q, "shop", "p4", NULL, 0);
	CHECK_INT(absorb(&q), 1);
	CHECK_INT(storms(), 1);
	g = load("shop", "p4");
	CHECK_STR(g.storm, "shop-20261122t120000");
	group_release(&g);
	end();
}

static void what_is_further_apart_is_none(void)
{
	struct queue q = at(NOON);

	begin();
	for (int i = 0; i < 6; i++) {
		const char print[] = { 'p', (char)('0' + i), '\0' };

		q = at(NOON + (uint64_t)i * 20 * MINUTE);
		enqueue(&q, "shop", print, NULL, 0);
		CHECK_INT(absorb(&q), 1);
	}
	CHECK_INT(storms(), 0);
	end();
}

static void one_deploy_of_several_services_is_a_storm(void)
{
	const struct queue q = at(NOON);
	struct group g;
	struct err e = ERR_INIT;
	char why[256];

	begin();
	enqueue(&q, "a", "p", "c1", 0);
	enqueue(&q, "b", "p", "c1", 0);
	enqueue(&q, "c", "p", "c2", 0);
	CHECK_INT(absorb(&q), 3);
	CHECK_INT(storms(), 0);
	enqueue(&q, "d", "p", "c1", 0);
	CHECK_INT(absorb(&q), 1);
	CHECK_INT(storms(), 1);
	g = load("a", "p");
	CHECK_INT(storm_holds(dir, &g, why, &e), 1);
	group_release(&g);
	g = load("c", "p");
	CHECK_INT(storm_holds(dir, &g, why, &e), 0);
	group_release(&g);
	end();
}

static int lock(struct claim *c, const char *path, char why[256])
{
	struct strlist paths = { 0 };
	struct err e = ERR_INIT;
	int r;

	CHECK_INT(strlist_add(&paths, path), 0);
	r = queue_lock(c, "/srv/repo", &paths, why, &e);
	strlist_release(&paths);
	return r;
}

static void two_repairs_never_hold_overlapping_paths(void)
{
	struct claim *a = NULL, *b = NULL;
	struct err e = ERR_INIT;
	char why[256] = "";

	begin();
	CHECK_INT(queue_claim(dir, "shop-1", &a, &e), 0);
	CHECK_INT(queue_claim(dir, "shop-1", &b, &e), -EBUSY);
	CHECK_STR(e.msg, "incident 'shop-1': another process is repairing it");
	CHECK_INT(queue_claim(dir, "shop-2", &b, &e), 0);
	CHECK_INT(lock(a, "lib/a.js", why), 0);
	CHECK_INT(lock(b, "lib/a.json", why), 0);
	CHECK_INT(lock(b, "lib/a.js", why), 1);
	CHECK_STR(why, "'lib/a.js' is being changed by the repair of incident 'shop-1'");
	CHECK_INT(lock(b, "lib", why), 1);
	CHECK_INT(lock(a, "lib/a.js", why), 0);
	queue_release(a); /* as the kernel does when it is killed */
	CHECK(!queue_is_claimed(dir, "shop-1"));
	CHECK_INT(lock(b, "lib/a.js", why), 0);
	CHECK_INT(queue_complete(b, &e), 0);
	CHECK_INT(queue_heartbeat(b, &e), -ESTALE);
	queue_release(b);
	end();
}

#ifdef SYS_FAULTS
static void a_report_that_cannot_be_synced_is_not_taken(void)
{
	const struct queue q = at(NOON);
	struct incident i = { .schema = (char[]){ "sickbay.incident/1" },
			      .id = (char[]){ "x" },
			      .service = (char[]){ "shop" },
			      .fingerprint = (char[]){ "p" } };
	const struct queue_report r = { "shop", "/etc/x.json", &i };
	struct err e = ERR_INIT;

	begin();
	sys_fault_arm("fsync", 1, EIO);
	CHECK_INT(queue_enqueue(&q, &r, &e), -EIO);
	sys_fault_arm(NULL, 0, 0);
	CHECK_INT(queue_length(dir), 0);
	end();
}
#define WITH_FAULTS TEST(a_report_that_cannot_be_synced_is_not_taken),
#else
#define WITH_FAULTS
#endif

TAP_MAIN(TEST(many_reports_are_one_incident), TEST(a_time_to_come_is_the_hosts),
	 TEST(a_report_is_never_counted_twice),
	 TEST(three_new_ones_within_half_an_hour_are_a_storm), TEST(what_is_further_apart_is_none),
	 TEST(one_deploy_of_several_services_is_a_storm),
	 WITH_FAULTS TEST(two_repairs_never_hold_overlapping_paths))
