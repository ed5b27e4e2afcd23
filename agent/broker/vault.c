/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/vault.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/secret_file.h"

#define VAULT_BYTES (256u << 10)

struct vault {
	size_t used;
	char room[];
};

int vault_open(struct vault **out, struct err *e)
{
	struct vault *v =
		/* cppcheck-suppress invalidFunctionArg ; -1 is what an anonymous mapping takes */
		mmap(NULL, VAULT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (v == MAP_FAILED)
		return err_sys(e, "get memory for keys");
	if (mlock(v, VAULT_BYTES) < 0 || madvise(v, VAULT_BYTES, MADV_DONTDUMP) < 0 ||
	    madvise(v, VAULT_BYTES, MADV_DONTFORK) < 0) {
		const int r = err_sys(e, "lock the memory for keys");

		(void)munmap(v, VAULT_BYTES);
		return r;
	}
	v->used = 0;
	*out = v;
	return 0;
}

char *vault_room(struct vault *v, size_t n)
{
	const size_t left = VAULT_BYTES - sizeof(*v) - v->used;
	char *p = v->room + v->used;

	if (n > left)
		return NULL;
	v->used += n;
	return p;
}

int vault_read(struct vault *v, const char *prefix, const char *path, struct secret *out,
	       struct err *e)
{
	AUTO_CLOSE int fd = secret_file_open(path, e);
	const size_t before = v->used, p = strlen(prefix);
	char *line = fd < 0 ? NULL : vault_room(v, p + SECRET_FILE_MAX + 2);
	size_t n;

	if (fd < 0)
		return -e->code;
	if (!line)
		return err_set(e, ENOSPC, "key file '%s': there is no room for more keys", path);
	if (secret_file_read(fd, path, false, line + p, &n, e) < 0) {
		v->used = before;
		return -e->code;
	}
	memcpy(line, prefix, p);
	line[p + n] = '\0';
	v->used = before + p + n + 1;
	*out = (struct secret){ .line = line, .key = line + p, .key_n = n };
	return 0;
}

void vault_close(struct vault *v)
{
	if (!v)
		return;
	explicit_bzero(v, VAULT_BYTES);
	(void)munmap(v, VAULT_BYTES);
}

void vault_lock_all(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	/* a limit that cannot be raised would make later allocations fail, instead of being locked
	 */
	if (setrlimit(RLIMIT_MEMLOCK, &all) == 0)
		(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}
