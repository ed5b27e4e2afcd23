/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/core.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/utf8.h"

static const struct signal_name {
	unsigned number;
	const char *name;
} signals[] = {
	{ 3, "SIGQUIT" }, { 4, "SIGILL" },   { 5, "SIGTRAP" },	{ 6, "SIGABRT" },  { 7, "SIGBUS" },
	{ 8, "SIGFPE" },  { 11, "SIGSEGV" }, { 24, "SIGXCPU" }, { 25, "SIGXFSZ" }, { 31, "SIGSYS" },
};

/* si_code of the signals that the processor raises (sigaction(2)), and where they struck: pointers
 * say nothing to anybody, that one was null does. */
static void describe(const struct core *c, char out[160])
{
	static const struct {
		unsigned signal;
		int code;
		const char *words;
	} codes[] = {
		{ 11, 1, "address not mapped" },
		{ 11, 2, "access not permitted" },
		{ 11, 128, "address that no program can have" },
		{ 7, 1, "address not aligned" },
		{ 7, 2, "address that does not exist" },
		{ 7, 3, "hardware error" },
		{ 8, 1, "integer division by zero" },
		{ 8, 2, "integer overflow" },
		{ 4, 1, "illegal opcode" },
		{ 4, 2, "illegal operand" },
	};
	const char *words = "";

	for (size_t i = 0; c->have_info && i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].signal == c->signal && codes[i].code == c->code)
			words = codes[i].words;
	(void)snprintf(out, 160, "%s%s", words,
		       c->have_info && c->signal == 11 && c->code == 1 && c->address < CORE_PAGE
			       ? ", at the null page"
			       : "");
}

static const char *signal_text(unsigned number, char out[16])
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (signals[i].number == number)
			return signals[i].name;
	(void)snprintf(out, 16, "SIG%u", number);
	return out;
}

static json_t *text_of(const char *p, size_t n)
{
	AUTO_BUF struct buf clean = BUF_INIT(CORE_PAGE * 4);

	utf8_clean(p, n, &clean);
	return clean.failed ? NULL : json_stringn(clean.p ? clean.p : "", clean.n);
}

static json_t *modules_json(const struct core *c)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < c->n_modules; i++) {
		const struct core_module *m = &c->modules[i];
		json_t *path = m->path_len < CORE_PAGE ? text_of(m->path, m->path_len) : NULL;

		if (path && m->start <= INT64_MAX)
			(void)json_array_append_new(list,
						    json_pack("{s:o,s:s*,s:I}", "path", path,
							      "build_id", *m->id ? m->id : NULL,
							      "start", (json_int_t)m->start));
		else
			json_decref(path);
	}
	return list;
}

/* The program itself is the object that holds the entry point. */
static json_t *executable(const struct core *c)
{
	for (size_t i = 0; c->entry && i < c->n_modules; i++) {
		const struct core_module *m = &c->modules[i];

		if (m->start <= c->entry && c->entry < m->end && m->path_len < CORE_PAGE)
			return json_pack("{s:o,s:s*}", "path", text_of(m->path, m->path_len),
					 "build_id", *m->id ? m->id : NULL);
	}
	return NULL;
}

int core_tell(const struct core *c, json_t **out, struct err *e)
{
	char words[160], number[16];

	if (c->threads == 0)
		return err_set(e, EBADMSG, "%s: no thread is in it (NT_PRSTATUS)", c->name);
	if (c->signal == 0)
		return err_set(e, EBADMSG,
			       "%s: no signal is in it: the program was dumped while it ran",
			       c->name);
	describe(c, words);
	*out = json_pack("{s:{s:s,s:i},s:s,s:o,s:o*,s:i,s:o,s:I,s:b}", "signal", "name",
			 signal_text(c->signal, number), "number", (int)c->signal, "what", words,
			 "program", text_of(c->program, strlen(c->program)), "executable",
			 executable(c), "threads", (int)c->threads, "modules", modules_json(c),
			 "missing", (json_int_t)(c->missing > INT64_MAX ? INT64_MAX : c->missing),
			 "more", c->more_modules);
	return *out ? 0 : err_set(e, ENOMEM, "%s: out of memory", c->name);
}
