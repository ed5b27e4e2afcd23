/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/inside/inspect_parts.h"
#include "agent/inside/reproduce.h"
#include "agent/inside/vary.h"
#include "runtime/base/fd.h"

#define HARNESS_MAX (8u << 20)

/*
 * The harness: a program in the project's language that evaluates the variants.
 * Node.js and Python interpret them from data, C has one function for each.
 * Its text is part of the answer; --out also writes it.
 */
#define TEXT_OF(name)                                                             \
	extern const char _binary_##name##_start[], _binary_##name##_end[];       \
	static void put_##name(struct buf *out)                                   \
	{                                                                         \
		buf_put(out, _binary_##name##_start,                              \
			(size_t)(_binary_##name##_end - _binary_##name##_start)); \
	}
TEXT_OF(node_js)
TEXT_OF(request_js)
TEXT_OF(python_py)
TEXT_OF(program_c_in)
TEXT_OF(main_c_in)

/* {"module", "variants": [{"id", "steps"}]} as a string literal that both languages read. */
static char *plan_literal(const struct variants_request *q, const json_t *list)
{
	AUTO_JSON json_t *plan =
		json_pack("{s:s, s:[]}", "module", q->module ? q->module : "", "variants");
	AUTO_JSON json_t *text = NULL;
	AUTO_FREE char *inner = NULL;
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one) {
		json_t *steps = json_object_get(json_object_get(one, "input"), "script");

		if (json_array_append_new(json_object_get(plan, "variants"),
					  json_pack("{s:O, s:O}", "id", json_object_get(one, "id"),
						    "steps", steps)) < 0)
			return NULL;
	}
	inner = plan ? json_dumps(plan, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	text = inner ? json_string(inner) : NULL;
	return text ? json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
}

static int harness_node(const struct variants_request *q, json_t *list, struct buf *out,
			struct err *e)
{
	AUTO_FREE char *plan = plan_literal(q, list);

	if (!plan)
		return err_set(e, ENOMEM, "out of memory");
	buf_printf(out, "'use strict';\nconst plan = JSON.parse(%s);\n\n", plan);
	put_request_js(out);
	put_node_js(out);
	return 0;
}

static int harness_python(const struct variants_request *q, json_t *list, struct buf *out,
			  struct err *e)
{
	AUTO_FREE char *plan = plan_literal(q, list);

	if (!plan)
		return err_set(e, ENOMEM, "out of memory");
	buf_printf(out, "import json\n\nplan = json.loads(%s)\n\n", plan);
	put_python_py(out);
	return 0;
}

/* ---- C: the reproduction's own renderer writes each variant, as a program of its own ---- */

#define PROGRAM "int main(void)\n"
#define LEAVES	"return 0;\n}\n"
#define RESULT	"sb_result"

static json_t *with_result(const json_t *input)
{
	json_t *copy = json_deep_copy(input);
	json_t *steps = json_object_get(copy, "script");
	json_t *last = json_array_get(steps, json_array_size(steps) - 1);

	(void)json_object_set_new(last, "let", json_string(RESULT));
	return copy;
}

static int put_function(const struct subject *s, const json_t *variant, bool show, struct buf *out,
			struct err *e)
{
	AUTO_JSON json_t *input = show ? with_result(json_object_get(variant, "input"))
				       : json_deep_copy(json_object_get(variant, "input"));
	struct rendered r = { 0 };
	char *body, *end;

	if (render_c(s, input, &r, e) < 0)
		return -e->code;
	body = strstr(r.content, PROGRAM);
	end = body ? strstr(body, LEAVES) : NULL;
	if (!end) {
		rendered_release(&r);
		return err_set(e, EINVAL, "a C variant has no main function");
	}
	if (show && strstr(body, "void " RESULT)) {
		rendered_release(&r);
		return put_function(s, variant, false, out, e);
	}
	*end = '\0';
	buf_printf(out, "\nstatic int sb_%s(void)\n%s%s%s",
		   json_string_value(json_object_get(variant, "id")), body + strlen(PROGRAM),
		   show ? "SB_SHOW(" RESULT ");\n\t" : "sb_say(\"done\", \"\");\n\t", LEAVES);
	rendered_release(&r);
	return 0;
}

/* A variant that the renderer cannot write in C is left out, of the list as well. */
static int put_functions(const struct subject *s, json_t *list, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf table = BUF_INIT(1u << 16);

	for (size_t i = 0; i < json_array_size(list);) {
		const json_t *one = json_array_get(list, i);
		const char *id = json_string_value(json_object_get(one, "id"));
		struct err why = ERR_INIT;

		if (put_function(s, one, true, out, &why) < 0) {
			if (json_array_remove(list, i) < 0)
				return err_set(e, ENOMEM, "out of memory");
			continue;
		}
		buf_printf(&table, "\t{ \"%s\", sb_%s },\n", id, id);
		i++;
	}
	if (json_array_size(list) == 0)
		return err_set(e, EINVAL, "no variant can be written in C");
	buf_printf(out,
		   "\nstatic const struct {\n\tconst char *id;\n\tint (*run)(void);\n} sb_all[] = "
		   "{\n%s};\n",
		   table.p);
	return 0;
}

static int harness_c(const struct variants_request *q, json_t *list, struct buf *out, struct err *e)
{
	AUTO_FREE char *dir = strdup(q->out), *module = strdup(q->module ? q->module : "");
	char *slash = dir ? strrchr(dir, '/') : NULL;
	char language[] = "c", framework[] = "c", here[] = ".";
	struct gate_task task = { .language = language,
				  .framework = framework,
				  .repo = here,
				  .module = module,
				  .test_dir = slash ? dir : here };
	struct subject s = { .task = &task };
	AUTO_CLOSE int root = -1;

	if (!dir || !module)
		return err_set(e, ENOMEM, "out of memory");
	if (slash)
		*slash = '\0';
	if (tools_open(here, &root, e) < 0)
		return -e->code;
	s.dir = root;
	put_program_c_in(out);
	buf_printf(out, "#include <math.h>\n\n#include \"%s\"\n", module);
	if (put_functions(&s, list, out, e) < 0)
		return -e->code;
	put_main_c_in(out);
	return 0;
}

typedef int (*harness_writer)(const struct variants_request *q, json_t *list, struct buf *out,
			      struct err *e);

static const struct {
	const char *lang;
	harness_writer write;
} harnesses[] = {
	{ "javascript", harness_node },
	{ "python", harness_python },
	{ "c", harness_c },
};

static harness_writer writer_of(const char *lang)
{
	for (size_t i = 0; i < sizeof(harnesses) / sizeof(harnesses[0]); i++)
		if (strcmp(harnesses[i].lang, lang) == 0)
			return harnesses[i].write;
	return NULL;
}

static int write_out(const char *path, const struct buf *text, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return err_sys(e, "'%s'", path);
	return fd_write_all(fd, text->p, text->n, path, e);
}

/* The input itself: it has to fail here as it was reported, or the others say nothing. */
static int add_control(json_t *list, json_t *normal, struct err *e)
{
	json_t *control = json_pack("{s:s, s:s, s:O}", "id", "control", "what", "the input itself",
				    "input", normal);

	return json_array_insert_new(list, 0, control) < 0 ? err_set(e, ENOMEM, "out of memory")
							   : 0;
}

int variants_of(const struct variants_request *q, json_t **out, struct err *e)
{
	AUTO_JSON json_t *normal = NULL, *list = NULL;
	AUTO_BUF struct buf text = BUF_INIT(HARNESS_MAX);
	const harness_writer write = writer_of(q->lang);

	if (!write)
		return err_set(e, EINVAL, "no harness for the language '%s'", q->lang);
	if (input_normal(q->input, &normal, e) < 0)
		return err_wrap(e, "input");
	if (!json_object_get(normal, "script"))
		return err_set(e, EINVAL, "only calls have variants, the input is a command");
	if (vary_input(normal, q->lang, q->seed, q->count, &list, e) < 0 ||
	    add_control(list, normal, e) < 0 || write(q, list, &text, e) < 0 ||
	    buf_check(&text, "harness", e) < 0 || write_out(q->out, &text, e) < 0)
		return -e->code;
	*out = json_pack("{s:s, s:O, s:{s:s, s:s}}", "language", q->lang, "variants", list,
			 "harness", "path", q->out, "content", text.p);
	return *out ? 0 : err_set(e, EILSEQ, "the harness is not UTF-8");
}
