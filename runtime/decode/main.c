/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/decode/confine.h"
#include "runtime/decode/decode_formats.h"
#include "runtime/proto/decode.h"

/*
 * The only parser of untrusted bytes on the host side: one process a job, the
 * job and its answer on DECODE_FD.  Started by decode_value() and its like.
 */
int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("sickbay-decode %s\n", SICKBAY_VERSION) < 0;
	if (argc != 1) {
		(void)fprintf(stderr, "sickbay-decode: takes no argument; sickbay starts it\n");
		return 2;
	}
	/* both open files, which is not possible later */
	json_object_seed(0);
	(void)setlocale(LC_CTYPE,
			"C.UTF-8"); /* names in archives; without it only ASCII ones are read */
	if (decode_confine(&e) < 0 || job_run(DECODE_FD, &e) < 0) {
		(void)fprintf(stderr, "sickbay-decode: %s\n", e.msg);
		return 1;
	}
	return 0;
}
