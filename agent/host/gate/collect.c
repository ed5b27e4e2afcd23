/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/collect.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/gate/leak.h"
#include "agent/host/gate/seen.h"
#include "runtime/base/log.h"

char *collect_task(struct monitor *m)
{
	AUTO_JSON json_t *task = monitor_task(m);
	char *text = task ? json_dumps(task, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;

	if (!text && !m->e->code)
		(void)monitor_no_memory(m);
	return text;
}

static int finish(struct monitor *m, int end, const char *why)
{
	struct gate_outcome *out = &m->out;

	m->over = true;
	out->end = end;
	free(out->why);
	out->why = monitor_text(why);
	return out->why ? leak_mask(m->s->values, &out->why, m->e) : monitor_no_memory(m);
}

/* It has no second try: a value of production in what it brings is for a person. */
static int submit(struct monitor *m)
{
	struct gate_outcome *out = &m->out;
	char where[256], why[256], text[600];
	const int r = leak_find(m->s->values, &out->changes, NULL, where, why, m->e);

	if (r < 0)
		return r;
	if (r == 1) {
		out->person = true;
		(void)snprintf(text, sizeof(text), LEAK_RULE ": %s: %s", where, why);
		changes_release(&out->changes);
		return finish(m, GATE_FAILED, text);
	}
	m->over = true;
	out->end = GATE_SUBMITTED;
	if (!out->title)
		out->title = strdup("change by the configured agent");
	return out->title ? 0 : monitor_no_memory(m);
}

/* ---- what agent programs keep for themselves ---- */

/* Names of folders, wherever they lie, and of the repository that an agent made where there is
 * none. */
static const char *const left_out[] = { ".claude",     ".codex",	".opencode",
					".qwen",       ".pytest_cache", "__pycache__",
					".mypy_cache", ".ruff_cache",	".nyc_output" };
static const char repository[] = ".git";

static bool has_folder(const char *path, const char *name)
{
	const size_t n = strlen(name);

	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1)
		if ((size_t)(slash - path) == n && memcmp(path, name, n) == 0)
			return true;
	return false;
}

const char *collect_left_out(const char *path)
{
	const size_t n = sizeof(repository) - 1;

	if (strncmp(path, repository, n) == 0 && (path[n] == '/' || !path[n]))
		return repository;
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (has_folder(path, left_out[i]))
			return left_out[i];
	return NULL;
}

static int count(json_t *to, const char *name)
{
	const json_int_t n = json_integer_value(json_object_get(to, name));

	return json_object_set_new(to, name, json_integer(n + 1));
}

/* Only what was added: a file that the repository has is changed or it is not. */
static int leave_out(struct monitor *m)
{
	struct changes *const c = &m->out.changes;
	size_t k = 0;

	m->left_out = json_object();
	for (size_t i = 0; i < c->n; i++) {
		const char *name =
			c->v[i].kind == CHANGE_ADD ? collect_left_out(c->v[i].path) : NULL;

		if (!name) {
			c->v[k++] = c->v[i];
			continue;
		}
		free(c->v[i].path);
		free(c->v[i].new_data);
		free(c->v[i].old_data);
		if (count(m->left_out, name) < 0)
			return -ENOMEM;
	}
	c->n = k;
	return 0;
}

static int read_tree(struct monitor *m)
{
	const struct world *w = m->s->world;
	AUTO_CLOSE int upper = -1;
	struct err bad = ERR_INIT;
	int r = sandbox_freeze(replica_sandbox(m->replica), &upper, m->e);

	if (r < 0)
		return r;
	r = source_diff(w->store, &w->side[SIDE_BASE].source, w->service->run.cwd, upper, &m->seen,
			&m->out.changes, &bad);
	if (r < 0)
		return finish(m, GATE_FAILED, bad.msg);
	if (m->s->agent->kind == AGENT_EXTERNAL && leave_out(m) < 0)
		return monitor_no_memory(m);
	if (m->out.changes.n == 0)
		return finish(m, GATE_GAVE_UP, "the agent changed nothing");
	return submit(m);
}

int collect_start(struct monitor *m)
{
	AUTO_FREE char *task = collect_task(m);
	struct replica_job job = { .argv = (const char *const *)m->s->agent->command.v,
				   .task = task,
				   .freeze = true };

	if (!task)
		return -m->e->code;
	m->eof = true; /* there is nobody to hear */
	return monitor_start(m, &job);
}

/* The last lines that it printed, as one; its own words about why. */
static void last_words(struct monitor *m, char out[301])
{
	const struct buf *said = sandbox_output(replica_sandbox(m->replica), 2);
	size_t from, n = 0;

	if (!said || said->n == 0)
		said = sandbox_output(replica_sandbox(m->replica), 1);
	from = said && said->n > 300 ? said->n - 300 : 0;
	for (size_t i = from; said && i < said->n; i++) {
		const unsigned char c = (unsigned char)said->p[i];

		if (c >= ' ' && c < 0x7f)
			out[n++] = (char)c;
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* A program that was refused something often says less of it than the gate did. */
static int ended_badly(struct monitor *m)
{
	const size_t n = json_array_size(m->out.refusals);
	const json_t *last = n ? json_array_get(m->out.refusals, n - 1) : NULL;
	const char *rule = json_string_value(json_object_get(last, "rule"));
	const char *reason = json_string_value(json_object_get(last, "reason"));
	char words[301] = "", refused[260] = "", why[700];

	last_words(m, words);
	if (reason && !strstr(words, reason))
		(void)snprintf(refused, sizeof(refused), "; last refused by %.60s: %.180s",
			       rule ? rule : "", reason);
	(void)snprintf(why, sizeof(why), "the agent's command ended with %s %d: %s%s",
		       exit_kind_name(m->out.exit.kind), m->out.exit.code,
		       *words ? words : "(silent)", refused);
	return finish(m, m->wants_scope ? GATE_OUT_OF_SCOPE : GATE_FAILED, why);
}

static int log_collected(struct monitor *m)
{
	AUTO_JSON json_t *left = json_object_size(m->left_out) ? json_array() : NULL;
	const char *name;
	json_t *n;

	json_object_foreach(m->left_out, name, n)
		(void)json_array_append_new(
			left, json_sprintf("%d in %s", (int)json_integer_value(n), name));
	return audit_commit(m->s->world->audit, "gate.collect",
			    json_pack("{s:s,s:I,s:O*}", "role", policy_role_name(m->s->role),
				      "files", (json_int_t)m->out.changes.n, "left_out", left),
			    m->e);
}

int collect_ended(struct monitor *m)
{
	const bool well = m->grace >= 0 || exit_status(&m->out.exit) == 0;
	const int r = well ? read_tree(m) : ended_badly(m);

	return r < 0 ? r : log_collected(m);
}
