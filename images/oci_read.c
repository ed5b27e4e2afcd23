/* SPDX-License-Identifier: Apache-2.0 */
#include "images/oci_read.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "runtime/base/id.h"

const char *oci_string(const char *path, const json_t *obj, const char *key, struct err *e)
{
	const char *v = json_string_value(json_object_get(obj, key));

	if (!v)
		(void)err_set(e, EINVAL, "%s: '%s' is missing or is not a string", path, key);
	return v;
}

const json_t *oci_array(const char *path, const json_t *obj, const char *key, struct err *e)
{
	const json_t *v = json_object_get(obj, key);

	if (json_is_array(v) && json_array_size(v) <= OCI_LAYERS_MAX)
		return v;
	(void)err_set(e, EINVAL, "%s: '%s' is missing, or not an array of at most %u", path, key,
		      OCI_LAYERS_MAX);
	return NULL;
}

const char *oci_digest_hex(const char *digest)
{
	const char *hex = strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : "";

	return strlen(hex) == 64 && is_object_id(hex) ? hex : NULL;
}

int oci_descriptor(const char *path, const json_t *obj, struct oci_blob *out, struct err *e)
{
	const json_t *size = json_object_get(obj, "size");
	const char *digest = oci_string(path, obj, "digest", e);

	if (!digest)
		return -e->code;
	if (!oci_digest_hex(digest))
		return err_set(e, EINVAL, "%s: '%.100s' is not a sha256 digest", path, digest);
	(void)snprintf(out->digest, sizeof(out->digest), "%s", digest);
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return err_set(e, EINVAL, "%s: '%s' has no size", path, out->digest);
	out->size = json_integer_value(size);
	return 0;
}

static const char *host_architecture(void)
{
	static const struct {
		const char *machine, *oci;
	} row[] = { { "x86_64", "amd64" }, { "aarch64", "arm64" }, { "riscv64", "riscv64" } };
	struct utsname u;

	if (uname(&u) == 0)
		for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
			if (strcmp(u.machine, row[i].machine) == 0)
				return row[i].oci;
	return "unknown";
}

int oci_check_platform(const char *path, const json_t *config, struct err *e)
{
	const char *arch = oci_string(path, config, "architecture", e);
	const char *os = arch ? oci_string(path, config, "os", e) : NULL;

	if (!arch || !os)
		return -e->code;
	if (strcmp(os, "linux") != 0 || strcmp(arch, host_architecture()) != 0)
		return err_set(e, ENOTSUP,
			       "%s: the image is for %.32s/%.32s, this host is linux/%s", path, os,
			       arch, host_architecture());
	return 0;
}

const json_t *oci_diff_ids(const char *path, const json_t *config, size_t layers, struct err *e)
{
	const json_t *ids = oci_array(path, json_object_get(config, "rootfs"), "diff_ids", e);
	const json_t *v;
	size_t i;

	if (!ids)
		return NULL;
	if (json_array_size(ids) != layers) {
		(void)err_set(e, EINVAL, "%s: %zu layers, but the configuration names %zu", path,
			      layers, json_array_size(ids));
		return NULL;
	}
	json_array_foreach(ids, i, v) {
		if (!json_is_string(v) || !oci_digest_hex(json_string_value(v))) {
			(void)err_set(e, EINVAL, "%s: 'diff_ids' holds no sha256 digest", path);
			return NULL;
		}
	}
	return ids;
}

static bool fits_platform(const json_t *descriptor)
{
	const json_t *platform = json_object_get(descriptor, "platform");
	const char *arch = json_string_value(json_object_get(platform, "architecture"));
	const char *os = json_string_value(json_object_get(platform, "os"));

	return arch && os && strcmp(os, "linux") == 0 && strcmp(arch, host_architecture()) == 0;
}

/* Of several manifests, the one for this host; a single one is taken without asking. */
const json_t *oci_choose(const char *path, const json_t *index, struct err *e)
{
	const json_t *list = oci_array(path, index, "manifests", e);
	const json_t *v, *chosen = NULL;
	size_t i, fitting = 0;

	if (!list)
		return NULL;
	if (json_array_size(list) == 1)
		return json_array_get(list, 0);
	json_array_foreach(list, i, v) {
		if (fits_platform(v)) {
			fitting++;
			chosen = v;
		}
	}
	if (fitting == 1)
		return chosen;
	(void)err_set(e, EINVAL,
		      "%s: the index holds %zu images, %zu of them for linux/%s; want one", path,
		      json_array_size(list), fitting, host_architecture());
	return NULL;
}

int oci_check_layer_type(const char *path, const json_t *layer, const char *digest, struct err *e)
{
	static const char *const known[] = {
		"application/vnd.oci.image.layer.v1.tar",
		"application/vnd.oci.image.layer.v1.tar+gzip",
		"application/vnd.oci.image.layer.v1.tar+zstd",
		"application/vnd.docker.image.rootfs.diff.tar",
		"application/vnd.docker.image.rootfs.diff.tar.gzip",
		"application/vnd.docker.image.rootfs.diff.tar.zstd",
	};
	const char *type = oci_string(path, layer, "mediaType", e);

	if (!type)
		return -e->code;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(type, known[i]) == 0)
			return 0;
	return err_set(e, ENOTSUP, "%s: %s: layers of type '%.100s' are not supported", path,
		       digest, type);
}
