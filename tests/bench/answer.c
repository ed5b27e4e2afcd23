/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <unistd.h>

/*
 * bench-answer: what libmicrohttpd alone does, in one thread on loopback: reads
 * each request and answers 200, keeps nothing.  Prints its port; ends with its
 * standard input.
 */

/* Eight parameters: the library's callback. */
/* NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *n, void **con)
{
	static int begun;
	struct MHD_Response *r;
	enum MHD_Result ok;

	(void)ctx, (void)url, (void)method, (void)version, (void)data;
	if (!*con) {
		*con = &begun;
		return MHD_YES;
	}
	if (*n) {
		*n = 0;
		return MHD_YES;
	}
	r = MHD_create_response_from_buffer(2, (void *)(uintptr_t) "{}", MHD_RESPMEM_PERSISTENT);
	if (!r)
		return MHD_NO;
	ok = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return ok;
}

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct MHD_Daemon *d =
		MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, NULL,
				 MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_END);
	const union MHD_DaemonInfo *info =
		d ? MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT) : NULL;
	char byte;

	if (!info)
		return 1;
	(void)printf("%u\n", (unsigned)info->port);
	(void)fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	MHD_stop_daemon(d);
	return 0;
}
