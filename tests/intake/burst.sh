#!/bin/sh
# A burst, and kills in the middle of one: what was answered is in the journal, and is counted in the spool.  Needs root.
# What it costs is printed by make bench.
set -u
. "$(dirname "$0")/../sh/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-burst.XXXXXX")
. "$(dirname "$0")/lib.sh"
trap 'stop_intake; rm -rf "$dir"' EXIT
state=$dir/state
blast=${BLAST:-build/tests/intake/blast}
field() { sed "s/.*\"$1\":\([0-9.]*\).*/\1/" "$dir/blast"; }
toy shop
sed -i 's|"in_app"|"paths": [{ "production": "/srv/", "repository": "" }], "in_app"|' "$dir/services/shop.json"
new_token shop
cat >"$dir/config.json" <<END
{ "version": 1, "services": "$dir/services", "storm": { "fingerprints": 1000 },
  "intake": { "listen": ["127.0.0.1:0"], "rate": 1000000, "burst": 1000000,
    "sources": [{ "name": "shop", "token_sha256": "$digest", "service": "shop" }] } }
END
start_intake

"$blast" "$port" "$token" 64 "${REPORTS:-100000}" >"$dir/blast"
check "every report of a burst is answered" [ "$(field acked)" = "${REPORTS:-100000}" ]
check "the journal is taken in" digested
check "and each is counted" [ "$(counted)" = "${REPORTS:-100000}" ]
peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat "/proc/$intake/task/$intake/children" | tr ' ' '\n' | head -n 1)/status")
check "sickbay-intake stayed below 128 MiB" [ "${peak:-999999}" -lt 131072 ]

# kill -9: of the program that accepts, of the one that takes in
total=$(counted)
for victim in child parent; do
	"$blast" "$port" "$token" 64 40000 >"$dir/blast" &
	load=$!
	sleep 1
	[ "$victim" = parent ] && kill -9 "$intake" || kill -9 "$(tr ' ' '\n' <"/proc/$intake/task/$intake/children" | while read -r p; do [ "$(cat "/proc/$p/comm" 2>/dev/null)" = sickbay-intake ] && echo "$p"; done)"
	wait "$load"
	wait "$intake" 2>/dev/null
	check "a kill of the $victim ends both" empty running
	start_intake
	check "the intake starts again after a kill of the $victim" [ -n "$port" ]
	check "the journal of the killed $victim is taken in" digested
	acked=$(field acked) lost=$(field lost) now=$(counted)
	# what was answered is there; of what was not, at most what was under way
	check "none of the $acked that were answered is lost" [ "$now" -ge $((total + acked)) ]
	check "and none is there that was not sent" [ "$now" -le $((total + acked + lost)) ]
	total=$now
done
stop_intake
check "nothing is left running" empty running
done_testing
