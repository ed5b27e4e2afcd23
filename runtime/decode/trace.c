/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"

#define CHAIN_MAX   32
#define FRAMES_MAX  256
#define LOSS_MAX    64
#define TYPE_MAX    256
#define MESSAGE_MAX 8192
#define NAME_MAX_   1024 /* a file or a function */

int trace_init(struct trace *t, struct err *e)
{
	*t = (struct trace){
		.chain = json_array(),
		.loss = json_array(),
		.context = json_array(),
		.runtime = json_object(),
	};
	if (t->chain && t->loss && t->context && t->runtime)
		return 0;
	trace_release(t);
	return err_set(e, ENOMEM, "trace: out of memory");
}

void trace_release(struct trace *t)
{
	json_decref(t->chain);
	json_decref(t->loss);
	json_decref(t->context);
	json_decref(t->runtime);
	*t = (struct trace){ 0 };
}

/*
 * At most max bytes of s, cut between characters.  Pieces of lines may begin or
 * end inside a character: those lose what is not ASCII.
 */
static json_t *bounded(const char *s, size_t n, size_t max)
{
	AUTO_BUF struct buf ascii = BUF_INIT(max);
	json_t *v;

	if (n > max) {
		n = max;
		while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	}
	v = json_stringn(s, n);
	if (v)
		return v;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x80)
			buf_putc(&ascii, s[i]);
	return json_stringn(ascii.p ? ascii.p : "", ascii.n);
}

void trace_loss(struct trace *t, const char *at, const char *fmt, ...)
{
	char why[512];
	va_list ap;
	int n;

	if (json_array_size(t->loss) >= LOSS_MAX)
		return;
	va_start(ap, fmt);
	n = vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (n < 0 || json_array_append_new(
			     t->loss, json_pack("{s:s, s:o}", "at", at, "why",
						bounded(why, strlen(why), sizeof(why) - 8))) < 0)
		t->failed = true;
}

void trace_name(struct trace *t, json_t *x, const char *type, size_t type_len, const char *message)
{
	if (!x)
		return;
	if (strlen(message) > MESSAGE_MAX)
		trace_loss(t, "message", "cut to %d bytes", MESSAGE_MAX);
	if (json_object_set_new(x, "type", bounded(type, type_len, TYPE_MAX)) < 0 ||
	    json_object_set_new(x, "message", bounded(message, strlen(message), MESSAGE_MAX)) < 0)
		t->failed = true;
}

json_t *trace_exception(struct trace *t, const char *type, size_t type_len, const char *message)
{
	json_t *x;

	if (json_array_size(t->chain) >= CHAIN_MAX) {
		trace_loss(t, "chain", "more than %d exceptions", CHAIN_MAX);
		return NULL;
	}
	x = json_pack("{s:s, s:s, s:[]}", "type", "", "message", "", "frames");
	if (!x || json_array_append_new(t->chain, x) < 0) {
		t->failed = true;
		return NULL;
	}
	trace_name(t, x, type, type_len, message);
	return x;
}

json_t *trace_context(struct trace *t, const char *what)
{
	json_t *c;

	if (json_array_size(t->context) >= CHAIN_MAX)
		return NULL;
	c = json_pack("{s:o, s:[]}", "what", bounded(what, strlen(what), NAME_MAX_), "frames");
	if (!c || json_array_append_new(t->context, c) < 0) {
		t->failed = true;
		return NULL;
	}
	return c;
}

void trace_frame(struct trace *t, json_t *owner, const struct place *p)
{
	json_t *frames = json_object_get(owner, "frames");
	AUTO_JSON json_t *f = json_object();
	int r = f ? 0 : -1;

	if (!owner)
		return;
	if (json_array_size(frames) >= FRAMES_MAX) {
		if (json_array_size(frames) == FRAMES_MAX)
			trace_loss(t, "frames", "more than %d in one stack", FRAMES_MAX);
		return;
	}
	if (p->file_len)
		r |= json_object_set_new(f, "file", bounded(p->file, p->file_len, NAME_MAX_));
	if (p->function_len)
		r |= json_object_set_new(f, "function",
					 bounded(p->function, p->function_len, NAME_MAX_));
	if (p->line)
		r |= json_object_set_new(f, "line", json_integer((json_int_t)p->line));
	if (p->column)
		r |= json_object_set_new(f, "column", json_integer((json_int_t)p->column));
	if (p->inlined)
		r |= json_object_set_new(f, "inlined", json_true());
	if (p->async)
		r |= json_object_set_new(f, "async", json_true());
	if (r < 0 || json_array_append(frames, f) < 0)
		t->failed = true;
}

void trace_reverse(struct trace *t)
{
	json_t *other = json_array();

	for (size_t i = json_array_size(t->chain); other && i > 0; i--)
		if (json_array_append(other, json_array_get(t->chain, i - 1)) < 0)
			t->failed = true;
	if (!other) {
		t->failed = true;
		return;
	}
	json_decref(t->chain);
	t->chain = other;
}
