#!/bin/sh
# Reports a second, each durable before it is answered, beside a server that only answers: in the same run, by the same 64
# clients.  Prints; asserts nothing.  Called by bench.sh; REPORTS=N (20000).  The goal: 2000 a second, p99 below 50 ms.
set -eu
programs=${1:?usage: intake.sh DIRECTORY_OF_PROGRAMS}
sickbay=$programs/sickbay
export SICKBAY="$sickbay"
. "$(dirname "$0")/../sh/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/sickbay-bench.XXXXXX")
. "$(dirname "$0")/../intake/lib.sh"
state=$dir/state floor=
trap 'stop_intake; [ -z "$floor" ] || kill "$floor" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
blast=$programs/tests/intake/blast
field() { sed "s/.*\"$1\":\([0-9.]*\).*/\1/" "$dir/blast"; }
a_second() { awk -v n="$(field acked)" -v s="$(field seconds)" 'BEGIN { print int(n / s) }'; }
peak() { awk '/^VmHWM/ { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }
row() { # row NAME PID
	printf '%-52s %8d %8.2f %8.2f %8s %7s\n' "$1" "$(a_second)" "$(field p50_ms)" "$(field p99_ms)" "$(peak "$2")" "${3:-}"
}
reports=${REPORTS:-20000}
toy shop
sed -i 's|"in_app"|"paths": [{ "production": "/srv/", "repository": "" }], "in_app"|' "$dir/services/shop.json"
new_token shop
cat >"$dir/config.json" <<END
{ "version": 1, "services": "$dir/services", "storm": { "fingerprints": 1000 },
  "intake": { "listen": ["127.0.0.1:0"], "rate": 1000000, "burst": 1000000,
    "sources": [{ "name": "shop", "token_sha256": "$digest", "service": "shop" }] } }
END
mkfifo "$dir/hold"
"$programs/bench-answer" <"$dir/hold" >"$dir/port" &
floor=$!
exec 9>"$dir/hold"
until [ -s "$dir/port" ]; do sleep 0.1; done
start_intake
child=$(for p in $(cat "/proc/$intake/task/$intake/children"); do [ "$(cat "/proc/$p/comm")" != sickbay-intake ] || echo "$p"; done)
printf '%-52s %8s %8s %8s %8s %7s\n' "reports of 1.4 kB by 64 clients" "/s" "p50 ms" "p99 ms" "peak MiB" "/floor"
"$blast" "$(cat "$dir/port")" "$token" 64 "$reports" >"$dir/blast"
bare=$(a_second)
row "floor: libmicrohttpd answers, keeps nothing" "$floor"
"$blast" "$port" "$token" 64 "$reports" >"$dir/blast"
row "intake: as many as there are, each durable" "$child" "$(awk -v a="$(a_second)" -v b="$bare" 'BEGIN { printf "%.2f", a / b }')"
begin=$(date +%s%N)
digested
printf '%-52s %8s\n' "  until all of them were taken in, behind the last, s" "$(awk -v n=$(($(date +%s%N) - begin)) 'BEGIN { printf "%.1f", n / 1e9 }')"
"$blast" "$port" "$token" 64 8000 2000 >"$dir/blast"
row "intake: 2000 a second, each durable" "$child"
wait_bytes=$("$sickbay" status --config "$dir/config.json" --state "$state" --json | sed -n 's/.*"backlog_bytes": \([0-9]*\).*/\1/p')
printf '%-52s %8s\n' "  and not taken in when the last was answered, kB" "$((wait_bytes / 1000))"
exec 9>&-
