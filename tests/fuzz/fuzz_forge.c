/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/broker/forge_impl.h"
#include "runtime/base/jsonc.h"
#include "runtime/base/utf8.h"

/*
 * The first byte chooses: references of git, its report of a push, what is said
 * of a refusal, or a verb.  For a verb the second byte chooses the kind of
 * forge, the third the verb; then follow the answers, each ended by 0x1e and
 * begun by a letter that is its status.  When they are used up it is 404.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void trap_unless(int fine)
{
	if (!fine)
		__builtin_trap();
}

static void fuzz_refs(const char *text, size_t n)
{
	struct err e = ERR_INIT;
	json_t *refs = NULL;
	char old[65];
	size_t i;
	json_t *v;

	if (git_refs_read(text, n, "sickbay/x", &refs, old, &e) < 0) {
		trap_unless(e.code == EBADMSG && e.msg[0] && !refs);
		return;
	}
	json_array_foreach(refs, i, v)
		trap_unless(git_oid_is_good(json_string_value(v), json_string_length(v)));
	trap_unless(strspn(old, "0123456789abcdef") == strlen(old));
	json_decref(refs);
}

static void fuzz_report(const char *text, size_t n)
{
	struct err e = ERR_INIT;

	trap_unless(git_report_read(text, n, "sickbay/x", &e) == 0 || e.msg[0]);
}

/* What a person is told is text of one line, whatever the server said. */
static void is_line(const char *text)
{
	trap_unless(text && text[0] && !strchr(text, '\n'));
	for (size_t i = 0; text[i];) {
		const size_t w = utf8_length(text + i, strlen(text + i));

		trap_unless(w != 0);
		i += w;
	}
}

static void fuzz_refusal(const char *text, size_t n)
{
	struct forge f = { .at = { .name = "hub" } };
	struct forge_ask a = { .repository = "acme/shop" };
	struct forge_end end = { 0 };
	struct asking k = { .f = &f, .a = &a, .end = &end, .pack = -1 };
	struct err e = ERR_INIT;
	struct jsonc *j = NULL;
	struct said s = { .status = n % 2 ? 422 : 403 };

	if (jsonc_parse("answer", text, n, JSONC_STRICT, &j, &e) == 0)
		s.body = json_deep_copy(jsonc_root(j));
	jsonc_free(j);
	forge_status(&k, &s, "open a pull request");
	is_line(end.message);
	json_decref(s.body);
	jmap_release(forge_end_map, &end);
}

/* ---- a whole verb ---- */

static const char *answers; /* what is left of them */
static bool opened;	    /* an opening was answered by a 2xx */

static const struct {
	char letter;
	long status; /* 0: the connection breaks */
	const char *after, *remaining;
} statuses[] = {
	{ 'a', 200, "", "" },  { 'b', 201, "", "" }, { 'c', 401, "", "" }, { 'd', 403, "", "" },
	{ 'e', 404, "", "" },  { 'f', 409, "", "" }, { 'g', 422, "", "" }, { 'h', 429, "", "" },
	{ 'i', 500, "", "" },  { 'j', 301, "", "" }, { 'k', 0, "", "" },   { 'l', 403, "1", "" },
	{ 'm', 403, "", "0" },
};

static void no_wait(uint64_t ms)
{
	(void)ms;
}

/* Nothing merges, and what was opened is not opened again. */
static void check_request(const struct http_ask *ask, long status)
{
	const size_t n = strcspn(ask->url, "?");
	const bool opening = strcmp(ask->method, "POST") == 0 &&
			     ((n > 6 && strncmp(ask->url + n - 6, "/pulls", 6) == 0) ||
			      (n > 15 && strncmp(ask->url + n - 15, "/merge_requests", 15) == 0));

	trap_unless(strcmp(ask->method, "DELETE") != 0);
	trap_unless(n < 6 || strncmp(ask->url + n - 6, "/merge", 6) != 0);
	trap_unless(!opening || !opened);
	opened = opened || (opening && status >= 200 && status < 300);
}

static int play(struct http *h, const struct http_ask *ask, struct http_answer *out, struct err *e)
{
	const char *text = answers + (*answers != '\0');
	const size_t n = strcspn(text, "\x1e");

	(void)h;
	(void)e;
	*out = (struct http_answer){ .status = 404 };
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].letter == *answers) {
			out->status = statuses[i].status;
			(void)snprintf(out->after, sizeof(out->after), "%s", statuses[i].after);
			(void)snprintf(out->remaining, sizeof(out->remaining), "%s",
				       statuses[i].remaining);
		}
	out->broken = out->status == 0;
	check_request(ask, out->status);
	if (ask->source) {
		char sent[256];

		while (ask->source(ask->ctx, sent, sizeof(sent)) > 0)
			;
	}
	(void)ask->sink(ask->ctx, out, text, n);
	answers = text + n + (text[n] != '\0');
	return 0;
}

static void check_end(const struct forge_ask *a, const struct forge_end *end)
{
	struct forge_end back = { 0 };
	struct err e = ERR_INIT;
	json_t *v = jmap_write(forge_end_map, end);

	trap_unless(v && jmap_read(forge_end_map, v, &back, "", &e) == 0);
	jmap_release(forge_end_map, &back);
	json_decref(v);
	for (size_t i = 0; i < end->notes.n; i++)
		is_line(end->notes.v[i]);
	if (end->result != FORGE_OK) {
		is_line(end->message);
		return;
	}
	trap_unless(!end->message);
	if (a->verb == FORGE_ABOUT)
		return;
	trap_unless(end->number > 0 && (!a->number || end->number == a->number));
	trap_unless(strcmp(end->state, "merged") == 0 || strcmp(end->state, "closed") == 0 ||
		    (strcmp(end->state, "open") == 0 && a->verb != FORGE_CLOSE));
	trap_unless(!end->head || git_oid_is_good(end->head, strlen(end->head)));
	trap_unless(!end->into || git_oid_is_good(end->into, strlen(end->into)));
	trap_unless(!end->url || strncmp(end->url, "http", 4) == 0);
}

static void fuzz_verb(const char *text, size_t n)
{
	static const int verbs[] = { FORGE_ABOUT, FORGE_PROPOSE, FORGE_LOOK, FORGE_CLOSE };
	static char *words[] = { "bug", "@ada", "@acme/pay" };
	struct forge f = { .at = { .name = "hub", .api = "https://forge.invalid" },
			   .exchange = play,
			   .wait = no_wait };
	struct forge_ask a = { .repository = "acme/shop",
			       .fork = "bot/shop",
			       .head = "sickbay/c",
			       .base = "main",
			       .title = "A title",
			       .body = "text",
			       .labels = { words, 1 },
			       .reviewers = { words + 1, 2 } };
	struct forge_end end = { 0 };
	struct asking k = { .f = &f, .a = &a, .end = &end, .pack = -1 };
	struct err e = ERR_INIT;

	if (n < 2)
		return;
	f.at.kind = (uint8_t)text[0] % FORGE_KIND_N;
	a.verb = verbs[(uint8_t)text[1] % 4];
	a.plain = (uint8_t)text[1] & 4;
	a.number = a.verb == FORGE_LOOK || a.verb == FORGE_CLOSE ? 3 : 0;
	answers = text + 2;
	opened = false;
	trap_unless(forge_run(&k, &e) >= 0);
	check_end(&a, &end);
	jmap_release(forge_end_map, &end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *text, size_t n) = { fuzz_refs, fuzz_report,
								       fuzz_refusal, fuzz_verb };
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	readers[data[0] % 4](text, size - 1);
	free(text);
	return 0;
}
