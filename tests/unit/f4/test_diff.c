/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tests/unit/f4/repo.h"

/* What an agent left is read from an upper that is made by hand here. */
static struct store *store;
static struct source src;
static struct changes found;
static struct err e;

static void begin(void)
{
	struct git *g = NULL;
	char head[65] = "";

	e = (struct err)ERR_INIT;
	found = (struct changes){ 0 };
	repo_open(
		"mkdir -p dir/deep other; echo a >a.txt; echo b >b.txt; echo c >dir/c.txt\n"
		"echo d >dir/deep/d.txt; echo o >other/o.txt; echo s >same.txt; ln -s a.txt link\n"
		"git add -A; git commit -qm x; mkdir -p ../upper/app\n");
	CHECK_INT(git_open(state, "shop", url, &g, &e), 0);
	CHECK_INT(git_resolve(g, "main", head, &e), 0);
	CHECK_INT(store_open(state, &store, &e), 0);
	CHECK_INT(source_make(store, g, head, "", "/app", &src, &e), 0);
	git_close(g);
}

static int diff(const struct changes *beneath)
{
	char path[96];
	AUTO_CLOSE int upper = -1;

	(void)snprintf(path, sizeof(path), "%s/upper", top);
	upper = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return source_diff(store, &src, "/app", upper, beneath, &found, &e);
}

static void end(void)
{
	changes_release(&found);
	source_release(&src);
	store_close(store);
	repo_close();
}

static void upper_path(const char *name, char out[256])
{
	(void)snprintf(out, 256, "%s/upper/app/%s", top, name);
}

static void whiteout(const char *name)
{
	char path[256];

	upper_path(name, path);
	CHECK_INT(mknod(path, S_IFCHR, makedev(0, 0)), 0);
}

static void opaque(const char *name)
{
	char path[256];

	upper_path(name, path);
	CHECK_INT(setxattr(path, "trusted.overlay.opaque", "y", 1, 0), 0);
}

static void check_change(const char *path, int kind, int type, const char *new)
{
	const struct change *c = changes_find(&found, path);

	printf("# %s\n", path);
	CHECK(c != NULL);
	if (!c)
		return;
	CHECK_INT(c->kind, kind);
	if (kind != CHANGE_DELETE)
		CHECK_INT(c->type, type);
	if (new)
		CHECK_STR(c->new_data ? c->new_data : "(none)", new);
}

static void files_are_added_changed_and_deleted(void)
{
	begin();
	CHECK_INT(sh("cd upper/app; echo A >a.txt; echo new >new.txt; echo s >same.txt; mkdir dir\n"
		     "echo c >dir/c.txt; chmod +x dir/c.txt; mkdir empty"),
		  0);
	whiteout("b.txt");
	whiteout("never-there.txt");
	CHECK_INT(diff(NULL), 0);
	CHECK_INT((long long)found.n, 4);
	check_change("a.txt", CHANGE_MODIFY, CHANGE_FILE, "A\n");
	check_change("b.txt", CHANGE_DELETE, 0, NULL);
	check_change("dir/c.txt", CHANGE_MODIFY, CHANGE_EXECUTABLE, "c\n");
	check_change("new.txt", CHANGE_ADD, CHANGE_FILE, "new\n");
	end();
}

static void a_folder_that_is_gone_takes_its_files_along(void)
{
	begin();
	whiteout("dir");
	CHECK_INT(diff(NULL), 0);
	CHECK_INT((long long)found.n, 2);
	check_change("dir/c.txt", CHANGE_DELETE, 0, NULL);
	check_change("dir/deep/d.txt", CHANGE_DELETE, 0, NULL);
	end();
}

static void an_opaque_folder_hides_what_was_there(void)
{
	begin();
	CHECK_INT(sh("mkdir upper/app/dir; echo n >upper/app/dir/n.txt"), 0);
	opaque("dir");
	CHECK_INT(diff(NULL), 0);
	CHECK_INT((long long)found.n, 3);
	check_change("dir/c.txt", CHANGE_DELETE, 0, NULL);
	check_change("dir/deep/d.txt", CHANGE_DELETE, 0, NULL);
	check_change("dir/n.txt", CHANGE_ADD, CHANGE_FILE, "n\n");
	end();
}

static void links_are_read_and_never_followed(void)
{
	begin();
	CHECK_INT(sh("cd upper/app; ln -s /etc/passwd out; ln -s ../../../../etc/passwd up\n"
		     "rm -rf other; ln -s /etc other; echo t >link"),
		  0);
	CHECK_INT(diff(NULL), 0);
	check_change("out", CHANGE_ADD, CHANGE_SYMLINK, "/etc/passwd");
	check_change("up", CHANGE_ADD, CHANGE_SYMLINK, "../../../../etc/passwd");
	check_change("other", CHANGE_ADD, CHANGE_SYMLINK, "/etc");
	check_change("other/o.txt", CHANGE_DELETE, 0, NULL);
	check_change("link", CHANGE_MODIFY, CHANGE_FILE, "t\n");
	CHECK(changes_find(&found, "other/passwd") == NULL);
	end();
}

static void a_file_that_became_a_folder_is_gone(void)
{
	begin();
	CHECK_INT(sh("mkdir upper/app/a.txt; echo n >upper/app/a.txt/n"), 0);
	opaque("a.txt");
	CHECK_INT(diff(NULL), 0);
	CHECK_INT((long long)found.n, 2);
	check_change("a.txt", CHANGE_DELETE, 0, NULL);
	check_change("a.txt/n", CHANGE_ADD, CHANGE_FILE, "n\n");
	end();
}

/* They are there for the policy to refuse, and are never opened. */
static void what_a_repository_may_not_hold_is_of_another_kind(void)
{
	begin();
	CHECK_INT(
		sh("cd upper/app; mkdir .git; echo x >.git/config; mkfifo pipe; mknod null c 1 3\n"
		   "mkdir -p dir/.GIT; : >\"$(printf 'a\\nb')\"; : >\"$(printf 'e\\033[2J')\"; : "
		   ">'back\\slash'"),
		0);
	CHECK_INT(diff(NULL), 0);
	check_change(".git", CHANGE_ADD, CHANGE_OTHER, NULL);
	check_change("dir/.GIT", CHANGE_ADD, CHANGE_OTHER, NULL);
	check_change("pipe", CHANGE_ADD, CHANGE_OTHER, NULL);
	check_change("null", CHANGE_ADD, CHANGE_OTHER, NULL);
	check_change("a\nb", CHANGE_ADD, CHANGE_OTHER, NULL);
	check_change("e\033[2J", CHANGE_ADD, CHANGE_OTHER, NULL);
	CHECK(changes_find(&found, ".git/config") == NULL);
	end();
}

static void changes_beneath_are_what_was_there_before(void)
{
	static char path[] = "test/new.txt", text[] = "test\n";
	struct change row = { .path = path,
			      .kind = CHANGE_ADD,
			      .type = CHANGE_FILE,
			      .old_type = -1,
			      .new_data = text,
			      .new_len = 5 };
	const struct changes beneath = { &row, 1 };

	begin();
	CHECK_INT(sh("mkdir upper/app/test; echo weaker >upper/app/test/new.txt"), 0);
	CHECK_INT(diff(&beneath), 0);
	check_change("test/new.txt", CHANGE_MODIFY, CHANGE_FILE, "weaker\n");
	changes_release(&found);
	CHECK_INT(sh("rm upper/app/test/new.txt"), 0);
	whiteout("test/new.txt");
	CHECK_INT(diff(&beneath), 0);
	check_change("test/new.txt", CHANGE_DELETE, 0, NULL);
	end();
}

static void depth_is_bounded(void)
{
	begin();
	CHECK_INT(sh("cd upper/app; i=0; while [ $i -lt 70 ]; do mkdir d; cd d; i=$((i + 1)); "
		     "done; : >f"),
		  0);
	CHECK_INT(diff(NULL), -ELOOP);
	CHECK(strstr(e.msg, "is nested deeper than 64") != NULL);
	end();
}

static void nothing_written_is_no_change(void)
{
	begin();
	CHECK_INT(sh("rm -r upper/app"), 0);
	CHECK_INT(diff(NULL), 0);
	CHECK_INT((long long)found.n, 0);
	end();
}

TAP_MAIN({ "files are added, changed and deleted", files_are_added_changed_and_deleted },
	 { "a folder that is gone takes its files along",
	   a_folder_that_is_gone_takes_its_files_along },
	 { "an opaque folder hides what was there", an_opaque_folder_hides_what_was_there },
	 { "links are read and never followed", links_are_read_and_never_followed },
	 { "a file that became a folder is gone", a_file_that_became_a_folder_is_gone },
	 { "what a repository may not hold is of another kind",
	   what_a_repository_may_not_hold_is_of_another_kind },
	 { "changes beneath are what was there before", changes_beneath_are_what_was_there_before },
	 { "depth is bounded", depth_is_bounded },
	 { "nothing written is no change", nothing_written_is_no_change })
