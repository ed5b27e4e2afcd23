/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/host/case/git_impl.h"

/* A commit by plumbing alone, on an index of its own: nothing is ever checked out. */
static int stage_change(struct git *g, const char *root, const char *parent,
			const struct change *ch, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(0);
	char oid[65] = "", info[4400];
	const struct git_run hash = { .args = { "hash-object", "-w", "--no-filters", "--stdin" },
				      .in = ch->new_data ? ch->new_data : "",
				      .in_len = ch->new_len };
	struct git_run index = { .args = { "update-index", "--add", "--replace", "-z",
					   "--index-info" },
				 .in = info,
				 .private_index = true };
	const bool drop = ch->kind == CHANGE_DELETE;
	int r = drop ? 0 : git_print_oid(g, &hash, oid, e);

	if (r < 0)
		return r;
	if (drop) /* mode 0 removes; of the id only its length counts */
		memset(oid, '0', strlen(parent));
	(void)snprintf(info, sizeof(info), "%s %s\t%s%s%s",
		       drop			       ? "0"
		       : ch->type == CHANGE_EXECUTABLE ? "100755"
						       : "100644",
		       oid, root, *root ? "/" : "", ch->path);
	index.in_len = strlen(info) + 1;
	return git_must(g, &index, &out, e);
}

static int write_commit(struct git *g, const struct git_commit *c, const char *tree, char oid[65],
			struct err *e)
{
	char name[200], mail[200], env[6][512];
	const char *envp[7];
	const struct git_run commit = { .args = { "commit-tree", tree, "-p", c->parent },
					.in = c->message,
					.in_len = strlen(c->message),
					.env = envp };

	if (sscanf(c->author, "%199[^<]<%199[^>]>", name, mail) != 2)
		return err_set(e, EINVAL, "author '%s': want \"Name <mail>\"", c->author);
	if (*name)
		name[strlen(name) - 1] = '\0';
	(void)snprintf(env[0], 512, "GIT_AUTHOR_NAME=%s", name);
	(void)snprintf(env[1], 512, "GIT_AUTHOR_EMAIL=%s", mail);
	(void)snprintf(env[2], 512, "GIT_AUTHOR_DATE=%s", c->date);
	(void)snprintf(env[3], 512, "GIT_COMMITTER_NAME=%s", name);
	(void)snprintf(env[4], 512, "GIT_COMMITTER_EMAIL=%s", mail);
	(void)snprintf(env[5], 512, "GIT_COMMITTER_DATE=%s", c->date);
	for (size_t i = 0; i < 6; i++)
		envp[i] = env[i];
	envp[6] = NULL;
	return git_print_oid(g, &commit, oid, e);
}

int git_commit_changes(struct git *g, const struct git_commit *c, const struct changes *ch,
		       char oid[65], struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(0);
	const struct git_run read_tree = { .args = { "read-tree", c->parent },
					   .private_index = true };
	const struct git_run write_tree = { .args = { "write-tree" }, .private_index = true };
	char tree[65];
	int r = git_writing_begin(g, e);

	if (r < 0)
		return r;
	r = git_must(g, &read_tree, &out, e);
	for (size_t i = 0; r == 0 && i < ch->n; i++)
		r = stage_change(g, c->root, c->parent, &ch->v[i], e);
	if (r == 0)
		r = git_print_oid(g, &write_tree, tree, e);
	if (r == 0)
		r = write_commit(g, c, tree, oid, e);
	git_index_drop(g);
	return git_writing_end(g, r);
}
