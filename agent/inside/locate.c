/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/locate.h"

#include <stdlib.h>
#include <string.h>

#include "agent/inside/suspect.h"
#include "agent/inside/tools.h"

#define MAX_FRAMES 12

struct frame_at {
	const char *file, *function;
	uint32_t line, column;
	bool in_app;
};

struct trace {
	struct frame_at v[MAX_FRAMES];
	size_t n;
	bool library_on_top; /* the innermost frame of all is not the project's */
};

/* V8 writes "Object.maybeMap", "async f", "new C": the last word is the function's own name. */
static const char *own_name(const char *function)
{
	const char *last = function;

	for (const char *p = function; p && *p; p++)
		if ((*p == '.' || *p == ' ') && p[1] && p[1] != '<' && p[1] != '(' && p[1] != '[')
			last = p + 1;
	return last;
}

/* Tests are never the place of a repair; vendored packages are not the project's to change. */
static bool may_be_wrong(const struct gate_task *task, const char *file)
{
	const size_t n = task->test_dir ? strlen(task->test_dir) : 0;
	const char *const dirs[] = { "node_modules/", "test/", "tests/" };

	if (n > 0 && strncmp(file, task->test_dir, n) == 0 &&
	    (file[n] == '/' || file[n - 1] == '/'))
		return false;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (strncmp(file, dirs[i], strlen(dirs[i])) == 0)
			return false;
	return (!task->test_path || strcmp(file, task->test_path) != 0) &&
	       lang_by_path(file) == lang_by_name(task->language);
}

static void read_frames(const struct gate_task *task, const json_t *exception, struct trace *t)
{
	size_t i;
	const json_t *f;

	json_array_foreach(json_object_get(exception, "frames"), i, f) {
		const char *file = json_string_value(json_object_get(f, "file"));
		const bool in_app = json_is_true(json_object_get(f, "in_app"));
		const json_int_t line = json_integer_value(json_object_get(f, "line"));

		if (i == 0)
			t->library_on_top = !in_app;
		if (t->n == MAX_FRAMES || !file || !in_app || line <= 0 || line > 10000000 ||
		    !may_be_wrong(task, file))
			continue;
		t->v[t->n++] = (struct frame_at){
			.file = file,
			.function = own_name(json_string_value(json_object_get(f, "function"))),
			.line = (uint32_t)line,
			.column = (uint32_t)json_integer_value(json_object_get(f, "column")),
			.in_app = true,
		};
	}
}

/* The root cause decides; where it never was in the project's code, what followed from it does. */
static const json_t *choose_exception(const struct gate_task *task, struct trace *t)
{
	size_t i;
	const json_t *x;

	json_array_foreach(json_object_get(task->incident, "chain"), i, x) {
		*t = (struct trace){ 0 };
		read_frames(task, x, t);
		if (t->n > 0)
			return x;
	}
	return NULL;
}

/* NULL, with the reason in e, when the file cannot be read. */
static struct place *open_place(struct locate *l, const struct gate_task *task, const char *file,
				struct err *e)
{
	for (size_t i = 0; i < l->n_places; i++)
		if (strcmp(l->places[i]->src->path, file) == 0)
			return l->places[i];
	if (l->n_places == LOCATE_FILES) {
		(void)err_set(e, E2BIG, "more than %d files in one trace", LOCATE_FILES);
		return NULL;
	}

	AUTO_BUF struct buf text = BUF_INIT(SOURCE_MAX);
	AUTO_CLOSE int dir = -1;
	AUTO_FREE struct place *p = calloc(1, sizeof(*p));

	if (!p) {
		(void)err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	if (tools_open(task->repo, &dir, e) < 0 || tools_read(dir, file, &text, e) < 0 ||
	    source_open(file, l->lang, text.p ? text.p : "", text.n, &p->src, e) < 0)
		return NULL;
	style_of(p->src, &p->style);
	l->places[l->n_places++] = p;
	return take_ptr(p);
}

/* The statement of a block, inside the function, that a node belongs to; null node when none. */
static TSNode whole_statement(const struct source *s, TSNode node, TSNode function)
{
	TSNode st = node_enclosing(s, node, C_STATEMENT);
	const TSNode none = NODE_NONE;

	while (!ts_node_is_null(st) && !node_is(s, node_parent(st), C_BLOCK))
		st = node_enclosing(s, node_parent(st), C_STATEMENT);
	if (ts_node_is_null(st) || (!ts_node_is_null(function) &&
				    (!node_within(st, function) || ts_node_eq(st, function))))
		return none;
	return st;
}

static struct site *add_site(struct locate *l, const struct place *p, const struct frame_at *f,
			     enum site_role role, TSNode subject)
{
	struct site *site;

	if (l->n_sites == LOCATE_SITES)
		return NULL;
	site = &l->sites[l->n_sites];
	*site = (struct site){
		.src = p->src,
		.style = &p->style,
		.fault = &l->fault,
		.role = role,
		.line = f->line,
		.subject = subject,
		.function = function_at_line(p->src, f->line),
		.statement = statement_at_line(p->src, f->line),
	};
	if (!ts_node_is_null(subject)) {
		site->name = node_text(p->src, subject);
		site->function = node_enclosing(p->src, subject, C_FUNCTION);
		site->statement = subject;
		if (!site->name)
			return NULL;
	}
	site->statement = whole_statement(p->src, site->statement, site->function);
	l->n_sites++;
	return site;
}

static void add_hop(struct locate *l, char *text)
{
	if (text && l->n_hops < LOCATE_HOPS)
		l->hops[l->n_hops++] = text;
	else
		free(text);
}

static char *hop_text(const struct frame_at *f, const char *does, const char *what)
{
	AUTO_BUF struct buf b = BUF_INIT(2048);

	buf_printf(&b, "%s%s at %s:%u %s '%s'", f->function ? f->function : "The code",
		   f->function ? "()" : "", f->file, f->line, does, what);
	return buf_take(&b);
}

/* A line without its indentation; NULL when it is too long to be quoted. */
static char *line_text(const struct source *s, uint32_t line)
{
	const char *p = s->text + line_start(s, line);
	const size_t blank = strspn(p, " \t"), n = strcspn(p + blank, "\r\n");

	return n > 0 && n <= 160 ? strndup(p + blank, n) : NULL;
}

/* What one level of the trace says to the next one out: which of the callee's parameters matters.
 */
struct carried {
	int param;	 /* that held the value, or -1 */
	int callback;	 /* that held the function which then failed, or -1 */
	unsigned passed; /* how many arguments the callback was called with */
	const char *callee;
};

static void locate_fault(struct locate *l, const struct place *p, const struct frame_at *f,
			 bool library_on_top, struct carried *next)
{
	struct suspects found;

	suspects_at(p->src, &l->fault, f->line, f->column, library_on_top, &found);
	for (size_t i = 0; i < found.n; i++) {
		const struct site *site = add_site(l, p, f, SITE_FAULT, found.v[i]);

		if (!site || i > 0)
			continue;
		next->param = parameter_index(p->src, site->function, site->name);
		l->suspected = true;
		add_hop(l, hop_text(f, "uses", site->name));
	}
	if (!l->suspected) {
		AUTO_FREE char *line = line_text(p->src, f->line);

		add_hop(l, line ? hop_text(f, "runs", line) : NULL);
	}
	(void)add_site(l, p, f, SITE_FAULT, NODE_NONE);
}

/* The call in this frame that led to the next frame in: by the callee's name, else through a
 * parameter. */
static void locate_caller(struct locate *l, const struct place *p, const struct frame_at *f,
			  unsigned distance, struct carried *c)
{
	struct carried next = { .param = -1, .callback = -1, .callee = f->function };
	struct call_found found;
	struct site *site;

	if (!call_at(p->src, f->line, c->callee, &found)) {
		*c = next;
		return;
	}

	const TSNode function = node_enclosing(p->src, found.call, C_FUNCTION);

	if (c->param >= 0) {
		const TSNode arg = call_argument(p->src, found.call, (unsigned)c->param);

		site = ts_node_is_null(arg) ? NULL : add_site(l, p, f, SITE_CALLER, arg);
		if (site) {
			site->call = found.call;
			site->helper = found.through_parameter;
			site->distance = distance;
			next.param = parameter_index(p->src, function, site->name);
			add_hop(l, hop_text(f, "passes it as", site->name));
		}
	}
	if (c->callback >= 0) {
		const TSNode arg = call_argument(p->src, found.call, (unsigned)c->callback);

		site = ts_node_is_null(arg) ? NULL : add_site(l, p, f, SITE_CALLBACK, arg);
		if (site) {
			site->call = found.call;
			site->distance = distance;
			site->passed = c->passed;
			add_hop(l, hop_text(f, "hands over the function", site->name));
		}
	}
	if (found.through_parameter) {
		AUTO_FREE char *name = node_text(p->src, node_field(found.call, "function"));

		next.callback = name ? parameter_index(p->src, function, name) : -1;
		while (!ts_node_is_null(call_argument(p->src, found.call, next.passed)))
			next.passed++;
	}
	*c = next;
}

int locate(const struct gate_task *task, struct locate *out, struct err *e)
{
	struct trace t = { 0 };
	struct carried c = { .param = -1, .callback = -1 };
	const json_t *x;

	*out = (struct locate){ .lang = lang_by_name(task->language) };
	if (!out->lang)
		return err_set(e, ENOENT, "no grammar for the language '%s'", task->language);
	x = choose_exception(task, &t);
	if (!x)
		return err_set(e, ENOENT,
			       "no frame of the report lies in the project's own %s code",
			       out->lang->name);
	fault_of(out->lang, json_string_value(json_object_get(x, "type")),
		 json_string_value(json_object_get(x, "message")), &out->fault);
	for (size_t i = 0; i < t.n; i++) {
		const struct place *p = open_place(out, task, t.v[i].file, e);

		if (!p && i == 0)
			return err_wrap(e, "the reported file cannot be read");
		if (!p)
			break;

		const size_t from = out->n_sites;

		if (i == 0) {
			locate_fault(out, p, &t.v[0], t.library_on_top, &c);
			c.callee = t.v[0].function;
		} else {
			locate_caller(out, p, &t.v[i], (unsigned)i, &c);
			(void)add_site(out, p, &t.v[i], SITE_FAULT, NODE_NONE);
		}
		for (size_t k = from; k < out->n_sites; k++)
			out->sites[k].distance = (unsigned)i;
	}
	return 0;
}

void locate_release(struct locate *l)
{
	for (size_t i = 0; i < l->n_sites; i++)
		free(l->sites[i].name);
	for (size_t i = 0; i < l->n_places; i++) {
		source_close(l->places[i]->src);
		free(l->places[i]);
	}
	for (size_t i = 0; i < l->n_hops; i++)
		free(l->hops[i]);
	*l = (struct locate){ 0 };
}
