/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/spawn.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/mount.h"

/*
 * An upper on disk: a file system of its own in an image of the size that
 * limits.disk says, so that the limit holds and inodes are bounded too.  The
 * image has no name and its loop device lets go by itself: whatever ends us,
 * nothing is left to remove.
 */
#define LOOP_TRIES 16
#define DISK_LEAST (UINT64_C(16) << 20)

static int image_format(int image, const struct sandbox_spec *spec, struct err *e)
{
	char inodes[32];
	const char *const argv[] = { "mke2fs",
				     "-q",
				     "-F",
				     "-t",
				     "ext4",
				     "-m",
				     "0",
				     "-O",
				     "^has_journal",
				     "-E",
				     "nodiscard,lazy_itable_init=1",
				     "-N",
				     inodes,
				     "/proc/self/fd/3",
				     NULL };
	const int fds[][2] = { { image, 3 } };
	const struct spawn s = {
		.path = "/sbin/mke2fs",
		.argv = (char *const *)(uintptr_t)argv,
		.fds = fds,
		.n_fds = 1,
	};
	const uint64_t most = spec->limits.disk / 1024; /* their table is a quarter, then */
	pid_t pid;
	int status = 0;

	(void)snprintf(
		inodes, sizeof(inodes), "%llu",
		(unsigned long long)(spec->limits.inodes < most ? spec->limits.inodes : most));
	if (spawn_start(&s, &pid, e) < 0 || spawn_wait(pid, &status, e) < 0)
		return err_wrap(e, "format the upper");
	return status ? err_set(e, EIO, "format the upper: mke2fs ended with status %d", status)
		      : 0;
}

static int image_make(const struct sandbox_spec *spec, int *out, struct err *e)
{
	char dir[4096];

	if (spec->limits.disk < DISK_LEAST)
		return err_set(e, EINVAL, "an upper on disk has at least %llu MiB",
			       (unsigned long long)(DISK_LEAST >> 20));
	(void)snprintf(dir, sizeof(dir), "%s/uppers", spec->state);
	if (dir_make(dir, 0700, e) < 0)
		return -e->code;

	AUTO_CLOSE int image = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (image < 0)
		return err_sys(e, "make an image in '%s'", dir);
	if (ftruncate(image, (off_t)spec->limits.disk) < 0)
		return err_sys(e, "size the image of the upper");
	if (image_format(image, spec, e) < 0)
		return -e->code;
	*out = take_fd(&image);
	return 0;
}

/* Another program may take the free device first: then the next one. */
static int loop_attach(int image, char *name, size_t size, int *out, struct err *e)
{
	AUTO_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	const struct loop_config config = {
		.fd = (uint32_t)image,
		.info = { .lo_flags = LO_FLAGS_AUTOCLEAR },
	};

	if (control < 0)
		return err_sys(e, "open '/dev/loop-control'");
	for (int i = 0; i < LOOP_TRIES; i++) {
		const int n = ioctl(control, LOOP_CTL_GET_FREE);

		if (n < 0)
			return err_sys(e, "find a free loop device");
		(void)snprintf(name, size, "/dev/loop%d", n);

		AUTO_CLOSE int loop = open(name, O_RDWR | O_CLOEXEC);

		if (loop < 0)
			return err_sys(e, "open '%s'", name);
		if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
			*out = take_fd(&loop);
			return 0;
		}
		if (errno != EBUSY)
			return err_sys(e, "set '%s' up", name);
	}
	return err_set(e, EBUSY, "no loop device stays free");
}

int disk_make(const struct sandbox_spec *spec, int *out, struct err *e)
{
	char name[64];
	AUTO_CLOSE int image = -1;
	AUTO_CLOSE int loop = -1;
	AUTO_CLOSE int fs = -1;
	int r;

	if (image_make(spec, &image, e) < 0 || loop_attach(image, name, sizeof(name), &loop, e) < 0)
		return -e->code;
	fs = sys_fsopen("ext4");
	r = fs < 0 ? fs : sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", name, 0);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		r = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (r < 0)
		return err_set(e, -r, "mount the upper's image: %s", strerror(-r));
	*out = r;
	return 0;
}
