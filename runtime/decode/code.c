/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/decode/trace.h"

/*
 * The code that names what the system or a protocol refused: "ENOSPC",
 * "ERR_INVALID_URL", "HTTP_404".  Runtimes print it beside the stack, or in one
 * fixed shape within the message; anything else of a message stays unread.
 */
#define CODE_MAX 64

static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

void trace_code(struct trace *t, json_t *x, const char *code, size_t n)
{
	if (!x || json_object_get(x, "code") || n < 3 || n > CODE_MAX || strspn(code, upper) < n)
		return;
	if (json_object_set_new(x, "code", json_stringn(code, n)) < 0)
		t->failed = true;
}

void trace_status(struct trace *t, json_t *x, unsigned long status)
{
	char code[16];

	if (status < 400 || status > 599)
		return;
	(void)snprintf(code, sizeof(code), "HTTP_%lu", status);
	trace_code(t, x, code, strlen(code));
}

/* "ENOSPC: no space left on device, write", "connect ECONNREFUSED 127.0.0.1:80" */
static void of_libuv(struct trace *t, json_t *x, const char *message)
{
	static const char *const calls[] = { "accept",	"bind", "connect", "getaddrinfo", "kill",
					     "listen",	"open", "query",   "read",	  "recv",
					     "scandir", "send", "spawn",   "write" };
	size_t n = strspn(message, upper);

	if (n >= 3 && message[0] == 'E' && message[n] == ':') {
		trace_code(t, x, message, n);
		return;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const char *s = message + strcspn(message, " ");

		if (!text_starts(message, calls[i]) || s[0] != ' ' || s[1] != 'E')
			continue;
		s++;
		n = strspn(s, upper);
		if (n >= 3 && (s[n] == '\0' || s[n] == ' ' || s[n] == ':'))
			trace_code(t, x, s, n);
		return;
	}
}

static const char *name_of_errno(long number)
{
	static const struct {
		long number;
		const char *name;
	} resolver[] = {
		{ -2, "EAI_NONAME" }, { -3, "EAI_AGAIN" }, { -4, "EAI_FAIL" }, { -5, "EAI_NODATA" }
	};

	for (size_t i = 0; i < sizeof(resolver) / sizeof(resolver[0]); i++)
		if (resolver[i].number == number)
			return resolver[i].name;
	return number > 0 && number < 4096 ? strerrorname_np((int)number) : NULL;
}

/* "[Errno 28] No space left on device", "<urlopen error [Errno 111] ...>", "[SSL: NAME] ..." */
static void of_python(struct trace *t, json_t *x, const char *message)
{
	static const char urlopen[] = "<urlopen error ";
	const char *name;
	char *end;
	long number;

	if (text_starts(message, urlopen))
		message += strlen(urlopen);
	if (text_starts(message, "[SSL: ")) {
		message += strlen("[SSL: ");
		if (message[strspn(message, upper)] == ']')
			trace_code(t, x, message, strspn(message, upper));
		return;
	}
	if (!text_starts(message, "[Errno "))
		return;
	number = strtol(message + strlen("[Errno "), &end, 10);
	name = *end == ']' ? name_of_errno(number) : NULL;
	if (name)
		trace_code(t, x, name, strlen(name));
}

/* "HTTP Error 503: ...", and "404 Not Found: ..." of a type that is one of the protocol's. */
static void of_http(struct trace *t, json_t *x, const char *type, const char *message)
{
	const bool named = strstr(type, "HTTP") || strstr(type, "Http") ||
			   text_starts(type, "werkzeug.exceptions.");
	unsigned long status;

	if (text_starts(message, "HTTP Error "))
		message += strlen("HTTP Error ");
	else if (!named)
		return;
	if (text_number(&message, &status) &&
	    (*message == ' ' || *message == ':' || *message == '\0'))
		trace_status(t, x, status);
}

void trace_code_of_message(struct trace *t, json_t *x)
{
	const char *type = json_string_value(json_object_get(x, "type"));
	const char *message = json_string_value(json_object_get(x, "message"));

	if (!type || !message)
		return;
	of_libuv(t, x, message);
	of_python(t, x, message);
	of_http(t, x, type, message);
}
