#!/bin/sh
# The providers' official clients through sickbay-front and sickbay-broker to the scripted model: they see what they would
# see of the provider, and the placeholder that they send for a key goes no further than the front.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
. tests/sh/lib.sh
. tests/sdk/sdk.lib.sh
fetch_sdk
work=$(mktemp -d "$top/build/front.XXXXXX") || exit 1
sickbay=${SICKBAY:-$top/build/sickbay}
. tests/agents/lib.sh
. tests/front/relay.lib.sh
trap 'stop_relay; stop_model; rm -rf "$work"' EXIT

model tests/models/scenarios/sdk.json "$work/log"
for protocol in $protocols; do
	relay "$protocol" "http://127.0.0.1:$port"
	"$node20" "$sdk/ask.js" "$protocol" "http://127.0.0.1:$relay_port" a-placeholder scripted-1 "$packages/node_modules" 2>&1
done >"$work/said"
verdicts "$work/said" 20
# shellcheck disable=SC2016 # a shell of its own
check "each request that the model saw had the key" sh -c '! grep "\"method\"" "$1" | grep -v "$2"' sh "$work/log" \
	"sha256:$(printf '%s' "$key" | sha256sum | cut -c1-64)"
done_testing
