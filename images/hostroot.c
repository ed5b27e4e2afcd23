/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "images/layer.h"
#include "images/store.h"
#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jsonc.h"

/*
 * The image "host": the host's own /usr, which the sandbox binds read-only,
 * under a skeleton made here: the directories and links of a root, accounts of
 * our own, and those few files of /etc without which the programs in /usr do not
 * run (loader cache, alternatives, certificates, run-time settings).  Nothing
 * that could be a secret is on the list.
 *
 * Asking must be cheap, because each replica asks: the listed files' stat data
 * are hashed and compared with the record of the last time; only where they
 * differ is the skeleton made again, under the digest of its content.
 */
#define RECORD	   "host.json"
#define FORMAT	   "sickbay.hostroot/1"
#define LAYOUT	   "1" /* goes into the key: raise it when the skeleton itself changes */
#define FILE_MAX   (8u << 20)
#define TREE_FILES 8192u
#define TREE_BYTES (64u << 20)
#define AGENT	   1000u

static const struct {
	const char *path;
	unsigned mode, uid;
} dirs[] = {
	{ "dev", 0755, 0 },	 { "etc", 0755, 0 },
	{ "home", 0755, 0 },	 { "home/agent", 0755, AGENT },
	{ "opt", 0755, 0 },	 { "proc", 0555, 0 },
	{ "root", 0700, 0 },	 { "run", 0755, 0 },
	{ "srv", 0755, 0 },	 { "sys", 0555, 0 },
	{ "tmp", 01777, 0 },	 { "usr", 0755, 0 },
	{ "var", 0755, 0 },	 { "var/lib", 0755, 0 },
	{ "var/tmp", 01777, 0 },
};

/* Links of a merged /usr, copied as the host has them. */
static const char *const root_links[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32" };

/* Files, links and whole directories of /etc; a name may end in '*'. */
static const char *const etc_copies[] = {
	"alternatives", "debian_version", "fonts",	  "host.conf",	  "java-*",
	"ld.so.cache",	"ld.so.conf",	  "ld.so.conf.d", "locale.alias", "localtime",
	"magic",	"mime.types",	  "os-release",	  "perl",	  "protocols",
	"python3",	"python3.*",	  "services",	  "ssl/certs",	  "ssl/openssl.cnf",
	"timezone",
};

static const struct {
	const char *path, *text;
} etc_files[] = {
	{ "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
			"daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
			"agent:x:1000:1000:agent:/home/agent:/bin/sh\n"
			"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" },
	{ "etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nagent:x:1000:\nnogroup:x:65534:\n" },
	{ "etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" },
	{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n"
			       "protocols: files\nnetworks: files\n" },
	{ "etc/resolv.conf", "" },
};

struct record {
	char *format, *key, *layer;
};

static const struct jmap record_map[] = {
	{ .name = "format",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct record, format),
	  .required = 1 },
	{ .name = "key", .kind = JMAP_STR, .offset = offsetof(struct record, key), .required = 1 },
	{ .name = "layer",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct record, layer),
	  .required = 1 },
	{ 0 },
};

DEFINE_CLEANUP(struct jsonc, jsonc_free);

/* ---- the key ---- */

static void hash_stat(struct sha256 *h, int dir, const char *name)
{
	struct stat st = { 0 };
	char text[512];
	int n;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		st.st_ino = 0;
	n = snprintf(text, sizeof(text), "%s %llu %llu %o %lld %lld.%09ld %lld.%09ld\n", name,
		     (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, st.st_mode,
		     (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		     (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	sha256_update(h, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* Wildcards are covered by /etc's own times, the large directories by theirs and by the file
 * everybody reads. */
static int host_key(char key[SHA256_HEX], struct err *e)
{
	AUTO_CLOSE int root = fd_open_dir("/", e);
	AUTO_CLOSE int etc = root < 0 ? -1 : fd_open_dir("/etc", e);
	uint8_t digest[SHA256_LEN];
	struct sha256 h;

	if (root < 0 || etc < 0)
		return -e->code;
	sha256_init(&h);
	sha256_update(&h, FORMAT LAYOUT, sizeof(FORMAT LAYOUT));
	for (size_t i = 0; i < sizeof(root_links) / sizeof(*root_links); i++)
		hash_stat(&h, root, root_links[i]);
	for (size_t i = 0; i < sizeof(etc_copies) / sizeof(*etc_copies); i++)
		hash_stat(&h, etc, etc_copies[i]);
	hash_stat(&h, etc, ".");
	hash_stat(&h, etc, "ssl/certs/ca-certificates.crt");
	sha256_final(&h, digest);
	sha256_hex(digest, key);
	return 0;
}

/* ---- the skeleton ---- */

static int copy_links(int root, int out, struct err *e)
{
	for (size_t i = 0; i < sizeof(root_links) / sizeof(*root_links); i++) {
		char target[256];
		const ssize_t n = readlinkat(root, root_links[i], target, sizeof(target) - 1);

		if (n < 0 && errno == ENOENT)
			continue;
		if (n < 0)
			return err_set(e, ENOTSUP,
				       "image 'host': '/%s' is not a link into /usr: this host's "
				       "/usr is not merged; import an image instead",
				       root_links[i]);
		target[n] = '\0';
		if (layer_put_link(out, root_links[i], target, 0, 0, e) < 0)
			return -e->code;
	}
	return 0;
}

static int copy_dir(int from, const char *name, int out, const char *path, struct err *e)
{
	const struct tree_copy how = { .limits = { .bytes = TREE_BYTES, .entries = TREE_FILES } };
	AUTO_CLOSE int src = -1, dst = -1;

	if (layer_put_dir(out, path, 0755, 0, 0, e) < 0)
		return -e->code;
	src = fd_open_beneath(from, name, O_RDONLY | O_DIRECTORY, 0, e);
	dst = src < 0 ? -1 : fd_open_beneath(out, path, O_RDONLY | O_DIRECTORY, 0, e);
	if (src < 0 || dst < 0)
		return -e->code;
	return layer_copy_tree(dst, src, path, &how, NULL, e);
}

static int copy_file(int from, const char *name, int out, const char *path, struct err *e)
{
	struct buf AUTO_BUF data = BUF_INIT(FILE_MAX);
	AUTO_CLOSE int fd = fd_open_beneath(from, name, O_RDONLY, 0, e);

	if (fd < 0 || fd_read_all(fd, FILE_MAX, path, &data, e) < 0)
		return -e->code;
	return layer_put_file(out, path, data.p ? data.p : "", data.n, 0644, 0, 0, e);
}

static int copy_etc(int etc, const char *name, int out, struct err *e)
{
	char path[512], target[LAYER_PATH_MAX + 1];
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "etc/%s", name);
	if (fstatat(etc, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "image 'host': '/%s'", path);
	if (S_ISDIR(st.st_mode))
		return copy_dir(etc, name, out, path, e);
	if (S_ISREG(st.st_mode))
		return copy_file(etc, name, out, path, e);
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlinkat(etc, name, target, sizeof(target) - 1);
	if (n < 0)
		return err_sys(e, "image 'host': '/%s'", path);
	target[n] = '\0';
	return layer_put_link(out, path, target, 0, 0, e);
}

static int copy_matching(int etc, const char *pattern, int out, struct err *e)
{
	const size_t stem = strlen(pattern) - 1;
	DIR CLEANUP(cleanup_closedir) *dir = NULL;

	if (pattern[stem] != '*')
		return copy_etc(etc, pattern, out, e);
	dir = opendir("/etc");
	if (!dir)
		return err_sys(e, "image 'host': '/etc'");
	for (struct dirent *d = readdir(dir); d; d = readdir(dir))
		if (strncmp(d->d_name, pattern, stem) == 0 && copy_etc(etc, d->d_name, out, e) < 0)
			return -e->code;
	return 0;
}

static int fill_skeleton(int out, struct err *e)
{
	AUTO_CLOSE int root = fd_open_dir("/", e);
	AUTO_CLOSE int etc = root < 0 ? -1 : fd_open_dir("/etc", e);

	if (root < 0 || etc < 0)
		return -e->code;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (layer_put_dir(out, dirs[i].path, dirs[i].mode, dirs[i].uid, dirs[i].uid, e) < 0)
			return -e->code;
	if (copy_links(root, out, e) < 0)
		return -e->code;
	for (size_t i = 0; i < sizeof(etc_copies) / sizeof(*etc_copies); i++)
		if (copy_matching(etc, etc_copies[i], out, e) < 0)
			return -e->code;
	for (size_t i = 0; i < sizeof(etc_files) / sizeof(*etc_files); i++)
		if (layer_put_file(out, etc_files[i].path, etc_files[i].text,
				   strlen(etc_files[i].text), 0644, 0, 0, e) < 0)
			return -e->code;
	return 0;
}

/* The id is the digest of what was written, so an unchanged skeleton is found again under its id.
 */
static int make_skeleton(struct store *s, char id[80], struct err *e)
{
	struct layer_draft d = { .dir = -1 };
	char digest[SHA256_HEX];
	int r;

	if (layer_begin(s, NULL, &d, e) < 0)
		return -e->code;
	r = fill_skeleton(d.dir, e);
	if (r == 0)
		r = layer_digest_tree(d.dir, "image 'host'", digest, e);
	if (r == 0) {
		(void)snprintf(d.id, sizeof(d.id), "sha256-%s", digest);
		(void)snprintf(id, 80, "%s", d.id);
		r = layer_publish(s, &d, e);
	}
	layer_drop(s, &d);
	return r;
}

/* ---- the record ---- */

/* 1 and the layer's id where the record fits the key and the layer is there. */
static int read_known(struct store *s, const char *key, char id[80], struct err *e)
{
	struct jsonc CLEANUP(cleanup_jsonc_free) *text = NULL;
	struct buf AUTO_BUF data = BUF_INIT(4096);
	struct record r = { 0 };
	int known = 0;

	if (file_read_at(s->images, RECORD, 4096, &data, e) < 0)
		return e->code == ENOENT ? 0 : -e->code;
	if (jsonc_parse(RECORD, data.p ? data.p : "", data.n, JSONC_STRICT, &text, e) == 0 &&
	    jmap_read(record_map, jsonc_root(text), &r, "", e) == 0 &&
	    strcmp(r.format, FORMAT) == 0 && strcmp(r.key, key) == 0 && layer_exists(s, r.layer)) {
		(void)snprintf(id, 80, "%s", r.layer);
		known = 1;
	}
	jmap_release(record_map, &r);
	return known; /* a record that cannot be read is simply written again */
}

static int write_known(struct store *s, const char *key, const char *id, struct err *e)
{
	json_t AUTO_JSON *obj =
		json_pack("{s:s, s:s, s:s}", "format", FORMAT, "key", key, "layer", id);
	char AUTO_FREE *text = obj ? json_dumps(obj, JSON_INDENT(2)) : NULL;

	if (!text)
		return err_set(e, ENOMEM, "image 'host': out of memory");
	return file_publish_at(s->images, RECORD, text, strlen(text), 0600, e);
}

int hostroot_image(struct store *s, struct image *out, struct err *e)
{
	struct image i = { .host = true };
	char key[SHA256_HEX], id[80];
	struct err why = ERR_INIT;
	int r;

	if (host_key(key, e) < 0)
		return -e->code;
	r = read_known(s, key, id, &why);
	if (r < 0)
		return err_set(e, why.code, "image 'host': %s", why.msg);
	if (r == 0 && (make_skeleton(s, id, e) < 0 || write_known(s, key, id, e) < 0))
		return err_wrap(e, "image 'host'");
	i.name = strdup("host");
	i.digest = strdup(id);
	i.user = strdup("1000:1000");
	i.cwd = strdup("/");
	if (!i.name || !i.digest || !i.user || !i.cwd || strlist_add(&i.layers, id) < 0) {
		image_release(&i);
		return err_set(e, ENOMEM, "image 'host': out of memory");
	}
	i.digest[6] = ':'; /* "sha256:HEX", as other digests are written */
	*out = i;
	return 0;
}
