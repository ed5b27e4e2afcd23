/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/testrun/backing_impl.h"
#include "runtime/base/sha256.h"

/* Recorded answers are read again for each world: what they are is part of the conditions. */
static json_t *stub_digest(struct world *w, const struct backing_one *o, int side, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(0);
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];

	if (!o->service->stub)
		return json_null();
	if (backing_input(w, side, o->service->stub, &text, e) < 0)
		return NULL;
	sha256_of(text.p ? text.p : "", text.n, digest);
	sha256_hex(digest, hex);
	return json_string(hex);
}

json_t *backing_conditions(struct world *w, int side, struct err *e)
{
	AUTO_JSON json_t *all = json_array();

	for (size_t i = 0; w->backing && i < w->backing->n; i++) {
		const struct backing_one *o = &w->backing->v[i];
		json_t *stub = stub_digest(w, o, side, e);
		json_t *one = stub ? json_pack("{s:s,s:s*,s:s*,s:s,s:s,s:o}", "name",
					       o->service->name, "file", o->service->digest,
					       "image", o->image.digest, "packages", o->packages_id,
					       "prepared", o->prepared_id[side], "stub", stub)
				   : NULL;

		if (!one || json_array_append_new(all, one) < 0) {
			if (!e->code)
				(void)err_set(e, ENOMEM, "backing services: out of memory");
			return NULL;
		}
	}
	return take_ptr(all);
}
