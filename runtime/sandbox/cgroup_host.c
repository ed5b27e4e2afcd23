/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/sandbox/cgroup_impl.h"

/*
 * What this host offers, from /proc/self/mountinfo and /proc/self/cgroup.
 *
 * Where the parent directory goes: on a legacy hierarchy beneath our own
 * group, so that what limits us limits the replicas, too.  On cgroup2 a group
 * with processes cannot give controllers to its children, so: our own group
 * where it was delegated to us (systemd says so in an extended attribute; our
 * processes then move into a leaf beside the parent), else the top of what is
 * mounted, which is the machine's root or that of our cgroup namespace.
 */
#define TEXT_MAX (1u << 20)

static struct cg_host found;
static bool known;
static int forced;

struct mount {
	const char *type, *root, *point, *options;
};

/* mountinfo(5): the octal escapes of blanks, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static bool parse_mount(char *line, struct mount *m)
{
	char *field[4] = { NULL }; /* root, mount point, type, super options */
	char *save = NULL;
	int i = 0, after = 0;

	for (char *tok = strtok_r(line, " ", &save); tok; tok = strtok_r(NULL, " ", &save), i++) {
		if (i == 3 || i == 4)
			field[i - 3] = tok;
		else if (after == 0 && i > 5 && strcmp(tok, "-") == 0)
			after = i;
		else if (after > 0 && i == after + 1)
			field[2] = tok;
		else if (after > 0 && i == after + 3)
			field[3] = tok;
	}
	if (!field[0] || !field[1] || !field[2] || !field[3])
		return false;
	unescape(field[0]);
	unescape(field[1]);
	*m = (struct mount){
		.root = field[0], .point = field[1], .type = field[2], .options = field[3]
	};
	return true;
}

static bool has_word(const char *list, const char *word, size_t n)
{
	for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == '\0'))
			return true;
	return false;
}

/* Our own group in the hierarchy of this controller ("" on cgroup2), or NULL. */
static const char *own_path(const char *text, const char *controller, char *out, size_t n)
{
	char *save = NULL;
	AUTO_FREE char *copy = strdup(text);

	if (!copy)
		return NULL;
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *list = strchr(l, ':');
		char *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		list++;
		if (*controller ? !has_word(list, controller, strlen(controller)) : *list != '\0')
			continue;
		if (snprintf(out, n, "%s", path) < (int)n)
			return out;
	}
	return NULL;
}

static bool is_delegated(const char *path)
{
	char value[2];

	return (getxattr(path, "trusted.delegate", value, sizeof(value)) == 1 ||
		getxattr(path, "user.delegate", value, sizeof(value)) == 1) &&
	       value[0] == '1';
}

static int set_base(struct cg_hier *h, const struct mount *m, const char *own, struct err *e)
{
	const size_t root = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);
	const char *below = "";

	/* A path outside of what is mounted (another cgroup namespace) cannot be used. */
	if (own && strncmp(own, m->root, root) == 0 && own[root] == '/' &&
	    strncmp(own + root, "/..", 3) != 0 && own[root + 1] != '\0')
		below = own + root;
	if (snprintf(h->base, sizeof(h->base), "%s%s", m->point, below) >= (int)sizeof(h->base))
		return err_set(e, ENAMETOOLONG, "control groups: '%s'", m->point);
	if (*below &&
	    (access(h->base, W_OK) < 0 || ((h->jobs & CG_UNIFIED) && !is_delegated(h->base))))
		(void)snprintf(h->base, sizeof(h->base), "%s", m->point);
	return 0;
}

static int add_hier(struct cg_host *host, const struct mount *m, unsigned jobs, const char *own,
		    struct err *e)
{
	struct cg_hier *h = &host->hier[host->n];

	for (size_t i = 0; i < host->n; i++)
		jobs &= ~host->hier[i].jobs; /* mounted twice: once is enough */
	if (jobs == 0 || host->n == CG_HIER_MAX)
		return 0;
	h->jobs = jobs;
	if (set_base(h, m, own, e) < 0)
		return -e->code;
	host->n++;
	return 0;
}

static unsigned v2_jobs(const char *point)
{
	static const struct {
		const char *name;
		unsigned job;
	} rows[] = { { "memory", CG_MEMORY }, { "pids", CG_PIDS }, { "cpu", CG_CPU } };
	AUTO_CLOSE int dir = open(point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	unsigned jobs = CG_UNIFIED;
	char text[512], *save = NULL;
	struct err e = ERR_INIT;

	if (dir < 0 || cg_read(dir, "cgroup.controllers", text, sizeof(text), &e) < 0)
		return jobs;
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
			if (strcmp(w, rows[i].name) == 0)
				jobs |= rows[i].job;
	return jobs;
}

static int add_mount(struct cg_host *host, const struct mount *m, const char *own_text, int mode,
		     struct err *e)
{
	static const struct {
		const char *name;
		unsigned job;
	} rows[] = { { "memory", CG_MEMORY },
		     { "pids", CG_PIDS },
		     { "cpu", CG_CPU },
		     { "cpuacct", CG_CPUACCT },
		     { "freezer", CG_FREEZER } };
	char own[PATH_MAX];
	const char *controller = NULL;
	unsigned jobs = 0;

	if (strcmp(m->type, "cgroup2") == 0)
		return mode == CGROUP_V1 ? 0
					 : add_hier(host, m, v2_jobs(m->point),
						    own_path(own_text, "", own, sizeof(own)), e);
	if (strcmp(m->type, "cgroup") != 0 || mode == CGROUP_V2)
		return 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (has_word(m->options, rows[i].name, strlen(rows[i].name))) {
			jobs |= rows[i].job;
			controller = rows[i].name;
		}
	}
	return jobs == 0 ? 0
			 : add_hier(host, m, jobs, own_path(own_text, controller, own, sizeof(own)),
				    e);
}

/* The hierarchy with the lock goes first; what cgroup2 does better is not made a second time. */
static void order(struct cg_host *host)
{
	const unsigned first = host->mode == CGROUP_V1 ? CG_MEMORY : CG_UNIFIED;
	size_t n = 0;

	for (size_t i = 0; i < host->n; i++) {
		if (host->mode == CGROUP_HYBRID)
			host->hier[i].jobs &= ~(unsigned)(CG_CPUACCT | CG_FREEZER);
		if (host->hier[i].jobs != 0)
			host->hier[n++] = host->hier[i];
	}
	host->n = n;
	for (size_t i = 1; i < n; i++) {
		if (host->hier[i].jobs & first) {
			const struct cg_hier h = host->hier[0];

			host->hier[0] = host->hier[i];
			host->hier[i] = h;
		}
	}
}

static int choose(struct cg_host *host, int want, struct err *e)
{
	unsigned legacy = 0, unified = 0;

	for (size_t i = 0; i < host->n; i++) {
		if (host->hier[i].jobs & CG_UNIFIED)
			unified = host->hier[i].jobs;
		else
			legacy |= host->hier[i].jobs;
	}
	host->mode = !unified			      ? CGROUP_V1
		     : legacy & (CG_MEMORY | CG_PIDS) ? CGROUP_HYBRID
						      : CGROUP_V2;
	host->limit = host->mode == CGROUP_V2 ? &cgroup_v2_limit : &cgroup_v1_limit;
	host->life = host->mode == CGROUP_V1 ? &cgroup_v1_life : &cgroup_v2_life;
	if (want != CGROUP_AUTO && want != host->mode)
		return err_set(e, ENOTSUP, "control groups: this host has no %s",
			       cgroup_mode_name(want));
	if (((legacy | unified) & (CG_MEMORY | CG_PIDS)) != (CG_MEMORY | CG_PIDS))
		return err_set(e, ENOTSUP,
			       "control groups: no controller for %s; mount cgroup2 on "
			       "/sys/fs/cgroup with the controllers memory, pids and cpu",
			       (legacy | unified) & CG_MEMORY ? "pids" : "memory");
	if (host->mode == CGROUP_V1 && !(legacy & CG_FREEZER))
		return err_set(e, ENOTSUP, "control groups: no freezer hierarchy is mounted");
	order(host);
	return 0;
}

static int look(struct cg_host *host, int mode, struct err *e)
{
	AUTO_BUF struct buf mounts = BUF_INIT(TEXT_MAX);
	AUTO_BUF struct buf own = BUF_INIT(TEXT_MAX);
	char *save = NULL;

	if (file_read_at(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, &mounts, e) < 0 ||
	    file_read_at(AT_FDCWD, "/proc/self/cgroup", TEXT_MAX, &own, e) < 0)
		return err_wrap(e, "control groups");
	for (char *l = mounts.n ? strtok_r(mounts.p, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save)) {
		struct mount m;

		if (parse_mount(l, &m) && add_mount(host, &m, own.n ? own.p : "", mode, e) < 0)
			return -e->code;
	}
	return choose(host, mode, e);
}

int cg_host(const struct cg_host **out, struct err *e)
{
	struct cg_host *host;
	int r;

	if (known) {
		*out = &found;
		return 0;
	}
	host = calloc(1, sizeof(*host)); /* too large for the stack */
	if (!host)
		return err_set(e, ENOMEM, "control groups: out of memory");
	r = look(host, forced, e);
	if (r < 0) {
		free(host);
		return r;
	}
	found = *host;
	free(host);
	known = true;
	*out = &found;
	return 0;
}

int cgroup_detect(int *mode, struct err *e)
{
	const struct cg_host *host = NULL;
	const int r = cg_host(&host, e);

	if (r < 0 || !host)
		return r;
	*mode = host->mode;
	return 0;
}

void cgroup_force(int mode)
{
	forced = mode;
	known = false;
}

const char *cgroup_mode_name(int mode)
{
	static const char *const names[] = { "auto", "v2", "hybrid", "v1" };

	return mode >= CGROUP_AUTO && mode <= CGROUP_V1 ? names[mode] : NULL;
}
