/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/sandbox/caps.h"
#include "runtime/sandbox/cgroup.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/sandbox/seccomp.h"

/*
 * What a start would use here, found by doing it: an id range with its
 * namespaces, and a root without layers.  A thing that cannot be had is its
 * reason, as a string under "problems".
 */
static void problem(json_t *out, const char *what, const struct err *e)
{
	json_t *list = json_object_get(out, "problems");

	(void)json_array_append_new(list, json_sprintf("%s: %s", what, e->msg));
}

static void probe_root(json_t *out, const struct idrange *ids)
{
	struct sandbox_spec spec = { .name = "probe" };
	struct root root = ROOT_INIT;
	struct err e = ERR_INIT;

	spec_defaults(&spec);
	spec.limits.disk = 1 << 20;
	if (root_make(&spec, ids, &root, &e) < 0) {
		problem(out, "root", &e);
		return;
	}
	(void)json_object_set_new(out, "recipe", json_string(root_recipe_name(root.recipe)));
	(void)json_object_set_new(out, "freeze_in_memory", json_boolean(root.store >= 0));
	root_release(&root);
}

static void probe_namespaces(const char *state, json_t *out)
{
	struct idrange *ids = NULL;
	struct err e = ERR_INIT;

	if (idrange_take(state, &ids, &e) < 0) {
		problem(out, "id range", &e);
		return;
	}
	if (idrange_settle(ids, true, &e) < 0)
		problem(out, "network", &e);
	probe_root(out, ids);
	idrange_drop(ids);
}

static void probe_limits(json_t *out)
{
	struct rlimit files = { 0 };
	struct err e = ERR_INIT;
	int mode = CGROUP_AUTO;

	if (cgroup_detect(&mode, &e) < 0)
		problem(out, "control groups", &e);
	(void)json_object_set_new(out, "cgroup", json_string(cgroup_mode_name(mode)));
	(void)json_object_set_new(out, "landlock_abi", json_integer(landlock_abi()));
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		(void)json_object_set_new(out, "open_files",
					  json_integer((json_int_t)files.rlim_max));
	(void)json_object_set_new(out, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
}

static void probe_filter(json_t *out)
{
	const struct seccomp_spec spec = { .preset = SECCOMP_BUILD };
	struct seccomp_prog prog = { 0 };
	struct err e = ERR_INIT;

	if (seccomp_compile(&spec, NULL, &prog, &e) < 0)
		problem(out, "system-call filter", &e);
	else
		(void)json_object_set_new(out, "filter_instructions", json_integer(prog.n));
	seccomp_prog_release(&prog);
}

json_t *sandbox_probe(const char *state, struct err *e)
{
	AUTO_JSON json_t *out = json_pack("{s:[]}", "problems");
	struct utsname u;
	struct err why = ERR_INIT;

	if (!out) {
		(void)err_set(e, ENOMEM, "no memory to describe this host");
		return NULL;
	}
	if (uname(&u) == 0)
		(void)json_object_set_new(out, "kernel", json_string(u.release));
	probe_limits(out);
	probe_filter(out);
	if (caps_check(&why) < 0)
		problem(out, "privileges", &why);
	else
		probe_namespaces(state, out);
	return take_ptr(out);
}
