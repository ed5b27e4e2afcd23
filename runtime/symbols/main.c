/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/symbols/symbols.h"

#define TASK_MAX    (1u << 20)
#define MODULES_MAX 1024

DEFINE_CLEANUP(Dwfl, dwfl_end);
DEFINE_CLEANUP(Elf, elf_end);

/*
 * libdw asks servers for what it does not find, through a library that it
 * loads: there is no server in a replica, and a static program loads nothing.
 */
int __libdwfl_debuginfod_find_executable(Dwfl *dwfl, const unsigned char *id, size_t n);
int __libdwfl_debuginfod_find_debuginfo(Dwfl *dwfl, const unsigned char *id, size_t n);
void __libdwfl_debuginfod_end(void *client);

int __libdwfl_debuginfod_find_executable(Dwfl *dwfl, const unsigned char *id, size_t n)
{
	(void)dwfl, (void)id, (void)n;
	return -1;
}

int __libdwfl_debuginfod_find_debuginfo(Dwfl *dwfl, const unsigned char *id, size_t n)
{
	(void)dwfl, (void)id, (void)n;
	return -1;
}

void __libdwfl_debuginfod_end(void *client)
{
	(void)client;
}

struct task {
	char *tree, *program;
	struct objlist modules; /* struct module */
};

static const struct jmap module_map[] = {
	{ .name = "path",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct module, path),
	  .required = 1,
	  .max = 4096 },
	{ .name = "build_id",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct module, build_id),
	  .max = 128 },
	{ .name = "start",
	  .kind = JMAP_U64,
	  .offset = offsetof(struct module, start),
	  .required = 1,
	  .max = INT64_MAX },
	{ 0 },
};

static const struct jmap task_map[] = {
	{ .name = "tree",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct task, tree),
	  .required = 1,
	  .max = 4096 },
	{ .name = "program",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct task, program),
	  .required = 1,
	  .max = 4096 },
	{ .name = "modules",
	  .kind = JMAP_LIST,
	  .offset = offsetof(struct task, modules),
	  .required = 1,
	  .max = MODULES_MAX,
	  .sub = module_map,
	  .size = sizeof(struct module) },
	{ 0 },
};

static int task_read(const char *path, struct task *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(TASK_MAX);
	AUTO_JSON json_t *v = NULL;
	int r = file_read_at(AT_FDCWD, path, TASK_MAX, &text, e);

	if (r < 0)
		return r;
	v = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, NULL);
	return v ? jmap_read(task_map, v, out, "", e) : err_set(e, EINVAL, "the task is not JSON");
}

static int nothing_found(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base,
			 char **file, Elf **elf)
{
	(void)mod, (void)user, (void)name, (void)base, (void)file, (void)elf;
	return -1;
}

static char *debug_path;
static const Dwfl_Callbacks callbacks = { .find_elf = nothing_found,
					  .find_debuginfo = dwfl_standard_find_debuginfo,
					  .debuginfo_path = &debug_path };

static bool is_below(const char *path, const char *tree)
{
	const size_t n = strlen(tree);

	return strncmp(path, tree, n) == 0 && path[n] == '/';
}

/* Each module that is found is reported under its number: names of production are no keys. */
static int report_modules(Dwfl *dwfl, const struct task *t, json_t *objects, struct err *e)
{
	struct module *m = t->modules.v;

	for (size_t i = 0; i < t->modules.n; i++) {
		AUTO_CLOSE int fd = object_open(&m[i], t->tree);
		char number[24];

		(void)snprintf(number, sizeof(number), "%zu", i);
		m[i].own = m[i].found &&
			   (is_below(m[i].found, t->tree) || strcmp(m[i].path, t->program) == 0);
		/* the first byte of an object is the first of its first segment */
		if (fd >= 0 && dwfl_report_elf(dwfl, number, m[i].found, fd, m[i].start, false))
			(void)take_fd(&fd); /* it has it now */
		if (json_array_append_new(objects, json_pack("{s:s?,s:s?}", "build_id",
							     m[i].build_id, "path", m[i].found)) <
		    0)
			return err_set(e, EINVAL, "a path of the replica is not text");
	}
	return dwfl_report_end(dwfl, NULL, NULL) < 0
		       ? err_set(e, EINVAL, "the objects: %s", dwfl_errmsg(-1))
		       : 0;
}

static int symbolise(const struct task *t, json_t **out, struct err *e)
{
	CLEANUP(cleanup_elf_end) Elf *core = NULL;
	CLEANUP(cleanup_dwfl_end) Dwfl *dwfl = NULL;
	AUTO_JSON json_t *v = json_pack("{s:[],s:[]}", "frames", "objects");
	char why[256] = "";
	struct mapped m;
	int r = core_map(SYMBOLS_CORE, &m, e);

	if (r < 0)
		return r;
	(void)core_take_back(&m);
	(void)elf_version(EV_CURRENT);
	core = elf_memory((char *)m.p, m.n);
	dwfl = dwfl_begin(&callbacks);
	if (!v || !dwfl)
		return err_set(e, ENOMEM, "out of memory");
	if (!core)
		return err_set(e, EINVAL, "the core: %s", elf_errmsg(-1));
	dwfl_report_begin(dwfl);
	r = report_modules(dwfl, t, json_object_get(v, "objects"), e);
	if (r < 0)
		return r;
	if (dwfl_core_file_attach(dwfl, core) < 0)
		(void)snprintf(why, sizeof(why), "no stack can be followed: %.200s",
			       dwfl_errmsg(-1));
	else
		r = frames_read(dwfl, t->modules.v, json_object_get(v, "frames"), why, e);
	if (r < 0)
		return r;
	if (*why && json_object_set_new(v, "why", json_string(why)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	*out = take_ptr(v);
	return 0;
}

int main(int argc, char **argv)
{
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	struct task t = { 0 };

	if (argc != 2) {
		(void)fprintf(stderr, "usage: sickbay-symbols TASK, the core on descriptor %d\n",
			      SYMBOLS_CORE);
		return 2;
	}
	if (task_read(argv[1], &t, &e) < 0 || symbolise(&t, &v, &e) < 0) {
		(void)fprintf(stderr, "sickbay-symbols: %s\n", e.msg);
		return 1;
	}
	return json_dumpf(v, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF;
}
