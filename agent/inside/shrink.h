/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/inside/tools.h"
#include "runtime/base/err.h"

/*
 * Makes an input smaller and free of production's values while one question
 * keeps its answer.  Deterministic: the same input and the same answers give
 * the same result, whatever time it takes; the budget counts questions.
 */
struct shrink {
	/* 1: still the same failure, 0: not, <0: stop with e. */
	int (*still)(void *arg, const json_t *input, struct err *e);
	void *arg;
	size_t budget;		/* questions left */
	bool fixed;		/* calls take a fixed number of arguments: none is dropped */
	const json_t *personal; /* array of values that may not even lend their shape; or NULL */
	json_t *refused;	/* NULL at first; what was asked and is not the same failure */
};
void shrink_release(struct shrink *s);
/* One question within the budget, never the same twice: 1 and *input is the candidate, 0, or
 * -errno. */
int shrink_ask(struct shrink *s, json_t **input, json_t *candidate, struct err *e);

/* Drops steps, arguments, elements and members of *input (normal form), largest first. */
int shrink_input(struct shrink *s, json_t **input, struct err *e);

/*
 * Replaces every string, number and key that does not stand in the repository
 * already by a synthetic one of the same shape.  *kept receives the JSON pointer
 * of a value that could not be replaced, or is empty: such an input must not leave.
 */
int shrink_synthesise(struct shrink *s, const struct corpus *repo, json_t **input, struct buf *kept,
		      struct err *e);

/* The same for the words of one text that the repository does not have, each renamed wherever it
 * stands, to the first letter that is free.  As shrink_ask(). */
int shrink_rename(struct shrink *s, const struct corpus *repo, json_t **input, const char *text,
		  struct err *e);
/* Of the word that begins here, in bytes; 0: none does. */
size_t shrink_word_length(const char *s);
