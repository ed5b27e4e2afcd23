/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/change.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "policy/diff.h"
#include "runtime/base/fd.h"
#include "tests/tap.h"

static void put(struct changes *c, const char *path, int kind, int type, const char *old,
		const char *new)
{
	struct change ch = {
		.path = strdup(path),
		.kind = kind,
		.type = type,
		.old_type = kind == CHANGE_ADD ? -1 : CHANGE_FILE,
		.old_data = old ? strdup(old) : NULL,
		.old_len = old ? strlen(old) : 0,
		.new_data = new ? strdup(new) : NULL,
		.new_len = new ? strlen(new) : 0,
	};

	CHECK_INT(changes_put(c, &ch), 0);
}

static void a_set_is_sorted_and_has_each_path_once(void)
{
	struct changes c = { 0 };

	put(&c, "b", CHANGE_ADD, CHANGE_FILE, NULL, "1\n");
	put(&c, "a", CHANGE_ADD, CHANGE_FILE, NULL, "2\n");
	put(&c, "c", CHANGE_ADD, CHANGE_FILE, NULL, "3\n");
	put(&c, "b", CHANGE_ADD, CHANGE_FILE, NULL, "4\n");
	CHECK_INT((long long)c.n, 3);
	CHECK_STR(c.v[0].path, "a");
	CHECK_STR(changes_find(&c, "b")->new_data, "4\n");
	CHECK(changes_find(&c, "d") == NULL);
	changes_release(&c);
}

static void lines_are_counted(void)
{
	struct changes c = { 0 };
	size_t added, removed;

	put(&c, "a", CHANGE_MODIFY, CHANGE_FILE, "1\n2\n3\n4\n", "1\nx\n3\n4\n5\n");
	change_line_counts(&c.v[0], &added, &removed);
	CHECK_INT((long long)added, 2);
	CHECK_INT((long long)removed, 1);
	changes_release(&c);
}

static void the_digest_tells_sets_apart(void)
{
	struct changes a = { 0 }, b = { 0 };
	char x[65], y[65];

	put(&a, "f", CHANGE_MODIFY, CHANGE_FILE, "ab", "c");
	put(&b, "f", CHANGE_MODIFY, CHANGE_FILE, "a", "bc");
	changes_digest(&a, x);
	changes_digest(&b, y);
	CHECK(strcmp(x, y) != 0);
	changes_digest(&a, y);
	CHECK_STR(x, y);
	changes_release(&a);
	changes_release(&b);
}

static void a_patch_reads_as_git_writes_it(void)
{
	struct changes c = { 0 };
	struct buf out = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	put(&c, "lib/a b.js", CHANGE_MODIFY, CHANGE_FILE, "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
	    "1\n2\n3\n4\nfive\n6\n7\n8\n9\n");
	put(&c, "new", CHANGE_ADD, CHANGE_EXECUTABLE, NULL, "x");
	put(&c, "old", CHANGE_DELETE, CHANGE_FILE, "y\n", NULL);
	CHECK_INT(changes_unified(&c, &out, &e), 0);
	CHECK_STR(out.p, "diff --git a/lib/a b.js b/lib/a b.js\n"
			 "--- a/lib/a b.js\t\n"
			 "+++ b/lib/a b.js\t\n"
			 "@@ -2,7 +2,7 @@\n"
			 " 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
			 "diff --git a/new b/new\n"
			 "new file mode 100755\n"
			 "--- /dev/null\n"
			 "+++ b/new\n"
			 "@@ -0,0 +1 @@\n"
			 "+x\n"
			 "\\ No newline at end of file\n"
			 "diff --git a/old b/old\n"
			 "deleted file mode 100644\n"
			 "--- a/old\n"
			 "+++ /dev/null\n"
			 "@@ -1 +0,0 @@\n"
			 "-y\n");
	buf_release(&out);
	changes_release(&c);
}

static void a_binary_change_has_no_patch(void)
{
	struct changes c = { 0 };
	struct change ch = { .path = strdup("x.png"), .kind = CHANGE_ADD, .old_type = -1 };
	struct buf out = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	ch.new_data = calloc(1, 4);
	ch.new_len = 3;
	CHECK_INT(changes_put(&c, &ch), 0);
	CHECK_INT(changes_unified(&c, &out, &e), -EINVAL);
	CHECK_STR(e.msg, "'x.png': a binary file has no text form of its change");
	buf_release(&out);
	changes_release(&c);
}

/* ---- git itself reads what changes_unified() writes ---- */

static unsigned seed;

static unsigned next_random(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

/* A text of few different lines, so that edits move, repeat and touch; sometimes without a last
 * newline. */
static char *random_text(void)
{
	const unsigned lines = next_random(40);
	char *text = calloc(lines + 1, 8), *p = text;

	for (unsigned i = 0; i < lines; i++)
		p += sprintf(p, "l%u\n", next_random(6));
	if (lines && next_random(3) == 0)
		p[-1] = '\0';
	return text;
}

static int sh(const char *dir, const char *script)
{
	const pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (chdir(dir) == 0)
			(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_at(const char *dir, const char *name, const char *data, size_t n)
{
	struct err e = ERR_INIT;
	const int fd = fd_open_dir(dir, &e);

	CHECK(fd >= 0);
	CHECK_INT(file_publish_at(fd, name, data, n, 0644, &e), 0);
	(void)close(fd);
}

static void file_name(char out[32], unsigned i)
{
	static const char *const odd[] = { "a b.c", "q\"uote", "\xc3\xa9.js", "-dash" };

	if (i < 4)
		(void)snprintf(out, 32, "%s", odd[i]);
	else
		(void)snprintf(out, 32, "f%02u", i);
}

#define FILES 40

/* Writes the old tree into base/, the wanted one into want/, and the patch beside them. */
static void make_round(const char *dir, struct changes *c)
{
	char base[128], want[128];
	struct buf patch = BUF_INIT(8 << 20);
	struct err e = ERR_INIT;

	(void)snprintf(base, sizeof(base), "%s/base", dir);
	(void)snprintf(want, sizeof(want), "%s/want", dir);
	for (unsigned i = 0; i < FILES; i++) {
		char name[32], *old = random_text(), *new = random_text();
		const unsigned what = next_random(5);

		file_name(name, i);
		if (what != 0)
			write_at(base, name, old, strlen(old));
		if (what != 1)
			write_at(want, name, new, strlen(new));
		if (what == 0 || what == 1 || strcmp(old, new) != 0)
			put(c, name,
			    what == 0	? CHANGE_ADD
			    : what == 1 ? CHANGE_DELETE
					: CHANGE_MODIFY,
			    CHANGE_FILE, what == 0 ? NULL : old, what == 1 ? NULL : new);
		free(old);
		free(new);
	}
	CHECK_INT(changes_unified(c, &patch, &e), 0);
	write_at(dir, "fix.patch", patch.p, patch.n);
	buf_release(&patch);
}

static void git_applies_random_patches(void)
{
	static const char quiet[] = "export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null; "
				    "unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE; ";
	char script[1024];

	for (seed = 1; seed < 200; seed += 67) {
		char dir[] = "/tmp/sickbay-change-XXXXXX";
		struct changes c = { 0 };

		CHECK(mkdtemp(dir) != NULL);
		CHECK_INT(sh(dir, "mkdir base want"), 0);
		make_round(dir, &c);
		/* am: the same text in a mail, onto a commit */
		(void)snprintf(
			script, sizeof(script),
			"%s cp -r base am && cd am && git init -q . && git add -A && "
			"git -c user.name=t -c user.email=t@example.com commit -q -m base && "
			"{ printf 'From 0123456789012345678901234567890123456789 Mon Sep 17 "
			"00:00:00 2001\\nFrom: T <t@example.com>\\nDate: Thu, 1 Jan 2026 00:00:00 "
			"+0000\\nSubject: [PATCH] x\\n\\ntext\\n---\\n\\n'; cat ../fix.patch; "
			"printf -- '-- \\n2.0\\n'; } >../mail && git -c user.name=t -c "
			"user.email=t@example.com am -q ../mail && rm -rf .git && cd .. && "
			"diff -r am want",
			quiet);
		CHECK_INT(sh(dir, script), 0);
		(void)snprintf(script, sizeof(script),
			       "%s cd base && git init -q . && git apply ../fix.patch && rm -rf "
			       ".git && cd .. "
			       "&& diff -r base want",
			       quiet);
		CHECK_INT(sh(dir, script), 0);
		changes_release(&c);
		CHECK_INT(sh("/", "true"), 0);
		(void)snprintf(script, sizeof(script), "rm -rf %s", dir);
		CHECK_INT(sh("/", script), 0);
	}
}

static void git_applies_modes_and_links(void)
{
	char dir[] = "/tmp/sickbay-change-XXXXXX", script[512];
	struct buf patch = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct changes c = { 0 };

	CHECK(mkdtemp(dir) != NULL);
	put(&c, "empty", CHANGE_ADD, CHANGE_FILE, NULL, "");
	put(&c, "gone", CHANGE_DELETE, CHANGE_FILE, "", NULL);
	put(&c, "link", CHANGE_ADD, CHANGE_SYMLINK, NULL, "run");
	put(&c, "run", CHANGE_MODIFY, CHANGE_EXECUTABLE, "x\n", "x\n");
	put(&c, "turns", CHANGE_MODIFY, CHANGE_SYMLINK, "was a file\n", "run");
	CHECK_INT(changes_unified(&c, &patch, &e), 0);
	write_at(dir, "fix.patch", patch.p, patch.n);
	(void)snprintf(script, sizeof(script),
		       "mkdir t && cd t && : >gone && echo x >run && echo was a file >turns && "
		       "git init -q . && git add -A && git apply --index ../fix.patch && "
		       "[ -e empty ] && [ ! -s empty ] && [ ! -e gone ] && [ -x run ] && "
		       "[ \"$(readlink link)\" = run ] && [ \"$(readlink turns)\" = run ]");
	CHECK_INT(sh(dir, script), 0);
	(void)snprintf(script, sizeof(script), "rm -rf %s", dir);
	CHECK_INT(sh("/", script), 0);
	buf_release(&patch);
	changes_release(&c);
}

/* Past the bound the middle counts as replaced: still a correct edit. */
static void a_huge_rewrite_is_replaced_whole(void)
{
	const size_t n = 6000;
	char *a = calloc(n, 12), *b = calloc(n, 12), *p = a, *q = b;
	struct err e = ERR_INIT;
	size_t added = 0;
	struct diff d;

	for (size_t i = 0; i < n; i++) {
		p += sprintf(p, "a%zu\n", i);
		q += sprintf(q, i % 2 ? "b%zu\n" : "a%zu\n", i);
	}
	CHECK_INT(diff_lines(a, strlen(a), b, strlen(b), &d, &e), 0);
	for (size_t i = 0; i < d.nb; i++)
		added += d.added[i];
	CHECK(added >= n / 2 && added <= n);
	diff_release(&d);
	free(a);
	free(b);
}

TAP_MAIN(TEST(a_set_is_sorted_and_has_each_path_once), TEST(lines_are_counted),
	 TEST(the_digest_tells_sets_apart), TEST(a_patch_reads_as_git_writes_it),
	 TEST(a_binary_change_has_no_patch), TEST(git_applies_random_patches),
	 TEST(git_applies_modes_and_links), TEST(a_huge_rewrite_is_replaced_whole))
