/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/sandbox/sandbox.h"
#include "tests/tap.h"

/* A small world for sandbox tests: a state directory, a skeleton layer over the host's /usr. */
struct box {
	char dir[64];
	int skeleton;
	struct sandbox_spec spec;
};

static inline void box_make(struct box *b)
{
	static const char *const dirs[] = { "etc", "tmp", "proc", "sys", "dev", "usr", "work" };
	static const char *const links[] = { "bin", "sbin", "lib", "lib64" };
	char target[32];

	(void)snprintf(b->dir, sizeof(b->dir), "/var/tmp/sickbay-test-XXXXXX");
	if (!mkdtemp(b->dir))
		abort();
	(void)chmod(b->dir, 0755);
	int top = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)mkdirat(top, "skeleton", 0755);
	b->skeleton = openat(top, "skeleton", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		(void)mkdirat(b->skeleton, dirs[i], 0755);
	(void)!fchmodat(b->skeleton, "tmp", 01777, 0);
	(void)!fchownat(b->skeleton, "work", 1000, 1000, 0);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		(void)snprintf(target, sizeof(target), "usr/%s", links[i]);
		(void)!symlinkat(target, b->skeleton, links[i]);
	}
	(void)close(top);
	b->spec = (struct sandbox_spec){
		.name = "test",
		.state = b->dir,
		.layers = &b->skeleton,
		.n_layers = 1,
		.host_root = true,
		.loopback = true,
		.stdin_fd = -1,
		.limits = { .wall_ms = 20000 },
		.seccomp = { .preset = SECCOMP_BUILD },
	};
}

static inline void box_remove(struct box *b)
{
	struct err e = ERR_INIT;
	AUTO_CLOSE int parent = open("/var/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)close(b->skeleton);
	CHECK_INT(tree_remove_at(parent, strrchr(b->dir, '/') + 1, &e), 0);
}

struct ran {
	int r;
	struct err e;
	struct exit_record record;
	char out[65536], err[8192];
};

/* Runs argv to its end; keeps the sandbox for the caller when it asks for it. */
static inline void box_argv(struct box *b, const char *const *argv, struct ran *ran,
			    struct sandbox **keep)
{
	struct sandbox *s = NULL;

	memset(ran, 0, sizeof(*ran));
	b->spec.argv = (char *const *)(uintptr_t)argv;
	ran->r = sandbox_start(&b->spec, &s, &ran->e);
	if (ran->r == 0)
		ran->r = sandbox_wait(s, &ran->record, &ran->e);
	if (ran->r < 0) {
		printf("# %s\n", ran->e.msg);
		sandbox_close(s);
		return;
	}
	const struct buf *out = sandbox_output(s, 1), *err = sandbox_output(s, 2);

	(void)snprintf(ran->out, sizeof(ran->out), "%s", out->p ? out->p : "");
	(void)snprintf(ran->err, sizeof(ran->err), "%s", err->p ? err->p : "");
	if (keep)
		*keep = s;
	else
		sandbox_close(s);
}

static inline void box_sh(struct box *b, const char *script, struct ran *ran)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };

	box_argv(b, argv, ran, NULL);
}
