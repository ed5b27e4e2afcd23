/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/broker/call_impl.h"
#include "agent/broker/retry.h"
#include "agent/broker/scrub.h"
#include "runtime/base/clock.h"

#define MS	 1000000ull	/* ns */
#define FRESH_NS 60000000000ull /* of a name's addresses */
#define GRACE_NS (250 * MS)	/* for a server to end a stream whose last event came */
#define HELD_MAX (256u << 20)	/* bytes of all requests */

/* ---- the end ---- */

static void fill_end(struct call *c, const char *kind, struct broker_end *end)
{
	struct answer *a = &c->answer;
	uint8_t raw[SHA256_LEN];
	static char digest[SHA256_HEX];

	end->status = (uint64_t)a->status;
	end->attempts = c->attempts;
	end->billed = attempt_may_be_billed(c, kind);
	if (end->billed && a->reading)
		end->usage = *provider_usage(a->reading);
	if (c->attempts) {
		end->bytes_out = c->body.n;
		end->request_sha256 = c->digest;
	}
	if (a->bytes) {
		sha256_final(&a->digest, raw);
		sha256_hex(raw, digest);
		end->bytes_in = a->bytes;
		end->answer_sha256 = digest;
	}
	attempt_stop(c, end);
}

void call_end(struct call *c, const char *kind, const char *message)
{
	const struct secret *key = &c->site->at->secret;
	struct answer *a = &c->answer;
	const bool fine = strcmp(kind, MODEL_OK) == 0;
	char word[32], text[CALL_WHY + 64] = "";
	struct broker_end end = { .id = c->said.id, .kind = word };

	(void)snprintf(word, sizeof(word), "%s", kind);
	fill_end(c, kind, &end);
	if (!fine) {
		(void)snprintf(text, sizeof(text), "endpoint '%s': %s%s", c->site->at->said->name,
			       message, c->attempts > 1 ? " (each of several attempts)" : "");
		scrub_text(text, key);
		end.message = text;
	}
	end.body = fine ? a->kept : NULL;
	end.error = fine ? NULL : a->error;
	if (!scrub_value(end.body, key) || !scrub_value(end.error, key))
		(void)err_set(&c->loop->failed, ENOMEM, "out of memory");
	else
		loop_send(c->loop, BROKER_END, jmap_write(broker_end_map, &end));
	if (c->state == CALL_WAITS)
		c->site->waiting--;
	else
		c->site->running--;
	c->loop->held -= c->body.n;
	attempt_release(c);
	c->state = CALL_ENDED;
}

static void call_free(struct call *c)
{
	attempt_release(c);
	jmap_release(broker_call_map, &c->said);
	buf_release(&c->url);
	buf_release(&c->body);
	free(c);
}

/* ---- attempts ---- */

static bool may_retry(const struct call *c, const char *kind, uint64_t now, uint64_t *delay_ms)
{
	const struct answer *a = &c->answer;
	uint64_t random = 0;

	if (!retry_is_for(kind) || c->passed || c->attempts > c->site->at->said->retries ||
	    attempt_may_be_billed(c, kind))
		return false;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = now;
	*delay_ms = retry_backoff_ms(c->attempts, random);
	if (a->has_after && a->after_ms > *delay_ms)
		*delay_ms = a->after_ms;
	return *delay_ms <= RETRY_AFTER_MS && now + *delay_ms * MS < c->deadline;
}

static void attempt_ended(struct call *c, const char *kind, const char *why)
{
	const uint64_t now = clock_mono_ns();
	uint64_t delay_ms = 0;

	if (strcmp(kind, MODEL_OK) == 0 || !may_retry(c, kind, now, &delay_ms)) {
		call_end(c, kind, why);
		return;
	}
	attempt_stop(c, NULL);
	c->state = CALL_BACKS_OFF;
	c->wake = now + delay_ms * MS;
}

void call_finished(CURL *easy, CURLcode code)
{
	struct call *c = NULL;
	char why[CALL_WHY];
	const char *kind;

	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &c) != CURLE_OK || !c)
		return;
	kind = attempt_judge(c, code, why);
	attempt_ended(c, kind, why);
}

static bool has_address(const struct call *c, uint64_t now)
{
	const struct endpoint *at = c->site->at;
	const struct url *to = at->said->proxy ? &at->proxy : &at->url;

	return to->literal || (c->site->addresses[0] && now < c->site->fresh_until);
}

static void ask_address(struct call *c)
{
	const struct endpoint *at = c->site->at;
	const char *host = at->said->proxy ? at->proxy.host : at->url.host;
	struct err e = ERR_INIT;

	if (c->site->asking)
		return;
	if (resolve_ask(c->loop->resolver, (uint32_t)(c->site - c->loop->sites), host, &e) == 0)
		c->site->asking = true;
	else if (e.code != EAGAIN)
		c->loop->failed = e;
}

static void start_attempt(struct call *c)
{
	struct err e = ERR_INIT;

	if (attempt_start(c, &e) < 0)
		call_end(c, "unreachable", e.msg);
}

static void go_on(struct call *c, uint64_t now)
{
	c->state = CALL_RESOLVES;
	c->since = now;
	if (has_address(c, now))
		start_attempt(c);
	else
		ask_address(c);
}

void call_resolved(struct loop *l, const struct resolve_answer *a)
{
	struct site *s = a->id < l->setup->n ? &l->sites[a->id] : NULL;
	char why[CALL_WHY];

	if (!s)
		return;
	s->asking = false;
	memcpy(s->addresses, a->addresses, sizeof(s->addresses));
	s->fresh_until = clock_mono_ns() + FRESH_NS;
	for (struct call *c = l->calls; c; c = c->next) {
		if (c->site != s || c->state != CALL_RESOLVES)
			continue;
		if (a->addresses[0]) {
			start_attempt(c);
			continue;
		}
		attempt_release(c);
		c->attempts++;
		(void)snprintf(why, sizeof(why), "the name '%.200s' has no address: %.100s",
			       a->host, a->why);
		attempt_ended(c, "unreachable", why);
	}
}

/* ---- time ---- */

/* When something is due for a call; UINT64_MAX: nothing by itself. */
static uint64_t due_of(const struct call *c)
{
	const struct broker_endpoint *said = c->site->at->said;
	uint64_t due = c->deadline;

	switch (c->state) {
	case CALL_WAITS:
		return c->site->running < said->parallel ? 0 : c->deadline;
	case CALL_RESOLVES:
		due = c->since + said->connect_ms * MS;
		break;
	case CALL_RUNS:
		if (c->answer.whole)
			due = c->answer.last_ns + GRACE_NS;
		else if (!c->answer.paused)
			due = c->answer.last_ns + said->stall_ms * MS;
		break;
	case CALL_BACKS_OFF:
		due = c->wake;
		break;
	case CALL_ENDED:
		return UINT64_MAX;
	}
	return due < c->deadline ? due : c->deadline;
}

static void run_out(struct call *c, uint64_t now)
{
	const struct broker_endpoint *said = c->site->at->said;
	char why[CALL_WHY];

	if (c->state == CALL_BACKS_OFF && now < c->deadline) {
		go_on(c, now);
	} else if (c->state == CALL_RUNS && c->answer.whole) {
		const char *kind = attempt_judge(c, CURLE_OK, why);

		attempt_ended(c, kind, why);
	} else if (now >= c->deadline) {
		(void)snprintf(why, sizeof(why), "the call took longer than %llu ms",
			       (unsigned long long)((c->deadline - c->begin) / MS));
		call_end(c, "timeout", why);
	} else if (c->state == CALL_RESOLVES) {
		(void)snprintf(why, sizeof(why), "its name was not looked up within %llu ms",
			       (unsigned long long)said->connect_ms);
		call_end(c, "unreachable", why);
	} else {
		(void)snprintf(why, sizeof(why), "not a byte came for %llu ms",
			       (unsigned long long)said->stall_ms);
		call_end(c, "stalled", why);
	}
}

static void begin(struct call *c, uint64_t now)
{
	c->site->waiting--;
	c->site->running++;
	if (now + c->site->at->said->total_ms * MS < c->deadline) {
		c->begin = now;
		c->deadline = now + c->site->at->said->total_ms * MS;
	}
	go_on(c, now);
}

void calls_step(struct loop *l, uint64_t now)
{
	struct call **at = &l->calls;

	for (struct call *c = l->calls; c; c = c->next)
		if (due_of(c) <= now) {
			if (c->state == CALL_WAITS && now < c->deadline)
				begin(c, now);
			else
				run_out(c, now);
		}
	while (*at) {
		struct call *c = *at;

		if (c->state != CALL_ENDED) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		call_free(c);
	}
}

uint64_t calls_due(const struct loop *l)
{
	uint64_t due = UINT64_MAX;

	for (const struct call *c = l->calls; c; c = c->next)
		if (due_of(c) < due)
			due = due_of(c);
	return due;
}

void calls_resume(struct loop *l)
{
	for (struct call *c = l->calls; c && !l->full; c = c->next)
		if (c->state == CALL_RUNS && c->answer.paused) {
			c->answer.paused = false;
			c->answer.last_ns = clock_mono_ns();
			(void)curl_easy_pause(c->easy, CURLPAUSE_CONT);
		}
}

void calls_close(struct loop *l)
{
	while (l->calls) {
		struct call *c = l->calls;

		l->calls = c->next;
		call_free(c);
	}
}

/* ---- messages ---- */

/* What cannot even wait. */
static void refuse(struct loop *l, uint64_t id, const char *kind, const char *why)
{
	char word[32], text[CALL_WHY];
	const struct broker_end end = { .id = id, .kind = word, .message = text };

	(void)snprintf(word, sizeof(word), "%s", kind);
	(void)snprintf(text, sizeof(text), "%s", why);
	loop_send(l, BROKER_END, jmap_write(broker_end_map, &end));
}

static struct call *find(const struct loop *l, uint64_t id)
{
	struct call *c = l->calls;

	while (c && (c->said.id != id || c->state == CALL_ENDED))
		c = c->next;
	return c;
}

static int find_site(const struct loop *l, struct call *c, struct err *e)
{
	for (size_t i = 0; i < l->setup->n; i++)
		if (strcmp(l->sites[i].at->said->name, c->said.endpoint) == 0)
			c->site = &l->sites[i];
	if (!c->site)
		return err_set(e, ENOENT, "endpoint '%s' is not configured", c->said.endpoint);
	if (c->said.protocol != MODEL_TURN && c->said.protocol != c->site->at->said->protocol)
		return err_set(e, EINVAL, "endpoint '%s' speaks %s, not %s", c->said.endpoint,
			       model_protocol_words[c->site->at->said->protocol],
			       model_protocol_words[c->said.protocol]);
	return 0;
}

static int write_request(struct call *c, struct err *e)
{
	const struct endpoint *at = c->site->at;
	uint8_t raw[SHA256_LEN];

	c->rq = (struct provider_request){ .model = c->said.model,
					   .protocol = c->said.protocol,
					   .stream =
						   c->said.protocol == MODEL_TURN || c->said.stream,
					   .max_output = c->said.max_output,
					   .body = c->said.body };
	c->url.max = RESOLVE_HOST + 8192;
	c->body.max = MODEL_MAX_REQUEST;
	if (provider_url(at->provider, at->said->url, &c->rq, &c->url, e) < 0 ||
	    at->provider->write(&c->rq, &c->body, e) < 0 ||
	    buf_check(&c->body, "the request", e) < 0)
		return -e->code;
	json_decref(c->said.body);
	c->said.body = NULL;
	c->rq.body = NULL;
	sha256_of(c->body.p, c->body.n, raw);
	sha256_hex(raw, c->digest);
	return 0;
}

static void append(struct loop *l, struct call *c)
{
	struct call **at = &l->calls;

	while (*at)
		at = &(*at)->next;
	*at = c;
	c->state = CALL_WAITS;
	c->begin = clock_mono_ns();
	if (c->said.total_ms)
		c->deadline = c->begin + c->said.total_ms * MS;
	c->site->waiting++;
	l->held += c->body.n;
}

static int take_call(struct loop *l, const json_t *body, struct err *e)
{
	struct call *c = calloc(1, sizeof(*c));
	struct err why = ERR_INIT;

	if (!c)
		return err_set(e, ENOMEM, "out of memory");
	c->loop = l;
	c->deadline = UINT64_MAX;
	if (jmap_read(broker_call_map, body, &c->said, "", &why) < 0 || find_site(l, c, &why) < 0 ||
	    write_request(c, &why) < 0) {
		const json_int_t id = json_integer_value(json_object_get(body, "id"));

		refuse(l, id > 0 ? (uint64_t)id : 0, "refused", why.msg);
	} else if (find(l, c->said.id)) {
		(void)err_set(e, EPROTO, "call %llu is under way already",
			      (unsigned long long)c->said.id);
	} else if (c->site->waiting >= CALLS_WAITING || l->held + c->body.n > HELD_MAX) {
		(void)err_set(&why, EAGAIN, "endpoint '%s': too many calls wait", c->said.endpoint);
		refuse(l, c->said.id, "overloaded", why.msg);
	} else {
		append(l, c);
		return 0;
	}
	call_free(c);
	return -e->code;
}

static int take_cancel(struct loop *l, const json_t *body, struct err *e)
{
	struct broker_cancel cancel = { 0 };
	struct call *c;

	if (jmap_read(broker_cancel_map, body, &cancel, "", e) < 0)
		return -e->code;
	c = find(l, cancel.id);
	if (c) /* else it ended meanwhile, and its END is on the way */
		call_end(c, "cancelled", "the call was cancelled");
	return 0;
}

int call_message(struct loop *l, const struct msg *m, struct err *e)
{
	if (m->type == BROKER_CALL)
		return take_call(l, m->body, e);
	if (m->type == BROKER_CANCEL)
		return take_cancel(l, m->body, e);
	return err_set(e, EPROTO, "message %u is no request", m->type);
}
