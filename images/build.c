/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images/toolchain.h"
#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/sandbox/sandbox.h"

/*
 * A recipe's command may run what was fetched, so it runs where everything
 * untrusted runs: in a replica, without network, on the image's layers with the
 * draft on top.  Its working directory is its user's; nobody is root there.
 * What it wrote is frozen and merged into the draft.
 */
#define OUTPUT_SHOWN 300

/* Of no use to a layer: what a running root has there. */
static const char *const left_out[] = {
	"dev", "proc", "run", "sys", "tmp", "home", "var/tmp", NULL
};

DEFINE_CLEANUP(struct sandbox, sandbox_close);

static int merge(const struct preparing *p, struct sandbox *s, struct err *e)
{
	const struct tree_copy how = { .overlay = true, .skip = left_out };
	AUTO_CLOSE int frozen = -1;

	if (sandbox_freeze(s, &frozen, e) < 0)
		return err_wrap(e, "build");
	return layer_copy_tree(p->draft.dir, frozen, "build", &how, NULL, e);
}

static int report(const struct sandbox *s, const struct exit_record *end, struct err *e)
{
	const struct buf *said = sandbox_output(s, 2);
	const size_t n = said ? said->n : 0;

	if (n == 0)
		said = sandbox_output(s, 1);
	return err_set(
		e, EIO, "build: %s (status %d): %s", exit_kind_name(end->kind), exit_status(end),
		said && said->n ? said->p + (said->n > OUTPUT_SHOWN ? said->n - OUTPUT_SHOWN : 0)
				: "it said nothing");
}

static int run(const struct preparing *p, const int *layers, size_t n_layers, struct err *e)
{
	const struct recipe_build *b = &p->recipe->build;
	struct sandbox CLEANUP(cleanup_sandbox_close) *s = NULL;
	struct exit_record end;
	char random[ID_LEN], name[32];
	struct sandbox_spec spec = { 0 };

	id_random(random);
	(void)snprintf(name, sizeof(name), "prepare-%s", random);
	spec_defaults(&spec);
	spec.name = name;
	spec.state = store_state(p->store);
	spec.layers = layers;
	spec.n_layers = n_layers;
	spec.host_root = p->image->host;
	spec.freeze = true;
	spec.uid = spec.gid = (uint32_t)b->uid;
	spec.cwd = b->cwd;
	spec.argv = b->run.v;
	spec.loopback = true;
	spec.stdin_fd = -1;
	spec.seccomp.preset = SECCOMP_BUILD;
	if (b->timeout)
		spec.limits.wall_ms = b->timeout;
	log_progress("%s: running '%s' in a replica", p->recipe->name, b->run.v[0]);
	if (sandbox_start(&spec, &s, e) < 0 || sandbox_wait(s, &end, e) < 0)
		return err_wrap(e, "build");
	if (end.kind != EXIT_EXITED || end.code != 0)
		return report(s, &end, e);
	return merge(p, s, e);
}

int build_prepare(const struct preparing *p, struct err *e)
{
	const struct recipe_build *b = &p->recipe->build;
	struct layer_fds below = { 0 };
	int *layers, r;

	if (layer_put_dir(p->draft.dir, recipe_place(b->cwd), 0755, (unsigned)b->uid,
			  (unsigned)b->uid, e) < 0 ||
	    image_layers(p->store, p->image, &below, e) < 0)
		return -e->code;
	layers = calloc(below.n + 1, sizeof(*layers));
	if (layers) {
		layers[0] = p->draft.dir;
		for (size_t i = 0; i < below.n; i++)
			layers[i + 1] = below.v[i];
		r = run(p, layers, below.n + 1, e);
		free(layers);
	} else {
		r = err_set(e, ENOMEM, "build: out of memory");
	}
	layer_fds_release(&below);
	return r;
}
