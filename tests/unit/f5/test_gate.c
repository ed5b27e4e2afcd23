/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/gate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/msg.h"
#include "runtime/proto/gate.h"
#include "tests/unit/f4/repo.h"

/*
 * The gate against agents that misbehave.  The agent is this program itself: inside the replica it
 * finds the name of its part in the environment, plays it, and waits for its end.
 */
#define PART "GATE_TEST_PART"

/* ---- inside ---- */

static uint16_t hear(json_t **body)
{
	struct msg m = MSG_INIT;
	struct err e = ERR_INIT;
	uint16_t type;

	if (msg_recv(GATE_FD, -1, &m, &e) != 1)
		_exit(9);
	type = m.type;
	if (body)
		*body = json_incref(m.body);
	msg_release(&m);
	return type;
}

static void say(uint16_t type, json_t *body)
{
	struct err e = ERR_INIT;

	if (!body || msg_send(GATE_FD, type, body, NULL, 0, -1, &e) < 0)
		_exit(8);
	json_decref(body);
}

static void hello(void)
{
	say(GATE_HELLO, json_pack("{s:i,s:s}", "version", GATE_VERSION, "name", "test"));
	if (hear(NULL) != GATE_TASK)
		_exit(7);
}

static json_t *one_change(int id, const char *path, const char *content)
{
	return json_pack("{s:i,s:[{s:s,s:s*}]}", "id", id, "changes", "path", path, "content",
			 content);
}

static void give_up_saying(const char *text)
{
	say(GATE_GIVE_UP, json_pack("{s:i,s:s}", "id", 99, "reason", text));
	while (hear(NULL) != GATE_DONE)
		;
	_exit(0);
}

/* Submits, and gives up with the reason that the gate gave for its refusal. */
static void submit(const char *path, const char *content)
{
	json_t *body = NULL;

	hello();
	say(GATE_SUBMIT, one_change(1, path, content));
	if (hear(&body) == GATE_DONE)
		_exit(0);
	give_up_saying(json_string_value(json_object_get(body, "reason")));
}

static json_t *evaluate(int id, const char *kind)
{
	json_t *v = one_change(id, "test/new.sh", "echo 'not ok 1 - x'; echo 1..1; exit 1\n");

	(void)json_object_set_new(v, "kind", json_string(kind));
	return v;
}

static void over_budget(void)
{
	json_t *body = NULL;
	int refused = 0;

	hello();
	say(GATE_EVALUATE, evaluate(1, "reproduce"));
	say(GATE_EVALUATE, evaluate(2, "reproduce"));
	for (int i = 0; i < 2; i++)
		refused += hear(&body) == GATE_REFUSED &&
			   json_integer_value(json_object_get(body, "id")) == 2;
	give_up_saying(refused == 1 ? "the second was refused" : "it was not refused");
}

/* Asks for evaluations of large files until one is refused. */
static void heavy(void)
{
	static char content[GATE_MAX_CONTENT];
	json_t *body = NULL;

	hello();
	memset(content, '#', sizeof(content) - 1);
	content[snprintf(content, sizeof(content), "sleep 60\n")] = '#';
	for (int i = 1; i <= 80; i++) {
		json_t *v = one_change(i, "test/new.sh", content);

		(void)json_object_set_new(v, "kind", json_string("reproduce"));
		say(GATE_EVALUATE, v);
	}
	(void)hear(&body);
	give_up_saying(json_string_value(json_object_get(body, "reason")));
}

static void garbage(void)
{
	static const char bytes[64] = "\xff\xff\xff\xff not a frame";

	hello();
	if (write(GATE_FD, bytes, sizeof(bytes)) < 0)
		_exit(6);
}

/* Asks one thing and gives up with what came back. */
static void ask(uint16_t type, json_t *request, uint16_t good, const char *member)
{
	json_t *body = NULL, *said;
	char text[400];

	hello();
	say(type, request);
	if (hear(&body) != good)
		give_up_saying(json_string_value(json_object_get(body, "reason")));
	said = json_object_get(body, member);
	if (json_is_integer(said))
		(void)snprintf(text, sizeof(text), "%s %lld", member,
			       (long long)json_integer_value(said));
	else
		(void)snprintf(text, sizeof(text), "%s %s %lld: %.200s%.100s", member,
			       json_string_value(json_object_get(body, "exit")),
			       (long long)json_integer_value(json_object_get(body, "code")),
			       json_string_value(said),
			       json_string_value(json_object_get(body, "err")));
	give_up_saying(text);
}

/* Words apart by blanks, as a command over one changed file. */
static json_t *command(const char *words)
{
	json_t *v = one_change(1, "a.js", "changed\n"), *argv = json_array();
	char *copy = strdup(words), *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		(void)json_array_append_new(argv, json_string(w));
	(void)json_object_set_new(v, "argv", argv);
	free(copy);
	return v;
}

static json_t *nowhere(json_t *command)
{
	(void)json_object_set_new(command, "cwd", json_string("../.."));
	return command;
}

static void stubborn(void)
{
	hello();
	for (int i = 1; i <= 1001; i++) {
		say(GATE_CHECK, one_change(i, "../x", "x"));
		if (i <= 1000)
			(void)hear(NULL);
	}
	(void)pause();
}

static void scream(void)
{
	static const char bytes[] = "\xff\xfe no text";

	hello();
	if (write(2, bytes, sizeof(bytes)) > 0)
		_exit(4);
}

/* Words that would be more than words on a terminal. */
static void forge(void)
{
	hello();
	give_up_saying("x\x1b\x1b[2J\noutcome   fixed\xc2\x9b");
}

/* Asks and asks, and reads no answer. */
static void deaf(void)
{
	hello();
	for (int i = 1; i <= 2000; i++)
		say(GATE_BUDGET, json_pack("{s:i}", "id", i));
	(void)pause();
}

static void play_tools(const char *part)
{
	if (strcmp(part, "stubborn") == 0)
		stubborn();
	else if (strcmp(part, "forge") == 0)
		forge();
	else if (strcmp(part, "deaf") == 0)
		deaf();
	else if (strcmp(part, "scream") == 0)
		scream();
	if (strncmp(part, "run ", 4) == 0)
		ask(GATE_RUN, command(part + 4), GATE_RAN, "out");
	else if (strcmp(part, "outside") == 0)
		ask(GATE_RUN, nowhere(command("true")), GATE_RAN, "out");
	else if (strncmp(part, "check ", 6) == 0)
		ask(GATE_CHECK, one_change(1, part + 6, "x\n"), GATE_DONE, "id");
	else if (strcmp(part, "left") == 0)
		ask(GATE_BUDGET, json_pack("{s:i}", "id", 5), GATE_LEFT, "runs");
	else if (strcmp(part, "model") == 0)
		ask(GATE_MODEL, json_pack("{s:i,s:s,s:{}}", "id", 6, "protocol", "turn", "body"),
		    GATE_MODEL_END, "kind");
}

static void play(const char *part)
{
	play_tools(part);
	if (strcmp(part, "early") == 0)
		say(GATE_NOTE, json_pack("{s:s}", "text", "before hello"));
	else if (strcmp(part, "silent") == 0)
		_exit(3);
	else if (strcmp(part, "garbage") == 0)
		garbage();
	else if (strcmp(part, "budget") == 0)
		over_budget();
	else if (strcmp(part, "heavy") == 0)
		heavy();
	else if (strncmp(part, "submit ", 7) == 0)
		submit(part + 7, "echo 'ok 1'; echo 1..1\n");
	else if (strncmp(part, "delete ", 7) == 0)
		submit(part + 7, NULL);
	else
		hello();
	if (strcmp(part, "twice") == 0)
		hello();
	else if (strcmp(part, "unknown") == 0)
		say(77, json_object());
	else if (strcmp(part, "answers") == 0)
		say(GATE_RESULT, json_object());
	else if (strcmp(part, "foreign") == 0)
		say(GATE_EVALUATE, evaluate(1, "full"));
	else if (strcmp(part, "table") == 0)
		say(GATE_SUBMIT, json_pack("{s:i,s:[],s:b}", "id", 1, "changes", "merge", 1));
	else if (strcmp(part, "chatty") == 0)
		for (int i = 0; i < 101; i++)
			say(GATE_NOTE, json_pack("{s:s}", "text", "again"));
	for (;;)
		(void)pause();
}

__attribute__((constructor)) static void be_the_agent(int argc, char **argv)
{
	const char *part = getenv(PART);

	if (argc > 3 && strcmp(argv[1], "--exec") == 0)
		_exit(chdir(argv[2]) == 0 && execvp(argv[3], argv + 3) < 0 ? 127 : 126);
	if (part && fcntl(GATE_FD, F_GETFD) >= 0)
		play(part);
}

/* ---- outside ---- */

static struct world world;
static struct service service;
static struct store *store;
static struct audit *audit;
static struct incident incident;
static struct changes accepted;
static struct err e;

static const char service_text[] =
	"{\"version\":1,\"name\":\"shop\",\"language\":\"javascript\",\"mode\":\"propose\","
	"\"repository\":{\"url\":\"r\",\"target\":\"main\"},\"in_app\":[\"*.js\"],"
	"\"image\":{\"production\":\"host\"},\"run\":{\"cwd\":\"/srv/shop\",\"env\":{\"" PART
	"\":\"\"}},\"tests\":[{\"name\":\"sh\",\"command\":[\"sh\",\"test/one.sh\"],"
	"\"one\":[\"sh\",\"@test\"],\"format\":\"tap\",\"timeout\":\"1m\",\"new_test\":{\"dir\":"
	"\"test\",\"framework\":\"tape\",\"module\":\"../\"}}],\"policy\":{\"reproduce\":"
	"\"preset:reproduce\",\"patch\":\"preset:patch\",\"verify\":\"preset:verify\"}}";

static char accepted_path[] = "test/accepted.sh", accepted_text[] = "echo accepted\n";

static void put_service_file(char path[128])
{
	FILE *f;

	(void)snprintf(path, 128, "%s/service.json", top);
	f = fopen(path, "w");
	CHECK(f && fputs(service_text, f) >= 0);
	if (f)
		(void)fclose(f);
}

/* The preset forbids no command. */
static int forbid_curl(void)
{
	static const char text[] = "{\"version\":1,\"name\":\"no-curl\",\"commands\":[{\"argv\":"
				   "[\"curl\"],\"decision\":\"deny\",\"reason\":\"nothing is "
				   "fetched\"}],\"commands_default\":\"allow\"}";
	struct policy *p = NULL;
	int r = policy_parse("no-curl.json", text, sizeof(text) - 1, &p, &e);

	if (r == 0)
		r = policy_narrow(world.policy[ROLE_PATCH], p, &e);
	policy_free(p);
	return r;
}

static int begin(void)
{
	struct change row = { .path = strdup(accepted_path),
			      .kind = CHANGE_ADD,
			      .old_type = -1,
			      .new_data = strdup(accepted_text),
			      .new_len = strlen(accepted_text) };
	char path[128], head[65] = "";
	int r;

	repo_open("mkdir test; echo 'exports.price = (i) => i.price;' >a.js\n"
		  "echo 'echo \"ok 1 - a\"; echo 1..1' >test/one.sh; echo '{}' >package.json\n"
		  "git add -A; git commit -qm x\n");
	put_service_file(path);
	r = service_load(path, &service, &e);
	if (r == 0)
		r = store_open(state, &store, &e);
	if (r == 0)
		r = audit_open(state, &audit, &e);
	if (r == 0)
		r = world_open(state, store, &service, audit, &world, &e);
	if (r == 0)
		r = forbid_curl();
	if (r == 0)
		r = git_resolve(world.git, "main", head, &e);
	if (r == 0)
		r = world_set_source(&world, SIDE_BASE, head, &e);
	if (r == 0) {
		(void)close(world.agent_program);
		world.agent_program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	}
	CHECK(changes_put(&accepted, &row) == 0);
	incident.coordinate = (struct coordinate){ .type = strdup("TypeError"),
						   .file = strdup("a.js"),
						   .function = strdup("price"),
						   .line = 1 };
	CHECK_INT(r, 0);
	CHECK_STR(e.msg, "");
	return r;
}

static void finish(void)
{
	incident_release(&incident);
	changes_release(&accepted);
	world_close(&world);
	audit_close(audit);
	store_close(store);
	service_release(&service);
	repo_close();
}

static void set_part(const char *part)
{
	for (size_t i = 0; i < service.run.env.n; i++) {
		if (strcmp(service.run.env.v[i].key, PART) != 0)
			continue;
		free(service.run.env.v[i].value);
		service.run.env.v[i].value = strdup(part);
	}
}

#define A_50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct row {
	const char *part;
	int role, end;
	const char *why, *rule;
} rows[] = {
	{ "early", ROLE_REPRODUCE, GATE_FAILED, "it sent a request that is not legal at this point",
	  NULL },
	{ "twice", ROLE_REPRODUCE, GATE_FAILED, "it sent a request that is not legal at this point",
	  NULL },
	{ "unknown", ROLE_REPRODUCE, GATE_FAILED, "it sent a request of unknown type", NULL },
	{ "answers", ROLE_REPRODUCE, GATE_FAILED, "it sent a request of unknown type", NULL },
	{ "foreign", ROLE_REPRODUCE, GATE_FAILED,
	  "it asked for an evaluation that is not its role's", NULL },
	{ "table", ROLE_REPRODUCE, GATE_FAILED, "unknown key", NULL },
	{ "garbage", ROLE_REPRODUCE, GATE_FAILED, "malformed message: head", NULL },
	{ "chatty", ROLE_REPRODUCE, GATE_FAILED, "it sent more than 100 notes", NULL },
	{ "silent", ROLE_REPRODUCE, GATE_FAILED, "the agent ended without an answer (exited 3)",
	  NULL },
	{ "budget", ROLE_REPRODUCE, GATE_GAVE_UP, "the second was refused", "budget" },
	{ "heavy", ROLE_REPRODUCE, GATE_GAVE_UP, "at most 65536 in all: ask again once", "queue" },
	{ "submit ../out.sh", ROLE_REPRODUCE, GATE_GAVE_UP, "path '../out.sh' is refused",
	  "changes" },
	{ "submit .git/hooks/x", ROLE_REPRODUCE, GATE_GAVE_UP, "path '.git/hooks/x' is refused",
	  "changes" },
	{ "delete test/none.sh", ROLE_REPRODUCE, GATE_GAVE_UP,
	  "'test/none.sh' is not there to be deleted", "changes" },
	{ "submit test/accepted.sh", ROLE_PATCH, GATE_GAVE_UP,
	  "the accepted test is evidence and stays as it is", "accepted-test" },
	{ "delete test/one.sh", ROLE_PATCH, GATE_GAVE_UP, "'test/one.sh': no test may be deleted",
	  "/code/tests/delete" },
	{ "submit test/new.sh", ROLE_REPRODUCE, GATE_SUBMITTED, NULL, NULL },
	{ "run cat a.js test/accepted.sh", ROLE_PATCH, GATE_GAVE_UP,
	  "out exited 0: changed echo accepted ", NULL },
	{ "run sh test/none.sh", ROLE_PATCH, GATE_GAVE_UP, "out exited 2: ", NULL },
	{ "run no-such-program", ROLE_PATCH, GATE_GAVE_UP, "out exited 127: ", NULL },
	{ "run printf \\377\\000ok", ROLE_PATCH, GATE_GAVE_UP,
	  "out exited 0: \xef\xbf\xbd\xef\xbf\xbdok", NULL },
	{ "run curl http://example.invalid/", ROLE_PATCH, GATE_GAVE_UP, "nothing is fetched",
	  "/commands/0" },
	{ "outside", ROLE_PATCH, GATE_GAVE_UP, "the directory is not one of the repository",
	  "run" },
	{ "check a.js", ROLE_PATCH, GATE_GAVE_UP, "id 1", NULL },
	{ "check package.json", ROLE_PATCH, GATE_GAVE_UP, "package.json", "/code/dependencies" },
	{ "check a.js", ROLE_REPRODUCE, GATE_GAVE_UP, "a.js", "" },
	{ "stubborn", ROLE_REPRODUCE, GATE_FAILED, "it went on after a thousand refusals",
	  "changes" },
	{ "forge", ROLE_REPRODUCE, GATE_GAVE_UP, "x  [2J outcome   fixed  ", NULL },
	{ "deaf", ROLE_REPRODUCE, GATE_FAILED, "it does not take what it is answered", NULL },
	{ "scream", ROLE_REPRODUCE, GATE_FAILED,
	  "the agent ended without an answer (exited 4): \xef\xbf\xbd\xef\xbf\xbd no text", NULL },
	/* what is cut within a character is still a text */
	{ "submit ../" A_50 A_50 A_50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9.sh",
	  ROLE_REPRODUCE, GATE_GAVE_UP, "a\xef\xbf\xbd' is refused", "changes" },
	{ "left", ROLE_PATCH, GATE_GAVE_UP, "runs 300", NULL },
	{ "model", ROLE_PATCH, GATE_GAVE_UP, "no model may be asked in this case", "models" },
};

static void check_row(const struct row *row)
{
	struct gate_session s = { .world = &world,
				  .role = row->role,
				  .agent = row->role == ROLE_PATCH ? &service.agents.patch
								   : &service.agents.reproduce,
				  .incident = &incident };
	struct gate_outcome out = { 0 };
	const char *rule;

	printf("# %s\n", row->part);
	set_part(row->part);
	service.agents.reproduce.evaluations = strcmp(row->part, "heavy") == 0 ? 80 : 1;
	if (row->role == ROLE_PATCH) {
		s.test = &accepted;
		s.test_path = accepted_path;
	}
	e = (struct err)ERR_INIT;
	CHECK_INT(gate_run(&s, &out, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(out.end, row->end);
	if (row->why && (!out.why || !strstr(out.why, row->why)))
		CHECK_STR(out.why ? out.why : "(none)", row->why);
	rule = json_string_value(json_object_get(json_array_get(out.refusals, 0), "rule"));
	if (row->rule)
		CHECK(rule && strstr(rule, row->rule));
	else
		CHECK_INT((long long)json_array_size(out.refusals), 0);
	CHECK_INT((long long)out.changes.n, row->end == GATE_SUBMITTED);
	gate_outcome_release(&out);
}

static void what_is_not_legal_is_refused_or_ends_the_agent(void)
{
	if (begin() == 0)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			check_row(&rows[i]);
	finish();
}

TAP_MAIN({ "what is not legal is refused, or ends the agent",
	   what_is_not_legal_is_refused_or_ends_the_agent })
