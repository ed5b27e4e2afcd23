#!/bin/sh
# A disk without room, and one without inodes: nothing is half written, the log says why it stopped, and with
# room again the same case goes on.  The state lies on a small file system in a private mount namespace.
# shellcheck disable=SC2317 # functions called by check
if [ "${1:-}" != inside ]; then
	exec unshare --mount --propagation private sh "$0" inside
fi
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
# shellcheck source=tests/queue/lib.sh
. "$(dirname "$0")/../queue/lib.sh"
dir=$(mktemp -d)
trap 'umount "$dir/state" 2>/dev/null; rm -rf "$dir"' EXIT
state=$dir/state
mkdir "$state"
mount -t tmpfs -o size=96m,nr_inodes=40000,mode=755 tmpfs "$state"
toy shop
"$sickbay" service check "$dir/services/shop.json" --state "$state" >/dev/null 2>&1

# three new incidents of one service would be a storm
echo "{ \"version\": 1, \"state\": \"$state\", \"services\": \"$dir/services\", \"storm\": { \"fingerprints\": 100 } }" >"$dir/config.json"
begun() { # begun FUNCTION: a case of this incident that was killed after its first record
	incident shop "$1" >"$dir/$1.json"
	rm -rf "$state"/services/shop/baseline* # the suite runs again, so that there is something left to do
	"$sickbay" heal "$dir/$1.json" --service "$dir/services/shop.json" --config "$dir/config.json" >"$dir/heal" 2>&1 &
	pid=$!
	for _ in $(seq 500); do
		for record in "$state"/cases/*"$1"*/1-incident.json; do :; done
		[ ! -e "$record" ] || break
		sleep 0.01
	done
	kill -KILL "$pid" || cat "$dir/heal"; wait "$pid" 2>/dev/null
	id=${record%/*} id=${id##*/}
	echo "$id" >"$dir/id"
	test -e "$state/cases/$id/1-incident.json" && ! test -e "$state/cases/$id/7-outcome.json"
}
resume() { "$sickbay" case resume "$(cat "$dir/id")" --state "$state" --service "$dir/services/shop.json"; }
whole() { # every record is one, none is half
	for file in "$state"/cases/*/[1-7]-*.json; do
		/usr/bin/python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$file" || return 1
	done
}
stopped() { "$sickbay" audit show --json --state "$state" | grep case.stopped | grep -q '"disk full"'; }
goes_on() { out=$(resume 2>&1); case "$?:$out" in [03]:*observed*) ;; *) echo "$out"; return 1 ;; esac; }
drain() { "$sickbay" worker --drain --config "$dir/config.json" >"$dir/out" 2>&1; }
events() { "$sickbay" audit show --json --state "$state" | grep -c "$1"; }

# ---- no room ----
check "a case is begun" begun a
dd if=/dev/zero of="$state/filler" bs=64k 2>/dev/null; dd if=/dev/zero of="$state/filler2" bs=512 2>/dev/null
check "the disk is full" test "$(stat -f -c %a "$state")" -lt 4
refuses "what cannot go on says that the disk is full, and what to do" 1 "stopped: disk full" resume
check "the log could be written, and says why" stopped
check "and verifies" "$sickbay" audit verify --state "$state"
check "no record is half written" whole
check "the case has not ended" test ! -e "$state/cases/$(cat "$dir/id")/7-outcome.json"
incident shop never >"$dir/never.json"
refuses "no other case is begun" 1 "No space left on device" \
	"$sickbay" heal "$dir/never.json" --service "$dir/services/shop.json" --config "$dir/config.json"
check "the command that makes room works on a full disk" "$sickbay" gc --state "$state"
rm "$state/filler" "$state/filler2"
check "with room again the same case goes on to its end" goes_on

# ---- no inodes ----
drain # the worker was there before
check "another case is begun" begun b
mkdir "$state/many"
/usr/bin/python3 - "$state/many" <<'PY'
import os, sys
try:
    for n in range(100000):
        os.close(os.open(f"{sys.argv[1]}/{n}", os.O_CREAT | os.O_WRONLY))
except OSError:
    pass
PY
check "there is no inode" test "$(stat -f -c %d "$state")" = 0
refuses "what cannot go on says so here, too" 1 "stopped: disk full" resume
check "the log says it a second time" test "$(events case.stopped)" = 2
check "and verifies still" "$sickbay" audit verify --state "$state"
check "no record is half written without inodes" whole
drain
check "the worker waits until there is room, and says so" sh -c "grep -q 'has no room left' \"\$1\" || { cat \"\$1\"; false; }" sh "$dir/out"
check "that is no failed run" sh -c "test \"\$1\" = 2 || { echo \"\$1\"; cat \"\$2\"; false; }" sh "$(events case.stopped)" "$dir/out"
rm -r "$state/many"
drain
check "with inodes again the worker goes on with it by itself" test -e "$state/cases/$(cat "$dir/id")/7-outcome.json"
check "the log verifies at the end" "$sickbay" audit verify --state "$state"
check "nothing temporary is left in the cases" sh -c '! find "$1/cases" -name ".tmp-*" | grep .' sh "$state"
done_testing
