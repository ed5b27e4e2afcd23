/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/jmap.h"
#include "runtime/sandbox/seccomp_table.h"

/* A flood of calls must not keep the host in one step for ever. */
#define CALLS_PER_STEP 256

struct notify {
	int fd; /* -1 once nobody is left at the other end */
	size_t max;
	uint32_t count;
	json_t *records;
};

int notify_take_listener(int pidfd, int fd_in_child, struct err *e)
{
	const int fd = (int)syscall(SYS_pidfd_getfd, pidfd, fd_in_child, 0);

	if (fd < 0)
		return err_sys(e, "take the notification descriptor from the new process");
	return fd; /* close-on-exec already */
}

int notify_open(int listener, size_t max, struct notify **out, struct err *e)
{
	struct notify *n = calloc(1, sizeof(*n));

	if (!n)
		return err_set(e, ENOMEM, "notifications: out of memory");
	n->fd = listener;
	n->max = max;
	*out = n;
	return 0;
}

int notify_fd(const struct notify *n)
{
	return n->fd;
}

uint32_t notify_count(const struct notify *n)
{
	return n->count;
}

static void read_comm(uint32_t pid, char *out, size_t n)
{
	char path[32];
	AUTO_CLOSE int fd = -1;
	ssize_t got;

	(void)snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, out, n - 1);
	out[got < 0 ? 0 : got] = '\0';
	/* The process chose these bytes: they go into a log. */
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = *c == '\n' && !c[1] ? '\0' : '?';
}

static int record(struct notify *n, const struct seccomp_notif *req, struct err *e)
{
	AUTO_JSON json_t *row = NULL;
	char number[16], comm[32];
	char *name;

	n->count++;
	if (n->records && json_array_size(n->records) >= n->max)
		return 0;
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, req->data.nr);
	(void)snprintf(number, sizeof(number), "%d", req->data.nr);
	read_comm(req->pid, comm, sizeof(comm));
	row = json_pack("{s:s, s:I, s:s}", "syscall", name ? name : number, "pid",
			(json_int_t)req->pid, "comm", comm);
	free(name);
	if (!n->records)
		n->records = json_array();
	if (!row || !n->records || json_array_append(n->records, row) < 0)
		return err_set(e, ENOMEM, "notifications: out of memory");
	return 0;
}

/* 1: one call was answered; 0: none waits; <0: error. */
static int one(struct notify *n, struct err *e)
{
	struct seccomp_notif req = { 0 };
	struct seccomp_notif_resp resp = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	struct pollfd p = { .fd = n->fd, .events = POLLIN };
	int recorded;

	if (poll(&p, 1, 0) < 0)
		return errno == EINTR ? 0 : err_sys(e, "notifications: poll");
	if (!(p.revents & POLLIN)) {
		if (p.revents & (POLLHUP | POLLERR | POLLNVAL)) {
			(void)close(n->fd);
			n->fd = -1;
		}
		return 0;
	}
	/* ENOENT: the caller was killed between poll and here; then receiving could block, but poll
	 * said otherwise. */
	if (ioctl(n->fd, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
		return errno == ENOENT || errno == EINTR || errno == EAGAIN
			       ? 1
			       : err_sys(e, "notifications: receive");
	recorded = record(n, &req, e);
	resp.id = req.id;
	if (ioctl(n->fd, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0 && errno != ENOENT)
		return recorded < 0 ? recorded : err_sys(e, "notifications: answer");
	return recorded < 0 ? recorded : 1;
}

int notify_step(struct notify *n, struct err *e)
{
	for (int i = 0; n->fd >= 0 && i < CALLS_PER_STEP; i++) {
		const int r = one(n, e);

		if (r <= 0)
			return r;
	}
	return 0;
}

json_t *notify_take(struct notify *n)
{
	return take_ptr(n->records);
}

void notify_close(struct notify *n)
{
	const int saved = errno;

	if (!n)
		return;
	if (n->fd >= 0)
		(void)close(n->fd);
	json_decref(n->records);
	free(n);
	errno = saved;
}
