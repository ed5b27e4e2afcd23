/* SPDX-License-Identifier: Apache-2.0 */
#include "images/fetch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/spawn.h"
#include "runtime/base/sys.h"

/*
 * The state directory is root's alone, so the fetcher, which is not root, could
 * not even walk to its work directory.  A child of ours makes a mount namespace
 * in which a fresh /tmp has the two directories that it may use, starts the
 * fetcher there, waits, and hands its exit status on.
 */
#define WORDS_MAX 300

static int bind_into_tmp(int dir, const char *target, struct err *e)
{
	char from[40];
	int r;

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", dir);
	if (mkdir(target, 0755) < 0)
		return err_sys(e, "make '%s'", target);
	r = sys_mount(from, target, NULL, MS_BIND, NULL);
	return r < 0 ? err_set(e, -r, "bind '%s': %s", target, strerror(-r)) : 0;
}

/* The directories are opened inside the new namespace: a descriptor from outside could not be
 * bound. */
static int private_tmp(const struct fetch *f, struct err *e)
{
	AUTO_CLOSE int work = -1, cache = -1;
	int r = sys_unshare(CLONE_NEWNS);

	if (r == 0)
		r = sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (r < 0)
		return err_set(e, -r, "make a mount namespace: %s", strerror(-r));
	work = open(f->work, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cache = f->cache ? open(f->cache, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (work < 0 || (f->cache && cache < 0))
		return err_sys(e, "open the work directory");
	r = sys_mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=64m");
	if (r < 0)
		return err_set(e, -r, "mount a fresh /tmp: %s", strerror(-r));
	if (bind_into_tmp(work, "/tmp/work", e) < 0)
		return -e->code;
	return cache < 0 ? 0 : bind_into_tmp(cache, "/tmp/cache", e);
}

/* How the operator reaches a registry or mirror, but no key to it. */
static const char *const passed_on[] = { "HTTP_PROXY",	       "HTTPS_PROXY",
					 "NO_PROXY",	       "http_proxy",
					 "https_proxy",	       "no_proxy",
					 "SSL_CERT_FILE",      "NODE_EXTRA_CA_CERTS",
					 "npm_config_registry" };
#define PASSED (sizeof(passed_on) / sizeof(*passed_on))

static _Noreturn void child(const struct fetch *f, int words)
{
	static char fixed[][64] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
				    "HOME=/tmp/work", "npm_config_cache=/tmp/cache",
				    "npm_config_update_notifier=false" };
	enum { FIXED = sizeof(fixed) / sizeof(*fixed) };
	static char passed[PASSED][1024];
	const int fds[][2] = { { words, 2 }, { f->out, 1 } };
	char *env[FIXED + PASSED + 1];
	struct spawn s = { .path = f->argv[0],
			   .argv = f->argv,
			   .envp = env,
			   .cwd = "/tmp/work",
			   .uid = FETCH_UID,
			   .gid = FETCH_UID,
			   .fds = fds,
			   .n_fds = f->out < 0 ? 1 : 2 };
	struct err e = ERR_INIT;
	int status = 127;
	size_t n = 0;
	pid_t pid;

	for (size_t i = 0; i < FIXED; i++)
		env[n++] = fixed[i];
	for (size_t i = 0; i < PASSED; i++) {
		const char *v = getenv(passed_on[i]);

		if (v && (size_t)snprintf(passed[i], sizeof(passed[i]), "%s=%s", passed_on[i], v) <
				 sizeof(passed[i]))
			env[n++] = passed[i];
	}
	env[n] = NULL;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		_exit(127);
	if (private_tmp(f, &e) < 0 || spawn_start(&s, &pid, &e) < 0 ||
	    spawn_wait(pid, &status, &e) < 0) {
		(void)dprintf(words, "%s", e.msg);
		_exit(127);
	}
	_exit(status);
}

int fetch_start(const struct fetch *f, struct fetch_run *out, struct err *e)
{
	AUTO_CLOSE int words = memfd_create("words", MFD_CLOEXEC);
	pid_t pid;

	if (words < 0)
		return err_sys(e, "start '%s': memfd", f->argv[0]);
	pid = fork();
	if (pid < 0)
		return err_sys(e, "start '%s': fork", f->argv[0]);
	if (pid == 0)
		child(f, words);
	*out = (struct fetch_run){ .pid = pid, .words = take_fd(&words) };
	return 0;
}

/* The first lines: what follows is advice and places of logs. */
static void read_words(int fd, char out[WORDS_MAX])
{
	const ssize_t n = pread(fd, out, WORDS_MAX - 1, 0);
	size_t len = n > 0 ? (size_t)n : 0;

	while (len && (out[len - 1] == '\n' || out[len - 1] == ' '))
		len--;
	out[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (out[i] == '\n')
			out[i] = ' ';
}

int fetch_wait(struct fetch_run *r, const char *what, struct err *e)
{
	AUTO_CLOSE int words = take_fd(&r->words);
	char said[WORDS_MAX];
	int status;

	if (spawn_wait(r->pid, &status, e) < 0)
		return err_wrap(e, "%s", what);
	if (status == 0)
		return 0;
	read_words(words, said);
	return err_set(e, EIO, "%s failed (status %d): %s", what, status,
		       *said ? said : "it said nothing");
}

int fetch_own(int dir, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (dir_make_at(dir, path, 0755, e) < 0)
		return -e->code;
	fd = fd_open_beneath(dir, path, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return -e->code;
	if (fchown(fd, FETCH_UID, FETCH_UID) < 0 || fchmod(fd, 0755) < 0)
		return err_sys(e, "'%s': give to the fetcher", path);
	return 0;
}
