/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/msg.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"

enum tag { TAG_NULL, TAG_FALSE, TAG_TRUE, TAG_INT, TAG_REAL, TAG_STRING, TAG_ARRAY, TAG_OBJECT };

#define HEAD 12 /* length, type, zero, body length */

void msg_release(struct msg *m)
{
	json_decref(m->body);
	m->body = NULL;
	buf_release(&m->blob);
	if (m->fd >= 0)
		(void)close(m->fd);
	m->fd = -1;
}

/* ---- writing ---- */

static void put_u32(struct buf *b, uint32_t v)
{
	const uint8_t raw[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
				 (uint8_t)(v >> 24) };

	buf_put(b, raw, 4);
}

static void put_u64(struct buf *b, uint64_t v)
{
	put_u32(b, (uint32_t)v);
	put_u32(b, (uint32_t)(v >> 32));
}

static void put_string(struct buf *b, const char *s, size_t n)
{
	put_u32(b, (uint32_t)n);
	buf_put(b, s, n);
}

#define KEY_MAX 256 /* bytes of a member's name, with the NUL */

static int encode(const json_t *v, unsigned depth, struct buf *b, struct err *e)
{
	const json_t *item;
	const char *key;
	double real;
	uint64_t bits;
	size_t i;
	int r = 0;

	if (depth > MSG_DEPTH)
		return err_set(e, E2BIG, "message is nested deeper than %d", MSG_DEPTH);
	switch (json_typeof(v)) {
	case JSON_NULL:
		buf_putc(b, TAG_NULL);
		break;
	case JSON_FALSE:
		buf_putc(b, TAG_FALSE);
		break;
	case JSON_TRUE:
		buf_putc(b, TAG_TRUE);
		break;
	case JSON_INTEGER:
		buf_putc(b, TAG_INT);
		put_u64(b, (uint64_t)json_integer_value(v));
		break;
	case JSON_REAL:
		buf_putc(b, TAG_REAL);
		real = json_real_value(v);
		memcpy(&bits, &real, sizeof(bits));
		put_u64(b, bits);
		break;
	case JSON_STRING:
		buf_putc(b, TAG_STRING);
		put_string(b, json_string_value(v), json_string_length(v));
		break;
	case JSON_ARRAY:
		buf_putc(b, TAG_ARRAY);
		put_u32(b, (uint32_t)json_array_size(v));
		for (i = 0; r == 0 && i < json_array_size(v); i++)
			r = encode(json_array_get(v, i), depth + 1, b, e);
		break;
	case JSON_OBJECT:
		buf_putc(b, TAG_OBJECT);
		put_u32(b, (uint32_t)json_object_size(v));
		for (void *it = json_object_iter((json_t *)(uintptr_t)v); r == 0 && it;
		     it = json_object_iter_next((json_t *)(uintptr_t)v, it)) {
			key = json_object_iter_key(it);
			if (strlen(key) >= KEY_MAX)
				return err_set(e, E2BIG, "a member's name is longer than %d bytes",
					       KEY_MAX - 1);
			item = json_object_iter_value(it);
			put_string(b, key, strlen(key));
			r = encode(item, depth + 1, b, e);
		}
		break;
	}
	return r;
}

int msg_encode(const json_t *body, struct buf *out, struct err *e)
{
	const int r = encode(body, 0, out, e);

	return r < 0 ? r : buf_check(out, "message", e);
}

/* ---- reading ---- */

struct reader {
	const uint8_t *p;
	size_t left;
	unsigned nodes;
	struct err *e;
};

static json_t *decode(struct reader *r, unsigned depth);

static void *bad(struct reader *r, const char *why)
{
	(void)err_set(r->e, EBADMSG, "malformed message: %s", why);
	return NULL;
}

static int get_u32(struct reader *r, uint32_t *v)
{
	if (r->left < 4)
		return -1;
	*v = (uint32_t)r->p[0] | (uint32_t)r->p[1] << 8 | (uint32_t)r->p[2] << 16 |
	     (uint32_t)r->p[3] << 24;
	r->p += 4;
	r->left -= 4;
	return 0;
}

static int get_u64(struct reader *r, uint64_t *v)
{
	uint32_t lo, hi;

	if (get_u32(r, &lo) < 0 || get_u32(r, &hi) < 0)
		return -1;
	*v = (uint64_t)hi << 32 | lo;
	return 0;
}

/* Points *s into the message; strings hold no NUL. */
static int get_bytes(struct reader *r, const char **s, uint32_t *n)
{
	if (get_u32(r, n) < 0 || *n > r->left)
		return -1;
	*s = (const char *)r->p;
	if (memchr(*s, '\0', *n))
		return -1;
	r->p += *n;
	r->left -= *n;
	return 0;
}

static json_t *decode_string(struct reader *r)
{
	const char *s;
	uint32_t n;
	json_t *v;

	if (get_bytes(r, &s, &n) < 0)
		return bad(r, "string");
	v = json_stringn(s, n); /* checks UTF-8 */
	return v ? v : bad(r, "a string is not UTF-8");
}

static json_t *decode_array(struct reader *r, unsigned depth)
{
	uint32_t n;
	json_t *a;

	if (get_u32(r, &n) < 0 || n > r->left)
		return bad(r, "array length");
	a = json_array();
	for (uint32_t i = 0; a && i < n; i++) {
		json_t *v = decode(r, depth + 1);

		if (!v || json_array_append_new(a, v) < 0) {
			json_decref(a);
			return NULL;
		}
	}
	return a ? a : bad(r, "out of memory");
}

static int decode_member(struct reader *r, unsigned depth, json_t *o)
{
	char key[KEY_MAX];
	const char *s;
	uint32_t n;
	json_t *v;

	if (get_bytes(r, &s, &n) < 0 || n >= sizeof(key)) {
		(void)bad(r, "key");
		return -1;
	}
	memcpy(key, s, n);
	key[n] = '\0';
	if (json_object_get(o, key)) {
		(void)bad(r, "a key occurs twice");
		return -1;
	}
	v = decode(r, depth + 1);
	if (!v)
		return -1;
	if (json_object_set_new(o, key, v) < 0) { /* refuses keys that are not UTF-8 */
		(void)bad(r, "a key is not UTF-8");
		return -1;
	}
	return 0;
}

static json_t *decode_object(struct reader *r, unsigned depth)
{
	uint32_t n;
	json_t *o;

	if (get_u32(r, &n) < 0 || n > r->left)
		return bad(r, "object length");
	o = json_object();
	for (uint32_t i = 0; o && i < n; i++) {
		if (decode_member(r, depth, o) < 0) {
			json_decref(o);
			return NULL;
		}
	}
	return o ? o : bad(r, "out of memory");
}

static json_t *decode_number(struct reader *r, uint8_t tag)
{
	uint64_t bits;
	double real;

	if (get_u64(r, &bits) < 0)
		return bad(r, "number");
	if (tag == TAG_INT)
		return json_integer((json_int_t)bits);
	memcpy(&real, &bits, sizeof(real));
	if (real != real || real - real != 0.0)
		return bad(r, "a number is not finite");
	return json_real(real);
}

static json_t *decode(struct reader *r, unsigned depth)
{
	uint8_t tag;

	if (depth > MSG_DEPTH)
		return bad(r, "nested too deep");
	if (++r->nodes > MSG_MAX_NODES)
		return bad(r, "too many values");
	if (r->left < 1)
		return bad(r, "cut short");
	tag = *r->p++;
	r->left--;
	switch (tag) {
	case TAG_NULL:
		return json_null();
	case TAG_FALSE:
		return json_false();
	case TAG_TRUE:
		return json_true();
	case TAG_INT:
	case TAG_REAL:
		return decode_number(r, tag);
	case TAG_STRING:
		return decode_string(r);
	case TAG_ARRAY:
		return decode_array(r, depth);
	case TAG_OBJECT:
		return decode_object(r, depth);
	default:
		return bad(r, "unknown tag");
	}
}

int msg_decode(const void *data, size_t n, json_t **out, struct err *e)
{
	struct reader r = { .p = data, .left = n, .e = e };
	json_t *v = decode(&r, 0);

	if (!v)
		return e->code ? -e->code : err_set(e, EBADMSG, "malformed message");
	if (r.left) {
		json_decref(v);
		return err_set(e, EBADMSG, "malformed message: %zu bytes after the value", r.left);
	}
	*out = v;
	return 0;
}

/* ---- frames ---- */

int msg_frame(uint16_t type, const json_t *body, const void *blob, size_t blob_len, struct buf *out,
	      struct err *e)
{
	const size_t begin = out->n;
	const uint8_t head[HEAD] = { 0 };
	uint32_t rest, body_len;
	char *at;
	int r;

	buf_put(out, head, HEAD);
	r = msg_encode(body, out, e);
	if (r < 0)
		return r;
	body_len = (uint32_t)(out->n - begin - HEAD);
	buf_put(out, blob, blob ? blob_len : 0);
	r = buf_check(out, "message", e);
	if (r < 0)
		return r;
	rest = (uint32_t)(out->n - begin - 4);
	at = out->p + begin;
	for (int i = 0; i < 4; i++) {
		at[i] = (char)(rest >> (8 * i));
		at[8 + i] = (char)(body_len >> (8 * i));
	}
	at[4] = (char)type;
	at[5] = (char)(type >> 8);
	return 0;
}

int msg_send(int sock, uint16_t type, const json_t *body, const void *blob, size_t blob_len, int fd,
	     struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(MSG_MAX);
	const int r = msg_frame(type, body, blob, blob_len, &b, e);

	return r < 0 ? r : fd_send_with(sock, b.p, b.n, &fd, fd >= 0, e);
}

struct inbox {
	int sock, fd;
	uint64_t deadline; /* 0: none */
};

static int await(const struct inbox *in, struct err *e)
{
	struct pollfd p = { .fd = in->sock, .events = POLLIN };
	int left = -1, r;

	do {
		if (in->deadline) {
			const uint64_t t = clock_mono_ns();

			left = t >= in->deadline ? 0 : (int)((in->deadline - t) / 1000000 + 1);
		}
		r = poll(&p, 1, left);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, "wait for a message");
	return r == 0 ? err_set(e, ETIMEDOUT, "no message in time") : 0;
}

/* Keeps the first descriptor that comes along and closes any other. */
static void keep_fd(struct inbox *in, struct msghdr *mh)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (in->fd < 0)
				in->fd = fd;
			else
				(void)close(fd);
		}
	}
}

/* 1: n bytes read; 0: closed before the first one. */
static int read_exact(struct inbox *in, void *data, size_t n, struct err *e)
{
	size_t have = 0;

	while (have < n) {
		union {
			struct cmsghdr align;
			char space[CMSG_SPACE(8 * sizeof(int))];
		} control;
		struct iovec iov = { .iov_base = (char *)data + have, .iov_len = n - have };
		struct msghdr mh = { .msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control.space,
				     .msg_controllen = sizeof(control.space) };
		const int w = await(in, e);
		ssize_t got;

		if (w < 0)
			return w;
		got = recvmsg(in->sock, &mh, MSG_CMSG_CLOEXEC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "receive a message");
		keep_fd(in, &mh);
		if (got == 0)
			return have ? err_set(e, EPIPE, "message cut short") : 0;
		have += (size_t)got;
	}
	return 1;
}

struct head {
	uint16_t type;
	uint32_t rest, body; /* bytes after the head, and of them the body's */
};

static int read_head(const uint8_t raw[HEAD], struct head *out, struct err *e)
{
	const uint32_t rest = (uint32_t)raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 |
			      (uint32_t)raw[3] << 24;
	const uint32_t body = (uint32_t)raw[8] | (uint32_t)raw[9] << 8 | (uint32_t)raw[10] << 16 |
			      (uint32_t)raw[11] << 24;

	if (rest < HEAD - 4 || rest > MSG_MAX || body > rest - (HEAD - 4) || raw[6] || raw[7])
		return err_set(e, EBADMSG, "malformed message: head");
	*out = (struct head){ (uint16_t)(raw[4] | raw[5] << 8), rest - (HEAD - 4), body };
	return 0;
}

static int fill(const struct head *h, const char *data, struct msg *out, struct err *e)
{
	const int r = msg_decode(data, h->body, &out->body, e);

	if (r < 0)
		return r;
	out->type = h->type;
	out->blob.max = MSG_MAX;
	if (h->rest > h->body)
		buf_put(&out->blob, data + h->body, h->rest - h->body);
	return buf_check(&out->blob, "message", e) < 0 ? -e->code : 1;
}

int msg_parse(const void *data, size_t n, struct msg *out, size_t *used, struct err *e)
{
	struct head h;
	int r;

	if (n < HEAD)
		return 0;
	r = read_head(data, &h, e);
	if (r < 0 || n - HEAD < h.rest)
		return r;
	msg_release(out);
	r = fill(&h, (const char *)data + HEAD, out, e);
	if (r > 0)
		*used = HEAD + (size_t)h.rest;
	return r;
}

static int read_rest(struct inbox *in, const uint8_t raw[HEAD], struct msg *out, struct err *e)
{
	AUTO_FREE char *data = NULL;
	struct head h;
	int r = read_head(raw, &h, e);

	if (r < 0)
		return r;
	data = malloc((size_t)h.rest + 1);
	if (!data)
		return err_set(e, ENOMEM, "out of memory for a message");
	r = read_exact(in, data, h.rest, e);
	if (r <= 0)
		return r < 0 ? r : err_set(e, EPIPE, "message cut short");
	return fill(&h, data, out, e);
}

int msg_recv(int sock, int timeout_ms, struct msg *out, struct err *e)
{
	struct inbox in = { .sock = sock, .fd = -1 };
	uint8_t head[HEAD];
	int r;

	if (timeout_ms >= 0)
		in.deadline = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
	msg_release(out);
	r = read_exact(&in, head, HEAD, e);
	if (r > 0)
		r = read_rest(&in, head, out, e);
	if (r > 0) {
		out->fd = in.fd;
		return r;
	}
	if (in.fd >= 0)
		(void)close(in.fd);
	msg_release(out);
	return r;
}
