/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <time.h>

#include "agent/broker/forge_impl.h"
#include "agent/broker/retry.h"
#include "runtime/base/cleanup.h"
#include "tests/tap.h"

/* rows of a scene leave out what they do not need */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define TEXT(s) ((char *)(uintptr_t)(s))

/* A forge whose answers are written down: what is asked, in this order, and what comes back. */
#define OID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct scene {
	const char *method, *path; /* the path ends, or contains, this */
	long status;		   /* 0: the connection breaks */
	const char *answer;	   /* ' for " */
	const char *body;	   /* in what is sent; NULL: whatever */
	const char *after, *remaining, *location;
	uint64_t reset_in; /* seconds from now */
	size_t pad;	   /* spaces before the answer */
};

static const struct scene *scene_now_, *scene_end_;
static uint64_t scene_waited_, scene_waits_;

static void scene_wait_(uint64_t ms)
{
	scene_waited_ += ms;
	scene_waits_++;
}

static void scene_send_(const struct http_ask *ask, struct http_answer *out, const struct scene *s)
{
	static char spaces[65536];
	AUTO_FREE char *text = strdup(s->answer ? s->answer : "");
	int r = 0;

	memset(spaces, ' ', sizeof(spaces));
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	for (size_t left = s->pad; r == 0 && left;
	     left -= left < sizeof(spaces) ? left : sizeof(spaces))
		r = ask->sink(ask->ctx, out, spaces, left < sizeof(spaces) ? left : sizeof(spaces));
	if (r == 0)
		(void)ask->sink(ask->ctx, out, text, strlen(text));
}

static int scene_play_(struct http *h, const struct http_ask *ask, struct http_answer *out,
		       struct err *e)
{
	const struct scene *s = scene_now_;
	char sent[65536] = "";

	(void)h;
	(void)e;
	*out = (struct http_answer){ .status = 0 };
	if (ask->source)
		sent[ask->source(ask->ctx, sent, sizeof(sent) - 1)] = '\0';
	if (s == scene_end_) {
		tap_failures_++;
		printf("# nobody expected %s %s\n", ask->method, ask->url);
		out->status = 418;
		return 0;
	}
	scene_now_++;
	if (strcmp(s->method, ask->method) != 0 || !strstr(ask->url, s->path) ||
	    (s->body && !strstr(sent, s->body))) {
		tap_failures_++;
		printf("# got  %s %s %s\n# want %s %s %s\n", ask->method, ask->url, sent, s->method,
		       s->path, s->body ? s->body : "");
	}
	out->broken = s->status == 0;
	out->status = s->status;
	(void)snprintf(out->why, sizeof(out->why), "%s", out->broken ? "it broke off" : "");
	(void)snprintf(out->after, sizeof(out->after), "%s", s->after ? s->after : "");
	(void)snprintf(out->remaining, sizeof(out->remaining), "%s",
		       s->remaining ? s->remaining : "");
	(void)snprintf(out->location, sizeof(out->location), "%s", s->location ? s->location : "");
	if (s->reset_in)
		(void)snprintf(out->reset, sizeof(out->reset), "%llu",
			       (unsigned long long)time(NULL) + s->reset_in);
	scene_send_(ask, out, s);
	return 0;
}

/* The verb, with these answers; all of them must be used up. */
static inline void scene_run(int kind, struct forge_ask *a, const struct scene *s, size_t n,
			     struct forge_end *end)
{
	const struct forge f = {
		.at = { .name = TEXT("hub"), .kind = kind, .api = TEXT("https://forge.invalid") },
		.exchange = scene_play_,
		.wait = scene_wait_
	};
	struct asking k = { .f = &f, .a = a, .end = end, .pack = -1 };
	struct err e = ERR_INIT;

	scene_now_ = s;
	scene_end_ = s + n;
	scene_waited_ = scene_waits_ = 0;
	*end = (struct forge_end){ 0 };
	CHECK(forge_run(&k, &e) >= 0);
	CHECK_STR(e.msg, "");
	for (; scene_now_ < scene_end_; scene_now_++) {
		tap_failures_++;
		printf("# was not asked: %s %s\n", scene_now_->method, scene_now_->path);
	}
}
#define SCENE(kind, a, end, ...)                                         \
	do {                                                             \
		static const struct scene s_[] = { __VA_ARGS__ };        \
		scene_run(kind, a, s_, sizeof(s_) / sizeof(s_[0]), end); \
	} while (0)
