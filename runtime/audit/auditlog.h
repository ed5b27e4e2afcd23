/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/audit/note.h"
#include "runtime/audit/scan.h"
#include "runtime/audit/tree.h"

/*
 * The writing end of the log.  Several processes may hold one log open: each
 * operation takes the log's lock, first follows what others wrote, and checks
 * it line by line as it does.  Records are never rewritten.
 *
 *   events/FIRSTSEQ.ndjson    the records (64 MiB a segment)
 *   events/SEQ.N.torn         what a crash left half-written, cut off
 *   checkpoint, checkpoints/  the newest signed tree head, and all of them
 *   key, key.pub              Ed25519, made on first use
 *   keys/EPOCH                how each later key follows from the one before it (keys.h)
 *   cache/                    hashes and offsets: rebuilt when they do not fit the signed root
 *
 * What is behind the newest checkpoint may be torn by a crash: it is cut and
 * recorded.  What is before it never may: then nothing more is appended.
 */
#define SEGMENT_BYTES (64u << 20)
#define BATCH_EVENTS  1024
#define ROOM_BYTES    (1u << 20) /* that the last segment owns beyond its end */

struct auditlog {
	int dir, events, lock, hashes, offsets, seg;
	uint64_t seg_first, seg_size; /* the last segment, as far as it was followed */
	uint64_t allocated;	      /* the segment owns its blocks up to here */
	struct tree tree;
	uint8_t last[SHA256_LEN]; /* leaf hash of the last record */
	struct note_signer signer;
	size_t epoch;		   /* of the signer's key */
	int witness;		   /* a file that each checkpoint is appended to, -1: none */
	uint64_t witnessed;	   /* size of the newest one there */
	struct err unwitnessed;	   /* why the newest one is not there */
	struct checkpoint newest;  /* size 0: none yet */
	uint64_t segment_bytes;	   /* SEGMENT_BYTES; smaller in tests */
	uint64_t synced;	   /* records that are known to be durable */
	bool failed;		   /* a sync failed: what is on disk is no longer known */
	struct buf stored, starts; /* for the cache, not written yet */
	uint64_t stored_from;	   /* tree size at which they begin */
};

/* dir: the log's directory, borrowed.  Makes what is missing, recovers from a crash; -EBADMSG:
 * tampered with. */
int auditlog_open(int dir, struct auditlog **out, struct err *e);
void auditlog_close(struct auditlog *l);
/*
 * Appends an array of events, all or none; with sync they and everything
 * before them are durable on return.  *first is the first one's number.
 */
int auditlog_append(struct auditlog *l, const json_t *events, bool sync, uint64_t *first,
		    struct err *e);
/* Makes everything durable, then signs and publishes; appends the note's text to `note`. */
int auditlog_checkpoint(struct auditlog *l, struct checkpoint *out, struct buf *note,
			struct err *e);

/*
 * Gives the log a new key: the old one signs everything so far and, together
 * with the new one, the note of the new epoch (keys.h); then it is gone.
 * *out and note are the first checkpoint of the new key.
 */
int auditlog_rotate(struct auditlog *l, struct checkpoint *out, struct buf *note, struct err *e);

/* ---- between the files of the log ---- */
int auditlog_checkpoint_locked(struct auditlog *l, struct checkpoint *out, struct buf *note,
			       struct err *e);
/* With the lock held: ends a rotation that was cut short. */
int auditlog_mend_keys(struct auditlog *l, struct err *e);
/* With the lock held: another process may have given the log a new key. */
int auditlog_renew_key(struct auditlog *l, struct err *e);
int auditlog_lock(struct auditlog *l, struct err *e);
void auditlog_unlock(struct auditlog *l);
int auditlog_load_keys(struct auditlog *l, struct err *e);
/* Follows the log to its end, cutting a torn tail; with the lock held. */
int auditlog_follow(struct auditlog *l, struct err *e);
/* Starts following: near the newest checkpoint where the cache can be believed, else at the
 * beginning. */
int auditlog_start(struct auditlog *l, struct err *e);
/* Appends under the lock, without following first. */
int auditlog_write(struct auditlog *l, const json_t *events, bool sync, struct err *e);
void auditlog_flush_cache(struct auditlog *l);
