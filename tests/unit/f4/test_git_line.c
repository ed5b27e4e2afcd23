/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/f4/repo.h"

static struct git *g;
static struct err e;

static void open_repository(const char *script)
{
	e = (struct err)ERR_INIT;
	repo_open(script);
	CHECK_INT(git_open(state, "shop", url, &g, &e), 0);
	CHECK_STR(e.msg, "");
}

static void close_repository(void)
{
	git_close(g);
	g = NULL;
	repo_close();
}

/* "shop" is what was deployed: from a branch that main took in later. */
#define HISTORY                                                              \
	"c() { echo $1 >>f; git add f; git commit -qm $1; }\n"               \
	"c one; git checkout -qb release; echo r >r; git add r; git commit " \
	"-qm deployed; git tag shop; git checkout -q main; c two; c three; " \
	"git merge -q --no-ff -m merged release; c four; c five; "           \
	"git checkout -qb other; c six; git checkout -q main\n"

static void the_line_begins_where_the_deployed_commit_was_merged(void)
{
	struct strlist line = { 0 };
	char from[65], of[65], merged[65];
	bool more = true;

	open_repository(HISTORY "git tag merged HEAD~2\n");
	CHECK_INT(git_resolve(g, "shop", from, &e), 0);
	CHECK_INT(git_resolve(g, "main", of, &e), 0);
	CHECK_INT(git_resolve(g, "merged", merged, &e), 0);
	CHECK_INT(git_line(g, from, of, 10, &line, &more, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT((long long)line.n, 3);
	if (line.n == 3) {
		CHECK_STR(line.v[0], merged);
		CHECK_STR(line.v[2], of);
		CHECK(line.v[3] == NULL);
	}
	CHECK(!more);
	strlist_release(&line);
	close_repository();
}

static void a_line_that_is_too_long_or_leads_elsewhere_is_none(void)
{
	struct strlist line = { 0 };
	char from[65], of[65];
	bool more = false;

	open_repository(HISTORY);
	CHECK_INT(git_resolve(g, "shop", from, &e), 0);
	CHECK_INT(git_resolve(g, "main", of, &e), 0);
	CHECK_INT(git_line(g, from, of, 2, &line, &more, &e), 0);
	CHECK_INT((long long)line.n, 0);
	CHECK(more);
	CHECK_INT(git_resolve(g, "other", from, &e), 0);
	CHECK_INT(git_line(g, from, of, 10, &line, &more, &e), 0);
	CHECK_INT((long long)line.n, 0);
	CHECK(!more);
	close_repository();
}

static int merged(const char *ours, const char *was, const char *theirs, struct buf *out)
{
	const struct git_merge m = { .scratch = state,
				     .ours = { ours, strlen(ours) },
				     .was = { was, strlen(was) },
				     .theirs = { theirs, strlen(theirs) } };

	return git_merge_text(g, &m, out, &e);
}

static void a_change_is_brought_to_a_text_that_moved_on(void)
{
	AUTO_BUF struct buf out = BUF_INIT(4096);

	open_repository("git commit -q --allow-empty -m x\n");
	CHECK_INT(merged("new\n1\n2\n3\n4\n5\n", "1\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive\n", &out), 1);
	CHECK_STR(e.msg, "");
	CHECK_STR(out.p, "new\n1\n2\n3\n4\nfive\n");
	close_repository();
}

static void overlaps_and_texts_without_lines_are_not_merged(void)
{
	AUTO_BUF struct buf out = BUF_INIT(4096);
	const struct git_merge binary = {
		.scratch = state, .ours = { "a\0b", 3 }, .was = { "a", 1 }, .theirs = { "a", 1 }
	};

	open_repository("git commit -q --allow-empty -m x\n");
	CHECK_INT(merged("1\nours\n3\n", "1\n2\n3\n", "1\ntheirs\n3\n", &out), 0);
	CHECK_INT(git_merge_text(g, &binary, &out, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(sh("test ! -e state/merge"), 0);
	close_repository();
}

TAP_MAIN(TEST(the_line_begins_where_the_deployed_commit_was_merged),
	 TEST(a_line_that_is_too_long_or_leads_elsewhere_is_none),
	 TEST(a_change_is_brought_to_a_text_that_moved_on),
	 TEST(overlaps_and_texts_without_lines_are_not_merged))
