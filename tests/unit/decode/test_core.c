/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "tests/tap.h"
#include "tests/unit/decode/core_build.h"

static int decode(const struct built *b, json_t **out, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("core", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, b->bytes, b->n, "core", e) < 0)
		return -1;
	return core_decode(fd, "core", out, e);
}

static void a_core_tells_signal_program_and_build_ids(void)
{
	AUTO_JSON json_t *v = NULL;
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;
	struct built b;

	built_core(&b, 11);
	CHECK_INT(decode(&b, &v, &e), 0);
	CHECK_STR(e.msg, "");
	text = json_dumps(v, JSON_COMPACT);
	CHECK_STR(text ? text : "",
		  "{\"signal\":{\"name\":\"SIGSEGV\",\"number\":11},"
		  "\"what\":\"address not mapped, at the null page\",\"program\":\"shopd\","
		  "\"executable\":{\"path\":\"/srv/shop/shopd\",\"build_id\":"
		  "\"000b16212c37424d58636e79848f9aa5b0bbc6d1\"},\"threads\":1,\"modules\":["
		  "{\"path\":\"/srv/shop/shopd\",\"build_id\":"
		  "\"000b16212c37424d58636e79848f9aa5b0bbc6d1\",\"start\":4194304},"
		  "{\"path\":\"/usr/lib/libc.so.6\",\"start\":139637976727552}],"
		  "\"missing\":0,\"more\":false}");
}

/* The command line holds what people type; nothing of it is read. */
static void the_command_line_is_not_told(void)
{
	AUTO_JSON json_t *v = NULL;
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;
	struct built b;

	built_core(&b, 11);
	CHECK_INT(decode(&b, &v, &e), 0);
	text = json_dumps(v, JSON_COMPACT);
	CHECK(text && !strstr(text, "hunter2"));
}

static void a_core_that_was_cut_says_how_much_is_missing(void)
{
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	struct built b;

	built_core(&b, 6);
	b.n = b.page + 96;
	CHECK_INT(decode(&b, &v, &e), 0);
	CHECK_INT(json_integer_value(json_object_get(v, "missing")), 4000);
	CHECK_STR(json_string_value(json_object_get(json_object_get(v, "signal"), "name")),
		  "SIGABRT");
	CHECK(!json_object_get(json_object_get(v, "executable"), "build_id"));
}

/* Each is the good core with some bytes changed, or cut. */
static const struct broken {
	const char *what;
	size_t at; /* from the beginning; SIZE_MAX: where NT_FILE counts */
	unsigned char bytes[8];
	size_t n, cut;
	const char *want;
} broken[] = {
	{ "text", 0, "hello", 5, 0, "core: byte 0: not an ELF file" },
	{ "32 bits",
	  EI_CLASS,
	  { ELFCLASS32 },
	  1,
	  0,
	  "core: byte 4: not of 64 bits: only x86-64 is read" },
	{ "big-endian",
	  EI_DATA,
	  { ELFDATA2MSB },
	  1,
	  0,
	  "core: byte 5: not little-endian: only x86-64 is read" },
	{ "another machine",
	  18,
	  { 183 },
	  1,
	  0,
	  "core: byte 18: of machine 183: only x86-64 (62) is read" },
	{ "a program", 16, { ET_DYN }, 1, 0, "core: byte 16: a program or library, not a core" },
	{ "no segments", 56, { 0 }, 1, 0, "core: 0 segments; 1 to 65536 are read" },
	{ "segments beyond the end",
	  32,
	  { 0xff, 0xff, 0xff },
	  3,
	  0,
	  "core: byte 16777215: ends within its program headers" },
	{ "no notes", 64, { PT_NULL }, 1, 0, "core: it has no notes" },
	{ "notes beyond the end",
	  64 + 8,
	  { 0xff, 0xff, 0xff },
	  3,
	  0,
	  "core: byte 16777215: ends within its notes" },
	{ "notes without end",
	  64 + 32,
	  { 0, 0, 0, 0, 0, 0, 0, 0x7f },
	  8,
	  0,
	  "core: 9151314442816847872 bytes of notes; at most 16777216 are read" },
	{ "a lying count",
	  SIZE_MAX,
	  { 0xff, 0xff, 0xff, 0xff },
	  4,
	  0,
	  "core: NT_FILE counts 4294967295 mappings and has no room for them" },
	{ "cut in the header", 0, { 0x7f }, 1, 40, "core: byte 40: ends within its header" },
};

static void what_is_no_core_is_refused_by_name(void)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		AUTO_JSON json_t *v = NULL;
		struct err e = ERR_INIT;
		struct built b;

		built_core(&b, 11);
		memcpy(b.bytes + (broken[i].at == SIZE_MAX ? b.count : broken[i].at),
		       broken[i].bytes, broken[i].n);
		b.n = broken[i].cut ? broken[i].cut : b.n;
		CHECK(decode(&b, &v, &e) < 0);
		CHECK_STR(e.msg, broken[i].want);
	}
}

static void a_dump_of_a_running_program_is_no_crash(void)
{
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	struct built b;

	built_core(&b, 0);
	CHECK(decode(&b, &v, &e) < 0);
	CHECK_STR(e.msg, "core: no signal is in it: the program was dumped while it ran");
}

static void symbols_become_a_trace_with_what_is_lost(void)
{
	static const char said[] =
		"{\"frames\":[{\"function\":\"abort\",\"object\":\"/usr/lib/libc.so.6\"},"
		"{\"function\":\"pay\",\"file\":\"/srv/shop/pay.c\",\"line\":7,\"inlined\":true}],"
		"\"objects\":[{\"build_id\":\"aa\",\"path\":\"/srv/shop/shopd\"},"
		"{\"build_id\":null,\"path\":null}],\"why\":\"the stack ends early\"}";
	AUTO_JSON json_t *facts = NULL;
	AUTO_JSON json_t *v = NULL;
	struct source in = { .name = "symbols", .text = said, .n = sizeof(said) - 1 };
	struct err e = ERR_INIT;
	struct built b;
	const json_t *x, *loss;

	built_core(&b, 6);
	b.n -= 100;
	CHECK_INT(decode(&b, &facts, &e), 0);
	in.options = facts;
	CHECK_INT(symbols_decode(&in, &v, &e), 0);
	x = json_array_get(json_object_get(v, "chain"), 0);
	CHECK_STR(json_string_value(json_object_get(x, "type")), "SIGABRT");
	CHECK_INT((long long)json_array_size(json_object_get(x, "frames")), 2);
	CHECK(!json_object_get(json_array_get(json_object_get(x, "frames"), 0), "file"));
	loss = json_object_get(v, "loss");
	CHECK_INT((long long)json_array_size(loss), 3);
	CHECK_STR(json_string_value(json_object_get(json_array_get(loss, 0), "why")),
		  "100 bytes of memory are missing: it was cut");
	CHECK_STR(json_string_value(json_object_get(json_array_get(loss, 2), "why")),
		  "the replica has no '/usr/lib/libc.so.6' of build id (none)");
}

TAP_MAIN(TEST(a_core_tells_signal_program_and_build_ids), TEST(the_command_line_is_not_told),
	 TEST(a_core_that_was_cut_says_how_much_is_missing),
	 TEST(what_is_no_core_is_refused_by_name), TEST(a_dump_of_a_running_program_is_no_crash),
	 TEST(symbols_become_a_trace_with_what_is_lost))
