#!/bin/sh
# The systemd unit: it is well-formed, its score is the one in the documentation, and the worker works with no more
# capabilities and no more network than it leaves.  Needs root.
set -u
. "$(dirname "$0")/../sh/lib.sh"
. "$(dirname "$0")/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-unit.XXXXXX")
trap 'rm -rf "$dir"' EXIT
state=$dir/state
unit=$top/docs/systemd/sickbay-worker.service

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
else
	check "systemd finds no fault with it # SKIP there is no systemd-analyze" true
fi

bounds=-all
for cap in $(sed -n 's/^CapabilityBoundingSet=//p' "$unit"); do
	bounds=$bounds,+$(echo "${cap#CAP_}" | tr '[:upper:]' '[:lower:]')
done
confined() { setpriv --bounding-set="$bounds" --no-new-privs unshare --net "$@"; } # what of the unit can be had without systemd
toy shop
check "a service is checked within the unit's capabilities" confined "$sickbay" service check "$dir/services/shop.json" --state "$state"
incident shop price >"$dir/incident"
check "a report is submitted" "$sickbay" incident submit --service "$dir/services/shop.json" --state "$state" "$dir/incident"
check "the worker repairs within them" confined "$sickbay" worker --drain --state "$state"
check "the case has ended" prints "1 observed" "$sickbay" status --state "$state"
done_testing
