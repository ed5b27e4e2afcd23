/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"
#include "runtime/base/msg.h"
#include "runtime/base/opt.h"
#include "runtime/base/sha256.h"
#include "runtime/base/spawn.h"
#include "runtime/base/sys.h"
#include "tests/tap.h"

static void errors_are_one_line_and_keep_their_code(void)
{
	struct err e = ERR_INIT;

	errno = EACCES;
	CHECK_INT(err_sys(&e, "open '%s'", "a\nb\033[31m"), -EACCES);
	CHECK_INT(err_wrap(&e, "load"), -EACCES);
	CHECK_STR(e.msg, "load: open 'a?b?[31m': Permission denied");
}

static void a_buffer_stops_at_its_maximum(void)
{
	AUTO_BUF struct buf b = BUF_INIT(8);
	struct err e = ERR_INIT;

	buf_puts(&b, "12345678");
	CHECK_INT(buf_check(&b, "text", &e), 0);
	buf_putc(&b, '9');
	CHECK_INT(buf_check(&b, "text", &e), -E2BIG);
	CHECK_STR(e.msg, "text: larger than 8 bytes");
	CHECK_INT(b.n, 8);
}

static void sha256_gives_the_published_digests(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	uint8_t d[SHA256_LEN];
	char hex[SHA256_HEX];

	for (size_t i = 0; i < 3; i++) {
		sha256_of(row[i].text, strlen(row[i].text), d);
		sha256_hex(d, hex);
		CHECK_STR(hex, row[i].want);
	}
}

static void sha256_does_not_depend_on_how_the_input_is_cut(void)
{
	uint8_t text[1000], whole[SHA256_LEN], cut[SHA256_LEN];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n < sizeof(text); n += 37) {
		struct sha256 s;

		sha256_of(text, n, whole);
		sha256_init(&s);
		for (size_t i = 0; i < n; i++)
			sha256_update(&s, text + i, 1);
		sha256_final(&s, cut);
		CHECK(memcmp(whole, cut, sizeof(cut)) == 0);
	}
}

static void times_round_trip(void)
{
	char s[CLOCK_RFC3339];
	uint64_t ns = 0;

	CHECK_INT(clock_parse_rfc3339("2026-11-22T06:41:00.001000001Z", &ns), 0);
	clock_rfc3339(ns, s);
	CHECK_STR(s, "2026-11-22T06:41:00.001000001Z");
	CHECK_INT(clock_parse_rfc3339("2026-11-22T08:41:00+02:00", &ns), 0);
	clock_rfc3339(ns, s);
	CHECK_STR(s, "2026-11-22T06:41:00.000000000Z");
	CHECK(clock_parse_rfc3339("2026-11-22", &ns) < 0);
	CHECK(clock_parse_rfc3339("2026-11-22T06:41:00", &ns) < 0);
}

static void unsafe_names_and_paths_are_known(void)
{
	static const char *const bad[] = { "",	     "/a",	 "a//b",	"a/../b", ".",
					   ".git/x", "a/.GIT",	 "a\\b",	"a\nb",	  "a/",
					   "\xff",   "\xc0\xaf", "\xed\xa0\x80" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!path_is_clean(bad[i]));
	CHECK(path_is_clean("src/käse.c"));
	CHECK(path_is_clean(".github/x"));
	CHECK(name_is_safe("case-7.a_b"));
	CHECK(!name_is_safe("../x") && !name_is_safe("A") && !name_is_safe("-x"));
}

struct sample {
	char *name;
	uint64_t n, size, wait;
	int mode;
	bool on, had_n;
	struct strlist words;
	struct objlist inner;
	struct strmap env;
	json_t *any;
};
struct inner {
	char *path;
};
static const char *const modes[] = { "observe", "propose", NULL };
static const struct jmap inner_map[] = {
	{ .name = "path", .kind = JMAP_STR, .offset = offsetof(struct inner, path), .required = 1 },
	{ 0 }
};
static const struct jmap sample_map[] = {
	{ .name = "name",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct sample, name),
	  .required = 1 },
	{ .name = "n",
	  .kind = JMAP_U64,
	  .offset = offsetof(struct sample, n),
	  .min = 1,
	  .max = 9,
	  .present = offsetof(struct sample, had_n) + 1 },
	{ .name = "size", .kind = JMAP_BYTES, .offset = offsetof(struct sample, size) },
	{ .name = "wait", .kind = JMAP_DURATION, .offset = offsetof(struct sample, wait) },
	{ .name = "mode",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct sample, mode),
	  .words = modes },
	{ .name = "on", .kind = JMAP_BOOL, .offset = offsetof(struct sample, on) },
	{ .name = "words", .kind = JMAP_STRS, .offset = offsetof(struct sample, words) },
	{ .name = "inner",
	  .kind = JMAP_LIST,
	  .offset = offsetof(struct sample, inner),
	  .sub = inner_map,
	  .size = sizeof(struct inner) },
	{ .name = "env", .kind = JMAP_MAP, .offset = offsetof(struct sample, env) },
	{ .name = "any", .kind = JMAP_JSON, .offset = offsetof(struct sample, any) },
	{ 0 }
};

static int read_sample(const char *text, struct sample *s, struct err *e)
{
	struct jsonc *j = NULL;
	int r = jsonc_parse("s.json", text, strlen(text), JSONC_COMMENTS, &j, e);

	if (r == 0) {
		r = jmap_read(sample_map, jsonc_root(j), s, "", e);
		if (r < 0)
			(void)jsonc_locate(j, e);
	}
	jsonc_free(j);
	return r;
}

static void a_table_reads_and_writes_an_object(void)
{
	struct sample s = { 0 }, t = { 0 };
	struct err e = ERR_INIT;
	json_t *back;

	CHECK_INT(read_sample("{\"name\":\"x\",\"n\":3,\"size\":\"4KiB\",\"wait\":\"2s\",\"mode\":"
			      "\"propose\","
			      "\"on\":true,\"words\":[\"a\",\"b\"],\"inner\":[{\"path\":\"p\"}],"
			      "\"env\":{\"A\":\"1\"},\"any\":[1,null]}",
			      &s, &e),
		  0);
	CHECK_INT(s.size, 4096);
	CHECK_INT(s.wait, 2000);
	CHECK_INT(s.mode, 1);
	CHECK(s.had_n);
	CHECK_STR(s.words.v[1], "b");
	CHECK_STR(((struct inner *)s.inner.v)[0].path, "p");
	back = jmap_write(sample_map, &s);
	CHECK_INT(jmap_read(sample_map, back, &t, "", &e), 0);
	CHECK_INT(t.size, 4096);
	CHECK_STR(t.env.v[0].value, "1");
	json_decref(back);
	jmap_release(sample_map, &s);
	jmap_release(sample_map, &t);
}

static void what_is_required_is_written_though_it_is_empty(void)
{
	struct lists {
		struct strlist words;
		struct objlist inner;
		struct strmap env;
	} l = { 0 };
	const struct jmap map[] = { { .name = "words",
				      .kind = JMAP_STRS,
				      .offset = offsetof(struct lists, words),
				      .required = 1 },
				    { .name = "inner",
				      .kind = JMAP_LIST,
				      .offset = offsetof(struct lists, inner),
				      .required = 1,
				      .sub = inner_map,
				      .size = sizeof(struct inner) },
				    { .name = "env",
				      .kind = JMAP_MAP,
				      .offset = offsetof(struct lists, env),
				      .required = 1 },
				    { 0 } };
	struct err e = ERR_INIT;
	json_t *back = jmap_write(map, &l);

	CHECK_INT(json_object_size(back), 3);
	CHECK_INT(jmap_read(map, back, &l, "", &e), 0);
	json_decref(back);
	jmap_release(map, &l);
}

static void each_mistake_in_a_file_has_its_place(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "{\n \"nmae\": \"x\"}",
		  "s.json:2:2: unknown key \"nmae\"; did you mean \"name\"?" },
		{ "{\"n\": 1}", "s.json:1:1: \"name\" is missing" },
		{ "{\"name\":\"x\",\n\"n\":10}", "s.json:2:1: 10 is not within 1..9" },
		{ "{\"name\":\"x\", // c\n \"mode\": \"propse\",}",
		  "s.json:2:2: 'propse' is not a known value; did you mean 'propose'?" },
		{ "{\"name\":\"x\",\"name\":\"y\"}",
		  "s.json:1:18: duplicate object key near '\"name\"'" },
		{ "{\"name\":\"x\",\"inner\":[{\"path\":\"a\"},{}]}",
		  "s.json:1:35: \"path\" is missing" },
		{ "{\"name\": \"a\\u0000b\"}",
		  "s.json:1:19: \\u0000 is not allowed without JSON_ALLOW_NUL near "
		  "'\"a\\u0000b\"'" },
		{ "/* open", "s.json:1:8: a comment is not closed" },
		{ "// a\n// b \x01", "s.json:2:6: a control byte in a comment" },
		{ "// \xc3\xa9 \xff", "s.json:1:7: not UTF-8 in a comment" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sample s = { 0 };
		struct err e = ERR_INIT;

		CHECK(read_sample(row[i].text, &s, &e) < 0);
		CHECK_STR(e.msg, row[i].want);
		jmap_release(sample_map, &s);
	}
}

static void deep_nesting_is_refused_before_it_is_parsed(void)
{
	char text[200];
	struct jsonc *j = NULL;
	struct err e = ERR_INIT;

	memset(text, '[', sizeof(text));
	CHECK_INT(jsonc_parse("d", text, sizeof(text), 0, &j, &e), -EINVAL);
	CHECK_STR(e.msg, "d:1:65: nested deeper than 64");
}

static void a_message_crosses_a_socket_with_blob_and_descriptor(void)
{
	AUTO_MSG struct msg m = MSG_INIT;
	struct err e = ERR_INIT;
	json_t *body = json_pack("{s:i,s:[b,n,f],s:s}", "a", -5, "b", 1, 0.5, "c", "ü");
	int s[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	CHECK_INT(msg_send(s[0], 7, body, "xyz", 3, s[0], &e), 0);
	CHECK_INT(msg_recv(s[1], 1000, &m, &e), 1);
	CHECK_INT(m.type, 7);
	CHECK(json_equal(m.body, body));
	CHECK_INT(m.blob.n, 3);
	CHECK(m.fd >= 0);
	CHECK_INT(msg_recv(s[1], 0, &m, &e), -ETIMEDOUT);
	(void)close(s[0]);
	CHECK_INT(msg_recv(s[1], 1000, &m, &e), 0);
	(void)close(s[1]);
	json_decref(body);
}

static void malformed_messages_are_refused(void)
{
	static const struct {
		const char *data;
		size_t n;
	} row[] = { { "", 0 },
		    { "\x05\x09\0\0\0ab", 7 },
		    { "\x05\x01\0\0\0\xff", 6 },
		    { "\x05\x01\0\0\0\0", 6 },
		    { "\x09", 1 },
		    { "\0\0", 2 },
		    { "\x06\xff\xff\xff\xff", 5 },
		    { "\x07\x02\0\0\0\x01\0\0\0a\0\x01\0\0\0a\0", 17 } };
	json_t *v = NULL;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct err e = ERR_INIT;

		CHECK(msg_decode(row[i].data, row[i].n, &v, &e) < 0);
		CHECK(e.msg[0] != '\0');
	}
}

static void options_are_parsed_by_their_table(void)
{
	bool json = false;
	const char *image = NULL;
	uint64_t n = 0;
	const struct opt opts[] = { { "json", OPT_FLAG, &json, NULL, "j" },
				    { "image", OPT_STR, &image, "NAME", "i" },
				    { "count", OPT_U64, &n, "N", "c" },
				    { 0 } };
	char *good[] = { (char[]){ "x" },  (char[]){ "--json" },  (char[]){ "--image=a" },
			 (char[]){ "op" }, (char[]){ "--count" }, (char[]){ "4" },
			 (char[]){ "--" }, (char[]){ "--json" },  NULL };
	char *typo[] = { (char[]){ "x" }, (char[]){ "--imgae" }, NULL };
	struct err e = ERR_INIT;
	int operands = 0;

	CHECK_INT(opt_parse(opts, false, 8, good, &operands, &e), 0);
	CHECK(json && n == 4);
	CHECK_STR(image, "a");
	CHECK_INT(operands, 2);
	CHECK_STR(good[2], "--json");
	CHECK_INT(opt_parse(opts, false, 2, typo, &operands, &e), -EINVAL);
	CHECK_STR(e.msg, "unknown option '--imgae'; did you mean '--image'?");
}

static void records_are_published_once_and_whole(void)
{
	char dir[] = "/tmp/sickbay-test-XXXXXX";
	AUTO_BUF struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;
	int fd;

	CHECK(mkdtemp(dir) != NULL);
	fd = fd_open_dir(dir, &e);
	CHECK_INT(file_publish_once_at(fd, "r.json", "one", 3, 0600, &e), 0);
	CHECK_INT(file_publish_once_at(fd, "r.json", "two", 3, 0600, &e), -EEXIST);
	CHECK_INT(file_read_at(fd, "r.json", 100, &b, &e), 0);
	CHECK_STR(b.p, "one");
	CHECK_INT(file_read_at(fd, "r.json", 2, &b, &e), -EFBIG);
	CHECK_INT(dir_make_at(fd, "a/b/c", 0700, &e), 0);
	CHECK_INT(symlinkat("/etc", fd, "a/link"), 0);
	CHECK(dir_make_at(fd, "a/link/x", 0700, &e) < 0);
	CHECK(fd_open_beneath(fd, "a/link/passwd", O_RDONLY, 0, &e) < 0);
	CHECK(fd_open_beneath(fd, "../x", O_RDONLY, 0, &e) < 0);
#ifdef SYS_FAULTS
	sys_fault_arm("fsync", 1, EIO);
	CHECK_INT(file_publish_at(fd, "s.json", "x", 1, 0600, &e), -EIO);
	sys_fault_arm("rename", 1, ENOSPC);
	CHECK_INT(file_publish_at(fd, "s.json", "x", 1, 0600, &e), -ENOSPC);
	sys_fault_arm(NULL, 0, 0);
	CHECK(faccessat(fd, "s.json", F_OK, 0) < 0);
#endif
	(void)close(fd);
	CHECK_INT(chdir("/tmp"), 0);
	CHECK_INT(tree_remove_at(AT_FDCWD, dir + strlen("/tmp/"), &e), 0);
	CHECK(access(dir, F_OK) < 0);
}

static void a_program_is_fed_and_captured(void)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
			       (char[]){ "cat; ls /proc/self/fd | wc -l >&1; exit 3" }, NULL };
	const struct spawn s = { .path = "sh", .argv = argv };
	AUTO_BUF struct buf b = BUF_INIT(0);
	struct err e = ERR_INIT;
	int status = -1;

	CHECK_INT(spawn_capture(&s, "hello\n", 6, 1000, &b, &status, &e), 0);
	CHECK_STR(b.p, "hello\n4\n"); /* 0, 1, 2 and the listing's own */
	CHECK_INT(status, 3);
}

static void a_program_that_is_missing_is_named(void)
{
	char *const argv[] = { (char[]){ "x" }, NULL };
	const struct spawn s = { .path = "/no/such", .argv = argv };
	struct err e = ERR_INIT;
	pid_t pid;

	CHECK_INT(spawn_start(&s, &pid, &e), -ENOENT);
	CHECK_STR(e.msg, "start '/no/such': execute: No such file or directory");
}

static void a_program_starts_for_a_user_who_cannot_look_where_it_lies(void)
{
	char dir[] = "/tmp/sickbay-test-base-XXXXXX", path[64];
	char *argv[] = { (char[]){ "true" }, NULL };
	const uid_t nobody = geteuid() == 0 ? 65534 : 0;
	const struct spawn s = { .path = path, .argv = argv, .uid = nobody, .gid = nobody };
	AUTO_BUF struct buf program = BUF_INIT(8u << 20);
	struct err e = ERR_INIT;
	int status = -1;
	pid_t pid;

	CHECK(mkdtemp(dir) != NULL); /* nobody else's: mode 0700 */
	(void)snprintf(path, sizeof(path), "%s/true", dir);
	CHECK_INT(file_read_at(AT_FDCWD, "/bin/true", 8u << 20, &program, &e), 0);
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	CHECK_INT(fd_write_all(fd, program.p, program.n, path, &e), 0);
	(void)close(fd);
	CHECK_INT(spawn_start(&s, &pid, &e), 0);
	CHECK_INT(spawn_wait(pid, &status, &e), 0);
	CHECK_INT(status, 0);
	(void)unlink(path);
	(void)rmdir(dir);
}

TAP_MAIN(TEST(errors_are_one_line_and_keep_their_code), TEST(a_buffer_stops_at_its_maximum),
	 TEST(sha256_gives_the_published_digests),
	 TEST(sha256_does_not_depend_on_how_the_input_is_cut), TEST(times_round_trip),
	 TEST(unsafe_names_and_paths_are_known), TEST(a_table_reads_and_writes_an_object),
	 TEST(what_is_required_is_written_though_it_is_empty),
	 TEST(each_mistake_in_a_file_has_its_place),
	 TEST(deep_nesting_is_refused_before_it_is_parsed),
	 TEST(a_message_crosses_a_socket_with_blob_and_descriptor),
	 TEST(malformed_messages_are_refused), TEST(options_are_parsed_by_their_table),
	 TEST(records_are_published_once_and_whole), TEST(a_program_is_fed_and_captured),
	 TEST(a_program_that_is_missing_is_named),
	 TEST(a_program_starts_for_a_user_who_cannot_look_where_it_lies))
