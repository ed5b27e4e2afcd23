/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/sys.h"

/* Rights by the ABI that brought them; Debian 12's header stops at ABI 1. */
#define FS_EXECUTE     (1ULL << 0)
#define FS_WRITE_FILE  (1ULL << 1)
#define FS_READ_FILE   (1ULL << 2)
#define FS_READ_DIR    (1ULL << 3)
#define FS_REMOVE_DIR  (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_CHAR   (1ULL << 6)
#define FS_MAKE_DIR    (1ULL << 7)
#define FS_MAKE_REG    (1ULL << 8)
#define FS_MAKE_SOCK   (1ULL << 9)
#define FS_MAKE_FIFO   (1ULL << 10)
#define FS_MAKE_BLOCK  (1ULL << 11)
#define FS_MAKE_SYM    (1ULL << 12)
#define FS_REFER       (1ULL << 13) /* 2, Linux 5.19 */
#define FS_TRUNCATE    (1ULL << 14) /* 3, Linux 6.2 */
#define FS_IOCTL_DEV   (1ULL << 15) /* 5, Linux 6.10 */

#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* 6, Linux 6.12 */
#define SCOPE_SIGNAL	    (1ULL << 1)

#define RULE_PATH_BENEATH 1

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_beneath_attr {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

/* What may be asked of a file; the rest is about directories. */
#define FS_OF_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

/* Making device nodes is handled, and granted nowhere. */
#define FS_OF_READ (FS_READ_FILE | FS_READ_DIR)
#define FS_OF_EXEC (FS_EXECUTE | FS_READ_FILE) /* execve() opens for reading, too */
#define FS_OF_WRITE                                                                   \
	(FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | \
	 FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE | FS_IOCTL_DEV)

static uint64_t handled_by(int abi)
{
	uint64_t fs = FS_REFER - 1;

	if (abi < 1)
		return 0;
	if (abi >= 2)
		fs |= FS_REFER;
	if (abi >= 3)
		fs |= FS_TRUNCATE;
	if (abi >= 5)
		fs |= FS_IOCTL_DEV;
	return fs;
}

int landlock_abi(void)
{
	const int abi =
		sys_landlock_create_ruleset(NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);

	/* Not built in, or not switched on; anything else must not pass for "none". */
	return abi == -ENOSYS || abi == -EOPNOTSUPP ? 0 : abi;
}

static bool path_is_plain(const char *path)
{
	if (*path != '/')
		return false;
	for (const char *at = path; (at = strstr(at, "/..")); at += 3)
		if (at[3] == '/' || at[3] == '\0')
			return false;
	return true;
}

static int rights_of(const struct sandbox_path_rule *rule, uint64_t *out, struct err *e)
{
	const unsigned known = SANDBOX_READ | SANDBOX_WRITE | SANDBOX_EXEC;
	uint64_t rights = 0;

	if (!rule->path || !path_is_plain(rule->path))
		return err_set(e, EINVAL, "path rule '%s': not an absolute path without '..'",
			       rule->path ? rule->path : "");
	if (rule->access == 0 || (rule->access & ~known) != 0)
		return err_set(e, EINVAL, "path rule '%s': access %#x is none of read, write, exec",
			       rule->path, rule->access);
	if (rule->access & SANDBOX_READ)
		rights |= FS_OF_READ;
	if (rule->access & SANDBOX_WRITE)
		rights |= FS_OF_WRITE;
	if (rule->access & SANDBOX_EXEC)
		rights |= FS_OF_EXEC;
	*out = rights;
	return 0;
}

int landlock_prepare(const struct sandbox_path_rule *rules, size_t n, int abi,
		     struct landlock_plan *out, struct err *e)
{
	struct landlock_plan plan = { .abi = abi };

	if (abi < 0)
		return err_set(e, -abi, "ask for Landlock: %s", strerror(-abi));
	if (n > 0) {
		plan.handled_fs = handled_by(abi);
		plan.rules = calloc(n, sizeof(*plan.rules));
		if (!plan.rules)
			return err_set(e, ENOMEM, "path rules: out of memory");
	}
	if (abi >= 6)
		plan.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	for (size_t i = 0; i < n; i++) {
		uint64_t rights = 0;

		if (rights_of(&rules[i], &rights, e) < 0) {
			landlock_plan_release(&plan);
			return -e->code;
		}
		plan.rules[plan.n_rules++] = (struct landlock_rule){
			.path = rules[i].path,
			.rights = rights & plan.handled_fs,
		};
	}
	*out = plan;
	return 0;
}

void landlock_plan_release(struct landlock_plan *p)
{
	free(p->rules);
	*p = (struct landlock_plan){ 0 };
}

static int add_path(int ruleset, const struct landlock_rule *rule)
{
	AUTO_CLOSE int fd = open(rule->path, O_PATH | O_CLOEXEC);
	struct path_beneath_attr attr = { .allowed = rule->rights, .parent_fd = fd };
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		attr.allowed &= FS_OF_FILE;
	if (attr.allowed == 0)
		return 0; /* the kernel refuses an empty rule, and what is not granted is denied */
	return sys_landlock_add_rule(ruleset, RULE_PATH_BENEATH, &attr);
}

int landlock_apply(const struct landlock_plan *p)
{
	const struct ruleset_attr attr = { .fs = p->handled_fs, .scoped = p->scoped };
	/* An older kernel takes the part of the struct that it knows. */
	const size_t size = p->abi >= 6	  ? sizeof(attr)
			    : p->abi >= 4 ? offsetof(struct ruleset_attr, scoped)
					  : offsetof(struct ruleset_attr, net);
	AUTO_CLOSE int ruleset = -1;

	if (p->handled_fs == 0 && p->scoped == 0)
		return 0;
	ruleset = sys_landlock_create_ruleset(&attr, size, 0);
	if (ruleset < 0)
		return ruleset;
	for (size_t i = 0; i < p->n_rules; i++) {
		const int r = add_path(ruleset, &p->rules[i]);

		if (r < 0)
			return r;
	}
	return sys_landlock_restrict_self(ruleset);
}
