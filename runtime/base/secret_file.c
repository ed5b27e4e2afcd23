/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/secret_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"

/* Links are refused: what was checked is what is read. */
int secret_file_open(const char *path, struct err *e)
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
static int check_key(const char *path, bool phrase, const char *key, size_t *n, struct err *e)
{
	while (*n && (key[*n - 1] == '\n' || key[*n - 1] == '\r'))
		(*n)--;
	if (*n == 0)
		return err_set(e, EINVAL, "key file '%s' is empty", path);
	if (*n > SECRET_FILE_MAX)
		return err_set(e, EFBIG, "key file '%s' is larger than %d bytes", path,
			       SECRET_FILE_MAX);
	for (size_t i = 0; i < *n; i++)
		if (key[i] < (phrase ? ' ' : '!') || key[i] > '~')
			return err_set(e, EINVAL,
				       "key file '%s' is not one line of visible ASCII (byte %zu)",
				       path, i + 1);
	return 0;
}

int secret_file_read(int fd, const char *path, bool phrase, char *line, size_t *n, struct err *e)
{
	const size_t room = SECRET_FILE_MAX + 2;
	ssize_t got = 1;

	*n = 0;
	while (*n < room && (got = read(fd, line + *n, room - *n)) > 0)
		*n += (size_t)got;
	if (got < 0 || check_key(path, phrase, line, n, e) < 0) {
		if (got < 0)
			(void)err_sys(e, "key file '%s'", path);
		explicit_bzero(line, room);
		return -e->code;
	}
	return 0;
}
