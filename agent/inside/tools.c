/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/tools.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/fd.h"

#define FILE_MAX_BYTES	 (4u << 20)
#define CORPUS_FILE_MAX	 (1u << 20)
#define CORPUS_MAX_BYTES (64u << 20)
#define CORPUS_DEPTH	 24
#define LIST_MAX	 4096

int tools_open(const char *repo, int *dir, struct err *e)
{
	const int fd = fd_open_dir(repo, e);

	if (fd < 0)
		return fd;
	*dir = fd;
	return 0;
}

int tools_read(int dir, const char *path, struct buf *out, struct err *e)
{
	return file_read_at(dir, path, FILE_MAX_BYTES, out, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_with(const char *s, const char *suffix)
{
	const size_t n = strlen(s), m = strlen(suffix);

	return n > m && strcmp(s + n - m, suffix) == 0;
}

/* Opens for listing; a fresh descriptor, since fdopendir() takes it over. */
static DIR *open_listing(int dir, const char *path)
{
	int fd = openat(dir, path[0] ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d && fd >= 0)
		(void)close(fd);
	return d;
}

static bool is_regular(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

int tools_list(int dir, const char *path, const char *suffix, struct strlist *out, struct err *e)
{
	CLEANUP(cleanup_closedir) DIR *d = open_listing(dir, path);
	const struct dirent *entry;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "list '%s'", path);
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.' || !ends_with(entry->d_name, suffix) ||
		    !is_regular(dirfd(d), entry->d_name))
			continue;
		if (out->n >= LIST_MAX || strlist_add(out, entry->d_name) < 0)
			return err_set(e, E2BIG, "list '%s': too many files", path);
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(out->v[0]), by_name);
	return 0;
}

/* Dependencies and build output are not the repository; a hidden directory is not source. */
bool tools_is_source(const char *name)
{
	static const char *const skipped[] = { "node_modules", "build", "dist", "__pycache__" };

	for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++)
		if (strcmp(name, skipped[i]) == 0)
			return false;
	return name[0] != '.';
}

struct listing {
	struct strlist *out;
	size_t max;
	bool more;
};

static int walk_files(int parent, const char *name, const char *prefix, unsigned depth,
		      struct listing *l)
{
	CLEANUP(cleanup_closedir) DIR *d = open_listing(parent, name);
	const struct dirent *entry;
	int r = 0;

	while (d && r == 0 && (entry = readdir(d))) {
		AUTO_FREE char *path = NULL;
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (asprintf(&path, "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name) < 0)
			return -ENOMEM;
		if (S_ISREG(st.st_mode) && l->out->n < l->max)
			r = strlist_add(l->out, path);
		else if (S_ISREG(st.st_mode))
			l->more = true;
		else if (S_ISDIR(st.st_mode) && tools_is_source(entry->d_name) && depth > 0)
			r = walk_files(dirfd(d), entry->d_name, path, depth - 1, l);
	}
	return r;
}

int tools_files(int dir, const char *path, size_t max, struct strlist *out, bool *more,
		struct err *e)
{
	AUTO_CLOSE int top = *path ? fd_open_beneath(dir, path, O_RDONLY | O_DIRECTORY, 0, e) : -1;
	struct listing l = { .out = out, .max = max };

	if (*path && top < 0)
		return top;
	if (walk_files(*path ? top : dir, "", path, CORPUS_DEPTH, &l) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (out->n)
		qsort(out->v, out->n, sizeof(out->v[0]), by_name);
	*more = l.more;
	return 0;
}

static void corpus_add_file(int dir, const char *name, struct corpus *c)
{
	AUTO_BUF struct buf text = BUF_INIT(CORPUS_FILE_MAX);
	struct err ignored = ERR_INIT;

	if (file_read_at(dir, name, CORPUS_FILE_MAX, &text, &ignored) < 0)
		return;
	if (c->text.n + text.n + 1 > CORPUS_MAX_BYTES) {
		c->complete = false;
		return;
	}
	buf_put(&c->text, text.p ? text.p : "", text.n);
	buf_putc(&c->text, '\0');
}

static void corpus_walk(int parent, const char *path, unsigned depth, struct corpus *c)
{
	CLEANUP(cleanup_closedir) DIR *d = open_listing(parent, path);
	const struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d))) {
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			corpus_add_file(dirfd(d), entry->d_name, c);
		else if (S_ISDIR(st.st_mode) && tools_is_source(entry->d_name) &&
			 depth < CORPUS_DEPTH)
			corpus_walk(dirfd(d), entry->d_name, depth + 1, c);
	}
}

int corpus_load(int dir, struct corpus *out, struct err *e)
{
	struct corpus c = { .text = BUF_INIT(CORPUS_MAX_BYTES + 1), .complete = true };
	int r;

	corpus_walk(dir, "", 0, &c);
	r = buf_check(&c.text, "text of the repository", e);
	if (r < 0)
		corpus_release(&c);
	else
		*out = c;
	return r;
}

void corpus_release(struct corpus *c)
{
	buf_release(&c->text);
}

bool corpus_has(const struct corpus *c, const char *text, size_t n)
{
	return c->text.n > 0 && memmem(c->text.p, c->text.n, text, n) != NULL;
}

static bool is_word(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

bool corpus_has_word(const struct corpus *c, const char *word, size_t n)
{
	const char *at = c->text.p, *const end = at + c->text.n;

	while (at && at < end && (at = memmem(at, (size_t)(end - at), word, n))) {
		if ((at == c->text.p || !is_word(at[-1])) && (at + n == end || !is_word(at[n])))
			return true;
		at++;
	}
	return false;
}
