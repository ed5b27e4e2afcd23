/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

struct monitor;

/*
 * What an agent that asks a model heard of the gate before, in a run of this
 * case that was killed.  A model's answer is only there again where it is asked
 * the very same; times and addresses in the output of tests would make every
 * question a new one, to be paid twice.  So verdicts, the ends of commands and
 * what was left are kept beside the calls, by what was asked and how often,
 * until the case ends.
 */
#define HEARD_KEY 128 /* with the NUL; "": nothing is kept */

/* Takes the question's reference. 1: *body (a new reference) is what was heard then; 0: nothing,
 * and the answer is kept under the key. */
int heard_before(struct monitor *m, json_t *question, char key[HEARD_KEY], json_t **body);
int heard_keep(struct monitor *m, const char *key, const json_t *body);
