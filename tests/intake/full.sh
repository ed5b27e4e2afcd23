#!/bin/sh
# A disk that becomes full under the intake: reports are refused, with a time to come again; once there is room they are taken,
# and none that was answered is lost.  Needs root.
set -u
. "$(dirname "$0")/../sh/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-full.XXXXXX")
. "$(dirname "$0")/lib.sh"
trap 'stop_intake; umount "$dir/disk" 2>/dev/null; rm -rf "$dir"' EXIT
mkdir "$dir/disk"
mount -t tmpfs -o size=16m tmpfs "$dir/disk" || { echo "1..0 # SKIP no tmpfs can be mounted"; exit 0; }
state=$dir/disk/state
toy shop
sed -i 's|"in_app"|"paths": [{ "production": "/srv/", "repository": "" }], "in_app"|' "$dir"/services/*.json
new_token shop
cat >"$dir/config.json" <<END
{ "version": 1, "services": "$dir/services", "intake": { "listen": ["127.0.0.1:0"],
    "sources": [{ "name": "shop", "token_sha256": "$digest", "service": "shop" }] } }
END
report() { # report FUNCTION: the status
	printf '{"platform":"node","exception":{"values":[{"type":"E","value":"m","stacktrace":{"frames":[{"filename":"/srv/a.js","function":"%s","lineno":1}]}}]},"extra":"%0100000d"}' "$1" 0 >"$dir/body"
	curl -s -D "$dir/head" -o "$dir/answer" -w '%{http_code}' -X POST "http://127.0.0.1:$port/api/1/store/" -H "Authorization: Bearer $token" --data-binary @"$dir/body"
}
fill() { head -c 20000000 /dev/zero >"$dir/disk/full" 2>/dev/null; true; }
start_intake
check "it starts" [ -n "$port" ]
check "a report is taken" [ "$(report before)" = 200 ]
check "and taken in" digested
fill
check "on a full disk it is refused" [ "$(report during)" = 503 ]
check "with the reason" grep -q "reports cannot be kept just now" "$dir/answer"
check "and a time to come again" grep -qi '^retry-after: 10' "$dir/head"
check "so is the next" [ "$(report during)" = 503 ]
check "the intake says why" grep -q "reports are refused: write the journal: No space left on device" "$dir/intake.err"
check "and still serves" kill -0 "$intake"

# room for the report, none for what becomes of it
rm "$dir/disk/full"
fill
truncate -s -160K "$dir/disk/full"
taken=$(report kept)
check "what still fits is taken" [ "$taken" = 200 ]
sleep 1
rm "$dir/disk/full"
check "with room again reports are taken" [ "$(report after)" = 200 ]
check "and taken in" digested
for f in before kept after; do check "the report of '$f' is in the spool, once" [ "$(grep -rlF "\"function\": \"$f\"" "$state/spool/new" | wc -l)" = 1 ]; done
check "what was refused is not" sh -c "! grep -rqF '\"function\": \"during\"' '$state/spool/new'"
check "it is the same intake all the time" kill -0 "$intake"
fill
check "told to end on a full disk" kill "$intake"
wait "$intake"; got=$?; intake=
check "it ends as told" [ "$got" = 0 ]
done_testing
