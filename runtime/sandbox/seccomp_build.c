/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/sandbox/seccomp_plan.h"

/*
 * From verdicts to instructions.  libseccomp makes the allow-list as a binary
 * tree; a short prologue of our own does what it cannot: answer ENOSYS for
 * numbers beyond the tables (a range), and refuse ioctl requests by the lower
 * half of the argument in a list that otherwise allows ioctl.  Jumps in BPF
 * are relative, so a prologue in front of a finished program is sound; foreign
 * architectures and x32 pass through it to the library's own check.
 */
static void release_ctx(scmp_filter_ctx *c)
{
	if (*c)
		seccomp_release(*c);
}

static int lib_err(int r, const char *what, struct err *e)
{
	return err_set(e, -r, "system-call filter: %s: %s", what, strerror(-r));
}

static int add_rows(scmp_filter_ctx ctx, uint32_t action, const char *call, int nr, bool *any)
{
	for (const struct seccomp_row *row = seccomp_rows; row->call; row++) {
		struct scmp_arg_cmp cmp[2];
		int r;

		if (strcmp(row->call, call) != 0)
			continue;
		for (unsigned i = 0; i < row->n; i++)
			cmp[i] = (struct scmp_arg_cmp){ .arg = row->m[i].arg,
							.op = SCMP_CMP_MASKED_EQ,
							.datum_a = row->m[i].mask,
							.datum_b = row->m[i].value };
		r = seccomp_rule_add_array(ctx, action, nr, row->n, cmp);
		if (r < 0)
			return r;
		*any = true;
	}
	return 0;
}

static int add_call(scmp_filter_ctx ctx, uint32_t action, int nr, struct err *e)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);
	bool rows = false;
	int r = name ? add_rows(ctx, action, name, nr, &rows) : 0;

	if (r == 0 && !rows)
		r = seccomp_rule_add_array(ctx, action, nr, 0, NULL);
	free(name);
	if (r < 0)
		return err_set(e, -r, "system-call filter: rule for call %d: %s", nr, strerror(-r));
	return 0;
}

static int add_all(scmp_filter_ctx ctx, const struct seccomp_plan *plan, struct err *e)
{
	/* libc falls back to clone(), whose flags can be looked at; even where the rest is killed.
	 */
	const int clone3 = seccomp_number("clone3");
	int r = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(ENOSYS), clone3, 0, NULL);

	if (r < 0)
		return lib_err(r, "rule for clone3", e);
	for (int nr = 0; nr <= SECCOMP_LAST_KNOWN; nr++) {
		if (plan->verdict[nr] == SECCOMP_REFUSED)
			continue;
		if (add_call(ctx,
			     plan->verdict[nr] == SECCOMP_NOTIFIED ? SCMP_ACT_NOTIFY
								   : SCMP_ACT_ALLOW,
			     nr, e) < 0)
			return -e->code;
	}
	return 0;
}

static int make_ctx(bool kill, scmp_filter_ctx *out, struct err *e)
{
	CLEANUP(release_ctx)
	scmp_filter_ctx ctx = seccomp_init(kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!ctx)
		return err_set(e, ENOMEM, "system-call filter: out of memory");
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		return err_set(e, ENOTSUP, "the system-call filter is for x86-64 only");
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r < 0)
		return lib_err(r, "kill foreign architectures", e);
	r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		return lib_err(r, "binary tree", e);
	*out = ctx;
	ctx = NULL;
	return 0;
}

/* The library writes to a descriptor only; a memory file keeps it off the disk. */
static int export(scmp_filter_ctx ctx, struct sock_filter *to, size_t room, size_t *n,
		  struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("seccomp", MFD_CLOEXEC);
	ssize_t got;
	int r;

	if (fd < 0)
		return err_sys(e, "system-call filter: memory file");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return lib_err(r, "export", e);
	got = pread(fd, to, room * sizeof(*to), 0);
	if (got < 0)
		return err_sys(e, "system-call filter: read back");
	if (got == 0 || (size_t)got % sizeof(*to) != 0 || (size_t)got == room * sizeof(*to))
		return err_set(e, E2BIG, "system-call filter: more than %d instructions",
			       BPF_MAXINSNS);
	*n = (size_t)got / sizeof(*to);
	return 0;
}

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))

static size_t prologue(bool kill, struct sock_filter *p)
{
	const uint32_t refuse =
		kill ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | (uint32_t)EPERM;
	const uint32_t newer =
		kill ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | (uint32_t)ENOSYS;
	const uint8_t n = (uint8_t)seccomp_ioctl_refused_n;
	const uint8_t end = (uint8_t)(n + 4); /* instructions from the ioctl test to the end */
	const struct sock_filter head[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, (uint8_t)(end + 4)),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u /* x32 */, (uint8_t)(end + 2), 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SECCOMP_LAST_KNOWN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, newer),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)SCMP_SYS(ioctl), 0,
			 (uint8_t)(end - 1)),
		LOAD(args[1]), /* the lower half: the kernel looks at no more of the request */
	};
	size_t at = sizeof(head) / sizeof(*head);

	memcpy(p, head, sizeof(head));
	for (uint8_t i = 0; i < n; i++)
		p[at++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, seccomp_ioctl_refused[i], (uint8_t)(n - i), 0);
	p[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0);
	p[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuse);
	return at;
}

int seccomp_build(const struct seccomp_plan *plan, struct seccomp_prog *out, struct err *e)
{
	CLEANUP(release_ctx) scmp_filter_ctx ctx = NULL;
	AUTO_FREE struct sock_filter *insns = calloc(BPF_MAXINSNS, sizeof(*insns));
	size_t head, n = 0;

	if (!insns)
		return err_set(e, ENOMEM, "system-call filter: out of memory");
	if (make_ctx(plan->kill, &ctx, e) < 0 || add_all(ctx, plan, e) < 0)
		return -e->code;
	head = prologue(plan->kill, insns);
	if (export(ctx, insns + head, BPF_MAXINSNS - head, &n, e) < 0)
		return -e->code;
	out->n = (unsigned short)(head + n);
	out->insns = take_ptr(insns);
	out->notify = plan->notify;
	out->from_cache = false;
	return 0;
}
