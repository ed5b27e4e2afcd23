/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/audit/auditlog.h"
#include "runtime/base/err.h"
#include "runtime/base/msg.h"

/*
 * The appending service: one orchestrator at the other end of the socket,
 * messages as runtime/proto/audit.h has them.  Ends when the peer closes,
 * after signing what it has not signed yet.  witness: a file that every checkpoint is appended
 * to, -1: none.
 */
int serve(int sock, int dir, int witness, struct err *e);
/*
 * The same for any number of orchestrators at one time: door is a listening
 * socket, life a descriptor that becomes readable when it is time to end.
 */
int serve_listen(int door, int life, int dir, int witness, struct err *e);

/* ---- between the two ---- */
/* Appends what m asks for; without may_sync the caller syncs, as *sync wants it, before it
 * answers. */
int serve_append(struct auditlog *l, const struct msg *m, bool may_sync, json_t **answer,
		 bool *sync, struct err *e);
/* Does what m asks for and answers; what was refused is the answer. <0: the peer is lost. */
int serve_request(struct auditlog *l, int sock, const struct msg *m, struct err *e);
int serve_refusal(int sock, const struct err *why);
/* Signs what is not signed yet. */
int serve_sign(struct auditlog *l, struct err *e);
