/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "policy/policy.h"
#include "runtime/base/id.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"

/*
 * Inside the floor: one document as read (a source), and the effective policy
 * as the list of its sources.  Sources are never merged: a question is put to
 * each of them and the strictest answer stands, so a source cannot widen
 * another, and every rule keeps its own file, line and column.
 *
 * Enumerations are ordered from strict to permissive: the least one wins.
 */
struct path_rule {
	char *path, *reason;
};

struct mask_rule {
	char *path, *pattern, *reason;
};

struct tmpfs_rule {
	char *path;
	uint64_t size;
	bool exec;
};

struct doc_filesystem {
	struct objlist read, write, exec, deny; /* struct path_rule */
	struct objlist mask, tmpfs;
	bool has_read, has_write, has_exec;
};

enum { TESTS_NEVER, TESTS_ADDITIONS, TESTS_ANY };
enum { STRICT_DENY, STRICT_NEEDS_SCOPE, STRICT_ALLOW };
enum { API_DENY, API_ADDITIVE, API_ALLOW };

struct register_rule {
	char *path;
	int change;
};

struct doc_tests {
	struct strlist paths, skip_markers;
	bool add, delete, has_add, has_delete;
	int modify, min_assertions;
	bool has_modify, has_min_assertions;
	struct objlist reg; /* struct register_rule */
};

struct doc_code {
	struct objlist allow, deny, sensitive; /* struct path_rule */
	bool has_allow;
	int weakening;
	bool has_weakening;
	uint64_t max_files, max_changed_lines, max_file_bytes;
	bool has_max_files, has_max_changed_lines, has_max_file_bytes;
	struct doc_types {
		int symlinks, submodules, binaries, mode_changes, renames, bidi;
		bool has_symlinks, has_submodules, has_binaries, has_mode_changes, has_renames,
			has_bidi;
	} types;
	struct doc_tests tests;
	bool has_tests;
	struct doc_dependencies {
		struct strlist manifests;
		int add, upgrade, remove;
		bool has_add, has_upgrade, has_remove;
	} dependencies;
	struct doc_api {
		struct strlist paths;
		int change;
		bool has_change;
	} api;
};

struct doc_syscalls {
	int preset, action; /* action: 0 kill, 1 errno */
	bool has_preset, has_action;
	struct strlist allow, deny, notify;
};

struct doc_network {
	int default_;
	bool loopback, has_loopback, has_backing;
	struct strlist backing;
};

struct doc_resources {
	double cpus;
	uint64_t memory, swap, disk, inodes, output, wall, idle, pids, open_files;
	bool has_cpus, has_memory, has_swap, has_disk, has_inodes, has_output, has_wall, has_idle,
		has_pids, has_open_files;
};

struct doc_model {
	struct strlist allow;
	bool has_allow, has_input, has_output, has_cost, has_turns, has_calls, has_exhausted;
	uint64_t max_input_tokens, max_output_tokens, max_turns, max_tool_calls;
	char *max_cost_usd;
	int on_exhausted;
};

/* The spellings one position of a command may have. */
struct command_word {
	struct strlist any;
};

struct command_example {
	struct strlist argv;
};

struct command_rule {
	struct objlist argv; /* struct command_word: a prefix of the command */
	int decision;	     /* STRICT_ */
	char *reason;
	struct objlist match, not_match; /* struct command_example */
};

struct redact_rule {
	char *name, *regex;
};

struct doc_environment {
	struct strlist pass;
	bool has_pass;
	struct strmap set;
	struct objlist redact;
};

/* Exactly one of these is stated. */
struct question {
	char *read, *write, *syscall, *patch, *add, *delete, *reach;
	struct strlist exec;
};

struct policy_test {
	char *name, *rule;
	struct question when;
	int expect; /* enum policy_decision */
};

struct doc {
	uint64_t version;
	char *schema, *name, *description;
	struct strlist extends, roles;
	bool has_roles;
	struct doc_filesystem fs;
	struct doc_code code;
	struct doc_syscalls syscalls;
	bool has_syscalls;
	struct strlist devices;
	bool has_devices;
	struct doc_network net;
	struct doc_resources resources;
	struct doc_model model;
	struct objlist commands; /* struct command_rule */
	bool has_commands, has_commands_default;
	int commands_default;
	struct doc_environment env;
	struct objlist tests; /* struct policy_test */
};

struct source {
	unsigned refs;
	struct jsonc *json; /* places, and the text as it stands */
	struct doc doc;
};

struct policy {
	struct source **v; /* the document itself first, then what it extends, the floor last */
	size_t n;
	char digest[80];
};

#define FLOOR_NAME "built-in" /* in places of its rules */

extern const struct jmap policy_map[]; /* the format, one table; policy/source.c */

#define OBJ(type, list, i) (&((const type *)(list).v)[i])

struct embedded {
	const char *name; /* "patch", "floor", "scope-policy.schema" */
	const char *text;
	size_t n;
};
extern const struct embedded policy_embedded[]; /* ends with a row without a name */

/* source.c */
int source_read(const char *name, const char *text, size_t n, struct source **out, struct err *e);
struct source *source_ref(struct source *s);
void source_unref(struct source *s);
/* "NAME:LINE:COLUMN" of the rule. */
void source_place(const struct source *s, const char *pointer, char *out, size_t n);
/* Fails with "NAME:LINE:COLUMN: error: ..." */
int source_error(const struct source *s, const char *pointer, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* rules.c: what the tables cannot say: patterns, names, expressions, examples; every rule has a
 * mechanism. */
int source_check(const struct source *s, struct err *e);
/* syscalls.c: each list against the filter that would be built. */
int policy_check_syscalls(const struct policy *p, struct err *e);
/* The one filter of all sources; release it. */
int policy_seccomp(const struct policy *p, struct seccomp_spec *out, struct err *e);
void policy_seccomp_release(struct seccomp_spec *s);
int syscall_ask(const struct policy *p, const char *call, struct policy_verdict *out,
		struct err *e);
/* test.c: the policy's own examples. */
int policy_run_tests(const struct policy *p, const struct source *s, struct err *e);

/* rules.c: who enforces the rule at this pointer; NULL: nobody, so the format has no such key. */
const char *policy_mechanism(const char *pointer);
bool command_matches(const struct command_rule *r, const char *const *argv, size_t n);

/* mask.c: the first mask of the source that names a file of the repository; -1: none. */
int policy_mask_find(const struct source *s, const char *path);

/* decide.c: one answer of one source. */
void verdict_set(struct policy_verdict *v, int decision, const struct source *s,
		 const char *pointer, const char *reason);
/* Keeps the stricter one; the first of equals. */
void verdict_strictest(struct policy_verdict *best, const struct policy_verdict *v);
#define VERDICT_NONE (-1)
/* The rules of a list that match; -1 when none does. */
int path_list_find(const struct objlist *l, const char *path);
bool strlist_glob(const struct strlist *l, const char *path, size_t *which);
int strict_decision(int strict); /* STRICT_ to enum policy_decision */
/* "@image/usr" is "/usr". */
const char *fs_plain(const char *path);
/* commands and filesystem.exec, each alone: policy_ask("exec") asks about both. */
void commands_ask(const struct policy *p, const char *const *argv, size_t n,
		  struct policy_verdict *out);
void fs_exec_ask(const struct policy *p, const char *path, struct policy_verdict *out);
/* Path-level part of policy_ask("patch"); kind: enum change_kind. */
void code_ask(const struct policy *p, const char *path, int kind, bool own_test,
	      struct policy_verdict *out);

/* strict.c: the least value that any source states, and that source; NULL when none does. */
const struct source *strict_int(const struct policy *p, size_t at, size_t has, int *out);
const struct source *strict_u64(const struct policy *p, size_t at, size_t has, uint64_t *out);
const struct source *strict_bool(const struct policy *p, size_t at, size_t has, bool *out);
#define STRICT(p, kind, member, has_member, out) \
	strict_##kind(p, offsetof(struct doc, member), offsetof(struct doc, has_member), out)
