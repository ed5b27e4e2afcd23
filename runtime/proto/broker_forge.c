/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/broker_forge.h"

#include <stddef.h>
#include <string.h>

#include "runtime/base/id.h"
#include "runtime/proto/rows.h"

const char *const forge_kind_words[] = { "github", "gitlab", "gitea", NULL };
const char *const forge_verb_words[] = {
	"about", "refs", "push", "propose", "look", "close", NULL
};
static const char *const results[] = { "ok", "unknown", "refused", "invalid", "unreached", NULL };

#define PATH_BYTES  4096
#define NAME_BYTES  256
#define PROSE_BYTES (60u << 10)
#define COUNT_MAX   (1ull << 53)
#define ANSWER_MS   600000

#define LIST(type, field, most, text)                                                      \
	{                                                                                  \
		.name = #field, .kind = JMAP_STRS, .offset = offsetof(struct type, field), \
		.max = (most), .help = (text)                                              \
	}

const struct jmap forge_place_map[] = {
	TEXT(forge_place, name, 1, 60, "what service files call it"),
	{ .name = "kind",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct forge_place, kind),
	  .required = 1,
	  .words = forge_kind_words,
	  .help = "what it is" },
	TEXT(forge_place, api, 1, PATH_BYTES, "base URL of its API"),
	TEXT(forge_place, git, 0, PATH_BYTES, "base URL of its repositories"),
	TEXT(forge_place, credential, 0, PATH_BYTES, "file with the token"),
	TEXT(forge_place, user, 0, NAME_BYTES, "user's name for git"),
	TEXT(forge_place, ca, 0, PATH_BYTES, "PEM file of authorities"),
	TEXT(forge_place, proxy, 0, PATH_BYTES, "HTTP proxy"),
	TEXT(forge_place, webhook_secret, 0, PATH_BYTES, "file with the secret of its webhooks"),
	{ 0 },
};

const struct jmap forge_ask_map[] = {
	NUMBER(forge_ask, id, COUNT_MAX, "repeated by the answer"),
	{ .name = "verb",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct forge_ask, verb),
	  .required = 1,
	  .words = forge_verb_words,
	  .help = "what is asked" },
	TEXT(forge_ask, place, 1, 60, "name of the forge"),
	TEXT(forge_ask, repository, 1, NAME_BYTES, "which repository"),
	TEXT(forge_ask, fork, 0, NAME_BYTES, "where the branch is"),
	TEXT(forge_ask, head, 0, NAME_BYTES, "the branch"),
	TEXT(forge_ask, base, 0, NAME_BYTES, "the branch that it is for"),
	TEXT(forge_ask, title, 0, NAME_BYTES, "one line"),
	TEXT(forge_ask, body, 0, PROSE_BYTES, "text"),
	TEXT(forge_ask, oid, 0, 64, "object that the branch becomes"),
	TEXT(forge_ask, old, 0, 64, "object that it is"),
	LIST(forge_ask, labels, 20, "labels that are wanted"),
	LIST(forge_ask, reviewers, 20, "reviewers that are wanted"),
	NUMBER(forge_ask, number, COUNT_MAX, "of the pull request"),
	{ .name = "plain",
	  .kind = JMAP_BOOL,
	  .offset = offsetof(struct forge_ask, plain),
	  .help = "it need not be a draft" },
	{ 0 },
};

const struct jmap forge_end_map[] = {
	NUMBER(forge_end, id, COUNT_MAX, "of the request"),
	{ .name = "result",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct forge_end, result),
	  .required = 1,
	  .words = results,
	  .help = "how it went" },
	TEXT(forge_end, message, 0, PROSE_BYTES, "what happened"),
	NUMBER(forge_end, number, COUNT_MAX, "of the pull request"),
	TEXT(forge_end, url, 0, PATH_BYTES, "where a person sees it"),
	TEXT(forge_end, state, 0, 32, "open, closed or merged"),
	TEXT(forge_end, head, 0, 64, "commit of its branch"),
	TEXT(forge_end, into, 0, 64, "commit that it became"),
	{ .name = "found",
	  .kind = JMAP_BOOL,
	  .offset = offsetof(struct forge_end, found),
	  .help = "there was one" },
	LIST(forge_end, notes, 40, "what was wanted and refused"),
	{ .name = "about",
	  .kind = JMAP_JSON,
	  .offset = offsetof(struct forge_end, about),
	  .help = "what was found out" },
	NUMBER(forge_end, attempts, COUNT_MAX, "attempts"),
	{ 0 },
};

static bool is_part(const char *s, size_t n)
{
	if (n == 0 || n > 100 || s[0] == '.' || s[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
			    s[i]))
			return false;
	return true;
}

bool forge_repository_is_good(const char *s)
{
	size_t parts = 0;

	for (;; parts++) {
		const size_t n = strcspn(s, "/");

		if (!is_part(s, n))
			return false;
		if (!s[n])
			return parts >= 1 && parts < 8;
		s += n + 1;
	}
}

bool forge_branch_is_good(const char *s)
{
	const size_t n = strlen(FORGE_BRANCH);

	return strncmp(s, FORGE_BRANCH, n) == 0 && name_is_safe(s + n);
}

int forge_ask(struct broker *b, const struct forge_ask *a, int fd, struct forge_end *out,
	      struct err *e)
{
	AUTO_JSON json_t *body = jmap_write(forge_ask_map, a);
	AUTO_MSG struct msg m = MSG_INIT;
	int r;

	if (!body)
		return err_set(e, ENOMEM, "out of memory");
	r = msg_send(broker_fd(b), FORGE_ASK, body, NULL, 0, fd, e);
	if (r == 0)
		r = msg_recv(broker_fd(b), ANSWER_MS, &m, e);
	if (r <= 0)
		return r < 0 ? err_wrap(e, "forge '%s'", a->place)
			     : err_set(e, EPIPE, "forge '%s': sickbay-broker ended", a->place);
	if (m.type != FORGE_END)
		return err_set(e, EPROTO, "forge '%s': an answer of type %u", a->place, m.type);
	r = jmap_read(forge_end_map, m.body, out, "", e);
	if (r == 0 && out->id != a->id)
		r = err_set(e, EPROTO, "forge '%s': the answer to another question", a->place);
	if (r < 0)
		jmap_release(forge_end_map, out);
	return r;
}
