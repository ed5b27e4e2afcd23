/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/pool.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "runtime/base/clock.h"

struct pool {
	CURLM *multi;
	int epoll;
	uint32_t index;
	uint64_t due;
	struct err failed; /* of a callback, which cannot say so itself */
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct pool *p = arg;
	struct epoll_event ev = { .data.u64 = (uint64_t)p->index << 32 | (uint32_t)fd };

	(void)easy, (void)known;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL); /* it may be closed already */
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	/* a number is known until it is removed, also when its socket was replaced meanwhile */
	if (epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &ev) < 0 &&
	    epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		(void)err_sys(&p->failed, "watch a socket");
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct pool *p = arg;

	(void)multi;
	p->due = ms < 0 ? UINT64_MAX : clock_mono_ns() + (uint64_t)ms * 1000000;
	return 0;
}

int pool_open(int epoll, uint32_t index, struct pool **out, struct err *e)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(e, ENOMEM, "out of memory");
	*p = (struct pool){ .epoll = epoll, .index = index, .due = UINT64_MAX };
	p->multi = curl_multi_init();
	if (!p->multi ||
	    curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
	    curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p) != CURLM_OK ||
	    curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
	    curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p) != CURLM_OK) {
		pool_close(p);
		return err_set(e, EIO, "libcurl cannot be set up");
	}
	*out = p;
	return 0;
}

void pool_close(struct pool *p)
{
	if (!p)
		return;
	if (p->multi)
		(void)curl_multi_cleanup(p->multi);
	free(p);
}

int pool_add(struct pool *p, CURL *easy, struct err *e)
{
	const CURLMcode m = curl_multi_add_handle(p->multi, easy);

	return m == CURLM_OK ? 0 : err_set(e, EIO, "libcurl: %s", curl_multi_strerror(m));
}

void pool_remove(struct pool *p, CURL *easy)
{
	(void)curl_multi_remove_handle(p->multi, easy);
}

static int act(struct pool *p, curl_socket_t fd, int what, struct err *e)
{
	int running;
	const CURLMcode m = curl_multi_socket_action(p->multi, fd, what, &running);

	if (m != CURLM_OK)
		return err_set(e, EIO, "libcurl: %s", curl_multi_strerror(m));
	if (p->failed.code) {
		*e = p->failed;
		return -e->code;
	}
	return 0;
}

int pool_event(struct pool *p, int fd, uint32_t events, struct err *e)
{
	int what = 0;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	return act(p, fd, what, e);
}

uint64_t pool_due(const struct pool *p)
{
	return p->due;
}

int pool_step(struct pool *p, uint64_t now, struct err *e)
{
	if (now < p->due)
		return 0;
	p->due = UINT64_MAX; /* libcurl states the next one */
	return act(p, CURL_SOCKET_TIMEOUT, 0, e);
}

CURL *pool_done(struct pool *p, CURLcode *code)
{
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(p->multi, &left)))
		if (m->msg == CURLMSG_DONE) {
			*code = m->data.result;
			return m->easy_handle;
		}
	return NULL;
}
