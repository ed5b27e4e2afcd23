/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/broker/forge_impl.h"
#include "runtime/base/cleanup.h"

/*
 * Pushing one branch: git's smart HTTP protocol (gitprotocol-http,
 * gitprotocol-pack, gitprotocol-common).  The pack was made by the orchestrator;
 * here it is bytes of a descriptor.  One reference is ever named, and its name
 * was checked.
 */
#define REFS_MAX  100000
#define REFS_SIZE (32u << 20)
#define ZERO	  "0000000000000000000000000000000000000000"

/* ---- pkt-lines ---- */

struct pkt {
	const char *p;
	size_t n; /* without its length */
};

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1: a line; 0: a flush; -1: the end or not one. */
static int pkt_next(const char *data, size_t n, size_t *at, struct pkt *out)
{
	size_t len = 0;

	if (n - *at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const int d = hex_digit(data[*at + (size_t)i]);

		if (d < 0)
			return -1;
		len = (len << 4) | (size_t)d;
	}
	if (len == 0) {
		*at += 4;
		return 0;
	}
	if (len < 4 || len > n - *at)
		return -1;
	*out = (struct pkt){ data + *at + 4, len - 4 };
	*at += len;
	if (out->n && out->p[out->n - 1] == '\n')
		out->n--;
	return 1;
}

bool git_oid_is_good(const char *p, size_t n)
{
	if (n != 40 && n != 64)
		return false;
	for (size_t i = 0; i < n; i++)
		if (hex_digit(p[i]) < 0)
			return false;
	return true;
}

static int take_ref(const struct pkt *line, const char *head, json_t *refs, char old[65])
{
	const char *space = memchr(line->p, ' ', line->n);
	const char *nul = memchr(line->p, '\0', line->n);
	const char *end = nul ? nul : line->p + line->n;
	const size_t n = space ? (size_t)(space - line->p) : 0;
	char want[320];
	int k;

	if (!space || space > end || !git_oid_is_good(line->p, n))
		return -1;
	k = snprintf(want, sizeof(want), "refs/heads/%s", head);
	if ((size_t)(end - space - 1) == (size_t)k && memcmp(space + 1, want, (size_t)k) == 0)
		(void)snprintf(old, 65, "%.*s", (int)n, line->p);
	if (strspn(line->p, "0") >= n || json_array_size(refs) >= REFS_MAX)
		return 0; /* "no references yet" */
	return json_array_append_new(refs, json_stringn(line->p, n));
}

int git_refs_read(const char *data, size_t n, const char *head, json_t **refs, char old[65],
		  struct err *e)
{
	AUTO_JSON json_t *list = json_array();
	struct pkt line;
	size_t at = 0;
	int k = pkt_next(data, n, &at, &line);

	old[0] = '\0';
	if (!list)
		return err_set(e, ENOMEM, "out of memory");
	if (k != 1 || line.n != strlen("# service=git-receive-pack") ||
	    memcmp(line.p, "# service=git-receive-pack", line.n) != 0 ||
	    pkt_next(data, n, &at, &line) != 0)
		return err_set(e, EBADMSG, "it is no smart HTTP server of git");
	while ((k = pkt_next(data, n, &at, &line)) == 1)
		if (take_ref(&line, head, list, old) < 0)
			return err_set(e, EBADMSG, "byte %zu: not a reference", at);
	if (k < 0)
		return err_set(e, EBADMSG, "byte %zu: the references are cut short", at);
	*refs = json_incref(list);
	return 0;
}

static bool is_line(const struct pkt *l, const char *text)
{
	return l->n == strlen(text) && memcmp(l->p, text, l->n) == 0;
}

int git_report_read(const char *data, size_t n, const char *head, struct err *e)
{
	char want[340];
	bool unpacked = false, taken = false;
	struct pkt line;
	size_t at = 0;

	(void)snprintf(want, sizeof(want), "ok refs/heads/%s", head);
	while (pkt_next(data, n, &at, &line) == 1) {
		if (is_line(&line, "unpack ok"))
			unpacked = true;
		else if (is_line(&line, want))
			taken = true;
		else
			return err_set(e, EPERM, "it said '%.*s'",
				       (int)(line.n > 200 ? 200 : line.n), line.p);
	}
	return unpacked && taken ? 0
				 : err_set(e, EBADMSG, "it does not say that the branch was taken");
}

/* ---- exchanges ---- */

struct sending {
	struct buf got;
	char command[400];
	size_t command_n, command_at;
	int pack;
};

static int take(void *ctx, struct http_answer *a, const void *data, size_t n)
{
	struct sending *x = ctx;

	(void)a;
	buf_put(&x->got, data, n);
	return x->got.failed ? -1 : 0;
}

static int64_t give(void *ctx, void *to, size_t n)
{
	struct sending *x = ctx;
	size_t k = x->command_n - x->command_at;

	if (k == 0)
		return read(x->pack, to, n);
	k = k < n ? k : n;
	memcpy(to, x->command + x->command_at, k);
	x->command_at += k;
	return (int64_t)k;
}

static int exchange(struct asking *k, const char *path, uint64_t bytes, struct sending *x,
		    struct err *e)
{
	const struct forge *f = k->f;
	AUTO_FREE char *url = NULL;
	struct http_answer a = { 0 };
	struct http_ask ask = { .accept = bytes ? "application/x-git-receive-pack-result" : "*/*",
				.type = "application/x-git-receive-pack-request",
				.basic = f->basic,
				.proxy = f->at.proxy,
				.trust = f->trust ? f->trust : f->system,
				.source = bytes ? give : NULL,
				.source_bytes = bytes,
				.sink = take,
				.ctx = x };

	if (!f->at.git) {
		forge_fail(k, FORGE_INVALID, "the forge '%.60s' has no \"git\" to push to",
			   f->at.name);
		return 1;
	}
	if (asprintf(&url, "%s/%s.git%s", f->at.git, k->a->repository, path) < 0)
		return err_set(e, ENOMEM, "out of memory");
	ask.url = url;
	k->end->attempts++;
	if (f->exchange(f->http, &ask, &a, e) < 0)
		return -e->code;
	if (a.status == 200) {
		http_answer_release(&a);
		return 0;
	}
	if (a.status == 401 || a.status == 403)
		forge_fail(k, FORGE_REFUSED,
			   "git is not let in at '%.200s' (%ld): may the token push "
			   "there?",
			   url, a.status);
	else if (a.status == 404)
		forge_fail(k, FORGE_UNKNOWN, "there is no repository at '%.200s' (404)", url);
	else
		forge_fail(k, FORGE_UNREACHED, "'%.200s': %ld %.200s", url, a.status, a.why);
	http_answer_release(&a);
	return 1;
}

int forge_refs(struct asking *k, struct err *e)
{
	struct sending x = { .got = BUF_INIT(REFS_SIZE), .pack = -1 };
	AUTO_JSON json_t *refs = NULL;
	struct err why = ERR_INIT;
	char old[65];
	int r = exchange(k, "/info/refs?service=git-receive-pack", 0, &x, e);

	if (r == 0 &&
	    git_refs_read(x.got.p ? x.got.p : "", x.got.n, k->a->head, &refs, old, &why) < 0)
		forge_fail(k, FORGE_INVALID, "%s", why.msg);
	else if (r == 0)
		k->end->about = json_pack("{s:O,s:s?}", "refs", refs, "old", old[0] ? old : NULL);
	buf_release(&x.got);
	return r < 0 ? r : 0;
}

int forge_push(struct asking *k, struct err *e)
{
	const struct forge_ask *a = k->a;
	struct sending x = { .got = BUF_INIT(1u << 20), .pack = k->pack };
	struct err why = ERR_INIT;
	struct stat st;
	char line[360];
	int n, r;

	if (k->pack < 0 || fstat(k->pack, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EPROTO, "a push without a pack");
	if (!git_oid_is_good(a->oid, strlen(a->oid)) ||
	    (a->old && !git_oid_is_good(a->old, strlen(a->old))))
		return err_set(e, EPROTO, "a push of what is no object");
	n = snprintf(line, sizeof(line), "%s %s refs/heads/%s", a->old ? a->old : ZERO, a->oid,
		     a->head);
	/* the NUL before the capabilities is part of the line */
	x.command_n = (size_t)snprintf(x.command, sizeof(x.command), "%04x%s",
				       4 + n + 1 + (int)strlen(" report-status"), line);
	x.command[x.command_n++] = '\0';
	x.command_n += (size_t)snprintf(x.command + x.command_n, sizeof(x.command) - x.command_n,
					" report-status0000");
	r = exchange(k, "/git-receive-pack", x.command_n + (uint64_t)st.st_size, &x, e);
	if (r == 0 && git_report_read(x.got.p ? x.got.p : "", x.got.n, a->head, &why) < 0)
		forge_fail(k, why.code == EPERM ? FORGE_REFUSED : FORGE_INVALID,
			   "the branch was not taken: %s", why.msg);
	buf_release(&x.got);
	return r < 0 ? r : 0;
}
