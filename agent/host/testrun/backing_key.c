/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/testrun/backing_impl.h"

json_t *backing_conditions(const struct world *w, int side, struct err *e)
{
	AUTO_JSON json_t *all = json_array();

	for (size_t i = 0; all && w->backing && i < w->backing->n; i++) {
		const struct backing_one *o = &w->backing->v[i];

		if (json_array_append_new(
			    all, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "name", o->service->name,
					   "file", o->service->digest, "image", o->image.digest,
					   "packages", o->packages_id, "prepared",
					   o->prepared_id[side], "stub", o->stub_sha256[side])) < 0)
			json_decref(take_ptr(all));
	}
	if (!all)
		(void)err_set(e, ENOMEM, "backing services: out of memory");
	return take_ptr(all);
}
