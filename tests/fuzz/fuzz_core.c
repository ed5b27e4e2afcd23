/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/decode/decode_formats.h"
#include "tests/fuzz/fuzz.h"

/* A core, and the same bytes as what a replica says of one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);
	AUTO_JSON json_t *facts = NULL;
	AUTO_JSON json_t *other = json_pack("{s:{s:s},s:s,s:[{s:s}]}", "signal", "name", "SIGSEGV",
					    "what", "", "modules", "path", "/usr/lib/x.so");
	struct err e = ERR_INIT;

	if (fd < 0 || !other || fd_write_all(fd, data, size, "fuzz", &e) < 0)
		return 0;
	if (core_decode(fd, "fuzz", &facts, &e) < 0 && (e.code <= 0 || !*e.msg || facts))
		__builtin_trap();
	fuzz_decoder_with(data, size, facts ? facts : other, symbols_decode);
	return 0;
}
