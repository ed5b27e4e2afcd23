/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/caps.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "runtime/base/sys.h"

static const cap_value_t needed[] = {
	CAP_SYS_ADMIN, CAP_SYS_PTRACE,	    CAP_SETUID,	 CAP_SETGID,
	CAP_CHOWN,     CAP_MKNOD,	    CAP_KILL,	 CAP_DAC_OVERRIDE,
	CAP_FOWNER,    CAP_DAC_READ_SEARCH, CAP_SETPCAP, CAP_NET_ADMIN,
};

/* Setuid, setgid and kill: pid 1 starts the payload with the first two and forwards signals by the
 * third. */
static const int kept[] = { CAP_SETUID, CAP_SETGID, CAP_KILL };

int caps_check(struct err *e)
{
	cap_t have = cap_get_proc();
	int r = 0;

	if (!have)
		return err_sys(e, "read the capabilities of this process");
	for (size_t i = 0; r == 0 && i < sizeof(needed) / sizeof(needed[0]); i++) {
		cap_flag_value_t v = CAP_CLEAR;

		if (cap_get_flag(have, needed[i], CAP_EFFECTIVE, &v) == 0 && v == CAP_SET)
			continue;
		char *name = cap_to_name(needed[i]);

		r = err_set(e, EPERM, "sickbay must run as root with %s", name ? name : "more");
		(void)cap_free(name);
	}
	(void)cap_free(have);
	return r;
}

static int bounding_empty(void)
{
	for (int cap = 0; cap < 64; cap++) {
		const int r = sys_capbset_drop(cap);

		if (r == -EINVAL)
			return 0; /* past the last one that this kernel has */
		if (r < 0)
			return r;
	}
	return 0;
}

int caps_drop(void)
{
	const uint64_t setpcap = UINT64_C(1) << CAP_SETPCAP;
	uint64_t keep = 0;
	int r;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		keep |= UINT64_C(1) << kept[i];
	/* inheritable while the bounding set still allows it, ambient from it, then close all doors
	 */
	r = sys_capset(keep | setpcap, keep | setpcap, keep);
	for (size_t i = 0; r >= 0 && i < sizeof(kept) / sizeof(kept[0]); i++)
		r = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long)kept[i]);
	if (r >= 0)
		r = bounding_empty();
	if (r >= 0)
		r = sys_prctl(PR_SET_SECUREBITS,
			      SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
				      SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
				      SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
			      0);
	if (r >= 0)
		r = sys_capset(keep, keep, keep);
	return r;
}
