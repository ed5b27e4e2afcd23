/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"
#include "runtime/decode/trace.h"

/*
 * What sickbay-symbols printed in a replica, as a trace; the options are what
 * core_decode() said of the core.  The signal is the exception, its frames are
 * the stack.  Frames of the C library and of the code that raises a signal have
 * no file and count as elsewhere when the coordinate is chosen.
 */
DEFINE_CLEANUP(struct jsonc, jsonc_free);
#define AUTO_JSONC CLEANUP(cleanup_jsonc_free)

static const char *text(const json_t *v, const char *name)
{
	const char *s = json_string_value(json_object_get(v, name));

	return s ? s : "";
}

/* By its name a library; what else is mapped (locales, caches) has no frames. */
static bool is_object(const char *path)
{
	const char *name = strrchr(path, '/');

	return name && (strstr(name, ".so.") ||
			(strlen(name) > 3 && strcmp(name + strlen(name) - 3, ".so") == 0));
}

static int put_frame(const struct source *in, const json_t *f, json_t *x, struct trace *t,
		     struct err *e)
{
	const char *file = text(f, "file"), *function = text(f, "function");
	const json_int_t line = json_integer_value(json_object_get(f, "line"));
	const struct place p = { .file = file,
				 .file_len = strlen(file),
				 .function = function,
				 .function_len = strlen(function),
				 .line = line > 0 ? (unsigned long)line : 0,
				 .inlined = json_is_true(json_object_get(f, "inlined")) };

	if (!json_is_object(f))
		return source_error(e, in, 1, 1, "a frame is not an object");
	trace_frame(t, x, &p);
	return 0;
}

/* Frames in an object that the replica has not are a break in the stack, or have no name. */
static void put_absent(const struct source *in, const json_t *said, struct trace *t)
{
	const json_t *modules = json_object_get(in->options, "modules");
	const json_t *objects = json_object_get(said, "objects");

	for (size_t i = 0; i < json_array_size(objects) && i < json_array_size(modules); i++) {
		const char *path = text(json_array_get(modules, i), "path");

		if (*text(json_array_get(objects, i), "path") || !is_object(path))
			continue;
		trace_loss(t, "frames", "the replica has no '%.200s' of build id %.128s", path,
			   *text(json_array_get(modules, i), "build_id")
				   ? text(json_array_get(modules, i), "build_id")
				   : "(none)");
	}
}

static void put_losses(const struct source *in, const json_t *said, struct trace *t)
{
	const json_int_t missing = json_integer_value(json_object_get(in->options, "missing"));

	if (missing > 0)
		trace_loss(t, "core", "%lld bytes of memory are missing: it was cut",
			   (long long)missing);
	if (*text(said, "why"))
		trace_loss(t, "frames", "%s", text(said, "why"));
	put_absent(in, said, t);
}

static int put_stack(const struct source *in, const json_t *said, struct trace *t, struct err *e)
{
	const char *name = text(json_object_get(in->options, "signal"), "name");
	json_t *x = trace_exception(t, name, strlen(name), text(in->options, "what"));
	const json_t *frames = json_object_get(said, "frames");

	if (!*name)
		return err_set(e, EINVAL, "%s: the options name no signal", in->name);
	for (size_t i = 0; i < json_array_size(frames); i++)
		if (put_frame(in, json_array_get(frames, i), x, t, e) < 0)
			return -e->code;
	return 0;
}

int symbols_decode(const struct source *in, json_t **out, struct err *e)
{
	AUTO_JSONC struct jsonc *j = NULL;
	AUTO_TRACE struct trace t = { 0 };
	json_t *value;

	if (jsonc_parse(in->name, in->text, in->n, JSONC_STRICT, &j, e) < 0 ||
	    trace_init(&t, e) < 0)
		return -e->code;
	if (!json_is_object(jsonc_root(j)))
		return source_error(e, in, 1, 1, "not an object");
	if (put_stack(in, jsonc_root(j), &t, e) < 0)
		return -e->code;
	put_losses(in, jsonc_root(j), &t);
	value = json_pack("{s:O,s:[],s:O,s:O,s:{s:s},s:{},s:O*,s:O*}", "chain", t.chain, "calls",
			  "loss", t.loss, "context", t.context, "runtime", "language", "c", "event",
			  "signal", json_object_get(in->options, "signal"), "objects",
			  json_object_get(jsonc_root(j), "objects"));
	if (!value || t.failed) {
		json_decref(value);
		return err_set(e, ENOMEM, "%s: out of memory", in->name);
	}
	*out = value;
	return 0;
}
