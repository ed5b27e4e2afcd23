/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/decode/text.h"

/*
 * What manifest_decode() and its readers share: one flat object of findings,
 * each a string, a list or a map of strings, all of them printable, on one
 * line, and bounded in length and number.
 */
#define FINDING_BYTES 200 /* longer text is cut */
#define FINDINGS_MAX  200 /* of one list or map: the rest is left out */

/* All take the findings first and ignore what does not fit. */
void finding_set(json_t *f, const char *key, const char *s, size_t n);
void finding_add(json_t *f, const char *list, const char *s, size_t n); /* no duplicates */
void finding_pair(json_t *f, const char *map, const char *key, size_t key_len, const char *value,
		  size_t value_len);
/* The name that a requirement begins with ("requests[socks]>=2; python_version<'4'"). */
void finding_requirement(json_t *f, const char *list, const char *s, size_t n);

/* One reader a kind of file; t is what the file holds. */
void manifest_toml(const struct text *t, json_t *f);
void manifest_ini(const struct text *t, json_t *f);
void manifest_requirements(const struct text *t, json_t *f);
void manifest_make(const struct text *t, json_t *f);
void manifest_cmake(const struct text *t, json_t *f);
void manifest_docker(const struct text *t, json_t *f);
void manifest_ci(const struct text *t, json_t *f);
