/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "images/layer.h"
#include "runtime/proto/decode.h"
#include "tests/tap.h"
#include "tests/unit/images/scratch.h"

/*
 * What layer_unpack() makes of a decoder that says anything it likes: here it
 * is this test, which takes the place of the client end of sickbay-decode.
 */
struct said {
	uint16_t type;
	const char *body; /* JSON; NULL: the end of the script */
	const char *data;
};

struct decode {
	size_t at;
};

static const struct said *script;
static struct decode only;

int decode_open(enum decode_format f, int in, const char *name, const json_t *options,
		struct decode **out, struct err *e)
{
	(void)f, (void)in, (void)name, (void)options, (void)e;
	only.at = 0;
	*out = &only;
	return 0;
}

int decode_next(struct decode *d, struct msg *m, struct err *e)
{
	const struct said *now = &script[d->at++];

	(void)e;
	m->type = now->type;
	m->body = json_loads(now->body, 0, NULL);
	if (now->data)
		buf_puts(&m->blob, now->data);
	return now->type != DECODE_MSG_END;
}

void decode_close(struct decode *d)
{
	(void)d;
}

#define ENTRY(path, type, more)                                                      \
	{                                                                            \
		DECODE_MSG_ENTRY,                                                    \
			"{\"path\":\"" path "\",\"type\":\"" type                    \
			"\",\"mode\":420,\"uid\":0,\"gid\":0,\"mtime\":0," more "}", \
			NULL                                                         \
	}
#define FILE_OF(path, n) ENTRY(path, "file", "\"size\":" n)
#define DATA(at, text)                                   \
	{                                                \
		DECODE_MSG_DATA, "{\"at\":" at "}", text \
	}
#define END                                                                                      \
	{                                                                                        \
		DECODE_MSG_END,                                                                  \
			"{\"bytes\":1,\"sha256\":"                                               \
			"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", \
			NULL                                                                     \
	}
#define SCRIPT(...) ((const struct said[]){ __VA_ARGS__, END })

static struct layer_draft draft;

static int unpack(const struct said *s, const struct unpack *how, struct err *e)
{
	char hex[SHA256_HEX];
	int r;

	script = s;
	CHECK_INT(layer_begin(scratch_store, NULL, &draft, e), 0);
	r = layer_unpack(draft.dir, -1, "x.tar", how, hex, e);
	return r;
}

static void lies_of_the_decoder_are_refused(void)
{
	const struct unpack how = { .limits = { .bytes = 100, .entries = 3 }, .whiteouts = true };
	const struct {
		const struct said *script;
		const char *want;
	} row[] = {
		{ SCRIPT(FILE_OF("f", "3"), DATA("0", "four")),
		  "x.tar: entry 'f': more data than its header says" },
		{ SCRIPT(FILE_OF("f", "3"), DATA("-1", "x")),
		  "x.tar: entry 'f': more data than its header says" },
		{ SCRIPT(FILE_OF("f", "3"), DATA("3", "x")),
		  "x.tar: entry 'f': more data than its header says" },
		{ SCRIPT(FILE_OF("f", "3"), DATA("9223372036854775807", "x")),
		  "x.tar: entry 'f': more data than its header says" },
		{ SCRIPT(FILE_OF("f", "3"), DATA("\"0\"", "x")),
		  "x.tar: entry 'f': more data than its header says" },
		{ SCRIPT(FILE_OF("f", "101")),
		  "x.tar: entry 'f': the archive holds more bytes than a layer may" },
		{ SCRIPT(FILE_OF("f", "60"), FILE_OF("g", "41")),
		  "x.tar: entry 'g': the archive holds more bytes than a layer may" },
		{ SCRIPT(FILE_OF("f", "9223372036854775807")),
		  "x.tar: entry 'f': the archive holds more bytes than a layer may" },
		{ SCRIPT(FILE_OF("f", "-1")), "x.tar: entry 'f': its size is negative" },
		{ SCRIPT(FILE_OF("a", "0"), FILE_OF("b", "0"), FILE_OF("c", "0"),
			 FILE_OF("d", "0")),
		  "x.tar: entry 'd': the archive holds more entries than a layer may" },
		{ SCRIPT(ENTRY("f", "file", "\"size\":1,\"more\":1")), "x.tar: entry: " },
		{ SCRIPT(ENTRY("f", "door", "\"size\":1")), "x.tar: entry: " },
		{ SCRIPT({ DECODE_MSG_VALUE, "{}", NULL }), "x.tar: the decoder sent message 2" },
		{ SCRIPT(ENTRY(".", "file", "\"size\":0")),
		  "x.tar: entry '': names the root but is not a directory" },
		{ SCRIPT(ENTRY("l", "symlink", "\"size\":0,\"link\":\"\"")),
		  "x.tar: entry 'l': the link's target is empty or too long" },
		{ SCRIPT(ENTRY("n", "char", "\"size\":0")),
		  "x.tar: entry 'n': a char entry; images may not hold any" },
	};

	scratch_open();
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct err e = ERR_INIT;

		CHECK(unpack(row[i].script, &how, &e) < 0);
		if (strncmp(e.msg, row[i].want, strlen(row[i].want)) != 0)
			CHECK_STR(e.msg, row[i].want);
		layer_drop(scratch_store, &draft);
	}
	scratch_close();
}

static void data_without_a_file_goes_nowhere(void)
{
	const struct unpack how = { 0 };
	struct err e = ERR_INIT;

	scratch_open();
	CHECK_INT(unpack(SCRIPT(DATA("0", "x"), ENTRY("d", "dir", "\"size\":0"), DATA("0", "x")),
			 &how, &e),
		  0);
	layer_drop(scratch_store, &draft);
	scratch_close();
}

static void a_sparse_file_keeps_its_size(void)
{
	const struct unpack how = { 0 };
	struct err e = ERR_INIT;
	struct stat st = { 0 };

	scratch_open();
	CHECK_INT(unpack(SCRIPT(FILE_OF("./f", "1000000"), DATA("500000", "middle")), &how, &e), 0);
	CHECK_INT(layer_stat(draft.dir, "f", &st), 0);
	CHECK_INT((long long)st.st_size, 1000000);
	CHECK(st.st_blocks < 100);
	layer_drop(scratch_store, &draft);
	scratch_close();
}

static void a_prefix_and_an_owner_can_be_forced(void)
{
	const struct unpack how = {
		.prefix = "opt/in", .only = "keep", .force_owner = true, .uid = 1000, .gid = 1001
	};
	struct err e = ERR_INIT;
	struct stat st = { 0 };

	scratch_open();
	CHECK_INT(unpack(SCRIPT(FILE_OF("keep/f", "1"), DATA("0", "x"), FILE_OF("keeper", "1"),
				ENTRY("keep/h", "hardlink", "\"size\":0,\"link\":\"./keep/f\"")),
			 &how, &e),
		  0);
	CHECK_STR(e.msg, "");
	CHECK_INT(layer_stat(draft.dir, "opt/in/keep/h", &st), 0);
	CHECK_INT(st.st_uid, 1000);
	CHECK_INT(st.st_gid, 1001);
	CHECK_INT(st.st_nlink, 2);
	CHECK_INT(layer_stat(draft.dir, "opt/in/keeper", &st), -ENOENT);
	layer_drop(scratch_store, &draft);
	scratch_close();
}

TAP_MAIN(TEST(lies_of_the_decoder_are_refused), TEST(data_without_a_file_goes_nowhere),
	 TEST(a_sparse_file_keeps_its_size), TEST(a_prefix_and_an_owner_can_be_forced))
