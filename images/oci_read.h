/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/base/err.h"

/*
 * What stands in the JSON of an image (OCI image specification 1.1; docker's
 * manifests 2.2 have the same members), member by member: the formats have
 * others that we do not know.  The values come from sickbay-decode and are
 * untrusted; `path` names them in errors.
 */
#define OCI_INDEX_DEPTH 4
#define OCI_LAYERS_MAX	500u
#define OCI_JSON_MAX	(4LL << 20)

struct oci_blob {
	char digest[72]; /* "sha256:HEX" */
	json_int_t size;
};

/* NULL, and e filled, where the member is missing or is something else. */
const char *oci_string(const char *path, const json_t *obj, const char *key, struct err *e);
const json_t *oci_array(const char *path, const json_t *obj, const char *key, struct err *e);
const char *oci_digest_hex(const char *digest); /* "sha256:HEX" -> HEX; NULL: it is none */
int oci_descriptor(const char *path, const json_t *obj, struct oci_blob *out, struct err *e);
/* Of several manifests, the one for this host; a single one is taken without asking. */
const json_t *oci_choose(const char *path, const json_t *index, struct err *e);
/* -ENOTSUP: the configuration is that of another platform. */
int oci_check_platform(const char *path, const json_t *config, struct err *e);
/* The digests of the uncompressed layers, bottom first; as many as there are layers. */
const json_t *oci_diff_ids(const char *path, const json_t *config, size_t layers, struct err *e);
int oci_check_layer_type(const char *path, const json_t *layer, const char *digest, struct err *e);
