/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * The client end of sickbay-audit (DESIGN promise 4).  An effect must be
 * durable before it happens: queue effects with audit_effect(), then call
 * audit_sync() once per turn of the loop, then do them.  Observations are
 * appended and become durable with the next sync.  `fields` is an object of
 * strings, integers, booleans, nulls and arrays of strings; the reference is stolen, also on
 * failure.
 */
enum audit_msg {		       /* message types on the wire */
		 AUDIT_MSG_APPEND = 1, /* {"events":[{"type":...,"case":...,...}], "sync":bool} ->
					  AUDIT_MSG_DONE */
		 AUDIT_MSG_DONE,       /* {"seq":first,"size":n} */
		 AUDIT_MSG_CHECKPOINT, /* {} -> AUDIT_MSG_NOTE */
		 AUDIT_MSG_NOTE,       /* {"size":n,"root":hex,"note":text,"origin":...,"epoch":n,
					  "witnessed":bool}, and where the witness refused it
					  "unwitnessed": why */
		 AUDIT_MSG_ERROR,      /* {"message":...} */
		 AUDIT_MSG_ROTATE      /* {}: the log gets a new key -> AUDIT_MSG_NOTE */
};

/* What sickbay-audit runs as (no other program does) and where it finds its ends. */
#define AUDIT_UID	 60802
#define AUDIT_FD_SOCKET	 3
#define AUDIT_FD_DIR	 4
#define AUDIT_FD_KEY	 5		/* of the reading verbs: a public key, */
#define AUDIT_FD_FILE	 6		/* and a checkpoint or proof, that the operator named */
#define AUDIT_FD_LIFE	 7		/* of the resident log: readable when it is time to end */
#define AUDIT_FD_WITNESS 8		/* of the log: what every checkpoint is appended to */
#define AUDIT_DOOR	 "audit.socket" /* in the state directory, where a resident log listens */

struct audit;

/*
 * Where every checkpoint is kept besides the log: an absolute path of a file,
 * or of a directory for AUDIT_WITNESS_FILE in it; *path NULL: nowhere; to be
 * freed.  Asked when sickbay-audit is started, and only then.
 */
#define AUDIT_WITNESS_FILE "audit-checkpoints"
typedef int audit_witness_fn(char **path, struct err *e);
void audit_witness_by(audit_witness_fn *f);
/* Opens it for appending: an fd, -1 with e->code 0: there is none. */
int audit_witness_open(struct err *e);

struct audit_checkpoint {
	uint64_t size;
	char root[65];
	char *note;	   /* the signed note, owned */
	size_t epoch;	   /* of the key that signed it */
	char *unwitnessed; /* why the witness has it not, owned; NULL: it has, or there is none */
};

/* The log's directory STATE/audit, made for sickbay-audit's uid when missing: an fd. */
int audit_dir(const char *state, struct err *e);
/*
 * Connects to the resident log where one listens (`sickbay audit serve`), else starts sickbay-audit
 * for the log in STATE/audit; records operator's login uid and argv[0..] as "operator.command".
 */
int audit_open(const char *state, struct audit **out, struct err *e);
void audit_set_case(struct audit *a,
		    const char *case_id); /* added to each event until changed; NULL: none */
int audit_effect(struct audit *a, const char *type, json_t *fields, struct err *e);
int audit_note(struct audit *a, const char *type, json_t *fields, struct err *e);
int audit_sync(struct audit *a, struct err *e);
/* audit_sync() in two halves: what is done between them is not an effect, or is held until the
 * second one succeeds. */
int audit_sync_begin(struct audit *a, struct err *e);
/* Sends what is queued on its way, as observations: nothing waits for it. */
int audit_send(struct audit *a, struct err *e);
int audit_sync_end(struct audit *a, struct err *e);
/* audit_effect() and audit_sync(). */
int audit_commit(struct audit *a, const char *type, json_t *fields, struct err *e);
/* Gives the log a new key; *out is the first checkpoint that it signs. */
int audit_rotate(struct audit *a, struct audit_checkpoint *out, struct err *e);
/* Signs and publishes a checkpoint over everything so far. */
int audit_checkpoint(struct audit *a, struct audit_checkpoint *out, struct err *e);
void audit_checkpoint_release(struct audit_checkpoint *c);
void audit_close(struct audit *a);
/* The login uid of whoever runs this process, an integer, or "unset". */
json_t *audit_login_uid(void);
/* Serves the log in `state` to every process of sickbay until `stop` is readable. -EADDRINUSE:
 * another one does. */
int audit_listen(const char *state, int stop, struct err *e);
/* Where a resident log listens, for one who holds the state directory open. */
struct sockaddr_un;
void audit_door(int state_dir, struct sockaddr_un *at);
