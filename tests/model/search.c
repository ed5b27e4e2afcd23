/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search KEYFILE PID|memory:PID|DIRECTORY...: where a key is found, in any of the ways that one may
 * be written: as it is, in pieces of eight bytes, base64 (whatever stands before it), hexadecimal,
 * percent-encoded.  Of a process: its memory, environment, arguments, what waits in its sockets,
 * and the files of its root that are not the host's own /usr.  Prints a line for each find, PLACE:
 * HOW; exits with 0 where there is one, with 1 where there is none.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE	8
#define BLOCK	(1u << 20)
#define OVERLAP 1024
#define MANY	512

static struct pattern {
	const char *how;
	unsigned char bytes[3 * 256];
	size_t n;
} patterns[MANY];
static size_t n_patterns;
static uint8_t begins[1 << 16]; /* by the first two bytes */
static size_t found, looked;
static const char *root; /* of the process whose files are looked at */

static void add(const char *how, const void *bytes, size_t n)
{
	struct pattern *p = &patterns[n_patterns];

	if (n < PIECE || n > sizeof(p->bytes) || n_patterns == MANY)
		exit(2);
	p->how = how;
	p->n = n;
	memcpy(p->bytes, bytes, n);
	begins[p->bytes[0] << 8 | p->bytes[1]] = 1;
	n_patterns++;
}

/* The part of the encoding that does not depend on what stands around it. */
static void add_base64(const unsigned char *key, size_t n, size_t before)
{
	static const char *const alphabets[] = {
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	};
	static const char *const how[] = { "base64", "base64, one byte before it",
					   "base64, two bytes before it" };
	const size_t skip = before ? 3 - before : 0;

	for (size_t a = 0; a < 2; a++) {
		char out[600];
		size_t k = 0;

		for (size_t i = skip; i + 2 < n; i += 3) {
			const unsigned v =
				(unsigned)key[i] << 16 | (unsigned)key[i + 1] << 8 | key[i + 2];

			for (int s = 18; s >= 0; s -= 6)
				out[k++] = alphabets[a][v >> s & 63];
		}
		add(how[before], out, k);
	}
}

static void add_hex(const unsigned char *key, size_t n, const char *digits, const char *before)
{
	char out[3 * 256];
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (*before)
			out[k++] = *before;
		out[k++] = digits[key[i] >> 4];
		out[k++] = digits[key[i] & 15];
	}
	add(*before ? "percent-encoded" : "hexadecimal", out, k);
}

static void add_percent(const unsigned char *key, size_t n)
{
	char out[3 * 256 + 1];
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += (size_t)snprintf(out + k, sizeof(out) - k,
				      isalnum(key[i]) || strchr("-._~", key[i]) ? "%c" : "%%%02X",
				      key[i]);
	add("percent-encoded", out, k);
}

static void make_patterns(const unsigned char *key, size_t n)
{
	add("as it is", key, n);
	for (size_t i = 0; i + PIECE <= n; i++)
		add("a piece of it", key + i, PIECE);
	for (size_t before = 0; before < 3; before++)
		add_base64(key, n, before);
	for (size_t i = 0; i < 4; i++)
		add_hex(key, n, i & 1 ? "0123456789ABCDEF" : "0123456789abcdef", i & 2 ? "%" : "");
	add_percent(key, n);
}

static void look(const char *place, const unsigned char *p, size_t n)
{
	looked += n;
	for (size_t i = 0; i + PIECE <= n; i++) {
		if (!begins[p[i] << 8 | p[i + 1]])
			continue;
		for (size_t k = 0; k < n_patterns; k++)
			if (patterns[k].n <= n - i &&
			    memcmp(p + i, patterns[k].bytes, patterns[k].n) == 0) {
				printf("%s: %s\n", place, patterns[k].how);
				found++;
				break;
			}
	}
}

/* From an offset, in blocks that overlap. */
static void look_at_fd(const char *place, int fd, off_t from, off_t to)
{
	static unsigned char block[BLOCK + OVERLAP];
	size_t kept = 0, total;

	while (from < to) {
		const size_t want = (size_t)(to - from) < BLOCK ? (size_t)(to - from) : BLOCK;
		const ssize_t got = pread(fd, block + kept, want, from);

		if (got <= 0) /* a hole of the memory, or the end */
			break;
		total = kept + (size_t)got;
		look(place, block, total);
		from += got;
		kept = total < OVERLAP ? total : OVERLAP;
		memmove(block, block + total - kept, kept);
	}
}

static void look_at_file(const char *place, const char *path)
{
	const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	look_at_fd(place, fd, 0, INT64_MAX);
	(void)close(fd);
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	static const char *const host[] = { "/usr",   "/proc", "/sys", "/lib",
					    "/lib64", "/bin",  "/sbin" };
	char place[4200];

	(void)st;
	for (size_t i = 0; root && at->level == 1 && i < sizeof(host) / sizeof(host[0]); i++)
		if (strcmp(path + strlen(root), host[i]) == 0)
			return FTW_SKIP_SUBTREE;
	(void)snprintf(place, sizeof(place), "file %s", path);
	look(place, (const unsigned char *)path, strlen(path));
	if (kind == FTW_F && S_ISREG(st->st_mode))
		look_at_file(place, path);
	return FTW_CONTINUE;
}

static void look_at_memory(int pid)
{
	char path[64], line[4200], place[64];
	FILE *maps;
	int mem;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(place, sizeof(place), "memory of %d", pid);
	while (maps && mem >= 0 && fgets(line, sizeof(line), maps)) {
		char *end;
		const off_t from = (off_t)strtoull(line, &end, 16),
			    to = (off_t)strtoull(end + 1, &end, 16);

		if (end[1] == 'r')
			look_at_fd(place, mem, from, to);
	}
	if (mem >= 0)
		(void)close(mem);
	if (maps)
		(void)fclose(maps);
}

/* What waits in its sockets, without taking it. */
static void look_at_sockets(int pid)
{
	static unsigned char waiting[1 << 20];
	const int of = (int)syscall(SYS_pidfd_open, pid, 0);

	for (int fd = 0; of >= 0 && fd < 256; fd++) {
		const int copy = (int)syscall(SYS_pidfd_getfd, of, fd, 0);
		ssize_t got;
		char place[64];

		if (copy < 0)
			continue;
		got = recv(copy, waiting, sizeof(waiting), MSG_PEEK | MSG_DONTWAIT);
		(void)snprintf(place, sizeof(place), "socket %d of %d", fd, pid);
		if (got > 0)
			look(place, waiting, (size_t)got);
		(void)close(copy);
	}
	if (of >= 0)
		(void)close(of);
}

static void look_at_process(int pid)
{
	static const char *const texts[][2] = { { "environ", "environment" },
						{ "cmdline", "arguments" } };
	char path[64], place[64];

	look_at_memory(pid);
	look_at_sockets(pid);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, texts[i][0]);
		(void)snprintf(place, sizeof(place), "%s of %d", texts[i][1], pid);
		look_at_file(place, path);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/root", pid);
	root = ".";
	if (chdir(path) == 0) /* through the link, which the walk does not follow */
		(void)nftw(".", visit, 16, FTW_PHYS | FTW_ACTIONRETVAL);
	root = NULL;
}

int main(int argc, char **argv)
{
	unsigned char key[256];
	const int fd = argc > 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, key, sizeof(key));

	while (n > 0 && (key[n - 1] == '\n' || key[n - 1] == ' '))
		n--;
	if (n < 24) {
		(void)fprintf(stderr, "search: a key of 24 bytes and more, then what to look at\n");
		return 2;
	}
	make_patterns(key, (size_t)n);
	for (int i = 2; i < argc; i++) {
		char *end;
		const long pid = strtol(argv[i], &end, 10);

		if (strncmp(argv[i], "memory:", 7) == 0)
			look_at_memory((int)strtol(argv[i] + 7, NULL, 10));
		else if (pid > 0 && !*end)
			look_at_process((int)pid);
		else
			(void)nftw(argv[i], visit, 16, FTW_PHYS | FTW_ACTIONRETVAL);
	}
	printf("looked at %zu bytes, found %zu\n", looked, found);
	return found == 0;
}
