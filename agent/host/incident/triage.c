/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/triage.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/*
 * Theory of operation.  The root cause of the chain is what is judged: its
 * type, its code, and where its innermost frames lie.  An error that names what
 * the system refused (ENOSPC) is judged by that whoever raised it; a type that
 * is a refusal by its name is one; then the frames decide whether own code
 * failed or only handed something on.  What is left and has an own frame is
 * code: a wrong "code" costs an attempt that finds nothing, a wrong "not-code"
 * hides a bug.
 */
enum { DENSE_PACKAGE = 2, EVIDENCE_FRAMES = 3 };
#define MEMORY_AT_LIMIT 0.95
#define MEMORY_FREE	0.80

enum where { WHERE_OWN, WHERE_PACKAGE, WHERE_RUNTIME, WHERE_OTHER };

struct facts {
	const struct incident *i;
	const struct exception *root; /* NULL: there is no trace */
	const struct frame *own;      /* innermost own frame of the chain */
	const char *type, *code;      /* "" where unknown */
	const char *signal;
	const char *package; /* of the innermost frame of a package, not terminated */
	size_t package_len, package_frames;
	bool passes_through; /* own code called packages, and nothing else is in between */
	bool held_null;	     /* a variable of the own frame was null or undefined */
	double memory;	     /* used of the limit, 0 to 1; below 0: not known */
};

typedef bool condition(const struct facts *f);

static bool memory_not_free(const struct facts *f)
{
	return f->memory < 0 || f->memory >= MEMORY_FREE;
}

static bool memory_at_limit(const struct facts *f)
{
	return f->memory >= MEMORY_AT_LIMIT;
}

static bool no_code(const struct facts *f)
{
	return !*f->code;
}

static bool no_trace(const struct facts *f)
{
	return !f->root;
}

static bool no_own_frame(const struct facts *f)
{
	return !f->own;
}

/*
 * A package that is entered and refuses at its door tells the caller something;
 * one that fails deeper in has failed itself, unless it was handed a null.
 */
static bool failed_in_package(const struct facts *f)
{
	return f->own && f->passes_through && f->package_frames >= DENSE_PACKAGE && !f->held_null &&
	       !*f->code;
}

/* Exceptions by which clients report what a peer answered. */
#define CLIENTS \
	"urllib.error.HTTPError requests.exceptions.HTTPError httpx.HTTPStatusError AxiosError"

/* What a language raises by itself when code does what it cannot. */
#define FAULTS                                                                              \
	"TypeError ReferenceError RangeError KeyError IndexError AttributeError NameError " \
	"UnboundLocalError ZeroDivisionError AssertionError RecursionError OverflowError"

/* Words are separated by blanks; types are compared whole and by their last component. */
static const struct rule {
	const char *name;
	int class;
	const char *types, *codes, *signals; /* NULL: any; several: one of each */
	condition *also;
	const char *reason;
} rules[] = {
	{ "no-trace", TRIAGE_UNKNOWN, NULL, NULL, NULL, no_trace,
	  "the report has no trace, so nothing in it points at a line of code" },

	{ "disk", TRIAGE_OPERATIONAL, NULL, "ENOSPC EDQUOT EROFS EIO", NULL, NULL,
	  "a file system was full, over its quota, read-only or failing" },
	{ "descriptors", TRIAGE_OPERATIONAL, NULL, "EMFILE ENFILE", NULL, NULL,
	  "no file descriptor was left" },
	{ "memory-code", TRIAGE_OPERATIONAL, NULL, "ENOMEM ERR_WORKER_OUT_OF_MEMORY", NULL,
	  memory_not_free, "memory was refused" },
	{ "memory-type", TRIAGE_OPERATIONAL,
	  "MemoryError std::bad_alloc AddressSanitizer:?out-of-memory", NULL, NULL, memory_not_free,
	  "memory was refused" },
	{ "memory-at-limit", TRIAGE_OPERATIONAL, NULL, NULL, "SIGABRT SIGBUS", memory_at_limit,
	  "the process aborted when its memory was at the limit" },
	{ "killed", TRIAGE_OPERATIONAL, NULL, NULL, "SIGKILL SIGTERM SIGINT SIGHUP SIGXCPU", NULL,
	  "the process was ended from outside: by the kernel, a neighbour or an operator" },
	{ "stopped", TRIAGE_OPERATIONAL, "KeyboardInterrupt SystemExit CancelledError", NULL, NULL,
	  NULL, "the program was told to stop" },
	{ "resolver", TRIAGE_OPERATIONAL, NULL,
	  "ENOTFOUND EAI_AGAIN EAI_NONAME EAI_NODATA EAI_FAIL ESERVFAIL", NULL, NULL,
	  "a name could not be resolved" },
	{ "peer-code", TRIAGE_OPERATIONAL, NULL,
	  "ECONNREFUSED ECONNRESET ECONNABORTED EPIPE EHOSTUNREACH ENETUNREACH EHOSTDOWN ENETDOWN "
	  "UND_ERR_SOCKET",
	  NULL, NULL, "a peer could not be reached, or went away" },
	{ "peer-type", TRIAGE_OPERATIONAL,
	  "ConnectionRefusedError ConnectionResetError ConnectionAbortedError BrokenPipeError "
	  "ConnectionError ConnectError RemoteDisconnected IncompleteRead MaxRetryError "
	  "NewConnectionError MongoNetworkError psycopg.OperationalError "
	  "psycopg2.OperationalError",
	  NULL, NULL, NULL, "a peer could not be reached, or went away" },
	{ "timeout-code", TRIAGE_OPERATIONAL, NULL,
	  "ETIMEDOUT ESOCKETTIMEDOUT UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT "
	  "UND_ERR_BODY_TIMEOUT",
	  NULL, NULL, "a peer did not answer in time" },
	{ "timeout-type", TRIAGE_OPERATIONAL,
	  "TimeoutError socket.timeout ConnectTimeout ReadTimeout ConnectTimeoutError "
	  "ReadTimeoutError TimeoutException",
	  NULL, NULL, NULL, "something that was waited for did not answer in time" },
	{ "certificate", TRIAGE_OPERATIONAL, NULL,
	  "CERTIFICATE_VERIFY_FAILED CERT_HAS_EXPIRED CERT_NOT_YET_VALID "
	  "DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN "
	  "UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT_LOCALLY "
	  "ERR_TLS_CERT_ALTNAME_INVALID",
	  NULL, NULL, "the certificate of a peer was not accepted" },
	{ "address", TRIAGE_OPERATIONAL, NULL, "EADDRINUSE EADDRNOTAVAIL", NULL, NULL,
	  "an address to listen on was taken or is not this host's" },
	{ "host-denied", TRIAGE_OPERATIONAL, NULL, "EACCES EPERM", NULL, NULL,
	  "the host denied access: an owner or a mode is not as the service needs it" },
	{ "peer-failed", TRIAGE_OPERATIONAL, CLIENTS, "HTTP_5?? HTTP_429 ERR_BAD_RESPONSE", NULL,
	  NULL, "a peer answered that it failed or was overloaded" },
	{ "peer-denied", TRIAGE_OPERATIONAL, CLIENTS, "HTTP_401 HTTP_403 HTTP_407", NULL, NULL,
	  "a peer did not accept the service's credentials" },

	{ "peer-refused", TRIAGE_CODE, CLIENTS, NULL, NULL, NULL,
	  "a peer refused a request that own code made" },
	{ "status", TRIAGE_EXPECTED, NULL, "HTTP_4??", NULL, NULL,
	  "a refusal of the caller's request, by its status" },
	{ "refusal", TRIAGE_EXPECTED,
	  "BadRequest BadRequestError BadRequestKeyError NotFound NotFoundError Http404 "
	  "MethodNotAllowed Conflict ConflictError",
	  NULL, NULL, NULL, "a refusal of the caller's request, by the name of its type" },
	{ "validation", TRIAGE_EXPECTED,
	  "ValidationError *ValidationError ValidationException ZodError UnprocessableEntity "
	  "UnprocessableEntityError",
	  NULL, NULL, NULL, "a validator refused what the caller sent" },
	{ "permission", TRIAGE_EXPECTED,
	  "PermissionError PermissionDenied Forbidden ForbiddenError Unauthorized "
	  "UnauthorizedError NotAuthenticated AuthenticationFailed AccessDenied "
	  "AccessDeniedError",
	  NULL, NULL, no_code, "a permission check refused the caller" },

	{ "no-own-frame", TRIAGE_UNKNOWN, NULL, NULL, NULL, no_own_frame,
	  "no frame of the trace lies in the repository: check the service's paths and in_app" },
	{ "inside-package", TRIAGE_DEPENDENCY, FAULTS, NULL, NULL, failed_in_package,
	  "own code only handed data on: it failed inside a package" },
	{ "own-frame", TRIAGE_CODE, NULL, NULL, NULL, NULL, "own code failed" },
};

static const char *const class_names[TRIAGE_N] = {
	[TRIAGE_CODE] = "code",		[TRIAGE_OPERATIONAL] = "operational",
	[TRIAGE_EXPECTED] = "expected", [TRIAGE_DEPENDENCY] = "dependency",
	[TRIAGE_UNKNOWN] = "unknown",
};

const char *triage_class_name(int class)
{
	return class_names[class];
}

const char *triage_rule(size_t n, int *class)
{
	if (n >= sizeof(rules) / sizeof(rules[0]))
		return NULL;
	*class = rules[n].class;
	return rules[n].name;
}

void triage_words(struct buf *out)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		buf_printf(out, "%s %s %s %s %s ", rules[i].name,
			   rules[i].types ? rules[i].types : "",
			   rules[i].codes ? rules[i].codes : "",
			   rules[i].signals ? rules[i].signals : "", rules[i].reason);
	for (int i = 0; i < TRIAGE_N; i++)
		buf_printf(out, "%s ", class_names[i]);
}

/* ---- where a frame lies ---- */

static const char *package_of(const char *path, size_t *len)
{
	static const char *const folders[] = { "node_modules", "site-packages", "dist-packages" };
	const char *found = NULL;

	for (const char *p = path; *p;) {
		const size_t n = strcspn(p, "/");

		for (size_t i = 0; p[n] && i < sizeof(folders) / sizeof(folders[0]); i++)
			if (strlen(folders[i]) == n && memcmp(p, folders[i], n) == 0)
				found = p + n + 1;
		p += n + (p[n] == '/');
	}
	if (!found)
		return NULL;
	*len = strcspn(found, "/");
	if (*found == '@' && found[*len]) /* a scope and a name */
		*len += 1 + strcspn(found + *len + 1, "/");
	return found;
}

/* The language's own library, native code, and text that was compiled at run time. */
static bool is_runtime(const char *file)
{
	const char *lib = strstr(file, "/lib/python3");

	return *file == '<' || strncmp(file, "node:", 5) == 0 || strncmp(file, "../", 3) == 0 ||
	       strncmp(file, "/usr/src/", 9) == 0 || lib != NULL;
}

static enum where where_of(const struct frame *f)
{
	size_t len;

	if (f->in_app)
		return WHERE_OWN;
	if (!f->file)
		return WHERE_RUNTIME;
	if (package_of(f->file, &len))
		return WHERE_PACKAGE;
	return is_runtime(f->file) ? WHERE_RUNTIME : WHERE_OTHER;
}

static bool has_null(const json_t *vars)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)vars, name, v)
		if (json_is_null(v) || json_object_get(v, "$undefined"))
			return true;
	return false;
}

/* From the innermost frame outwards, up to the first own one. */
static void read_frames(struct facts *f)
{
	const struct frame *v = f->root->frames.v;

	f->passes_through = true;
	for (size_t n = 0; v && n < f->root->frames.n; n++) {
		const enum where w = where_of(&v[n]);

		if (w == WHERE_OWN) {
			f->held_null = has_null(v[n].vars);
			return;
		}
		f->passes_through = f->passes_through && w != WHERE_OTHER;
		if (w == WHERE_PACKAGE && f->package_frames++ == 0)
			f->package = package_of(v[n].file, &f->package_len);
	}
	f->passes_through = false;
}

static const struct frame *innermost_own(const struct incident *i)
{
	const struct exception *x = i->chain.v;

	for (size_t c = 0; c < i->chain.n; c++) {
		const struct frame *v = x[c].frames.v;

		for (size_t n = 0; n < x[c].frames.n; n++)
			if (v[n].in_app)
				return &v[n];
	}
	return NULL;
}

/* ---- metrics: {"name","during","limit"} in bytes, or a ratio by its name ---- */

static double memory_of(const json_t *metrics)
{
	double most = -1;
	size_t n;
	json_t *m;

	json_array_foreach((json_t *)(uintptr_t)metrics, n, m) {
		const char *name = json_string_value(json_object_get(m, "name"));
		const json_t *during = json_object_get(m, "during");
		const double limit = json_number_value(json_object_get(m, "limit"));
		double used = json_number_value(during);

		if (!name || !json_is_number(during) || fnmatch("*memory*", name, 0) != 0)
			continue;
		if (limit > 0)
			used /= limit;
		else if (fnmatch("*ratio*", name, 0) != 0)
			continue;
		most = used > most ? used : most;
	}
	return most;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void collect(const struct incident *i, struct facts *f)
{
	const struct exception *chain = i->chain.v;

	*f = (struct facts){ .i = i, .type = "", .code = "" };
	f->memory = memory_of(i->metrics);
	f->signal = or_empty(json_string_value(
		json_is_string(i->signal) ? i->signal : json_object_get(i->signal, "name")));
	if (i->chain.n == 0)
		return;
	f->root = &chain[0];
	f->type = or_empty(f->root->type);
	f->code = or_empty(f->root->code);
	if (!*f->signal && strncmp(f->type, "SIG", 3) == 0)
		f->signal = f->type;
	f->own = innermost_own(i);
	read_frames(f);
}

/* ---- the table ---- */

static bool one_of(const char *words, const char *s)
{
	char word[128];

	for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
		const size_t n = strcspn(words, " ");

		(void)snprintf(word, sizeof(word), "%.*s", (int)n, words);
		if (fnmatch(word, s, 0) == 0)
			return true;
		words += n;
	}
	return false;
}

static bool type_is(const char *words, const char *type)
{
	const char *dot = strrchr(type, '.');

	return one_of(words, type) || (dot && one_of(words, dot + 1));
}

static bool applies(const struct rule *r, const struct facts *f)
{
	return (!r->types || type_is(r->types, f->type)) &&
	       (!r->codes || one_of(r->codes, f->code)) &&
	       (!r->signals || one_of(r->signals, f->signal)) && (!r->also || r->also(f));
}

/* ---- evidence ---- */

static void add(struct triage *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct triage *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)json_array_append_new(t->evidence, json_string(text));
}

static void add_frame(struct triage *t, const struct frame *f)
{
	static const char *const words[] = { [WHERE_OWN] = "own",
					     [WHERE_PACKAGE] = "package",
					     [WHERE_RUNTIME] = "runtime",
					     [WHERE_OTHER] = "elsewhere" };

	add(t, "frame %.200s:%llu %.120s (%s)", f->file ? f->file : "?",
	    (unsigned long long)f->line, f->function ? f->function : "?", words[where_of(f)]);
}

static void gather(const struct facts *f, struct triage *t)
{
	const struct frame *v = f->root ? f->root->frames.v : NULL;

	if (*f->type)
		add(t, "type %.200s", f->type);
	if (*f->code)
		add(t, "code %.64s", f->code);
	if (*f->signal)
		add(t, "signal %.32s", f->signal);
	if (f->memory >= 0)
		add(t, "memory at %.0f %% of its limit", f->memory * 100);
	for (size_t n = 0; v && n < f->root->frames.n && n < EVIDENCE_FRAMES; n++)
		if (&v[n] != f->own)
			add_frame(t, &v[n]);
		else
			break;
	if (f->own)
		add_frame(t, f->own);
	if (f->held_null)
		add(t, "a variable of the own frame was null");
}

static void explain(const struct rule *r, const struct facts *f, struct triage *t)
{
	const char *what = *f->code ? f->code : *f->signal ? f->signal : f->type;

	if (r->class == TRIAGE_DEPENDENCY)
		(void)snprintf(t->reason, sizeof(t->reason), "%s ('%.*s', %zu frames)", r->reason,
			       (int)f->package_len, f->package, f->package_frames);
	else
		(void)snprintf(t->reason, sizeof(t->reason), "%s%s%.64s%s", r->reason,
			       *what ? " (" : "", what, *what ? ")" : "");
}

int triage_incident(const struct incident *i, struct triage *out, struct err *e)
{
	struct triage t = { .evidence = json_array() };
	const struct rule *r = rules;
	struct facts f;

	if (!t.evidence)
		return err_set(e, ENOMEM, "triage: out of memory");
	collect(i, &f);
	while (!applies(r, &f)) /* the last one always does */
		r++;
	t.class = r->class;
	t.rule = r->name;
	gather(&f, &t);
	explain(r, &f, &t);
	*out = t;
	return 0;
}

void triage_release(struct triage *t)
{
	json_decref(t->evidence);
	*t = (struct triage){ 0 };
}

json_t *triage_write(const struct triage *t)
{
	return json_pack("{s:s,s:s,s:s,s:O}", "class", class_names[t->class], "rule", t->rule,
			 "reason", t->reason, "evidence", t->evidence);
}
