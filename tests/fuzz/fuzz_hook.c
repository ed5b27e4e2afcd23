/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/hook.h"

#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

/*
 * A webhook's request: a byte for the kind of forge, lines "NAME: VALUE" up to an
 * empty one, and the body.  Whatever the headers are, a signature that holds for
 * a body holds for no other.
 */
static const char *of(void *ctx, const char *name)
{
	const size_t n = strlen(name);

	for (const char *line = ctx; *line; line += strlen(line) + 1)
		if (strncasecmp(line, name, n) == 0 && strncmp(line + n, ": ", 2) == 0)
			return line + n + 2;
	return NULL;
}

static struct hook *with(int kind, const char *secret)
{
	char name[] = "hub", file[] = "/key";
	const struct intake_hook said = { .name = name, .kind = kind, .file = file };
	const int fd = memfd_create("secret", MFD_CLOEXEC);
	struct err e = ERR_INIT;
	struct hook *h = NULL;

	if (fd < 0 || write(fd, secret, strlen(secret)) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    hook_open(&said, fd, &h, &e) < 0)
		abort();
	(void)close(fd);
	return h;
}

static void try_one(const struct hook *h, bool is_signed, char *headers, const char *body, size_t n)
{
	char *longer = malloc(n + 1);

	if (!longer)
		return;
	memcpy(longer, body, n);
	longer[n] = ' ';
	if (hook_shows_proof(h, of, headers) && hook_is_genuine(h, of, headers, body, n) &&
	    is_signed && hook_is_genuine(h, of, headers, longer, n + 1))
		abort();
	(void)hook_ignores(h, of, headers);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hook *v[4];
	char *text = malloc(size + 2);
	char *end;

	if (!v[0]) {
		v[0] = with(FORGE_GITHUB, "It's a Secret to Everybody");
		v[1] = with(FORGE_GITLAB, "It's a Secret to Everybody");
		v[2] = with(FORGE_GITLAB, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
		v[3] = with(FORGE_GITEA, "It's a Secret to Everybody");
	}
	if (!text || size == 0) {
		free(text);
		return 0;
	}
	memcpy(text, data + 1, size - 1);
	memset(text + size - 1, 0, 3);
	end = memmem(text, size - 1, "\n\n", 2);
	if (end) {
		const char *const body = end + 2;
		const size_t n = (size_t)(text + size - 1 - body);
		const size_t k = data[0] % 4;

		end[1] = '\0';
		for (char *p = text; p <= end; p++)
			*p = *p == '\n' ? '\0' : *p;
		try_one(v[k], k != 1, text, body, n);
	}
	free(text);
	return 0;
}
