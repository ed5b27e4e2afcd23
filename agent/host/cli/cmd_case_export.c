/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/host/cli/cli.h"
#include "agent/host/pr/export.h"
#include "agent/host/pr/proposal.h"
#include "runtime/base/fd.h"
#include "runtime/base/opt.h"
#include "runtime/proto/audit.h"
#include "runtime/proto/audit_read.h"

DEFINE_CLEANUP(struct kase, case_close);

struct exporting {
	const char *state, *id, *out;
	bool raw;
};

/* What leaves is in the log first; and all that the log has of the case is signed then. */
static int log_export(const struct exporting *x, struct err *e)
{
	struct audit_checkpoint signed_now = { 0 };
	struct audit *log = NULL;
	int r = audit_open(x->state, &log, e);

	if (r == 0)
		r = audit_commit(
			log, "case.export",
			json_pack("{s:s,s:s,s:b}", "of", x->id, "to", x->out, "raw", (int)x->raw),
			e);
	if (r == 0)
		r = audit_checkpoint(log, &signed_now, e);
	audit_checkpoint_release(&signed_now);
	audit_close(log);
	return r;
}

/* The checkpoint that the pull request names, as a file. */
static int earlier_note(const struct kase *k, struct err *e)
{
	AUTO_JSON json_t *record = NULL;
	AUTO_CLOSE int fd = -1;
	const char *note;

	if (case_record(k, STAGE_PULLREQ, &record, e) < 0)
		return -e->code;
	note = pr_str(json_object_get(json_object_get(record, "measured"), "checkpoint"), "note");
	fd = memfd_create("note", MFD_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, note, strlen(note), "note", e) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "cannot hand over the checkpoint");
	return take_fd(&fd);
}

static int add_slice(const struct exporting *x, const struct kase *k, struct bundle *b,
		     struct err *e)
{
	AUTO_BUF struct buf slice = BUF_INIT(BUNDLE_FILE_MAX);
	AUTO_CLOSE int dir = audit_log_dir(x->state, e);
	AUTO_CLOSE int note = -1;
	struct audit_reading r = { .words = { "slice", "--case", x->id },
				   .dir = dir,
				   .key = -1,
				   .file = -1,
				   .witness = -1 };
	struct err none = ERR_INIT;
	int status = 0;

	if (dir < 0)
		return dir;
	note = earlier_note(k, &none);
	if (note < 0 && none.code != ENOENT)
		return err_set(e, none.code, "%s", none.msg);
	if (note >= 0) {
		r.file = note;
		r.words[3] = "--earlier";
	}
	if (audit_read(&r, &slice, &status, e) < 0)
		return -e->code;
	if (status != 0)
		return err_set(e, EBADMSG, "the case's part of the audit log cannot be taken");
	return bundle_put(b, EXPORT_SLICE, slice.p ? slice.p : "", slice.n, e);
}

static int write_out(const struct exporting *x, const struct bundle *b, uint64_t mtime,
		     struct err *e)
{
	AUTO_BUF struct buf tar = BUF_INIT(BUNDLE_MAX + BUNDLE_FILES_MAX * 1024u);
	const char *slash = strrchr(x->out, '/');
	AUTO_FREE char *folder =
		slash ? strndup(x->out, (size_t)(slash - x->out) + 1) : strdup(".");
	AUTO_CLOSE int at = -1;

	if (!folder)
		return err_set(e, ENOMEM, "out of memory");
	if (bundle_tar(b, mtime, &tar, e) < 0)
		return -e->code;
	at = fd_open_dir(folder, e);
	return at < 0 ? at : file_publish_at(at, slash ? slash + 1 : x->out, tar.p, tar.n, 0600, e);
}

static int run(const struct exporting *x, struct err *e)
{
	CLEANUP(cleanup_case_close) struct kase *k = NULL;
	CLEANUP(bundle_release) struct bundle b = { 0 };
	uint64_t mtime = 0;

	/* locked: nobody may be working on it */
	if (case_open(x->state, x->id, true, &k, e) < 0 ||
	    export_case(x->state, k, x->raw, &b, &mtime, e) < 0 || log_export(x, e) < 0 ||
	    add_slice(x, k, &b, e) < 0 || write_out(x, &b, mtime, e) < 0)
		return CLI_FAILED;
	(void)printf("%s: %zu files, %zu bytes\n", x->out, b.n, b.bytes);
	return CLI_OK;
}

int cmd_case_export(int argc, char **argv, struct err *e)
{
	struct exporting x = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = {
		{ "output", OPT_STR, &x.out, "FILE", "the archive to write (required)" },
		{ "with-raw", OPT_FLAG, &x.raw, NULL,
		  "also the raw reports, which hold production's values" },
		{ "state", OPT_STR, &x.state, "DIR", "state directory" },
		{ 0 },
	};
	int operands;

	static char output[] = "--output";

	for (int i = 1; i < argc; i++) /* the one short name, as archivers have it */
		if (strcmp(argv[i], "-o") == 0)
			argv[i] = output;
	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 1)
		return cli_usage(e, "case export wants one case id");
	if (!x.out || !*x.out || x.out[strlen(x.out) - 1] == '/')
		return cli_usage(e, "case export needs '--output FILE'");
	x.id = argv[1];
	return run(&x, e);
}
