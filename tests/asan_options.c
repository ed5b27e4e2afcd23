/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into the ASan build only.  LeakSanitizer stops a process by ptrace
 * when it ends, which a program that gave up its privileges cannot have; a
 * unit test asks for it again in its environment, which our helpers do not get.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
