/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/exec.h"

#include <unistd.h>

int exec_run(const char *dir, char *const *argv, int *status, struct err *e)
{
	*status = 126;
	if (chdir(dir) < 0)
		return err_sys(e, "go to '%.200s'", dir);
	(void)execvp(argv[0], argv);
	if (errno == ENOENT)
		*status = 127;
	return err_sys(e, "run '%.200s'", argv[0]);
}
