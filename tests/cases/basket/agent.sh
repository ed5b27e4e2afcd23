#!/bin/sh
# What runs beside an agent is what its policy names, and nothing else.
set -u
cd "$(dirname "$0")/../../.." || exit 1
. tests/sh/lib.sh
case=basket format=node report=report.ndjson
. tests/cases/heal.lib.sh
packages redis.json
"$sickbay" incident convert --from node --service "$at/service.json" --deploy "$at/deploy.json" "$at/report.ndjson" >"$work/incident.json"
# an agent that changes nothing before it has seen the data
cat >"$work/agent.js" <<'END'
const fs = require('fs'), net = require('net');
const socket = net.connect(6379, 'redis', () => socket.write('EXISTS article:discontinued\r\n'));
socket.on('error', (error) => { console.error('no data: ' + error.code); process.exit(5); });
socket.on('data', (data) => {
	if (String(data) !== ':0\r\n') { process.exit(6); }
	const file = 'lib/basket.js', text = fs.readFileSync(file, 'utf8');
	fs.writeFileSync(file, text.replace('for (const one of found) {', 'for (const one of found.filter(Boolean)) {'));
	process.exit(0);
});
END
"$python" - "$at/service.json" "$work/agent.js" <<'END'
import re, sys
text = open(sys.argv[1]).read()
agent = '"patch": { "kind": "command", "command": ["node", "-e", %s] }' % __import__("json").dumps(open(sys.argv[2]).read())
text = re.sub(r'"patch": \{ "evaluations": 40 \}', lambda _: agent, text)
open(sys.argv[1], "w").write(text.replace('"patch": "preset:patch"', '"patch": "patch.json"'))
END
policy() { # policy REST: what else the patch agent's policy says
	printf '{ "version": 1, "name": "patch", "extends": ["preset:patch"]%s }\n' "$1" >"$at/patch.json"
}
heal() { # heal DIR: its case there
	"$sickbay" heal "$work/incident.json" --service "$at/service.json" --state "$state" >"$work/out" 2>&1
	for record in "$state"/cases/*; do mv "$record" "$work/$1"; done
}
policy ''
check "the service is ready" "$sickbay" service check "$at/service.json" --state "$state"
heal without
same "where the policy names none, the agent has none" no-fix "$(json "$work/without/7-outcome.json" 'j["outcome"]')"
check "nobody answers to the name" grep -rqF 'no data: ECONNREFUSED' "$work/without"
policy ', "network": { "backing": ["redis"] }'
heal with
same "where it names it, the agent reads the seeded data" proposed "$(json "$work/with/7-outcome.json" 'j["outcome"]')"
[ "$bad" = 0 ] || sed 's/^/# /' "$work/out"
done_testing
