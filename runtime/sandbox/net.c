/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/net.h"

#include <fcntl.h>
#include <linux/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"

int net_open(pid_t pid, int *netns, struct err *e)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	*netns = open(path, O_RDONLY | O_CLOEXEC);
	return *netns < 0 ? err_sys(e, "open '%s'", path) : 0;
}

static int enter(int netns, int *home, struct err *e)
{
	int r;

	*home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*home < 0)
		return err_sys(e, "open the host's network namespace");
	r = sys_setns(netns, CLONE_NEWNET);
	return r < 0 ? err_set(e, -r, "enter the network namespace: %s", strerror(-r)) : 0;
}

static void leave(int home)
{
	if (sys_setns(home, CLONE_NEWNET) == 0)
		return;
	log_warn("cannot return to the host's network namespace");
	abort();
}

static int lo_up(struct err *e)
{
	struct nl_sock *sk = nl_socket_alloc();
	struct rtnl_link *lo = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int r = sk && lo && change ? nl_connect(sk, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r >= 0) {
		rtnl_link_set_ifindex(lo, 1); /* lo is the first device of every namespace */
		rtnl_link_set_flags(change, IFF_UP);
		r = rtnl_link_change(sk, lo, change, 0);
	}
	rtnl_link_put(lo);
	rtnl_link_put(change);
	nl_socket_free(sk);
	return r < 0 ? err_set(e, EIO, "bring the loopback up: %s", nl_geterror(r)) : 0;
}

/* A service that listens on port 80 in production does so here, though nobody has a capability. */
static void ports_for_all(void)
{
	AUTO_CLOSE int fd =
		open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		log_debug("ports below 1024 stay closed to the replica");
}

int net_loopback_up(int netns, struct err *e)
{
	AUTO_CLOSE int home = -1;
	int r = enter(netns, &home, e);

	if (r < 0)
		return r;
	r = lo_up(e);
	ports_for_all();
	leave(home);
	return r;
}

int net_socket(int netns, int domain, int type, struct err *e)
{
	AUTO_CLOSE int home = -1;
	int r = enter(netns, &home, e);

	if (r < 0)
		return r;
	r = socket(domain, type | SOCK_CLOEXEC, 0);
	if (r < 0)
		r = err_sys(e, "make a socket in the replica");
	leave(home);
	return r;
}
