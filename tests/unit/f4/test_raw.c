/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/raw.h"

#include <fcntl.h>
#include <sys/stat.h>
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

static void path_of(const struct raw_ref *ref, const char *suffix, char out[200])
{
	(void)snprintf(out, 200, "%s/raw/%s%s", dir, ref->digest + strlen("sha256:"), suffix);
}

static void a_piece_comes_back_as_it_was(void)
{
	AUTO_BUF struct buf got = BUF_INIT(RAW_MAX);
	struct err e = ERR_INIT;
	struct raw_ref one, two;
	struct stat st;
	char path[200];

	make_dir();
	CHECK_INT(raw_put(dir, "report", "shop-1", "a\0b", 3, &one, &e), 0);
	CHECK_INT(raw_put(dir, "report", "shop-1", "a\0b", 3, &two, &e), 0);
	CHECK(strcmp(one.digest, two.digest) != 0); /* salted: equal pieces do not show */
	CHECK_INT(one.bytes, 3);
	CHECK_INT(raw_get(dir, one.digest, &got, &e), 0);
	CHECK_INT(got.n, 3);
	CHECK(memcmp(got.p, "a\0b", 3) == 0);
	path_of(&one, "", path);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0640);
	path[strlen(dir) + strlen("/raw")] = '\0';
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0750);
	remove_dir();
}

static void one_that_was_changed_is_found(void)
{
	AUTO_BUF struct buf got = BUF_INIT(RAW_MAX);
	struct err e = ERR_INIT;
	struct raw_ref ref;
	char path[200];
	FILE *f;

	make_dir();
	CHECK_INT(raw_put(dir, "values", "shop-1", "abc", 3, &ref, &e), 0);
	path_of(&ref, "", path);
	f = fopen(path, "a");
	CHECK(f && fputc('x', f) == 'x' && fclose(f) == 0);
	CHECK_INT(raw_get(dir, ref.digest, &got, &e), -EBADMSG);
	CHECK(strstr(e.msg, ": the file was changed") != NULL);
	remove_dir();
}

static void what_is_not_there_is_said(void)
{
	AUTO_BUF struct buf got = BUF_INIT(RAW_MAX);
	struct err e = ERR_INIT;
	json_t *list = NULL;

	make_dir();
	CHECK_INT(raw_list(dir, &list, &e), 0);
	CHECK_INT(json_array_size(list), 0);
	json_decref(list);
	CHECK_INT(raw_get(dir, "sha256:no", &got, &e), -EINVAL);
	CHECK_STR(e.msg, "'sha256:no' is not a digest (sha256: and 64 hex digits)");
	CHECK_INT(raw_get(dir,
			  "sha256:"
			  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			  &got, &e),
		  -ENOENT);
	CHECK(strstr(e.msg, "(see 'sickbay raw list')") != NULL);
	remove_dir();
}

#ifdef SYS_FAULTS
static void one_that_cannot_be_written_is_not_named(void)
{
	struct err e = ERR_INIT;
	struct raw_ref ref = { 0 };

	make_dir();
	sys_fault_arm("fsync", 1, ENOSPC);
	CHECK_INT(raw_put(dir, "report", "shop-1", "abc", 3, &ref, &e), -ENOSPC);
	CHECK(sys_fault_hit());
	sys_fault_arm(NULL, 0, 0);
	CHECK_STR(ref.digest, "");
	remove_dir();
}

#define WITH_FAULTS TEST(one_that_cannot_be_written_is_not_named),
#else
#define WITH_FAULTS
#endif

TAP_MAIN(TEST(a_piece_comes_back_as_it_was), TEST(one_that_was_changed_is_found),
	 WITH_FAULTS TEST(what_is_not_there_is_said))
