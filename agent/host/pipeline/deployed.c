/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/pipeline/stages.h"
#include "runtime/base/id.h"

/*
 * Which commit production ran, in this order: as the report states it; what the
 * service file makes of the release that the report names, or, without a
 * pattern there, the release itself where it is a commit; the label of the
 * image that production ran.  Nothing is guessed: where none of them says it,
 * or two of them disagree, the case ends with what a person has to add.  What
 * is said of it stands in records and pull requests, so it holds no text of the
 * report.
 */
#define REVISION "org.opencontainers.image.revision"

/* How it is known; deployed_words() has them all. */
#define AS_STATED  "as the report states it"
#define BY_RELEASE "by the report's release and the service file's pattern"
#define BY_NAME	   "by the report's release, which ends in the commit in full"
#define BY_LABEL   "by the label " REVISION " of the image"
#define NAMED	   ", which the report names by its digest"
#define NOT_NAMED  ", the service's; the report names no image"
#define SAME	   "; its version is the report's release"
#define NO_VERSION "; it has no version to compare the report's release with"

void deployed_words(struct buf *out)
{
	buf_puts(out, AS_STATED " " BY_RELEASE " " BY_NAME
				" " BY_LABEL NAMED NOT_NAMED SAME NO_VERSION "\n");
}

static int say(struct deployed *d, const char *from, const char *ref, struct err *e)
{
	d->from = from;
	d->ref = strdup(ref);
	return d->ref ? 0 : err_set(e, ENOMEM, "out of memory");
}

static const char *digest_in(const char *image)
{
	const char *at = strstr(image, "sha256:");

	return at && is_object_id(at + strlen("sha256:")) ? at : NULL;
}

/* The image that the report names, else the service's; 0 where neither can be told, and *d says
 * why. */
static int find_image(const struct work *w, struct image *out, struct deployed *d, struct err *e)
{
	const char *named = w->incident.deploy.image, *digest = named ? digest_in(named) : NULL;
	const char *name = w->world.image.name;
	int r;

	if (named && !digest) {
		(void)snprintf(d->known, sizeof(d->known),
			       "the report names an image, but not by its digest");
		return 0;
	}
	r = digest && !image_has_digest(&w->world.image, digest)
		    ? image_of_digest(w->p->store, digest, out, e)
		    : image_find(w->p->store, name, out, e);
	if (r == -ENOENT) {
		e->code = 0;
		(void)snprintf(d->known, sizeof(d->known),
			       "no image here is %s, which the report names (sickbay image pull)",
			       digest ? digest : name);
		return 0;
	}
	return r < 0 ? r : 1;
}

/* What a release calls itself: "shop@v1.2" is 1.2. */
static const char *version_in(const char *release)
{
	const char *at = strrchr(release, '@'), *v = at ? at + 1 : release;

	return v[0] == 'v' && isdigit((unsigned char)v[1]) ? v + 1 : v;
}

static int use_label(const struct work *w, const struct image *i, struct deployed *d, struct err *e)
{
	const char *release = w->incident.deploy.release;

	if (!i->revision) {
		(void)snprintf(d->known, sizeof(d->known), "the image '%s' has no label " REVISION,
			       i->name);
		return 0;
	}
	if (!is_object_id(i->revision)) {
		(void)snprintf(d->known, sizeof(d->known),
			       "the label " REVISION " of the image '%s' is no commit in full (40 "
			       "or 64 lower-case hex digits)",
			       i->name);
		return 0;
	}
	if (release && i->version && strcmp(version_in(release), version_in(i->version)) != 0 &&
	    strcmp(version_in(release), i->revision) != 0) {
		(void)snprintf(d->known, sizeof(d->known),
			       "the report's release is not the version that the labels of the "
			       "image '%s' give: production ran another image",
			       i->name);
		return 0;
	}
	(void)snprintf(d->known, sizeof(d->known), BY_LABEL " '%s'%s%s", i->name,
		       w->incident.deploy.image ? NAMED : NOT_NAMED,
		       !release	    ? ""
		       : i->version ? SAME
				    : NO_VERSION);
	return say(d, "image-label", i->revision, e) < 0 ? -e->code : 1;
}

static int ask_image(const struct work *w, struct deployed *d, struct err *e)
{
	struct image i = { 0 };
	int r = find_image(w, &i, d, e);

	if (r > 0)
		r = use_label(w, &i, d, e);
	image_release(&i);
	return r;
}

int deployed_find(const struct work *w, struct deployed *d, struct err *e)
{
	const char *commit = w->incident.deploy.commit, *release = w->incident.deploy.release;

	if (commit) {
		(void)snprintf(d->known, sizeof(d->known), AS_STATED);
		return say(d, "report", commit, e) < 0 ? -e->code : 1;
	}
	if (release && w->p->service->release.pattern) {
		AUTO_FREE char *ref = NULL;

		if (service_ref_of(w->p->service, release, &ref, e) < 0)
			return err_wrap(e, "the incident names no deployed commit");
		(void)snprintf(d->known, sizeof(d->known), BY_RELEASE);
		return say(d, "release", ref, e) < 0 ? -e->code : 1;
	}
	if (release && is_object_id(version_in(release))) {
		(void)snprintf(d->known, sizeof(d->known), BY_NAME);
		return say(d, "release", version_in(release), e) < 0 ? -e->code : 1;
	}
	return ask_image(w, d, e);
}

int deployed_resolve(struct work *w, const struct deployed *d, struct err *e)
{
	const bool label = strcmp(d->from, "image-label") == 0;
	const bool whole = label || is_object_id(d->ref); /* a branch of that name is none */
	int r = git_resolve(w->world.git, d->ref, w->base, e);

	if (r == 0 && whole && strcmp(w->base, d->ref) != 0)
		r = err_set(e, EINVAL, "'%s' is not a commit of its own name", d->ref);
	return r < 0 && label ? err_wrap(e, "the commit is known %s", d->known) : r;
}

void deployed_release(struct deployed *d)
{
	free(d->ref);
	*d = (struct deployed){ 0 };
}
