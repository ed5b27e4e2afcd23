/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "images/embed.h"
#include "images/layer.h"
#include "runtime/base/sys.h"
#include "tests/tap.h"
#include "tests/unit/images/scratch.h"

#define ID_A "sha256-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "sha256-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void publish(const char *id)
{
	struct layer_draft d = { .dir = -1 };
	struct err e = ERR_INIT;

	CHECK_INT(layer_begin(scratch_store, id, &d, &e), 0);
	CHECK_INT(layer_put_file(d.dir, "f", "x", 1, 0644, 0, 0, &e), 0);
	CHECK_INT(layer_publish(scratch_store, &d, &e), 0);
}

static void record(const char *name, const char *top, const char *bottom)
{
	char *digest = strdup("sha256:1"), *copy = strdup(name);
	struct image i = { .name = copy, .digest = digest };
	struct err e = ERR_INIT;

	CHECK_INT(strlist_add(&i.layers, top), 0);
	if (bottom)
		CHECK_INT(strlist_add(&i.layers, bottom), 0);
	CHECK_INT(image_record(scratch_store, &i, &e), 0);
	image_release(&i);
}

static void a_layer_is_there_once_it_is_published_and_only_then(void)
{
	struct layer_draft d = { .dir = -1 };
	struct err e = ERR_INIT;
	AUTO_CLOSE int fd = -1;

	scratch_open();
	CHECK_INT(layer_begin(scratch_store, ID_A, &d, &e), 0);
	CHECK(!layer_exists(scratch_store, ID_A));
	CHECK_INT(layer_open(scratch_store, ID_A, &fd, &e), -ENOENT);
	CHECK_INT(layer_publish(scratch_store, &d, &e), 0);
	CHECK(layer_exists(scratch_store, ID_A));
	CHECK_INT(layer_open(scratch_store, ID_A, &fd, &e), 0);
	CHECK_INT(layer_begin(scratch_store, ID_A, &d, &e), -EEXIST);
	scratch_close();
}

static void ids_that_are_no_digest_are_refused(void)
{
	static const char *const bad[] = { "", "..", "../x", "sha256-", "sha256-AB", "x" };
	struct err e = ERR_INIT;
	struct layer_draft d;
	int fd;

	scratch_open();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK_INT(layer_open(scratch_store, bad[i], &fd, &e), -EINVAL);
		CHECK_INT(layer_begin(scratch_store, bad[i], &d, &e), -EINVAL);
		CHECK(!layer_exists(scratch_store, bad[i]));
	}
	CHECK_STR(e.msg, "'x' is not a layer id (sha256-HEX)");
	scratch_close();
}

static void an_abandoned_draft_is_swept_and_a_held_one_is_not(void)
{
	struct layer_draft held = { .dir = -1 }, next = { .dir = -1 };
	struct err e = ERR_INIT;
	char left[160];

	scratch_open();
	(void)snprintf(left, sizeof(left), "%s/images/layers/.draft-left", scratch_path);
	CHECK_INT(layer_begin(scratch_store, NULL, &held, &e), 0);
	CHECK_INT(mkdir(left, 0700), 0);
	CHECK_INT(layer_begin(scratch_store, NULL, &next, &e), 0);
	CHECK(access(left, F_OK) < 0);
	CHECK(access(held.path, F_OK) == 0);
	layer_drop(scratch_store, &held);
	layer_drop(scratch_store, &next);
	scratch_close();
}

static void two_makers_of_one_layer_both_succeed(void)
{
	struct layer_draft a = { .dir = -1 }, b = { .dir = -1 };
	struct err e = ERR_INIT;

	scratch_open();
	CHECK_INT(layer_begin(scratch_store, ID_A, &a, &e), 0);
	CHECK_INT(layer_begin(scratch_store, ID_A, &b, &e), 0);
	CHECK_INT(layer_publish(scratch_store, &a, &e), 0);
	CHECK_INT(layer_publish(scratch_store, &b, &e), 0);
	CHECK(layer_exists(scratch_store, ID_A));
	scratch_close();
}

static void a_failed_rename_or_sync_is_an_error(void)
{
#ifdef SYS_FAULTS
	struct layer_draft d = { .dir = -1 };
	struct err e = ERR_INIT;

	scratch_open();
	CHECK_INT(layer_begin(scratch_store, ID_A, &d, &e), 0);
	sys_fault_arm("rename", 1, EIO);
	CHECK_INT(layer_publish(scratch_store, &d, &e), -EIO);
	CHECK(!layer_exists(scratch_store, ID_A));
	sys_fault_arm(NULL, 0, 0);
	layer_drop(scratch_store, &d);
	CHECK_INT(layer_begin(scratch_store, ID_A, &d, &e), 0);
	sys_fault_arm("fsync", 1, EIO);
	CHECK_INT(layer_publish(scratch_store, &d, &e), -EIO);
	sys_fault_arm(NULL, 0, 0);
	layer_drop(scratch_store, &d);
	scratch_close();
#endif
}

static void an_image_is_found_listed_and_removed_with_the_layers_only_it_had(void)
{
	struct err e = ERR_INIT;
	struct image i = { 0 };

	scratch_open();
	publish(ID_A);
	publish(ID_B);
	record("one", ID_A, ID_B);
	record("two", ID_B, NULL);
	CHECK_INT(image_find(scratch_store, "one", &i, &e), 0);
	CHECK_INT((long long)i.layers.n, 2);
	CHECK_STR(i.layers.v[0], ID_A);
	image_release(&i);
	CHECK_INT(image_remove(scratch_store, "one", &e), 0);
	CHECK(!layer_exists(scratch_store, ID_A));
	CHECK(layer_exists(scratch_store, ID_B));
	CHECK_INT(image_find(scratch_store, "one", &i, &e), -ENOENT);
	CHECK_STR(e.msg, "there is no image 'one'; 'sickbay image list' shows them");
	scratch_close();
}

static void an_image_in_use_is_not_removed(void)
{
	struct layer_fds fds = { 0 };
	struct err e = ERR_INIT;
	struct image i = { 0 };

	scratch_open();
	publish(ID_A);
	record("one", ID_A, NULL);
	CHECK_INT(image_find(scratch_store, "one", &i, &e), 0);
	CHECK_INT(image_layers(scratch_store, &i, &fds, &e), 0);
	CHECK_INT(image_remove(scratch_store, "one", &e), -EBUSY);
	CHECK_STR(e.msg, "image 'one' is in use by a replica");
	layer_fds_release(&fds);
	CHECK_INT(image_remove(scratch_store, "one", &e), 0);
	image_release(&i);
	scratch_close();
}

static void the_built_in_image_is_made_once_and_cannot_be_removed(void)
{
	struct image first = { 0 }, second = { 0 };
	struct err e = ERR_INIT;

	scratch_open();
	CHECK_INT(image_find(scratch_store, "host", &first, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK(first.host);
	CHECK_INT((long long)first.layers.n, 1);
	CHECK_INT(image_find(scratch_store, "host", &second, &e), 0);
	CHECK_STR(second.layers.v[0], first.layers.v[0]);
	CHECK_INT(image_remove(scratch_store, "host", &e), -EPERM);
	image_release(&first);
	image_release(&second);
	scratch_close();
}

static int host_layer(void)
{
	struct layer_fds fds = { 0 };
	struct err e = ERR_INIT;
	struct image i = { 0 };
	int fd = -1;

	if (image_find(scratch_store, "host", &i, &e) == 0 &&
	    image_layers(scratch_store, &i, &fds, &e) == 0 && fds.n == 1)
		fd = take_fd(&fds.v[0]);
	layer_fds_release(&fds);
	image_release(&i);
	return fd;
}

static void the_built_in_image_has_what_a_root_needs_and_no_secret(void)
{
	AUTO_CLOSE int fd = -1;
	char link[64] = "";
	struct stat st = { 0 };

	scratch_open();
	fd = host_layer();
	CHECK(readlinkat(fd, "bin", link, sizeof(link) - 1) > 0);
	CHECK_STR(link, "usr/bin");
	CHECK_INT(fstatat(fd, "home/agent", &st, 0), 0);
	CHECK_INT(st.st_uid, 1000);
	CHECK(faccessat(fd, "etc/shadow", F_OK, 0) < 0);
	CHECK_INT(fstatat(fd, "tmp", &st, 0), 0);
	CHECK_INT(st.st_mode & 07777, 01777);
	scratch_close();
}

static void a_broken_record_is_named_with_its_place(void)
{
	struct err e = ERR_INIT;
	struct image i = { 0 };
	char path[160];
	FILE *f;

	scratch_open();
	(void)snprintf(path, sizeof(path), "%s/images/names/bad.json", scratch_path);
	f = fopen(path, "w");
	CHECK(f && fputs("{\n\"nam\": 1}\n", f) >= 0 && fclose(f) == 0);
	CHECK(image_find(scratch_store, "bad", &i, &e) < 0);
	CHECK(strncmp(e.msg, "image 'bad': bad.json:2:1: ", 27) == 0);
	CHECK_INT(image_find(scratch_store, "../bad", &i, &e), -EINVAL);
	scratch_close();
}

static void the_reporters_are_one_layer_that_is_made_once(void)
{
	char first[80] = "", second[80] = "";
	struct err e = ERR_INIT;
	AUTO_CLOSE int fd = -1;
	struct stat st;

	scratch_open();
	CHECK_INT(reporters_layer(scratch_store, first, &e), 0);
	CHECK_INT(reporters_layer(scratch_store, second, &e), 0);
	CHECK_STR(first, second);
	CHECK_INT(layer_open(scratch_store, first, &fd, &e), 0);
	for (const struct embedded *f = reporter_files; f->name; f++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "opt/sickbay/reporters/%s", f->name);
		CHECK_INT(fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
		CHECK_INT((long long)st.st_size, (long long)f->n);
	}
	scratch_close();
}

TAP_MAIN(TEST(a_layer_is_there_once_it_is_published_and_only_then),
	 TEST(ids_that_are_no_digest_are_refused),
	 TEST(an_abandoned_draft_is_swept_and_a_held_one_is_not),
	 TEST(two_makers_of_one_layer_both_succeed), TEST(a_failed_rename_or_sync_is_an_error),
	 TEST(an_image_is_found_listed_and_removed_with_the_layers_only_it_had),
	 TEST(an_image_in_use_is_not_removed),
	 TEST(the_built_in_image_is_made_once_and_cannot_be_removed),
	 TEST(the_built_in_image_has_what_a_root_needs_and_no_secret),
	 TEST(a_broken_record_is_named_with_its_place),
	 TEST(the_reporters_are_one_layer_that_is_made_once))
