/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "images/oci_read.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"

/* One JSON text as an index, a manifest and a configuration: a refusal says why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void trap_unless(int fine)
{
	if (!fine)
		__builtin_trap();
}

static void fuzz_layers(const json_t *manifest)
{
	struct err e = ERR_INIT;
	const json_t *layers = oci_array("fuzz", manifest, "layers", &e);
	const json_t *v;
	size_t i;

	trap_unless(layers || e.msg[0]);
	json_array_foreach(layers, i, v) {
		struct oci_blob b = { 0 };

		e = (struct err)ERR_INIT;
		if (oci_descriptor("fuzz", v, &b, &e) < 0) {
			trap_unless(e.msg[0] != '\0');
			continue;
		}
		trap_unless(strlen(b.digest) == 71 && b.size >= 0 && oci_digest_hex(b.digest));
		(void)oci_check_layer_type("fuzz", v, b.digest, &e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct jsonc *j = NULL;

	if (jsonc_parse("fuzz", (const char *)data, size, JSONC_STRICT, &j, &e) == 0) {
		const json_t *root = jsonc_root(j);

		trap_unless(oci_choose("fuzz", root, &e) || e.msg[0]);
		fuzz_layers(root);
		e = (struct err)ERR_INIT;
		trap_unless(oci_check_platform("fuzz", root, &e) == 0 || e.msg[0]);
		(void)oci_diff_ids("fuzz", root, 1, &e);
	}
	jsonc_free(j);
	return 0;
}
