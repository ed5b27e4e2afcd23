#!/bin/sh
# The systemd unit: it is well-formed, its score is the one in the documentation, and the worker works with no more
# capabilities and no more network than it leaves.  Needs root.
set -u
. "$(dirname "$0")/../sh/lib.sh"
. "$(dirname "$0")/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-unit.XXXXXX")
serves=
trap '[ -z "$serves" ] || kill "$serves" 2>/dev/null; rm -rf "$dir"' EXIT
state=$dir/state
unit=$top/docs/systemd/sickbay-worker.service
log=$top/docs/systemd/sickbay-audit.service

# the program's path as it is after an installation, but one that is there
mkdir "$dir/bin" && ln -s "$sickbay" "$dir/bin/sickbay"
sed "s|@BINDIR@|$dir/bin|" "$unit" >"$dir/sickbay-worker.service"
installed() {
	make -s -C "$top" install-units PREFIX=/usr DESTDIR="$dir/root" &&
		grep -qx 'ExecStart=/usr/bin/sickbay worker' "$dir/root/usr/lib/systemd/system/sickbay-worker.service"
}
check "it is installed with the program's path" installed
if command -v systemd-analyze >/dev/null; then
	verified() { out=$(systemd-analyze verify --man=no "$dir/sickbay-worker.service" 2>&1); echo "$out"; [ -z "$out" ]; }
	check "systemd finds no fault with it" verified
	score=$(systemd-analyze security --offline=true --no-pager "$dir/sickbay-worker.service" | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
	echo "# exposure $score"
	check "its exposure is the one that the documentation names" grep -qF "exposure of **$score**" "$top/docs/systemd/README.md"
	sed "s|@BINDIR@|$dir/bin|" "$log" >"$dir/sickbay-audit.service"
	log_verified() { out=$(systemd-analyze verify --man=no "$dir/sickbay-audit.service" 2>&1); echo "$out"; [ -z "$out" ]; }
	check "nor with the log's" log_verified
	score=$(systemd-analyze security --offline=true --no-pager "$dir/sickbay-audit.service" | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
	check "its exposure is documented as well" grep -qF "exposure of **$score**" "$top/docs/systemd/README.md"
else
	check "systemd finds no fault with it # SKIP there is no systemd-analyze" true
fi

bounds_of() { # UNIT: its capabilities as setpriv wants them
	bounds=-all
	for cap in $(sed -n 's/^CapabilityBoundingSet=//p' "$1"); do
		bounds=$bounds,+$(echo "${cap#CAP_}" | tr '[:upper:]' '[:lower:]')
	done
	echo "$bounds"
}
bounds=$(bounds_of "$log")
unshare --net setpriv --bounding-set="$bounds" --no-new-privs "$sickbay" audit serve --state "$state" >"$dir/log" 2>&1 &
serves=$!
for _ in $(seq 100); do [ ! -S "$state/audit.socket" ] || break; sleep 0.1; done
check "the log is served within its unit's capabilities" [ -S "$state/audit.socket" ]
bounds=$(bounds_of "$unit")
confined() { setpriv --bounding-set="$bounds" --no-new-privs unshare --net "$@"; } # what of the unit can be had without systemd
toy shop
check "a service is checked within the unit's capabilities" confined "$sickbay" service check "$dir/services/shop.json" --state "$state"
incident shop price >"$dir/incident"
check "a report is submitted" "$sickbay" incident submit --service "$dir/services/shop.json" --state "$state" "$dir/incident"
check "the worker repairs within them" confined "$sickbay" worker --drain --state "$state"
check "the case has ended" prints "1 observed" "$sickbay" status --state "$state"
kill "$serves"; wait "$serves"; status=$? serves=
check "the log ends when it is told to" [ "$status" = 0 ]
check "and holds" "$sickbay" audit verify --state "$state"
done_testing
