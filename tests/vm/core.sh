#!/bin/sh
# core_pattern is the whole host's, so it is tried on another one: called by check.sh within the guest.  The kernel hands the
# core of a C daemon to sickbay by the line that docs/intake.md has, and a report is in the queue.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ "${VM_RUN:-}" = 1 ] || { echo "1..0 # skip it changes core_pattern: a guest's only"; exit 0; }
. tests/sh/lib.sh
CORE_DIR=${TMPDIR:?}
. tests/core/lib.sh

printf '{ "services": "%s", "state": "%s", "version": 1 }\n' "$work/services" "$state" >"$work/config.json"
check "the kernel takes the line of the manual" sh -c 'echo "|$1 incident submit --from core --pid %P --config $2" >/proc/sys/kernel/core_pattern' \
	sh "$sickbay" "$work/config.json"
queued() { for report in "$state"/spool/new/*; do [ -e "$report" ]; return; done; }
comes() { # the kernel waits for nobody who reads a core
	for second in $(seq 240); do
		queued && return
		sleep 1
	done
	echo "nothing after $second s"
	"$sickbay" audit show --state "$state" | tail -n 5
	return 1
}
printf 'bolt 3\n- 3\n' >"$work/lines"
production "$work/lines"
check "a program that crashes writes no file" sh -c '! ls "$1"/core* 2>/dev/null' sh "$work/dump"
check "its core becomes a report" comes
check "of the daemon, at the line that crashed" sh -c 'r=$(cat "$1"/spool/new/*); case $r in *depot.c*depot_width*) ;; *) echo "$r"; exit 1 ;; esac' \
	sh "$state"
check "a crash of any other program is nobody's report" sh -c 'sh -c "kill -SEGV \$\$"; sleep 5; [ "$(ls "$1" | wc -l)" = 1 ]' sh "$state/spool/new"
check "and no core is left" sh -c '! find "$1" -name "core-*" | grep .' sh "$state"
done_testing
