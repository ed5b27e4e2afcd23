/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "agent/broker/vault.h"

/* A server that was told the key may say it again, in an error or an answer: it goes no further. */
#define SCRUBBED "[key]"

/* Replaces the key wherever it stands in a string or a member's name; false: out of memory. */
bool scrub_value(json_t *v, const struct secret *s);
/* The same in place, by asterisks. */
void scrub_text(char *text, const struct secret *s);
