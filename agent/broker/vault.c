/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/vault.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"

#define VAULT_BYTES (256u << 10)
#define KEY_MAX	    2048

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

/* Links are refused: what was checked is what is read. */
static int open_key(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (*path != '/')
		return err_set(e, EINVAL, "key file '%s': give an absolute path", path);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		return err_set(e, ELOOP, "key file '%s' is a symbolic link: name the file itself",
			       path);
	if (fd < 0)
		return err_sys(e, "key file '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "key file '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "key file '%s' is not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, EPERM, "key file '%s' belongs to user %u: make it root's", path,
			       (unsigned)st.st_uid);
	if (st.st_mode & 0177)
		return err_set(e, EPERM,
			       "key file '%s' has mode %04o: others could read it; chmod 600", path,
			       (unsigned)st.st_mode & 07777);
	return take_fd(&fd);
}

/* The line without what editors add at its end. */
static int check_key(const char *path, const char *key, size_t *n, struct err *e)
{
	while (*n && (key[*n - 1] == '\n' || key[*n - 1] == '\r'))
		(*n)--;
	if (*n == 0)
		return err_set(e, EINVAL, "key file '%s' is empty", path);
	if (*n > KEY_MAX)
		return err_set(e, EFBIG, "key file '%s' is larger than %d bytes", path, KEY_MAX);
	for (size_t i = 0; i < *n; i++)
		if (key[i] <= ' ' || key[i] > '~')
			return err_set(e, EINVAL,
				       "key file '%s' is not one line of visible ASCII (byte %zu)",
				       path, i + 1);
	return 0;
}

int vault_read(struct vault *v, const char *prefix, const char *path, struct secret *out,
	       struct err *e)
{
	AUTO_CLOSE int fd = open_key(path, e);
	const size_t before = v->used, p = strlen(prefix);
	char *line = fd < 0 ? NULL : vault_room(v, p + KEY_MAX + 2);
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -e->code;
	if (!line)
		return err_set(e, ENOSPC, "key file '%s': there is no room for more keys", path);
	while (n < KEY_MAX + 2 && (got = read(fd, line + p + n, KEY_MAX + 2 - n)) > 0)
		n += (size_t)got;
	if (got < 0 || check_key(path, line + p, &n, e) < 0) {
		if (got < 0)
			(void)err_sys(e, "key file '%s'", path);
		explicit_bzero(line, p + KEY_MAX + 2);
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
