/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/msg.h"
#include "runtime/decode/decode_formats.h"
#include "runtime/proto/decode.h"

/* Archives: the first byte chooses the options, the rest is the file. Answers must be well formed
 * to their end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *drain(void *arg)
{
	const int sock = *(const int *)arg;
	struct err e = ERR_INIT;

	for (int more = 1; more > 0;) {
		AUTO_MSG struct msg m = MSG_INIT;

		more = msg_recv(sock, -1, &m, &e);
		if (more < 0)
			__builtin_trap(); /* a message that the host could not read */
		if (more > 0 && (m.type < DECODE_MSG_ENTRY || m.type > DECODE_MSG_END))
			__builtin_trap();
	}
	return NULL;
}

static void decode(int fd, int sock, unsigned how)
{
	json_t AUTO_JSON *options = json_pack("{s:b, s:b}", "deb", how & 1, "list", how & 2);
	struct err e = ERR_INIT;

	if (archive_decode(fd, sock, options, &e) < 0 && (e.code == 0 || e.msg[0] == '\0'))
		__builtin_trap(); /* a refusal must always say why */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct err e = ERR_INIT;
	pthread_t reader;
	int pair[2];

	if (size < 1 || fd < 0 || fd_write_all(fd, data + 1, size - 1, "fuzz", &e) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 0;
	if (pthread_create(&reader, NULL, drain, &pair[1]) == 0) {
		decode(fd, pair[0], data[0]);
		(void)shutdown(pair[0], SHUT_WR);
		(void)pthread_join(reader, NULL);
	}
	(void)close(pair[0]);
	(void)close(pair[1]);
	return 0;
}
