#!/bin/sh
# The official clients against the scripted model itself: what every other test of models is tried with speaks the real
# protocols.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
. tests/sh/lib.sh
. tests/sdk/sdk.lib.sh
fetch_sdk
work=$(mktemp -d "$top/build/sdk.XXXXXX") || exit 1
trap '[ -z "${model_pid-}" ] || kill "$model_pid"; rm -rf "$work"' EXIT

: >"$work/port"
node tests/models/server.js --scenario tests/models/scenarios/sdk.json --log "$work/log" --key sesame >"$work/port" &
model_pid=$!
tries=0
until grep -q listening "$work/port" || [ "$tries" -ge 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
port=$(sed -n 's/^listening //p' "$work/port")
for protocol in $protocols; do
	"$node20" "$sdk/ask.js" "$protocol" "http://127.0.0.1:$port" sesame scripted-1 "$packages/node_modules" 2>&1
done >"$work/said"
verdicts "$work/said" 20
done_testing
