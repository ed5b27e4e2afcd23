/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"

#define HEAD "sickbay.audit-key/1\n"

void key_list_release(struct key_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].note);
	free(l->v);
	*l = (struct key_list){ 0 };
}

static struct key_epoch *grow(struct key_list *l, struct err *e)
{
	struct key_epoch *more;

	if (l->n == KEY_EPOCHS_MAX) {
		(void)err_set(e, E2BIG, "more than %d epochs of keys", KEY_EPOCHS_MAX);
		return NULL;
	}
	more = reallocarray(l->v, l->n + 1, sizeof(*more));
	if (!more) {
		(void)err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	l->v = more;
	more[l->n] = (struct key_epoch){ 0 };
	return &more[l->n];
}

int key_list_begin(struct key_list *l, const char *key, struct err *e)
{
	struct key_epoch *first = grow(l, e);
	int r = first ? note_key_parse(key, &first->key, e) : -e->code;

	if (r == 0)
		l->n++;
	return r;
}

static void put_text(struct buf *out, const struct note_key *old, const struct note_key *new_one,
		     size_t epoch, uint64_t after)
{
	buf_printf(out, HEAD "epoch %zu\nafter %llu\nold ", epoch, (unsigned long long)after);
	note_key_format(old, out);
	buf_puts(out, "new ");
	note_key_format(new_one, out);
}

int key_rotation(const struct note_signer *old, const struct note_signer *new_one, size_t epoch,
		 uint64_t after, struct buf *out, struct err *e)
{
	const size_t from = out->n;
	size_t text;
	int r;

	put_text(out, &old->key, &new_one->key, epoch, after);
	r = buf_check(out, "key rotation", e);
	if (r < 0)
		return r;
	text = out->n - from;
	buf_putc(out, '\n');
	r = note_sign(old, out->p + from, text, out, e);
	return r < 0 ? r : note_sign(new_one, out->p + from, text, out, e);
}

/* The value of a line "WORD VALUE\n" as a string; *p then stands behind the line. */
static int take_value(const char **p, const char *word, char *out, size_t n)
{
	const size_t w = strlen(word);
	const char *end = strchr(*p, '\n');

	if (!end || strncmp(*p, word, w) != 0 || (*p)[w] != ' ' || (size_t)(end - *p) - w > n)
		return -EBADMSG;
	(void)snprintf(out, n, "%.*s", (int)((size_t)(end - *p) - w - 1), *p + w + 1);
	*p = end + 1;
	return 0;
}

/* Only the first spelling of what was read is the right one: it is written again and compared. */
static int read_rotation(const struct key_list *l, const char *text, struct key_epoch *out,
			 struct err *e)
{
	const struct key_epoch *last = &l->v[l->n - 1];
	AUTO_BUF struct buf again = BUF_INIT(KEY_ROTATION_MAX);
	char epoch[24], after[24], old[KEY_TEXT_MAX], new_one[KEY_TEXT_MAX];
	const char *p = text;

	if (strncmp(p, HEAD, sizeof(HEAD) - 1) != 0)
		return err_set(e, EBADMSG, "not a note of the form sickbay.audit-key/1");
	p += sizeof(HEAD) - 1;
	if (take_value(&p, "epoch", epoch, sizeof(epoch)) < 0 ||
	    take_value(&p, "after", after, sizeof(after)) < 0 ||
	    take_value(&p, "old", old, sizeof(old)) < 0 ||
	    take_value(&p, "new", new_one, sizeof(new_one)) < 0 || *p != '\n')
		return err_set(e, EBADMSG, "the note of a key's epoch is malformed");
	out->after = strtoull(after, NULL, 10);
	if (note_key_parse(new_one, &out->key, e) < 0)
		return -e->code;
	put_text(&again, &last->key, &out->key, l->n, out->after);
	if (buf_check(&again, "key rotation", e) < 0)
		return -e->code;
	if (again.n != (size_t)(p - text) || memcmp(again.p, text, again.n) != 0 ||
	    out->after < last->after)
		return err_set(e, EBADMSG,
			       "the note of key epoch %zu does not follow from the key before it",
			       l->n);
	return 0;
}

int key_list_add(struct key_list *l, const char *note, size_t n, struct err *e)
{
	AUTO_FREE char *copy = strndup(note, n);
	struct key_epoch *next = grow(l, e);
	struct key_epoch made = { 0 };
	int r;

	if (!copy || !next || l->n == 0)
		return e->code ? -e->code : err_set(e, ENOMEM, "out of memory");
	if (strlen(copy) != n)
		return err_set(e, EBADMSG, "the note of a key's epoch is malformed");
	r = read_rotation(l, copy, &made, e);
	if (r == 0)
		r = note_check(copy, n, &l->v[l->n - 1].key, e);
	if (r == 0)
		r = note_check(copy, n, &made.key, e);
	if (r < 0)
		return err_wrap(e, "key epoch %zu", l->n);
	made.note = take_ptr(copy);
	made.note_n = n;
	*next = made;
	l->n++;
	return 0;
}

int key_list_find(const struct key_list *l, const struct note_key *k)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].key.name, k->name) == 0 &&
		    memcmp(l->v[i].key.pub, k->pub, NOTE_PUB_LEN) == 0)
			return (int)i;
	return -ENOKEY;
}

size_t key_list_epoch(const struct key_list *l, uint64_t size)
{
	size_t i = l->n - 1;

	while (i > 0 && size <= l->v[i].after)
		i--;
	return i;
}

int key_list_open(const struct key_list *l, const char *text, size_t n, struct checkpoint *out,
		  struct err *e)
{
	int r = checkpoint_open(text, n, &l->v[0].key, out, e);
	size_t epoch;

	if (l->n == 1 || r == -EBADMSG)
		return r;
	epoch = key_list_epoch(l, out->size);
	if (epoch > 0) { /* *out has what it claims, also when its key was another */
		*e = (struct err)ERR_INIT;
		r = checkpoint_open(text, n, &l->v[epoch].key, out, e);
	}
	return r < 0 ? err_wrap(e, "key epoch %zu", epoch) : 0;
}

static int load_epoch(int dir, struct key_list *l, struct err *e)
{
	AUTO_BUF struct buf note = BUF_INIT(KEY_ROTATION_MAX);
	char name[64], old[KEY_TEXT_MAX];
	const char *p;
	int r;

	(void)snprintf(name, sizeof(name), "keys/%08zu", l->n ? l->n : 1);
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	r = file_read_at(dir, name, KEY_ROTATION_MAX, &note, e);
	if (r < 0)
		return r;
	if (l->n == 0) { /* the first key stands in the note that ends its epoch */
		p = note.p ? strstr(note.p, "\nold ") : NULL;
		if (!p || take_value(&(const char *){ p + 1 }, "old", old, sizeof(old)) < 0)
			return err_set(e, EBADMSG, "%s: malformed", name);
		r = key_list_begin(l, old, e);
	}
	if (r == 0)
		r = key_list_add(l, note.p, note.n, e);
	return r < 0 ? r : 1;
}

int key_list_load(int dir, struct key_list *l, struct err *e)
{
	AUTO_BUF struct buf pub = BUF_INIT(KEY_TEXT_MAX);
	struct note_key newest;
	int r = file_read_at(dir, "key.pub", KEY_TEXT_MAX, &pub, e);

	if (r == 0)
		r = note_key_parse(pub.p ? pub.p : "", &newest, e);
	if (r < 0)
		return r;
	do
		r = load_epoch(dir, l, e);
	while (r == 1);
	if (r == 0 && l->n == 0)
		r = key_list_begin(l, pub.p, e);
	if (r == 0 && key_list_find(l, &newest) != (int)l->n - 1)
		r = err_set(e, EBADMSG, "key.pub is not the newest key of the log's epochs");
	return r;
}
