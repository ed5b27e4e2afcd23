/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <sys/utsname.h>

#include "runtime/sandbox/mount.h"
#include "tests/unit/sandbox/box.h"

static const char *const writer[] = {
	"/bin/sh", "-c",
	"echo one >/work/a; mv /work/old /work/new; rm -r /work/gone; chmod 600 /work/a; stat -c "
	"'%u:%g %a' /work/a /work/new",
	NULL
};

/* Layers by descriptor came with 6.13, a tmpfs that can be idmapped with 6.3. */
static bool kernel_has(int recipe, int upper)
{
	struct utsname u;
	int major = 0, minor = 0, need = 0;

	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return false;
	if (recipe == RECIPE_B || recipe == RECIPE_A)
		need = 613;
	else if (recipe == RECIPE_B_MOUNT && upper == SANDBOX_UPPER_TMPFS)
		need = 603;
	if (100 * major + minor >= need)
		return true;
	printf("# %s: not on this kernel\n", root_recipe_name(recipe));
	return false;
}

static void fill(struct box *b)
{
	CHECK_INT(mkdirat(b->skeleton, "work/old", 0755), 0);
	CHECK_INT(mkdirat(b->skeleton, "work/gone", 0755), 0);
	CHECK_INT(mknodat(b->skeleton, "work/old/f", S_IFREG | 0644, 0), 0);
	CHECK_INT(fchownat(b->skeleton, "work/old", 1000, 1000, 0), 0);
	CHECK_INT(fchownat(b->skeleton, "work/gone", 1000, 1000, 0), 0);
}

static void every_recipe_gives_a_root_that_can_be_written(void)
{
	for (int recipe = RECIPE_AUTO; recipe < RECIPE_N; recipe++) {
		struct box b;
		struct ran ran;

		if (!kernel_has(recipe, SANDBOX_UPPER_TMPFS))
			continue;
		box_make(&b);
		fill(&b);
		root_force(recipe);
		box_argv(&b, writer, &ran, NULL);
		root_force(RECIPE_AUTO);
		printf("# %s\n", root_recipe_name(recipe));
		CHECK_INT(ran.r, 0);
		CHECK_STR(ran.err, "");
		CHECK_STR(ran.out, "1000:1000 600\n1000:1000 755\n");
		/* the layer is as it was */
		CHECK_INT(faccessat(b.skeleton, "work/old/f", F_OK, 0), 0);
		CHECK_INT(faccessat(b.skeleton, "work/a", F_OK, 0), -1);
		box_remove(&b);
	}
}

static void a_root_without_layers_works(void)
{
	struct box b;
	struct ran ran;

	for (int recipe = RECIPE_B; recipe < RECIPE_N; recipe++) {
		if (!kernel_has(recipe, SANDBOX_UPPER_TMPFS))
			continue;
		box_make(&b);
		root_force(recipe);
		b.spec.n_layers = 0;
		const char *const argv[] = { "/usr/bin/true", NULL };

		box_argv(&b, argv, &ran, NULL);
		/* without the links of a skeleton there is no loader: the program cannot start, the
		 * root can */
		CHECK_STR(
			ran.e.msg,
			"payload: execute the program '/usr/bin/true': No such file or directory");
		root_force(RECIPE_AUTO);
		box_remove(&b);
	}
}

static void check_frozen(int layer)
{
	struct stat st;

	CHECK_INT(fstatat(layer, "work/a", &st, 0), 0);
	CHECK_INT(st.st_uid, 1000); /* as stored, whatever range it was written in */
	CHECK_INT(openat(layer, "work/b", O_CREAT | O_WRONLY, 0644), -1);
	CHECK_INT(errno, EROFS);
	CHECK_INT(unlinkat(layer, "work/a", 0), -1);
	CHECK_INT(errno, EROFS);
}

static void a_frozen_upper_is_a_layer_of_the_next(void)
{
	for (int recipe = RECIPE_B; recipe <= RECIPE_B_MOUNT; recipe += 2) {
		struct box b;
		struct ran ran;
		struct sandbox *s = NULL, *again = NULL;
		int layers[3] = { -1, -1, -1 };

		if (!kernel_has(recipe, SANDBOX_UPPER_TMPFS))
			continue;
		box_make(&b);
		fill(&b);
		root_force(recipe);
		box_argv(&b, writer, &ran, &s);
		CHECK_INT(sandbox_freeze(s, &layers[1], &ran.e), 0);
		check_frozen(layers[1]);
		sandbox_close(s); /* the layer outlives what made it */

		layers[2] = b.skeleton;
		b.spec.layers = layers + 1;
		b.spec.n_layers = 2;
		const char *const argv[] = { "/bin/sh", "-c",
					     "cat /work/a; ls /work /work/new; echo two >/work/a",
					     NULL };
		box_argv(&b, argv, &ran, &again);
		CHECK_STR(ran.out, "one\n/work:\na\nnew\n\n/work/new:\nf\n");
		CHECK_STR(ran.err, "");

		/* and so on: a fork of a fork */
		CHECK_INT(sandbox_freeze(again, &layers[0], &ran.e), 0);
		sandbox_close(again);
		b.spec.layers = layers;
		b.spec.n_layers = 3;
		box_sh(&b, "cat /work/a", &ran);
		CHECK_STR(ran.out, "two\n");
		root_force(RECIPE_AUTO);
		(void)close(layers[0]);
		(void)close(layers[1]);
		box_remove(&b);
	}
}

static void on_disk(int recipe)
{
	struct box b;
	struct ran ran;
	struct sandbox *s = NULL;
	int layers[2] = { -1, -1 };

	if (!kernel_has(recipe, SANDBOX_UPPER_DISK))
		return;
	box_make(&b);
	fill(&b);
	root_force(recipe);
	b.spec.upper = SANDBOX_UPPER_DISK;
	b.spec.limits.disk = 32 << 20;
	b.spec.limits.inodes = 1000;
	box_sh(&b, "head -c 64M /dev/zero >/work/big", &ran);
	CHECK(strstr(ran.err, "No space left on device"));
	box_argv(&b, writer, &ran, &s);
	CHECK_STR(ran.out, "1000:1000 600\n1000:1000 755\n");
	CHECK_INT(sandbox_freeze(s, &layers[0], &ran.e), 0);
	check_frozen(layers[0]);
	sandbox_close(s);
	layers[1] = b.skeleton;
	b.spec.layers = layers;
	b.spec.n_layers = 2;
	b.spec.upper = SANDBOX_UPPER_TMPFS;
	if (!kernel_has(recipe, SANDBOX_UPPER_TMPFS))
		root_force(RECIPE_AUTO);
	box_sh(&b, "cat /work/a", &ran);
	CHECK_STR(ran.out, "one\n");
	b.spec.upper = SANDBOX_UPPER_DISK;
	root_force(recipe);
	b.spec.limits.disk = 1 << 20;
	box_sh(&b, "true", &ran);
	CHECK_STR(ran.e.msg, "root: an upper on disk has at least 16 MiB");
	(void)close(layers[0]);
	root_force(RECIPE_AUTO);
	box_remove(&b);
}

static void an_upper_on_disk_is_bounded_and_can_be_frozen(void)
{
	on_disk(RECIPE_B);
	on_disk(RECIPE_B_MOUNT);
}

/* What is to be frozen lies on disk where memory cannot be idmapped. */
static void can_freeze(struct box *b)
{
	b->spec.freeze = true;
	b->spec.limits.disk = 32 << 20;
	b->spec.limits.inodes = 1000;
}

static void forks_do_not_see_each_other(void)
{
	struct box b;
	struct ran ran;
	struct sandbox *s = NULL;
	int layers[2] = { -1, -1 };

	box_make(&b);
	fill(&b);
	can_freeze(&b);
	box_argv(&b, writer, &ran, &s);
	CHECK_INT(sandbox_freeze(s, &layers[0], &ran.e), 0);
	sandbox_close(s);
	layers[1] = b.skeleton;
	b.spec.layers = layers;
	b.spec.n_layers = 2;
	for (int i = 0; i < 3; i++) {
		box_sh(&b, "cat /work/a; echo mine >>/work/a", &ran);
		CHECK_STR(ran.out, "one\n");
	}
	(void)close(layers[0]);
	box_remove(&b);
}

/* Before 6.15 a mount without a place is cloned by a helper. */
static void forks_work_by_the_helper_of_older_kernels(void)
{
	mount_tree_force(true);
	forks_do_not_see_each_other();
	mount_tree_force(false);
}

static void a_freeze_that_cannot_be_is_refused(void)
{
	struct box b;
	struct ran ran;
	struct err e = ERR_INIT;
	struct sandbox *s = NULL;
	const char *const argv[] = { "sleep", "100", NULL };
	int layer = -1;

	box_make(&b);
	fill(&b);
	can_freeze(&b);
	b.spec.argv = (char *const *)(uintptr_t)argv;
	CHECK_INT(sandbox_start(&b.spec, &s, &e), 0);
	CHECK_INT(sandbox_freeze(s, &layer, &e), -EBUSY);
	CHECK_STR(e.msg, "freeze: the replica still runs");
	CHECK_INT(sandbox_kill(s, &e), 0);
	CHECK_INT(sandbox_freeze(s, &layer, &e), 0);
	(void)close(layer);
	CHECK_INT(sandbox_freeze(s, &layer, &e), -ENOTSUP);
	CHECK_STR(e.msg, "this upper was frozen already");
	sandbox_close(s);

	b.spec.freeze = false;
	root_force(RECIPE_A_MOUNT);
	box_argv(&b, writer, &ran, &s);
	CHECK_INT(sandbox_freeze(s, &layer, &e), -ENOTSUP);
	CHECK(strstr(e.msg, "use a disk upper"));
	root_force(RECIPE_AUTO);
	sandbox_close(s);
	box_remove(&b);
}

TAP_MAIN(TEST(every_recipe_gives_a_root_that_can_be_written), TEST(a_root_without_layers_works),
	 TEST(a_frozen_upper_is_a_layer_of_the_next),
	 TEST(an_upper_on_disk_is_bounded_and_can_be_frozen), TEST(forks_do_not_see_each_other),
	 TEST(forks_work_by_the_helper_of_older_kernels), TEST(a_freeze_that_cannot_be_is_refused))
