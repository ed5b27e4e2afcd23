/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/hook.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent/host/case/case.h"
#include "agent/host/queue/wake.h"
#include "runtime/base/fd.h"
#include "runtime/proto/broker_forge.h"
#include "tests/tap.h"

static char dir[64];
static struct forge_place places[] = { { .name = (char[]){ "lab" }, .kind = FORGE_GITLAB },
				       { .name = (char[]){ "hub" }, .kind = FORGE_GITHUB } };
static struct host_config config = { .forges = { places, 2 } };
static const struct queue q = { .state = dir, .config = &config };

static void begin(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/sickbay-test-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

static void end(void)
{
	struct err e = ERR_INIT;

	CHECK_INT(chdir("/tmp"), 0);
	CHECK_INT(tree_remove_at(AT_FDCWD, dir + strlen("/tmp/"), &e), 0);
}

/* A case of the incident "shop", ended, with a pull request where number is not 0. */
static void add_case(int number)
{
	struct err e = ERR_INIT;
	struct kase *k = NULL;
	json_t *v;

	CHECK_INT(case_create(dir, "shop", &k, &e), 0);
	for (int i = 0; i < STAGE_N; i++) {
		v = i == STAGE_PULLREQ && number
			    ? json_pack("{s:{s:{s:s,s:s,s:i}}}", "measured", "pull_request",
					"forge", "hub", "repository", "Acme/shop", "number", number)
			    : json_object();
		CHECK_INT(case_publish(k, i, v, &e), 0);
	}
	case_close(k);
}

/* Lines that are not a case's are as good as a decision here: nobody adds to them. */
static void decide(const char *id)
{
	char path[200];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/cases/%s/decisions.ndjson", dir, id);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, "{}\n", 3) == 3);
	(void)close(fd);
}

static const char *takes(size_t place, const char *kind, const char *repository, int number,
			 const char *branch)
{
	static char why[QUEUE_WHY];
	json_t *found = json_pack("{s:s,s:i,s:s}", "repository", repository, "number", number,
				  "branch", branch);
	struct strlist waiting = { 0 };
	struct err e = ERR_INIT;
	const int r = hook_take(&q, place, kind, found, why, &e);

	json_decref(found);
	CHECK_INT(wake_list(dir, &waiting, &e), 0);
	CHECK_INT((int)waiting.n, r);
	if (r == 1) {
		(void)snprintf(why, sizeof(why), "%s", waiting.v[0]);
		CHECK_INT(wake_take(dir, why, &e), 1);
		CHECK_INT(wake_done(dir, why, &e), 0);
	}
	strlist_release(&waiting);
	return why;
}

static void test_which(void)
{
	begin();
	add_case(7);
	CHECK_STR(takes(1, "github", "acme/shop", 7, "sickbay/shop-1"), "shop-1");
	CHECK_STR(takes(1, "github", "acme/shop", 8, "sickbay/shop-1"),
		  "it is not the pull request of the case that its branch names");
	CHECK_STR(takes(1, "github", "acme/shops", 7, "sickbay/shop-1"),
		  "it is not the pull request of the case that its branch names");
	CHECK_STR(takes(0, "gitlab", "acme/shop", 7, "sickbay/shop-1"),
		  "it is not the pull request of the case that its branch names");
	CHECK_STR(takes(1, "github", "acme/shop", 7, "sickbay/shop-2"),
		  "its branch names no case of this host");
	CHECK_STR(takes(1, "github", "acme/shop", 7, "sickbay/../shop-1"),
		  "its branch names no case of this host");
	CHECK_STR(takes(1, "github", "acme/shop", 7, "main"),
		  "its branch names no case of this host");
	CHECK_STR(takes(1, "gitlab", "acme/shop", 7, "sickbay/shop-1"),
		  "its forge is no longer in the host's configuration");
	CHECK_STR(takes(2, "github", "acme/shop", 7, "sickbay/shop-1"),
		  "its forge is no longer in the host's configuration");
	CHECK_STR(takes(1, "github", "acme/shop", 0, "sickbay/shop-1"),
		  "it is not as sickbay-decode has it");
	decide("shop-1");
	CHECK_STR(takes(1, "github", "acme/shop", 7, "sickbay/shop-1"), "its case is decided");
	end();
}

static void test_refreshed(void)
{
	begin();
	add_case(7);
	decide("shop-1");
	add_case(0);
	add_case(7);
	CHECK_STR(takes(1, "github", "acme/shop", 7, "sickbay/shop-1"), "shop-3");
	decide("shop-3");
	CHECK_STR(takes(1, "github", "acme/shop", 7, "sickbay/shop-1"), "its case is decided");
	end();
}

static void test_wake(void)
{
	struct strlist waiting = { 0 };
	struct err e = ERR_INIT;

	begin();
	CHECK_INT(wake_list(dir, &waiting, &e), 0);
	CHECK_INT(wake_take(dir, "shop-1", &e), 0);
	CHECK_INT(wake_put(dir, "shop-1", json_object(), &e), 0);
	CHECK_INT(wake_put(dir, "shop-1", json_object(), &e), 0);
	CHECK_INT(wake_take(dir, "shop-1", &e), 1);
	/* killed while looking: it still waits; told again meanwhile: it waits once more */
	CHECK_INT(wake_take(dir, "shop-1", &e), 1);
	CHECK_INT(wake_put(dir, "shop-1", json_object(), &e), 0);
	CHECK_INT(wake_list(dir, &waiting, &e), 0);
	CHECK_INT((int)waiting.n, 1);
	CHECK_STR(waiting.v[0], "shop-1");
	CHECK_INT(wake_done(dir, "shop-1", &e), 0);
	CHECK_INT(wake_take(dir, "shop-1", &e), 1);
	CHECK_INT(wake_done(dir, "shop-1", &e), 0);
	CHECK_INT(wake_take(dir, "shop-1", &e), 0);
	CHECK_INT(wake_done(dir, "shop-1", &e), 0);
	strlist_release(&waiting);
	end();
}

TAP_MAIN({ "a webhook wakes the one proposal that it names, or nobody", test_which },
	 { "a refreshed case is found by the branch of the first one", test_refreshed },
	 { "what is told while somebody looks is looked at again", test_wake })
