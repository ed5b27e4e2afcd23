/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/provider.h"

#include <stdint.h>
#include <string.h>

#include "agent/broker/provider_ops.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"

static const struct provider_ops *const all[] = {
	&provider_anthropic,
	&provider_chat,
	&provider_responses,
	&provider_google,
};

static const struct provider_ops *ops_of(int protocol)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->pub.protocol == protocol)
			return all[i];
	return NULL;
}

const struct provider *provider_of(int protocol)
{
	const struct provider_ops *ops = ops_of(protocol);

	return ops ? &ops->pub : NULL;
}

/* "v1", "v1beta": a version of an API. */
static bool is_version(const char *segment, size_t n)
{
	return n >= 2 && segment[0] == 'v' && segment[1] >= '0' && segment[1] <= '9';
}

/* Whether the base URL says the version already that the path begins with. */
static bool has_version(const struct provider *p, const char *base, size_t n)
{
	const char *host = strstr(base, "://");
	const char *path = strchr(host ? host + 3 : base, '/');
	size_t last = n;

	if (!path || path >= base + n)
		return false;
	while (base[last - 1] != '/')
		last--;
	return p->version_in_base || is_version(base + last, n - last);
}

int provider_url(const struct provider *p, const char *base, const struct provider_request *rq,
		 struct buf *out, struct err *e)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);
	const char *rest;
	size_t n = strlen(base);

	while (n && base[n - 1] == '/')
		n--;
	if (p->path(rq, &path, e) < 0)
		return -e->code;
	rest = path.p;
	if (has_version(p, base, n))
		rest = strchr(rest + 1, '/');
	buf_put(out, base, n);
	buf_puts(out, rest);
	return buf_check(out, "URL", e);
}

int provider_parse(const char *what, const char *data, size_t n, size_t max, json_t **out,
		   struct err *e)
{
	struct jsonc *j = NULL;

	if (n > max)
		return err_set(e, E2BIG, "%s: %zu bytes, at most %zu are read", what, n, max);
	if (jsonc_parse(what, data, n, JSONC_STRICT, &j, e) < 0) {
		if (e->code != ENOMEM)
			e->code = EBADMSG;
		return -e->code;
	}
	*out = json_incref((json_t *)(uintptr_t)jsonc_root(j));
	jsonc_free(j);
	return 0;
}

static int put(const char *text, size_t n, void *to)
{
	buf_put(to, text, n);
	return 0;
}

int provider_dump(const json_t *v, struct buf *out, struct err *e)
{
	if (json_dump_callback(v, put, out, JSON_COMPACT) < 0)
		return err_set(e, ENOMEM, "request: it cannot be written");
	return buf_check(out, "request", e);
}

int provider_failed(const json_t *error, struct err *e)
{
	static const char *const kinds[] = { "code", "status", "type" };
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *type = NULL;

	for (size_t i = 0; !type && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		type = json_string_value(json_object_get(error, kinds[i]));
	return err_set(e, EREMOTEIO, "the provider says: %.80s%s%.300s", type ? type : "",
		       type ? ": " : "", message ? message : "it failed");
}

int provider_reading_open(const struct provider *p, bool turn, struct provider_reading **out,
			  struct err *e)
{
	struct provider_reading *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(e, ENOMEM, "out of memory");
	r->ops = ops_of(p->protocol);
	r->turn = turn;
	*out = r;
	return 0;
}

static bool is_mark(const char *mark, const char *data, size_t n)
{
	return mark && n == strlen(mark) && memcmp(mark, data, n) == 0;
}

int provider_event(struct provider_reading *r, const char *name, const char *data, size_t n,
		   json_t **kept, struct err *e)
{
	AUTO_JSON json_t *value = NULL;
	int done;

	*kept = NULL;
	if (r->ended)
		return err_set(e, EBADMSG, "an event after the end of the answer");
	r->n += n;
	if (r->n > MODEL_MAX_ANSWER)
		return err_set(e, E2BIG, "the answer has more than %u bytes", MODEL_MAX_ANSWER);
	if (is_mark(r->ops->end_mark, data, n)) {
		if (!r->started)
			return err_set(e, EBADMSG, "the answer ends before it began");
		r->ended = true;
		return 1;
	}
	if (provider_parse("event", data, n, MODEL_MAX_EVENT, &value, e) < 0)
		return -e->code;
	done = r->ops->event(r, name, value, kept, e);
	if (done < 0 || r->turn) {
		json_decref(*kept);
		*kept = NULL;
	}
	if (done > 0)
		r->ended = true;
	return done;
}

int provider_body(struct provider_reading *r, const char *data, size_t n, json_t **kept,
		  struct err *e)
{
	AUTO_JSON json_t *value = NULL;
	AUTO_JSON json_t *got = NULL;
	int bad;

	*kept = NULL;
	if (provider_parse("answer", data, n, MODEL_MAX_ANSWER, &value, e) < 0)
		return -e->code;
	bad = r->ops->whole(r, value, &got, e);
	if (bad < 0)
		return bad;
	r->ended = true;
	*kept = r->turn ? provider_answer(r, e) : take_ptr(got);
	return *kept ? 0 : -e->code;
}

bool provider_ended(const struct provider_reading *r)
{
	return r->ended || (r->ops->no_end_mark && r->stop != NULL);
}

/* In a stream the same members stand elsewhere: in a response that failed, or in the event. */
static json_t *as_error(json_t *value)
{
	const json_t *response = json_object_get(value, "response");

	if (json_is_object(json_object_get(value, "error")))
		return json_incref(value);
	return json_pack("{sO}", "error", response ? json_object_get(response, "error") : value);
}

json_t *provider_error(const struct provider *p, const char *data, size_t n)
{
	const struct provider_ops *ops = ops_of(p->protocol);
	AUTO_JSON json_t *value = NULL;
	AUTO_JSON json_t *error = NULL;
	struct err e = ERR_INIT;
	json_t *kept = NULL;

	if (!ops || provider_parse("error", data, n, MODEL_MAX_EVENT, &value, &e) < 0)
		return NULL;
	error = as_error(value);
	return error && keep(ops->error, error, EBADMSG, &kept, &e) == 0 ? kept : NULL;
}

json_t *provider_answer(const struct provider_reading *r, struct err *e)
{
	AUTO_JSON json_t *content = json_array();
	json_t *answer;

	if (!provider_ended(r) || !r->stop) {
		(void)err_set(e, EBADMSG, "the answer is not complete");
		return NULL;
	}
	for (size_t i = 0; i < r->n_parts; i++)
		if (json_array_append(content, r->parts[i].part) < 0) {
			(void)err_set(e, ENOMEM, "out of memory");
			return NULL;
		}
	answer = json_pack("{sO, ss}", "content", content, "stop", r->stop);
	if (!answer)
		(void)err_set(e, ENOMEM, "out of memory");
	return answer;
}

const struct model_usage *provider_usage(const struct provider_reading *r)
{
	return &r->usage;
}

void provider_reading_close(struct provider_reading *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_parts; i++) {
		json_decref(r->parts[i].part);
		buf_release(&r->parts[i].text);
	}
	free(r->parts);
	free(r);
}
