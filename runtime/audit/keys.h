/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "runtime/audit/note.h"

/*
 * The keys of a log, one an epoch.  A change of key is a note signed by the
 * old key and by the new one, kept in keys/EPOCH:
 *
 *     sickbay.audit-key/1
 *     epoch N              the epoch that begins
 *     after SIZE           of the last tree that the old key signed
 *     old KEY
 *     new KEY
 *
 * So whoever believes one key of the list can tell all the others, and which
 * one must have signed a tree of what size.
 */
#define KEY_EPOCHS_MAX	 1000
#define KEY_TEXT_MAX	 1024 /* bytes of a public key's line */
#define KEY_ROTATION_MAX 4096

struct key_epoch {
	struct note_key key;
	uint64_t after; /* it signs trees that are larger; 0 for the first */
	char *note;	/* how it began, owned; NULL for the first */
	size_t note_n;
};

struct key_list {
	struct key_epoch *v;
	size_t n;
};

void key_list_release(struct key_list *l);
/* Begins a list with the first epoch's key. */
int key_list_begin(struct key_list *l, const char *key, struct err *e);
/* Adds the next epoch: -EBADMSG, -EKEYREJECTED when the note does not follow from the list. */
int key_list_add(struct key_list *l, const char *note, size_t n, struct err *e);
/* The list of a log's directory; its last key must be key.pub. */
int key_list_load(int dir, struct key_list *l, struct err *e);
/* The epoch of this key, or -ENOKEY. */
int key_list_find(const struct key_list *l, const struct note_key *k);
/* The epoch whose key signs trees of this size. */
size_t key_list_epoch(const struct key_list *l, uint64_t size);
/* As checkpoint_open(), with the key of the checkpoint's epoch. */
int key_list_open(const struct key_list *l, const char *text, size_t n, struct checkpoint *out,
		  struct err *e);
/* Appends the note with which epoch `epoch` begins. */
int key_rotation(const struct note_signer *old, const struct note_signer *new_one, size_t epoch,
		 uint64_t after, struct buf *out, struct err *e);
