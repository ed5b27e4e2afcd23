/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/bury.h"
#include "runtime/sandbox/mount.h"

/*
 * The root of a replica is an overlay that the host side mounts: inside the
 * user namespace the kernel refuses layers of the host.  In recipe B layers
 * and upper are idmapped and the mounter has the range's ids, so what is
 * stored has ids 0..65535 whatever the range: an upper can become a layer of
 * any other replica.  Recipe A, for kernels whose tmpfs cannot be idmapped,
 * gives the upper to the range; such an upper is never frozen.
 *
 * Kernels before 6.13 take no descriptors for layers, and only layers that are
 * mounted in the caller's mount namespace: there a child makes a mount
 * namespace of its own, attaches the layers in it, mounts by mount(2) with
 * /proc/self/fd names, and leaves a detached clone in the descriptor table
 * that it shares with us.
 */
struct parts { /* detached mounts; the overlay is made of them */
	int lower[ROOT_MAX_LAYERS + 1];
	size_t n;
	int upper_mnt;	 /* has upper/, work/ and empty/ */
	int upper, work; /* directories in it */
	bool on_disk;	 /* nobody needs it after a crash: no syncing */
	int spare;	 /* empty/: the overlay of a spec without layers still needs a lower */
};

static int forced;

static const char *const recipe_names[RECIPE_N] = {
	[RECIPE_AUTO] = "auto",
	[RECIPE_B] = "idmapped",
	[RECIPE_A] = "chowned",
	[RECIPE_B_MOUNT] = "idmapped, by mount(2)",
	[RECIPE_A_MOUNT] = "chowned, by mount(2)",
};

const char *root_recipe_name(int recipe)
{
	return recipe >= 0 && recipe < RECIPE_N ? recipe_names[recipe] : "unknown";
}

void root_force(int recipe)
{
	forced = recipe;
}

static bool chowned(int recipe)
{
	return recipe == RECIPE_A || recipe == RECIPE_A_MOUNT;
}

void root_spend(struct root *r, int *fd)
{
	if (*fd >= 0 && r->n_spent < sizeof(r->spent) / sizeof(r->spent[0]))
		r->spent[r->n_spent++] = take_fd(fd);
	cleanup_close(fd);
	*fd = -1;
}

static void parts_release(struct parts *p, struct root *r)
{
	for (size_t i = 0; i < p->n; i++)
		root_spend(r, &p->lower[i]);
	root_spend(r, &p->upper_mnt);
	cleanup_close(&p->upper);
	cleanup_close(&p->work);
	cleanup_close(&p->spare);
}

static int lowers_clone(const struct sandbox_spec *spec, const struct idrange *ids, struct parts *p,
			struct err *e)
{
	const uint64_t attrs = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;

	if (spec->n_layers > ROOT_MAX_LAYERS)
		return err_set(e, E2BIG, "%zu layers; at most %d", spec->n_layers, ROOT_MAX_LAYERS);
	for (size_t i = 0; i < spec->n_layers; i++) {
		if (mount_clone(spec->layers[i], ids, attrs, false, &p->lower[p->n], e) < 0)
			return err_wrap(e, "layer %zu", i);
		p->n++;
	}
	return 0;
}

static int open_dir(int dir, const char *name, int *out)
{
	*out = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *out < 0 ? -errno : 0;
}

static int upper_dirs(struct parts *p, int store, uid_t owner, struct err *e)
{
	static const char *const names[] = { "upper", "work", "empty" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		r = sys_mkdirat(store, names[i], 0755);
		if (r >= 0 && (fchmodat(store, names[i], 0755, 0) < 0 ||
			       fchownat(store, names[i], owner, owner, AT_SYMLINK_NOFOLLOW) < 0))
			r = -errno;
	}
	if (r >= 0)
		r = open_dir(p->upper_mnt, "upper", &p->upper);
	if (r >= 0)
		r = open_dir(p->upper_mnt, "work", &p->work);
	if (r >= 0)
		r = open_dir(p->upper_mnt, "empty", &p->spare);
	return r < 0 ? err_set(e, -r, "make the upper: %s", strerror(-r)) : 0;
}

/* Two mounts of the upper's file system: `store` shows the ids as they are stored, upper_mnt as
 * those of the range. */
static int upper_make(const struct sandbox_spec *spec, const struct idrange *ids, struct root *r,
		      struct parts *p, struct err *e)
{
	AUTO_CLOSE int store = -1;
	int err = spec->upper == SANDBOX_UPPER_DISK
			  ? disk_make(spec, &store, e)
			  : tmpfs_make(spec->limits.disk, spec->limits.inodes, 0755,
				       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, &store, e);

	if (err < 0)
		return err;
	if (chowned(r->recipe)) {
		p->upper_mnt = take_fd(&store);
		return upper_dirs(p, p->upper_mnt, ids->base, e);
	}
	err = mount_clone(store, ids, 0, false, &p->upper_mnt, e);
	if (err < 0)
		return err;
	r->store = take_fd(&store);
	return upper_dirs(p, r->store, 0, e);
}

/* A relative rename of a lower directory must work as it does in production. */
static const char *const options[][2] = {
	{ "redirect_dir", "on" },
	{ "metacopy", "off" },
	{ "index", "off" },
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static int overlay_by_fds(const struct parts *p, int *out, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("overlay");
	int r = fs < 0 ? fs : 0;

	for (size_t i = 0; r >= 0 && i < N_OPTIONS; i++)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0);
	if (r >= 0 && p->on_disk)
		r = sys_fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
	for (size_t i = 0; r >= 0 && i < p->n; i++)
		r = sys_fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, p->lower[i]);
	if (r >= 0 && p->n == 0)
		r = sys_fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, p->spare);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, p->upper);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_SET_FD, "workdir", NULL, p->work);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		r = sys_fsmount(fs, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	if (r < 0)
		return err_set(e, -r, "mount the overlay: %s", strerror(-r));
	*out = r;
	return 0;
}

struct helper { /* shared with the child that mounts by mount(2) */
	const struct parts *p;
	const struct idrange *ids;
	bool as_range;
	const char *what;
	int err, out;
	char options[4096];
};

static int helper_options(const struct parts *p, char *s, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < N_OPTIONS; i++)
		at += (size_t)snprintf(s + at, n - at, "%s=%s,", options[i][0], options[i][1]);
	at += (size_t)snprintf(s + at, n - at, "%slowerdir=", p->on_disk ? "volatile," : "");
	for (size_t i = 0; i < p->n && at < n; i++)
		at += (size_t)snprintf(s + at, n - at, "%s/proc/self/fd/%d", i ? ":" : "",
				       p->lower[i]);
	if (p->n == 0 && at < n)
		at += (size_t)snprintf(s + at, n - at, "/proc/self/fd/%d", p->spare);
	if (at < n)
		at += (size_t)snprintf(s + at, n - at,
				       ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d",
				       p->upper, p->work);
	return at < n ? 0 : -E2BIG;
}

/* Attaches every part one upon the other on "/": a layer only has to be mounted, not reachable. */
static int helper_attach(const struct parts *p)
{
	int r = sys_unshare(CLONE_NEWNS);

	if (r >= 0)
		r = sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	for (size_t i = 0; r >= 0 && i < p->n; i++)
		r = sys_move_mount(p->lower[i], AT_FDCWD, "/");
	if (r >= 0)
		r = sys_move_mount(p->upper_mnt, AT_FDCWD, "/");
	return r;
}

static void helper_main(void *arg)
{
	struct helper *h = arg;
	struct err e = ERR_INIT;

	h->what = "attach the layers";
	h->err = helper_attach(h->p);
	if (h->err >= 0 && h->as_range)
		h->err = mounter_enter(h->ids, &e);
	if (h->err >= 0) {
		h->what = "mount the overlay";
		h->err = sys_mount("overlay", "/proc", "overlay", MS_NODEV | MS_NOSUID, h->options);
	}
	if (h->err >= 0) {
		h->what = "take the overlay";
		h->err = h->out = sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE);
	}
	sys_exit(0);
}

static int overlay_by_mount(const struct parts *p, const struct idrange *ids, bool as_range,
			    int *out, struct err *e)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct helper *h AUTO_FREE = calloc(1, sizeof(*h));
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_CLEAR_SIGHAND,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof(stack),
	};

	if (!h)
		return err_set(e, ENOMEM, "no memory to mount the overlay");
	h->p = p;
	h->ids = ids;
	h->as_range = as_range;
	if (helper_options(p, h->options, sizeof(h->options)) < 0)
		return err_set(e, E2BIG, "too many layers for mount(2)");

	const int pid = sys_clone3(&args, helper_main, h);

	if (pid < 0)
		return err_set(e, -pid, "start the mounter: %s", strerror(-pid));
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (h->err < 0)
		return err_set(e, -h->err, "%s: %s", h->what, strerror(-h->err));
	*out = h->out;
	return 0;
}

static int overlay_make(const struct parts *p, const struct idrange *ids, int recipe, int *out,
			struct err *e)
{
	struct err left = ERR_INIT;
	int r;

	if (recipe == RECIPE_A_MOUNT || recipe == RECIPE_B_MOUNT)
		return overlay_by_mount(p, ids, recipe == RECIPE_B_MOUNT, out, e);
	if (recipe == RECIPE_A)
		return overlay_by_fds(p, out, e);
	r = mounter_enter(ids, e);
	if (r == 0)
		r = overlay_by_fds(p, out, e);
	if (mounter_leave(&left) < 0) {
		*e = left;
		return -left.code;
	}
	return r;
}

static int root_try(const struct sandbox_spec *spec, const struct idrange *ids, int recipe,
		    struct root *out, struct err *e)
{
	struct root r = ROOT_INIT;
	struct parts p = { .upper_mnt = -1, .upper = -1, .work = -1, .spare = -1 };
	int err;

	r.recipe = recipe;
	p.on_disk = spec->upper == SANDBOX_UPPER_DISK;
	err = lowers_clone(spec, ids, &p, e);
	if (err == 0)
		err = upper_make(spec, ids, &r, &p, e);
	if (err == 0)
		err = overlay_make(&p, ids, recipe, &r.overlay, e);
	parts_release(&p, &r);
	if (err < 0) {
		root_release(&r);
		return err;
	}
	*out = r;
	return 0;
}

/* The best that this kernel takes, found out once. */
static int root_best(const struct sandbox_spec *spec, const struct idrange *ids, struct root *out,
		     struct err *e)
{
	static int known[2]; /* an upper on disk can be idmapped where one in memory cannot */
	int *const works = &known[spec->upper == SANDBOX_UPPER_DISK];
	const int one = forced ? forced : *works;

	if (one)
		return root_try(spec, ids, one, out, e);
	for (int recipe = RECIPE_B; recipe < RECIPE_N; recipe++) {
		const int r = root_try(spec, ids, recipe, out, e);

		if (r == 0) {
			*works = recipe;
			*e = (struct err)ERR_INIT; /* what the recipes before it could not do */
		}
		/* Descriptors as layers: EOPNOTSUPP before 6.5, EINVAL before 6.13. */
		if (r != -EINVAL && r != -EOPNOTSUPP)
			return r;
	}
	return -e->code;
}

/* Whether an upper in memory can be frozen shows when one is made. */
int root_make(const struct sandbox_spec *spec, const struct idrange *ids, struct root *out,
	      struct err *e)
{
	static bool on_disk;
	struct sandbox_spec disk = *spec;
	int r;

	if (!spec->freeze || spec->upper == SANDBOX_UPPER_DISK)
		return root_best(spec, ids, out, e);
	disk.upper = SANDBOX_UPPER_DISK;
	if (on_disk)
		return root_best(&disk, ids, out, e);
	r = root_best(spec, ids, out, e);
	if (r < 0 ? r != -EINVAL : out->store >= 0)
		return r;
	*e = (struct err)ERR_INIT;
	if (r == 0)
		root_release(out);
	*out = (struct root)ROOT_INIT;
	on_disk = !forced;
	return root_best(&disk, ids, out, e);
}

int root_freeze(struct root *r, int *layer, struct err *e)
{
	AUTO_CLOSE int fs = -1;
	int err;

	if (r->frozen || r->store < 0)
		return err_set(
			e, ENOTSUP, "%s",
			r->frozen
				? "this upper was frozen already"
				: "this kernel cannot freeze an upper in memory: use a disk upper");
	fs = sys_fspick(r->overlay);
	err = fs < 0 ? fs : sys_fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
	if (err >= 0)
		err = sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
	if (err < 0)
		return err_set(e, -err, "make the root read-only: %s%s", strerror(-err),
			       err == -EBUSY ? ": something still writes to it" : "");
	err = mount_clone_sub(r->store, "upper",
			      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, layer, e);
	if (err < 0)
		return err;
	r->frozen = true; /* and nobody can write any more: both ways in are closed */
	root_spend(r, &r->overlay);
	root_spend(r, &r->store);
	return 0;
}

void root_release(struct root *r)
{
	root_spend(r, &r->overlay);
	root_spend(r, &r->store);
	bury(r->spent, r->n_spent);
	r->n_spent = 0;
}
