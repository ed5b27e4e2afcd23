/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/proto/audit.h"

/* audit-log STATE CASE N: appends N effects of the case, as an orchestrator does, and closes the
 * log. */
int main(int argc, char **argv)
{
	struct audit *a = NULL;
	struct err e = ERR_INIT;
	int r;

	if (argc != 4)
		return 2;
	r = audit_open(argv[1], &a, &e);
	if (r == 0)
		audit_set_case(a, argv[2]);
	for (long i = 0; r == 0 && i < strtol(argv[3], NULL, 10); i++)
		r = audit_commit(a, "replica.start",
				 json_pack("{s:I,s:s}", "n", (json_int_t)i, "image", "ho\x1bst"),
				 &e);
	audit_close(a);
	if (r < 0)
		(void)fprintf(stderr, "audit-log: %s\n", e.msg);
	return r < 0;
}
