/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/symbols/symbols.h"

/* An object is production's where its build id is: names and sizes prove nothing. */
#define DEPTH_MAX   32
#define ENTRIES_MAX 200000 /* of one tree */
#define ID_BYTES    64

DEFINE_CLEANUP(Elf, elf_end);

static bool id_is(const unsigned char *id, size_t n, const char *hex)
{
	char have[2 * ID_BYTES + 1];

	if (n == 0 || n > ID_BYTES)
		return false;
	for (size_t i = 0; i < n; i++)
		(void)snprintf(have + 2 * i, 3, "%02x", id[i]);
	return strcmp(have, hex) == 0;
}

/* An open file's build id, from its notes. */
static bool has_id(int fd, const char *hex)
{
	CLEANUP(cleanup_elf_end) Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *id;
	ssize_t n;

	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return false;
	n = dwelf_elf_gnu_build_id(elf, &id);
	return n > 0 && id_is(id, (size_t)n, hex);
}

static int open_if(int dir, const char *path, const char *hex)
{
	AUTO_CLOSE int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	char magic[4];

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    pread(fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
	    memcmp(magic, ELFMAG, SELFMAG) != 0 || !has_id(fd, hex))
		return -1;
	return take_fd(&fd);
}

struct search {
	const char *hex;
	size_t left; /* entries that are still looked at */
	int depth;
	char path[4096];
};

static int search_below(struct search *s, int dir);

/* The entry `name` of the directory that s->path names. */
static int search_entry(struct search *s, int dir, const struct dirent *ent)
{
	const size_t n = strlen(s->path);
	int fd = -1;

	if (n + strlen(ent->d_name) + 2 > sizeof(s->path))
		return -1;
	(void)snprintf(s->path + n, sizeof(s->path) - n, "/%s", ent->d_name);
	if (ent->d_type == DT_REG) {
		fd = open_if(dir, ent->d_name, s->hex);
	} else if (ent->d_type == DT_DIR && s->depth < DEPTH_MAX) {
		AUTO_CLOSE int below =
			openat(dir, ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		s->depth++;
		fd = below < 0 ? -1 : search_below(s, below);
		s->depth--;
	}
	if (fd < 0)
		s->path[n] = '\0';
	return fd;
}

static int search_below(struct search *s, int dir)
{
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	const struct dirent *ent;
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0), fd = -1;

	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d && copy >= 0)
		(void)close(copy);
	while (d && fd < 0 && s->left && (ent = readdir(d))) {
		s->left--;
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			fd = search_entry(s, dir, ent);
	}
	return fd;
}

static int search_tree(struct module *m, const char *tree)
{
	struct search s = { .hex = m->build_id, .left = ENTRIES_MAX };
	AUTO_CLOSE int dir = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	(void)snprintf(s.path, sizeof(s.path), "%s", tree);
	fd = dir < 0 ? -1 : search_below(&s, dir);
	if (fd >= 0)
		m->found = strdup(s.path);
	return fd;
}

int object_open(struct module *m, const char *tree)
{
	AUTO_CLOSE int fd = -1;

	if (!m->build_id)
		return -1;
	fd = open_if(AT_FDCWD, m->path, m->build_id);
	if (fd >= 0)
		m->found = strdup(m->path);
	else
		fd = search_tree(m, tree);
	return m->found ? take_fd(&fd) : -1;
}
