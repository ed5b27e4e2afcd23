/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/base/err.h"

/* The outgoing webhook: what a broker does that was set up with `notify`. See
 * runtime/proto/broker_notify.h. */
struct notifier;
struct vault;

int notify_open(const json_t *said, struct vault *v, int resolver, struct notifier **out,
		struct err *e);
/* Answers on `sock` until the peer closes it. */
int notify_serve(struct notifier *n, int sock, struct err *e);
void notify_close(struct notifier *n); /* NULL is fine */
