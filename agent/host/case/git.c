/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/git.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/host/case/git_impl.h"
#include "agent/host/case/git_tidy.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/spawn.h"

#define OUT_MAX (512u << 20)

struct git {
	char *dir, *url, *config;
	int lock; /* held while git writes */
	char env_dir[4200], env_config[4200], env_index[4300];
};

/*
 * The one configuration that every git process sees.  In the service's repository, where a local
 * fetch or push starts git again, that repository's own configuration would win over it, and
 * settings in the environment are dropped: so what could run a program is said once more on those
 * command lines.
 */
#define NOTHING_RUNS                                                              \
	"git -c core.hooksPath=/dev/null -c core.fsmonitor=false"                 \
	" -c core.alternateRefsCommand=true -c receive.autogc=false -c gc.auto=0" \
	" -c maintenance.auto=false "
#define UPLOAD_PACK  "--upload-pack=" NOTHING_RUNS "upload-pack"
#define RECEIVE_PACK "--receive-pack=" NOTHING_RUNS "receive-pack"

static const char config_text[] =
	"[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n"
	"\tattributesFile = /dev/null\n\texcludesFile = /dev/null\n"
	"[protocol]\n\tallow = never\n[protocol \"file\"]\n\tallow = always\n"
	"[uploadpack]\n\tallowAnySHA1InWant = true\n"
	"[fetch]\n\tfsckObjects = true\n[receive]\n\tfsckObjects = true\n"
	"[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
	"[safe]\n\tdirectory = *\n[init]\n\tdefaultBranch = main\n";

int git_status(struct git *g, const struct git_run *with, struct buf *out, struct err *e)
{
	const char *argv[GIT_ARGS_MAX + 2] = { "git" };
	const char *env[16] = { "PATH=/usr/local/bin:/usr/bin:/bin",
				"LANG=C.UTF-8",
				"HOME=/nonexistent",
				"GIT_CONFIG_NOSYSTEM=1",
				"GIT_TERMINAL_PROMPT=0",
				"GIT_NO_REPLACE_OBJECTS=1",
				"GIT_ATTR_NOSYSTEM=1" };
	size_t n = 1, k = 7;
	struct spawn s = { .path = "git", .cwd = with->cwd };
	int status, r;

	while (n <= GIT_ARGS_MAX && with->args[n - 1]) {
		argv[n] = with->args[n - 1];
		n++;
	}
	env[k++] = g->env_dir;
	env[k++] = g->env_config;
	if (with->private_index)
		env[k++] = g->env_index;
	for (size_t i = 0; with->env && with->env[i] && k < 15; i++)
		env[k++] = with->env[i];
	s.argv = (char *const *)(uintptr_t)argv;
	s.envp = (char *const *)(uintptr_t)env;
	r = spawn_capture(&s, with->in ? with->in : "", with->in_len,
			  with->max ? with->max : OUT_MAX, out, &status, e);
	return r < 0 ? r : status;
}

int git_must(struct git *g, const struct git_run *with, struct buf *out, struct err *e)
{
	const int status = git_status(g, with, out, e);

	if (status <= 0)
		return status;
	return err_set(e, EIO, "git %s failed with status %d (its message is above)", with->args[0],
		       status);
}

static void chomp(struct buf *b)
{
	while (b->n && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r'))
		b->p[--b->n] = '\0';
}

int git_print_oid(struct git *g, const struct git_run *with, char oid[65], struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(4096);
	const int r = git_must(g, with, &out, e);

	if (r < 0)
		return r;
	chomp(&out);
	if (!is_object_id(out.p))
		return err_set(e, EPROTO, "git %s: did not print an object id", with->args[0]);
	(void)snprintf(oid, 65, "%s", out.p);
	return 0;
}

void git_index_drop(struct git *g)
{
	(void)unlink(g->env_index + strlen("GIT_INDEX_FILE="));
}

int git_writing_begin(struct git *g, struct err *e)
{
	while (flock(g->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock '%s'", g->dir);
	return 0;
}

int git_writing_end(struct git *g, int r)
{
	(void)flock(g->lock, LOCK_UN);
	return r;
}

static int fetch(struct git *g, const char *refspec, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(0);
	const bool all = strchr(refspec, '*');
	const int r = git_writing_begin(g, e);
	const struct git_run with = {
		.args = { "fetch", "--quiet", "--no-recurse-submodules", "--no-write-fetch-head",
			  "--no-auto-gc", "--no-tags", all ? "--prune" : "--no-prune", UPLOAD_PACK,
			  g->url, refspec, all ? "+refs/tags/*:refs/origin/tags/*" : NULL }
	};

	return r < 0 ? r : git_writing_end(g, git_must(g, &with, &out, e));
}

/* Half a repository is none: it is made under another name. */
static int make_repository(struct git *g, int at, const char *half, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(0);
	struct git_run init = { .args = { "init", "--quiet", "--bare", half } };
	char cwd[64];
	int r;

	(void)snprintf(cwd, sizeof(cwd), "/proc/%d/fd/%d", (int)getpid(), at);
	init.cwd = cwd;
	r = git_must(g, &init, &out, e);
	if (r == 0 && renameat(at, half, AT_FDCWD, g->dir) < 0)
		r = err_sys(e, "publish '%s'", g->dir);
	return r;
}

static int prepare_locked(struct git *g, int at, const char *name, struct err *e)
{
	char config[300], half[300];
	int r;

	(void)snprintf(config, sizeof(config), "%s.gitconfig", name);
	(void)snprintf(half, sizeof(half), "%s.git.new", name);
	file_sweep_at(at, ".");
	r = file_publish_at(at, config, config_text, strlen(config_text), 0600, e);
	if (r == 0)
		r = tree_remove_at(at, half, e);
	if (r < 0)
		return r;
	return access(g->dir, F_OK) == 0 ? git_tidy(g->dir, e) : make_repository(g, at, half, e);
}

static int prepare(struct git *g, const char *state, const char *name, struct err *e)
{
	AUTO_FREE char *parent = NULL, *lock = NULL;
	AUTO_CLOSE int at = -1;
	int r;

	if (asprintf(&parent, "%s/repos", state) < 0 || asprintf(&lock, "%s.lock", name) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = dir_make(parent, 0700, e);
	if (r < 0)
		return r;
	at = fd_open_dir(parent, e);
	if (at < 0)
		return at;
	g->lock = openat(at, lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (g->lock < 0)
		return err_sys(e, "open '%s/%s'", parent, lock);
	r = git_writing_begin(g, e);
	return r < 0 ? r : git_writing_end(g, prepare_locked(g, at, name, e));
}

int git_open(const char *state, const char *name, const char *url, struct git **out, struct err *e)
{
	struct git *g = calloc(1, sizeof(*g));
	int r = -ENOMEM;

	if (g)
		g->lock = -1;
	if (!g || asprintf(&g->dir, "%s/repos/%s.git", state, name) < 0 ||
	    !(g->url = strdup(url)) ||
	    asprintf(&g->config, "%s/repos/%s.gitconfig", state, name) < 0) {
		git_close(g);
		return err_set(e, ENOMEM, "out of memory");
	}
	(void)snprintf(g->env_dir, sizeof(g->env_dir), "GIT_DIR=%s", g->dir);
	(void)snprintf(g->env_config, sizeof(g->env_config), "GIT_CONFIG_GLOBAL=%s", g->config);
	(void)snprintf(g->env_index, sizeof(g->env_index), "GIT_INDEX_FILE=%s/sickbay-index.%d",
		       g->dir, (int)getpid());
	if (g->url[0] != '/')
		r = err_set(e, EINVAL, "repository '%s': want an absolute path", url);
	else
		r = prepare(g, state, name, e);
	if (r == 0)
		r = fetch(g, "+refs/heads/*:refs/origin/heads/*", e);
	if (r < 0) {
		git_close(g);
		return err_wrap(e, "repository '%s'", url);
	}
	*out = g;
	return 0;
}

void git_close(struct git *g)
{
	if (!g)
		return;
	if (g->lock >= 0)
		(void)close(g->lock);
	free(g->dir);
	free(g->url);
	free(g->config);
	free(g);
}

/* Quietly: 0 and the id, or -ENOENT. */
static int parse_rev(struct git *g, const char *prefix, const char *rev, char oid[65],
		     struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(4096);
	char spec[512];
	const struct git_run with = { .args = { "rev-parse", "--verify", "--quiet",
						"--end-of-options", spec },
				      .max = 4096 };
	int status;

	(void)snprintf(spec, sizeof(spec), "%s%s^{commit}", prefix, rev);
	status = git_status(g, &with, &out, e);
	if (status < 0)
		return status;
	chomp(&out);
	if (status != 0 || !is_object_id(out.p))
		return -ENOENT;
	(void)snprintf(oid, 65, "%s", out.p);
	return 0;
}

int git_resolve(struct git *g, const char *rev, char oid[65], struct err *e)
{
	static const char *const prefixes[] = { "refs/origin/heads/", "refs/origin/tags/", "" };
	struct err quiet = ERR_INIT;
	int r = -ENOENT;

	if (rev[0] == '-' || strpbrk(rev, " ~^:?*[\\\n") || strstr(rev, ".."))
		return err_set(e, EINVAL, "'%s' is not the name of a commit", rev);
	for (size_t i = 0; r == -ENOENT && i < 3; i++)
		r = parse_rev(g, prefixes[i], rev, oid, e);
	if (r == -ENOENT && is_object_id(rev) && fetch(g, rev, &quiet) == 0)
		r = parse_rev(g, "", rev, oid, e);
	if (r == -ENOENT)
		return err_set(e, ENOENT, "commit '%s' is not in repository '%s'", rev, g->url);
	return r;
}

int git_head(struct git *g, char **branch, struct err *e)
{
	static const char lead[] = "ref: refs/heads/";
	AUTO_BUF struct buf out = BUF_INIT(8192);
	const struct git_run with = { .args = { "ls-remote", "--quiet", "--symref", UPLOAD_PACK,
						g->url, "HEAD" } };
	const int r = git_must(g, &with, &out, e);
	size_t n;

	if (r < 0)
		return r;
	if (!out.p || strncmp(out.p, lead, strlen(lead)) != 0)
		return err_set(e, ENOENT, "repository '%s': HEAD is no branch", g->url);
	n = strcspn(out.p + strlen(lead), "\t\n");
	*branch = strndup(out.p + strlen(lead), n);
	return *branch ? 0 : err_set(e, ENOMEM, "out of memory");
}

int git_is_ancestor(struct git *g, const char *ancestor, const char *of, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(0);
	const struct git_run with = { .args = { "merge-base", "--is-ancestor", ancestor, of } };
	const int status = git_status(g, &with, &out, e);

	return status < 0 ? status : status == 0;
}

/* ---- trees and blobs ---- */

void git_tree_release(struct git_tree *t)
{
	free(t->v);
	free(t->text);
	*t = (struct git_tree){ 0 };
}

/* "100644 blob OID\tPATH" */
static int parse_entry(char *line, struct git_entry *out, struct err *e)
{
	char *tab = strchr(line, '\t');
	char type[16], mode[8];

	if (!tab || sscanf(line, "%7[0-7] %15s %64s", mode, type, out->oid) != 3 ||
	    !is_object_id(out->oid))
		return err_set(e, EPROTO, "git ls-tree: unexpected line");
	out->mode = (unsigned)strtoul(mode, NULL, 8);
	out->path = tab + 1;
	if (!path_is_clean(out->path))
		return err_set(e, EINVAL, "the repository holds a path that is refused: '%s'",
			       out->path);
	return 0;
}

int git_tree_read(struct git *g, const char *commit, const char *root, struct git_tree *out,
		  struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(0);
	char spec[4200];
	const struct git_run with = { .args = { "ls-tree", "-r", "-z", "--full-tree", spec } };
	struct git_tree t = { 0 };
	size_t count = 0, end;
	int r;

	(void)snprintf(spec, sizeof(spec), "%s%s%s", commit, *root ? ":" : "", root);
	r = git_must(g, &with, &text, e);
	if (r < 0)
		return r;
	end = text.n;
	for (size_t i = 0; i < end; i++)
		count += text.p[i] == '\0';
	t.text = buf_take(&text);
	t.v = calloc(count + 1, sizeof(*t.v));
	if (!t.v || !t.text)
		r = err_set(e, ENOMEM, "out of memory");
	for (char *p = t.text; r == 0 && p < t.text + end; p += strlen(p) + 1)
		r = parse_entry(p, &t.v[t.n++], e);
	if (r < 0) {
		git_tree_release(&t);
		return r;
	}
	*out = t;
	return 0;
}

struct cursor {
	const char *p, *end;
};

/* "OID blob SIZE\n" DATA "\n" */
static int next_blob(struct cursor *c, const char *oid, const char **data, size_t *n, struct err *e)
{
	const char *nl = memchr(c->p, '\n', (size_t)(c->end - c->p));
	char got[65], type[16], digits[16];
	unsigned long long size;

	if (!nl || nl - c->p > 200 || sscanf(c->p, "%64s %15s %15[0-9]", got, type, digits) != 3 ||
	    strcmp(got, oid) != 0 || strcmp(type, "blob") != 0)
		return err_set(e, EPROTO, "git cat-file: object %s is missing", oid);
	size = strtoull(digits, NULL, 10);
	if (size + 1 > (size_t)(c->end - nl - 1))
		return err_set(e, EPROTO, "git cat-file: object %s is cut short", oid);
	*data = nl + 1;
	*n = size;
	c->p = nl + 1 + size + 1;
	return 0;
}

int git_blobs(struct git *g, const struct git_tree *t, git_blob_fn *each, void *ctx, struct err *e)
{
	AUTO_BUF struct buf in = BUF_INIT(OUT_MAX);
	AUTO_BUF struct buf out = BUF_INIT(0);
	struct git_run with = { .args = { "cat-file", "--batch" } };
	struct cursor c;
	int r;

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].mode != 0160000)
			buf_printf(&in, "%s\n", t->v[i].oid);
	r = buf_check(&in, "object list", e);
	if (r < 0 || in.n == 0)
		return r;
	with.in = in.p;
	with.in_len = in.n;
	r = git_must(g, &with, &out, e);
	c = (struct cursor){ out.p, out.p + out.n };
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		const char *data = NULL;
		size_t n = 0;

		if (t->v[i].mode == 0160000)
			continue;
		r = next_blob(&c, t->v[i].oid, &data, &n, e);
		if (r == 0)
			r = each(ctx, i, data, n, e);
	}
	return r;
}

int git_hash_files(struct git *g, int dir, const struct strlist *paths, struct strlist *oids,
		   struct err *e)
{
	AUTO_BUF struct buf in = BUF_INIT(OUT_MAX);
	AUTO_BUF struct buf out = BUF_INIT(0);
	char cwd[64], *save = NULL;
	struct git_run with = { .args = { "hash-object", "--no-filters", "--stdin-paths" },
				.cwd = cwd };
	int r;

	(void)snprintf(cwd, sizeof(cwd), "/proc/%d/fd/%d", (int)getpid(), dir);
	for (size_t i = 0; i < paths->n; i++)
		buf_printf(&in, "%s\n", paths->v[i]);
	r = buf_check(&in, "path list", e);
	if (r < 0 || in.n == 0)
		return r;
	with.in = in.p;
	with.in_len = in.n;
	r = git_must(g, &with, &out, e);
	if (r < 0)
		return r;
	for (char *line = strtok_r(out.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strlist_add(oids, line) < 0)
			return err_set(e, ENOMEM, "out of memory");
	return oids->n == paths->n ? 0 : err_set(e, EPROTO, "git hash-object: lines are missing");
}

int git_history(struct git *g, const char *commit, const struct strlist *paths, size_t max,
		struct buf *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(0);
	struct git_run with = { .args = { "log", "--no-color", "--no-ext-diff", "--no-textconv",
					  "--text", "-n", "20", "--date=iso-strict", "-p",
					  "--format=commit %H%nDate: %ad%n%n%w(0,4,4)%B", commit,
					  "--" },
				.max = 64u << 20 };
	size_t k = 12;
	int r;

	for (size_t i = 0; i < paths->n && k < GIT_ARGS_MAX - 1; i++)
		with.args[k++] = paths->v[i];
	r = git_must(g, &with, &text, e);
	if (r < 0)
		return r;
	buf_release(out);
	out->max = max + 64;
	buf_put(out, text.p, text.n < max ? text.n : max);
	if (text.n > max)
		buf_puts(out, "\n[history cut here]\n");
	return buf_check(out, "history", e);
}

int git_push(struct git *g, const char *oid, const char *branch, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(0);
	char have[65], refspec[400];
	const struct git_run with = { .args = { "push", "--quiet", "--no-follow-tags",
						"--no-verify", "--porcelain", RECEIVE_PACK, g->url,
						refspec } };
	int r = fetch(g, "+refs/heads/*:refs/origin/heads/*", e);

	if (r < 0)
		return r;
	r = parse_rev(g, "refs/origin/heads/", branch, have, e);
	if (r == 0 && strcmp(have, oid) == 0)
		return 0;
	if (r == 0)
		return err_set(e, EEXIST, "branch '%s' is there already with another commit",
			       branch);
	if (r != -ENOENT)
		return r;
	(void)snprintf(refspec, sizeof(refspec), "%s:refs/heads/%s", oid, branch);
	return git_must(g, &with, &out, e);
}
