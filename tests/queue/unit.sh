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
	sed "s|@BINDIR@|$dir/bin|" "$top/docs/systemd/sickbay-intake.service" >"$dir/sickbay-intake.service"
	intake_verified() { out=$(systemd-analyze verify --man=no "$dir/sickbay-intake.service" 2>&1); echo "$out"; [ -z "$out" ]; }
	check "nor with the intake's" intake_verified
	score=$(systemd-analyze security --offline=true --no-pager "$dir/sickbay-intake.service" | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
	check "and its exposure is documented" grep -qF "exposure of **$score**" "$top/docs/systemd/README.md"
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
printf '{ "version": 1, "services": "%s", "intake": { "listen": ["127.0.0.1:0"], "sources": [{ "name": "shop", "token_sha256": "%s", "service": "shop" }] } }' \
	"$dir/services" "$(printf token | sha256sum | cut -c1-64)" >"$dir/config.json"
bounds=$(bounds_of "$top/docs/systemd/sickbay-intake.service")
setpriv --bounding-set="$bounds" --no-new-privs "$sickbay" intake serve --config "$dir/config.json" --state "$state" >"$dir/intake" 2>&1 &
intake=$!
for _ in $(seq 100); do grep -q listening "$dir/intake" && break; sleep 0.1; done
check "reports are taken in within the intake's unit" sh -c "curl -sf -H 'Authorization: Bearer token' -d @'$dir/incident' \
	\"http://127.0.0.1:\$(sed -n 's/^listening 127.0.0.1://p' '$dir/intake')/v1/incidents\""
for _ in $(seq 100); do [ "$(find "$state/spool/new" -name '*.json' | wc -l)" = 0 ] || break; sleep 0.1; done
check "and looked at" [ "$(find "$state/spool/new" -name '*.json' | wc -l)" = 1 ]
kill "$intake"; wait "$intake"
check "it ends when it is told to" [ "$?" = 0 ]
kill "$serves"; wait "$serves"; status=$? serves=
check "the log ends when it is told to" [ "$status" = 0 ]
check "and holds" "$sickbay" audit verify --state "$state"
done_testing
