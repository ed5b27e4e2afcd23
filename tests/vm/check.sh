#!/bin/sh
# The sandbox's tests on a stock Debian kernel that has control groups v2 and nothing else: another kernel
# than the one at hand, without a tmpfs that can be idmapped, layers by descriptor, Landlock's newer parts.
# Called by `make check-vm`; TAP on stdout, one line a program.  In the guest it calls itself with "inside".
set -u
b=build/check
tests="$b/tests/unit/sandbox/test_cgroup $b/tests/unit/sandbox/test_seccomp $b/tests/unit/sandbox/test_landlock
$b/tests/unit/sandbox/test_notify $b/tests/unit/sandbox/test_root $b/tests/unit/sandbox/test_sandbox
$b/tests/unit/sandbox/test_faults $b/tests/unit/sandbox/test_hold tests/escape/escape.sh tests/faults/ends.sh
tests/vm/core.sh"

if [ "${1:-}" = inside ]; then
	# Layers have to lie on a file system that can be idmapped; the guest's root is none.
	for m in loop ext4; do /.vm/modprobe $m; done
	truncate -s 512M /dev/shm/disk
	mkfs.ext4 -q -F -O ^has_journal /dev/shm/disk && mount -o loop /dev/shm/disk /var/tmp && chmod 1777 /var/tmp || exit 125
	export TMPDIR=/var/tmp
	n=0 bad=0
	echo "# $(uname -r), $(cat /sys/fs/cgroup/cgroup.controllers)"
	for t in $tests; do
		n=$((n + 1))
		out=$(sh tests/sh/run.sh "$t" 2>&1)
		status=$?
		echo "$out" | sed -n '/^ok/!s/^#* */# /p' | head -n 60
		if [ $status = 0 ]; then
			echo "ok $n - $t"
		else
			bad=1
			echo "not ok $n - $t"
		fi
	done
	n=$((n + 1))
	left=$(find /sys/fs/cgroup -type d -name '*sickbay*')
	if [ -z "$left" ]; then
		echo "ok $n - no control group is left"
	else
		bad=1
		echo "not ok $n - no control group is left: $left"
	fi
	echo "1..$n"
	exit $bad
fi
exec bash tests/vm/run.sh -k "$(realpath build/vm/kernel)" -t 1500 -- sh tests/vm/check.sh inside
