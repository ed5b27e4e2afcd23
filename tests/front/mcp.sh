#!/bin/sh
# The Model Context Protocol's official client against sickbay-front, over HTTP and over the bridge that runs in the replica.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
. tests/sh/lib.sh
. tests/sdk/sdk.lib.sh
sdk=$top/tests/front packages=$top/build/mcp # not the providers' clients
fetch_sdk
work=$(mktemp -d "$top/build/front.XXXXXX") || exit 1
. tests/front/relay.lib.sh
trap 'stop_relay; rm -rf "$work"' EXIT
printf nobody-asks >"$work/key"

relay openai-chat http://127.0.0.1:9 # each serves one agent, which submits once
"$node20" tests/front/mcp.js http "http://127.0.0.1:$relay_port/mcp" "$packages/node_modules" >"$work/said" 2>&1
relay openai-chat http://127.0.0.1:9
"$node20" tests/front/mcp.js stdio "$programs/sickbay-agent" "http://127.0.0.1:$relay_port/mcp" "$packages/node_modules" >>"$work/said" 2>&1
verdicts "$work/said" 16
done_testing
