/* SPDX-License-Identifier: Apache-2.0 */
#include "images/pull.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/layer.h"
#include "images/oci.h"
#include "images/oci_read.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/proto/audit.h"
#include "runtime/proto/broker_registry.h"
#include "runtime/proto/decode.h"

/*
 *     reference -> (index ->)* manifest of this platform -> configuration, layers
 *
 * Manifests come into memory, are compared with the digest that named them, and
 * join the layout; so each step reads only what the step before vouched for.
 * The broker is begun again when it dies: it had nothing that the files have not.
 */
#define STARTS 3
#define MIB    (1u << 20)

struct pulling {
	struct store *s;
	const struct image_pull *p;
	struct registry_ref ref;
	struct broker *broker;
	unsigned starts; /* of the broker */
	uint64_t calls;
	int dir;	 /* the layout, locked */
	char folder[96]; /* beneath the store */
	bool keep;	 /* what is there is worth a next pull */
	struct image_pulled did;
	struct strlist digests; /* of the layers, for the log */
	uint64_t before;	/* bytes of layers that are done */
	size_t layer;
};

/* ---- the broker ---- */

static int start_broker(struct pulling *w, struct err *e)
{
	const struct broker_setup setup = { .registries = (json_t *)(uintptr_t)w->p->registries };

	broker_close(w->broker);
	w->broker = NULL;
	w->starts++;
	return broker_open(&setup, &w->broker, e);
}

static void show(void *ctx, uint64_t bytes)
{
	const struct pulling *w = ctx;

	if (w->layer)
		log_progress("%s: layer %zu of %zu, %llu of %llu MiB", w->p->ref, w->layer,
			     w->did.layers, (unsigned long long)(w->before + bytes) / MIB,
			     (unsigned long long)w->did.bytes / MIB);
	else
		log_progress("%s: %llu KiB", w->p->ref, (unsigned long long)bytes / 1024);
}

static int refusal(struct pulling *w, const struct registry_get *g, const struct registry_end *end,
		   struct err *e)
{
	static const int codes[] = { [REGISTRY_UNKNOWN] = ENOENT,
				     [REGISTRY_REFUSED] = EACCES,
				     [REGISTRY_MISMATCH] = EBADMSG,
				     [REGISTRY_UNREACHED] = EHOSTUNREACH,
				     [REGISTRY_FAILED] = EPROTO };
	const char *why = end->message ? end->message : "it failed";

	w->keep = w->keep || end->kind == REGISTRY_UNREACHED;
	if (g->manifest)
		return err_set(e, codes[end->kind], "'%s': %s", w->p->ref, why);
	return err_set(e, codes[end->kind], "'%s': %.19s: %s", w->p->ref, g->reference, why);
}

/* What came is what was asked for, as far as the broker says. */
static int check_end(struct pulling *w, const struct registry_get *g,
		     const struct registry_end *end, struct err *e)
{
	const char *got = end->digest ? end->digest : "";

	if (end->kind != REGISTRY_OK)
		return refusal(w, g, end, e);
	if (!registry_digest_is_good(got) ||
	    (registry_digest_is_good(g->reference) && strcmp(g->reference, got) != 0))
		return err_set(e, EPROTO, "'%s': sickbay-broker fetched '%.80s' for '%s'",
			       w->p->ref, got, g->reference);
	return 0;
}

static int get(struct pulling *w, struct registry_get *g, int fd, char digest[72], struct err *e)
{
	struct registry_end end = { 0 };
	struct stat st;
	int r;

	g->host = w->ref.host;
	g->repository = w->ref.repository;
	for (;;) {
		if (fstat(fd, &st) < 0)
			return err_sys(e, "'%s'", w->p->ref);
		g->have = (uint64_t)st.st_size <= g->most ? (uint64_t)st.st_size : 0;
		g->id = ++w->calls;
		r = registry_fetch(w->broker, g, fd, show, w, &end, e);
		if (r == 0)
			break;
		w->keep = true;
		if (r != -EPIPE || w->starts >= STARTS)
			return err_wrap(e, "'%s'", w->p->ref);
		log_warn("'%s': sickbay-broker ended; it is started again", w->p->ref);
		if (start_broker(w, e) < 0)
			return -e->code;
	}
	r = check_end(w, g, &end, e);
	if (r == 0)
		(void)snprintf(digest, 72, "%s", end.digest);
	w->did.fetched += end.fetched;
	jmap_release(registry_end_map, &end);
	return r;
}

/* ---- manifests ---- */

/* Of at most 4 MiB, by reference, or of a size that is known. */
static int get_small(struct pulling *w, bool manifest, const char *reference, uint64_t size,
		     struct buf *text, char digest[72], struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("manifest", MFD_CLOEXEC);
	struct registry_get g = { .manifest = manifest,
				  .reference = (char *)(uintptr_t)reference,
				  .size = size,
				  .most = OCI_JSON_MAX };
	uint8_t raw[SHA256_LEN];
	char hex[SHA256_HEX];

	if (fd < 0)
		return err_sys(e, "'%s'", w->p->ref);
	if (size > OCI_JSON_MAX)
		return err_set(e, EFBIG, "'%s': %.19s: states %llu bytes; at most 4 MiB are taken",
			       w->p->ref, reference, (unsigned long long)size);
	if (get(w, &g, fd, digest, e) < 0)
		return -e->code;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "'%s'", w->p->ref);
	if (fd_read_all(fd, OCI_JSON_MAX, w->p->ref, text, e) < 0)
		return -e->code;
	sha256_of(text->p ? text->p : "", text->n, raw);
	sha256_hex(raw, hex);
	if (strcmp(hex, digest + 7) != 0)
		return err_set(e, EBADMSG, "'%s': sickbay-broker wrote sha256:%s, and said %s",
			       w->p->ref, hex, digest);
	return 0;
}

static int keep_blob(struct pulling *w, const char *digest, const struct buf *text, struct err *e)
{
	AUTO_CLOSE int blobs =
		fd_open_beneath(w->dir, "blobs/sha256", O_RDONLY | O_DIRECTORY, 0, e);

	if (blobs < 0)
		return blobs;
	return file_publish_at(blobs, digest + 7, text->p ? text->p : "", text->n, 0600, e);
}

static int read_json(const struct pulling *w, const struct buf *text, json_t **out, struct err *e)
{
	return decode_text(DECODE_JSON, text->p ? text->p : "", text->n, w->p->ref, NULL, out, e);
}

/* The layout of an earlier pull of the same thing, or a new one; nobody else works on it. */
static int open_layout(struct pulling *w, const char *digest, struct err *e)
{
	static const char mark[] = "{\"imageLayoutVersion\":\"1.0.0\"}\n";
	struct stat st;

	(void)snprintf(w->folder, sizeof(w->folder), "pulls/%.64s", digest + 7);
	if (dir_make_at(w->s->images, w->folder, 0700, e) < 0)
		return -e->code;
	w->dir = fd_open_beneath(w->s->images, w->folder, O_RDONLY | O_DIRECTORY, 0, e);
	if (w->dir < 0)
		return -e->code;
	/* who was a moment faster may have finished, and removed it */
	if (flock(w->dir, LOCK_EX | LOCK_NB) < 0 || fstat(w->dir, &st) < 0 || st.st_nlink == 0) {
		cleanup_close(&w->dir);
		w->dir = -1;
		return err_set(e, EBUSY, "'%s': somebody else is pulling it: wait for that",
			       w->p->ref);
	}
	if (dir_make_at(w->dir, "blobs/sha256", 0700, e) < 0)
		return -e->code;
	return file_publish_at(w->dir, "oci-layout", mark, strlen(mark), 0600, e);
}

static int write_index(struct pulling *w, size_t size, struct err *e)
{
	char text[256];
	const int n =
		snprintf(text, sizeof(text),
			 "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":%zu}]}\n",
			 w->did.manifest, size);

	return file_publish_at(w->dir, "index.json", text, (size_t)n, 0600, e);
}

/* Follows indexes to the manifest for this host. */
static int find_manifest(struct pulling *w, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(OCI_JSON_MAX);
	AUTO_JSON json_t *at = NULL;

	if (get_small(w, true, w->ref.digest[0] ? w->ref.digest : w->ref.tag, 0, &text,
		      w->did.digest, e) < 0 ||
	    open_layout(w, w->did.digest, e) < 0)
		return -e->code;
	(void)snprintf(w->did.manifest, sizeof(w->did.manifest), "%s", w->did.digest);
	for (int depth = 0; depth <= OCI_INDEX_DEPTH; depth++) {
		const json_t *chosen;
		struct oci_blob b;

		json_decref(at);
		at = NULL;
		if (read_json(w, &text, &at, e) < 0)
			return -e->code;
		if (!json_object_get(at, "manifests")) {
			if (keep_blob(w, w->did.manifest, &text, e) < 0 ||
			    write_index(w, text.n, e) < 0)
				return -e->code;
			*out = take_ptr(at);
			return 0;
		}
		chosen = oci_choose(w->p->ref, at, e);
		buf_reset(&text);
		if (!chosen || oci_descriptor(w->p->ref, chosen, &b, e) < 0 ||
		    get_small(w, true, b.digest, (uint64_t)b.size, &text, w->did.manifest, e) < 0)
			return -e->code;
	}
	return err_set(e, ELOOP, "'%s': indexes lead to indexes, more than %d deep", w->p->ref,
		       OCI_INDEX_DEPTH);
}

/* ---- layers ---- */

static bool is_there(const struct pulling *w, const json_t *diff_id)
{
	char id[80];

	(void)snprintf(id, sizeof(id), "sha256-%s", oci_digest_hex(json_string_value(diff_id)));
	return layer_exists(w->s, id);
}

/* What all layers take on the way, before the first byte of one is asked for. */
static int measure(struct pulling *w, const json_t *layers, const json_t *ids, struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach(layers, i, v) {
		struct oci_blob b;

		if (oci_descriptor(w->p->ref, v, &b, e) < 0 ||
		    oci_check_layer_type(w->p->ref, v, b.digest, e) < 0)
			return -e->code;
		if (strlist_add(&w->digests, b.digest) < 0)
			return err_set(e, ENOMEM, "out of memory");
		if (is_there(w, json_array_get(ids, i))) {
			w->did.present++;
			continue;
		}
		if ((uint64_t)b.size > w->p->most || w->did.bytes + (uint64_t)b.size > w->p->most)
			return err_set(e, EFBIG,
				       "'%s': its layers take more than the %llu MiB that this "
				       "host lets one image take: raise \"image\" of the host '%s' "
				       "under \"registries\", if that is right",
				       w->p->ref, (unsigned long long)w->p->most / MIB,
				       w->ref.host);
		w->did.bytes += (uint64_t)b.size;
	}
	w->did.layers = i;
	if (w->did.bytes <= w->p->room)
		return 0;
	return err_set(e, ENOSPC,
		       "'%s': its layers take %llu MiB, and the state directory has room for %llu "
		       "MiB: see 'sickbay df' and 'sickbay gc'",
		       w->p->ref, (unsigned long long)w->did.bytes / MIB,
		       (unsigned long long)w->p->room / MIB);
}

static int get_layer(struct pulling *w, const json_t *layer, struct err *e)
{
	struct oci_blob b;
	char path[96], digest[72];
	AUTO_CLOSE int fd = -1;
	struct registry_get g = { .manifest = false };
	int r;

	if (oci_descriptor(w->p->ref, layer, &b, e) < 0)
		return -e->code;
	(void)snprintf(path, sizeof(path), "blobs/sha256/%s", b.digest + 7);
	fd = fd_open_beneath(w->dir, path, O_RDWR | O_CREAT, 0600, e);
	if (fd < 0)
		return -e->code;
	g.reference = b.digest;
	g.size = g.most = (uint64_t)b.size;
	r = get(w, &g, fd, digest, e);
	if (r == -EBADMSG) /* nothing of it is worth to be continued */
		(void)unlinkat(w->dir, path, 0);
	if (r == 0)
		w->before += (uint64_t)b.size;
	return r;
}

static int get_layers(struct pulling *w, const json_t *layers, const json_t *ids, struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach(layers, i, v) {
		w->layer = i + 1;
		if (!is_there(w, json_array_get(ids, i)) && get_layer(w, v, e) < 0)
			return -e->code;
	}
	return 0;
}

static int get_all(struct pulling *w, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(OCI_JSON_MAX);
	AUTO_JSON json_t *manifest = NULL, *config = NULL;
	const json_t *layers, *ids;
	struct oci_blob b;
	char digest[72];
	int r;

	if (find_manifest(w, &manifest, e) < 0)
		return -e->code;
	layers = oci_array(w->p->ref, manifest, "layers", e);
	if (!layers || oci_descriptor(w->p->ref, json_object_get(manifest, "config"), &b, e) < 0 ||
	    get_small(w, false, b.digest, (uint64_t)b.size, &text, digest, e) < 0 ||
	    keep_blob(w, digest, &text, e) < 0 || read_json(w, &text, &config, e) < 0)
		return -e->code;
	r = oci_check_platform(w->p->ref, config, e);
	ids = r == 0 ? oci_diff_ids(w->p->ref, config, json_array_size(layers), e) : NULL;
	r = ids ? measure(w, layers, ids, e) : -e->code;
	if (r == 0)
		r = get_layers(w, layers, ids, e);
	return r;
}

/* ---- the whole ---- */

static json_t *layer_list(const struct strlist *digests)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < digests->n; i++)
		(void)json_array_append_new(list, json_string(digests->v[i]));
	return list;
}

static int announce(const struct pulling *w, const char *name, struct err *e)
{
	return audit_commit(w->p->audit, "image.import",
			    json_pack("{s:s,s:s,s:s,s:s,s:I,s:o}", "name", name, "from", w->p->ref,
				      "digest", w->did.digest, "manifest", w->did.manifest, "bytes",
				      (json_int_t)w->did.fetched, "layers",
				      layer_list(&w->digests)),
			    e);
}

static int import(struct pulling *w, struct image *i, struct err *e)
{
	if (announce(w, i->name, e) < 0 || oci_import(w->s, w->dir, w->p->ref, i, e) < 0)
		return -e->code;
	if (asprintf(&i->from, "%s/%s@%s", w->ref.host, w->ref.repository, w->did.digest) < 0) {
		i->from = NULL;
		return err_set(e, ENOMEM, "out of memory");
	}
	return image_record(w->s, i, e);
}

/* Its name here: what was asked for, or the last part of the repository's. */
static int choose_name(struct pulling *w, char **out, struct err *e)
{
	const char *last = strrchr(w->ref.repository, '/');
	const char *name = w->p->name ? w->p->name : last ? last + 1 : w->ref.repository;

	if (image_check_new_name(w->s, name, e) < 0)
		return err_wrap(e, "choose another name with --name");
	*out = strdup(name);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int pull(struct pulling *w, struct image *i, struct err *e)
{
	if (registry_ref_parse(w->p->ref, &w->ref, e) < 0 || choose_name(w, &i->name, e) < 0)
		return -e->code;
	if (audit_commit(w->p->audit, "registry.pull",
			 json_pack("{s:s,s:s}", "ref", w->p->ref, "name", i->name), e) < 0 ||
	    start_broker(w, e) < 0 || get_all(w, e) < 0)
		return -e->code;
	return import(w, i, e);
}

int image_pull(struct store *s, const struct image_pull *p, struct image *out,
	       struct image_pulled *did, struct err *e)
{
	struct pulling w = { .s = s, .p = p, .dir = -1 };
	struct err ignored = ERR_INIT;
	struct image i = { 0 };
	const int r = pull(&w, &i, e);

	log_progress_end();
	broker_close(w.broker);
	if (w.dir >= 0 && !w.keep)
		(void)tree_remove_at(s->images, w.folder, &ignored);
	cleanup_close(&w.dir);
	strlist_release(&w.digests);
	if (r < 0) {
		image_release(&i);
		return r;
	}
	*out = i;
	*did = w.did;
	return 0;
}
