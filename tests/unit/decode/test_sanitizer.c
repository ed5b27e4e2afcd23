/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/decode/summary.h"

static void reports_of_the_corpus_come_to_the_right_chain(void)
{
	static const struct report_row rows[] = {
		{ "abort.txt", "Abort: free(): invalid pointer @ ?:0 ? x0", 2, 1 },
		{ "assertion.txt", "Assertion: Assertion `k==8' failed. @ s.c:14 main x1", 0, 0 },
		{ "bad-free.txt",
		  "AddressSanitizer: bad-free: attempting free on address which was not @ "
		  "../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:52 __interceptor_free "
		  "x5",
		  0, 1 },
		{ "leak.txt",
		  "LeakSanitizer: memory-leak: detected memory leaks @ "
		  "../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69 __interceptor_malloc "
		  "x2",
		  0, 0 },
		{ "nonnull-then-segv.txt",
		  "AddressSanitizer: SEGV: SEGV on unknown address 0x000000000000 ( @ "
		  "../sysdeps/x86_64/multiarch/strlen-evex.S:79 __strlen_evex x7",
		  0, 1 },
		{ "null-use.txt",
		  "AddressSanitizer: SEGV: SEGV on unknown address 0x000000000000 ( @ "
		  "/srv/shop/s.c:9 nullm x5",
		  0, 1 },
		{ "overflow.txt",
		  "AddressSanitizer: heap-buffer-overflow: heap-buffer-overflow on address "
		  "0x602000 @ /srv/shop/s.c:5 peek x6",
		  0, 2 },
		{ "segv.txt",
		  "AddressSanitizer: SEGV: SEGV on unknown address 0x000000000000 ( @ "
		  "../sysdeps/x86_64/multiarch/strlen-evex.S:79 __strlen_evex x7",
		  0, 0 },
		{ "stack-overflow.txt",
		  "AddressSanitizer: stack-overflow: stack-overflow on address 0x7ffd7fdc5410 @ "
		  "/srv/shop/s.c:10 so x57",
		  0, 0 },
		{ "ubsan-stack.txt",
		  "UndefinedBehaviorSanitizer: signed-integer-overflow: signed integer overflow: 2 "
		  "+ 2147483647  @ /srv/shop/s.c:14 main x4",
		  0, 0 },
		{ "ubsan.txt",
		  "UndefinedBehaviorSanitizer: signed-integer-overflow: signed integer overflow: 2 "
		  "+ 2147483647  @ s.c:14 ? x1",
		  0, 0 },
		{ "use-after-free.txt",
		  "AddressSanitizer: heap-use-after-free: heap-use-after-free on address 0x6020000 "
		  "@ /srv/shop/s.c:7 uaf x5",
		  0, 2 },
	};

	check_reports("sanitizer", rows, sizeof(rows) / sizeof(rows[0]), sanitizer_decode);
}

TAP_MAIN(TEST(reports_of_the_corpus_come_to_the_right_chain))
