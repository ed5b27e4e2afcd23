/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/cli/cli.h"
#include "agent/host/cli/cmd_policy.h"
#include "policy/format.h"
#include "runtime/base/fd.h"
#include "runtime/base/opt.h"

/* `sickbay policy fmt`: prints, checks or rewrites. */
#define POLICY_MAX (256u << 10)

struct fmt_call {
	bool check, write;
};

/* In place: the same owner and mode, whole or not at all. */
static int rewrite(const char *path, const struct buf *text, struct err *e)
{
	const char *const slash = strrchr(path, '/');
	const char *const name = slash ? slash + 1 : path;
	AUTO_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	AUTO_CLOSE int dir = -1;
	struct stat st;
	int r;

	if (!folder)
		return err_set(e, ENOMEM, "out of memory");
	dir = fd_open_dir(folder, e);
	if (dir < 0)
		return dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file; name the file itself", path);
	r = file_publish_at(dir, name, text->p, text->n, st.st_mode & 07777, e);
	if (r == 0 && fchownat(dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = err_sys(e, "%s: giving it back to its owner", path);
	return r;
}

static int fmt_one(const struct fmt_call *c, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(POLICY_MAX);
	AUTO_BUF struct buf out = BUF_INIT(4 * POLICY_MAX);
	bool same;

	if (file_read_at(AT_FDCWD, path, POLICY_MAX, &text, e) < 0 ||
	    policy_format(path, text.p ? text.p : "", text.n, &out, e) < 0)
		return CLI_FAILED;
	same = text.p && text.n == out.n && memcmp(text.p, out.p, out.n) == 0;
	if (!c->check && !c->write)
		return fwrite(out.p, 1, out.n, stdout) == out.n ? CLI_OK : CLI_FAILED;
	if (same)
		return CLI_OK;
	(void)printf("%s: %s\n", path, c->check ? "not in the canonical form" : "rewritten");
	if (c->check)
		return CLI_CLOSED;
	return rewrite(path, &out, e) < 0 ? CLI_FAILED : CLI_OK;
}

int policy_cmd_fmt(int argc, char **argv, struct err *e)
{
	struct fmt_call c = { 0 };
	const struct opt opts[] = {
		{ "check", OPT_FLAG, &c.check, NULL, "say which are not, and change nothing" },
		{ "write", OPT_FLAG, &c.write, NULL, "rewrite the files" },
		{ 0 },
	};
	int n = 0, status = CLI_OK;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(e, "policy fmt: name a file");
	if (c.check && c.write)
		return cli_usage(e,
				 "policy fmt: --check changes nothing, --write does; choose one");
	for (int i = 1; i <= n && status != CLI_FAILED; i++) {
		const int one = fmt_one(&c, argv[i], e);

		if (one != CLI_OK)
			status = one;
	}
	return status;
}
