/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/hook.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/base64.h"
#include "runtime/base/buf.h"
#include "runtime/base/secret_file.h"
#include "runtime/base/sha256.h"

#define SIGNING	  "whsec_" /* begins a signing key of Standard Webhooks; the rest is base 64 */
#define EVENT_MAX 60	   /* of an event */
#define MAC_B64	  44	   /* characters of a digest in base 64 */

struct hook {
	char name[65];
	int kind; /* enum forge_kind */
	uint64_t place;
	bool standard; /* GitLab: the key of a signature, not a token that is sent */
	char key[SECRET_FILE_MAX + 2];
	size_t key_n;
};

/* ---- the secret ---- */

/* The bytes that a signing key stands for, in its place. */
static int decode_key(struct hook *h, const char *file, struct err *e)
{
	const char *text = h->key + strlen(SIGNING);
	const size_t len = h->key_n - strlen(SIGNING);
	uint8_t raw[SECRET_FILE_MAX];
	size_t n = len / 4 * 3;
	int r = 0;

	for (size_t k = 1; k <= 2 && k <= len && text[len - k] == '='; k++)
		n--;
	if (n == 0 || base64_get(text, len, raw, n) < 0)
		r = err_set(e, EINVAL, "key file '%s': what follows " SIGNING " is not base 64",
			    file);
	explicit_bzero(h->key, sizeof(h->key));
	if (r == 0)
		memcpy(h->key, raw, n);
	explicit_bzero(raw, sizeof(raw));
	h->key_n = n;
	return r;
}

static int read_secret(struct hook *h, const char *file, int fd, struct err *e)
{
	int r = secret_file_read(fd, file, true, h->key, &h->key_n, e);

	if (r < 0)
		return r;
	h->standard = h->kind == FORGE_GITLAB && strncmp(h->key, SIGNING, strlen(SIGNING)) == 0;
	if (h->standard)
		r = decode_key(h, file, e);
	if (r == 0 && h->key_n < HOOK_KEY_MIN)
		r = err_set(e, EINVAL,
			    "key file '%s': fewer than %d bytes could be guessed: make a secret "
			    "with 'openssl rand -hex 32'",
			    file, HOOK_KEY_MIN);
	return r;
}

int hook_open(const struct intake_hook *said, int fd, struct hook **out, struct err *e)
{
	struct hook *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return err_set(e, ENOMEM, "out of memory");
	(void)snprintf(h->name, sizeof(h->name), "%s", said->name);
	h->kind = said->kind;
	h->place = said->place;
	r = read_secret(h, said->file, fd, e);
	if (r < 0) {
		hook_close(h);
		return err_wrap(e, "forge '%s'", said->name);
	}
	*out = h;
	return 0;
}

void hook_close(struct hook *h)
{
	if (!h)
		return;
	explicit_bzero(h, sizeof(*h));
	free(h);
}

uint64_t hook_place(const struct hook *h)
{
	return h->place;
}

int hook_kind(const struct hook *h)
{
	return INTAKE_GITHUB + h->kind;
}

int hook_find(struct hook *const *v, size_t n, const char *path)
{
	if (strncmp(path, HOOK_PATH, strlen(HOOK_PATH)) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i]->name, path + strlen(HOOK_PATH)) == 0)
			return (int)i;
	return -1;
}

/* ---- what proves who sends it ---- */

static bool same_mac(const uint8_t a[SHA256_LEN], const uint8_t b[SHA256_LEN])
{
	unsigned differs = 0;

	for (size_t i = 0; i < SHA256_LEN; i++)
		differs |= a[i] ^ b[i];
	return !differs;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static bool from_hex(const char *text, uint8_t out[SHA256_LEN])
{
	if (strlen(text) != SHA256_HEX - 1)
		return false;
	for (size_t i = 0; i < SHA256_LEN; i++) {
		const int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool is_hex_signed(const struct hook *h, const char *said, const void *body, size_t n)
{
	uint8_t want[SHA256_LEN], got[SHA256_LEN];

	if (!said || !from_hex(said, got))
		return false;
	hmac_sha256(h->key, h->key_n, body, n, want);
	return same_mac(want, got);
}

/* "sha256=HEX" without what is in front; NULL. */
static const char *after_scheme(const char *said)
{
	static const char scheme[] = "sha256=";

	return said && strncmp(said, scheme, strlen(scheme)) == 0 ? said + strlen(scheme) : NULL;
}

/* Digests are compared, so that its length is no secret's. */
static bool is_token(const struct hook *h, const char *said)
{
	uint8_t want[SHA256_LEN], got[SHA256_LEN];

	if (!said)
		return false;
	sha256_of(h->key, h->key_n, want);
	sha256_of(said, strlen(said), got);
	return same_mac(want, got);
}

/* ID.TIME.BODY; one of the signatures, apart by spaces, is "v1,BASE64". */
static bool is_standard(const struct hook *h, hook_header *header, void *ctx, const void *body,
			size_t n)
{
	const char *id = header(ctx, "webhook-id"), *at = header(ctx, "webhook-timestamp");
	const char *said = header(ctx, "webhook-signature");
	AUTO_BUF struct buf text = BUF_INIT(SIZE_MAX / 2);
	uint8_t want[SHA256_LEN], got[SHA256_LEN];
	bool good = false;

	if (!id || !at || !said || strchr(id, '.') || strchr(at, '.'))
		return false;
	buf_printf(&text, "%s.%s.", id, at);
	buf_put(&text, body, n);
	if (text.failed)
		return false;
	hmac_sha256(h->key, h->key_n, text.p, text.n, want);
	while (*said) {
		const size_t len = strcspn(said, " ");

		if (len == 3 + MAC_B64 && strncmp(said, "v1,", 3) == 0 &&
		    base64_get(said + 3, MAC_B64, got, SHA256_LEN) == 0 && same_mac(want, got))
			good = true;
		said += len + (said[len] == ' ');
	}
	return good;
}

static const char *proof(const struct hook *h, hook_header *header, void *ctx)
{
	const char *said;

	switch (h->kind) {
	case FORGE_GITHUB:
		return header(ctx, "X-Hub-Signature-256");
	case FORGE_GITLAB:
		return header(ctx, h->standard ? "webhook-signature" : "X-Gitlab-Token");
	default:
		said = header(ctx, "X-Forgejo-Signature");
		return said ? said : header(ctx, "X-Gitea-Signature");
	}
}

bool hook_shows_proof(const struct hook *h, hook_header *header, void *ctx)
{
	return proof(h, header, ctx) != NULL;
}

bool hook_is_genuine(const struct hook *h, hook_header *header, void *ctx, const void *body,
		     size_t n)
{
	const char *said = proof(h, header, ctx);

	switch (h->kind) {
	case FORGE_GITHUB:
		return is_hex_signed(h, after_scheme(said), body, n);
	case FORGE_GITLAB:
		return h->standard ? is_standard(h, header, ctx, body, n) : is_token(h, said);
	default:
		return is_hex_signed(h, said, body, n);
	}
}

/* ---- what it is about ---- */

static bool is_plain(const char *s)
{
	const size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_- ");

	return n && n <= EVENT_MAX && !s[n];
}

const char *hook_ignores(const struct hook *h, hook_header *header, void *ctx)
{
	static const struct {
		const char *header, *wanted[2];
	} of[FORGE_KIND_N] = {
		[FORGE_GITHUB] = { "X-GitHub-Event", { "pull_request" } },
		[FORGE_GITLAB] = { "X-Gitlab-Event", { "Merge Request Hook", "System Hook" } },
		[FORGE_GITEA] = { "X-Gitea-Event", { "pull_request" } },
	};
	const char *event = header(ctx, of[h->kind].header);

	if (!event)
		return NULL; /* the payload says what it is */
	for (size_t i = 0; i < 2 && of[h->kind].wanted[i]; i++)
		if (strcmp(event, of[h->kind].wanted[i]) == 0)
			return NULL;
	return is_plain(event) ? event : "an event without a name";
}
