/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/house.h"

#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "agent/host/case/house_collect.h"
#include "runtime/base/jmap.h"
#include "runtime/base/log.h"

#define NO_ROOM	  (256u << 10) /* bytes: a record and what goes with it */
#define NO_INODES 64

int house_size(const char *path, uint64_t *bytes, uint64_t *files, struct err *e)
{
	char *const roots[] = { (char *)(uintptr_t)path, NULL };
	FTS *f;

	*bytes = *files = 0;
	errno = 0;
	f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (!f)
		return err_sys(e, "'%s'", path);
	for (const FTSENT *one = fts_read(f); one; one = fts_read(f)) {
		/* what went away meanwhile takes nothing */
		if (one->fts_info == FTS_DP || one->fts_info == FTS_NS ||
		    one->fts_info == FTS_DNR || one->fts_info == FTS_ERR)
			continue;
		*bytes += (uint64_t)one->fts_statp->st_blocks * 512;
		++*files;
	}
	(void)fts_close(f);
	return 0;
}

/* Rounded up: what is almost full is full. */
static unsigned percent_of(uint64_t used, uint64_t of)
{
	if (of == 0 || used >= of)
		return of ? 100 : 0;
	return (unsigned)((used * 100 + of - 1) / of);
}

int house_measure(const char *state, const struct host_config *c, struct house_level *out,
		  struct err *e)
{
	struct house_level at = { 0 };
	struct statvfs s;

	if (statvfs(state, &s) < 0)
		return err_sys(e, "'%s': how full it is", state);
	/* blocks that are reserved are no room: programs of other users write here, too */
	at.of = (uint64_t)(s.f_blocks - s.f_bfree + s.f_bavail) * s.f_frsize;
	at.used = (uint64_t)(s.f_blocks - s.f_bfree) * s.f_frsize;
	at.inode_percent = percent_of(s.f_files - s.f_ffree, s.f_files);
	at.percent = percent_of(at.used, at.of);
	if (c->quota.bytes) {
		uint64_t held = 0, files;
		const int r = house_size(state, &held, &files, e);

		if (r < 0)
			return r;
		if (percent_of(held, c->quota.bytes) >= at.percent) {
			at.used = held;
			at.of = c->quota.bytes;
			at.percent = percent_of(held, c->quota.bytes);
		}
	}
	if (at.inode_percent > at.percent)
		at.percent = at.inode_percent;
	*out = at;
	return 0;
}

/* Programs that were started say only that they failed. */
bool house_is_full(const char *state, int code)
{
	struct statvfs s;

	if (code == ENOSPC || code == EDQUOT)
		return true;
	return statvfs(state, &s) == 0 && ((uint64_t)s.f_bavail * s.f_frsize < NO_ROOM ||
					   (s.f_files && s.f_favail < NO_INODES));
}

int house_tidy(const char *state, const struct host_config *c, struct audit *audit, struct err *e)
{
	const struct house_collection all = {
		.state = state, .config = c, .audit = audit, .age_ms = c->quota.age_ms
	};
	AUTO_JSON json_t *rows = NULL;
	struct house_level at;
	int r = house_measure(state, c, &at, e);

	if (r < 0 || at.percent < c->quota.collect)
		return r;
	r = house_collect(&all, &rows, e);
	if (r < 0)
		return r;
	log_warn("'%s' is %u %% full: %zu things that nobody needs were collected", state,
		 at.percent, json_array_size(rows));
	return 1;
}

int house_may_start(const char *state, const struct host_config *c, char why[256], struct err *e)
{
	struct house_level at;
	const int r = house_measure(state, c, &at, e);

	if (r < 0)
		return r;
	if (at.percent < c->quota.stop)
		return 1;
	(void)snprintf(
		why, 256,
		"'%.120s' is %u %% full, of %u %% at which no case is begun: see `sickbay df` "
		"and `sickbay gc`",
		state, at.percent, (unsigned)c->quota.stop);
	return 0;
}
