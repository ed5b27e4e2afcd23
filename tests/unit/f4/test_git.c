/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/git.h"

#include "tests/unit/f4/repo.h"

static struct err e;
static struct git *g;
static char head[65];

static void open_main(void)
{
	e = (struct err)ERR_INIT;
	CHECK_INT(git_open(state, "shop", url, &g, &e), 0);
	CHECK_INT(git_resolve(g, "main", head, &e), 0);
	CHECK_STR(e.msg, "");
}

static void close_all(void)
{
	git_close(g);
	g = NULL;
	repo_close();
}

/* The content of a file of the source layer; "" where there is none. */
static void check_file(struct store *s, const struct source *src, const char *path,
		       const char *want)
{
	AUTO_BUF struct buf b = BUF_INIT(0);
	struct err none = ERR_INIT;
	const int r = source_read_file(s, src, "/app", path, &b, &none);

	CHECK_STR(r < 0 ? "(none)" : b.p, want);
}

static void attributes_do_not_change_the_source(void)
{
	struct store *s = NULL;
	struct source src = { 0 };

	repo_open(
		"printf 'secret.txt export-ignore\\nid.txt ident\\ncrlf.txt text eol=crlf\\n"
		"x.txt filter=evil\\nsub.txt export-subst\\n' >.gitattributes\n"
		"echo kept >secret.txt; echo '$Id$' >id.txt; echo a >crlf.txt; echo plain >x.txt\n"
		"echo '$Format:%H$' >sub.txt; git add -A; git commit -qm x\n");
	open_main();
	CHECK_INT(store_open(state, &s, &e), 0);
	CHECK_INT(source_make(s, g, head, "", "/app", &src, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT((long long)src.files, 6);
	check_file(s, &src, "secret.txt", "kept\n");
	check_file(s, &src, "id.txt", "$Id$\n");
	check_file(s, &src, "crlf.txt", "a\n");
	check_file(s, &src, "x.txt", "plain\n");
	check_file(s, &src, "sub.txt", "$Format:%H$\n");
	check_file(s, &src, ".git/HEAD", "(none)");
	source_release(&src);
	store_close(s);
	close_all();
}

static void what_is_not_there_is_reported(void)
{
	struct store *s = NULL;
	struct source src = { 0 };

	repo_open("git init -q ../sub; (cd ../sub; echo a >a; git add a; git commit -qm s)\n"
		  "git submodule --quiet add ../sub vendor/sub\n"
		  "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:"
		  "0000000000000000000000000000000000000000000000000000000000000000\\nsize 1\\n' "
		  ">big.bin\necho a >a.txt; git add -A; git commit -qm x\n");
	open_main();
	CHECK_INT(store_open(state, &s, &e), 0);
	CHECK_INT(source_make(s, g, head, "", "/app", &src, &e), 0);
	CHECK(strlist_has(&src.missing, "vendor/sub"));
	CHECK(strlist_has(&src.missing, "big.bin"));
	CHECK_INT((long long)src.missing.n, 2);
	source_release(&src);
	store_close(s);
	close_all();
}

static char path_new[] = "lib/new.txt", path_old[] = "a.txt", path_gone[] = "gone.txt";
static char text_new[] = "new\n", text_old[] = "a\n", text_gone[] = "b\n", text_more[] = "a\nb\n";

static void commit_three(char oid[65])
{
	struct change rows[] = {
		{ .path = path_old,
		  .kind = CHANGE_MODIFY,
		  .old_data = text_old,
		  .old_len = 2,
		  .new_data = text_more,
		  .new_len = 4 },
		{ .path = path_gone, .kind = CHANGE_DELETE, .old_data = text_gone, .old_len = 2 },
		{ .path = path_new,
		  .kind = CHANGE_ADD,
		  .type = CHANGE_EXECUTABLE,
		  .old_type = -1,
		  .new_data = text_new,
		  .new_len = 4 },
	};
	const struct changes c = { rows, 3 };
	const struct git_commit with = { .parent = head,
					 .root = "app",
					 .message = "subject\n\nbody\n",
					 .author = "sickbay <sickbay@localhost>",
					 .date = "2026-11-22T08:00:00Z" };

	CHECK_INT(git_commit_changes(g, &with, &c, oid, &e), 0);
	CHECK_STR(e.msg, "");
}

static void a_commit_applies_with_git_am(void)
{
	char oid[65] = "", again[65] = "", script[600];

	repo_open("mkdir app; echo a >app/a.txt; echo b >app/gone.txt; git add -A; git commit -qm "
		  "x\n");
	open_main();
	commit_three(oid);
	commit_three(again);
	CHECK_STR(again, oid); /* the same records, the same commit */
	CHECK_INT(git_push(g, oid, "sickbay/x-1", &e), 0);
	CHECK_INT(git_push(g, oid, "sickbay/x-1", &e), 0); /* a second time is no error */
	(void)snprintf(script, sizeof(script),
		       "unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE; cd r; test -z \"$(git status "
		       "--porcelain)\"\n"
		       "git format-patch -q --stdout -1 sickbay/x-1 >../fix.patch\n"
		       "git -c user.name=t -c user.email=t@example.com am -q ../fix.patch\n"
		       "test \"$(cat app/lib/new.txt)\" = new; test -x app/lib/new.txt; test ! -e "
		       "app/gone.txt\n"
		       "test \"$(git rev-parse HEAD^{tree})\" = \"$(git rev-parse "
		       "'sickbay/x-1^{tree}')\"\n"
		       "test \"$(git rev-parse sickbay/x-1)\" = %s",
		       oid);
	CHECK_INT(sh(script), 0);
	CHECK_INT(git_push(g, head, "sickbay/x-1", &e), -EEXIST);
	CHECK_STR(e.msg, "branch 'sickbay/x-1' is there already with another commit");
	close_all();
}

/* Everything a repository can be made to run, planted in the one that we fetch from and push to. */
static void nothing_planted_in_the_repository_runs(void)
{
	char oid[65] = "";

	repo_open(
		"echo '*.txt filter=evil diff=evil' >.gitattributes; mkdir app; echo a >app/a.txt\n"
		"echo b >app/gone.txt; git add -A; git commit -qm x; mkdir .git/more\n"
		"for h in pre-receive update post-receive post-update reference-transaction "
		"pre-push "
		"push-to-checkout pre-auto-gc post-checkout post-index-change fsmonitor-watchman; "
		"do "
		"for d in hooks more; do printf '#!/bin/sh\\ntouch %s/../ran.%s\\n' \"$PWD\" $h "
		">.git/$d/$h; chmod +x .git/$d/$h; done; done\n"
		"for k in core.fsmonitor filter.evil.clean filter.evil.smudge filter.evil.process "
		"diff.evil.textconv diff.evil.command uploadpack.packObjectsHook core.pager "
		"core.editor core.sshCommand core.alternateRefsCommand gpg.program; do "
		"git config $k \"touch $PWD/../ran.$k;\"; done\n"
		"git config core.hooksPath \"$PWD/.git/more\"; git config gc.auto 1\n");
	open_main();
	commit_three(oid);
	CHECK_INT(git_push(g, oid, "sickbay/x-1", &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(sh("ls | grep ran >&2 && exit 1 || exit 0"), 0);
	close_all();
}

/* As after kill -9 of git at the worst moments. */
static void what_a_killed_git_left_is_no_obstacle(void)
{
	char oid[65] = "";

	repo_open("mkdir app; echo a >app/a.txt; echo b >app/gone.txt; git add -A; git commit -qm "
		  "x\n");
	open_main();
	git_close(g);
	g = NULL;
	CHECK_INT(sh("cd state/repos/shop.git; touch packed-refs.lock HEAD.lock config.lock "
		     "refs/origin/heads/main.lock "
		     "sickbay-index.1 sickbay-index.1.lock objects/pack/tmp_pack_x; mkdir "
		     "../shop.git.new; touch ../shop.git.new/HEAD\n"
		     "cd ../../../r; echo c >>app/a.txt; git -c user.name=t -c "
		     "user.email=t@example.com commit -qam y"),
		  0);
	open_main();
	commit_three(oid);
	CHECK_INT(sh("cd state/repos/shop.git; test -z \"$(find . -name '*.lock' -o -name "
		     "'sickbay-index*' -o -name 'tmp_*')\""),
		  0);
	git_close(g);
	g = NULL;
	/* half a repository is made anew */
	CHECK_INT(sh("cd state/repos; rm -rf shop.git; mkdir shop.git.new; echo x "
		     ">shop.git.new/HEAD"),
		  0);
	open_main();
	close_all();
}

static void names_that_are_no_commit_are_refused(void)
{
	static const struct {
		const char *rev;
		int code;
		const char *text;
	} rows[] = {
		{ "--upload-pack=x", -EINVAL, "'--upload-pack=x' is not the name of a commit" },
		{ "main..other", -EINVAL, "'main..other' is not the name of a commit" },
		{ "main^{/x}", -EINVAL, "'main^{/x}' is not the name of a commit" },
		{ "other", -ENOENT, "commit 'other' is not in repository" },
		{ "0123456789012345678901234567890123456789", -ENOENT, "is not in repository" },
	};
	char oid[65];

	repo_open("echo a >a; git add a; git commit -qm x\n");
	open_main();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = (struct err)ERR_INIT;
		CHECK_INT(git_resolve(g, rows[i].rev, oid, &e), rows[i].code);
		if (!strstr(e.msg, rows[i].text))
			CHECK_STR(e.msg, rows[i].text);
	}
	close_all();
}

TAP_MAIN({ "attributes of a repository do not change its source",
	   attributes_do_not_change_the_source },
	 { "submodules and large-file pointers are reported as missing",
	   what_is_not_there_is_reported },
	 { "a commit made by plumbing applies with git am, and is pushed once",
	   a_commit_applies_with_git_am },
	 { "nothing planted in the service's repository runs",
	   nothing_planted_in_the_repository_runs },
	 { "what a killed git left is no obstacle", what_a_killed_git_left_is_no_obstacle },
	 { "names that are no commit are refused", names_that_are_no_commit_are_refused })
