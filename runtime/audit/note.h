/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/sha256.h"

/*
 * Signed notes and checkpoints as C2SP writes them (signed-note,
 * tlog-checkpoint), with Ed25519.  The only user of libcrypto.  Reading is
 * strict: one spelling for each value, so that no byte of a checkpoint can change unseen.
 */
#define NOTE_NAME_MAX 200
#define NOTE_MAX      4096 /* bytes of a checkpoint */
#define NOTE_PUB_LEN  32
#define NOTE_SIG_LEN  64

struct note_key { /* whom to believe */
	char name[NOTE_NAME_MAX + 1];
	uint8_t id[4];
	uint8_t pub[NOTE_PUB_LEN];
};

struct note_signer {
	struct note_key key;
	uint8_t seed[32];
};

struct checkpoint {
	uint64_t size;
	uint8_t root[SHA256_LEN];
};

/* "NAME+IDHEX+BASE64" and "PRIVATE+KEY+NAME+IDHEX+BASE64", each a line. */
int note_key_parse(const char *text, struct note_key *out, struct err *e);
void note_key_format(const struct note_key *k, struct buf *out);
int note_signer_make(const char *name, struct note_signer *out, struct err *e);
int note_signer_parse(const char *text, struct note_signer *out, struct err *e);
void note_signer_format(const struct note_signer *s, struct buf *out);

/* Appends a signature line for n bytes of text. */
int note_sign(const struct note_signer *s, const void *text, size_t n, struct buf *out,
	      struct err *e);
/* A signed note of any text: as checkpoint_open(), without reading the text. */
int note_check(const char *note, size_t n, const struct note_key *k, struct err *e);
/* Appends the signed note to out. */
int checkpoint_sign(const struct note_signer *s, const struct checkpoint *c, struct buf *out,
		    struct err *e);
/*
 * Reads a signed checkpoint: -EBADMSG malformed, -ENOKEY signed by nobody we
 * know, -EKEYREJECTED the signature is wrong.  *out is filled for the last two as well (what it
 * claims).
 */
int checkpoint_open(const char *text, size_t n, const struct note_key *k, struct checkpoint *out,
		    struct err *e);
