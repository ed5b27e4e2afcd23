/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/pause.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
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

static void pauses(const char *state)
{
	struct err e = ERR_INIT;
	char why[PAUSE_WHY] = "";

	CHECK_INT(pause_active(state, "shop", why, &e), 0);
	CHECK_INT(pause_set(state, "shop", "bad day", &e), 0);
	CHECK_INT(pause_active(state, "shop", why, &e), 1);
	CHECK_STR(why, "shop: bad day");
	CHECK_INT(pause_active(state, "mail", why, &e), 0);
	CHECK_INT(pause_active(state, NULL, why, &e), 0);
	CHECK_INT(pause_set(state, NULL, "worst day", &e), 0);
	CHECK_INT(pause_active(state, "mail", why, &e), 1);
	CHECK_STR(why, "all: worst day");
}

static void a_pause_is_seen_and_names_its_scope(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *list = NULL;

	make_dir();
	pauses(dir);
	CHECK_INT(pause_list(dir, &list, &e), 0);
	CHECK_INT(json_array_size(list), 2);
	CHECK(json_is_true(json_object_get(json_array_get(list, 0), "owed")));
	CHECK(json_is_null(json_object_get(json_array_get(list, 0), "service")));
	remove_dir();
}

/* Until nothing more fits: no byte of a file, and no file. */
static void fill(const char *state)
{
	char path[128], page[4096] = { 0 };
	int fd;

	(void)snprintf(path, sizeof(path), "%s/fill", state);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (fd >= 0 && write(fd, page, sizeof(page)) > 0)
		;
	cleanup_close(&fd);
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(path, sizeof(path), "%s/inode-%d", state, i);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			break;
		cleanup_close(&fd);
	}
	CHECK(errno == ENOSPC);
}

static void pausing_needs_no_space(void)
{
	struct err e = ERR_INIT;
	char why[PAUSE_WHY] = "", name[16];

	make_dir();
	if (mount("none", dir, "tmpfs", 0, "size=256k,nr_inodes=64,mode=0700") < 0) {
		printf("# skipped: a file system cannot be mounted here\n");
		remove_dir();
		return;
	}
	CHECK_INT(pause_reserve(dir, &e), 0);
	fill(dir);
	pauses(dir);
	for (int i = 0; i < 6; i++) {
		(void)snprintf(name, sizeof(name), "s-%d", i);
		CHECK_INT(pause_set(dir, name, "more", &e), 0);
	}
	/* and with nothing left in reserve, everything is */
	CHECK_INT(pause_set(dir, "one-more", "and more", &e), 1);
	CHECK_INT(pause_active(dir, "one-more", why, &e), 1);
	CHECK_INT(umount(dir), 0);
	remove_dir();
}

static void the_last_resort_pauses_everything(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *list = NULL;
	char why[PAUSE_WHY] = "", path[96];

	make_dir();
	CHECK_INT(pause_reserve(dir, &e), 0);
	(void)snprintf(path, sizeof(path), "%s/pause", dir);
	CHECK_INT(chmod(path, 01700), 0);
	CHECK_INT(pause_active(dir, "shop", why, &e), 1);
	CHECK_STR(why, "all: (no file was left to write the reason to)");
	CHECK_INT(pause_list(dir, &list, &e), 0);
	CHECK_INT(json_array_size(list), 1);
	remove_dir();
}

static void a_pause_without_content_is_one(void)
{
	struct err e = ERR_INIT;
	char why[PAUSE_WHY] = "", path[96];
	int fd;

	make_dir();
	CHECK_INT(pause_reserve(dir, &e), 0);
	(void)snprintf(path, sizeof(path), "%s/pause/all.json", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cleanup_close(&fd);
	CHECK_INT(pause_active(dir, "shop", why, &e), 1);
	CHECK_STR(why, "all: (the reason was not written)");
	CHECK_INT(pause_set(dir, "Not/A/Name", "x", &e), -EINVAL);
	CHECK_STR(e.msg, "'Not/A/Name' is not the name of a service");
	remove_dir();
}

TAP_MAIN(TEST(a_pause_is_seen_and_names_its_scope), TEST(pausing_needs_no_space),
	 TEST(the_last_resort_pauses_everything), TEST(a_pause_without_content_is_one))
