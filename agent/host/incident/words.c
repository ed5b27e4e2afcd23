/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/incident/values.h"

/*
 * Words of languages, of their runtimes' own messages and of what sickbay itself writes: they say
 * nothing about anybody.  In lower case, sorted; no given names.
 */
/* clang-format off */
static const char *const common[] = {
	"abort", "aborted", "about", "accept", "access", "added", "address", "addresssanitizer",
	"adds", "after", "agent", "algorithm", "all", "alloc", "allocate", "allocated",
	"allocation", "already", "also", "an", "and", "any", "app", "apply", "apps", "are",
	"argument", "arguments", "argv", "array", "arrays", "as", "asan", "ascii", "assert",
	"assertion", "assign", "assignment", "async", "at", "attribute", "attributes", "await",
	"bad", "base", "be", "because", "been", "before", "being", "between", "bigint", "blob",
	"bool", "boolean", "bounds", "branch", "break", "broken", "buffer", "bug", "build", "but",
	"by", "byte", "bytes", "call", "callable", "callback", "callbacks", "called", "callee",
	"calls", "can", "cannot", "case", "cases", "cast", "catch", "cause", "caused", "change",
	"changed", "character", "class", "client", "close", "closed", "code", "codec",
	"collections", "command", "commit", "comparison", "component", "const", "constructor",
	"contains", "convert", "converted", "coordinate", "could", "count", "cpp", "crash",
	"create", "ctx", "current", "cut", "data", "date", "dead", "decision", "declared",
	"decode", "decoder", "decrement", "default", "defined", "delete", "denied", "depth",
	"descriptor", "descriptors", "destructure", "detected", "development", "device", "dict",
	"dictionary", "different", "digits", "direct", "directory", "dist", "distinct", "divide",
	"division", "do", "doc", "docs", "does", "doesnt", "done", "double", "dump", "duplicate",
	"each", "elem", "element", "elements", "else", "empty", "encode", "encoded", "encoder",
	"end", "enough", "entries", "entry", "enum", "env", "equal", "error", "errors", "eval",
	"evaluate", "event", "every", "evidence", "exact", "exc", "exceeded", "except",
	"exception", "exceptions", "exec", "exhausted", "exist", "exists", "exit", "expect",
	"expected", "export", "exports", "extend", "extended", "fail", "failed", "failing",
	"fails", "failure", "false", "fatal", "field", "file", "files", "find", "first", "fix",
	"fixed", "fixture", "fixtures", "float", "for", "forget", "format", "formatted", "found",
	"frame", "frames", "free", "freed", "from", "function", "functions", "generator", "get",
	"getter", "given", "global", "gnu", "goes", "got", "greater", "guard", "had", "handle",
	"handled", "handler", "handles", "has", "have", "head", "header", "heap", "heapbuffer",
	"hex", "hexadecimal", "hidden", "home", "host", "http", "https", "id", "identifier", "if",
	"ignored", "illegal", "immutable", "import", "in", "in_app", "increment", "index",
	"indices", "infinite", "infinity", "init", "initialization", "initialize", "inlined",
	"input", "insert", "inside", "instance", "instanceof", "int", "integer", "internal",
	"into", "invalid", "invocation", "invoke", "invoked", "is", "isnan", "it", "item",
	"items", "iter", "iterable", "iterate", "iteration", "iterator", "its", "javascript",
	"join", "js", "json", "kb", "key", "keyerror", "keys", "keyword", "kind", "known",
	"large", "last", "latency", "later", "lead", "leak", "least", "leaves", "left", "len",
	"length", "less", "lib", "limit", "line", "lines", "linux", "list", "literal", "literals",
	"load", "local", "localhost", "log", "lookup", "loop", "macro", "made", "main",
	"malformed", "many", "mapped", "maps", "match", "matched", "matches", "matching",
	"maximum", "may",
	"mb", "memory", "message", "method", "methods", "minimum", "misaligned", "misc",
	"missing", "mock", "mode", "modified", "module", "modules", "modulo", "more", "ms", "msg",
	"must", "mutable", "mutate", "name", "named", "names", "nan", "native", "need", "needs",
	"negative", "nested", "new", "next", "no", "node", "node_modules", "nodejs", "non",
	"none", "nonetype", "not", "nothing", "null", "nullable", "nullptr", "number", "numbers",
	"numeric", "obj", "object", "objects", "of", "offset", "ok", "on", "once", "one", "only",
	"onto", "open", "operand", "operands", "operation", "operator", "opt", "optional",
	"options", "or", "order", "other", "others", "out", "outcome", "output", "outside",
	"overflow", "own", "packages", "page", "param", "parameter", "parameters", "parse",
	"parser",
	"parsing", "pass", "passed", "passes", "patch", "path", "pattern", "permission",
	"permitted", "place",
	"plausible", "pointer", "positional", "possible", "previous", "primitive", "printed",
	"private", "process", "production", "promise", "proof", "properties", "property",
	"prototype", "proven", "proxy", "pull", "put", "py", "pytest", "python", "raise",
	"raised", "raises", "range", "rangeerror", "rate", "reach", "read", "reading", "reads",
	"receive", "received", "recursion", "recursive", "red", "reduce", "ref", "reference",
	"referenced", "referenceerror", "refusal", "refused", "regex", "regexp", "region",
	"regular", "rejected", "rejection", "rejects", "replay", "replayed", "replays", "replica",
	"report", "reported", "reports", "represent", "representable", "represented", "request",
	"require", "required", "requires", "reserved", "resolve", "resource", "response",
	"result", "results", "return", "returned", "returning", "returns", "review", "revoked",
	"risk", "root", "rule", "run", "running", "runs", "runtime", "same", "sanitizer",
	"scalar", "scope", "seen", "segv", "self", "sequence", "serialize", "set", "setter",
	"setting", "shallow", "shared", "shift", "should", "sickbay", "sigabrt", "sigbus",
	"sigfpe", "sigill", "sign", "signal", "signed",
	"sigquit", "sigsegv", "sigsys", "sigtrap", "single", "site", "size", "slice", "some",
	"source", "spent", "split", "src", "srv",
	"stack", "staging", "stands", "state", "statement", "status", "std", "stderr", "stdin",
	"stdout", "step", "steps", "stop", "str", "strict", "string", "strings", "struct",
	"subclass", "subject", "subscriptable", "subtest", "subtract", "such", "suite", "suites",
	"sum", "summary", "super", "support", "supported", "surrogates", "symbol", "syntax",
	"syntaxerror", "take", "takes", "tape", "target", "temp", "test", "tested", "testing",
	"tests", "text", "than", "that", "the", "their", "then", "there", "this", "thread",
	"throw", "thrown", "throws", "time", "timeout", "timestamp", "tmp", "to", "too", "top",
	"total", "trace", "traceback", "traces", "true", "try", "tuple", "type", "typed",
	"typeerror", "types", "unable", "unary", "unavailable", "unbound", "uncaught", "undef",
	"undefined", "underflow", "unexpected", "unhandled", "unhashable", "unicode",
	"uninitialized", "unit", "unittest", "unknown", "unpack", "unreachable", "unresolved",
	"unsigned", "unsupported", "until", "up", "upper", "uri", "urierror", "us", "use", "used",
	"using", "usr", "utf", "utf8", "valid", "validation", "value", "valueerror", "values",
	"var", "variable", "variables", "vars", "version", "violation", "virtual", "void",
	"warning", "was", "we", "were", "what", "when", "where", "which", "while", "whitespace",
	"why", "why_not", "will", "with", "within", "without", "word", "write", "writing",
	"wrong", "yield", "zero",
};
/* clang-format on */

static int by_word(const void *key, const void *row)
{
	return strcmp(key, *(const char *const *)row);
}

bool word_is_common(const char *s, size_t n)
{
	char folded[24];

	if (n >= sizeof(folded))
		return false;
	for (size_t i = 0; i < n; i++)
		folded[i] = (char)tolower((unsigned char)s[i]);
	folded[n] = '\0';
	return bsearch(folded, common, sizeof(common) / sizeof(common[0]), sizeof(common[0]),
		       by_word) != NULL;
}
