/* SPDX-License-Identifier: Apache-2.0 */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/symbols/symbols.h"

/*
 * Names come from the debugging information where the object has it, else from
 * its symbol table.  What was inlined is a frame of its own, as the report of a
 * sanitizer has it: the function that was inlined where execution stood, then
 * the one around it at the line of the call.
 */
struct walk {
	const struct module *modules;
	size_t n;
	json_t *out;
	bool failed, full;
};

struct place {
	const char *file, *dir; /* dir: of the compilation, for a relative file; may be NULL */
	int line;
};

/* A relative name is told of the service's own objects only: of a library it says nothing about
 * where its source lies. */
static json_t *path_of(const struct place *p, const struct module *m)
{
	const bool absolute = p->file && (p->file[0] == '/' || (p->dir && p->dir[0] == '/'));

	if (!p->file || (!absolute && !(m && m->own)))
		return NULL;
	if (p->file[0] == '/' || !p->dir)
		return json_string(p->file);
	return json_sprintf("%s/%s", p->dir, p->file);
}

/* The module, by the name that it was reported under: its number. */
static const struct module *module_of(const struct walk *w, Dwfl_Module *mod)
{
	const char *name =
		mod ? dwfl_module_info(mod, NULL, NULL, NULL, NULL, NULL, NULL, NULL) : NULL;

	return name ? &w->modules[strtoul(name, NULL, 10)] : NULL;
}

static void put(struct walk *w, Dwfl_Module *mod, const char *function, const struct place *p,
		bool inlined)
{
	const struct module *m = module_of(w, mod);
	json_t *f, *file;

	if (w->n == SYMBOLS_FRAMES) {
		w->full = true;
		return;
	}
	file = path_of(p, m);
	f = json_pack("{s:s*,s:O*,s:s*}", "function", function, "file", file, "object",
		      m ? m->found : NULL);
	if (f && file && p->line > 0)
		(void)json_object_set_new(f, "line", json_integer(p->line));
	if (f && inlined)
		(void)json_object_set_new(f, "inlined", json_true());
	if (!f || json_array_append_new(w->out, f) < 0)
		w->failed = true;
	w->n++;
	json_decref(file);
}

static const char *compiled_in(Dwarf_Die *cu)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr(cu, DW_AT_comp_dir, &attr));
}

static struct place place_of(Dwfl_Module *mod, Dwarf_Die *cu, Dwarf_Addr pc)
{
	struct place p = { .dir = cu ? compiled_in(cu) : NULL };
	Dwfl_Line *line = dwfl_module_getsrc(mod, pc);

	if (line)
		p.file = dwfl_lineinfo(line, NULL, &p.line, NULL, NULL, NULL);
	return p;
}

/* Where an inlined function was called. */
static struct place called_at(Dwarf_Die *inlined, Dwarf_Die *cu)
{
	struct place p = { .dir = compiled_in(cu) };
	Dwarf_Attribute attr;
	Dwarf_Files *files;
	Dwarf_Word v;

	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attr), &v) == 0 && v < INT32_MAX)
		p.line = (int)v;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attr), &v) == 0 &&
	    dwarf_getsrcfiles(cu, &files, NULL) == 0)
		p.file = dwarf_filesrc(files, v, NULL, NULL);
	return p;
}

/* The scopes around pc by where they stand in the program, innermost first; free() them. */
static int scopes_of(Dwarf_Die *cu, Dwarf_Addr pc, Dwarf_Die **out)
{
	AUTO_FREE Dwarf_Die *at = NULL;
	Dwarf_Die innermost;

	if (dwarf_getscopes(cu, pc, &at) <= 0)
		return 0;
	innermost = at[0];
	return dwarf_getscopes_die(&innermost, out);
}

/* Whether the debugging information knows the function. */
static bool put_scopes(struct walk *w, Dwfl_Module *mod, Dwarf_Addr pc)
{
	AUTO_FREE Dwarf_Die *scopes = NULL;
	Dwarf_Addr bias = 0;
	Dwarf_Die *cu = dwfl_module_addrdie(mod, pc, &bias);
	const int n = cu ? scopes_of(cu, pc - bias, &scopes) : 0;
	struct place p = place_of(mod, cu, pc);

	for (int i = 0; i < n; i++) {
		const int tag = dwarf_tag(&scopes[i]);

		if (tag == DW_TAG_inlined_subroutine) {
			put(w, mod, dwarf_diename(&scopes[i]), &p, true);
			p = called_at(&scopes[i], cu);
		} else if (tag == DW_TAG_subprogram) {
			put(w, mod, dwarf_diename(&scopes[i]), &p, false);
			return true;
		}
	}
	return false;
}

static int on_frame(Dwfl_Frame *state, void *ctx)
{
	struct walk *w = ctx;
	bool activation = false;
	Dwfl_Module *mod;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(state, &pc, &activation))
		return DWARF_CB_ABORT;
	if (!activation)
		pc--; /* the call, not what comes after it */
	mod = dwfl_addrmodule(dwfl_thread_dwfl(dwfl_frame_thread(state)), pc);
	if (!mod) {
		put(w, NULL, NULL, &(struct place){ 0 }, false);
	} else if (!put_scopes(w, mod, pc)) {
		const struct place p = place_of(mod, NULL, pc);

		put(w, mod, dwfl_module_addrname(mod, pc), &p, false);
	}
	return w->failed || w->full ? DWARF_CB_ABORT : DWARF_CB_OK;
}

/* The kernel writes the thread that was hit first. */
static int on_thread(Dwfl_Thread *thread, void *ctx)
{
	return dwfl_thread_getframes(thread, on_frame, ctx) == 0 ? DWARF_CB_ABORT : -1;
}

int frames_read(Dwfl *dwfl, const struct module *modules, json_t *out, char why[256], struct err *e)
{
	struct walk w = { .modules = modules, .out = out };
	const int r = dwfl_getthreads(dwfl, on_thread, &w);
	const char *said = dwfl_errmsg(-1);

	if (w.failed)
		return err_set(e, ENOMEM, "out of memory");
	if (w.full)
		(void)snprintf(why, 256, "more than %d frames", SYMBOLS_FRAMES);
	else if (r < 0)
		(void)snprintf(why, 256, "the stack ends early: %.200s", said ? said : "?");
	return 0;
}
