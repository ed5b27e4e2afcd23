#!/bin/sh
# Turns through sickbay-broker to the scripted model and back, by every protocol.  Needs root and node.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/broker/lib.sh
# a scenario that counts its turns is played once for each protocol
for protocol in anthropic-messages openai-chat openai-responses google-generate; do
	serve "$protocol" tests/models/server.js --scenario tests/models/scenarios/turns.js --log "$dir/log" --key "$secret" || exit 1
	node tests/models/turns.js "$programs/broker-drive" "$port" "$dir/key" "$dir" "$protocol"
done >"$dir/said" 2>&1
while read -r verdict text; do check "$text" test "$verdict" = ok; done <"$dir/said"
check "all of them ran" test "$(wc -l <"$dir/said")" -eq 40
done_testing
