/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/cgroup_impl.h"

/* Control files: one write a value, errors with the name of the file. */
int cg_dir(const struct cgroup *cg, unsigned job)
{
	for (size_t i = 0; i < cg->host->n; i++)
		if (cg->host->hier[i].jobs & job)
			return cg->dir[i];
	return -1;
}

int cg_write(int dir, const char *file, const char *text, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, "%s", file);
	r = sys_write(fd, text, strlen(text));
	if (r < 0)
		return err_set(e, -r, "%s: write '%s': %s", file, text, strerror(-r));
	return 0;
}

int cg_write_u64(int dir, const char *file, uint64_t value, struct err *e)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	return cg_write(dir, file, text, e);
}

int cg_write_optional(int dir, const char *file, uint64_t value, struct err *e)
{
	return faccessat(dir, file, F_OK, 0) < 0 && errno == ENOENT
		       ? 0
		       : cg_write_u64(dir, file, value, e);
}

int cg_read(int dir, const char *file, char *out, size_t n, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	size_t got = 0;

	if (fd < 0)
		return err_sys(e, "%s", file);
	while (got < n - 1) {
		const ssize_t r = read(fd, out + got, n - 1 - got);

		if (r < 0 && errno != EINTR)
			return err_sys(e, "%s", file);
		if (r == 0)
			break;
		got += r > 0 ? (size_t)r : 0;
	}
	out[got] = '\0';
	return (int)got;
}

int cg_number(int dir, const char *file, const char *key, uint64_t *out, struct err *e)
{
	char text[4096], *save = NULL;
	struct err why = ERR_INIT;

	*out = 0;
	if (cg_read(dir, file, text, sizeof(text), &why) < 0) {
		if (why.code == ENOENT)
			return 0;
		*e = why;
		return -e->code;
	}
	if (!key) {
		*out = strtoull(text, NULL, 10);
		return 0;
	}
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const size_t n = strlen(key);

		if (strncmp(l, key, n) == 0 && l[n] == ' ') {
			*out = strtoull(l + n + 1, NULL, 10);
			return 0;
		}
	}
	return 0;
}

int cg_each_pid(int dir, int (*fn)(void *ctx, pid_t pid, struct err *e), void *ctx, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	AUTO_FCLOSE FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[32];
	int n = 0;

	if (!f)
		return err_sys(e, "cgroup.procs");
	(void)take_fd(&fd);
	for (; fgets(line, sizeof(line), f); n++) {
		const long pid = strtol(line, NULL, 10);

		/* 0: a process of another pid namespace, out of our reach. */
		if (pid > 0 && fn(ctx, (pid_t)pid, e) < 0)
			return -e->code;
	}
	if (ferror(f))
		return err_sys(e, "cgroup.procs");
	return n;
}

static int signal_one(void *ctx, pid_t pid, struct err *e)
{
	(void)ctx;
	if (kill(pid, SIGKILL) < 0 && errno != ESRCH)
		return err_sys(e, "kill process %d", (int)pid);
	return 0;
}

int cg_signal_all(int dir, struct err *e)
{
	return cg_each_pid(dir, signal_one, NULL, e);
}

void cg_sleep_us(long us)
{
	const struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	(void)nanosleep(&t, NULL);
}
