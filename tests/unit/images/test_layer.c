/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "images/layer.h"
#include "tests/tap.h"
#include "tests/unit/images/scratch.h"

static struct layer_draft draft;

static void begin(void)
{
	struct err e = ERR_INIT;

	scratch_open();
	CHECK_INT(layer_begin(scratch_store, NULL, &draft, &e), 0);
}

static void end(void)
{
	layer_drop(scratch_store, &draft);
	scratch_close();
}

static struct stat look(const char *path)
{
	struct stat st = { 0 };

	CHECK_INT(fstatat(draft.dir, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void a_file_gets_its_content_owner_and_mode_without_set_id_bits(void)
{
	struct err e = ERR_INIT;
	struct stat st;

	begin();
	CHECK_INT(layer_put_file(draft.dir, "usr/bin/tool", "hello", 5, 06755, 12, 65535, &e), 0);
	st = look("usr/bin/tool");
	CHECK_INT(st.st_mode, S_IFREG | 0755);
	CHECK_INT(st.st_uid, 12);
	CHECK_INT(st.st_gid, 65535);
	CHECK_INT(st.st_size, 5);
	CHECK_INT(look("usr/bin").st_mode, S_IFDIR | 0755);
	end();
}

static void parents_are_readable_whatever_the_umask(void)
{
	const mode_t old = umask(077);
	struct err e = ERR_INIT;

	begin();
	CHECK_INT(layer_put_file(draft.dir, "a/b/c", "", 0, 0644, 0, 0, &e), 0);
	CHECK_INT(look("a").st_mode & 0777, 0755);
	CHECK_INT(look("a/b").st_mode & 0777, 0755);
	CHECK_INT(look("a/b/c").st_mode & 0777, 0644);
	end();
	(void)umask(old);
}

static void names_that_would_leave_the_layer_are_refused(void)
{
	static const struct {
		const char *path, *want;
		int code;
	} row[] = {
		{ "../x", "'../x': '..' would leave the layer", -EINVAL },
		{ "a/../../x", "'a/../../x': '..' would leave the layer", -EINVAL },
		{ "/etc/passwd", "'/etc/passwd': want a path relative to the layer", -EINVAL },
		{ "", "'': want a path relative to the layer", -EINVAL },
		{ "a//b", "'a//b': has an empty or '.' component", -EINVAL },
		{ "a/", "'a/': has an empty or '.' component", -EINVAL },
		{ "./a", "'./a': has an empty or '.' component", -EINVAL },
	};

	begin();
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct err e = ERR_INIT;

		CHECK_INT(layer_put_file(draft.dir, row[i].path, "", 0, 0644, 0, 0, &e),
			  row[i].code);
		CHECK_STR(e.msg, row[i].want);
	}
	end();
}

static void nothing_is_written_through_a_link(void)
{
	struct err e = ERR_INIT;

	begin();
	CHECK_INT(layer_put_link(draft.dir, "out", "/tmp", 0, 0, &e), 0);
	CHECK(layer_put_file(draft.dir, "out/escaped", "x", 1, 0644, 0, 0, &e) < 0);
	CHECK_STR(e.msg, "'out/escaped': 'out' on its way is not a directory of the layer");
	CHECK(layer_put_dir(draft.dir, "out/d", 0755, 0, 0, &e) < 0);
	CHECK(access("/tmp/escaped", F_OK) < 0);
	CHECK_INT(layer_put_file(draft.dir, "out", "x", 1, 0644, 0, 0, &e), 0);
	CHECK_INT(look("out").st_mode & S_IFMT, S_IFREG);
	end();
}

static void ids_above_65535_are_refused(void)
{
	struct err e = ERR_INIT;

	begin();
	CHECK_INT(layer_put_file(draft.dir, "f", "", 0, 0644, 65536, 0, &e), -EOVERFLOW);
	CHECK_STR(e.msg, "'f': owner 65536:0 is above 65535");
	CHECK_INT(layer_put_dir(draft.dir, "d", 0755, 0, 4294967295u, &e), -EOVERFLOW);
	CHECK_STR(e.msg, "'d': owner 0:4294967295 is above 65535");
	CHECK_INT(layer_put_link(draft.dir, "l", "x", 70000, 0, &e), -EOVERFLOW);
	CHECK(faccessat(draft.dir, "f", F_OK, 0) < 0);
	end();
}

static void hard_links_stay_in_the_layer(void)
{
	static const struct {
		const char *target, *want;
	} row[] = {
		{ "../../etc/passwd",
		  "'h': hard link to '../../etc/passwd': '..' would leave the layer" },
		{ "/etc/passwd",
		  "'h': hard link to '/etc/passwd': want a path relative to the layer" },
		{ "none", "'h': hard link to 'none', which the layer does not have" },
		{ "etc/passwd", "'h': hard link to 'etc/passwd', which the layer does not have" },
		{ "dir", "'h': hard link to 'dir', which is not a file" },
	};
	struct err e = ERR_INIT;

	begin();
	CHECK_INT(layer_put_link(draft.dir, "etc", "/etc", 0, 0, &e), 0);
	CHECK_INT(layer_put_dir(draft.dir, "dir", 0755, 0, 0, &e), 0);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct err why = ERR_INIT;

		CHECK_INT(layer_put_hardlink(draft.dir, "h", row[i].target, &why), -EINVAL);
		CHECK_STR(why.msg, row[i].want);
	}
	end();
}

static void a_hard_link_is_the_same_file(void)
{
	struct err e = ERR_INIT;

	begin();
	CHECK_INT(layer_put_file(draft.dir, "a/file", "x", 1, 0644, 0, 0, &e), 0);
	CHECK_INT(layer_put_hardlink(draft.dir, "b/again", "a/file", &e), 0);
	CHECK_INT(look("b/again").st_nlink, 2);
	CHECK_INT((long long)look("b/again").st_ino, (long long)look("a/file").st_ino);
	end();
}

static void a_directory_is_never_replaced_by_a_file(void)
{
	struct err e = ERR_INIT;

	begin();
	CHECK_INT(layer_put_file(draft.dir, "d/f", "x", 1, 0644, 0, 0, &e), 0);
	CHECK(layer_put_file(draft.dir, "d", "x", 1, 0644, 0, 0, &e) < 0);
	CHECK_STR(e.msg, "'d': there is a directory of this name already");
	end();
}

static void whiteouts_hide_and_new_directories_in_their_place_are_opaque(void)
{
	struct err e = ERR_INIT;
	AUTO_CLOSE int fd = -1;
	struct stat st;
	unsigned char v = 0;

	begin();
	CHECK_INT(layer_put_whiteout(draft.dir, "etc/motd", &e), 0);
	st = look("etc/motd");
	CHECK(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
	CHECK_INT(layer_put_file(draft.dir, "etc/motd/inner", "x", 1, 0644, 0, 0, &e), 0);
	fd = openat(draft.dir, "etc/motd", O_RDONLY | O_DIRECTORY);
	CHECK_INT(fgetxattr(fd, "trusted.overlay.opaque", &v, 1), 1);
	CHECK_INT(v, 'y');
	end();
}

static void fill_tree(void)
{
	struct err e = ERR_INIT;

	CHECK_INT(layer_put_file(draft.dir, "b/file", "one", 3, 0640, 7, 8, &e), 0);
	CHECK_INT(layer_put_hardlink(draft.dir, "c", "b/file", &e), 0);
	CHECK_INT(layer_put_link(draft.dir, "a", "../anywhere", 9, 9, &e), 0);
}

static void a_tree_is_copied_with_its_links_and_hashed_the_same_everywhere(void)
{
	const struct tree_copy how = { 0 };
	char one[SHA256_HEX], two[SHA256_HEX], three[SHA256_HEX];
	struct layer_draft copy = { .dir = -1 };
	struct err e = ERR_INIT;

	begin();
	fill_tree();
	CHECK_INT(layer_begin(scratch_store, NULL, &copy, &e), 0);
	CHECK_INT(layer_copy_tree(copy.dir, draft.dir, "tree", &how, one, &e), 0);
	CHECK_INT(layer_digest_tree(copy.dir, "tree", two, &e), 0);
	CHECK_STR(one, two);
	CHECK_INT(layer_put_file(copy.dir, "b/file", "two", 3, 0640, 7, 8, &e), 0);
	CHECK_INT(layer_digest_tree(copy.dir, "tree", three, &e), 0);
	CHECK(strcmp(two, three) != 0);
	layer_drop(scratch_store, &copy);
	end();
}

static void what_no_image_may_hold_is_named(void)
{
	static const struct {
		mode_t type;
		unsigned major, minor;
		const char *want;
	} row[] = {
		{ S_IFCHR, 1, 3, "tree: 'odd': a device node; images may not hold any" },
		{ S_IFCHR, 0, 0, "tree: 'odd': a device node; images may not hold any" },
		{ S_IFBLK, 7, 0, "tree: 'odd': a device node; images may not hold any" },
		{ S_IFIFO, 0, 0, "tree: 'odd': a named pipe; images may not hold any" },
		{ S_IFSOCK, 0, 0, "tree: 'odd': a socket; images may not hold any" },
	};
	const struct tree_copy how = { 0 };

	begin();
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct layer_draft copy = { .dir = -1 };
		struct err e = ERR_INIT;

		(void)unlinkat(draft.dir, "odd", 0);
		CHECK_INT(mknodat(draft.dir, "odd", row[i].type | 0600,
				  makedev(row[i].major, row[i].minor)),
			  0);
		CHECK_INT(layer_begin(scratch_store, NULL, &copy, &e), 0);
		CHECK_INT(layer_copy_tree(copy.dir, draft.dir, "tree", &how, NULL, &e), -EINVAL);
		CHECK_STR(e.msg, row[i].want);
		layer_drop(scratch_store, &copy);
	}
	end();
}

static void bounds_of_bytes_and_entries_hold(void)
{
	const struct tree_copy few = { .limits = { .entries = 2 } };
	const struct tree_copy small = { .limits = { .bytes = 4 } };
	struct layer_draft copy = { .dir = -1 };
	struct err e = ERR_INIT;

	begin();
	CHECK_INT(layer_put_file(draft.dir, "a", "12345", 5, 0644, 0, 0, &e), 0);
	CHECK_INT(layer_put_file(draft.dir, "b", "", 0, 0644, 0, 0, &e), 0);
	CHECK_INT(layer_put_file(draft.dir, "c", "", 0, 0644, 0, 0, &e), 0);
	CHECK_INT(layer_begin(scratch_store, NULL, &copy, &e), 0);
	CHECK_INT(layer_copy_tree(copy.dir, draft.dir, "tree", &small, NULL, &e), -EFBIG);
	CHECK_STR(e.msg, "tree: 'a': the tree holds more bytes than a layer may");
	CHECK_INT(layer_copy_tree(copy.dir, draft.dir, "tree", &few, NULL, &e), -EFBIG);
	CHECK_STR(e.msg, "tree: 'c': the tree holds more entries than a layer may");
	layer_drop(scratch_store, &copy);
	end();
}

TAP_MAIN(TEST(a_file_gets_its_content_owner_and_mode_without_set_id_bits),
	 TEST(parents_are_readable_whatever_the_umask),
	 TEST(names_that_would_leave_the_layer_are_refused),
	 TEST(nothing_is_written_through_a_link), TEST(ids_above_65535_are_refused),
	 TEST(hard_links_stay_in_the_layer), TEST(a_hard_link_is_the_same_file),
	 TEST(a_directory_is_never_replaced_by_a_file),
	 TEST(whiteouts_hide_and_new_directories_in_their_place_are_opaque),
	 TEST(a_tree_is_copied_with_its_links_and_hashed_the_same_everywhere),
	 TEST(what_no_image_may_hold_is_named), TEST(bounds_of_bytes_and_entries_hold))
