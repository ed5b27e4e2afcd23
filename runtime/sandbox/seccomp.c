/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/seccomp_plan.h"

/*
 * Building a filter costs milliseconds, starting a replica should not.  The
 * key is the digest of everything that decides the instructions: the verdicts,
 * the version of our tables and that of the library.  A file holds its key,
 * the instructions and a digest over both; one that does not add up is built
 * anew.  The directory belongs to the operator: who can write there can
 * choose the filter, so one that others can write is refused.
 */
#define MAGIC "sickbay-bpf 1\n"

struct file_head {
	char magic[16];
	uint8_t key[SHA256_LEN];
	uint8_t digest[SHA256_LEN]; /* of key and instructions */
	uint32_t n;
	uint32_t notify;
};

struct kept {
	uint8_t key[SHA256_LEN];
	struct seccomp_prog prog;
};

#define KEPT_MAX 16
static struct kept kept[KEPT_MAX];
static size_t kept_next;

static void key_of(const struct seccomp_plan *plan, uint8_t key[SHA256_LEN])
{
	const struct scmp_version *lib = seccomp_version();
	char head[96];
	struct sha256 h;

	(void)snprintf(head, sizeof(head), "tables %d library %u.%u.%u kill %d\n",
		       SECCOMP_TABLE_VERSION, lib ? lib->major : 0, lib ? lib->minor : 0,
		       lib ? lib->micro : 0, plan->kill);
	sha256_init(&h);
	sha256_update(&h, head, strlen(head));
	sha256_update(&h, plan->verdict, sizeof(plan->verdict));
	sha256_final(&h, key);
}

static void digest_of(const uint8_t key[SHA256_LEN], const void *insns, size_t n,
		      uint8_t out[SHA256_LEN])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, key, SHA256_LEN);
	sha256_update(&h, insns, n * sizeof(struct sock_filter));
	sha256_final(&h, out);
}

static int copy_prog(const struct seccomp_prog *from, struct seccomp_prog *to, struct err *e)
{
	struct sock_filter *insns = malloc(from->n * sizeof(*insns));

	if (!insns)
		return err_set(e, ENOMEM, "system-call filter: out of memory");
	memcpy(insns, from->insns, from->n * sizeof(*insns));
	*to = *from;
	to->insns = insns;
	return 0;
}

static void keep(const uint8_t key[SHA256_LEN], const struct seccomp_prog *prog)
{
	struct kept *slot = &kept[kept_next];
	struct seccomp_prog copy;
	struct err e = ERR_INIT;

	if (copy_prog(prog, &copy, &e) < 0)
		return; /* only slower */
	seccomp_prog_release(&slot->prog);
	memcpy(slot->key, key, SHA256_LEN);
	slot->prog = copy;
	kept_next = (kept_next + 1) % KEPT_MAX;
}

static const struct seccomp_prog *kept_find(const uint8_t key[SHA256_LEN])
{
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (kept[i].prog.insns && memcmp(kept[i].key, key, SHA256_LEN) == 0)
			return &kept[i].prog;
	return NULL;
}

static int open_cache(const char *cache, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	struct stat st;

	if (dir_make(cache, 0700, e) < 0)
		return -e->code;
	dir = fd_open_dir(cache, e);
	if (dir < 0)
		return -e->code;
	if (fstat(dir, &st) < 0)
		return err_sys(e, "'%s'", cache);
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return err_set(e, EPERM,
			       "'%s' can be written by others; chmod go-w it, or remove it", cache);
	return take_fd(&dir);
}

/* false: absent or not as it was written, so it is built anew. */
static bool load(int dir, const char *name, const uint8_t key[SHA256_LEN], struct seccomp_prog *out)
{
	AUTO_BUF struct buf b =
		BUF_INIT(sizeof(struct file_head) + BPF_MAXINSNS * sizeof(struct sock_filter));
	struct seccomp_prog found = { .from_cache = true };
	uint8_t digest[SHA256_LEN];
	struct err e = ERR_INIT;
	struct file_head h;

	if (file_read_at(dir, name, b.max, &b, &e) < 0 || b.n < sizeof(h))
		return false;
	memcpy(&h, b.p, sizeof(h));
	if (strncmp(h.magic, MAGIC, sizeof(h.magic)) != 0 || memcmp(h.key, key, SHA256_LEN) != 0 ||
	    h.n == 0 || h.n > BPF_MAXINSNS || b.n != sizeof(h) + h.n * sizeof(struct sock_filter))
		return false;
	digest_of(key, b.p + sizeof(h), h.n, digest);
	if (memcmp(digest, h.digest, SHA256_LEN) != 0)
		return false;
	found.insns = malloc(h.n * sizeof(struct sock_filter));
	if (!found.insns)
		return false;
	memcpy(found.insns, b.p + sizeof(h), h.n * sizeof(struct sock_filter));
	found.n = (unsigned short)h.n;
	found.notify = h.notify != 0;
	*out = found;
	return true;
}

static int store(int dir, const char *name, const uint8_t key[SHA256_LEN],
		 const struct seccomp_prog *prog, struct err *e)
{
	AUTO_BUF struct buf b =
		BUF_INIT(sizeof(struct file_head) + BPF_MAXINSNS * sizeof(struct sock_filter));
	struct file_head h = { .magic = MAGIC, .n = prog->n, .notify = prog->notify };

	memcpy(h.key, key, SHA256_LEN);
	digest_of(key, prog->insns, prog->n, h.digest);
	buf_put(&b, &h, sizeof(h));
	buf_put(&b, prog->insns, prog->n * sizeof(*prog->insns));
	if (buf_check(&b, "system-call filter", e) < 0)
		return -e->code;
	return file_publish_at(dir, name, b.p, b.n, 0600, e);
}

static int load_or_build(const struct seccomp_plan *plan, const uint8_t key[SHA256_LEN],
			 const char *cache, struct seccomp_prog *out, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	char name[SHA256_HEX];

	sha256_hex(key, name);
	if (cache) {
		dir = open_cache(cache, e);
		if (dir < 0)
			return err_wrap(e, "cache of system-call filters");
		if (load(dir, name, key, out))
			return 0;
	}
	if (seccomp_build(plan, out, e) < 0)
		return -e->code;
	if (cache && store(dir, name, key, out, e) < 0) {
		seccomp_prog_release(out);
		return err_wrap(e, "cache of system-call filters");
	}
	return 0;
}

int seccomp_compile(const struct seccomp_spec *spec, const char *cache, struct seccomp_prog *out,
		    struct err *e)
{
	const struct seccomp_prog *known;
	uint8_t key[SHA256_LEN], digest[SHA256_LEN];
	struct seccomp_prog prog = { 0 };
	struct seccomp_plan plan;

	if (seccomp_resolve(spec, &plan, e) < 0)
		return err_wrap(e, "system calls");
	key_of(&plan, key);
	known = kept_find(key);
	if (known) {
		if (copy_prog(known, out, e) < 0)
			return -e->code;
		out->from_cache = true;
		return 0;
	}
	if (load_or_build(&plan, key, cache, &prog, e) < 0)
		return -e->code;
	sha256_of(prog.insns, prog.n * sizeof(*prog.insns), digest);
	sha256_hex(digest, prog.digest);
	keep(key, &prog);
	*out = prog;
	return 0;
}

void seccomp_prog_release(struct seccomp_prog *p)
{
	free(p->insns);
	*p = (struct seccomp_prog){ 0 };
}

int seccomp_install(const struct seccomp_prog *p)
{
	const struct sock_fprog prog = { .len = p->n, .filter = p->insns };
	int r;

	if (!p->notify)
		return sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog);
	/* A call that waits for the host ends only by a fatal signal; before 5.19 by any. */
	r = sys_seccomp(SECCOMP_SET_MODE_FILTER,
			SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
			&prog);
	if (r == -EINVAL)
		r = sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	return r;
}
