/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/note.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "runtime/base/base64.h"

#define ALG_ED25519 0x01
#define DASH	    "\xe2\x80\x94 " /* em dash and a space: begins a signature line */

DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);

static const char digits16[] = "0123456789abcdef";

static void key_id(struct note_key *k)
{
	const uint8_t alg = ALG_ED25519;
	uint8_t digest[SHA256_LEN];
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, k->name, strlen(k->name));
	sha256_update(&s, "\n", 1);
	sha256_update(&s, &alg, 1);
	sha256_update(&s, k->pub, NOTE_PUB_LEN);
	sha256_final(&s, digest);
	memcpy(k->id, digest, sizeof(k->id));
}

/* "NAME+IDHEX+BASE64" with an optional newline: the name, the 4 bytes of the id, 32 of key. */
static int key_fields(const char *text, struct note_key *k, uint8_t key[32])
{
	const char *id = strchr(text, '+');
	uint8_t raw[33];
	size_t len;

	if (!id || id == text || id - text > NOTE_NAME_MAX ||
	    strcspn(text, " \t\r\n") <= (size_t)(id - text))
		return -EINVAL;
	memcpy(k->name, text, (size_t)(id - text));
	k->name[id - text] = '\0';
	len = strlen(id);
	if (len > 0 && id[len - 1] == '\n')
		len--;
	if (len < 10 || id[9] != '+' || base64_get(id + 10, len - 10, raw, sizeof(raw)) < 0 ||
	    raw[0] != ALG_ED25519)
		return -EINVAL;
	memcpy(key, raw + 1, 32);
	for (size_t i = 0; i < 8; i++) {
		const char *d = strchr(digits16, id[1 + i]);

		if (!d || !*d)
			return -EINVAL;
		k->id[i / 2] = (uint8_t)((i % 2 ? k->id[i / 2] << 4 : 0) | (d - digits16));
	}
	return 0;
}

int note_key_parse(const char *text, struct note_key *out, struct err *e)
{
	struct note_key k = { 0 };
	uint8_t id[4];

	if (key_fields(text, &k, k.pub) < 0)
		return err_set(e, EBADMSG, "not a public key of the form NAME+ID+KEY");
	memcpy(id, k.id, sizeof(id));
	key_id(&k);
	if (memcmp(id, k.id, sizeof(id)) != 0)
		return err_set(e, EBADMSG, "the public key does not match its own id");
	*out = k;
	return 0;
}

static void put_key(const struct note_key *k, const uint8_t key[32], struct buf *out)
{
	uint8_t raw[33] = { ALG_ED25519 };

	memcpy(raw + 1, key, 32);
	buf_printf(out, "%s+%02x%02x%02x%02x+", k->name, k->id[0], k->id[1], k->id[2], k->id[3]);
	base64_put(out, raw, sizeof(raw));
	buf_putc(out, '\n');
	explicit_bzero(raw, sizeof(raw));
}

void note_key_format(const struct note_key *k, struct buf *out)
{
	put_key(k, k->pub, out);
}

#define PRIVATE "PRIVATE+KEY+"

void note_signer_format(const struct note_signer *s, struct buf *out)
{
	buf_puts(out, PRIVATE);
	put_key(&s->key, s->seed, out);
}

static int derive(struct note_signer *s, struct err *e)
{
	CLEANUP(cleanup_EVP_PKEY_free)
	EVP_PKEY *pkey =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, s->seed, sizeof(s->seed));
	size_t n = NOTE_PUB_LEN;

	if (!pkey || EVP_PKEY_get_raw_public_key(pkey, s->key.pub, &n) != 1 || n != NOTE_PUB_LEN)
		return err_set(e, EIO, "libcrypto cannot derive an Ed25519 key");
	key_id(&s->key);
	return 0;
}

int note_signer_make(const char *name, struct note_signer *out, struct err *e)
{
	struct note_signer s = { 0 };
	int r;

	if (!*name || strlen(name) > NOTE_NAME_MAX || strpbrk(name, "+ \t\r\n"))
		return err_set(e, EINVAL, "'%s' cannot name a key", name);
	memcpy(s.key.name, name, strlen(name));
	if (getrandom(s.seed, sizeof(s.seed), 0) != (ssize_t)sizeof(s.seed))
		return err_sys(e, "cannot get random bytes for the signing key");
	r = derive(&s, e);
	if (r == 0)
		*out = s;
	explicit_bzero(&s, sizeof(s));
	return r;
}

int note_signer_parse(const char *text, struct note_signer *out, struct err *e)
{
	struct note_signer s = { 0 };
	uint8_t id[4];
	int r;

	if (strncmp(text, PRIVATE, sizeof(PRIVATE) - 1) != 0 ||
	    key_fields(text + sizeof(PRIVATE) - 1, &s.key, s.seed) < 0)
		return err_set(e, EBADMSG, "not a signing key");
	memcpy(id, s.key.id, sizeof(id));
	r = derive(&s, e);
	if (r == 0 && memcmp(id, s.key.id, sizeof(id)) != 0)
		r = err_set(e, EBADMSG, "the signing key does not match its own id");
	if (r == 0)
		*out = s;
	explicit_bzero(&s, sizeof(s));
	return r;
}

static int sign(const struct note_signer *s, const void *data, size_t n, uint8_t sig[NOTE_SIG_LEN],
		struct err *e)
{
	CLEANUP(cleanup_EVP_PKEY_free)
	EVP_PKEY *pkey =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, s->seed, sizeof(s->seed));
	CLEANUP(cleanup_EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = NOTE_SIG_LEN;

	if (!pkey || !ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestSign(ctx, sig, &len, data, n) != 1 || len != NOTE_SIG_LEN)
		return err_set(e, EIO, "libcrypto cannot sign the checkpoint");
	return 0;
}

static bool signature_holds(const struct note_key *k, const void *data, size_t n,
			    const uint8_t sig[NOTE_SIG_LEN])
{
	CLEANUP(cleanup_EVP_PKEY_free)
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->pub, NOTE_PUB_LEN);
	CLEANUP(cleanup_EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	       EVP_DigestVerify(ctx, sig, NOTE_SIG_LEN, data, n) == 1;
}

int note_sign(const struct note_signer *s, const void *text, size_t n, struct buf *out,
	      struct err *e)
{
	uint8_t raw[4 + NOTE_SIG_LEN];
	int r;

	memcpy(raw, s->key.id, 4);
	r = sign(s, text, n, raw + 4, e);
	if (r < 0)
		return r;
	buf_printf(out, DASH "%s ", s->key.name);
	base64_put(out, raw, sizeof(raw));
	buf_putc(out, '\n');
	return buf_check(out, "note", e);
}

int checkpoint_sign(const struct note_signer *s, const struct checkpoint *c, struct buf *out,
		    struct err *e)
{
	const size_t from = out->n;
	size_t text;
	int r;

	buf_printf(out, "%s\n%llu\n", s->key.name, (unsigned long long)c->size);
	base64_put(out, c->root, SHA256_LEN);
	buf_putc(out, '\n');
	r = buf_check(out, "checkpoint", e);
	if (r < 0)
		return r;
	text = out->n - from;
	buf_putc(out, '\n');
	return note_sign(s, out->p + from, text, out, e);
}

static int size_read(const char *s, size_t n, uint64_t *out)
{
	uint64_t v = 0;

	if (n == 0 || n > 19 || (s[0] == '0' && n > 1))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*out = v;
	return 0;
}

struct line {
	const char *p;
	size_t n;
};

/* The three lines of the text; returns where the signatures begin, or NULL. */
static const char *split_note(const char *text, size_t n, struct line line[3])
{
	const char *p = text, *end = text + n;

	for (int i = 0; i < 3; i++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl)
			return NULL;
		line[i] = (struct line){ p, (size_t)(nl - p) };
		p = nl + 1;
	}
	return p < end && *p == '\n' ? p + 1 : NULL;
}

/*
 * Our signature among the note's.  1 found, 0 there is none by this key,
 * -EBADMSG malformed.  Witnesses may have added theirs: those are skipped.
 */
static int find_signature(const char *p, const char *end, const struct note_key *k,
			  uint8_t raw[4 + NOTE_SIG_LEN])
{
	const size_t name = strlen(k->name);
	int found = 0;

	if (p == end)
		return -EBADMSG;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *sp;

		if (!nl || (size_t)(nl - p) < sizeof(DASH) ||
		    memcmp(p, DASH, sizeof(DASH) - 1) != 0)
			return -EBADMSG;
		p += sizeof(DASH) - 1;
		sp = memchr(p, ' ', (size_t)(nl - p));
		if (!sp || sp == p)
			return -EBADMSG;
		if ((size_t)(sp - p) == name && memcmp(p, k->name, name) == 0 && !found) {
			if (base64_get(sp + 1, (size_t)(nl - sp - 1), raw, 4 + NOTE_SIG_LEN) < 0)
				return -EBADMSG;
			found = memcmp(raw, k->id, 4) == 0;
		}
		p = nl + 1;
	}
	return found;
}

int note_check(const char *note, size_t n, const struct note_key *k, struct err *e)
{
	const char *sigs = memmem(note, n, "\n\n", 2);
	uint8_t raw[4 + NOTE_SIG_LEN];
	int found;

	if (!sigs)
		return err_set(e, EBADMSG, "the note is malformed");
	found = find_signature(sigs + 2, note + n, k, raw);
	if (found < 0)
		return err_set(e, EBADMSG, "a signature line of the note is malformed");
	if (!found)
		return err_set(e, ENOKEY, "the note is not signed by '%s'", k->name);
	if (!signature_holds(k, note, (size_t)(sigs + 1 - note), raw + 4))
		return err_set(e, EKEYREJECTED, "the note's signature by '%s' is wrong", k->name);
	return 0;
}

int checkpoint_open(const char *text, size_t n, const struct note_key *k, struct checkpoint *out,
		    struct err *e)
{
	uint8_t raw[4 + NOTE_SIG_LEN];
	struct line line[3] = { { 0 } };
	struct checkpoint c;
	const char *sigs;
	int found;

	sigs = n <= NOTE_MAX ? split_note(text, n, line) : NULL;
	if (!sigs || size_read(line[1].p, line[1].n, &c.size) < 0 ||
	    base64_get(line[2].p, line[2].n, c.root, SHA256_LEN) < 0)
		return err_set(e, EBADMSG, "the checkpoint is malformed");
	found = find_signature(sigs, text + n, k, raw);
	if (found < 0)
		return err_set(e, EBADMSG, "a signature line of the checkpoint is malformed");
	*out = c;
	if (!found || line[0].n != strlen(k->name) || memcmp(line[0].p, k->name, line[0].n) != 0)
		return err_set(e, ENOKEY, "the checkpoint is not signed by '%s'", k->name);
	if (!signature_holds(k, text, (size_t)(sigs - 1 - text), raw + 4))
		return err_set(e, EKEYREJECTED, "the checkpoint's signature by '%s' is wrong",
			       k->name);
	return 0;
}
