/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/note.h"
#include "runtime/base/base64.h"
#include "tests/tap.h"

/* Made and checked with another implementation (openssl pkeyutl -verify). */
#define KEY \
	"repair-1.example.com/sickbay/audit+de1dd0f7+AUFSueEDjQIGhA6KZ5Hrksq9f8kzn+9tXncbGWECZJ5Y"
#define NOTE                                                                                      \
	"repair-1.example.com/sickbay/audit\n8\nvINhiz89MCPfIm4+nbvFk86cZwK/PlTj7QeV7GBiGvg=\n\n" \
	"\xe2\x80\x94 repair-1.example.com/sickbay/audit "                                        \
	"3h3Q92K61fzDy0AO2iRQzSAhr15RkSab6FWa+"                                                   \
	"ZDiOFmgtfXpb9JVDmMV4j25wqXrk43JJWTUxByUzYx8nN42uzgiDQM=\n"

static void a_checkpoint_that_another_program_signed_is_believed(void)
{
	struct checkpoint c = { 0 };
	struct note_key k;
	struct err e = ERR_INIT;

	CHECK_INT(note_key_parse(KEY, &k, &e), 0);
	CHECK_INT(checkpoint_open(NOTE, strlen(NOTE), &k, &c, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(c.size, 8);
}

static void every_flipped_bit_of_a_checkpoint_is_found(void)
{
	char text[] = NOTE;
	struct checkpoint c;
	struct note_key k;
	struct err e = ERR_INIT;
	int believed = 0;

	CHECK_INT(note_key_parse(KEY, &k, &e), 0);
	for (size_t i = 0; i < 8 * strlen(NOTE); i++) {
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		believed += checkpoint_open(text, strlen(NOTE), &k, &c, &e) == 0;
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
	}
	CHECK_INT(believed, 0);
	for (size_t n = 0; n < strlen(NOTE); n++)
		believed += checkpoint_open(text, n, &k, &c, &e) == 0;
	CHECK_INT(believed, 0);
}

static void every_flipped_bit_of_a_public_key_is_found(void)
{
	char text[] = KEY;
	struct note_key k;
	struct err e = ERR_INIT;
	int believed = 0;

	for (size_t i = 0; i < 8 * strlen(KEY); i++) {
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		believed += note_key_parse(text, &k, &e) == 0;
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
	}
	CHECK_INT(believed, 0);
}

static void keys_survive_being_written_down(void)
{
	AUTO_BUF struct buf secret = BUF_INIT(1024);
	AUTO_BUF struct buf pub = BUF_INIT(1024);
	AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
	struct checkpoint c = { .size = 18446744073u, .root = { 1, 2, 3 } }, back;
	struct note_signer s, again;
	struct note_key k;
	struct err e = ERR_INIT;

	CHECK_INT(note_signer_make("host/sickbay/audit", &s, &e), 0);
	note_signer_format(&s, &secret);
	note_key_format(&s.key, &pub);
	CHECK_INT(note_signer_parse(secret.p, &again, &e), 0);
	CHECK(memcmp(&again.seed, &s.seed, sizeof(s.seed)) == 0);
	CHECK_INT(note_key_parse(pub.p, &k, &e), 0);
	CHECK_INT(checkpoint_sign(&again, &c, &note, &e), 0);
	CHECK_INT(checkpoint_open(note.p, note.n, &k, &back, &e), 0);
	CHECK_INT(back.size, c.size);
	CHECK(memcmp(back.root, c.root, sizeof(c.root)) == 0);
	CHECK(note_signer_parse(pub.p, &again, &e) < 0);
	CHECK_STR(e.msg, "not a signing key");
}

static void another_key_is_not_believed(void)
{
	AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
	struct checkpoint c = { .size = 1 }, back = { 0 };
	struct note_signer s, other;
	struct err e = ERR_INIT;

	CHECK_INT(note_signer_make("host", &s, &e), 0);
	CHECK_INT(note_signer_make("host", &other, &e), 0);
	CHECK_INT(checkpoint_sign(&s, &c, &note, &e), 0);
	CHECK_INT(checkpoint_open(note.p, note.n, &other.key, &back, &e), -ENOKEY);
	CHECK_STR(e.msg, "the checkpoint is not signed by 'host'");
	memcpy(other.key.id, s.key.id, 4); /* the id is only a hint */
	CHECK_INT(checkpoint_open(note.p, note.n, &other.key, &back, &e), -EKEYREJECTED);
	CHECK_STR(e.msg, "the checkpoint's signature by 'host' is wrong");
	CHECK_INT(note_signer_make("a+b", &s, &e), -EINVAL);
	CHECK_STR(e.msg, "'a+b' cannot name a key");
}

static void base64_has_one_spelling(void)
{
	static const char *const bad[] = { "AA==", "AB==", "AAB=", "AAA",
					   "AAAA", "AA=A", "A===", "AA\n=" };
	uint8_t out[2];

	CHECK_INT(base64_get("AAE=", 4, out, 2), 0);
	CHECK_INT(out[1], 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(base64_get(bad[i], strlen(bad[i]), out, 2) < 0);
}

TAP_MAIN(TEST(a_checkpoint_that_another_program_signed_is_believed),
	 TEST(every_flipped_bit_of_a_checkpoint_is_found),
	 TEST(every_flipped_bit_of_a_public_key_is_found), TEST(keys_survive_being_written_down),
	 TEST(another_key_is_not_believed), TEST(base64_has_one_spelling))
